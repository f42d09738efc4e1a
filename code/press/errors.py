"""What can go wrong, told to a person: where, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every command."""

    OK = 0
    FINDINGS = 1  # an output differs, an audit objects, a page does not render
    USAGE = 2  # the command line is wrong (click's own code)
    EXECUTION = 3  # a cell raised, hung, printed too much or lost its kernel
    ENVIRONMENT = 4  # no space, no lock, no such file, no such interpreter
    INTERRUPTED = 130  # Ctrl-C


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, with its place and its remedy."""

    path: str  # relative to the project root
    line: int  # 1-based; 0 when the whole file is meant
    rule: str  # a short stable name: "output", "numbers", "anatomy", ...
    what: str  # one sentence
    fix: str  # one sentence
    detail: str = ""  # a diff or a traceback, any number of lines
    chapter: str = ""
    cell: int | None = None  # 1-based, as counted on the page

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        cell = f" (chapter {self.chapter}, cell {self.cell})" if self.cell else ""
        text = f"{place}: [{self.rule}] {self.what}{cell}"
        if self.detail:
            text += "\n" + "\n".join("    " + row for row in self.detail.splitlines())
        return f"{text}\n    remedy: {self.fix}"

    def as_dict(self) -> dict:
        return asdict(self)


class PressError(Exception):
    """A fault that stops a command: `what` happened and the `fix`."""

    def __init__(self, what: str, fix: str, code: Exit = Exit.ENVIRONMENT) -> None:
        super().__init__(what)
        self.what, self.fix, self.code = what, fix, code

    def __str__(self) -> str:
        return f"{self.what}\n    remedy: {self.fix}"


def nearest(name: str, names: Iterable[str]) -> str:
    """`; did you mean 'laptop'?`, or the empty string when no name is near."""
    matches = get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean {matches[0]!r}?" if matches else ""
