"""Pages that are lists, such as recipes: each entry is a second-level section of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from press.checks.book import Page, Section
from press.checks.sentences import word_count
from press.errors import Finding
from press.source import cards, prose
from press.source.settings import Entry

RULE = "anatomy"


def check(page: Page) -> Iterator[Finding]:
    """What entries lack, and whether there are enough of them."""
    rules = page.rules.entries
    if rules is None:
        return
    named = page.rules.sections + page.settings.sections.aside
    entries = [section for section in page.sections if section.title not in named]
    if len(entries) < rules.least:
        what = f"the page has {len(entries)} entries, fewer than {rules.least}"
        fix = "add entries; each is a second-level section"
        yield page.finding(1, RULE, what, fix)
    file = cards.card_file(page.project.book, page.slug)
    questions = _questions(file) if rules.card else set()
    for entry in entries:
        yield from _shape(page, entry, rules)
        yield from _lengths(page, entry, rules)
        if rules.card and prose.plain(entry.title) not in questions:
            what = f"the entry {entry.title!r} has no card"
            fix = f"add a card with this question to {page.project.rel(file)}"
            yield page.finding(entry.line, RULE, what, fix)


def _shape(page: Page, entry: Section, rules: Entry) -> Iterator[Finding]:
    """The form of the title, and the box that each entry holds."""
    if rules.title and not re.search(rules.title, entry.title):
        what = f"the title {entry.title!r} does not have the form of an entry"
        fix = f"write a title that matches {str(rules.title)!r}"
        yield page.finding(entry.line, RULE, what, fix)
    boxes = [
        block.options.get("class", "").split()
        for block in page.blocks
        if block.name == "admonition" and entry.holds(block.number)
    ]
    if rules.box and not any(rules.box in classes for classes in boxes):
        what = f"the entry {entry.title!r} has no box of class {rules.box}"
        fix = f"add an admonition with :class: {rules.box} dropdown"
        yield page.finding(entry.line, RULE, what, fix)


def _lengths(page: Page, entry: Section, rules: Entry) -> Iterator[Finding]:
    """Cells and words of the entry; its title is not counted."""
    cells = sum(entry.holds(cell.line) for cell in page.chapter.cells)
    words = sum(
        word_count(words)
        for line, words in page.words
        if entry.holds(line.number) and line.number != entry.line
    )
    for count, limits, thing in ((cells, rules.cells, "cells"), (words, rules.words, "words")):
        if limits and not limits.holds(count):
            what = f"the entry {entry.title!r} has {count} {thing}, outside {limits}"
            fix = "complete the entry, or split it"
            yield page.finding(entry.line, RULE, what, fix)


def _questions(file: Path) -> set[str]:
    """Questions of a page's cards as plain words; none where the file cannot be read."""
    try:
        bank = cards.load(file)
    except ValueError:
        return set()
    return {prose.plain(" ".join(card.question.split())) for card in bank}
