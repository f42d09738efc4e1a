"""Flash cards: `book/_assets/cards/<part>/<topic>.yml`, checked against one schema."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from press.source.settings import read_yaml

LEVELS = ("foundational", "intermediate", "advanced", "expert")
TYPES = ("concept", "math", "coding", "system-design")
SCHEMA = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["id", "level", "type", "tags", "question", "answer"],
        "properties": {
            "id": {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$(?!\\n)"},
            "level": {"enum": list(LEVELS)},
            "type": {"enum": list(TYPES)},
            "tags": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string", "pattern": "^[a-z0-9-]+$(?!\\n)"},
            },
            "question": {"type": "string", "minLength": 10},
            "answer": {"type": "string", "minLength": 40},
            "verify": {"type": "string", "minLength": 5},
        },
    },
}


@dataclass(frozen=True)
class Card:
    """One question with its answer and, for a number or an identity, code that asserts it."""

    id: str
    level: str
    type: str
    tags: tuple[str, ...]
    question: str
    answer: str
    verify: str = ""


def card_file(book: Path, slug: str) -> Path:
    """The file of a page's cards, whether it exists or not."""
    return book / "_assets" / "cards" / f"{slug}.yml"


def load(path: Path) -> list[Card]:
    """The cards of one page. Raises ValueError naming the card and the field that is wrong."""
    import jsonschema

    try:
        raw = read_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: cannot be read: {error}") from error
    errors = sorted(
        jsonschema.Draft202012Validator(SCHEMA).iter_errors(raw),
        key=lambda e: list(e.absolute_path),
    )
    if errors:
        place = "/".join(str(part) for part in errors[0].absolute_path) or "the file"
        raise ValueError(f"{path}: {place}: {errors[0].message}")
    cards = [Card(**{**card, "tags": tuple(card["tags"])}) for card in raw]
    ids: set[str] = set()
    for card in cards:
        if card.id in ids:
            raise ValueError(f"{path}: the id {card.id!r} is a duplicate")
        ids.add(card.id)
    return cards


def bank(book: Path) -> dict[str, list[Card]]:
    """All cards of the book by page."""
    base = book / "_assets" / "cards"
    return {
        str(path.relative_to(base).with_suffix("")): load(path)
        for path in sorted(base.rglob("*.yml"))
    }
