"""Pages that are lists, such as recipes: each entry is a second-level section of its own."""

from __future__ import annotations

import re

from press.checks.book import Page, Section
from press.checks.sentences import word_count
from press.errors import Finding
from press.source import cards, prose
from press.source.settings import Entry

RULE = "anatomy"


def check(page: Page) -> list[Finding]:
    """What entries lack, and whether there are enough of them."""
    rules = page.rules.entries
    if rules is None:
        return []
    named = page.rules.sections + page.settings.sections.aside
    entries = [section for section in page.sections if section.title not in named]
    findings = []
    if len(entries) < rules.least:
        what = f"the page has {len(entries)} entries, fewer than {rules.least}"
        fix = "add entries; each is a second-level section"
        findings.append(page.finding(1, RULE, what, fix))
    questions = _questions(page) if rules.card else set()
    for entry in entries:
        findings += _shape(page, entry, rules)
        findings += _lengths(page, entry, rules)
        if rules.card and prose.plain(entry.title) not in questions:
            what = f"the entry {entry.title!r} has no card"
            fix = f"add a card with this question to {_card_file(page)}"
            findings.append(page.finding(entry.line, RULE, what, fix))
    return findings


def _shape(page: Page, entry: Section, rules: Entry) -> list[Finding]:
    """The form of the title, and the box that each entry holds."""
    findings = []
    if rules.title and not re.search(rules.title, entry.title):
        what = f"the title {entry.title!r} does not have the form of an entry"
        fix = f"write a title that matches {str(rules.title)!r}"
        findings.append(page.finding(entry.line, RULE, what, fix))
    boxes = [
        block.options.get("class", "").split()
        for block in page.blocks
        if block.name == "admonition" and entry.holds(block.number)
    ]
    if rules.box and not any(rules.box in classes for classes in boxes):
        what = f"the entry {entry.title!r} has no box of class {rules.box}"
        fix = f"add an admonition with :class: {rules.box} dropdown"
        findings.append(page.finding(entry.line, RULE, what, fix))
    return findings


def _lengths(page: Page, entry: Section, rules: Entry) -> list[Finding]:
    """Cells and words of the entry; its title is not counted."""
    cells = sum(entry.holds(cell.line) for cell in page.chapter.cells)
    words = sum(
        word_count(words)
        for line, words in page.words
        if entry.holds(line.number) and line.number != entry.line
    )
    findings = []
    for count, limits, thing in ((cells, rules.cells, "cells"), (words, rules.words, "words")):
        if limits and not limits.holds(count):
            what = f"the entry {entry.title!r} has {count} {thing}, outside {limits}"
            fix = "complete the entry, or split it"
            findings.append(page.finding(entry.line, RULE, what, fix))
    return findings


def _card_file(page: Page) -> str:
    return page.project.rel(cards.card_file(page.project.book, page.slug))


def _questions(page: Page) -> set[str]:
    """Questions of the page's cards as plain words; none where the file cannot be read."""
    try:
        bank = cards.load(cards.card_file(page.project.book, page.slug))
    except ValueError:
        return set()
    return {prose.plain(" ".join(card.question.split())) for card in bank}
