"""The fonts of the formulas, cut down to the characters that the book's formulas use."""

from __future__ import annotations

import base64
import io
import logging
import re
from pathlib import Path

from press.files import sha, write_atomic

FACE = re.compile(r"@font-face\s*\{[^}]*\}")
FAMILY = re.compile(r"KaTeX_[A-Za-z0-9]+")
# what most pages draw lies in the style sheet itself: a font that arrives after its formula gives it another width, and
# the lines below move; the rare ones are files and come when a page uses them
COMMON = tuple(
    f"KaTeX_{name}.woff2"
    for name in (
        "Main-Regular",
        "Main-Bold",
        "Math-Italic",
        "AMS-Regular",
        "Caligraphic-Regular",
        "Size1-Regular",
        "Size2-Regular",
        "Size3-Regular",
        "Size4-Regular",
    )
)


def inline(font: Path) -> str:
    """A font as the value of `src` in a style sheet."""
    return f"url(data:font/woff2;base64,{base64.b64encode(font.read_bytes()).decode('ascii')})"


def characters(text: str) -> str:
    """The distinct characters of all formulas of a finished page, sorted."""
    from lxml import html

    found: set[str] = set()
    if "katex-html" in text:
        for formula in html.fromstring(text).iter("span"):
            if formula.get("class") == "katex-html":
                found.update(formula.text_content())
    return "".join(sorted(found))


def used(css: str) -> list[str]:
    """File names of the woff2 fonts that a style sheet names."""
    return sorted(set(re.findall(r"url\(fonts/([^)]+\.woff2)\)", css)))


def asked_for(css: str) -> str:
    """`css` without the faces of families of formulas that none of its rules asks for."""
    families = set(FAMILY.findall(FACE.sub("", css)))
    return FACE.sub(
        lambda face: face[0] if not (of := FAMILY.search(face[0])) or of[0] in families else "", css
    )


def subset(font: Path, kept: str, work: Path) -> Path:
    """The font with the glyphs of `kept` alone, made once for each set of characters.

    A glyph that the font lacks is no error: KaTeX spreads its alphabet over twenty files.
    """
    from fontTools import subset as tool
    from fontTools.ttLib import TTFont

    data = font.read_bytes()
    done = work / f"{sha(sha(data) + kept)}.woff2"
    if not done.is_file():
        logging.getLogger("fontTools").setLevel(logging.WARNING)
        options = tool.Options(
            flavor="woff2", hinting=False, layout_features=["*"], notdef_outline=True
        )
        made = TTFont(io.BytesIO(data), recalcTimestamp=False)
        cutter = tool.Subsetter(options)
        cutter.populate(unicodes=[ord(character) for character in kept])
        cutter.subset(made)
        made.flavor = "woff2"
        whole = io.BytesIO()
        made.save(whole)
        write_atomic(done, whole.getvalue())
    return done
