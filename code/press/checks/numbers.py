"""Every number the text states about a result was printed by a cell of that page.

A number passes when a cell of the page printed it (to the digits given, or as a percentage), when it
stands in the code of a cell (an assumption), when its sentence has a citation, or when the page
declares it in a comment `<!-- given: 0.05, 10,000 -->`. Whole numbers up to twelve count things.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from press.checks.book import Book, Page
from press.errors import Finding

SMALL = 12
TOKEN = re.compile(
    r"(?<![\w.\\])([-−+]?)(\d{1,3}(?:[,\u202f\u2009]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?:[eE]([-+−]?\d+))?(?![\w])( ?%| percent)?"
)
PRINTED = re.compile(
    r"(?<![\w.])[-+−]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
)
GIVEN = re.compile(r"<!--\s*given:(.*?)-->", re.S)


def audit(book: Book) -> list[Finding]:
    """Numbers in the prose of each page that nothing on the page accounts for."""
    return [finding for page in book.pages for finding in _page(page)]


def _page(page: Page) -> list[Finding]:
    known = printed(page) | in_code(page) | given(page.chapter.text)
    found = []
    places = [(line.number, line.text) for line in page.lines]
    for cell in page.chapter.cells:
        figure = cell.metadata.get("mystnb", {})
        for text in (
            figure.get("figure", {}).get("caption", ""),
            figure.get("image", {}).get("alt", ""),
        ):
            places.append((cell.line, str(text)))
    for number, text in places:
        if "{cite" in text:
            continue
        for token, value, digits, percent in tokens(text):
            if not accounted(value, digits, percent, known):
                found.append(
                    page.finding(
                        number,
                        "numbers",
                        f"no cell of this page prints the number {token!r}",
                        "print it in a cell, cite its source in the same sentence, or declare an assumption with <!-- given: ... -->",
                    )
                )
    return found


def tokens(text: str) -> list[tuple[str, Decimal, int, bool]]:
    """(token, value, decimals, is percentage) for each number of a line that needs accounting for."""
    text = re.sub(r"\{(?:doc|ref|numref|eq|cite\w*|term|prf:ref|download)[^}]*\}`[^`]*`", " ", text)
    text = re.sub(r"`[^`]*`", " ", text)
    text = re.sub(r"\]\([^)]*\)|<?https?:[^\s>]*>?", " ", text)
    maths = " ".join(re.findall(r"\$([^$]*)\$", text))
    text = re.sub(r"\$[^$]*\$", " ", text)
    maths = re.sub(r"[_^]\{[^}]*\}|[_^].|\\\w+\{(\d+)\}\{(\d+)\}", " ", maths.replace("{,}", ","))
    found = []
    for source in (text, maths):
        for match in TOKEN.finditer(source):
            sign, body, exponent, percent = match.groups()
            digits = body.replace(",", "").replace("\u202f", "").replace("\u2009", "")
            try:
                value = Decimal(digits) * (Decimal(10) ** int((exponent or "0").replace("−", "-")))
            except InvalidOperation:
                continue
            if sign in ("-", "−") and not _is_range(source, match.start()):
                value = -value
            decimals = len(digits.partition(".")[2])
            whole = "." not in digits and not exponent
            if (
                whole
                and not percent
                and (abs(value) <= SMALL or (1900 <= value <= 2099 and "," not in body))
            ):
                continue
            found.append(
                (
                    match.group(0).strip(),
                    value,
                    decimals - int(exponent or 0) if exponent else decimals,
                    bool(percent),
                )
            )
    return found


def _is_range(text: str, at: int) -> bool:
    return at > 0 and (text[at - 1].isdigit() or text[at - 1] in "-–")


def accounted(value: Decimal, decimals: int, percent: bool, known: set[Decimal]) -> bool:
    """True when some known number, rounded to `decimals`, is `value` (or its hundredth, for a percentage)."""
    step = Decimal(1).scaleb(-decimals)
    half = step / 2
    for number in known:
        if abs(number - value) <= half or (percent and abs(number * 100 - value) <= half):
            return True
    return False


def _numbers(text: str) -> set[Decimal]:
    found = set()
    for match in PRINTED.finditer(text):
        try:
            found.add(Decimal(match.group(0).replace(",", "").replace("−", "-").rstrip(".")))
        except InvalidOperation:
            continue
    return found


def printed(page: Page) -> set[Decimal]:
    """Numbers in the textual outputs of the page."""
    found: set[Decimal] = set()
    for cell in page.chapter.cells:
        for output in page.outputs(cell.number):
            text = (
                output.get("text", "")
                if output["output_type"] == "stream"
                else str(output.get("data", {}).get("text/plain", ""))
            )
            if output["output_type"] == "error":
                text = output["evalue"]
            found |= _numbers("".join(text))
    return found


def in_code(page: Page) -> set[Decimal]:
    """Literals in the page's cells: what the experiment assumes. Comments do not count."""
    return {
        n
        for cell in page.chapter.cells
        for n in _numbers(re.sub(r"#.*", "", cell.source).replace("_", ""))
    }


def given(text: str) -> set[Decimal]:
    """Numbers that the page declares as assumptions."""
    return {n for match in GIVEN.finditer(text) for n in _numbers(match[1])}
