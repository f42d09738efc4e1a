"""No line of a cell and no printed line is wider than a page of the site shows."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from press.checks.book import Page
from press.checks.registry import page_audit
from press.errors import Finding

CELL = "cell-width"
OUTPUT = "output-width"


@page_audit(
    "width",
    "lines of cells and of outputs with more columns than the limit",
    counted=(CELL, OUTPUT),
)
def width(page: Page) -> Iterator[Finding]:
    """Each line that is too wide."""
    limit = page.settings.limits.columns
    for cell in page.chapter.cells:
        for row in cell.source.split("\n"):
            if (count := columns(row)) > limit:
                what = f"a line of the cell has {count} columns, more than {limit}: {row[:40]!r}"
                fix = "one statement a line; break it, or name a part of it"
                yield page.finding(cell.line, CELL, what, fix, cell.number)
        for text in page.printed(cell):
            for row in text.split("\n"):
                if (count := columns(row)) > limit:
                    what = f"a printed line has {count} columns, more than {limit}: {row[:40]!r}"
                    fix = "print it in two lines, with fewer columns or fewer digits"
                    yield page.finding(cell.line, OUTPUT, what, fix, cell.number)


def columns(row: str) -> int:
    """Columns of a line in a fixed-width font: two for East Asian characters, none for marks."""
    row = row.expandtabs(8)
    if row.isascii():
        return len(row)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in row)
    return len(row) + wide - sum(unicodedata.combining(character) > 0 for character in row)
