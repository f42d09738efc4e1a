"""What the site consists of, so that a build with nothing to do can see that it is whole."""

from __future__ import annotations

from press.config import Project
from press.files import read_json, sha, write_json


def write(project: Project) -> dict[str, list]:
    """Note size, time and digest of every file of the site."""
    files = {
        path.relative_to(project.site).as_posix(): [
            path.stat().st_size,
            path.stat().st_mtime_ns,
            sha(path.read_bytes()),
        ]
        for path in sorted(project.site.rglob("*"))
        if path.is_file()
    }
    write_json(project.work / "manifest.json", files)
    return files


def holds(project: Project) -> bool:
    """True when the site on disk is the one that was noted; touched files are read again."""
    known = read_json(project.work / "manifest.json")
    if not known or not project.site.is_dir():
        return False
    there = {
        path.relative_to(project.site).as_posix(): path
        for path in project.site.rglob("*")
        if path.is_file()
    }
    if there.keys() != known.keys():
        return False
    for name, (size, mtime, digest) in known.items():
        stat = there[name].stat()
        if stat.st_size != size or (
            stat.st_mtime_ns != mtime and sha(there[name].read_bytes()) != digest
        ):
            return False
    return True
