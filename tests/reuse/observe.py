"""Watches what a test opens, lists and starts, so that a scope that says too little is noticed.

Python reports each opened file to its audit hooks. What a helper of the tests opens or starts
counts for every test that uses the helper, because a helper may do it once for many tests.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.reuse.sources import SKIPPED, Scope, Tree

READS = frozenset({"open", "os.listdir", "os.scandir"})
STARTS = frozenset({"subprocess.Popen", "os.posix_spawn", "os.fork", "os.system", "tests.command"})
OWN = "tests/reuse/"


class Observer:
    """What was read and started: by the test that runs, and by the modules that asked for it."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.prefix = f"{tree.root}{os.sep}"
        self.module_reads: dict[str, set[str]] = {}
        self.undeclared: set[str] = set()
        self.reads: set[str] = set()
        self.started = False
        self.marked = False
        self.own = ""
        self.busy = False

    def install(self) -> None:
        sys.addaudithook(self._audit)

    def begin(self, name: str, marked: bool) -> None:
        """A test of the file `name` begins; `marked` says that it declares what it depends on."""
        self.own = name
        self.reads = set()
        self.started = False
        self.marked = marked

    def kept_within(self, name: str, scope: Scope) -> bool:
        """Whether the test in the file `name` read and started only what its scope declares."""
        if (
            self.marked
        ):  # it declares what a browser or a process of it reads, which is not seen here
            return True
        modules = self.tree.closure(name)
        if self.started or modules & self.undeclared:
            return False
        reads = self.reads.union(*(self.module_reads.get(module, ()) for module in modules))
        return all(path in scope.files or _covers(path, scope.patterns) for path in reads)

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if self.busy or not (event in READS or event in STARTS):
            return
        self.busy = True
        try:
            if event in STARTS:
                self._note_start()
            elif args and not _imports() and (path := self._project_path(args[0])):
                self._note_read(path)
        finally:
            self.busy = False

    def _note_start(self) -> None:
        if self.marked:
            return
        modules = [name for name in self._callers() if name.startswith("tests/")]
        if not modules:
            self.started = True
        elif not any(self.tree.module(name).declared for name in modules):
            self.undeclared.update(modules)

    def _note_read(self, path: str) -> None:
        self.reads.add(path)
        for name in self._callers():
            if name != self.own or self.tree.module(name).caches:
                self.module_reads.setdefault(name, set()).add(path)

    def _callers(self) -> Iterator[str]:
        """Files of the project on the stack, the press aside: it reads whatever it is given."""
        frame = sys._getframe(3)
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith(self.prefix):
                name = file[len(self.prefix) :].replace(os.sep, "/")
                if not name.startswith(("code/press/", ".venv/", OWN)):
                    yield name
            frame = frame.f_back

    def _project_path(self, path: object) -> str | None:
        """The path from the root, or nothing for what is not a source of the project."""
        if not isinstance(path, (str, bytes, os.PathLike)):
            return None
        full = os.path.abspath(os.fsdecode(path))
        if not full.startswith(self.prefix):
            return None
        name = Path(full[len(self.prefix) :]).as_posix()
        if name.endswith(".pyc"):
            name = name.replace("__pycache__/", "").split(".cpython-")[0] + ".py"
        ignored = name.split("/")[0] in SKIPPED and not name.startswith("_build/html")
        return None if ignored or name.startswith(OWN) else name


def _imports() -> bool:
    """Whether the import system is reading: imports are found in the text of the modules."""
    return sys._getframe(2).f_code.co_filename.startswith("<frozen importlib")


def _covers(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether a listed folder or a new file lies where a declared pattern looks."""
    return any(
        pattern.startswith(f"{path}/")
        or path == pattern.removesuffix("/**")
        or (pattern.endswith("/**") and path.startswith(pattern.removesuffix("**")))
        for pattern in patterns
    )
