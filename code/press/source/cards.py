"""Flash cards: `book/_assets/cards/<part>/<topic>.yml`, one list of cards for each page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

import yaml

from press.source.parsing import parse, read_yaml, require

Level = Literal["foundational", "intermediate", "advanced", "expert"]
Type = Literal["concept", "math", "coding", "system-design"]
LEVELS = get_args(Level)
TYPES = get_args(Type)


@dataclass(frozen=True)
class Card:
    """One question with its answer and, for a number or an identity, code that asserts it.

    The fields are the keys of a card in the file; the expressions say what they hold.
    `site/extension/cards.py` and, for Anki, `site/anki.py` show them.
    """

    id: Annotated[str, "[a-z0-9]+(-[a-z0-9]+)*"]
    level: Level
    type: Type
    tags: tuple[Annotated[str, "[a-z0-9-]+"], ...]
    question: Annotated[str, ".{10,}"]
    answer: Annotated[str, ".{40,}"]
    verify: Annotated[str, ".{5,}"] = ""


def card_file(book: Path, slug: str) -> Path:
    """The file of a page's cards, whether it exists or not."""
    return book / "_assets" / "cards" / f"{slug}.yml"


def load(path: Path) -> list[Card]:
    """The cards of one page. Raises ValueError naming the card and the field that is wrong."""
    try:
        raw = read_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: cannot be read: {error}") from error
    try:
        cards = list(parse(tuple[Card, ...], raw, "the file"))
        require(bool(cards), "the file", raw, "a list with cards in it")
        for i, card in enumerate(cards, 1):
            place = f"the file, item {i}"
            require(bool(card.tags), f"{place}, tags", [], "a list with names in it")
            earlier = [other.id for other in cards[: i - 1]]
            require(card.id not in earlier, f"{place}, id", card.id, "an id of its own")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return cards


def bank(book: Path) -> dict[str, list[Card]]:
    """All cards of the book by page."""
    base = book / "_assets" / "cards"
    paths = sorted(base.rglob("*.yml"))
    return {str(path.relative_to(base).with_suffix("")): load(path) for path in paths}
