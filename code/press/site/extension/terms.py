"""Links to the glossary carry their definition, and punctuation stays with its formula."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

MARKS = re.compile(r"[,.;:!?)\]]+")
SENTENCE = re.compile(r"(?<=[.])\s+(?=[A-Z])")
MATHML = re.compile(r"<math.*?</math>", re.S)
ANNOTATION = re.compile(r"<annotation.*?</annotation>", re.S)


class term_link(nodes.reference):
    """A link to a glossary entry; `definition` holds its first sentence as HTML."""


def visit(self: Any, node: nodes.Element) -> None:
    extra = {"href": node["refuri"], "data-definition": node["definition"]}
    self.body.append(self.starttag(node, "a", "", **extra))


def depart(self: Any, _: nodes.Element) -> None:
    self.body.append("</a>")


def entries(env: Any) -> dict[str, nodes.Element]:
    """The definition of every glossary term by its anchor."""
    objects = env.domaindata["std"]["objects"]
    pages = sorted({page for (kind, _), (page, _) in objects.items() if kind == "term"})
    definitions = {}
    for page in pages:
        for item in env.get_doctree(page).findall(nodes.definition_list_item):
            for term in item.findall(nodes.term):
                for anchor in term["ids"]:
                    definitions[anchor] = next(item.findall(nodes.definition))
    return definitions


def sentence(definition: nodes.Element) -> str:
    """The first sentence of a definition as HTML, its formulas in MathML."""
    from sphinxcontrib.katex import render_latex

    parts = []
    paragraph = next(definition.findall(nodes.paragraph), definition)
    for child in paragraph.children:
        if isinstance(child, nodes.math):
            drawn = MATHML.search(render_latex(child.astext()))
            parts.append(ANNOTATION.sub("", drawn[0]) if drawn else escape(child.astext()))
        else:
            parts.append(escape(child.astext()))
    return SENTENCE.split(re.sub(r"\s+", " ", "".join(parts)).strip())[0]


class Terms(SphinxPostTransform):
    """Give each link to the glossary the definition that the page's script shows."""

    default_priority = 900
    formats = ("html",)

    def run(self, **_: Any) -> None:
        definitions = None
        for link in list(self.document.findall(nodes.reference)):
            anchor = link.get("refuri", "").rpartition("#")[2]
            if not any(
                "std-term" in child.get("classes", ()) for child in link.findall(nodes.inline)
            ):
                continue
            if definitions is None:
                definitions = entries(self.env)
            if anchor in definitions:
                shown = term_link("", "", *link.children, refuri=link["refuri"])
                shown["classes"] = ["reference", "internal", "term"]
                shown["definition"] = sentence(definitions[anchor])
                link.parent.replace(link, shown)


class Punctuation(SphinxPostTransform):
    """Keep a comma, a period or a bracket on the line of the formula before it."""

    default_priority = 900
    formats = ("html",)

    def run(self, **_: Any) -> None:
        for formula in list(self.document.findall(nodes.math)):
            parent = formula.parent
            place = parent.index(formula)
            after = parent[place + 1] if place + 1 < len(parent) else None
            if not isinstance(after, nodes.Text):
                continue
            text = after.astext()
            mark = MARKS.match(text)
            if mark:
                # by position: docutils removes the first node that is equal, and texts are often equal
                del parent[place : place + 2]
                stay = nodes.inline("", "", formula, nodes.Text(mark[0]), classes=["stay"])
                parent.insert(place, [stay, nodes.Text(text[mark.end() :])])
