"""Links to the glossary are marked, and punctuation stays with its formula."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from press.site.extension.numbers import number_link

MARKS = re.compile(r"[,.;:!?)\]]+")
SENTENCE = re.compile(r"(?<=[.])\s+(?=[A-Z])")


def entries(env: Any) -> dict[str, nodes.Element]:
    """The definition of every glossary term by its anchor."""
    objects = env.domaindata["std"]["objects"]
    pages = sorted({page for (kind, _), (page, _) in objects.items() if kind == "term"})
    definitions = {}
    for page in pages:
        for item in env.get_doctree(page).findall(nodes.definition_list_item):
            for term in item.findall(nodes.term):
                for anchor in term["ids"]:
                    definitions[anchor] = next(item.findall(nodes.definition))
    return definitions


class Terms(SphinxPostTransform):
    """Mark each link to the glossary."""

    default_priority = 900
    formats = ("html",)

    def run(self, **_: Any) -> None:
        for link in self.document.findall(nodes.reference):
            inner = link.findall(nodes.inline)
            if any("std-term" in child.get("classes", ()) for child in inner):
                link["classes"].append("term")


def _formulas(document: nodes.document) -> Iterator[nodes.Element]:
    """Each formula, or the link around it."""
    for formula in document.findall(nodes.math):
        linked = isinstance(formula.parent, number_link)
        yield formula.parent if linked else formula  # type: ignore[misc]


class Punctuation(SphinxPostTransform):
    """Keep a comma, a period or a bracket on the line of the formula before it."""

    default_priority = 900
    formats = ("html",)

    def run(self, **_: Any) -> None:
        for formula in list(_formulas(self.document)):
            parent = formula.parent
            place = parent.index(formula)
            after = parent[place + 1] if place + 1 < len(parent) else None
            if not isinstance(after, nodes.Text):
                continue
            text = after.astext()
            mark = MARKS.match(text)
            if mark:
                # by position, because docutils removes the first of several equal texts
                del parent[place : place + 2]
                stay = nodes.inline("", "", formula, nodes.Text(mark[0]), classes=["stay"])
                parent.insert(place, [stay, nodes.Text(text[mark.end() :])])
