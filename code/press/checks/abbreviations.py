"""An abbreviation is expanded, or linked to where it is, at its first use on a page."""

from __future__ import annotations

import re
from collections.abc import Iterator

from press.checks.book import Page
from press.checks.registry import page_audit
from press.errors import Finding
from press.source.prose import Line

RULE = "abbreviations"
SKIPPED = {"admonition.promise", "glossary"}  # a glossary expands what it names
ABBREVIATION = re.compile(r"(?<![\w./-])[A-Z]{2,}(?:[a-z][A-Z]+)?\d*(?=s?(?![\w/]))")
LINK = re.compile(r"\{(?:term|doc|ref|numref|cite\w*|abbr)[^}]*\}`([^`]*)`|\[([^\]]*)\]\([^)]*\)")


@page_audit(RULE, "abbreviations neither expanded nor linked at first use", counted=(RULE,))
def abbreviations(page: Page) -> Iterator[Finding]:
    """The first use of each abbreviation that is neither expanded nor linked there."""
    explained = set(page.settings.known_abbreviations)
    for line, text in page.words:
        if line.heading or line.is_table or SKIPPED.intersection(line.blocks):
            continue
        names = dict.fromkeys(ABBREVIATION.findall(text))
        for name in names:
            if name in explained:
                continue
            explained.add(name)
            if not _is_explained(name, line, text):
                what = f"the abbreviation {name!r} is neither expanded nor linked at its first use"
                fix = f"write it out with ({name}) behind it, or link the term"
                yield page.finding(line.number, RULE, what, fix)


def _is_explained(name: str, line: Line, text: str) -> bool:
    """Whether a line expands `name`, or links it."""
    linked = [first or second for first, second in LINK.findall(line.text)]
    if any(re.search(rf"\b{name}s?\b", target) for target in linked):
        return True
    definitions = re.findall(rf"([^.;:]*?)[(,]\s*{name}s?\b", text)
    definitions += re.findall(rf"\b{name}s?\s*\(([^)]+)\)", text)
    definitions += re.findall(rf"\b{name}s?,? (?:short for|stands for|that is) ([^.;:,]*)", text)
    return any(_spells(name, words) for words in definitions)


def _spells(name: str, words: str) -> bool:
    """Whether the letters of `name` occur in order in the last words, beginning with a word."""
    letters = re.sub(r"[^a-z]", "", name.lower())
    last = " ".join(words.lower().split()[-len(letters) - 2 :])
    pattern = rf"\b{letters[0]}" + "".join(rf".*?{letter}" for letter in letters[1:])
    return re.search(pattern, last) is not None
