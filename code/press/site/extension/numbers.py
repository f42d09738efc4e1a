"""Numbers of the text lead to the printed line that accounts for them.

A number is a plain link to an anchor around its line, so it works without a script; the line
carries a note on its origin, which the style sheet shows below the line when a link led there, and
the script beside the number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from press.checks import numbers
from press.checks.origins import Number, Printed, Value
from press.site import context

# a number in these is part of another link, of a title, or not of the page's own text
PLAIN = (
    nodes.title,
    nodes.rubric,
    nodes.reference,
    nodes.footnote_reference,
    nodes.literal,
    nodes.FixedTextElement,
    nodes.Invisible,
    nodes.citation,
    addnodes.pending_xref,
    addnodes.toctree,
)


class number_link(nodes.Inline, nodes.TextElement):
    """A number, or a formula with one, that leads to the anchor `target`."""


def visit(self: Any, node: nodes.Element) -> None:
    # a formula alone gives a link no name that every screen reader finds
    label = f' aria-label="{escape(node["label"])}"' if "label" in node else ""
    self.body.append(f'<a class="number" href="#{node["target"]}"{label}>')


def depart(self: Any, _: nodes.Element) -> None:
    self.body.append("</a>")


class Numbers(SphinxPostTransform):
    """Link the audited numbers of a page; before references are resolved and links look alike."""

    default_priority = 6
    formats = ("html",)

    def run(self, **_: Any) -> None:
        self.provenance = context.of_app(self.app).provenance.get(self.env.docname)
        if self.provenance is None:
            return
        self.outputs = _outputs(self.document, self.provenance.page.chapter.source["cells"])
        self.by_value: dict[Value, list[Number]] = {}
        for number in self.provenance.numbers:
            self.by_value.setdefault(number.value, []).append(number)
        for block in list(_blocks(self.document)):
            for node, offset in list(_leaves(block)):
                if isinstance(node, nodes.math):
                    self._formula(node, _sentence(block, offset))
                else:
                    self._text(node, block, offset)

    def _text(self, node: nodes.Text, block: nodes.Element, offset: int) -> None:
        """Cut a text at its numbers, and link those that were printed."""
        text = node.astext()
        parts: list[nodes.Node] = []
        end = 0
        for start, stop, value in numbers.places(text):
            target = self._target(value, _sentence(block, offset + start))
            if target:
                shown = nodes.Text(text[start:stop])
                parts += [nodes.Text(text[end:start]), number_link("", "", shown, target=target)]
                end = stop
        if parts:
            _replace(node, [*parts, nodes.Text(text[end:])])

    def _formula(self, node: nodes.math, sentence: str) -> None:
        """Link a formula as a whole, when all its numbers are on one line."""
        values = [row[1:] for row in numbers.tokens(f"${node.astext()}$")]
        targets = {self._target(value, sentence) for value in values}
        target = targets.pop() if len(targets) == 1 else ""
        if target:
            link = number_link("", "", node.deepcopy(), target=target, label=node.astext())
            _replace(node, [link])

    def _target(self, value: Value, sentence: str) -> str:
        """The anchor of the line that accounts for a number of a sentence, or nothing.

        A page and its rendered form differ in markup, so the sentences are matched by their words.
        """
        candidates = self.by_value.get(value, [])
        number = max(candidates, key=lambda item: _likeness(item.sentence, sentence), default=None)
        return self._anchor(number.origin) if number and number.origin else ""

    def _anchor(self, line: Printed) -> str:
        """The anchor of a printed line, which is marked; nothing where the page hides the line."""
        assert self.provenance is not None
        rows = self.outputs.get(line.cell, [])
        shown = [place for place, (_, _, text) in enumerate(rows, 1) if text == line.text]
        if not shown:
            return ""
        block, row, _ = rows[min(shown, key=lambda place: abs(place - line.row)) - 1]
        anchor = f"cell-{line.cell}-{line.row}"
        block.setdefault("notes", {})[row] = (anchor, self.provenance.note(line))
        return anchor


Row = tuple[nodes.literal_block, int, str]  # a listing, the 0-based number of a line, the line


def _outputs(document: nodes.document, cells: list[dict[str, Any]]) -> dict[int, list[Row]]:
    """The lines of output that a page shows, by the number of their cell."""
    code = [place for place, cell in enumerate(cells) if cell["cell_type"] == "code"]
    result: dict[int, list[Row]] = {}
    for output in document.findall(nodes.container):
        if output.get("nb_element") == "cell_code_output":
            number = code.index(output.parent["cell_index"]) + 1  # type: ignore[index]
            result[number] = [
                (block, row, text)
                for block in output.findall(nodes.literal_block)
                for row, text in enumerate(block.astext().split("\n"))
            ]
    return result


def _blocks(node: nodes.Node) -> Iterator[nodes.Element]:
    """The paragraphs, captions and the like below a node."""
    for child in node.children:
        if isinstance(child, (*PLAIN, nodes.Text)):
            continue
        if "flashcard" in child["classes"]:  # cards are not audited
            continue
        if isinstance(child, nodes.TextElement):
            yield child
        else:
            yield from _blocks(child)


def _leaves(node: nodes.Element, offset: int = 0) -> Iterator[tuple[nodes.Text | nodes.math, int]]:
    """The texts and formulas in a paragraph that can be linked, with their places in its text."""
    for child in node.children:
        if isinstance(child, nodes.Text | nodes.math):
            yield child, offset
        elif isinstance(child, nodes.Element) and not isinstance(child, PLAIN):
            yield from _leaves(child, offset)
        offset += len(child.astext())


def _sentence(block: nodes.Element, offset: int) -> str:
    """The line of a paragraph at a place, or the row of a table: what is one line of the page."""
    row = block.parent
    while row is not None and not isinstance(row, nodes.row):
        row = row.parent
    if row is not None:
        return row.astext()
    text = block.astext()
    return text[text.rfind("\n", 0, offset) + 1 :].partition("\n")[0]


def _likeness(one: str, other: str) -> float:
    """How many of the words of two sentences are in both."""
    words = [set(re.findall(r"\w+", text.lower())) for text in (one, other)]
    return len(words[0] & words[1]) / max(1, len(words[0] | words[1]))


def _replace(node: nodes.Node, new: list[nodes.Node]) -> None:
    parent = node.parent
    place = next(place for place, child in enumerate(parent.children) if child is node)
    parent[place : place + 1] = new


def marked(listing: str, notes: dict[int, tuple[str, str]]) -> str:
    """The HTML of a listing with an anchor and a note around some of its lines."""
    head, opening, rest = listing.partition("<pre><span></span>")
    body, closing, tail = rest.rpartition("</pre>")
    lines = body.split("\n")
    for row, (anchor, note) in sorted(notes.items()):
        attributes = f'class="printed" id="{anchor}" data-note="{escape(note)}"'
        lines[row] = f"<span {attributes}>{lines[row]}</span>"
    return head + opening + "\n".join(lines) + closing + tail
