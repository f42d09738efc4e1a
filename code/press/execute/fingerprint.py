"""Whether a chapter must run again: a digest of all that its outputs depend on.

The cells, the expectation, every module of `code/` they import (transitively) and the texts and tables that lie
in those packages, every file under `book/` they name, the pins, the interpreter and the versions that are really installed.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from functools import lru_cache
from pathlib import Path

from press.config import Project
from press.execute import imports
from press.files import read_json, sha, write_json
from press.source.chapter import read

DATA_SUFFIXES = (".txt", ".csv", ".json", ".yml", ".npz")
DATA_FILE = re.compile(r"""["'](_assets/[^"'\s]+)["']""")


def environment(project: Project) -> str:
    """Digest of the pins, the interpreter and the installed versions."""
    pins = project.root / "requirements.txt"
    site = Path(sysconfig.get_paths()["purelib"])
    installed = sorted(
        p.name for p in site.glob("*.dist-info") if not p.name.startswith(project.packages)
    )
    return sha([pins.read_text() if pins.is_file() else "", sys.version, installed])


class Fingerprints:
    """Computes fingerprints; what a page or a module imports is remembered by its own digest."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.environment = environment(project)
        self._memo_path = project.work / "pages.json"
        self._memo: dict[str, dict] = read_json(self._memo_path) or {}
        self._used: dict[str, dict] = {}
        self._imports_path = project.work / "imports.json"
        self._imports: dict[str, list[str]] = read_json(self._imports_path) or {}
        self._imports_used: dict[str, list[str]] = {}

    def page(self, slug: str) -> dict:
        """Digest of the cells, imported names, data files and count of cells of a page."""
        path = self.project.page(slug)
        key = sha(slug + "\0" + path.read_text(encoding="utf-8"))
        entry = self._memo.get(key)
        if entry is None:
            chapter = read(slug, path, self.project.work / "parsed")
            sources = [cell.source for cell in chapter.cells]
            entry = {
                "cells": sha([[cell.source, cell.tags] for cell in chapter.cells]),
                "imports": sorted(imports.cell_names(sources)),
                "data": sorted({name for source in sources for name in DATA_FILE.findall(source)}),
                "count": len(sources),
            }
        self._used[key] = entry
        return entry

    def modules(self, slug: str) -> set[Path]:
        """The files of `code/` that the page runs."""
        return imports.files(
            set(self.page(slug)["imports"]),
            self.project.code,
            self.project.packages,
            self._imported,
        )

    @staticmethod
    def _with_data(modules: set[Path]) -> set[Path]:
        """The modules, and what lies beside the `__init__.py` of their packages to be read by them."""
        return modules | {
            data
            for path in modules
            if path.name == "__init__.py"
            for data in path.parent.iterdir()
            if data.suffix in DATA_SUFFIXES
        }

    def _imported(self, source: str, package: str) -> list[str]:
        key = sha(f"{package}\0{source}")
        if key not in self._imports_used:
            self._imports_used[key] = (
                self._imports[key] if key in self._imports else imports.of(source, package)
            )
        return self._imports_used[key]

    def of(self, slug: str) -> str:
        """The fingerprint of a chapter."""
        page = self.page(slug)
        modules = {
            self.project.rel(path): _digest(path, path.stat().st_mtime_ns)
            for path in sorted(self._with_data(self.modules(slug)))
        }
        data = {name: _maybe(self.project.book / name) for name in page["data"]}
        return sha(
            [page["cells"], modules, data, _maybe(self.project.expectation(slug)), self.environment]
        )

    def save(self) -> None:
        """Remember the pages that were looked at, and forget the others."""
        if self._used != self._memo:
            write_json(self._memo_path, self._used)
        if self._imports_used != self._imports:
            write_json(self._imports_path, self._imports_used)


@lru_cache(maxsize=4096)
def _digest(path: Path, mtime_ns: int) -> str:
    return sha(path.read_bytes())


def _maybe(path: Path) -> str:
    return sha(path.read_bytes()) if path.is_file() else "missing"
