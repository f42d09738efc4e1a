"""The source of library functions, folded below the cell of a page that first uses them."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from press.site import context
from press.site.extension.folding import fold, fold_title
from press.site.listings import Listing
from press.site.narrow import narrowed


class Sources(SphinxPostTransform):
    """Add the listings of a page to its cells; no listing is wider than the page."""

    default_priority = 890  # before the plumbing folds: cells are still as MyST-NB made them
    formats = ("html",)

    def run(self, **_: Any) -> None:
        site = context.of_app(self.app)
        listings = site.listings.get(self.env.docname, [])
        for block in self.document.findall(nodes.literal_block):
            if str(block.get("source", "")).endswith(".py"):  # a literalinclude
                text = narrowed(block.astext(), site.settings.limits.columns)
                block.rawsource = text
                block[:] = [nodes.Text(text)]
        cells = {
            node["cell_index"]: node
            for node in self.document.findall(nodes.container)
            if node.get("nb_element") == "cell_code"
        }
        for index, group in groupby(listings, lambda listing: listing.index):
            if index in cells:  # a page can leave a cell out
                box = nodes.container(classes=["sources"])
                box += [_folded(listing, site) for listing in group]
                cells[index] += box


def _folded(listing: Listing, site: context.Context) -> fold:
    """One listing: its name, its code, and where it stands."""
    box = fold(classes=["source"])
    if listing.is_open:
        box["open"] = ""
    title = fold_title("", "Source of ")
    title += nodes.literal("", listing.short)
    text = narrowed(listing.text, site.settings.limits.columns)
    code = nodes.literal_block(text, text, language="python")
    box += [title, code, _origin(listing, site)]
    return box


def _origin(listing: Listing, site: context.Context) -> nodes.paragraph:
    """How to import it, and links to its module and to the test of that."""
    line = nodes.paragraph(classes=["source-origin"])
    command = f"from {listing.module} import {listing.short}"
    line += [nodes.literal("", command, classes=["literal"]), nodes.Text(" · ")]
    line += _link("Module", site, listing.path, f"#{listing.lines}")
    if listing.test:
        line += [nodes.Text(" · "), _link("Test", site, listing.test, "")]
    return line


def _link(word: str, site: context.Context, path: str, lines: str) -> nodes.Node:
    """A path that leads to the file on the repository, where there is one."""
    shown = f"{word}: {path}"
    if not site.repository:
        return nodes.Text(shown)
    address = f"{site.repository}/blob/{site.branch}/{path}{lines}"
    return nodes.reference("", shown, refuri=address, internal=False)
