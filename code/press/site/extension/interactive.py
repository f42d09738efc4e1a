"""Interactive figures: a static picture first, the live one when it nears the viewport.

The page holds the specification as data; the page's script draws it with `vega.js`, which the press
adds to the site.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes

from press.checks.book import VEGA
from press.site import context, figures, pictures
from press.site.extension.translator import both


class interactive(nodes.General, nodes.Element):
    """A Vega-Lite figure; `spec` is its specification."""


class VegaLite:
    """A myst-nb MimeRenderPlugin."""

    mime_priority_overrides: ClassVar = [("html", VEGA, 1)]

    @staticmethod
    def handle_mime(renderer: Any, data: Any, inline: bool) -> list[nodes.Element] | None:
        """A node for one output, or None for any other kind."""
        if data.mime_type != VEGA or inline:
            return None
        spec = data.content if isinstance(data.content, dict) else json.loads(data.content)
        return [interactive(spec=spec)]


def register() -> None:
    """Make myst-nb use this renderer, as an entry point of an installed package would."""
    from myst_nb.core import render

    installed = render.load_mime_renders()
    if VegaLite not in installed:
        render.load_mime_renders = lambda: [*installed, VegaLite]


def visit(self: Any, node: nodes.Element) -> None:
    """The frame, both static pictures, and the data from which the live figure is drawn."""
    spec = node["spec"]
    svg = figures.static(spec, context.of_app(self.builder.app).store)
    name = figures.name(spec)
    folder = Path(self.builder.outdir) / "_images"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(svg, encoding="utf-8")
    width, height = pictures.size(svg)
    shared = {"alt": spec.get("description", ""), "width": width, "height": height}
    body = json.dumps(spec, sort_keys=True, separators=(",", ":")).replace("</", "<\\/")
    script = self.builder.get_relative_uri(self.builder.current_docname, "index")
    script = script.rpartition("index")[0] + "_static/vega.js"
    controls = sum("bind" in param for param in spec.get("params", []))
    number = sum(1 for part in self.body if part.startswith('<div class="interactive"')) + 1
    dark = escape(json.dumps(pictures.mirrored(body), separators=(",", ":")))
    self.body.append(f'<div class="interactive" data-script="{script}" data-dark="{dark}">')
    self.body.append(f'<script type="application/json">{body}</script>')
    self.body.append(both(self, name, "interactive-static", shared, []))
    self.body.append('<div class="interactive-live"></div>')
    if controls:
        self.body.append(
            f'<div class="interactive-controls" id="controls-{number}" '
            f'style="--rows:{controls}"></div>'
        )
    self.body.append(f'<p class="interactive-text">{escape(shared["alt"])}</p></div>\n')
    raise nodes.SkipNode
