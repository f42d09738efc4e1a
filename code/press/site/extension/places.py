"""``{press} NAME`` marks a place for what the build knows: counts, reading paths, reports."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from press.site import context, minutes, parts
from press.site.extension import numbering
from press.source import cards

NAMES = (
    *("counts", "paths", "continue", "depth", "checks", "machines", "seeds", "mutants", "licences"),
    *("study", "take-cards"),
    *("start", "proofs", "path-cards", "parts"),  # in landing.html
)


class place(nodes.General, nodes.Element):
    """Filled when the page is written, from the template `places.html`."""


class Place(SphinxDirective):
    """A place for one of `NAMES`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in NAMES:
            raise self.error(
                f"the press has nothing called {name!r}; use one of: {', '.join(NAMES)}"
            )
        self.env.metadata[self.env.docname].setdefault("press", []).append(name)
        return [place(name=name)]


def visit(self: Any, node: nodes.Element) -> None:
    builder = self.builder
    site = context.of_app(builder.app)
    titles = context.titles(builder.env)
    values = {
        "name": node["name"],
        "up": "../" * builder.current_docname.count("/"),
        "site": site,
        "titles": titles,
        "parts": parts.rows(site.settings, site.entries, titles, numbering.all_of(builder.env)),
        "spoken": minutes.spoken,
        "levels": cards.LEVELS,
        "types": cards.TYPES,
    }
    self.body.append(builder.templates.render("places.html", values))
    raise nodes.SkipNode
