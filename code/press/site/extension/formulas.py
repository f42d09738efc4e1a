"""Formulas as KaTeX draws them, in fewer bytes: long pages are mostly formulas."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import cache
from html import unescape

from clikit.files import sha

NAMESPACE = ' xmlns="http://www.w3.org/1998/Math/MathML"'  # HTML knows the element without it
STYLE = re.compile(r'(?<= style=")[^"]*')
LENGTH = re.compile(r"\d*\.\d{4,}(?=em)")
STRETCHED = re.compile(r'<path d="([^"]{100,})"(?:></path>|\s*/>)')  # roots, braces, wide accents
SOURCE = re.compile(r"<annotation.*?</annotation>", re.S)
STYLED = re.compile(r'<(m[ion])((?: [^>]*)?) mathvariant="(?!normal")([a-z-]+)"([^>]*)>([^<&]*)<')
STYLES: dict[
    str, str | tuple[str, str]
] = {  # a mathvariant and how Unicode names its letters, the longer beginnings first
    "sans-serif-bold-italic": "SANS-SERIF BOLD ITALIC",
    "sans-serif-italic": "SANS-SERIF ITALIC",
    "bold-sans-serif": "SANS-SERIF BOLD",
    "bold-fraktur": "BOLD FRAKTUR",
    "bold-italic": "BOLD ITALIC",
    "bold-script": "BOLD SCRIPT",
    "double-struck": "DOUBLE-STRUCK",
    "sans-serif": "SANS-SERIF",
    "monospace": "MONOSPACE",
    "fraktur": ("FRAKTUR", "BLACK-LETTER"),
    "italic": ("ITALIC", "PLANCK CONSTANT"),
    "script": "SCRIPT",
    "bold": "BOLD",
}
END = "</article>"
# a formula that cannot be parsed; a command that KaTeX does not know, which it writes out in red
REFUSED = re.compile(
    r'class="katex-error" title="([^"]*)"|<mstyle mathcolor="#cc0000"><mtext>(\\[^<]*)<'
)


def refused(formula: str) -> str:
    r"""What KaTeX says of a formula that it prints in red; empty of one that it draws.

    >>> refused('<span class="katex-error" title="ParseError: &#x27;}&#x27;">')
    "ParseError: '}'"
    >>> refused(r'<mstyle mathcolor="#cc0000"><mtext>\foo</mtext></mstyle>')
    'unknown command \\foo'
    >>> refused("<mi>x</mi>")
    ''
    """
    match = REFUSED.search(formula)
    if not match:
        return ""
    return unescape(match[1] or f"unknown command {match[2]}")


def compact(formula: str) -> str:
    """The same drawing: lengths to a thousandth of an em, which is a fiftieth of a pixel.

    >>> compact('<span style="height:0.76667em;margin-left:0em;"></span>')
    '<span style="height:0.767em"></span>'
    """
    return STYLE.sub(_declarations, formula.replace(NAMESPACE, ""))


def _declarations(style: re.Match[str]) -> str:
    text = style[0].replace("margin-left:0em;", "").removesuffix(";")
    return LENGTH.sub(_rounded, text)


def _rounded(length: re.Match[str]) -> str:
    return f"{float(length[0]):.3f}".rstrip("0").rstrip(".")


def without_source(page: str) -> str:
    """The formulas without their TeX, which no reader sees; the page's Markdown has it.

    >>> without_source("<math><mi>x</mi><annotation>x</annotation></math>")
    '<math><mi>x</mi></math>'
    """
    return SOURCE.sub("", page)


def with_letters(formula: str) -> str:
    """MathML whose double-struck, script and bold letters are characters of their own.

    MathML Core drops the attribute that asked for them: Chromium draws ``mathvariant="bold"`` as
    an ordinary italic letter, but not the characters that Unicode has for these alphabets.

    >>> with_letters('<mi mathvariant="double-struck">E</mi><mi mathvariant="normal">d</mi>')
    '<mi>𝔼</mi><mi mathvariant="normal">d</mi>'
    """
    return STYLED.sub(_styled, formula)


def _styled(element: re.Match[str]) -> str:
    tag, before, style, after, text = element.groups()
    letters = [alphabets().get((style, char), char) for char in text]
    if any(char.isalnum() and char == new for char, new in zip(text, letters, strict=True)):
        return element[0]  # no such character: what knows the attribute still draws it
    return f"<{tag}{before}{after}>{''.join(letters)}<"


@cache
def alphabets() -> dict[tuple[str, str], str]:
    """The letters and digits of Unicode's mathematical alphabets by style and plain character.

    >>> [alphabets()[pair] for pair in [("double-struck", "R"), ("bold", "1"), ("fraktur", "I")]]
    ['ℝ', '𝟏', 'ℑ']
    """
    table: dict[tuple[str, str], str] = {}
    for code in (*range(0x1D400, 0x1D800), *range(0x2100, 0x213A)):  # first the block of all
        char = chr(code)
        kind, _, plain = unicodedata.decomposition(char).partition(" ")
        name = unicodedata.name(char, "").removeprefix("MATHEMATICAL ")
        style = next((style for style, begin in STYLES.items() if name.startswith(begin)), None)
        if kind == "<font>" and style:
            table.setdefault((style, chr(int(plain, 16))), char)
    return table


def shared(page: str) -> str:
    """The page with each stretched root or brace that it shows more than once drawn only once.

    The drawing stands at the end of the article, and each formula uses it: the window of gzip is
    shorter than the way from one formula to the next.
    """
    count = Counter(match[1] for match in STRETCHED.finditer(page))
    ids = {drawing: f"drawn-{sha(drawing)[:8]}" for drawing, n in count.items() if n > 1}
    before, end, after = page.rpartition(END)
    if not ids or not end:
        return page

    def use(match: re.Match[str]) -> str:
        return f'<use href="#{ids[match[1]]}"/>' if match[1] in ids else match[0]

    once = "".join(f'<path id="{name}" d="{drawing}"/>' for drawing, name in ids.items())
    sheet = (
        f'<svg class="drawings" width="0" height="0" aria-hidden="true"><defs>{once}</defs></svg>'
    )
    return STRETCHED.sub(use, before) + sheet + end + STRETCHED.sub(use, after)
