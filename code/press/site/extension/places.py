"""``{press} NAME`` marks a place that is filled after rendering: counts, reading paths, the depth switch, reports."""

from __future__ import annotations

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

NAMES = ("counts", "paths", "depth", "checks", "machines", "licences")


class Place(SphinxDirective):
    """An empty element that `press.site.finish` fills from the records of the build."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in NAMES:
            raise self.error(
                f"the press has nothing called {name!r}; use one of: {', '.join(NAMES)}"
            )
        return [nodes.raw("", f'<div data-press="{name}"></div>', format="html")]
