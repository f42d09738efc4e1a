"""The parts of the book as the contents show them: with their pages, or announced."""

from __future__ import annotations

from dataclasses import dataclass, field

from press.source.settings import Settings
from press.source.toc import Entry


@dataclass(frozen=True)
class Leaf:
    """A page in the contents."""

    slug: str
    title: str
    number: str  # "3.9", empty where the page has none


@dataclass
class Part:
    """A part with its pages; one without pages is announced. The landing page has no part name."""

    name: str
    about: str = ""
    number: str = ""
    pages: list[Leaf] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)  # of an announced part, by their first names


def rows(
    settings: Settings, entries: list[Entry], titles: dict[str, str], numbers: dict[str, str]
) -> list[Part]:
    """All parts in the order of the settings, those that only `_toc.yml` has after them."""
    places = settings.part_numbers()
    parts = {"": Part("")}
    for known in settings.parts:
        number = str(places.get(known.name, ""))
        parts[known.name] = Part(known.name, known.about, number)
    for announced in settings.announced:
        part = parts.setdefault(announced.part, Part(announced.part))
        part.subjects = [names[0] for names in announced.subjects]
    for entry in entries:
        part = parts.setdefault(entry.part, Part(entry.part))
        leaf = Leaf(entry.slug, titles.get(entry.slug, entry.slug), numbers.get(entry.slug, ""))
        part.pages.append(leaf)
    return list(parts.values())
