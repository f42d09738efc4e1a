"""Exit codes, and errors that say what is wrong and how to fix it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every command."""

    OK = 0
    FINDINGS = 1  # an output differs, an audit reports something, a page does not render
    USAGE = 2  # an unknown name, key, value or folder (click uses the same code)
    EXECUTION = 3  # a cell or a run failed
    ENVIRONMENT = 4  # disk, permissions, interpreter, device, missing package
    INTERRUPTED = 130  # Ctrl-C


EXIT_CODES = (
    "Exit codes: 0 success, 1 findings, 2 usage error, 3 execution failed, "
    "4 environment error (disk, permissions, interpreter), 130 interrupted."
)


class UserError(Exception):
    """An error that ends a command with one message.

    Attributes
    ----------
    what : str, what is wrong, with the offending value
    fix : str, what to do about it
    code : Exit, the exit code of the command

    Examples
    --------
    >>> print(UserError("there is no preset 'huge'", "choose one of: smoke, laptop", Exit.USAGE))
    there is no preset 'huge'
        fix: choose one of: smoke, laptop
    """

    def __init__(self, what: str, fix: str, code: Exit = Exit.ENVIRONMENT) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix
        self.code = code

    def __str__(self) -> str:
        return f"{self.what}\n    fix: {self.fix}"


def nearest(name: str, names: Iterable[str]) -> str:
    """`; did you mean 'laptop'?`, or the empty string when no name is near.

    Examples
    --------
    >>> nearest("lptop", ["smoke", "laptop"])
    "; did you mean 'laptop'?"
    >>> nearest("x", ["smoke", "laptop"])
    ''
    """
    matches = get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean {matches[0]!r}?" if matches else ""
