"""What the build knows of its pages: minutes, seconds, outputs, and the counts of the book."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from press.checks.book import SVG, VEGA, text_of
from press.config import Project
from press.execute import expectations, times
from press.execute.records import Record
from press.site import minutes
from press.source import cards, settings
from press.source.chapter import Chapter


@dataclass(frozen=True)
class Facts:
    """The line under a page's title."""

    slug: str
    part: str
    minutes: int  # to read
    practice: int  # minutes
    runs_under_s: int
    cells: int
    outputs: int
    parity: int
    derived: int
    claims: int
    gradients: int
    exercises: int
    figures: int
    interactive: int
    referee: int
    cards: int


def of(project: Project, part: str, chapter: Chapter, record: Record) -> Facts:
    """Facts of one page, from its text, its verified outputs and the time of their acceptance."""
    outputs = [output for group in record.outputs for output in group]
    text = "\n".join(map(text_of, outputs))
    book = settings.load(project.book)
    patterns = book.check_lines
    checks = {kind: re.findall(pattern, text, re.M) for kind, pattern in patterns.items()}
    labels = [label for group in checks.values() for label in group]
    blocks = chapter.prose.blocks
    boxes = [block.options.get("class", "") for block in blocks if block.name == "admonition"]
    bank = cards.card_file(project.book, chapter.slug)
    count = len(cards.load(bank)) if bank.is_file() else 0
    printed = ["\n".join(map(text_of, group)) for group in record.outputs]
    needs = minutes.of(chapter, printed, book.sections.aside, count)
    return Facts(
        slug=chapter.slug,
        part=part,
        minutes=needs.read,
        practice=needs.practice,
        runs_under_s=times.load(project).get(chapter.slug) or times.limit(record.seconds),
        cells=len(chapter.cells),
        outputs=sum(len(expectations.minimal_outputs(group)) for group in record.outputs),
        parity=len(checks.get("parity", [])),
        derived=len(checks.get("derived", [])),
        claims=len(checks.get("claim", [])),
        gradients=sum("gradient" in label or "backward" in label for label in labels),
        exercises=sum(block.name == "solution-start" for block in blocks),
        figures=sum(SVG in output.get("data", {}) for output in outputs),
        interactive=sum(VEGA in output.get("data", {}) for output in outputs),
        referee=sum("referee" in classes for classes in boxes),
        cards=count,
    )


def line(fact: Facts) -> str:
    """The header line, as plain text."""
    parts = [f"{minutes.spoken(fact.minutes)} to read"]
    if fact.practice:
        parts.append(f"{minutes.spoken(fact.practice)} to practice")
    if fact.cells:
        parts += [f"runs in under {fact.runs_under_s} s", f"{fact.outputs} outputs checked"]
    return " · ".join(parts)


def totals(facts: list[Facts], project: Project) -> list[tuple[str, str]]:
    """Rows of the table on the landing page."""
    flat = [card for page in cards.bank(project.book).values() for card in page]

    def split(counts: Counter[str], names: tuple[str, ...]) -> str:
        return ", ".join(f"{counts[name]} {name}" for name in names if counts[name])

    levels = split(Counter(card.level for card in flat), cards.LEVELS)
    types = split(Counter(card.type for card in flat), cards.TYPES)

    def total(name: str) -> str:
        return str(sum(getattr(fact, name) for fact in facts))

    return [
        ("pages", str(len(facts))),
        ("outputs checked", total("outputs")),
        ("claims checked by a cell", total("claims")),
        ("derivations checked by a cell", total("derived")),
        ("parity checks against a library", total("parity")),
        ("exercises with executed solutions", total("exercises")),
        ("figures", total("figures")),
        ("interactive figures", total("interactive")),
        ("referee boxes, folklore put right", total("referee")),
        ("cards", f"{len(flat)} ({levels}; {types})" if flat else "0"),
    ]
