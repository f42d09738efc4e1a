"""Where the numbers of a page come from: the printed line, and what is known of it.

What is known comes from committed reports, so that every clone builds the same site. A report that
is missing, or that was made of another version of the page, says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from press.checks import origins
from press.checks.book import Page
from press.config import Project
from press.execute import changes
from press.execute.records import Record
from press.machines import statements
from press.site import reports
from press.source.chapter import Chapter


@dataclass(frozen=True)
class Provenance:
    """The numbers of one page and the history of its outputs."""

    page: Page
    known: str  # of the whole page, as a sentence or two; may be empty
    dates: dict[tuple[int, str], str]  # (cell, printed line) -> date of its last change

    @cached_property
    def numbers(self) -> list[origins.Number]:
        """The audited numbers of the page."""
        return origins.trace(self.page)

    @property
    def key(self) -> list[Any]:
        """What a page shows of the reports."""
        return [self.known, sorted([*place, day] for place, day in self.dates.items())]

    def note(self, line: origins.Printed) -> str:
        """Where a number on this line comes from, as a tip says it."""
        day = self.dates.get((line.cell, line.text))
        parts = [f"Printed by cell {line.cell} of this page.", self.known]
        if day:
            parts.append(f"Unchanged since {day}.")
        return " ".join(filter(None, parts))


def of(project: Project, pages: list[tuple[Chapter, Record]]) -> dict[str, Provenance]:
    """The provenance of each page with cells."""
    profiles = reports.read(project, "profiles")
    shifted = reports.read(project, "seeds").get("statements", [])
    moved = changes.load(project)
    return {
        chapter.slug: Provenance(
            Page(project, chapter, record),
            _known(project, chapter.slug, record, profiles, shifted),
            _dates(changes.expected(project, chapter.slug), changes.dates(moved, chapter.slug)),
        )
        for chapter, record in pages
        if chapter.cells
    }


def _known(
    project: Project,
    slug: str,
    record: Record,
    profiles: dict[str, Any],
    shifted: list[dict[str, Any]],
) -> str:
    parts = []
    if count := _configurations(project, slug, profiles):
        parts.append(f"The page was verified on {count} configurations.")
    if survival := _survival(project, slug, record, shifted):
        held, seeds_tried = survival
        parts.append(f"Its claims held in {held} of {seeds_tried} other seeds.")
    return " ".join(parts)


def _configurations(project: Project, slug: str, report: dict[str, Any]) -> int:
    """Profiles under which the page printed what is expected of it now."""
    expected = changes.version(project, slug)
    return sum(
        chapter["slug"] == slug
        and not chapter["cells"]
        and not chapter["fault"]
        and chapter.get("expected") == expected
        for profile in report.get("profiles", [])
        for chapter in profile["chapters"]
    )


def _survival(
    project: Project, slug: str, record: Record, rows: list[dict[str, Any]]
) -> tuple[int, int] | None:
    """In how many seeds the weakest claim of the page held; None unless all of them were tried."""
    tried = {(row["kind"], row["text"]): row for row in rows if row["slug"] == slug}
    current = statements.statements(project, slug, record.outputs)
    if not current or any((claim.kind, claim.text) not in tried for claim in current):
        return None
    results = [tried[claim.kind, claim.text] for claim in current]
    weakest = min(results, key=lambda row: row["held"] / row["of"])
    return weakest["held"], weakest["of"]


def _dates(lines: changes.Lines, known: changes.Dates) -> dict[tuple[int, str], str]:
    """The date of each printed text of a cell; the last one of a text that it printed twice."""
    result: dict[tuple[int, str], str] = {}
    for cell, row, text in lines:
        day = known.get((cell, row))
        if day:
            result[cell, text] = max(day, result.get((cell, text), ""))
    return result
