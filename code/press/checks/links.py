"""Every reference resolves, and a glossary term is linked where a page first uses it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from press.checks.book import Book, Page
from press.checks.registry import audit
from press.errors import Finding
from press.source.prose import Line

RULE = "links"
ROLE = re.compile(r"\{([\w:-]+)\}`([^`]*)`")
TARGET = re.compile(r"<([^>]*)>\s*$")
LABEL = re.compile(r"^\(([^)]+)\)=\s*$", re.M)
EQUATION = re.compile(r"^\$\$\s*\(([\w:-]+)\)\s*$", re.M)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
NOT_WORDS = re.compile(r"\{[\w:-]+\}`[^`]*`|`[^`]*`|\$[^$]*\$|\]\([^)]*\)")
FROM_HERE = "correct the path; it is relative to this page"


@audit(RULE, "references, citations and terms that do not resolve, terms not linked at first use")
def links(book: Book) -> Iterator[Finding]:
    """Broken references, unknown citations and terms, and first uses without a link."""
    labels = {name for page in book.pages for name in _labels(page)}
    slugs = {page.slug for page in book.pages}
    for page in book.pages:
        for line in page.lines:
            yield from _roles(book, page, line, labels, slugs)
            yield from _paths(page, line)
        if page.rules.terms or page.slug in page.settings.pages.terms:
            yield from _first_uses(book, page)


def _labels(page: Page) -> set[str]:
    text = page.chapter.text
    names = set(LABEL.findall(text)) | set(EQUATION.findall(text))
    for block in page.blocks:
        names |= {block.options[key] for key in ("label", "name") if key in block.options}
    for cell in page.chapter.cells:
        names.add(cell.metadata.get("mystnb", {}).get("figure", {}).get("name", ""))
    return names


def _roles(
    book: Book, page: Page, line: Line, labels: set[str], slugs: set[str]
) -> Iterator[Finding]:
    """References of a line that lead nowhere."""
    for role, target in _targets(line.text):
        problem = None
        if role == "doc" and _page_named(page, target) not in slugs:
            problem = (f"there is no page {target!r}", FROM_HERE)
        elif role in ("ref", "numref", "eq", "prf:ref") and target not in labels:
            fix = "correct the label, or put (label)= where it belongs"
            problem = (f"nothing is labeled {target!r}", fix)
        elif role == "term" and target.lower() not in book.terms:
            fix = f"add it to book/{book.settings.pages.glossary}.md"
            problem = (f"the glossary has no term {target!r}", fix)
        elif role.startswith("cite"):
            keys = [key.strip() for key in target.split(",")]
            unknown = [key for key in keys if key not in book.citations]
            if unknown:
                what = f"the bibliography has no entry {unknown[0]!r}"
                problem = (what, "add it to book/references.bib")
        if problem:
            yield page.finding(line.number, RULE, *problem)


def _targets(text: str) -> list[tuple[str, str]]:
    """(role, target) of each role of a line; of `text <target>`, what the brackets hold."""
    pairs = []
    for role, body in ROLE.findall(text) if "{" in text else ():
        match = TARGET.search(body)
        pairs.append((role, (match[1] if match else body).strip()))
    return pairs


def _page_named(page: Page, target: str) -> str:
    """The slug that a path on `page` means."""
    folder = "" if target.startswith("/") else posixpath.dirname(page.slug)
    return posixpath.normpath(posixpath.join(folder, target.lstrip("/")))


def _paths(page: Page, line: Line) -> Iterator[Finding]:
    """Links to files that do not exist."""
    for target in LINK.findall(line.text):
        is_file = not re.match(r"https?:|mailto:", target)
        if is_file and not (page.chapter.path.parent / target).exists():
            what = f"the link target {target!r} does not exist"
            yield page.finding(line.number, RULE, what, FROM_HERE)


def _first_uses(book: Book, page: Page) -> Iterator[Finding]:
    """Glossary terms that the page uses before it has linked them, and does not itself explain."""
    terms = book.terms
    done = {term.entry for term in terms.values() if page.slug in term.pages}
    order = sorted(terms, key=len, reverse=True)
    for line in page.lines:
        if line.heading or line.is_table or "admonition.promise" in line.blocks:
            continue
        linked = [target.lower() for role, target in _targets(line.text) if role == "term"]
        done |= {terms[name].entry for name in linked if name in terms}
        text = NOT_WORDS.sub(" ", line.text)
        for name in order:
            term = terms[name]
            match = term.pattern.search(text) if name in text.lower() else None
            if not match:
                continue
            text = term.pattern.sub(lambda use: " " * len(use[0]), text)
            if term.entry not in done:
                done.add(term.entry)
                what = f"the term {term.name!r} is used here first and not linked"
                yield page.finding(line.number, "terms", what, f"write {{term}}`{term.name}`")
