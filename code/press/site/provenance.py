"""Where the numbers of a page come from: the printed line, and what is known of it.

What is known comes from committed reports, so that every clone builds the same site. A report that
is missing says nothing. One that was made of another version of the page says nothing either, or
that the page changed since.
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
from press.site import reports, survivals
from press.site.survivals import Survivals
from press.source.chapter import Chapter


@dataclass(frozen=True)
class Provenance:
    """The numbers of one page and the history of its outputs."""

    page: Page
    known: str  # of the whole page, as a sentence; may be empty
    seeds: str  # in how many seeds the check lines of the page held, likewise
    checks: dict[tuple[int, str, str], str]  # the same of each, by cell, kind and text
    dates: dict[tuple[int, str], str]  # (cell, printed line) -> date of its last change

    @cached_property
    def numbers(self) -> list[origins.Number]:
        """The audited numbers of the page."""
        return origins.trace(self.page)

    @property
    def key(self) -> list[Any]:
        """What a page shows of the reports."""
        checks = sorted([*place, text] for place, text in self.checks.items())
        return [
            self.known,
            self.seeds,
            checks,
            sorted([*place, day] for place, day in self.dates.items()),
        ]

    def note(self, line: origins.Printed) -> str:
        """Where a number on this line comes from, as a tip says it."""
        day = self.dates.get((line.cell, line.text))
        check = statements.of_line(self.page.project, line.text)
        # a line without a check may print another number under another seed
        seeds = self.checks.get((line.cell, *check), self.seeds) if check else ""
        parts = [f"Printed by cell {line.cell}.", self.known, seeds]
        if day:
            parts.append(f"Unchanged since {day}.")
        return " ".join(filter(None, parts))


def of(
    project: Project, pages: list[tuple[Chapter, Record]], shifted: Survivals
) -> dict[str, Provenance]:
    """The provenance of each page with cells."""
    profiles = reports.read(project, "profiles")
    moved = changes.load(project)
    return {
        chapter.slug: Provenance(
            Page(project, chapter, record),
            _known(project, chapter.slug, profiles),
            survivals.sentence(shifted, chapter.slug),
            survivals.of_lines(shifted, chapter.slug),
            _dates(changes.expected(project, chapter.slug), changes.dates(moved, chapter.slug)),
        )
        for chapter, record in pages
        if chapter.cells
    }


def _known(project: Project, slug: str, profiles: dict[str, Any]) -> str:
    count = _configurations(project, slug, profiles)
    return f"The page was verified on {count} configurations." if count else ""


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


def _dates(lines: changes.Lines, known: changes.Dates) -> dict[tuple[int, str], str]:
    """The date of each printed text of a cell; the last one of a text that it printed twice."""
    result: dict[tuple[int, str], str] = {}
    for cell, row, text in lines:
        day = known.get((cell, row))
        if day:
            result[cell, text] = max(day, result.get((cell, text), ""))
    return result
