"""One book executed by several machines: who runs which pages, and the records brought together.

A record is worth the same on every machine whose fingerprint of the page is the same: cells,
modules, files that were read, pins, interpreter and installed versions. All of that is checked
before one is taken over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from clikit.errors import Exit, UserError

from press.config import Project
from press.execute import reads, records, state, times

UNTIMED_S = 30  # of a page that was never accepted


@dataclass(frozen=True)
class Gathered:
    """What became of one page."""

    slug: str
    taken: bool  # or current before
    reason: str


def pages(project: Project, slugs: list[str], shard: str) -> list[str]:
    """The pages of shard "2/4".

    The longest first, each to the shard with the least to do so far.
    """
    match = re.fullmatch(r"(\d+)/(\d+)", shard)
    number, count = map(int, match.groups()) if match else (0, 0)
    if not 1 <= number <= count:
        what = f"--shard {shard!r} is not a part of a whole"
        raise UserError(what, "write, for example, 2/4", Exit.USAGE)
    limits_s = {**dict.fromkeys(slugs, UNTIMED_S), **times.load(project)}
    parts: list[list[str]] = [[] for _ in range(count)]
    for slug in sorted(slugs, key=lambda slug: (-limits_s[slug], slug)):
        min(parts, key=lambda part: sum(limits_s[slug] for slug in part)).append(slug)
    return [slug for slug in slugs if slug in parts[number - 1]]


def gather(project: Project, folders: list[Path]) -> list[Gathered]:
    """Take over the records of other machines that lie below `folders`; one row for each page."""
    for folder in folders:
        if not folder.is_dir():
            fix = "name folders that hold the _build/press/store/runs of other machines"
            raise UserError(f"{folder} is not a folder", fix, Exit.USAGE)
    current = state.look(project)
    return [_gather(current, slug, folders) for slug in current.slugs]


def _gather(current: state.State, slug: str, folders: list[Path]) -> Gathered:
    if slug in current.records:
        return Gathered(slug, True, "current")
    name = records.path(current.store, slug).name
    reason = "no record of it in these folders"
    for path in sorted(path for folder in folders for path in folder.rglob(name)):
        record = records.read(path)
        if record is None:
            reason = f"{path} is damaged"
        elif record.fault is not None:
            reason = f"it failed there: {record.fault.what}"
        elif record.fingerprint != current.now[slug]:
            reason = "it was executed with other cells, code, data or versions"
        elif not reads.unchanged(current.project, record.reads):
            reason = "a file that it read there is another here"
        else:
            records.keep(current.store, record)
            return Gathered(slug, True, "taken")
    return Gathered(slug, False, reason)
