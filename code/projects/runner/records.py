"""What a run leaves behind: settings, metrics by step, a curve, and a result card.

Read with `book/capstones/runner.md`.

run.json       project, preset, settings, precision: written first, read by `resume`
metrics.jsonl  one line per step or evaluation; no clock in it, so equal runs leave equal files
curve.csv/svg  the same as a table and a figure
card.json      settings, seed, device, versions, commit, time, throughput, metrics
"""

from __future__ import annotations

import csv
import io
import json
import os
import platform
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from clikit.errors import Exit, UserError, nearest

from projects.runner.checkpoints import write_text
from projects.runner.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[3] / "book"
INSTALLED = Path(__file__).resolve().parents[1]  # an installed library carries the cards itself
CARD = (  # what every card holds
    "project",
    "preset",
    "parameters",
    "steps",
    "device",
    "precision",
    "settings",
    "metrics",
    "wall_s",
    "units_per_s",
    "unit",
    "peak_memory_mb",
)
# compared between cards
ORIGIN = ("preset", "device", "precision", "compiled", "processes", "versions", "commit")
RESULTS = (CHECKOUT if CHECKOUT.is_dir() else INSTALLED) / "_assets" / "results"


class Metrics:
    """The lines of metrics.jsonl."""

    def __init__(
        self, folder: Path, start: int, log: Callable[[str], None] = lambda _: None
    ) -> None:
        """Open for a run that begins at step `start`: lines of later steps (written after the
        checkpoint) go.

        When lines of earlier steps cannot be read, `log` is told which, and the file is saved as
        metrics.damaged.jsonl.
        """
        self.path = folder / "metrics.jsonl"
        lines = [line for line in read_lines(self.path) if line["step"] <= start] if start else []
        last = lines[-1]["step"] if lines else 0
        if last < start:
            log(f"{self.path} is missing or damaged: no metrics of the steps {last + 1} to {start}")
            if self.path.exists():
                os.replace(self.path, self.path.with_name("metrics.damaged.jsonl"))
        write_text(self.path, "".join(json.dumps(line) + "\n" for line in lines))
        self.handle = open(self.path, "a", encoding="utf-8")

    def add(self, line: dict[str, Any]) -> None:
        self.handle.write(json.dumps(line) + "\n")

    def flush(self) -> None:
        """Write the lines to the disk, as a checkpoint is, so that neither survives alone."""
        self.handle.flush()
        os.fsync(self.handle.fileno())


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl up to the first that is damaged, as by a kill."""
    lines: list[dict[str, Any]] = []
    for text in path.read_bytes().splitlines() if path.exists() else []:
        try:
            line = json.loads(text)
        except ValueError:  # not JSON or not UTF-8
            break
        if not isinstance(line, dict) or not isinstance(line.get("step"), int):
            break
        lines.append(line)
    return lines


def evaluated(folder: Path, step: int, target: str) -> bool:
    """Whether metrics.jsonl holds an evaluation of a step."""
    lines = read_lines(folder / "metrics.jsonl")
    return any(line["step"] == step and target in line for line in lines)


def write_run(folder: Path, project: str, preset: str, settings: Settings, **more: Any) -> None:
    """run.json."""
    write_text(
        folder / "run.json",
        json.dumps(
            {"project": project, "preset": preset, **more, "settings": asdict(settings)}, indent=1
        )
        + "\n",
    )


def read_run(folder: Path) -> dict[str, Any]:
    """run.json of a folder.

    Raises
    ------
    UserError
        When the folder is not one of a run.
    """
    try:
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        if not {"project", "preset", "settings"} <= set(run):
            raise ValueError("keys are missing")
        if not (isinstance(run["project"], str) and isinstance(run["settings"], dict)):
            raise ValueError("project is not a name, or settings are not keys and values")
        return run
    except FileNotFoundError:
        raise UserError(
            f"{folder} is not the folder of a run: it has no run.json",
            "name a folder that `run` made, for example runs/gpt-laptop",
            Exit.USAGE,
        ) from None
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{folder / 'run.json'} is damaged: {error}",
            "start the run again in another folder",
            Exit.USAGE,
        ) from None


def read_result(folder: Path) -> dict[str, Any]:
    """card.json of a finished run.

    Raises
    ------
    UserError
        When the run has not finished or its card is damaged.
    """
    path = folder / "card.json"
    if not path.exists():
        read_run(folder)
        raise UserError(
            f"the run in {folder} has not finished and has no card",
            f"resume it: python -m projects resume {folder}",
            Exit.USAGE,
        )
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        missing = [name for name in CARD if name not in card]
        if missing:
            raise ValueError(f"it has no {', '.join(missing)}")
        numbers = [_number(value) for value in card["metrics"].values()]
        if not all(isinstance(value, (int, float)) for value in numbers):
            raise ValueError("a metric is not a number")
        _check_card(card)
        return card
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} is damaged: {error}",
            f"delete it and resume the run: python -m projects resume {folder}",
            Exit.USAGE,
        ) from None


def _check_card(card: dict[str, Any]) -> None:
    """ValueError for a part of a card that is not of its type."""
    if not (isinstance(card["project"], str) and isinstance(card["settings"], dict)):
        raise ValueError("project is not a name, or settings are not keys and values")
    several = "seeds" in card
    for name in ("parameters", "peak_memory_mb", *(() if several else ("wall_s", "units_per_s"))):
        if not isinstance(card[name], (int, float)):
            raise ValueError(f"{name}={card[name]!r} is not a number")


def _number(value: Any) -> Any:
    return value["mean"] if isinstance(value, dict) else value


def versions() -> dict[str, str]:
    """Of Python and of what computes."""
    versions = {"python": platform.python_version()}
    for name in ("torch", "numpy"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            pass
    return versions


@cache
def commit() -> str | None:
    """The commit of this checkout, with a plus when files differ; None outside a repository.

    It is read once: what a process imported does not change when the files do.
    """
    folder = Path(__file__).resolve().parents[2]  # code/: all that a run imports
    try:
        name = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=10,
        )
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--", "."],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if name.returncode != 0:
        return None
    return name.stdout.strip() + ("+" if changed.stdout.strip() else "")


def write_curve(folder: Path, title: str) -> None:
    """curve.csv and curve.svg from metrics.jsonl."""
    lines = read_lines(folder / "metrics.jsonl")
    names = list(dict.fromkeys(key for line in lines for key in line))
    table = io.StringIO()
    writer = csv.DictWriter(table, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    write_text(folder / "curve.csv", table.getvalue())

    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.4), layout="constrained")
    axes = figure.subplots()
    for name, style in (
        ("loss", {"lw": 0.8, "alpha": 0.6}),
        ("val_loss", {"marker": "o", "ms": 3}),
    ):
        points = [(line["step"], line[name]) for line in lines if name in line]
        if points:
            axes.plot(*zip(*points, strict=True), label=name, **style)
    axes.set(xlabel="step", ylabel="loss", title=title)
    if axes.lines:
        axes.legend()
    picture = io.BytesIO()
    figure.savefig(picture, format="svg", metadata={"Date": None})
    write_text(folder / "curve.svg", picture.getvalue().decode())


def curve(folder: Path, name: str) -> list[list[float]]:
    """[step, value] of a metric at each evaluation, to four digits."""
    return [
        [line["step"], round(line[name], 4)]
        for line in read_lines(folder / "metrics.jsonl")
        if name in line
    ]


def summary(cards: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One card from those of several seeds: the values, mean and deviation of each metric."""
    first = dict(cards[0])
    first.pop("seed")
    first["settings"] = {k: v for k, v in first["settings"].items() if k != "seed"}
    metrics = {}
    for name in first["metrics"]:
        values = [card["metrics"][name] for card in cards]
        metrics[name] = {
            "mean": mean(values),
            "sd": stdev(values) if len(values) > 1 else 0.0,
            "values": values,
        }
    spread = {key: [card[key] for card in cards] for key in ("wall_s", "units_per_s", "curve")}
    return {**first, "seeds": [card["seed"] for card in cards], "metrics": metrics, **spread}


def comparison(cards: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Several cards of one project as one: what they share, and of each run its name, sizes,
    metrics, and what differs (settings, device, precision, versions, commit).

    Raises
    ------
    UserError
        When the cards are of different projects: their metrics have nothing to do with each other.
    """
    projects = sorted({card["project"] for card in cards.values()})
    if len(projects) != 1:
        raise UserError(
            f"the cards are of {len(projects)} projects: {', '.join(projects)}",
            "compare runs of one project",
            Exit.USAGE,
        )
    every = list(cards.values())
    same = {
        k: v
        for k, v in every[0]["settings"].items()
        if all(card["settings"].get(k) == v for card in every)
    }
    common = [k for k in ORIGIN if all(card.get(k) == every[0].get(k) for card in every)]
    runs = []
    for name, card in cards.items():
        differing = {k: card.get(k) for k in ORIGIN if k not in common}
        own = {k: v for k, v in card["settings"].items() if k not in same}
        sizes: dict[str, Any] = {
            k: card[k]
            for k in ("parameters", "trained", "seeds", "seed", "peak_memory_mb")
            if k in card
        }
        runs.append(
            {"name": name, **differing, **sizes, "settings": own, "metrics": card["metrics"]}
        )
    shared = {k: every[0].get(k) for k in common}
    return {"project": projects[0], **shared, "settings": same, "runs": runs}


def read_card(name: str) -> dict[str, Any]:
    """A committed result card, by its path in `book/`: `_assets/results/gpt-laptop.json`.

    Raises
    ------
    UserError
        When there is no such card, with the names of those there are.
    """
    path = RESULTS.parent.parent / name
    if not path.is_file():
        names = sorted(p.stem for p in RESULTS.glob("*.json"))
        raise UserError(
            f"there is no committed card {name!r}{nearest(Path(name).stem, names)}",
            f"cards lie under book/_assets/results: {', '.join(names)}",
            Exit.USAGE,
        )
    return json.loads(path.read_text(encoding="utf-8"))


def event_files(folder: Path) -> Any:
    """A writer of TensorBoard event files; UserError when tensorboard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UserError(
            "TensorBoard event files were asked for, but tensorboard is not installed",
            "pip install tensorboard, or leave --tensorboard out",
            Exit.ENVIRONMENT,
        ) from None
    return SummaryWriter(str(folder / "tensorboard"))
