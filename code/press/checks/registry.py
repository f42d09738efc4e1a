"""The one list of audits: a module of this package adds to it with `@audit(name, about)`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clikit import group

from press.errors import Finding

if TYPE_CHECKING:
    from press.checks.book import Book, Page

Check = Callable[["Book"], Iterable[Finding]]
PageCheck = Callable[["Page"], Iterable[Finding]]


@dataclass(frozen=True)
class Audit:
    """One audit: its name on the command line, a line of help, the function that reads the book."""

    name: str
    about: str
    check: Check
    counted: tuple[str, ...] = ()  # rules whose findings `book/debt.yml` may allow, by page


ALL: dict[str, Audit] = {}


def audit(name: str, about: str, counted: tuple[str, ...] = ()) -> Callable[[Check], Check]:
    """Register the decorated function as the audit `name`; a second one of that name is refused."""

    def register(check: Check) -> Check:
        if name in ALL:
            raise ValueError(f"two audits are called {name!r}: give one of them another name")
        ALL[name] = Audit(name, about, check, counted)
        return check

    return register


def page_audit(
    name: str, about: str, counted: tuple[str, ...] = ()
) -> Callable[[PageCheck], PageCheck]:
    """As `audit`, for a function that reads one page at a time."""

    def register(check: PageCheck) -> PageCheck:
        @audit(name, about, counted)
        def every_page(book: Book) -> Iterator[Finding]:
            for page in book.pages:
                yield from check(page)

        return check

    return register


def chosen(names: tuple[str, ...]) -> list[Audit]:
    """The audits of these names. Raises UserError with the nearest name for an unknown one."""
    return group.chosen("audit", names, ALL)
