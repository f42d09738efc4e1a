"""Which printed line accounts for a number of the text.

The audit of numbers asks whether any cell of the page printed a number; a reader asks which one. If
several lines hold the number, the nearest cell above the sentence is taken, or else the nearest
below; of the lines of that cell, the one that writes the number as the sentence does, and then the
one that shares most words with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from press.checks import numbers
from press.checks.book import Page
from press.source import prose

WORD = re.compile(r"[A-Za-z]{4,}")
Value = tuple[Decimal, int, bool]  # value, decimals, is percentage


@dataclass(frozen=True)
class Printed:
    """One line that a cell printed."""

    cell: int  # 1-based among the code cells of the page
    row: int  # 1-based among the lines that the cell printed
    text: str


@dataclass(frozen=True)
class Number:
    """A number of the text that the audit asks about, and what accounts for it."""

    line: int  # of the page
    sentence: str  # that line, or the caption of the figure that the cell there draws
    value: Value
    account: str  # "printed", "given", "cited" or "code"; empty when nothing does
    origin: Printed | None = None  # of a printed number


@dataclass(frozen=True)
class _Sentence:
    line: int
    text: str
    cells: int  # above it

    @property
    def words(self) -> set[str]:
        return _words(prose.plain(self.text))


def printed(page: Page) -> list[Printed]:
    """Every line that the cells of a page show as text, in order."""
    lines = []
    for cell in page.chapter.cells:
        texts = [text.removesuffix("\n") for text in page.printed(cell) if text]
        rows = [row for text in texts for row in text.split("\n")]
        lines += [Printed(cell.number, number, row) for number, row in enumerate(rows, 1)]
    return lines


def trace(page: Page) -> list[Number]:
    """The numbers in the text and the captions of a page, each with what accounts for it."""
    given = sorted(numbers.given(page.chapter.text))
    code = sorted(numbers.in_code(page))
    lines = [(line, sorted(numbers.written(line.text))) for line in printed(page)]
    result = []
    for sentence in _sentences(page):
        for _, number, decimals, percent in numbers.tokens(sentence.text):
            value = (number, decimals, percent)
            if "{cite" in sentence.text:
                result.append(Number(sentence.line, sentence.text, value, "cited"))
            elif numbers.accounted(*value, given):
                result.append(Number(sentence.line, sentence.text, value, "given"))
            else:
                result.append(_computed(value, sentence, lines, numbers.accounted(*value, code)))
    return result


def _computed(
    value: Value, sentence: _Sentence, lines: list[tuple[Printed, list[Decimal]]], in_code: bool
) -> Number:
    """A number that a cell printed, or that stands in its code."""
    origin = _nearest(value, sentence, lines, in_code)
    account = "code" if in_code else ""
    return Number(sentence.line, sentence.text, value, "printed" if origin else account, origin)


def _sentences(page: Page) -> Iterator[_Sentence]:
    """The lines of prose and the captions of the figures that cells draw."""
    starts = [cell.line for cell in page.chapter.cells]
    for line in page.lines:
        yield _Sentence(line.number, line.text, sum(start < line.number for start in starts))
    for cell in page.chapter.cells:
        caption = cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", "")
        yield _Sentence(cell.line, str(caption), cell.number)


def _nearest(
    value: Value, sentence: _Sentence, lines: list[tuple[Printed, list[Decimal]]], in_code: bool
) -> Printed | None:
    """The line that printed the value.

    A number that stands in code as well is an assumption of the page, which many lines can show by
    chance: it needs a line of the cell right above, or one that speaks of the same thing.
    """
    best = None
    best_key = None
    for line, values in lines:
        if not numbers.accounted(*value, values):
            continue
        shared = len(sentence.words & _words(line.text))
        if in_code and line.cell != sentence.cells and not shared:
            continue
        distance = sentence.cells - line.cell
        key = (distance < 0, abs(distance), _form(value, values), -shared, line.row)
        if best_key is None or key < best_key:
            best = line
            best_key = key
    return best


def _form(value: Value, values: list[Decimal]) -> int:
    """0 when a line has the number with the same decimals, 1 with others, 2 when rounded."""
    exact = [number for number in values if number == value[0]]
    if any(number.as_tuple().exponent == value[0].as_tuple().exponent for number in exact):
        return 0
    return 1 if exact else 2


def _words(text: str) -> set[str]:
    return {word.lower().rstrip("s") for word in WORD.findall(text)}
