"""Formulas as KaTeX draws them, in fewer bytes: long pages are mostly formulas."""

from __future__ import annotations

import re

NAMESPACE = ' xmlns="http://www.w3.org/1998/Math/MathML"'  # HTML knows the element without it
STYLE = re.compile(r'(?<= style=")[^"]*')
LENGTH = re.compile(r"\d*\.\d{4,}(?=em)")


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
