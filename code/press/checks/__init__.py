"""Audits: what a careful reader would object to, computed.

Each module registers its audit with `@audit(name, about)` of `registry.py`, or with `@page_audit`
when it reads one page at a time; a new module is enough.
`tests/press/test_audits.py` holds fixtures that each audit must reject and accept.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from press.checks import debt
from press.checks.book import Book
from press.checks.registry import ALL, chosen
from press.errors import Finding

for _module in sorted(module.name for module in iter_modules(__path__)):
    import_module(f"{__name__}.{_module}")


def run(book: Book, names: tuple[str, ...] = ()) -> list[Finding]:
    """Findings of the named audits, or of those the project asks for, in the order of the pages."""
    audits = chosen(names or book.project.audits)
    order = {page.slug: position for position, page in enumerate(book.pages)}
    findings = [
        finding
        for audit in audits
        for finding in debt.settle(book, audit.counted, list(audit.check(book)))
    ]
    return sorted(
        findings, key=lambda f: (order.get(f.chapter, len(order)), f.path, f.line, f.rule)
    )


def lower(book: Book) -> dict[str, int]:
    """Lower the counts of `book/debt.yml` to what the counted audits find; items fewer, by rule."""
    counted = [audit for audit in ALL.values() if audit.counted]
    rules = tuple(rule for audit in counted for rule in audit.counted)
    findings = [finding for audit in counted for finding in audit.check(book)]
    return debt.lower(book, rules, findings)


__all__ = ["ALL", "Book", "chosen", "lower", "run"]
