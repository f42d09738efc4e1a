"""Run in the interpreter of a kernel: record which files of the project the page opens.

    python recorder.py LOG CODE ROOTS ARGUMENTS...

Imported or read, by a magic, a library or a child process: whatever Python opens passes its audit
hooks. ROOTS is a JSON list of folders; files elsewhere belong to the environment and are not the
book's. Each line of LOG is a JSON list: kind, path, size and time of the file (kind "x": the words
of a command). This file imports nothing of the press, because the kernel's interpreter may be
another.
"""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import suppress
from importlib.util import source_from_cache
from typing import Any

COMMANDS = {"subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "pty.spawn"}
EVENTS = {"open", "os.listdir", "os.scandir", "import", "sqlite3.connect", *COMMANDS}
WORD = re.compile(r"[^\s\"'`=;|<>(){}\[\],]+")
IMPORTER = "<frozen importlib._bootstrap_external>"  # it lists folders to find modules in them


class Recorder:
    """An audit hook that appends to `log` what is opened below `roots`."""

    def __init__(self, log: str, roots: list[str]) -> None:
        self.log = log
        self.roots = tuple(root.rstrip(os.sep) + os.sep for root in roots)
        prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix}
        self.environment = tuple(prefix + os.sep for prefix in prefixes)
        self.recorded: set[tuple[str, str]] = set()

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if event not in EVENTS:
            return
        with suppress(Exception):  # what cannot be written down must not stop the page
            if event == "open":
                self._open(*args)
            elif event == "import":
                self._note("r", args[1])
            elif event == "sqlite3.connect":
                self._note("r", None if str(args[0]).startswith(":") else args[0])
            elif event in COMMANDS:
                self._command(event, args)
            elif sys._getframe(1).f_code.co_filename != IMPORTER:
                self._note("l", args[0] if args[0] is not None else ".")

    def _open(self, path: Any, mode: str | None, flags: int) -> None:
        writes = flags & (os.O_WRONLY | os.O_TRUNC) if isinstance(flags, int) else False
        self._note("w" if writes else "r", path)

    def _note(self, kind: str, path: Any) -> None:
        if path is None or isinstance(path, int):  # a descriptor was opened before
            return
        name = os.path.abspath(os.fsdecode(path))
        if "__pycache__" in name:
            if kind == "w":
                return
            name = source_from_cache(name)
        known = (kind, name)
        if known in self.recorded or not name.startswith(self.roots):
            return
        if name.startswith(self.environment) or name == self.log:
            return
        self.recorded.add(known)
        with suppress(OSError):
            about = os.stat(name)
            return self._write([kind, name, about.st_size, about.st_mtime_ns])
        self._write([kind, name, -1, 0])

    def _command(self, event: str, args: tuple[Any, ...]) -> None:
        given = args[1] if event in ("subprocess.Popen", "os.exec", "os.posix_spawn") else args[0]
        if event == "os.spawn":
            given = args[2]
        given = [given] if isinstance(given, (str, bytes)) else given
        words = [word for text in given for word in WORD.findall(os.fsdecode(text))]
        folder = args[2] if event == "subprocess.Popen" and args[2] else "."
        for word in words:
            if os.path.isfile(os.path.join(os.fsdecode(folder), word)):
                self._note("r", os.path.join(os.fsdecode(folder), word))
        self._write(["x", " ".join(os.fsdecode(text) for text in given), 0, 0])

    def _write(self, row: list[Any]) -> None:
        # opened each time: a child process may have closed every descriptor before it runs its
        # command
        with open(self.log, "a", encoding="utf-8") as handle:
            handle.write(json.dumps(row) + "\n")


def launch(log: str, code: str, roots: str, *arguments: str) -> None:
    """Become the kernel of `python -m ipykernel_launcher ARGUMENTS`, recorded.

    `code` is where modules are found: PYTHONPATH cannot name a folder with a colon.
    """
    sys.argv[:] = ["ipykernel_launcher.py", *arguments]
    from ipykernel import kernelapp

    if code not in sys.path:
        sys.path.insert(0, code)
    sys.addaudithook(Recorder(log, json.loads(roots)))
    try:
        kernelapp.launch_new_instance()
    except Exception:
        if os.path.isdir(os.path.dirname(log)):
            raise
        # an interrupted build took the folder of its sockets away while this kernel was starting
        raise SystemExit(1) from None


if __name__ == "__main__":
    del sys.path[0]  # the folder of this file, where a kernel has none
    launch(*sys.argv[1:])
