"""Audits: what a careful reader would object to, found by a machine.

Each module has `audit(book) -> list[Finding]`, and fixtures in `tests/press` that it must reject and accept.
"""

from __future__ import annotations

from press.checks import anatomy, figures, links, numbers, originality
from press.checks.book import Book
from press.errors import Finding

ALL = {
    "numbers": numbers.audit,
    "anatomy": anatomy.audit,
    "figures": figures.audit,
    "links": links.audit,
    "originality": originality.audit,
}


def run(book: Book, names: tuple[str, ...] = ()) -> list[Finding]:
    """The findings of the named audits (default: those the project asks for), in the order of the pages."""
    order = {page.slug: i for i, page in enumerate(book.pages)}
    found = [finding for name in names or book.project.audits for finding in ALL[name](book)]
    return sorted(found, key=lambda f: (order.get(f.chapter, len(order)), f.path, f.line, f.rule))
