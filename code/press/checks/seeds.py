"""A check line that did not hold under enough other seeds is on no page that keeps silent about it.

The committed report says in how many it held. A page that changed since is not judged by it.
"""

from __future__ import annotations

from collections.abc import Iterator

from press.checks.book import Book, Page
from press.checks.registry import audit
from press.errors import Finding
from press.machines import survival
from press.machines.dependence import Digests
from press.machines.survival import PageReport
from press.store import Store

RULE = "seeds"


@audit(
    RULE, "claims that held in fewer than 19 of 20 other seeds, and no sentence says in how many"
)
def seeds(book: Book) -> Iterator[Finding]:
    """Each check line below the standard whose count no sentence of its page says."""
    report = survival.committed(book.project)
    weak = {page.slug: page for page in report.pages if any(row.is_fragile for row in page.rows)}
    if not weak:
        return
    digests = Digests(book.project, Store.of(book.project))
    for page in book.pages:
        rows = weak.get(page.slug)
        if rows and rows.digest == digests.of(page.chapter):
            yield from _of_page(page, rows)


def _of_page(page: Page, rows: PageReport) -> Iterator[Finding]:
    lines = [line.text for line in page.lines]
    starts = {cell.number: cell.line for cell in page.chapter.cells}
    for row in rows.rows:
        if row.is_fragile and not row.is_stated(lines):
            count = f"{row.held} of {row.of}"
            number = row.statement.cell
            what = f"held in {count} other seeds: {row.statement.text!r}"
            fix = f"reword it until it is true, or say in a sentence: in {count} seeds"
            yield page.finding(starts.get(number, 1), RULE, what, fix, number)
