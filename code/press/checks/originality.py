"""No cell and no sentence occurs twice in the book."""

from __future__ import annotations

import re

from press.checks.book import Book, Page
from press.checks.registry import audit
from press.errors import Finding

RULE = "originality"
CELL_LINES = 3  # shorter cells may repeat (imports, a call)
SENTENCE_WORDS = 8  # shorter sentences may repeat
Places = dict[str, tuple[Page, int]]


@audit(RULE, "cells and sentences that occur twice")
def originality(book: Book) -> list[Finding]:
    """Second occurrences of cells and sentences."""
    cells: Places = {}
    sentences: Places = {}
    findings = []
    for page in book.pages:
        for cell in page.chapter.cells:
            rows = [" ".join(row.split("#")[0].split()) for row in cell.source.split("\n")]
            rows = [row for row in rows if row and not row.startswith(("import ", "from "))]
            if len(rows) >= CELL_LINES:
                findings += _again(page, cell.line, "\n".join(rows), cells, "this cell")
        for line, text in page.words:
            words = re.findall(r"[a-z]+", text.lower())
            if len(words) >= SENTENCE_WORDS and not line.is_table:
                findings += _again(page, line.number, " ".join(words), sentences, "this sentence")
    return findings


def _again(page: Page, number: int, key: str, places: Places, thing: str) -> list[Finding]:
    if key not in places:
        places[key] = (page, number)
        return []
    first, line = places[key]
    what = f"{thing} already appears at {page.project.rel(first.chapter.path)}:{line}"
    return [page.finding(number, RULE, what, "say it once; import or refer to it here")]
