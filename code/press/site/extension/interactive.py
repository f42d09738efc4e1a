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

from press import patches
from press.checks.book import VEGA
from press.site import context, figures, layouts, pictures
from press.site.layouts import Layout

PHONE = "(max-width: 34rem)"  # as in interactive.js and read.css
OPENING = '<div class="interactive"'
BESIDE = 470  # a drawing below this width leaves room for the controls beside it


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
        node = interactive(spec=spec)
        node["try"] = str(data.cell_metadata.get("try", ""))
        return [node]


def register() -> None:
    """Make myst-nb use this renderer, as an entry point of an installed package would."""
    patches.MYST_NB.require()
    from myst_nb.core import render

    installed = render.load_mime_renders()
    if VegaLite not in installed:
        render.load_mime_renders = lambda: [*installed, VegaLite]


def visit(self: Any, node: nodes.Element) -> None:
    """The frame, static pictures of both layouts, and the data from which the live one is drawn."""
    spec = node["spec"]
    wide, narrow = layouts.of(spec, context.of_app(self.builder.app).store)
    body = json.dumps(wide.spec, sort_keys=True, separators=(",", ":")).replace("</", "<\\/")
    script = self.builder.get_relative_uri(self.builder.current_docname, "index")
    attributes = {
        "data-script": script.rpartition("index")[0] + "_static/vega.js",
        "data-dark": json.dumps(pictures.mirrored(body), separators=(",", ":")),
        "data-narrow": json.dumps(layouts.changes(wide.spec, narrow.spec), separators=(",", ":")),
    }
    if wide.width < BESIDE:
        attributes["data-beside"] = ""
    self.body.append(OPENING)
    self.body += [f' {name}="{escape(value)}"' for name, value in attributes.items()]
    self.body.append(f'><script type="application/json">{body}</script>')
    self.body.append(
        f'<div class="interactive-picture" style="--wide:{wide.width}/{wide.height};'
        f"--narrow:{narrow.width}/{narrow.height};--width:{round(wide.width * layouts.SHOWN)}px;"
        f'--least:{narrow.width if narrow.width > layouts.NARROW + layouts.NEARLY else 0}px">'
    )
    self.body.append(_pictures(self, wide, narrow, spec.get("description", "")))
    self.body.append('<div class="interactive-live"></div></div>')
    self.body.append(_controls(self, spec, node.get("try", "")))
    self.body.append("</div>\n")
    raise nodes.SkipNode


def _pictures(self: Any, wide: Layout, narrow: Layout, text: str) -> str:
    """The static pictures for light and dark pages, each in both layouts."""
    store = context.of_app(self.builder.app).store
    folder = Path(self.builder.outdir) / "_images"
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for layout in (wide, narrow):
        names.append(figures.name(layout.spec))
        svg = figures.static(layout.spec, store)
        (folder / names[-1]).write_text(svg, encoding="utf-8")
    tags = []
    for theme, rename in (("light", str), ("dark", pictures.dark_name)):
        large, small = (f"{self.builder.imgpath}/{rename(name)}" for name in names)
        tags.append(
            f'<picture class="interactive-static for-{theme}">'
            f'<source media="{PHONE}" srcset="{small}" width="{narrow.width}" '
            f'height="{narrow.height}"><img src="{large}" alt="{escape(text)}" '
            f'width="{wide.width}" height="{wide.height}" loading="lazy" decoding="async">'
            "</picture>"
        )
    return "".join(tags)


def _controls(self: Any, spec: dict[str, Any], task: str) -> str:
    """Room for the controls, a button that takes them back, and what is worth trying."""
    count = sum("bind" in param for param in spec.get("params", []))
    number = sum(1 for part in self.body if part == OPENING)
    rows = f'<div class="interactive-rows" id="controls-{number}" style="--rows:{count}"></div>'
    hint = f"<span><strong>Try:</strong> {escape(task)}</span>" if task else "<span></span>"
    button = '<button class="interactive-reset scripted" type="button">Reset</button>'
    line = f'<p class="interactive-try">{hint}{button}</p>'
    return f'<div class="interactive-controls">{rows}{line}</div>'
