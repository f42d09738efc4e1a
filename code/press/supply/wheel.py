"""The wheel that a reader's notebook installs: the book's library, as pyproject.toml describes it.

Two builds of one tree give the same bytes: the files are copied to a folder of their own, with one
mode, and packed under a fixed date.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from clikit.errors import Exit, UserError
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from press.config import EPOCH, Project
from press.execute import imports
from press.source.chapter import Chapter
from press.store import Store, file_digest

PACK = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
COPIED = ("pyproject.toml", "setup.py", "README.md", "LICENSE")


@dataclass(frozen=True)
class Library:
    """What pyproject.toml says of the installable library."""

    name: str
    version: str
    packages: tuple[str, ...]
    extras: Mapping[str, frozenset[str]]  # canonical names of distributions

    @property
    def file(self) -> str:
        """The name of the wheel."""
        return f"{self.name.replace('-', '_')}-{self.version}-py3-none-any.whl"


def library(project: Project) -> Library | None:
    """The library of this project, or None when pyproject.toml describes none."""
    path = project.root / "pyproject.toml"
    if not path.is_file():
        return None
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    if "build-system" not in data or "name" not in data.get("project", {}):
        return None
    about = data["project"]
    find = data.get("tool", {}).get("setuptools", {}).get("packages", {}).get("find", {})
    packages = tuple(pattern.rstrip("*") for pattern in find.get("include", []))
    extras: dict[str, frozenset[str]] = {
        extra: frozenset(canonicalize_name(Requirement(line).name) for line in lines)
        for extra, lines in about.get("optional-dependencies", {}).items()
    }
    return Library(about["name"], about["version"], packages, extras)


def requirement(project: Project, about: Library, chapter: Chapter) -> str:
    """What a notebook of `chapter` installs: the library with the extras that its imports need."""
    providers = _modules(project, chapter)
    distributions = {name for names in providers.values() for name in names}
    needed = sorted(
        extra
        for extra, names in about.extras.items()
        if canonicalize_name(about.name) not in names and names & distributions
    )
    return f"{about.name}[{','.join(needed)}]" if needed else about.name


def modules(project: Project, about: Library, chapter: Chapter) -> list[str]:
    """Top-level modules that the page needs: the library's own and those of its extras."""
    own_name = canonicalize_name(about.name)
    optional = {name for names in about.extras.values() for name in names} - {own_name}
    providers = _modules(project, chapter)
    imported = imports.cell_names([cell.source for cell in chapter.cells])
    tops = {name.partition(".")[0] for name in imported}
    own = [package for package in about.packages if package in tops]
    return own + sorted(top for top, names in providers.items() if names & optional)


def build(project: Project, about: Library, store: Store) -> Path:
    """The wheel, built once for each state of the packages."""
    digests = [[project.rel(path), file_digest(path)] for path in _files(project, about)]
    return store.file("wheel", digests, ".whl", lambda: _pack(project, about))


def _files(project: Project, about: Library) -> list[Path]:
    paths = [project.root / name for name in COPIED if (project.root / name).is_file()]
    folders = [project.code / package for package in about.packages]
    folders.append(project.book / "_assets" / "results")
    packed = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return paths + [path for path in packed if "__pycache__" not in path.parts]


def _pack(project: Project, about: Library) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        stage = Path(name) / "stage"
        wheels = Path(name) / "wheels"
        wheels.mkdir()
        for path in _files(project, about):
            copy = stage / path.relative_to(project.root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            copy.chmod(0o644)
        env = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH, "PYTHONPATH": ""}
        done = subprocess.run(
            [sys.executable, "-c", PACK, str(wheels)],
            cwd=stage,
            env=env,
            capture_output=True,
            text=True,
        )
        wheel = wheels / about.file
        if done.returncode or not wheel.is_file():
            raise UserError(
                f"the wheel {about.file} was not built: {done.stderr.strip()[-2000:]}",
                "correct pyproject.toml or the package it names, then build again",
                Exit.FINDINGS,
            )
        return wheel.read_bytes()


def _modules(project: Project, chapter: Chapter) -> dict[str, frozenset[str]]:
    """Top-level modules that a page imports, also through our modules, with their distributions."""
    roots = imports.cell_names([cell.source for cell in chapter.cells])
    names = set(roots)
    for path in imports.files(roots, project.code, project.packages):
        names |= imports.names(path.read_text(encoding="utf-8"))
    tops = {name.partition(".")[0] for name in names}
    return {
        top: frozenset(canonicalize_name(name) for name in providers().get(top, [])) for top in tops
    }


@cache
def providers() -> dict[str, list[str]]:
    """Names of distributions by the top-level module they install."""
    return dict(metadata.packages_distributions())
