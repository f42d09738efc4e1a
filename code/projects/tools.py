"""The book's own tools: units, search in its pages, files of one folder, and the calculator.

What a tool is and how one is called is in `toolkit.py`. Read with `book/capstones/agent.md`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from clikit.errors import nearest

from projects.calculator import calculator
from projects.toolkit import Effect, Observation, Registry, Tool, tool

__all__ = [
    "Effect",
    "Observation",
    "Registry",
    "Tool",
    "calculator",
    "convert",
    "reader",
    "retrieve",
    "search",
    "tool",
]

BOOK = Path(__file__).resolve().parents[2] / "book"
LISTED = 20  # names of files in a message
READ = 100_000  # characters of a file


FACTORS = {  # to the unit of each kind: meter, kilogram, second
    "m": ("length", 1.0),
    "km": ("length", 1000.0),
    "cm": ("length", 0.01),
    "mile": ("length", 1609.344),
    "foot": ("length", 0.3048),
    "inch": ("length", 0.0254),
    "kg": ("mass", 1.0),
    "g": ("mass", 0.001),
    "pound": ("mass", 0.45359237),
    "s": ("time", 1.0),
    "min": ("time", 60.0),
    "h": ("time", 3600.0),
    "day": ("time", 86400.0),
}


DEGREES = {  # kelvin in one degree, and absolute zero in degrees
    "C": (1.0, -273.15),
    "F": (5 / 9, -459.67),
    "K": (1.0, 0.0),
}


UNITS = ", ".join([*FACTORS, *DEGREES])


def convert(
    value: Annotated[float, "the number alone, without its unit"],
    unit: Annotated[str, f"one of {UNITS}"],
    to: Annotated[str, "a unit of the same kind"],
) -> str:
    """Convert a value between units of length, mass, time or temperature,
    for example 26.2 mile to km.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    if unit in DEGREES and to in DEGREES:
        size, zero = DEGREES[unit]
        to_size, to_zero = DEGREES[to]
        return f"{((value - zero) * size) / to_size + to_zero:.6g} {to}"
    for name in (unit, to):
        if name not in FACTORS:
            raise ValueError(
                f"there is no unit {name!r}{nearest(name, FACTORS)}; known are {UNITS}"
            )
    if FACTORS[unit][0] != FACTORS[to][0]:
        raise ValueError(f"{unit} is a {FACTORS[unit][0]} and {to} a {FACTORS[to][0]}")
    return f"{value * FACTORS[unit][1] / FACTORS[to][1]:.6g} {to}"


@lru_cache(maxsize=4)
def _index(book: Path) -> tuple[list[tuple[str, str]], dict[str, Counter[int]], list[int]]:
    """Sections of the pages as (name, text), the sections each word occurs in, and their lengths in
    words.
    """
    sections: list[tuple[str, str]] = []
    for path in sorted(book.rglob("*.md")):
        text = re.sub(
            r"(?ms)^```\{code-cell\}.*?^```$|^---\n.*?^---$", "", path.read_text(encoding="utf-8")
        )
        for part in re.split(r"(?m)^(?=#{1,3} )", text):
            title = part.split("\n", 1)[0].lstrip("# ").strip()
            if title and len(part) > 80:
                sections.append(
                    (f"{path.relative_to(book).with_suffix('').as_posix()}: {title}", part)
                )
    where: dict[str, Counter[int]] = {}
    lengths = []
    for i, (_, text) in enumerate(sections):
        words = re.findall(r"[a-z]+", text.lower())
        lengths.append(len(words))
        for word, n in Counter(words).items():
            where.setdefault(word, Counter())[i] = n
    return sections, where, lengths


def search(query: str) -> str:
    """Find the sections of this book that fit a question best."""
    return retrieve(query, BOOK)


def retrieve(query: str, book: Path, count: int = 3) -> str:
    """The best sections by BM25 (Robertson and Zaragoza, 2009, with k1 = 1.2 and b = 0.75), each by
    name with its first sentences.
    """
    sections, where, lengths = _index(book)
    scores: dict[int, float] = {}
    mean = sum(lengths) / max(len(lengths), 1)
    for word in set(re.findall(r"[a-z]+", query.lower())):
        counts = where.get(word, Counter())
        rare = math.log(1 + (len(sections) - len(counts) + 0.5) / (len(counts) + 0.5))
        for i, n in counts.items():
            scores[i] = scores.get(i, 0.0) + rare * n * 2.2 / (
                n + 1.2 * (0.25 + 0.75 * lengths[i] / mean)
            )
    if not scores:
        return "nothing in the book has any of these words"
    return "\n".join(
        f"[{sections[i][0]}] {' '.join(sections[i][1].split()[:60])}"
        for i in sorted(scores, key=lambda i: -scores[i])[:count]
    )


def reader(root: Path) -> Callable[[str], str]:
    """A function that reads text files under a folder, and nothing outside of it."""
    base = root.resolve()

    def read_file(path: str) -> str:
        """Read a text file from the folder given to you."""
        file = (base / path).resolve()  # follows links and dots before the check
        if not file.is_relative_to(base):
            raise ValueError(f"{path!r} lies outside the folder")
        if not file.is_file():
            names = sorted(p.name for p in base.iterdir() if p.is_file())
            more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
            raise ValueError(
                f"there is no file {path!r}; files are: {', '.join(names[:LISTED])}{more}"
            )
        with open(file, encoding="utf-8", errors="replace") as handle:
            return handle.read(READ)  # of a file of gigabytes only the beginning

    return read_file
