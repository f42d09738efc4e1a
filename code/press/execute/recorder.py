"""Run in the interpreter of a kernel: record which files of the project the page opens.

    python recorder.py LOG CODE ROOTS ARGUMENTS...

Imported or read, by a magic, a library or a child process: whatever Python opens passes its audit
hooks. Whether a file exists and how long it is, it tells without one, so the functions that tell it
are wrapped. ROOTS is a JSON list of folders; files elsewhere belong to the environment and are not
the book's. Each line of LOG is a JSON list: kind, path, size and time of the file. The kinds: "r"
read, "s" asked about, "l" a folder that was listed, "w" written, made or removed, "x" the words of
a command. This file imports nothing of the press, because the kernel's interpreter may be another.
"""

from __future__ import annotations

import glob
import json
import os
import re
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from importlib.util import source_from_cache
from typing import Any

COMMANDS = {"subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "pty.spawn"}
# what makes or removes a file -> which argument names it, and which the folder it is seen from
CHANGES = {
    "os.mkdir": (0, 2),
    "os.remove": (0, 1),
    "os.rmdir": (0, 1),
    "os.rename": (1, 3),
    "os.link": (1, 3),
    "os.symlink": (1, 2),
    "shutil.rmtree": (0, 1),
}
EVENTS = {"open", "os.listdir", "os.scandir", "import", "sqlite3.connect", *COMMANDS, *CHANGES}
ASKING = ("stat", "lstat", "access")
SUPPORTS = ("supports_dir_fd", "supports_effective_ids", "supports_fd", "supports_follow_symlinks")
STAT = os.stat
SHELLS = {"sh", "bash", "dash", "ksh", "zsh"}
LISTING = {"ls", "dir", "find", "tree", "du"}  # with no folder named, the one they are called in
DEEP = re.compile(r"(?:.*/)?(?:find|tree|du)|-[a-zA-Z]*[rR][a-zA-Z]*|--recursive")
NOT_READ = ("_build", "node_modules", "__pycache__")
LONGEST = 200  # characters of a word of a command that can be a file
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
            elif event in CHANGES:
                self._change(event, args)
            else:
                self._list(event, args[0], sys._getframe(1).f_code.co_filename)

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
            about = STAT(name)
            return self._write([kind, name, about.st_size, about.st_mtime_ns])
        self._write([kind, name, -1, 0])

    def _change(self, event: str, args: tuple[Any, ...]) -> None:
        name, folder = CHANGES[event]
        elsewhere = len(args) > folder and args[folder] not in (None, -1)
        if elsewhere or (event == "os.mkdir" and _mode(args[name])):
            return  # seen from an open folder; or it was there before
        self._note("w", args[name])

    def _list(self, event: str, folder: Any, caller: str) -> None:
        if caller == IMPORTER:
            return
        folder = "." if folder is None else folder
        self._note("l", folder)
        library = caller.startswith(("<frozen ", *self.environment))
        if event == "os.scandir" and not library and not isinstance(folder, int):
            for name in os.listdir(folder):  # an entry tells its size without another call
                self._note("s", os.path.join(folder, name))

    def _command(self, event: str, args: tuple[Any, ...]) -> None:
        given = args[1] if event in ("subprocess.Popen", "os.exec", "os.posix_spawn") else args[0]
        if event == "os.spawn":
            given = args[2]
        given = [given] if isinstance(given, (str, bytes)) else given
        texts = [os.fsdecode(text) for text in given]
        words = [word for text in texts for word in WORD.findall(text) if len(word) <= LONGEST]
        shell = event == "os.system" or os.path.basename(texts[0]) in SHELLS
        deep = any(DEEP.fullmatch(word) for word in words)
        folders = [os.fsdecode(args[2]) if event == "subprocess.Popen" and args[2] else "."]
        names_some = False
        for word in words:
            paths = [os.path.join(base, word) for base in folders]
            if shell and glob.has_magic(word):
                paths = [path for pattern in paths for path in glob.glob(pattern)]
            for path in paths:
                names_some = names_some or (self._is_ours(path) and bool(_mode(path)))
                if stat.S_ISDIR(_mode(path)):
                    folders.append(path)  # the words behind it can be seen from there: cd FOLDER
                    self._inside(path, deep)
                elif _mode(path) or "." in word or "/" in word:
                    self._note("r", path)
        if not names_some and any(os.path.basename(word) in LISTING for word in words):
            self._inside(folders[0], deep)
        self._write(["x", " ".join(texts), 0, 0])

    def _is_ours(self, path: str) -> bool:
        return os.path.join(os.path.abspath(path), "").startswith(self.roots)

    def _inside(self, folder: str, deep: bool) -> None:
        """A command can list this folder, and read all that lies in it."""
        if not self._is_ours(folder):
            return
        for base, names, files in os.walk(folder):
            self._note("l", base)
            names[:] = [n for n in names if deep and n not in NOT_READ and not n.startswith(".")]
            for name in files:
                self._note("r", os.path.join(base, name))

    def watch(self) -> None:
        """Note the files that are asked about, by whatever of Python asks."""
        for name in ASKING:
            ask = getattr(os, name)
            noting = self._noting(ask)
            setattr(os, name, noting)
            for functions in (getattr(os, supports) for supports in SUPPORTS):
                if ask in functions:
                    functions.add(noting)

    def _noting(self, ask: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(ask)
        def noting(path: Any, *args: Any, **options: Any) -> Any:
            if options.get("dir_fd") is None:
                with suppress(Exception):
                    self._note("s", path)
            return ask(path, *args, **options)

        return noting

    def _write(self, row: list[Any]) -> None:
        # opened each time: a child process may have closed every descriptor before it runs its
        # command
        with open(self.log, "a", encoding="utf-8") as handle:
            handle.write(json.dumps(row) + "\n")


def _mode(path: Any) -> int:
    """The kind of a file as a number, zero where there is none."""
    with suppress(OSError, ValueError):
        return STAT(path).st_mode
    return 0


def launch(log: str, code: str, roots: str, *arguments: str) -> None:
    """Become the kernel of `python -m ipykernel_launcher ARGUMENTS`, recorded.

    `code` is where modules are found: PYTHONPATH cannot name a folder with a colon.
    """
    sys.argv[:] = ["ipykernel_launcher.py", *arguments]
    from ipykernel import kernelapp

    if code not in sys.path:
        sys.path.insert(0, code)
    recorder = Recorder(log, json.loads(roots))
    recorder.watch()
    sys.addaudithook(recorder)
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
