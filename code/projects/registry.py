"""Which projects there are, and the module of each: the only list."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from clikit.errors import Exit, UserError, nearest

NAMES = ("gpt", "chat", "lora", "cnn", "diffusion")


def load(name: str) -> ModuleType:
    """The module of a project; a wrong name is answered with the nearest right one."""
    if name == "agent":
        raise UserError(
            "the agent is not trained",
            'ask it: python -m projects ask "What is 23*19+7?"',
            Exit.USAGE,
        )
    if name not in NAMES:
        raise UserError(
            f"there is no project {name!r}{nearest(name, NAMES)}",
            f"choose one of: {', '.join(NAMES)}",
            Exit.USAGE,
        )
    return import_module(f"projects.{name}")
