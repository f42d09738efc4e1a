"""Whether a chapter must run again: a digest of all that its outputs depend on.

The cells, every module of `code/` they import (transitively) and the texts and tables that lie in
those packages, the limits and the environment of an execution, the variables of the surroundings
that the cells name, the modules of the press that
execute, the pins, the interpreter and the versions that are really installed. What else an
execution read is in its record, see `reads`. Not the expectation: an edited one is compared with
the recorded run.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path

from clikit.files import sha

from press.config import Project, kernel_env
from press.execute import imports
from press.source import settings
from press.source.chapter import read
from press.store import PACKAGES, Store, file_digest, versions_digest

DATA_SUFFIXES = (".txt", ".csv", ".json", ".yml", ".npz")
EXECUTING = {"press.execute.kernels", "press.execute.records"}  # execute a page, keep its outputs
SCRIPT = re.compile(r"""["'](\w+\.py)["']""")


def execution_digest(store: Store) -> str:
    """Digest of the modules of the press that an execution runs, through every import.

    A script that one of them starts in another interpreter is named there, beside it.
    """
    code = Path(__file__).parents[2]
    modules = imports.files(EXECUTING, code, PACKAGES, remembered_imports(store))
    for path in list(modules):
        scripts = SCRIPT.findall(path.read_text(encoding="utf-8"))
        modules.update(path.with_name(name) for name in scripts if path.with_name(name).is_file())
    return sha({str(path.relative_to(code)): file_digest(path) for path in modules})


def remembered_imports(store: Store) -> Callable[[str, str], list[str]]:
    """`imports.of` for the source and the package of a module, parsed once for each content."""

    @cache
    def parse(source: str, package: str) -> list[str]:
        return store.get("imports", (source, package), lambda: imports.of(source, package))

    return parse


class Fingerprints:
    """Computes fingerprints; what a page or a module imports is remembered by its content."""

    def __init__(self, project: Project, store: Store) -> None:
        self.project = project
        self.store = store
        self.imports = remembered_imports(store)
        self.surroundings = kernel_env(project)
        self.shared = sha(
            [
                file_digest(project.root / "requirements.txt"),
                versions_digest(),
                project.cell_timeout_s,
                project.output_limit_bytes,
                settings.load(project.book).kernel_env,
                execution_digest(store),
            ]
        )

    def page(self, slug: str) -> dict:
        """Digest of the cells, imported names and count of cells; raises PageError."""
        chapter = read(slug, self.project.page(slug), self.store)

        def parse() -> dict:
            sources = [cell.source for cell in chapter.cells]
            return {
                "cells": sha([[cell.source, cell.execution_tags] for cell in chapter.cells]),
                "imports": sorted(imports.cell_names(sources)),
                "variables": imports.variables(sources),
                "count": len(sources),
                "settings": chapter.settings,
            }

        return self.store.get("pages", [slug, chapter.text], parse)

    def of(self, slug: str) -> str:
        """The fingerprint of a chapter."""
        page = self.page(slug)
        project = self.project
        names = set(page["imports"])
        files = imports.files(names, project.code, project.packages, self.imports)
        for path in [path for path in files if path.name == "__init__.py"]:  # data of a package
            files.update(data for data in path.parent.iterdir() if data.suffix in DATA_SUFFIXES)
        digests = {project.rel(path): _digest(path, path.stat().st_mtime_ns) for path in files}
        values = {name: self.surroundings.get(name) for name in page["variables"]}
        return sha([page["cells"], page["settings"], values, digests, self.shared])


@lru_cache(maxsize=4096)
def _digest(path: Path, mtime_ns: int) -> str:
    return sha(path.read_bytes())
