"""What the audits look at: pages with their prose, cells and recorded outputs."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import click

from press.config import Project
from press.errors import Finding
from press.execute.records import Record
from press.source import kinds, prose, settings
from press.source.chapter import Cell, Chapter
from press.source.settings import Kind, Settings

SVG = "image/svg+xml"
VEGA = "application/vnd.vegalite.v5+json"
IMAGES = frozenset({SVG, "image/png", VEGA})


def text_of(output: dict[str, Any]) -> str:
    """The text of an output: a stream, an error or a value; empty for a figure."""
    data = output.get("data", {})
    if IMAGES & set(data):
        return ""
    return "".join(output.get("text") or output.get("evalue") or data.get("text/plain", ""))


# the names of a glossary entry, at the margin, and its definition, indented
ENTRY = re.compile(r"((?:^[^\s:].*\n)+)((?:^(?:[ \t]+.*)?\n)*)", re.M)
DOC = re.compile(r"\{doc\}`([^`<]+)`")


@dataclass(frozen=True)
class Term:
    """A name of a glossary entry."""

    name: str
    entry: str  # the first name of the entry
    pages: frozenset[str]  # that its definition says explain it

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The name as a word; capitals inside it, as in LoRA, distinguish it from other words."""
        flags = re.IGNORECASE if self.name[1:].islower() else re.NOFLAG
        return re.compile(rf"(?<![\w-]){re.escape(self.name)}s?(?![\w-])", flags)


@dataclass(frozen=True)
class Section:
    """A second-level section: its title and its lines."""

    title: str
    line: int  # of its heading
    end: int  # its last line

    def holds(self, line: int) -> bool:
        """Whether a line belongs to the section, its heading included."""
        return self.line <= line <= self.end


@dataclass(frozen=True)
class Page:
    """A chapter, its last execution, and its prose."""

    project: Project
    chapter: Chapter
    record: Record | None

    @property
    def slug(self) -> str:
        return self.chapter.slug

    @cached_property
    def settings(self) -> Settings:
        """What `book/press.yml` says."""
        return settings.load(self.project.book)

    @cached_property
    def front(self) -> kinds.FrontMatter:
        return kinds.front_matter(self.chapter.source.get("metadata", {}), self.settings)

    @property
    def rules(self) -> Kind:
        """The rules of the page's kind."""
        return self.front.rules(self.settings)

    @cached_property
    def lines(self) -> list[prose.Line]:
        return self.chapter.prose.lines

    @cached_property
    def words(self) -> list[tuple[prose.Line, str]]:
        """Each line with its words: without roles, links, code and mathematics."""
        return [(line, prose.plain(line.text)) for line in self.lines]

    @cached_property
    def blocks(self) -> list[prose.Block]:
        return self.chapter.prose.blocks

    @cached_property
    def headings(self) -> list[prose.Line]:
        """Headings of the page itself, not those inside its boxes."""
        return [line for line in self.lines if 0 < line.heading < 7 and not line.blocks]

    @cached_property
    def sections(self) -> list[Section]:
        """Second-level sections in order."""
        heads = [line for line in self.headings if line.heading <= 2]
        starts = [line.number for line in heads] + [self.chapter.text.count("\n") + 2]
        return [
            Section(head.text, start, following - 1)
            for head, (start, following) in zip(heads, pairwise(starts), strict=True)
            if head.heading == 2
        ]

    @cached_property
    def aside(self) -> list[Section]:
        """Sections that count neither as words nor as cells of the page."""
        return [part for part in self.sections if part.title in self.settings.sections.aside]

    def in_main_part(self, line: int) -> bool:
        """Whether a line counts as text of the page."""
        return not any(section.holds(line) for section in self.aside)

    def outputs(self, number: int) -> list[dict[str, Any]]:
        """Recorded outputs of cell `number` (1-based)."""
        if self.record is None or number > len(self.record.outputs):
            return []
        return self.record.outputs[number - 1]

    def printed(self, cell: Cell) -> list[str]:
        """What a cell printed: streams, values and errors, not the stand-in of a figure."""
        return [click.unstyle(text_of(output)) for output in self.outputs(cell.number)]

    def finding(
        self, line: int, rule: str, what: str, fix: str, cell: int | None = None, detail: str = ""
    ) -> Finding:
        path = self.project.rel(self.chapter.path)
        return Finding(path, line, rule, what, fix, detail, self.slug, cell)


@dataclass(frozen=True)
class Book:
    """All pages in reading order."""

    project: Project
    pages: list[Page] = field(default_factory=list)

    @cached_property
    def settings(self) -> Settings:
        """What `book/press.yml` says."""
        return settings.load(self.project.book)

    @cached_property
    def terms(self) -> dict[str, Term]:
        """Glossary terms by their names in lower case; an entry can have several names."""
        slug = self.settings.pages.glossary
        path = self.project.page(slug)
        if not slug or not path.is_file():
            return {}
        blocks = prose.blocks(path.read_text(encoding="utf-8"))
        bodies = [block.body for block in blocks if block.name == "glossary"]
        entries = [entry for body in bodies for entry in ENTRY.findall(f"{body}\n")]
        terms = {}
        for names, definition in entries:
            first = names.split("\n")[0].strip()
            pages = frozenset(
                posixpath.normpath(posixpath.join(posixpath.dirname(slug), target))
                for target in DOC.findall(definition)
            )
            for name in names.split("\n"):
                if name.strip():
                    terms[name.strip().lower()] = Term(name.strip(), first, pages)
        return terms

    @cached_property
    def citations(self) -> set[str]:
        """Keys of the bibliography."""
        path = self.project.book / "references.bib"
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        return set(re.findall(r"^@\w+\{([^,\s]+),", text, flags=re.M))
