"""A heading names what its section explains, by a term of the field.

Sections that every chapter has are exempt. Of any other section, a reader who scans the contents
of the page or the search must see the term: "Momentum: a memory of gradients". A term is an entry
of the glossary, a name of the settings (`terms`, `announced`, `synonyms`), a subject in the title
of a chapter, an abbreviation, or what the section itself prints in bold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from press.checks.book import Book, Page
from press.checks.registry import audit
from press.errors import Finding
from press.source import prose
from press.source.settings import Settings

RULE = "headings"
BOLD = re.compile(r"\*\*([^*]+)\*\*")
ABBREVIATION = re.compile(r"(?<![\w-])(?=\w*[A-Z]\w*[A-Z])[\w-]+(?![\w-])")  # RoPE, KV, t-SNE
SUBJECTS = re.compile(r": |, | and (?:the |its )?")  # between the subjects of a title
LONGEST = 4  # words of a term in bold; more is an emphasized sentence
WORD = re.compile(r"\w[\w'-]*")


@audit(RULE, "headings that name no term of the field", counted=(RULE,))
def headings(book: Book) -> Iterator[Finding]:
    """Headings of pages whose kind links terms."""
    pages = [page for page in book.pages if page.rules.terms]
    names = {*book.terms, *_names(book.settings), *(s for page in pages for s in _subjects(page))}
    common = _pattern(frozenset(names))
    for page in pages:
        for number, line in enumerate(page.headings):
            if line.heading not in (2, 3) or _is_common(page, line):
                continue
            text = prose.plain(line.text)
            if common.search(text) or ABBREVIATION.search(text):
                continue
            if _pattern(frozenset(_bold(page, number))).search(text):
                continue
            what = f"the heading {line.text!r} names no term of the field"
            fix = "put the term first, its phrase after a colon, and (old-id)= above the heading"
            yield page.finding(line.number, RULE, what, fix)


def _is_common(page: Page, line: prose.Line) -> bool:
    """A section that chapters have in common."""
    settings = page.settings.sections
    return line.text in (*page.rules.sections, *settings.aside, *settings.steps, settings.keep)


def _names(settings: Settings) -> Iterator[str]:
    yield from settings.terms
    for names in settings.synonyms:
        yield from names
    for announced in settings.announced:
        for names in announced.subjects:
            yield from names


def _subjects(page: Page) -> list[str]:
    """The subjects in a title: of "Attention and the transformer", both."""
    title = next((line.text for line in page.headings if line.heading == 1), "")
    subjects = SUBJECTS.split(title.removeprefix("The "))
    return [subject for subject in subjects if 0 < len(WORD.findall(subject)) <= 3]


def _bold(page: Page, number: int) -> Iterator[str]:
    """What a section prints in bold: the section of the heading with this number."""
    first = page.headings[number].number
    later = page.headings[number + 1 :]
    end = next((line.number for line in later), page.chapter.text.count("\n") + 2)
    for line in page.lines:
        if first < line.number < end:
            for words in BOLD.findall(line.text):
                if len(WORD.findall(words)) <= LONGEST:
                    yield words.strip(" .,:;?")


@lru_cache(maxsize=512)
def _pattern(names: frozenset[str]) -> re.Pattern[str]:
    """Any of the names between word boundaries, in the singular or the plural, in any case."""
    words = sorted({re.escape(name.lower().removesuffix("s")) for name in names if len(name) > 1})
    return re.compile(rf"(?<![\w-])(?:{'|'.join(words) or '(?!)'})(?:s|es)?(?![\w-])", re.I)
