"""What a folder consists of, so that a later build can see that it is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clikit.files import sha

Manifest = dict[str, list[Any]]


def read(folder: Path) -> Manifest:
    """Size, time in nanoseconds and digest of every file below `folder` by its name."""
    return {
        name: [path.stat().st_size, path.stat().st_mtime_ns, sha(path.read_bytes())]
        for name, path in _files(folder).items()
    }


def is_intact(folder: Path, files: Manifest) -> bool:
    """True when the folder has these files and no others; one with another time is read again."""
    present = _files(folder)
    if present.keys() != files.keys():
        return False
    for name, (size, mtime, digest) in files.items():
        stat = present[name].stat()
        if stat.st_size != size:
            return False
        if stat.st_mtime_ns != mtime and sha(present[name].read_bytes()) != digest:
            return False
    return True


def _files(folder: Path) -> dict[str, Path]:
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
