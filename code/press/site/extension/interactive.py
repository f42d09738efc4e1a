"""How myst-nb shows a Vega-Lite output: its specification as data, to be drawn by the page's own script.

The static picture and the frame around it
are added by `press.site.interactive` after rendering.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from docutils import nodes

MIME = "application/vnd.vegalite.v5+json"


class VegaLite:
    """A myst-nb MimeRenderPlugin."""

    mime_priority_overrides: ClassVar = [("html", MIME, 1)]

    @staticmethod
    def handle_mime(renderer: Any, data: Any, inline: bool) -> list[nodes.Element] | None:
        """Raw HTML for one output, or None for any other kind."""
        if data.mime_type != MIME or inline:
            return None
        spec = data.content if isinstance(data.content, dict) else json.loads(data.content)
        body = json.dumps(spec, sort_keys=True, separators=(",", ":")).replace("</", "<\\/")
        return [
            nodes.raw(
                "",
                f'<div class="interactive"><script type="application/json">{body}</script></div>',
                format="html",
            )
        ]


def register() -> None:
    """Make myst-nb use this renderer, as an entry point of an installed package would."""
    from myst_nb.core import render

    installed = render.load_mime_renders()
    if VegaLite not in installed:
        render.load_mime_renders = lambda: [*installed, VegaLite]
