"""What is remembered between builds: one store, whose keys hold everything a value depends on.

A value is found again only under the same name, the same key, the same press, the same configuration and
the same installed packages. Nothing else in the press keeps a file of its own between two builds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from press.config import Project
from press.files import read_json, sha, write_atomic, write_json


def press_digest() -> str:
    """Digest of every file of the press, its theme included, and of the package it shares with the projects."""
    code = Path(__file__).parent.parent
    files = [
        path
        for package in ("clikit", "press")
        for path in sorted((code / package).rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    ]
    return sha([[path.relative_to(code).as_posix(), sha(path.read_bytes())] for path in files])


def versions_digest() -> str:
    """Digest of the interpreter and of every installed distribution, by the names of their metadata folders."""
    installed = {
        path.name
        for entry in sys.path
        if Path(entry).is_dir()
        for path in Path(entry).glob("*.dist-info")
    }
    return sha([sys.version, sorted(installed)])


class Store:
    """Values by name and key under `folder`; damaged files count as missing."""

    def __init__(self, folder: Path, base: str) -> None:
        self.folder = folder
        self.base = base
        self.used: set[Path] = set()

    @classmethod
    def of(cls, project: Project) -> Store:
        """The store of a project: its keys hold the press, the configuration and the versions."""
        configuration = [
            sha(path.read_bytes()) if path.is_file() else ""
            for path in (
                project.root / "_config.yml",
                project.root / "pyproject.toml",
                project.book / "press.yml",
            )
        ]
        base = sha([press_digest(), configuration, versions_digest()])
        return cls(project.work / "store", base)

    def get(self, name: str, key: Any, make: Callable[[], Any]) -> Any:
        """The JSON value of `name` under `key`; `make` computes it when it is not there."""
        path = self._path(name, key, ".json")
        value = read_json(path)
        if value is None:
            value = [make()]
            write_json(path, value)
        return value[0]

    def file(self, name: str, key: Any, suffix: str, make: Callable[[], bytes]) -> Path:
        """A file with the bytes of `make`, made once for each `key`; its digest is checked when it is found."""
        path = self._path(name, key, suffix)
        digest = self._path(name, key, suffix + ".json")
        known = read_json(digest)
        if not path.is_file() or known != sha(path.read_bytes()):
            data = make()
            write_atomic(path, data)
            write_json(digest, sha(data))
        return path

    def prune(self) -> None:
        """Remove what was not asked for since this store was opened; call it after a whole build only."""
        for path in self.folder.rglob("*"):
            if path.is_file() and path not in self.used:
                path.unlink()

    def _path(self, name: str, key: Any, suffix: str) -> Path:
        path = self.folder / name / (sha([self.base, name, key])[:40] + suffix)
        self.used.add(path)
        return path
