"""Formulas as KaTeX draws them, in fewer bytes: long pages are mostly formulas."""

from __future__ import annotations

import re
from collections import Counter

from clikit.files import sha

NAMESPACE = ' xmlns="http://www.w3.org/1998/Math/MathML"'  # HTML knows the element without it
STYLE = re.compile(r'(?<= style=")[^"]*')
LENGTH = re.compile(r"\d*\.\d{4,}(?=em)")
STRETCHED = re.compile(r'<path d="([^"]{100,})"(?:></path>|\s*/>)')  # roots, braces, wide accents
SOURCE = re.compile(r"<annotation.*?</annotation>", re.S)
END = "</article>"


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
