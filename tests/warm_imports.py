"""Imported once by the process that warm commands and kernels are forked from; see tests/warm.py.

WARM_IMPORTS names what to import. Garbage collection stays off meanwhile, so that the forked
processes share the memory of all modules.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys

SEARCH_PATH = [entry for entry in sys.path if entry]


def import_all(names: list[str]) -> None:
    """Import what is there; what is missing is reported by the command that needs it."""
    gc.disable()
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        for name in names:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    gc.freeze()
    gc.enable()


import_all(os.environ.get("WARM_IMPORTS", "").split())
