"""How nodes become HTML where Sphinx's own way does not serve the book."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from docutils import nodes
from pygments.formatters import HtmlFormatter
from pygments.token import Name, Operator, Punctuation, Text, Whitespace
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

from press import patches
from press.site import context, facts, pictures
from press.site.extension import formulas, numbers, permalinks

LOGGER = logging.getLogger(__name__)
# bare text, in the color of the listing itself: a page has a third fewer elements
PLAIN = (Name, Operator, Punctuation, Text, Whitespace)
LONG_NAME = 20  # characters of a literal in a wide table from which on it may be broken
JOINT = re.compile(r"(?<=\w)([._=(])(?=[\w&])")


class PlainTokens(HtmlFormatter):
    """Listings in which names, operators, punctuation and spaces are bare text."""

    def _get_css_class(self, ttype: Any) -> str:
        return "" if ttype in PLAIN else super()._get_css_class(ttype)


def register(app: Any) -> None:
    """Called by Sphinx with the rest of the extension."""
    patches.PYGMENTS.require()
    app.connect("builder-inited", lighten)


def lighten(app: Any) -> None:
    """Let the HTML builder highlight with fewer elements, and build no index of its own."""
    if app.builder.format == "html":
        app.builder.highlighter.formatter = PlainTokens
        app.builder.search = False  # see `press.site.search`


class BookTranslator(HTML5Translator):
    """Sphinx's HTML5 with two pictures a figure, tables that scroll, and labeled links."""

    def visit_image(self, node: Any) -> None:
        """Figures have a size before they load, and a second version for dark pages."""
        name = self.builder.images.get(node["uri"], "")  # type: ignore[attr-defined]
        if not name.endswith(".svg"):
            node["loading"] = "lazy"
            super().visit_image(node)
            return
        path = Path(self.builder.srcdir) / node["uri"]
        store = context.of_app(self.builder.app).store
        shown = pictures.shown(pictures.fitted(path.read_text(encoding="utf-8"), store))
        shared = {"alt": node.get("alt", ""), "width": shown.width, "height": shown.height}
        is_link = isinstance(node.parent, nodes.reference)
        self.body.append(f'<span class="figure-box" style="--least:{shown.least}px">')
        self.body.append(both(self, name, shared, node["ids"], 0 if is_link else shown.enlarged))
        self.body.append("</span>")

    def depart_image(self, node: Any) -> None:
        if not node["uri"].endswith(".svg"):
            super().depart_image(node)

    def visit_literal_block(self, node: Any) -> None:
        """Listings; printed lines to which numbers lead are marked."""
        try:
            super().visit_literal_block(node)
        finally:  # Sphinx writes the listing and then skips the rest of the node
            if "notes" in node:
                self.body[-1] = numbers.marked(self.body[-1], node["notes"])

    def visit_math(self, node: Any, math_env: str = "") -> None:
        self._draw_formula(super().visit_math, node)

    def visit_math_block(self, node: Any, math_env: str = "") -> None:
        self._draw_formula(super().visit_math_block, node)

    def _draw_formula(self, visit: Callable[[Any], None], node: Any) -> None:
        first = len(self.body)
        try:
            visit(node)
        finally:  # the renderer writes the formula and then skips the rest of the node
            self.body[first:] = [formulas.compact(part) for part in self.body[first:]]
            if refused := formulas.refused("".join(self.body[first:])):
                LOGGER.warning("KaTeX refuses this formula: %s", refused, location=node)

    def visit_table(self, node: Any) -> None:
        self.body.append('<div class="table-scroll">')
        super().visit_table(node)

    def depart_table(self, node: Any) -> None:
        super().depart_table(node)
        self.body.append("</div>\n")

    def visit_Text(self, node: Any) -> None:
        """A long name in a table of three columns or more can be broken between its words."""
        first = len(self.body)
        super().visit_Text(node)
        if isinstance(node.parent, nodes.literal) and len(node) >= LONG_NAME and _is_wide(node):
            self.body[first:] = [JOINT.sub(r"\1<wbr>", part) for part in self.body[first:]]

    def visit_reference(self, node: Any) -> None:
        node.attributes.pop("reftitle", None)  # it would only repeat the text of the link
        if not node.get("internal") and "refuri" in node:
            node["rel"] = "noopener"
        super().visit_reference(node)

    def visit_citation(self, node: Any) -> None:
        """An item of a list: the bibliography is one."""
        if not isinstance(node.previous_sibling(), nodes.citation):
            self.body.append('<div role="list" class="citation-list">\n')
        self.body.append(self.starttag(node, "div", CLASS="citation", role="listitem"))

    def add_permalink_ref(self, node: Any, title: str) -> None:
        """A link to a heading, a figure, a box or a term, named after it."""
        if node["ids"] and self.config.html_permalinks and self.builder.add_permalinks:  # type: ignore[attr-defined]
            label = escape(permalinks.label(self, node))
            self.body.append(
                f'<a class="headerlink" href="#{node["ids"][0]}" aria-label="{label}">'
                f"{self.config.html_permalinks_icon}</a>"
            )

    def depart_title(self, node: Any) -> None:
        if isinstance(node.parent, nodes.Admonition):
            self.add_permalink_ref(node.parent, "")
        super().depart_title(node)
        if self.section_level == 1 and isinstance(node.parent, nodes.section):
            name = self.builder.current_docname  # type: ignore[attr-defined]
            fact = context.of_app(self.builder.app).facts.get(name)
            if fact:
                self.body.append(f'<p class="page-facts">{escape(facts.line(fact))}</p>\n')


def _is_wide(node: Any) -> bool:
    """Whether a node stands in a table of three columns or more."""
    while node is not None and not isinstance(node, nodes.tgroup):
        node = node.parent
    return node is not None and node["cols"] > 2


def both(self: Any, name: str, shared: dict[str, Any], ids: list[str], enlarged: int) -> str:
    """The image `name` for light pages and its twin for dark ones.

    Each leads to the drawing alone, which a script shows in a dialog, `enlarged` pixels wide.
    """
    tags = []
    for theme, file in (("light", name), ("dark", pictures.dark_name(name))):
        source = posixpath.join(self.builder.imgpath, quote(file))
        image = self.emptytag(
            nodes.image(ids=ids if theme == "light" else []),
            "img",
            CLASS=f"figure-picture for-{theme}",
            src=source,
            loading="lazy",
            decoding="async",
            **shared,
        )
        if enlarged:
            opening = f'<a class="figure-zoom for-{theme}" href="{source}" data-width="{enlarged}">'
            image = f'{opening}<span class="sr-only">Enlarge: </span>{image.strip()}</a>'
        tags.append(image)
    return "".join(tags)
