"""Rewrite expectations from the last execution: markdown to notebook, never the other way."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from clikit.errors import Exit, UserError
from clikit.files import write_atomic

from press.config import Project
from press.execute import compare, expectations, reads, records, times
from press.execute.fingerprint import Fingerprints
from press.source import chapter as chapters
from press.store import Store


@dataclass(frozen=True)
class Moved:
    """What `accept` changed in one chapter."""

    slug: str
    new: bool
    cells: dict[int, str]  # cell number -> diff


def accept(project: Project, slugs: list[str]) -> list[Moved]:
    """Accept the last execution of each chapter; refuses all of them if one cannot be accepted."""
    store = Store.of(project)
    prints = Fingerprints(project, store)
    pages = [chapters.read(slug, project.page(slug), store) for slug in slugs]
    executed = [_record(project, store, prints, page) for page in pages]
    moved = [_rewrite(project, page, run) for page, run in zip(pages, executed, strict=True)]
    times.accept(project, {record.slug: record.seconds for record in executed})
    return moved


def _record(
    project: Project, store: Store, prints: Fingerprints, chapter: chapters.Chapter
) -> records.Record:
    """The last execution of a chapter, when it can be accepted."""
    slug = chapter.slug
    run_it = f"python -m press build --execute-only {slug}"
    if not chapter.cells:
        what = f"{slug} has no cells, so there is nothing to expect of it"
        raise UserError(what, "name a chapter with cells", Exit.USAGE)
    record = records.load(store, slug)
    if record is None or record.sources != [cell.source for cell in chapter.cells]:
        what = f"{slug} has not been executed since it changed"
        raise UserError(what, f"run it first: {run_it}", Exit.EXECUTION)
    if fault := record.fault:
        what = f"{slug}: the last execution failed in cell {fault.cell}: {fault.what}"
        fix = "fix the cell and build again; a failed run is never accepted"
        raise UserError(what, fix, Exit.EXECUTION)
    if record.fingerprint != prints.of(slug) or not reads.unchanged(project, record.reads):
        what = f"{slug}: code, data or installed versions changed since its last execution"
        raise UserError(what, f"run it again: {run_it}", Exit.EXECUTION)
    return record


def _rewrite(project: Project, chapter: chapters.Chapter, record: records.Record) -> Moved:
    path = project.expectation(chapter.slug)
    new = expectations.from_record(chapter, record)
    before: list[dict[str, Any]] = []
    with suppress(FileNotFoundError, ValueError):  # a damaged expectation is replaced whole
        before = expectations.load(path)["cells"]
    changed = {}
    nothing: dict[str, Any] = {"source": "", "outputs": []}
    cells = zip_longest(new["cells"], before[: len(new["cells"])], fillvalue=nothing)
    for number, (cell, old) in enumerate(cells, 1):
        equal = compare.same(cell["outputs"], old["outputs"])
        if not equal or cell["source"] != old["source"]:
            changed[number] = compare.diff(old["outputs"], cell["outputs"])
    text = expectations.dumps(new)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_atomic(path, text)
    return Moved(chapter.slug, not before, changed)
