"""``{cards}`` shows a page's own cards, ``{all-cards}`` lists those of the whole book."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

from press.site import context
from press.source import cards
from press.source.toc import Entry


class _OfCards(SphinxDirective):
    """What both directives do with a card."""

    def _bank(self, slug: str) -> list[cards.Card]:
        """The cards of a page; the page that shows them is read again when they change."""
        path = cards.card_file(Path(self.env.srcdir), slug)
        self.env.note_dependency(str(path))
        try:
            return cards.load(path)
        except ValueError as error:
            raise self.error(str(error)) from error

    def _question(self, card: cards.Card) -> list[nodes.Node]:
        holder = nodes.container()
        text = card.question.replace("\n", " ").strip()
        self.state.nested_parse(StringList([text]), 0, holder)
        return holder.children[0].children if holder.children else []


class Cards(_OfCards):
    """The cards of `book/_assets/cards/<page>.yml`: the question open, the answer folded."""

    def run(self) -> list[nodes.Node]:
        path = cards.card_file(Path(self.env.srcdir), self.env.docname)
        boxes: list[nodes.Node] = []
        for card in self._bank(self.env.docname):
            box = nodes.admonition(classes=["flashcard", "dropdown"], ids=[f"card-{card.id}"])
            title = nodes.title("", "")
            title += self._question(card)
            title += _level(card)
            box += title
            self.state.nested_parse(StringList(card.answer.split("\n"), str(path)), 0, box)
            boxes.append(box)
        return boxes


class AllCards(_OfCards):
    """The questions of all pages, folded by part, each with a link to its card."""

    def run(self) -> list[nodes.Node]:
        srcdir = Path(self.env.srcdir)
        self.env.note_dependency(str(srcdir.parent / "_toc.yml"))
        entries = context.of_app(self.env.app).entries
        for entry in entries:  # a page can get its first card later
            self.env.note_dependency(str(cards.card_file(srcdir, entry.slug)))
        with_cards = [entry for entry in entries if cards.card_file(srcdir, entry.slug).is_file()]
        return [
            self._part(part, list(group))
            for part, group in groupby(with_cards, lambda entry: entry.part)
        ]

    def _part(self, part: str, entries: Sequence[Entry]) -> nodes.Node:
        name = part or "First pages"
        address = nodes.make_id(f"cards of {name}")  # without the count, which changes
        box = nodes.admonition(classes=["all-cards", "dropdown"], ids=[address])
        banks = {entry.slug: self._bank(entry.slug) for entry in entries}
        count = sum(map(len, banks.values()))
        box += nodes.title("", f"{name} · {count} card{'s' * (count != 1)}")
        for slug, bank in banks.items():
            page = addnodes.pending_xref(
                "",
                nodes.inline("", slug),
                refdomain="std",
                reftype="doc",
                reftarget=f"/{slug}",
                refdoc=self.env.docname,
                refexplicit=False,
                refwarn=True,
            )
            box += nodes.paragraph("", "", nodes.strong("", "", page))
            box += nodes.bullet_list("", *(self._line(slug, card) for card in bank))
        return box

    def _line(self, slug: str, card: cards.Card) -> nodes.list_item:
        page = self.env.app.builder.get_relative_uri(self.env.docname, slug)
        link = nodes.reference(
            "", "", internal=True, refuri=f"{page}#card-{card.id}", classes=["card-link"]
        )
        link += self._question(card)
        for inner in list(link.findall(nodes.reference)):  # no link inside a link
            if inner is not link:
                inner.parent.replace(inner, inner.children)
        return nodes.list_item("", nodes.paragraph("", "", link, _level(card)))


def _level(card: cards.Card) -> nodes.inline:
    return nodes.inline("", f"{card.level} · {card.type}", classes=["card-level"])
