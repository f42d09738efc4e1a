"""Every reference resolves, and a glossary term is linked where a page first uses it."""

from __future__ import annotations

import posixpath
import re

from press.checks.book import Book, Page
from press.errors import Finding
from press.source import prose

ROLE = re.compile(r"\{([\w:-]+)\}`([^`]*)`")
LABEL = re.compile(r"^\(([^)]+)\)=\s*$", re.M)
EQUATION = re.compile(r"^\$\$\s*\(([\w:-]+)\)\s*$", re.M)


def audit(book: Book) -> list[Finding]:
    """Broken references, unknown citations and terms, and first uses without a link."""
    labels = {name for page in book.pages for name in _labels(page)}
    slugs = {page.slug for page in book.pages}
    found = []
    for page in book.pages:
        found += _references(book, page, labels, slugs)
        if page.kind == "chapter" or page.slug == "front/primer":
            found += _first_uses(book, page)
    return found


def _labels(page: Page) -> set[str]:
    text = page.chapter.text
    names = set(LABEL.findall(text)) | set(EQUATION.findall(text))
    names |= {
        block.options[key]
        for block in page.blocks
        for key in ("label", "name")
        if key in block.options
    }
    names |= {
        cell.metadata.get("mystnb", {}).get("figure", {}).get("name", "")
        for cell in page.chapter.cells
    }
    return names


def _references(book: Book, page: Page, labels: set[str], slugs: set[str]) -> list[Finding]:
    found = []
    for line in page.lines:
        for role, body in ROLE.findall(line.text):
            target = (re.search(r"<([^>]*)>\s*$", body) or [None, body])[1].strip()
            if role == "doc":
                path = posixpath.normpath(
                    target.lstrip("/")
                    if target.startswith("/")
                    else posixpath.join(posixpath.dirname(page.slug), target)
                )
                if path not in slugs:
                    found.append(
                        page.finding(
                            line.number,
                            "links",
                            f"there is no page {target!r}",
                            "correct the path; it is relative to this page",
                        )
                    )
            elif role in ("ref", "numref", "eq", "prf:ref") and target not in labels:
                found.append(
                    page.finding(
                        line.number,
                        "links",
                        f"nothing is labelled {target!r}",
                        "correct the label, or put (label)= where it belongs",
                    )
                )
            elif role.startswith("cite"):
                for key in target.split(","):
                    if key.strip() not in book.citations:
                        found.append(
                            page.finding(
                                line.number,
                                "links",
                                f"the bibliography has no entry {key.strip()!r}",
                                "add it to book/references.bib",
                            )
                        )
            elif role == "term" and target.lower() not in book.terms:
                found.append(
                    page.finding(
                        line.number,
                        "links",
                        f"the glossary has no term {target!r}",
                        "add it to book/reference/glossary.md",
                    )
                )
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", line.text):
            if (
                not re.match(r"https?:|mailto:", target)
                and not (page.chapter.path.parent / target).exists()
            ):
                found.append(
                    page.finding(
                        line.number,
                        "links",
                        f"the link target {target!r} does not exist",
                        "correct the path; it is relative to this page",
                    )
                )
    return found


def _first_uses(book: Book, page: Page) -> list[Finding]:
    found = []
    done: set[str] = set()
    order = sorted(book.terms, key=len, reverse=True)
    for line in page.lines:
        if line.heading or line.is_table or "admonition.promise" in line.blocks:
            continue
        linked = {
            (re.search(r"<([^>]*)>\s*$", body) or [None, body])[1].strip().lower()
            for role, body in ROLE.findall(line.text)
            if role == "term"
        }
        text = re.sub(r"\{[\w:-]+\}`[^`]*`|`[^`]*`|\$[^$]*\$|\]\([^)]*\)", " ", line.text).lower()
        done |= linked & set(book.terms)
        for term in order:
            if term in done:
                continue
            match = re.search(rf"(?<![\w-]){re.escape(term)}s?(?![\w-])", text)
            if match:
                done.add(term)
                found.append(
                    page.finding(
                        line.number,
                        "terms",
                        f"the term {book.terms[term]!r} is used here first and not linked",
                        f"write {{term}}`{book.terms[term]}`",
                    )
                )
                text = (
                    text[: match.start()]
                    + " " * (match.end() - match.start())
                    + text[match.end() :]
                )
    return found


def plain_text(page: Page) -> str:
    """The words of a page, for the search of repeated paragraphs."""
    return "\n".join(prose.plain(line.text) for line in page.lines)
