"""The files of the project that an execution read: recorded while it ran, kept with its outputs.

An execution can be repeated from its record as long as each of these files is what it was. The
names are relative to the project, so that a record means the same on another machine.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePath

from clikit.files import sha

from press.config import Project
from press.execute import imports

MISSING = "missing"
CHANGED = "changed while the page ran"
NOT_READ = ("_build", "node_modules", "__pycache__")


def _links(project: Project) -> Iterator[tuple[str, str]]:
    """The links below book/ and where they lead."""
    for base, names, files in os.walk(project.book):
        for link in (os.path.join(base, name) for name in (*names, *files)):
            if os.path.islink(link):
                yield link, os.path.realpath(link)


def roots(project: Project) -> list[str]:
    """The project, and what links below book/ lead to."""
    return [str(project.root), *(target for _, target in _links(project))]


def collect(project: Project, log: Path, sources: list[str]) -> dict[str, str]:
    """What `recorder` wrote, as digests by name; a folder that was listed ends with a slash.

    Files that the cells name count as read, since a compiled library may open them unrecorded; and
    so does what scripts and commands import.
    """
    rows = log.read_text("utf-8").splitlines() if log.is_file() else []
    digests: dict[str, str] = {}
    asked: set[str] = set()  # whether they exist, how long they are
    written: set[str] = set()
    imported: set[str] = set()
    for kind, path, size, time_ns in map(json.loads, rows):
        if kind == "x":
            imported |= imports.cell_names([f"!{path}"])
            continue
        name = _name(project, path)
        if name is None or not written.isdisjoint(_upwards(name)):
            continue
        if kind == "w":  # from here on it is the page's own product, with all that lies in it
            written.add(name)
            asked_before = {other for other in asked if name in _upwards(other)}
            missing = {name} if digests.get(name) == MISSING else set()
            for other in asked_before | missing:
                del digests[other]
            asked -= asked_before
        elif kind == "l":
            if f"{name}/" not in digests:
                digests[f"{name}/"] = _digest(project, f"{name}/")
        elif name not in digests:
            digests[name] = _digest_then(project, name, size, time_ns)
            if kind == "s":
                asked.add(name)
        elif kind == "r":
            asked.discard(name)
    of_cells = named(project, sorted(imports.file_names(sources)))
    digests = {name: of_cells[name] for name in of_cells.keys() - written} | digests
    for path in (project.root / name for name in digests if name.endswith(".py")):
        if path.is_file():
            imported.update(imports.of(path.read_text(encoding="utf-8", errors="replace"), ""))
    for path in imports.files(imported, project.code, project.packages):
        digests.setdefault(project.rel(path), _digest(project, project.rel(path)))
    return dict(sorted(digests.items()))


def unchanged(project: Project, digests: dict[str, str]) -> bool:
    """Whether every file that an execution read is still what it was."""
    return all(_digest(project, name) == digest for name, digest in digests.items())


def named(project: Project, names: list[str]) -> dict[str, str]:
    """Those of `names` that are files of the project, seen from book/, with their digests."""
    digests: dict[str, str] = {}
    for name in names:
        try:
            path = Path(os.path.normpath(project.book / name))
            is_file = path.is_relative_to(project.root) and path.is_file()
        except (OSError, ValueError):  # a name that no file can have
            continue
        if is_file:
            digests[project.rel(path)] = _digest(project, project.rel(path))
    return digests


def _name(project: Project, path: str) -> str | None:
    """`path` relative to the project, through a link below book/ where it lies elsewhere.

    None: not a file of the book.
    """
    if not path.startswith(f"{project.root}{os.sep}"):
        for link, target in _links(project):
            if path == target or path.startswith(target + os.sep):
                path = link + path.removeprefix(target)
                break
    name = os.path.relpath(path, project.root)
    outside = any(part.startswith(".") or part in NOT_READ for part in name.split(os.sep))
    return None if outside else name


def _upwards(name: str) -> list[str]:
    """A name and the folders above it."""
    return [name, *(str(parent) for parent in PurePath(name).parents)]


def _digest_then(project: Project, name: str, size: int, time_ns: int) -> str:
    """The digest of the file as it was when it was opened.

    A file that changed since then cannot be trusted.
    """
    if size == -1:
        return MISSING
    try:
        about = (project.root / name).stat()
    except OSError:
        return CHANGED
    if stat.S_ISDIR(about.st_mode):  # its time changes with whatever is put into it
        return _digest(project, name)
    same = (about.st_size, about.st_mtime_ns) == (size, time_ns)
    return _digest(project, name) if same else CHANGED


def _digest(project: Project, name: str) -> str:
    path = project.root / name
    try:
        if name.endswith("/"):
            return sha(
                sorted(n for n in os.listdir(path) if not n.startswith((".", "__pycache__")))
            )
        return sha(path.read_bytes()) if not path.is_dir() else "folder"
    except OSError:
        return MISSING
