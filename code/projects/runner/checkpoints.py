"""Checkpoints: complete or absent, safe to load; the newest ones stay.

A file is torch's own zip of tensors and plain values, written beside its name and renamed. It is
read with `weights_only=True`, so a file from a stranger can hold wrong numbers, but runs nothing.
Read with `book/capstones/runner.md`.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from clikit.errors import Exit, UserError
from clikit.files import write_with

FORMAT = 1
DISK_FIX = (
    "free some space or correct the permissions, then resume; the last checkpoint is untouched"
)
NAME = re.compile(r"checkpoint-(\d{8})\.pt$")


def write(path: Path, fill: Callable[[Any], Any]) -> None:
    """Let `fill` write a file, complete or not at all; UserError when the disk is full."""
    write_with(path, fill, DISK_FIX)


def write_text(path: Path, text: str) -> None:
    """A complete text file, as UTF-8."""
    write(path, lambda handle: handle.write(text.encode()))


def save(folder: Path, step: int, state: dict[str, Any], keep: int) -> Path:
    """Write the checkpoint of a step, then drop all but it and the newest `keep - 1` others."""
    path = folder / f"checkpoint-{step:08d}.pt"
    write(path, lambda handle: torch.save({"format": FORMAT, "step": step, **state}, handle))
    _flush_names(folder)
    others = [other for other in list_newest_first(folder) if other != path]
    for old in others[keep - 1 :]:
        old.unlink(missing_ok=True)
    return path


def _flush_names(folder: Path) -> None:
    """The new name is on the disk before an older file goes; Windows has no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def save_best(folder: Path, step: int, state: dict[str, Any]) -> None:
    """Write the weights of the best evaluation so far."""
    write(
        folder / "best.pt",
        lambda handle: torch.save({"format": FORMAT, "step": step, **state}, handle),
    )


def list_newest_first(folder: Path) -> list[Path]:
    """Checkpoints of a run, newest first."""
    return sorted((p for p in folder.glob("checkpoint-*.pt") if NAME.search(p.name)), reverse=True)


def reason(error: Exception) -> str:
    """The first line of an exception's message, or its name when it has none.

    Examples
    --------
    >>> reason(EOFError())
    'EOFError'
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def load(path: Path, project: str) -> dict[str, Any]:
    """What `save` wrote.

    Raises
    ------
    UserError
        When the file is missing or damaged (every part's checksum is verified), is not a
        checkpoint, is of another format, or belongs to another project.
    """
    try:
        with zipfile.ZipFile(path) as parts:
            if bad := parts.testzip():
                raise zipfile.BadZipFile(f"the checksum of {bad} is wrong")
        state = torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251
    except FileNotFoundError:
        raise UserError(
            f"there is no checkpoint {path}",
            "name the folder of a run that has saved one",
            Exit.USAGE,
        ) from None
    except Exception as error:  # torch raises what it likes on bad bytes
        raise UserError(
            f"{path} is damaged or not a checkpoint: {reason(error)}",
            "delete it and resume: the run continues from the checkpoint before it"
            if NAME.search(path.name)
            else "train again: these weights are not saved anywhere else",
            Exit.EXECUTION,
        ) from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise UserError(
            f"{path} has checkpoint format "
            f"{state.get('format') if isinstance(state, dict) else None}, this runner reads "
            f"{FORMAT}",
            "train again, or use the edition of the book that wrote it",
            Exit.USAGE,
        )
    if state.get("project") != project:
        raise UserError(
            f"{path} is of project {state.get('project')!r}, not {project!r}",
            "name a run of the same project",
            Exit.USAGE,
        )
    return state


def load_newest(folder: Path, project: str, tell: Callable[[str], None]) -> dict[str, Any]:
    """The newest checkpoint that is whole; damaged ones are named and passed over.

    Raises
    ------
    UserError
        When the folder has no checkpoint, or none that can be read.
    """
    paths = list_newest_first(folder)
    if not paths:
        raise UserError(
            f"{folder} holds no checkpoint",
            "the run stopped before its first save: start it again in another folder",
            Exit.USAGE,
        )
    for path in paths:
        try:
            return load(path, project)
        except UserError as error:
            if error.code is Exit.USAGE:
                raise
            tell(f"{error.what}; going back to the one before")
    raise UserError(f"no checkpoint in {folder} can be read", "start the run again", Exit.EXECUTION)
