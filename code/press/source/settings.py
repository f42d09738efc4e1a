"""`book/press.yml`: what the press must know of this book and of no other, read and checked here.

Each dataclass below is one mapping of that file, and its fields are the keys that the mapping may
have. An unknown key or a value of another type is refused with the place, the nearest key and the
type expected.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from clikit.errors import Exit, UserError

from press.source.parsing import WrongValue, parse, read_yaml, require

NAME = "book/press.yml"


class Range(NamedTuple):
    """A least and a greatest number, both allowed; written as a list of two."""

    low: int
    high: int

    def holds(self, value: int) -> bool:
        """Whether `value` lies between both, ends included."""
        return self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{self.low:,} to {self.high:,}"

    @classmethod
    def parse(cls, raw: Any, place: str) -> Range:
        """The range that a list of two numbers names."""
        whole = isinstance(raw, list) and [type(item) for item in raw] == [int, int]
        ordered = whole and 0 <= raw[0] <= raw[1]
        require(ordered, place, raw, "a list of two whole numbers, the smaller first")
        return cls(*raw)


class Pattern(str):
    """A regular expression, checked when the file is read."""

    __slots__ = ()

    @classmethod
    def parse(cls, raw: Any, place: str) -> Pattern:
        """The expression that a string names."""
        require(isinstance(raw, str), place, raw, "a regular expression in quotes")
        try:
            re.compile(raw)
        except re.error as error:
            require(False, place, raw, f"a regular expression ({error})")
        return cls(raw)


@dataclass(frozen=True)
class Entry:
    """What each entry of a page of many entries holds; an entry is a second-level section."""

    least: int  # entries on a page
    title: Pattern | None = None
    box: str = ""  # class of an admonition
    cells: Range | None = None
    words: Range | None = None
    card: bool = False  # a card with the title as its question


@dataclass(frozen=True)
class Kind:
    """The rules for one kind of page."""

    about: str
    sections: tuple[str, ...] = ()  # all of them, in this order
    promise: bool = False  # opens with an admonition of class promise
    words: Range | None = None  # outside the sections of `sections.aside`
    cells: Range | None = None  # likewise
    exercises: Range | None = None
    entries: Entry | None = None
    terms: bool = False  # glossary terms are linked where they are first used


@dataclass(frozen=True)
class Sections:
    """Sections with a meaning of their own, by their titles."""

    # taken one item at a time: not counted as text and cells of the page
    aside: tuple[str, ...] = ()
    # steps that chapters have in common: their headings need not name a term
    steps: tuple[str, ...] = ()
    keep: str = ""  # at most `limits.keep_lines` items


@dataclass(frozen=True)
class Limits:
    """Numbers that hold on every page; one that is left out limits nothing."""

    columns: int = sys.maxsize  # of a line of a cell and of an output
    cell_lines: int = sys.maxsize
    keep_lines: int = sys.maxsize


@dataclass(frozen=True)
class Pages:
    """Pages with a task of their own."""

    glossary: str = ""
    # pages whose first uses are linked although their kind does not ask for it
    terms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sources:
    """Listings of library functions below the cells that first use them."""

    hidden: tuple[str, ...] = ()  # modules and packages that no page is about


@dataclass(frozen=True)
class ReadingPath:
    """One way through the book; its pages stand in the order of `_toc.yml`."""

    name: str
    about: str
    cards: bool = False  # holds every page that has cards, whatever their front matter says


@dataclass(frozen=True)
class HouseWord:
    """A wording that the prose does not use, and what it says instead."""

    pattern: Pattern
    say: str


@dataclass(frozen=True)
class Part:
    """A part of the book, written or not; `name` is its caption in `_toc.yml`."""

    name: str
    about: str
    numbered: bool = True  # its chapters, their figures and exercises begin with its number


@dataclass(frozen=True)
class Announced:
    """What a part will hold and does not yet: its subjects, each with all its names."""

    part: str
    subjects: tuple[tuple[str, ...], ...]  # the first name of each is the one that is shown

    def __post_init__(self) -> None:
        for number, names in enumerate(self.subjects, 1):
            require(bool(names), f"announced, {self.part}, subject {number}", [], "a list of names")


@dataclass(frozen=True)
class Settings:
    """The whole file; every key may be left out."""

    kinds: dict[str, Kind] = field(default_factory=dict)
    sections: Sections = field(default_factory=Sections)
    limits: Limits = field(default_factory=Limits)
    grades: tuple[str, ...] = ()  # an exercise's title begins with one of them
    pages: Pages = field(default_factory=Pages)
    sources: Sources = field(default_factory=Sources)
    paths: dict[str, ReadingPath] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()  # all of them, in order; the place gives the number
    announced: tuple[Announced, ...] = ()
    terms: tuple[str, ...] = ()  # of the field, for headings, beside those of the glossary
    synonyms: tuple[tuple[str, ...], ...] = ()  # names of one thing, for the search
    # pages that moved: the old slug and the new one
    redirects: dict[str, str] = field(default_factory=dict)
    tagline: str = ""  # what the book is, behind its name in the title of the first page
    filler: tuple[Pattern, ...] = ()
    words: tuple[HouseWord, ...] = ()
    known_abbreviations: tuple[str, ...] = ()
    documents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    versions: tuple[str, ...] = ()  # packages named on the landing page
    check_lines: dict[str, Pattern] = field(default_factory=dict)
    seeds_env: dict[str, str] = field(default_factory=dict)
    kernel_env: dict[str, str] = field(default_factory=dict)
    license_notice: str = ""  # the first lines of the collected licenses

    def part_numbers(self) -> dict[str, int]:
        """The number of each numbered part by its name."""
        names = [part.name for part in self.parts if part.numbered]
        return {name: number for number, name in enumerate(names, 1)}


def load(book: Path) -> Settings:
    """The settings of the book in the folder `book`; the defaults when it has no press.yml.

    Raises UserError for a file that cannot be read, an unknown key and a value of the wrong type.
    """
    path = book / "press.yml"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeError) as error:
        raise _refused(f"cannot be read: {error}", "make it a readable UTF-8 file") from error
    return _parsed(text)


@lru_cache(maxsize=8)
def _parsed(text: str) -> Settings:
    try:
        raw = read_yaml(text)
    except yaml.YAMLError as error:
        raise _refused(f"is not valid YAML: {error}", "correct it at the place named") from error
    try:
        return Settings() if raw is None else parse(Settings, raw, "the file")
    except WrongValue as error:
        raise _refused(str(error), error.fix) from error


def _refused(what: str, fix: str) -> UserError:
    return UserError(f"{NAME}: {what}", fix, Exit.USAGE)
