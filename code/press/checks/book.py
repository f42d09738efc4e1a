"""What the audits look at: pages with their prose, cells and recorded outputs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from press.config import Project
from press.errors import Finding
from press.execute.records import Record
from press.source import prose
from press.source.chapter import Chapter


@dataclass(frozen=True)
class Page:
    """A chapter, its last execution, and its prose."""

    project: Project
    chapter: Chapter
    record: Record | None

    @property
    def slug(self) -> str:
        return self.chapter.slug

    @property
    def kind(self) -> str:
        """ "chapter" for the parts, "front" for the pages around them."""
        head = self.slug.split("/")[0]
        return "front" if head in ("index", "front", "reference") else "chapter"

    @cached_property
    def lines(self) -> list[prose.Line]:
        return prose.lines(self.chapter.text)

    @cached_property
    def blocks(self) -> list[prose.Block]:
        return prose.blocks(self.chapter.text)

    def outputs(self, number: int) -> list[dict[str, Any]]:
        """Recorded outputs of cell `number` (1-based)."""
        if self.record is None or number > len(self.record.outputs):
            return []
        return self.record.outputs[number - 1]

    def finding(
        self, line: int, rule: str, what: str, fix: str, cell: int | None = None, detail: str = ""
    ) -> Finding:
        return Finding(
            self.project.rel(self.chapter.path), line, rule, what, fix, detail, self.slug, cell
        )


@dataclass(frozen=True)
class Book:
    """All pages in reading order."""

    project: Project
    pages: list[Page] = field(default_factory=list)

    @cached_property
    def terms(self) -> dict[str, str]:
        """Glossary terms, lower case -> as written."""
        path = self.project.page("reference/glossary")
        found: dict[str, str] = {}
        if path.is_file():
            for block in prose.blocks(path.read_text(encoding="utf-8")):
                if block.name == "glossary":
                    rows = block.body.split("\n")
                    for row in rows:
                        if row and not row[0].isspace() and not row.startswith(":"):
                            found[row.strip().lower()] = row.strip()
        return found

    @cached_property
    def citations(self) -> set[str]:
        """Keys of the bibliography."""
        path = self.project.book / "references.bib"
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        return set(re.findall(r"^@\w+\{([^,\s]+),", text, flags=re.M))
