"""No cell and no sentence occurs twice in the book."""

from __future__ import annotations

import re
from collections.abc import Iterator

from press.checks.book import Book, Page
from press.checks.registry import audit
from press.errors import Finding

RULE = "originality"
CELL_LINES = 3  # shorter cells may repeat (imports, a call)
SENTENCE_WORDS = 8  # shorter sentences may repeat
Places = dict[str, tuple[Page, int]]


@audit(RULE, "cells and sentences that occur twice")
def originality(book: Book) -> Iterator[Finding]:
    """Second occurrences of cells and sentences."""
    cells: Places = {}
    sentences: Places = {}
    for page in book.pages:
        for cell in page.chapter.cells:
            rows = [" ".join(row.split("#")[0].split()) for row in cell.source.split("\n")]
            rows = [row for row in rows if row and not row.startswith(("import ", "from "))]
            if len(rows) >= CELL_LINES:
                yield from _again(page, cell.line, "\n".join(rows), cells, "this cell")
        for line, text in page.words:
            words = re.findall(r"[a-z]+", text.lower())
            if len(words) >= SENTENCE_WORDS and not line.is_table:
                yield from _again(page, line.number, " ".join(words), sentences, "this sentence")


def _again(page: Page, number: int, key: str, places: Places, thing: str) -> Iterator[Finding]:
    first, line = places.setdefault(key, (page, number))
    if (first, line) != (page, number):
        what = f"{thing} already appears at {page.project.rel(first.chapter.path)}:{line}"
        yield page.finding(number, RULE, what, "say it once; import or refer to it here")
