"""What can go wrong, told to a person: what happened and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    USAGE = 2  # a wrong name, key, value or folder
    RUN = 3  # the run itself failed: not a number, no memory
    ENVIRONMENT = 4  # no space, no device, a package that is missing
    INTERRUPTED = 130  # Ctrl-C; what was done is saved


class RunnerError(Exception):
    """A fault that stops a command: `what` happened and the `remedy`."""

    def __init__(self, what: str, remedy: str, code: Exit = Exit.RUN) -> None:
        super().__init__(what)
        self.what, self.remedy, self.code = what, remedy, code

    def __str__(self) -> str:
        return f"{self.what}\n    remedy: {self.remedy}"


def nearest(name: str, names: Iterable[str]) -> str:
    """`; did you mean 'laptop'?`, or nothing when no name is near."""
    found = get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean {found[0]!r}?" if found else ""
