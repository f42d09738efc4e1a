"""Everything a build knows about the book at one moment: pages, records, findings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from press.config import Project
from press.errors import Finding
from press.execute import reads, records
from press.execute.fingerprint import Fingerprints
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
            self._read[slug] = chapters.read(slug, self.project.page(slug), self.store)
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
    """Read fingerprints and records; a chapter without a good record of its own is stale."""
    store = Store.of(project)
    prints = Fingerprints(project, store)
    state = State(project, store, prints, toc.slugs(project))
    for slug in state.slugs:
        try:
            state.now[slug] = prints.of(slug)
        except chapters.PageError as error:
            state.broken[slug] = error.finding
            continue
        record = records.load(store, slug)
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
    return [
        Finding(
            project.rel(path),
            0,
            "pairing",
            "no page of _toc.yml has this expectation",
            f"git rm {project.rel(path)}, or add its page to _toc.yml",
        )
        for path in sorted(project.expected.rglob("*.ipynb"))
        if path not in expected and not path.name.startswith(".")
    ]


def unmatched_solutions(state: State) -> list[Finding]:
    """Solutions of exercises that no page has: the renderer would name neither page nor line."""
    blocks = [
        (slug, block) for slug in state.slugs for block in state.load_chapter(slug).prose.blocks
    ]
    labels = {block.options.get("label") for _, block in blocks if "exercise" in block.name}
    return [
        Finding(
            f"book/{slug}.md",
            block.number,
            "page",
            f"there is no exercise {block.argument!r}",
            "correct the name behind the solution, or the :label: of its exercise",
            chapter=slug,
        )
        for slug, block in blocks
        if block.name in ("solution", "solution-start") and block.argument not in labels
    ]
