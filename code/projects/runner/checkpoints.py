"""Checkpoints: whole or not there, safe to load, and the last ones kept.

A file is torch's own zip of tensors and plain values, written beside its name and renamed. It is read with
`weights_only=True`, so a file from a stranger can hold wrong numbers, but runs nothing.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from projects.runner.errors import Exit, RunnerError

FORMAT = 1
NAME = re.compile(r"checkpoint-(\d{8})\.pt$")


def whole(path: Path, write: Callable[[Any], None]) -> None:
    """Let `write` fill a file beside `path`, flush it to the disk, and rename it: never a part under the name."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "wb") as handle:
            write(handle)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(part, path)
    except (OSError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "PytorchStreamWriter" not in str(error):
            raise
        raise RunnerError(
            f"cannot write {path}: {error}",
            "free some space or correct the permissions, then resume; the last checkpoint is untouched",
            Exit.ENVIRONMENT,
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """A whole text file."""
    whole(path, lambda handle: handle.write(text.encode()))


def save(folder: Path, step: int, state: dict[str, Any], keep: int) -> Path:
    """Write the checkpoint of a step, then drop all but the newest `keep`."""
    path = folder / f"checkpoint-{step:08d}.pt"
    whole(path, lambda handle: torch.save({"format": FORMAT, "step": step, **state}, handle))
    for old in found(folder)[keep:]:
        old.unlink(missing_ok=True)
    return path


def save_best(folder: Path, step: int, state: dict[str, Any]) -> None:
    """Write the weights of the best evaluation so far."""
    whole(
        folder / "best.pt",
        lambda handle: torch.save({"format": FORMAT, "step": step, **state}, handle),
    )


def found(folder: Path) -> list[Path]:
    """Checkpoints of a run, newest first."""
    return sorted((p for p in folder.glob("checkpoint-*.pt") if NAME.search(p.name)), reverse=True)


def load(path: Path, project: str) -> dict[str, Any]:
    """What `save` wrote.

    Raises
    ------
    RunnerError
        When the file is missing or damaged (every part's checksum is verified), is not a checkpoint, is of
        another format, or belongs to another project.
    """
    try:
        with zipfile.ZipFile(path) as parts:
            if bad := parts.testzip():
                raise zipfile.BadZipFile(f"the checksum of {bad} is wrong")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise RunnerError(
            f"there is no checkpoint {path}",
            "name the folder of a run that has saved one",
            Exit.USAGE,
        ) from None
    except Exception as error:  # torch raises what it likes on bad bytes
        raise RunnerError(
            f"{path} is damaged or not a checkpoint: {str(error).splitlines()[0]}",
            "delete it and resume: the run goes on from the checkpoint before it",
        ) from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise RunnerError(
            f"{path} has checkpoint format {state.get('format') if isinstance(state, dict) else None}, this runner reads {FORMAT}",
            "train again, or use the edition of the book that wrote it",
            Exit.USAGE,
        )
    if state.get("project") != project:
        raise RunnerError(
            f"{path} is of project {state.get('project')!r}, not {project!r}",
            "name a run of the same project",
            Exit.USAGE,
        )
    return state


def newest(folder: Path, project: str, tell: Callable[[str], None]) -> dict[str, Any]:
    """The newest checkpoint that is whole; damaged ones are named and passed over.

    Raises
    ------
    RunnerError
        When the folder has no checkpoint, or none that can be read.
    """
    paths = found(folder)
    if not paths:
        raise RunnerError(
            f"{folder} holds no checkpoint",
            "the run stopped before its first save: start it again",
            Exit.USAGE,
        )
    for path in paths:
        try:
            return load(path, project)
        except RunnerError as error:
            if error.code is Exit.USAGE:
                raise
            tell(f"{error.what}; going back to the one before")
    raise RunnerError(f"no checkpoint in {folder} can be read", "start the run again")
