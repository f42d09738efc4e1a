"""What is compared before a run is resumed, and what is said when a resumed run will differ.

Read with `book/capstones/runner.md`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clikit.errors import Exit, UserError

from projects.runner.checkpoints import reason
from projects.runner.settings import LENGTHS, Settings

PARTS = (
    "model",
    "optimizer",
    "scaler",
    "average",
    "task",
    "rng",
    "step",
    "best",
    "metrics",
    "seconds",
)


def check_parts(folder: Path, state: dict[str, Any]) -> None:
    """Refuse a checkpoint that lacks a part.

    Raises
    ------
    UserError
        With the names of the parts that are missing.
    """
    missing = [name for name in PARTS if name not in state]
    if missing:
        raise UserError(
            f"the checkpoint in {folder} has no {', '.join(missing)}",
            "delete it and resume from the one before it, or start the run again",
            Exit.USAGE,
        )


def compare_data(folder: Path, saved: dict[str, Any], current: dict[str, Any]) -> None:
    """Refuse to continue with other data than those that the checkpoint was trained on.

    Raises
    ------
    UserError
        With both values, when the task's state has changed.
    """
    for name, value in current.items():
        if name in saved and saved[name] != value:
            raise UserError(
                f"the {name} of the run in {folder} has changed: it was "
                f"{_short(saved[name])} and is now {_short(value)}",
                "restore the data that the run was started with, or start a new run",
                Exit.USAGE,
            )


def compare_settings(folder: Path, saved: dict[str, Any] | None, current: dict[str, Any]) -> None:
    """Refuse settings in run.json that are not those of the checkpoint; lengths may differ.

    Parameters
    ----------
    folder : Path of the run
    saved : settings in the checkpoint, None in one of an earlier edition
    current : settings in run.json

    Raises
    ------
    UserError
        With the setting and both values.
    """
    for name, value in (saved or {}).items():
        if name not in LENGTHS and name in current and current[name] != value:
            raise UserError(
                f"{name}={current[name]!r} in {folder / 'run.json'}, but the checkpoint was "
                f"trained with {name}={value!r}",
                f"write {value!r} into run.json, or start a new run",
                Exit.USAGE,
            )


def misfit(folder: Path, error: Exception) -> UserError:
    """The error of a checkpoint whose tensors do not fit the model of run.json."""
    return UserError(
        f"the checkpoint in {folder} does not fit the model of its run.json: {reason(error)}",
        "start the run again: these two files are not of one run",
        Exit.USAGE,
    )


def differences(
    step: int, saved_size: int, size: int, last: float, following: float, settings: Settings
) -> list[str]:
    """Sentences about what will not be as if the run had never stopped.

    Parameters
    ----------
    step : int, of the checkpoint
    saved_size, size : int, processes of the saved run and of this one
    last, following : float, the learning rate of the last step and of the next
    settings : Settings, of the resumed run

    Examples
    --------
    >>> differences(40, 1, 1, 3e-4, 1.5e-3, Settings(steps=80))
    ['the learning rate rises from 3.0e-04 to 1.5e-03: its cosine now ends at step 80']
    """
    warnings = []
    if saved_size != size:
        warnings.append(
            f"the run had {saved_size} process(es) and has {size} now: random numbers, "
            "such as dropout masks, will differ"
        )
    if settings.warmup_steps < step < settings.steps and following > 1.01 * last:
        warnings.append(
            f"the learning rate rises from {last:.1e} to {following:.1e}: "
            f"its cosine now ends at step {settings.steps}"
        )
    return warnings


ORIGIN = ("device", "precision", "processes", "versions", "commit")


def moves(sessions: list[dict[str, Any]]) -> bool:
    """Whether a run was computed in more than one place, precision, edition or number of processes.

    Examples
    --------
    >>> moves([{"precision": "fp32"}, {"precision": "bf16"}])
    True
    """
    return any(_changed(sessions[0], session) for session in sessions[1:])


def moved(sessions: list[dict[str, Any]], now: dict[str, Any]) -> list[str]:
    """Sentences about what is other than in the session before; the processes have their own.

    Examples
    --------
    >>> moved([{"precision": "fp32"}], {"precision": "bf16"})
    ['precision was fp32 and is bf16 now: the run will not be the same bit for bit']
    """
    last = sessions[-1] if sessions else now
    return [
        f"{name} was {last.get(name)} and is {now.get(name)} now: "
        "the run will not be the same bit for bit"
        for name in _changed(last, now)
        if name != "processes"
    ]


def _changed(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return [name for name in ORIGIN if one.get(name) != other.get(name)]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
