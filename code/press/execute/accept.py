"""Rewrite expectations from the last execution: markdown to notebook, never the other way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clikit.errors import Exit, UserError

from press.config import Project
from press.execute import changes, compare, expectations, reads, records, times
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
    plans = []
    for slug in slugs:
        chapter = chapters.read(slug, project.page(slug), store)
        if not chapter.cells:
            raise UserError(
                f"{slug} has no cells, so there is nothing to expect of it",
                "name a chapter with cells",
                Exit.USAGE,
            )
        record = records.load(store, slug)
        if record is None or record.sources != [cell.source for cell in chapter.cells]:
            raise UserError(
                f"{slug} has not been executed since it changed",
                f"run it first: python -m press build --execute-only {slug}",
                Exit.EXECUTION,
            )
        if record.fault is not None:
            raise UserError(
                f"{slug}: the last execution failed in cell {record.fault.cell}: "
                f"{record.fault.what}",
                "fix the cell and build again; a failed run is never accepted",
                Exit.EXECUTION,
            )
        unchanged = reads.unchanged(project, record.reads)
        if not unchanged or record.fingerprint != prints.of(slug):
            raise UserError(
                f"{slug}: code, data or installed versions changed since its last execution",
                f"run it again: python -m press build --execute-only {slug}",
                Exit.EXECUTION,
            )
        plans.append((chapter, record))
    before = {chapter.slug: changes.expected(project, chapter.slug) for chapter, _ in plans}
    moved = [_rewrite(project, chapter, record) for chapter, record in plans]
    times.accept(project, {chapter.slug: record.seconds for chapter, record in plans})
    changes.accept(project, before)
    return moved


def _rewrite(project: Project, chapter: chapters.Chapter, record: records.Record) -> Moved:
    path = project.expectation(chapter.slug)
    new = expectations.from_record(chapter, record)
    old_cells: list[dict[str, Any]] = []
    if path.is_file():
        try:
            old_cells = expectations.load(path)["cells"]
        except ValueError:
            pass  # a damaged expectation is replaced whole
    changed = {}
    for i, cell in enumerate(new["cells"]):
        before: dict[str, Any] = (
            old_cells[i] if i < len(old_cells) else {"source": "", "outputs": []}
        )
        if before["source"] != cell["source"] or not compare.same(
            cell["outputs"], before["outputs"]
        ):
            changed[i + 1] = compare.diff(before["outputs"], cell["outputs"])
    text = expectations.dumps(new)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        expectations.write(path, new)
    return Moved(chapter.slug, not old_cells, changed)
