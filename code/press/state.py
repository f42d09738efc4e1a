"""Everything a build knows about the book at one moment: pages, records, findings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from press import chapter as chapters
from press import records, toc
from press.errors import Finding
from press.fingerprint import Fingerprints
from press.project import Project

if TYPE_CHECKING:
    from press.audits.book import Book


@dataclass
class State:
    """Fingerprints now, records on disk, and which of them agree."""

    project: Project
    prints: Fingerprints
    slugs: list[str]
    now: dict[str, str] = field(default_factory=dict)                      # slug -> fingerprint
    records: dict[str, records.Record] = field(default_factory=dict)       # only those that can be trusted
    stale: list[str] = field(default_factory=list)

    def load_chapter(self, slug: str) -> chapters.Chapter:
        return chapters.read(slug, self.project.page(slug))

    def book(self) -> Book:
        """The book as the audits see it."""
        from press.audits.book import Book, Page

        return Book(self.project, [Page(self.project, self.load_chapter(slug), self.records.get(slug)) for slug in self.slugs])


def look(project: Project) -> State:
    """Read fingerprints and records; a chapter without a good record under its fingerprint is stale."""
    prints = Fingerprints(project)
    state = State(project, prints, toc.slugs(project))
    for slug in state.slugs:
        state.now[slug] = prints.of(slug)
        record = records.load(project, slug)
        if record is not None and record.ok and record.fingerprint == state.now[slug]:
            state.records[slug] = record
        else:
            state.stale.append(slug)
    return state


def compare_all(state: State, slugs: list[str]) -> list[Finding]:
    """Faults of the last execution and differences from the expectations."""
    from press import compare  # brings nbval and pytest, which a build with nothing to do does not need

    found: list[Finding] = []
    for slug in slugs:
        chapter = state.load_chapter(slug)
        record = state.records.get(slug) or records.load(state.project, slug)
        if record is None:
            continue
        if not record.ok:
            found.append(compare.fault_finding(state.project, chapter, record))
        else:
            found += compare.chapter_findings(state.project, chapter, record)
    return found
