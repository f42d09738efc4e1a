"""What is remembered between builds: one store, whose keys hold all that a value depends on.

A value is returned only for the same name, key, press, configuration and installed packages.
Nothing else in the press keeps a file of its own between two builds. What is damaged counts as
missing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clikit.files import read_json, sha, write_atomic, write_json

from press.config import Project

PACKAGES = ("clikit", "press")


def press_digest() -> str:
    """Digest of every file of the press, theme included, and of what it shares with others."""
    code = Path(__file__).parent.parent
    files = [
        path
        for package in PACKAGES
        for path in sorted((code / package).rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    ]
    return sha([[path.relative_to(code).as_posix(), sha(path.read_bytes())] for path in files])


def versions_digest() -> str:
    """Digest of the interpreter and of the names of all installed metadata folders.

    A name holds a version; the order of the folders on the path decides which of two is taken.
    """
    installed = [
        sorted(path.name for path in Path(entry).glob("*.dist-info"))
        for entry in sys.path
        if Path(entry).is_dir()
    ]
    return sha([sys.version, [names for names in installed if names]])


def configuration_digest(project: Project) -> str:
    """Digest of the settings of the press, of Jupyter Book and of the book."""
    settings = {name: value for name, value in vars(project).items() if name != "root"}
    files = (project.root / "_config.yml", project.book / "press.yml")
    return sha([settings, [file_digest(path) for path in files]])


def file_digest(path: Path) -> str:
    """Digest of the bytes of a file; `missing` when there is none."""
    return sha(path.read_bytes()) if path.is_file() else "missing"


class Store:
    """Values by name and key under `folder`. `base` is part of every key."""

    def __init__(self, folder: Path, base: str) -> None:
        self.folder = folder
        self.base = base
        self.used: set[Path] = set()

    @classmethod
    def of(cls, project: Project) -> Store:
        """The store of a project: its keys hold the press, the configuration and the versions."""
        base = sha([press_digest(), configuration_digest(project), versions_digest()])
        return cls(project.work / "store", base)

    def with_base(self, base: str) -> Store:
        """The same store for values that depend on something else than the whole press."""
        other = Store(self.folder, base)
        other.used = self.used
        return other

    def get(self, name: str, key: Any, make: Callable[[], Any]) -> Any:
        """The JSON value of `name` for `key`; `make` computes it when it is not there."""
        path = self.path(name, key)
        value = read_json(path)
        if value is None:
            value = [make()]
            write_json(path, value)
        return value[0]

    def load(self, name: str, key: Any) -> Any | None:
        """The JSON value of `name` for `key`, or None."""
        value = read_json(self.path(name, key))
        return None if value is None else value[0]

    def save(self, name: str, key: Any, value: Any) -> None:
        """Set the JSON value of `name` for `key`."""
        write_json(self.path(name, key), [value])

    def file(self, name: str, key: Any, suffix: str, make: Callable[[], bytes]) -> Path:
        """A file with the bytes of `make`, created once for each `key`; its digest is checked."""
        path = self.path(name, key, suffix)
        digest = self.path(name, key, suffix + ".json")
        if not path.is_file() or read_json(digest) != sha(path.read_bytes()):
            data = make()
            write_atomic(path, data)
            write_json(digest, sha(data))
        return path

    def prune(self) -> None:
        """Remove what was not asked for since this store was opened; only after a whole build."""
        for path in self.folder.rglob("*"):
            if path.is_file() and path not in self.used:
                path.unlink()

    def path(self, name: str, key: Any, suffix: str = ".json") -> Path:
        """Where the value of `name` for `key` is."""
        path = self.folder / name / (sha([self.base, name, key])[:40] + suffix)
        self.used.add(path)
        return path
