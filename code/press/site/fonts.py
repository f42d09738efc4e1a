"""The fonts of the formulas, cut down to the characters that the book's formulas use."""

from __future__ import annotations

import base64
import io
import logging
import re
from pathlib import Path

from clikit.files import sha

from press.store import Store

# what most pages draw is in the style sheet itself: a font that arrives after its formula gives it
# another width, and the lines below move; the rare ones are whole files, loaded where they are used
FACES = (
    "Main-Regular Main-Bold Math-Italic AMS-Regular Caligraphic-Regular "
    "Size1-Regular Size2-Regular Size3-Regular Size4-Regular"
)
COMMON = tuple(f"KaTeX_{name}.woff2" for name in FACES.split())


def inline(font: Path) -> str:
    """A font as the value of `src` in a style sheet."""
    return f"url(data:font/woff2;base64,{base64.b64encode(font.read_bytes()).decode('ascii')})"


def characters(text: str) -> str:
    """The distinct characters of all formulas of a finished page, sorted."""
    from lxml import html

    letters: set[str] = set()
    if "katex-html" in text:
        for formula in html.fromstring(text).iter("span"):
            if formula.get("class") == "katex-html":
                letters.update(formula.text_content())
    return "".join(sorted(letters))


def used(css: str) -> list[str]:
    """File names of the woff2 fonts that a style sheet names."""
    return sorted(set(re.findall(r"url\(fonts/([^)]+\.woff2)\)", css)))


def sheet(dist: Path) -> str:
    """KaTeX's style sheet, which names its fonts in their smallest form only."""
    css = (dist / "katex.min.css").read_text(encoding="utf-8")
    return re.sub(r",url\([^)]*\.(?:woff|ttf)\) format\(\"(?:woff|truetype)\"\)", "", css) + "\n"


def subset(font: Path, characters: str, store: Store) -> Path:
    """The font with the glyphs of `characters` alone, made once for each set of characters.

    A glyph that the font lacks is not an error: KaTeX spreads its alphabet over twenty files.
    """
    data = font.read_bytes()

    def cut() -> bytes:
        from fontTools import subset as tool
        from fontTools.ttLib import TTFont

        logging.getLogger("fontTools").setLevel(logging.WARNING)
        options = tool.Options(
            flavor="woff2", hinting=False, layout_features=["*"], notdef_outline=True
        )
        small = TTFont(io.BytesIO(data), recalcTimestamp=False)
        cutter = tool.Subsetter(options)
        cutter.populate(unicodes=[ord(character) for character in characters])
        cutter.subset(small)
        small.flavor = "woff2"
        whole = io.BytesIO()
        small.save(whole)
        return whole.getvalue()

    return store.file("font", [sha(data), characters], ".woff2", cut)
