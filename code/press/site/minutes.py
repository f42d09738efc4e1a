"""How long a page takes: minutes to read it, and minutes to practice on it.

Silent readers of English nonfiction read 238 words a minute (Brysbaert, "How many words do we read
per minute?", Journal of Memory and Language 109, 2019). A formula and a line of code or of output
are read more slowly than a word: each counts as ten words, an allowance of ours. So are the minutes
of practice: one per cell to change and rerun, ten per exercise, half of one per card.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from press.source import prose
from press.source.chapter import Chapter

WORDS_PER_MINUTE = 238
WORDS_PER_LINE = 10  # of code or of output
WORDS_PER_FORMULA = 10
MINUTES_PER_CELL = 1.0
MINUTES_PER_EXERCISE = 10.0
MINUTES_PER_CARD = 0.5
FORMULA = re.compile(r"\$[^$]+\$")


@dataclass(frozen=True)
class Minutes:
    """Both times of a page, rounded up."""

    read: int
    practice: int


def of(chapter: Chapter, printed: Sequence[str], aside: Sequence[str], cards: int) -> Minutes:
    """The times of a page whose cells printed these texts.

    The sections with a title in `aside` are practice: a reader takes them one item at a time.
    """
    starts = [line for line in chapter.prose.lines if line.heading == 2]

    def in_text(number: int) -> bool:
        before = [line.text for line in starts if line.number <= number]
        return not before or before[-1].lstrip("# ").strip() not in aside

    text = [line.text for line in chapter.prose.lines if in_text(line.number)]
    rows = 0
    for cell, output in zip(chapter.cells, printed, strict=True):
        if in_text(cell.line):
            rows += len(_filled(cell.source)) + len(_filled(output))
    math_blocks = [block for block in chapter.prose.blocks if block.name == "math"]
    formulas = len(FORMULA.findall("\n".join(text))) + len(math_blocks)
    words = sum(map(prose.words_of_line, text))
    words += WORDS_PER_FORMULA * formulas + WORDS_PER_LINE * rows
    exercises = sum(block.name == "solution-start" for block in chapter.prose.blocks)
    practice = MINUTES_PER_CELL * len(chapter.cells)
    practice += MINUTES_PER_EXERCISE * exercises + MINUTES_PER_CARD * cards
    return Minutes(max(1, math.ceil(words / WORDS_PER_MINUTE)), math.ceil(practice))


def spoken(minutes: int) -> str:
    """A duration as readers say it."""
    hours, rest = divmod(minutes, 60)
    if hours and rest:
        return f"{hours} h {rest} min"
    return f"{hours} h" if hours else f"{rest} min"


def _filled(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]
