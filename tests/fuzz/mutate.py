"""Damaged inputs from whole ones, and how many of them are tried.

Hypothesis draws seeds; each seed stands for a batch of mutations, so that ten thousand cases take
seconds and a failure names the one seed that shows it again. CI tries 10,000 cases of each parser,
FUZZ_CASES=... another number.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CASES = int(os.environ.get("FUZZ_CASES") or (10_000 if os.environ.get("CI") else 1_000))
BATCH = 100
STRANGE = [
    "",
    "\n",
    "\r\n",
    "\t",
    "\x00",
    "\x1b[0m",
    " ",
    "é",
    "漢",
    "🙂",
    "\u2028",
    "\u202e",
    "\ufeff",
    "'",
    '"',
    "\\",
    "`",
    "```",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "<",
    ">",
    "<!--",
    "-->",
    "$",
    "$$",
    "#",
    "-",
    "---",
    ":",
    "=",
    ",",
    ".",
    "/",
    "%",
    "*",
    "_",
    "&a",
    "!!python/object:os.system",
    "0",
    "-1",
    "1e999",
    "nan",
    "null",
    "true",
    "~",
    "2026-13-45",
    "9" * 40,
]


def mutated(rng: random.Random, corpus: Sequence[str], words: Sequence[str] = ()) -> str:
    """One text of the corpus, changed in one to four places."""
    text = rng.choice(corpus)
    for _ in range(rng.randint(1, 4)):
        at, upto = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
        upto = min(upto, at + rng.choice((1, 3, 10, 80)))
        kind = rng.randrange(6)
        if kind == 0:  # leave out
            text = text[:at] + text[upto:]
        elif kind == 1:  # twice
            text = text[:upto] + text[at:]
        elif kind == 2:  # something strange
            text = text[:at] + rng.choice(STRANGE) + text[at:]
        elif kind == 3:  # a word of the language
            text = text[:at] + rng.choice(words or STRANGE) + text[upto:]
        elif kind == 4:  # another character
            text = (
                text[:at]
                + chr(rng.choice((rng.randrange(32, 127), rng.randrange(160, 0xD7FF))))
                + text[at + 1 :]
            )
        else:  # the end of another text
            other = rng.choice(corpus)
            text = text[:at] + other[rng.randint(0, len(other)) :]
    return text


def cases(seed: int, corpus: Sequence[str], words: Sequence[str] = ()) -> Iterator[str]:
    """The batch of one seed."""
    rng = random.Random(seed)
    for _ in range(BATCH):
        yield mutated(rng, corpus, words)


def rewrite(path: Path, text: str) -> None:
    """A file with another text; one that is cut to nothing first waits 6 ms for the disk (ext4)."""
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")


def fuzz(test: Callable) -> Callable:
    """`test(..., seed)` for as many seeds as make CASES cases."""
    few = settings(
        max_examples=max(1, CASES // BATCH), deadline=None, suppress_health_check=list(HealthCheck)
    )
    return few(given(seed=st.integers(0, 2**48))(test))
