"""The files of the project that an execution read: recorded while it ran, kept with its outputs.

An execution can be repeated from its record as long as each of these files is what it was. The
names are relative to the project, so that a record means the same on another machine.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from clikit.files import sha

from press.config import Project
from press.execute import imports

MISSING = "missing"
CHANGED = "changed while the page ran"
NOT_READ = ("_build", "node_modules", "__pycache__")


def roots(project: Project) -> list[str]:
    """The project, and what links below book/ lead to."""
    folders = [str(project.root)]
    for base, names, files in os.walk(project.book):
        folders += [
            os.path.realpath(os.path.join(base, name))
            for name in (*names, *files)
            if os.path.islink(os.path.join(base, name))
        ]
    return folders


def collect(project: Project, log: Path, sources: list[str]) -> dict[str, str]:
    """What `recorder` wrote, as digests by name; a folder that was listed ends with a slash.

    Files that the cells name count as read, since a compiled library may open them unrecorded.
    """
    rows = (
        [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.is_file() else []
    )
    digests: dict[str, str] = {}
    written: set[str] = set()
    commands: list[str] = []
    for kind, path, size, time_ns in rows:
        if kind == "x":
            commands.append(path)
            continue
        name = _name(project, path)
        if name is None or name in written:
            continue
        if kind == "w":  # from here on it is the page's own product
            written.add(name)
            if digests.get(name) == MISSING:
                del digests[name]
        elif name in digests:
            continue
        elif kind == "l":
            digests[name + "/"] = _digest(project, name + "/")
        else:
            digests[name] = _digest_then(project, name, size, time_ns)
    for name, digest in named(project, sorted(imports.file_names(sources))).items():
        if name not in written:
            digests.setdefault(name, digest)
    scripts = [name for name in digests if name.endswith(".py")]
    for path in _closure(project, imports.cell_names([f"!{line}" for line in commands])):
        digests.setdefault(path, _digest(project, path))
    for path in _closure(project, _script_imports(project, scripts)):
        digests.setdefault(path, _digest(project, path))
    return dict(sorted(digests.items()))


def unchanged(project: Project, digests: dict[str, str]) -> bool:
    """Whether every file that an execution read is still what it was."""
    return all(_digest(project, name) == digest for name, digest in digests.items())


def named(project: Project, names: list[str]) -> dict[str, str]:
    """Those of `names` that are files of the project, seen from book/, with their digests."""
    digests: dict[str, str] = {}
    for name in names:
        path = _below(project, project.book, name)
        if path is not None:
            digests[project.rel(path)] = _digest(project, project.rel(path))
    return digests


def _script_imports(project: Project, names: list[str]) -> set[str]:
    """What the scripts among the files that were read import."""
    imported: set[str] = set()
    for name in names:
        path = _below(project, project.root, name)
        if path is not None:
            imported.update(imports.of(path.read_text(encoding="utf-8", errors="replace"), ""))
    return imported


def _below(project: Project, folder: Path, name: str) -> Path | None:
    """The file `name` of the project, or None when there is none."""
    try:
        path = Path(os.path.normpath(folder / name))
        return path if path.is_relative_to(project.root) and path.is_file() else None
    except (OSError, ValueError):  # a name that no file can have
        return None


def _closure(project: Project, imported: set[str]) -> list[str]:
    return [project.rel(path) for path in imports.files(imported, project.code, project.packages)]


def _name(project: Project, path: str) -> str | None:
    """`path` relative to the project; compiled modules stand for their source.

    None: not a file of the book.
    """
    if not path.startswith(str(project.root) + os.sep):
        path = _linked(project, path)
    name = os.path.relpath(path, project.root)
    parts = name.split(os.sep)
    if any(part.startswith(".") or part in NOT_READ for part in parts):
        return None
    return name


def _linked(project: Project, path: str) -> str:
    """The name under which a link below book/ leads to `path`."""
    for base, names, files in os.walk(project.book):
        for name in (*names, *files):
            link = os.path.join(base, name)
            target = os.path.realpath(link)
            if os.path.islink(link) and (path == target or path.startswith(target + os.sep)):
                return link + path.removeprefix(target)
    return path


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
    same = (about.st_size, about.st_mtime_ns) == (size, time_ns)
    return _digest(project, name) if same else CHANGED


def _digest(project: Project, name: str) -> str:
    path = project.root / name
    try:
        if name.endswith("/"):
            entries = [
                entry for entry in os.listdir(path) if not entry.startswith((".", "__pycache__"))
            ]
            return sha(sorted(entries))
        return sha(path.read_bytes()) if not path.is_dir() else "folder"
    except OSError:
        return MISSING
