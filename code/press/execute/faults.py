"""Why an execution did not end well, told apart from the exceptions of nbclient."""

from __future__ import annotations

import re

from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from press.config import Project
from press.execute.output_limits import ERROR_LIMIT
from press.execute.run import Fault

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def flood(project: Project, cell: int) -> Fault:
    """A cell that printed too much."""
    what = f"the cell printed more than {project.output_limit_bytes:,} bytes and was stopped"
    fix = "print a summary; or raise output_limit_bytes under [tool.press] in pyproject.toml"
    return Fault("flood", cell, what, fix)


def unreadable(what: str, cell: int) -> Fault:
    """A cell whose output cannot be rendered or read."""
    return Fault("flood", cell, what, "print a summary, in lines that fit on the page")


def of(error: Exception, cell: int, timeout_s: int) -> Fault:
    """The fault behind an exception that ended the execution in `cell`; 0 is before the first."""
    if isinstance(error, CellTimeoutError):
        what = f"the cell did not end within {timeout_s} s and was stopped"
        setting = f"press: {{timeout_s: {2 * timeout_s}}}"
        fix = f"make the cell smaller; or give the page more time in its front matter: {setting}"
        return Fault("timeout", cell, what, fix)
    if isinstance(error, DeadKernelError):
        what = "the kernel died while the cell ran"
        fix = "look for os._exit, a crash in a compiled library or a lack of memory in this cell"
        return Fault("died", cell, what, fix)
    if isinstance(error, CellExecutionError):
        return _raised(error, cell)
    what = f"the kernel could not be used: {type(error).__name__}: {error}"
    command = "`python -m ipykernel_launcher --version`"
    fix = f"check that ipykernel is installed for this interpreter: {command}"
    return Fault("died" if cell else "start", cell, what, fix)


def _raised(error: CellExecutionError, cell: int) -> Fault:
    trace = ANSI.sub("", error.traceback[-200 * ERROR_LIMIT :]).strip().splitlines()
    message = ANSI.sub("", str(error.evalue)[:ERROR_LIMIT]).splitlines()
    what = f"the cell raised {error.ename}: {message[0] if message else ''}".rstrip(": ")
    detail = "\n".join(row[:ERROR_LIMIT] for row in trace[-25:])
    return Fault("raised", cell, what, "fix the cell, or the module of code/ that it calls", detail)
