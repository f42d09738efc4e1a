"""Every number the text states about a result was printed by a cell of that page.

A number passes when a cell of the page printed it (to the digits given, or as a percentage), when
it stands in the code of a cell (an assumption), when its sentence has a citation, or when the page
declares it in a comment `<!-- given: 0.05, 10,000 -->`. Whole numbers up to twelve count things.

The documents that `book/press.yml` names are audited as well: their numbers, spelled-out ones too,
stand in the committed reports listed there, or are the length of a list in one.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from press.checks.book import Book, Page
from press.checks.registry import audit
from press.errors import Finding
from press.source import prose

RULE = "numbers"
SMALL = 12
LARGEST_POWER = 400  # beyond the range of double precision nothing is printed
TOKEN = re.compile(
    r"(?<![\w.\\])([-−+]?)(\d{1,3}(?:[,\u202f\u2009]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"(?:[eE]([-+−]?\d+))?(?![\w])( ?%| percent)?"
)
PRINTED = re.compile(
    r"(?<![\w.])[-+−]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
)
GIVEN = re.compile(r"<!--\s*given:(.*?)-->", re.S)
ROLES = re.compile(r"\{(?:doc|ref|numref|eq|cite\w*|term|prf:ref|download)[^}]*\}`[^`]*`")
TEENS = ["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
UNITS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
SPELLED = re.compile(
    rf"\b(?:({'|'.join(TEENS)})|({'|'.join(TENS)})(?:-({'|'.join(UNITS)}))?|(hundred)|(thousand))s?\b",
    re.I,
)
PRINT_IT = (
    "print it in a cell, cite its source in the same sentence, "
    "or declare an assumption with <!-- given: ... -->"
)


@audit(RULE, "numbers in the text that no cell prints and no report holds")
def numbers(book: Book) -> Iterator[Finding]:
    """Numbers in the prose of each page and document that nothing accounts for."""
    for page in book.pages:
        if page.record or not page.chapter.cells:  # else what it prints is not at hand yet
            yield from _page(page)
    for name, sources in book.settings.documents.items():
        yield from _document(book.project.root, name, sources)


def _page(page: Page) -> Iterator[Finding]:
    accounts = sorted(printed(page) | in_code(page) | given(page.chapter.text))
    lines = [(line.number, line.text) for line in page.lines]
    for cell in page.chapter.cells:
        options = cell.metadata.get("mystnb", {})
        lines.append((cell.line, str(options.get("figure", {}).get("caption", ""))))
        lines.append((cell.line, str(options.get("image", {}).get("alt", ""))))
    for number, text in lines:
        for token in _orphans(text, accounts):
            what = f"no cell of this page prints the number {token!r}"
            yield page.finding(number, RULE, what, PRINT_IT)


def _orphans(text: str, accounts: list[Decimal]) -> list[str]:
    """Numbers of a line that none of the sorted `accounts` explains; a citation explains all."""
    if "{cite" in text:
        return []
    return [
        token
        for token, value, digits, percent in tokens(text)
        if not accounted(value, digits, percent, accounts)
    ]


def _document(root: Path, name: str, sources: tuple[str, ...]) -> Iterator[Finding]:
    """The findings of one document; a source or a document that cannot be read is a finding."""
    try:
        text = (root / name).read_text(encoding="utf-8")
        accounts = given(text)
        for source in sources:
            accounts |= _in_report((root / source).read_text(encoding="utf-8"))
    except (OSError, UnicodeError) as error:
        yield Finding(name, 0, RULE, f"cannot be read: {error}", "correct book/press.yml")
        return
    fix = f"write what {' or '.join(sources)} says, or drop the number"
    for line in prose.lines(text):
        spelled = [match[0] for match, value in _spelled(line.text) if value not in accounts]
        for token in _orphans(line.text, sorted(accounts)) + spelled:
            what = f"no committed report holds the number {token!r}"
            yield Finding(name, line.number, RULE, what, fix)


def _in_report(text: str) -> set[Decimal]:
    """Numbers of a text, and the lengths of the lists in it where it is JSON."""
    try:
        data = json.loads(text)
    except ValueError:
        return values(text)
    return values(text) | {Decimal(length) for length in _list_lengths(data)}


def _list_lengths(data: Any) -> Iterator[int]:
    if isinstance(data, list):
        yield len(data)
    if isinstance(data, dict | list):
        for child in data.values() if isinstance(data, dict) else data:
            yield from _list_lengths(child)


def _spelled(text: str) -> Iterator[tuple[re.Match[str], Decimal]]:
    """Numbers above twelve that are written as words, with their values."""
    for match in SPELLED.finditer(text):
        teen, ten, unit, hundred, _ = (part and part.lower() for part in match.groups())
        if teen:
            value = 13 + TEENS.index(teen)
        elif ten:
            value = 20 + 10 * TENS.index(ten) + (1 + UNITS.index(unit) if unit else 0)
        else:
            value = 100 if hundred else 1000
        yield match, Decimal(value)


def tokens(text: str) -> list[tuple[str, Decimal, int, bool]]:
    """(token, value, decimals, is percentage) of each number of a line to be accounted for."""
    if not re.search(r"\d", text):
        return []
    text = ROLES.sub(" ", text)
    text = re.sub(r"`[^`]*`", " ", text)
    text = re.sub(r"\]\([^)]*\)|<?https?:[^\s>]*>?", " ", text)
    formulas = " ".join(re.findall(r"\$([^$]*)\$", text)).replace("{,}", ",")
    formulas = re.sub(r"[_^]\{[^}]*\}|[_^].|\\\w+\{(\d+)\}\{(\d+)\}", " ", formulas)
    text = re.sub(r"\$[^$]*\$", " ", text)
    rows = [
        _token(source, match) for source in (text, formulas) for match in TOKEN.finditer(source)
    ]
    return [row for row in rows if row is not None]


def places(text: str) -> Iterator[tuple[int, int, tuple[Decimal, int, bool]]]:
    """(start, end, (value, decimals, is percentage)) of the numbers in text without markup."""
    for match in TOKEN.finditer(text):
        row = _token(text, match)
        if row is not None:
            yield match.start(), match.start() + len(match[0].rstrip()), row[1:]


def _token(text: str, match: re.Match[str]) -> tuple[str, Decimal, int, bool] | None:
    """One number of a line, or None for a small whole number, a year, or no number at all."""
    sign, body, exponent, percent = match.groups()
    digits = re.sub(r"[,\u202f\u2009]", "", body)
    power = int((exponent or "0").replace("−", "-"))
    if abs(power) > LARGEST_POWER:
        return None
    try:
        value = Decimal(digits) * (Decimal(10) ** power)
    except InvalidOperation:
        return None
    if sign in ("-", "−") and not _is_range(text, match.start()):
        value = -value
    is_whole = "." not in digits and not exponent
    is_year = 1900 <= value <= 2099 and "," not in body
    if is_whole and not percent and (abs(value) <= SMALL or is_year):
        return None
    decimals = len(digits.partition(".")[2]) - power
    return match.group(0).strip(), value, decimals, bool(percent)


def _is_range(text: str, at: int) -> bool:
    return at > 0 and (text[at - 1].isdigit() or text[at - 1] in "-–")


def accounted(value: Decimal, decimals: int, percent: bool, accounts: list[Decimal]) -> bool:
    """Whether one of the sorted numbers, rounded to `decimals`, is `value`, or its percentage."""
    half = Decimal(1).scaleb(-decimals) / 2
    return _within(value, half, accounts) or (
        percent and _within(value / 100, half / 100, accounts)
    )


def _within(value: Decimal, half: Decimal, accounts: list[Decimal]) -> bool:
    place = bisect_left(accounts, value - half)
    return place < len(accounts) and accounts[place] <= value + half


def written(text: str) -> list[Decimal]:
    """Every number of a printed text, or of a piece of code, in order, with its decimals."""
    result = []
    for token in PRINTED.findall(text):
        with suppress(InvalidOperation):
            result.append(Decimal(token.replace(",", "").replace("−", "-").rstrip(".")))
    return result


def values(text: str) -> set[Decimal]:
    """The numbers of a text; 1 and 1.00 are one of them."""
    return set(written(text))


def printed(page: Page) -> set[Decimal]:
    """Numbers in the textual outputs of the page."""
    return {
        number
        for cell in page.chapter.cells
        for text in page.printed(cell)
        for number in values(text)
    }


def in_code(page: Page) -> set[Decimal]:
    """Literals in the page's cells: what the experiment assumes. Comments do not count."""
    return {
        number
        for cell in page.chapter.cells
        for number in values(re.sub(r"#.*", "", cell.source).replace("_", ""))
    }


def given(text: str) -> set[Decimal]:
    """Numbers that the page declares as assumptions."""
    return {number for match in GIVEN.finditer(text) for number in values(match[1])}
