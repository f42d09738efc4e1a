"""What the search knows of its documents beside their words.

How a section answers, where a definition leads, what one thing is also called, and what helps
against a symptom.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from typing import Any

from press.site import explained
from press.source import settings

ARROW = "→"  # in `synonyms`: behind it is what helps against what readers type


def rank(entry: dict[str, Any], own: settings.Settings, part: str) -> int:
    """How a section answers: 0 as one that explains, else the number of a weight in `engine.js`."""
    if entry.pop("references"):
        return 2
    if entry["heading"] in own.sections.aside:
        return 1
    return 0 if entry["term"] or part in own.part_numbers() else 3


def lead(documents: list[dict[str, Any]], slugs: list[str]) -> None:
    """The links of definitions as numbers of the documents that they lead to, -1 for none.

    `defined` says whether the document introduces the term: in bold, or by its heading.
    """
    places = {(slugs[row["page"]], row["anchor"]): at for at, row in enumerate(documents)}
    for document in documents:
        page, _, anchor = document["leads"].partition("#")
        folder = posixpath.dirname(slugs[document["page"]])
        slug = posixpath.normpath(posixpath.join(folder, page.removesuffix(".html")))
        document["leads"] = places.get((slug, anchor), -1) if page else -1
        target = documents[document["leads"]]
        document["defined"] = document["leads"] >= 0 and explained.defines(
            target, document["names"]
        )


def given(
    own: settings.Settings, documents: list[dict[str, Any]], expansions: list[tuple[str, str]]
) -> dict[str, Any]:
    """What one thing is also called, what helps against a symptom, and what is announced."""
    names, symptoms = _one_way(own.synonyms)
    terms = [entry["names"] for entry in documents if entry["term"] and len(entry["names"]) > 1]
    return {
        "synonyms": [*map(list, names), *terms, *map(list, expansions)],
        "symptoms": symptoms,
        "announced": [
            {"part": group.part, "names": list(names)}
            for group in own.announced
            for names in group.subjects
        ],
    }


def _one_way(
    synonyms: Iterable[tuple[str, ...]],
) -> tuple[list[tuple[str, ...]], list[dict[str, tuple[str, ...]]]]:
    """The names of one thing, and apart from them what is typed for a symptom and what helps.

    >>> _one_way([("AUC", "ROC AUC"), ("nan", "→", "loss spike")])
    ([('AUC', 'ROC AUC')], [{'typed': ('nan',), 'means': ('loss spike',)}])
    """
    names = []
    symptoms = []
    for row in synonyms:
        if ARROW in row:
            at = row.index(ARROW)
            symptoms.append({"typed": row[:at], "means": row[at + 1 :]})
        else:
            names.append(row)
    return names, symptoms
