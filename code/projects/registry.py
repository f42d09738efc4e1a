"""Which projects there are, and the module of each: the only list.

Read with `book/capstones/runner.md`.

A name that is not in the list is that of a module of the reader's own, see `runner/own.py`.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from clikit.errors import Exit, UserError

from projects.runner import own

NAMES = ("gpt", "chat", "lora", "cnn", "diffusion")


def load(name: str) -> ModuleType:
    """The module of a project, or one of the reader's own that is found as `python -m` finds it.

    Raises
    ------
    UserError
        For a name that is neither, with the nearest right one, and for a module that cannot be
        imported or lacks what a project needs.
    """
    if name == "agent":
        raise UserError(
            "the agent is not trained",
            'ask it: python -m projects ask "What is 23*19+7?"',
            Exit.USAGE,
        )
    if name in NAMES:
        return import_module(f"projects.{name}")
    return own.load(name, NAMES)
