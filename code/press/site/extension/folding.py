"""What folds: solutions, cards, boxes of class `dropdown`, hidden cells, and plumbing.

A fold is a `<details>`: it opens without a script, by keyboard and in print. In notebooks,
`press.site.notebooks` folds.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.transforms.post_transforms import SphinxPostTransform

from press.site.extension.plumbing import plumbing


class fold(nodes.General, nodes.Element):
    """A box whose first child, a `fold_title`, stays visible."""


class fold_title(nodes.title):
    """The line of a fold that is always visible."""


def visit_fold(self: Any, node: nodes.Element) -> None:
    attributes = {"open": "open"} if "open" in node else {}
    self.body.append(self.starttag(node, "details", **attributes))


def depart_fold(self: Any, _: nodes.Element) -> None:
    self.body.append("</details>\n")


def visit_title(self: Any, node: nodes.Element) -> None:
    self.body.append(self.starttag(node, "summary", ""))


def depart_title(self: Any, node: nodes.Element) -> None:
    self.body.append("</summary>\n")
    self.add_permalink_ref(node.parent, "")  # below the summary, which may hold no link


class Folds(SphinxPostTransform):
    """Turn what folds into `fold` nodes, after all titles and numbers are resolved."""

    default_priority = 900
    formats = ("html",)

    def run(self, **_: Any) -> None:
        for box in list(self.document.findall(nodes.Admonition)):
            if {"dropdown", "solution"} & set(box["classes"]):  # type: ignore[index]
                box.parent.replace(box, _folded(box))  # type: ignore[arg-type]
        for section in list(self.document.findall(nodes.section)):
            _unsection(section)
        for hidden in list(self.document.findall(HideCodeCellNode)):
            _hidden(hidden)
        self._plumbing()

    def _plumbing(self) -> None:
        plotters: set[str] = set()
        for cell in list(self.document.findall(nodes.container)):
            if cell.get("nb_element") != "cell_code_source":
                continue
            block = cell[0]
            lead = plumbing(block.astext(), plotters)
            if lead is None or isinstance(cell.parent, fold):
                continue
            if lead.whole:
                cell.children = [_fold(lead.label, block, classes=["plumbing"])]
                continue
            lines = block.astext().splitlines()
            first = _part(block, lines[: lead.lines])
            rest = _part(block, lines[lead.lines :])
            cell.children = []
            cell += [_fold(lead.label, first, classes=["plumbing"]), rest]


def _fold(label: str, *content: nodes.Node, classes: list[str]) -> fold:
    """A fold with a plain label around `content`."""
    box = fold(classes=classes)
    box += fold_title("", label)
    box += list(content)
    return box


def _folded(box: nodes.Element) -> fold:
    """An admonition as a fold with the same ids and content."""
    classes = ["folded", "admonition", *(name for name in box["classes"] if name != "dropdown")]
    new = fold(ids=box["ids"], classes=classes)
    title = next(child for child in box.children if isinstance(child, nodes.title))
    # a summary acts as a button: a link inside it could not be reached by keyboard
    for link in list(title.findall(nodes.reference)):
        link.parent.replace(link, link.children)
    new += fold_title("", "", *title.children, classes=["admonition-title"])
    new += [child for child in box.children if child is not title]
    return new


def _unsection(section: nodes.section) -> None:
    """sphinx-exercise puts its content into sections that all have the same id."""
    for name in ("exercise-content", "solution-content"):
        if name in section["ids"]:
            section.parent.replace(section, nodes.container("", *section.children, classes=[name]))


def _hidden(hidden: nodes.Element) -> None:
    """A cell that its author hid: what is plumbing says so."""
    source = next(iter(hidden.findall(nodes.literal_block)), None)
    lead = plumbing(source.astext(), set()) if source is not None else None
    label = lead.label if lead and lead.whole else hidden["prompt_show"]
    hidden.parent.replace(hidden, _fold(label, *hidden.children, classes=["hidden-cell"]))


def _part(block: nodes.Node, lines: list[str]) -> nodes.literal_block:
    """A listing with some of the lines of another."""
    text = "\n".join(lines).strip("\n")
    part = nodes.literal_block(text, text)
    part.attributes.update({key: value for key, value in block.attributes.items() if key != "ids"})  # type: ignore[attr-defined]
    return part
