"""Everything a build knows about the book at one moment: pages, records, findings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from press.config import Project
from press.errors import Finding
from press.execute import reads, records
from press.execute.fingerprint import Fingerprints
from press.execute.records import Record
from press.source import chapter as chapters
from press.source import toc
from press.store import Store, file_digest

if TYPE_CHECKING:
    from press.checks.book import Book


@dataclass
class State:
    """Fingerprints now, records on disk, and which of them agree."""

    project: Project
    store: Store
    prints: Fingerprints
    slugs: list[str] = field(default_factory=list)  # pages that can be read
    now: dict[str, str] = field(default_factory=dict)  # slug -> fingerprint
    records: dict[str, Record] = field(default_factory=dict)  # those that can be trusted
    broken: dict[str, Finding] = field(default_factory=dict)  # pages that cannot be read
    _read: dict[str, chapters.Chapter] = field(default_factory=dict)

    @property
    def stale(self) -> list[str]:
        """Pages without a record that can be trusted."""
        return [slug for slug in self.slugs if slug not in self.records]

    def load_chapter(self, slug: str) -> chapters.Chapter:
        """The page as it is now; parsed once however many steps ask for it."""
        if slug not in self._read:
            self._read[slug] = chapters.read(slug, self.project.page(slug), self.store)
        return self._read[slug]

    def book(self) -> Book:
        """The book as the audits see it."""
        from press.checks.book import Book, Page

        project = self.project
        pages = [Page(project, self.load_chapter(s), self.records.get(s)) for s in self.slugs]
        return Book(project, pages)

    def trusts(self, record: Record) -> bool:
        """Whether an execution ended well and would give the same again."""
        current = record.ok and record.fingerprint == self.now[record.slug]
        return current and reads.unchanged(self.project, record.reads)


def look(project: Project) -> State:
    """Read fingerprints and records; a chapter without a good record of its own is stale."""
    store = Store.of(project)
    state = State(project, store, Fingerprints(project, store))
    for slug in toc.slugs(project):
        try:
            state.now[slug] = state.prints.of(slug)
        except chapters.PageError as error:
            state.broken[slug] = error.finding
            continue
        state.slugs.append(slug)
        record = records.load(store, slug)
        if record and state.trusts(record):
            state.records[slug] = record
    return state


def compare_all(state: State, slugs: list[str]) -> list[Finding]:
    """Faults of the last execution and differences from the expectations.

    A page without a difference is not compared again while its cells, its recorded outputs and its
    expectation are the same.
    """
    findings: list[Finding] = []
    for slug in slugs:
        record = state.records.get(slug) or records.load(state.store, slug)
        if record is None:
            continue
        cells = state.prints.page(slug)["cells"]
        key = [slug, cells, record.digest, file_digest(state.project.expectation(slug))]
        if record.ok and state.store.load("equal", key):
            continue
        # imported here: it imports nbval and pytest, which most builds do not need
        from press.execute import compare

        chapter = state.load_chapter(slug)
        if not record.ok:
            findings.append(compare.fault_finding(state.project, chapter, record))
        elif differences := compare.chapter_findings(state.project, chapter, record):
            findings += differences
        else:
            state.store.save("equal", key, True)
    return findings


def orphans(state: State) -> list[Finding]:
    """Committed expectations whose page is not in the table of contents any more."""
    project = state.project
    expected = {project.expectation(slug) for slug in (*state.slugs, *state.broken)}
    findings = []
    for path in sorted(project.expected.rglob("*.ipynb")):
        if path not in expected and not path.name.startswith("."):
            where = project.rel(path)
            what = "no page of _toc.yml has this expectation"
            fix = f"git rm {where}, or add its page to _toc.yml"
            findings.append(Finding(where, 0, "pairing", what, fix))
    return findings


def unmatched_solutions(state: State) -> list[Finding]:
    """Solutions of exercises that no page has: the renderer would name neither page nor line."""
    blocks = [(s, block) for s in state.slugs for block in state.load_chapter(s).prose.blocks]
    labels = {block.options.get("label") for _, block in blocks if "exercise" in block.name}
    findings = []
    for slug, block in blocks:
        solves = block.name in ("solution", "solution-start")
        if solves and block.argument not in labels:
            what = f"there is no exercise {block.argument!r}"
            fix = "correct the name behind the solution, or the :label: of its exercise"
            place = (f"book/{slug}.md", block.number)
            findings.append(Finding(*place, "page", what, fix, chapter=slug))
    return findings
