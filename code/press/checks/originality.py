"""No cell and no paragraph stands twice in the book."""

from __future__ import annotations

import re

from press.checks.book import Book, Page
from press.errors import Finding
from press.source import prose

CELL_LINES = 3  # shorter cells may repeat (imports, a call)
SENTENCE_WORDS = 8  # shorter sentences may repeat


def audit(book: Book) -> list[Finding]:
    """Second occurrences of cells and sentences."""
    cells: dict[str, str] = {}
    sentences: dict[str, str] = {}
    found = []
    for page in book.pages:
        for cell in page.chapter.cells:
            rows = [
                re.sub(r"\s+", " ", row.split("#")[0]).strip() for row in cell.source.split("\n")
            ]
            rows = [row for row in rows if row and not row.startswith(("import ", "from "))]
            if len(rows) >= CELL_LINES:
                found += _again(page, cell.line, "\n".join(rows), cells, "this cell")
        for line in page.lines:
            words = re.findall(r"[a-z]+", prose.plain(line.text).lower())
            if len(words) >= SENTENCE_WORDS and not line.is_table:
                found += _again(page, line.number, " ".join(words), sentences, "this sentence")
    return found


def _again(page: Page, number: int, key: str, seen: dict[str, str], thing: str) -> list[Finding]:
    place = f"{page.project.rel(page.chapter.path)}:{number}"
    if key in seen:
        return [
            page.finding(
                number,
                "originality",
                f"{thing} stands already at {seen[key]}",
                "say it once; import or refer to it here",
            )
        ]
    seen[key] = place
    return []
