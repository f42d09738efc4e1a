"""What other seeds said of the pages that are built now: the report, and which of it is current.

A page that changed since it was run is not counted with the others; it is named instead.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from press.config import Project
from press.execute.records import Record
from press.machines import survival
from press.machines.dependence import Digests
from press.machines.statements import statements
from press.machines.survival import PageReport, Report, Survival
from press.source.chapter import Chapter
from press.store import Store


@dataclass(frozen=True)
class Survivals:
    """The committed report beside the pages of a build."""

    report: Report = field(default_factory=Report)
    stale: tuple[str, ...] = ()  # pages that changed since they were run
    untried: tuple[str, ...] = ()  # pages with check lines that were never run

    @property
    def current(self) -> Report:
        """The pages whose rows belong to the page as it is."""
        pages = [page for page in self.report.pages if page.slug not in self.stale]
        return Report(self.report.sources, pages)

    def of(self, slug: str) -> PageReport | None:
        """The rows of a page, stale or not."""
        return next((page for page in self.report.pages if page.slug == slug), None)


def read(project: Project, pages: list[tuple[Chapter, Record]], store: Store) -> Survivals:
    """The report of these pages. Raises UserError where it is damaged."""
    report = survival.committed(project)
    digests = Digests(project, store)
    rows = {page.slug: page for page in report.pages}
    stale = []
    untried = []
    slugs = []
    for chapter, record in pages:
        slug = chapter.slug
        slugs.append(slug)
        if slug in rows:
            if rows[slug].digest != digests.remembered(chapter, record):
                stale.append(slug)
        elif statements(project, slug, record.outputs):
            untried.append(slug)
    return Survivals(survival.merged(report, Report(), slugs), tuple(stale), tuple(untried))


def sentence(survivals: Survivals, slug: str) -> str:
    """In how many seeds the check lines of a page held; empty where they were not tried."""
    page = survivals.of(slug)
    if page is None:
        return ""
    weakest = min(page.rows, key=lambda row: row.held / row.of)
    checks = "check" if len(page.rows) == 1 else f"{len(page.rows)} checks"
    if weakest.held == weakest.of:
        what = f"Its {checks} held in all {weakest.of} other seeds"
    elif len(page.rows) == 1:
        what = f"Its check held in {weakest.held} of {weakest.of} other seeds"
    else:
        what = (
            f"Of its {checks}, {page.steady} held in all {weakest.of} other seeds, "
            f"the weakest in {weakest.held}"
        )
    return f"{what}{_since(survivals, slug)}."


def of_lines(survivals: Survivals, slug: str) -> dict[tuple[int, str, str], str]:
    """In how many seeds each check line of a page held, by cell, kind and text.

    Empty where all held in all: the sentence of the page says so, and a page repeats one note.
    """
    page = survivals.of(slug)
    if page is None or page.steady == len(page.rows):
        return {}
    since = _since(survivals, slug)
    return {
        (row.statement.cell, row.statement.kind, row.statement.text): (
            f"This check held in {row.held} of {row.of} other seeds{since}."
        )
        for row in page.rows
    }


def _since(survivals: Survivals, slug: str) -> str:
    return " before the page last changed" if slug in survivals.stale else ""


def overview(survivals: Survivals, parts: dict[str, str]) -> dict[str, Any]:
    """What *How we know* shows: counts by part, what did not always hold, and what is missing.

    `parts` holds the part of each page, in the order of the book.
    """
    current = survivals.current
    of_parts: dict[str, list[PageReport]] = {}
    for page in current.pages:
        of_parts.setdefault(parts[page.slug], []).append(page)
    return {
        "sources": current.sources,
        "seeds": current.seeds,
        "parts": [_part(name, pages) for name, pages in of_parts.items()],
        "broken": [_broken(row) for row in _weakest_first(current)],
        "stale": list(survivals.stale),
        "untried": list(survivals.untried),
    }


def _part(name: str, pages: list[PageReport]) -> dict[str, Any]:
    kinds = Counter(row.statement.kind for page in pages for row in page.rows)
    counts = {"checks": kinds.total(), "steady": sum(page.steady for page in pages)}
    return {"name": name, "pages": len(pages), "kinds": dict(kinds), **counts}


def _weakest_first(report: Report) -> list[Survival]:
    rows = [row for row in report.rows if row.held < row.of]
    return sorted(rows, key=lambda row: row.held / row.of)


def _broken(row: Survival) -> dict[str, Any]:
    about = row.statement
    return {"slug": about.slug, "text": about.text, "held": row.held, "of": row.of}
