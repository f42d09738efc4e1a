"""Everything a build knows about the book at one moment: pages, records, findings."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from press.config import Project
from press.errors import Finding
from press.execute import reads, records
from press.execute.fingerprint import Fingerprints
from press.files import read_json, sha, write_json
from press.source import chapter as chapters
from press.source import toc

if TYPE_CHECKING:
    from press.checks.book import Book


@dataclass
class State:
    """Fingerprints now, records on disk, and which of them agree."""

    project: Project
    prints: Fingerprints
    slugs: list[str]
    now: dict[str, str] = field(default_factory=dict)  # slug -> fingerprint
    records: dict[str, records.Record] = field(
        default_factory=dict
    )  # only those that can be trusted
    stale: list[str] = field(default_factory=list)
    broken: dict[str, Finding] = field(default_factory=dict)  # pages that cannot be read
    _read: dict[str, chapters.Chapter] = field(default_factory=dict)

    def load_chapter(self, slug: str) -> chapters.Chapter:
        """The page as it is now; parsed once however many steps ask for it."""
        if slug not in self._read:
            self._read[slug] = chapters.read(slug, self.project.page(slug), self.prints.store)
        return self._read[slug]

    def book(self) -> Book:
        """The book as the audits see it."""
        from press.checks.book import Book, Page

        return Book(
            self.project,
            [
                Page(self.project, self.load_chapter(slug), self.records.get(slug))
                for slug in self.slugs
            ],
        )


def look(project: Project) -> State:
    """Read fingerprints and records; a chapter without a good record under its fingerprint is stale."""
    prints = Fingerprints(project)
    state = State(project, prints, toc.slugs(project))
    for slug in state.slugs:
        try:
            state.now[slug] = prints.of(slug)
        except chapters.PageError as error:
            state.broken[slug] = error.finding
            continue
        record = records.load(project, slug)
        if (
            record is not None
            and record.ok
            and record.fingerprint == state.now[slug]
            and reads.unchanged(project, record.reads)
        ):
            state.records[slug] = record
        else:
            state.stale.append(slug)
    state.slugs = [slug for slug in state.slugs if slug not in state.broken]
    return state


def compare_all(state: State, slugs: list[str]) -> list[Finding]:
    """Faults of the last execution and differences from the expectations.

    A page that was found equal is not compared again while its fingerprint (cells, expectation, code,
    versions), its recorded outputs and the comparison itself are the same.
    """
    memo = state.project.work / "equal.json"
    known: dict[str, str] = read_json(memo) or {}
    equal, found = {slug: key for slug, key in known.items() if slug in state.now}, []
    for slug in slugs:
        record = state.records.get(slug) or records.load(state.project, slug)
        if record is None:
            continue
        key = sha([record.fingerprint, state.now[slug], record.digest, _comparison()])
        if record.ok and known.get(slug) == key:
            continue
        from press.execute import (
            compare,
        )  # brings nbval and pytest, which a build with nothing to compare does not need

        chapter = state.load_chapter(slug)
        here = (
            compare.chapter_findings(state.project, chapter, record)
            if record.ok
            else [compare.fault_finding(state.project, chapter, record)]
        )
        found += here
        equal.pop(slug, None)
        if not here:
            equal[slug] = key
    if equal != known:
        write_json(memo, equal)
    return found


@lru_cache
def _comparison() -> str:
    """Digest of the code that compares: a stricter press compares everything again."""
    here = Path(__file__).parent.parent
    return sha([path.read_text(encoding="utf-8") for path in sorted(here.rglob("*.py"))])
