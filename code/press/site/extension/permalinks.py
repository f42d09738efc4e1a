"""Permanent addresses of boxes and solutions, and what the links to them are called."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_exercise.nodes import exercise_enumerable_node, exercise_node, solution_node

LENGTH = 60  # of the part of an address that comes from a title
COUNTED = re.compile(r".+-solution-\d+")  # an address that changes with what stands before it


class Addresses(SphinxPostTransform):
    """Give each solution the name of its exercise, and each box an id made of its title."""

    default_priority = 890  # titles have their numbers, and nothing is folded yet
    formats = ("html",)

    def run(self, **_: Any) -> None:
        taken = {
            name for node in self.document.findall(nodes.Element) for name in node.get("ids", ())
        }
        for box in list(self.document.findall(nodes.Admonition)):
            wanted = _wanted(box)  # type: ignore[arg-type]
            if not wanted:
                continue
            name = wanted
            count = 1
            while name in taken:
                count += 1
                name = f"{wanted}-{count}"
            taken.add(name)
            box["ids"] = [name]  # type: ignore[index]


def _wanted(box: nodes.Element) -> str:
    """The address that a box should have; empty where it has one already, or no title."""
    if isinstance(box, solution_node) and COUNTED.fullmatch(box["ids"][0]):
        return f"{box['target_label']}-solution"
    title = next((child for child in box.children if isinstance(child, nodes.title)), None)
    if box["ids"] or title is None:
        return ""
    return f"box-{nodes.make_id(title.astext())[:LENGTH].strip('-')}"


def label(translator: Any, node: nodes.Element) -> str:
    """What a link is called: by a number, or by the words of a heading, a caption or a term."""
    builder = translator.builder
    kind = _kind(builder.env, node)
    number = builder.fignumbers.get(kind, {}).get(node["ids"][0]) if node["ids"] else None
    if kind == "displaymath" and number is None and node.get("number"):
        number = (node["number"],)
    if number:
        shape = {"displaymath": "Equation %s", **builder.config.numfig_format}.get(kind, "%s")
        return "Link to " + shape % ".".join(map(str, number))
    titles = node.findall(lambda child: isinstance(child, nodes.title | nodes.caption))
    title = next(titles, node)
    words = "".join(child.astext() for child in title.children if not _is_level(child))
    if "hint" in node.get("classes", ()):
        words += f" for: {_exercise_before(node)}"
    return "Link to: " + re.sub(r"\s+", " ", words)[:80].strip()


def _exercise_before(node: nodes.Element) -> str:
    """The title of the last exercise before a node: hints are all called the same."""
    name = ""
    for other in node.document.findall(nodes.Element):  # type: ignore[union-attr]
        if other is node:
            break
        if isinstance(other, exercise_node | exercise_enumerable_node):
            name = next(other.findall(nodes.title), nodes.title()).astext()
    return name


def _is_level(node: nodes.Node) -> bool:
    """Whether a part of a card's question only says how hard the card is."""
    return isinstance(node, nodes.Element) and "card-level" in node["classes"]


def _kind(env: Any, node: nodes.Element) -> str:
    """The counter to which a node belongs, as Sphinx calls it."""
    kinds = (domain.get_enumerable_node_type(node) for domain in env.domains.values())
    return next((kind for kind in kinds if kind), "")
