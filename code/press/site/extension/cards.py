"""``{cards}`` shows a page's own cards: the question open, the answer folded."""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from press.source import cards


class Cards(SphinxDirective):
    """The cards of `book/_assets/cards/<page>.yml`."""

    def run(self) -> list[nodes.Node]:
        path = cards.card_file(Path(self.env.srcdir), self.env.docname)
        self.env.note_dependency(str(path))
        try:
            bank = cards.load(path)
        except ValueError as error:
            raise self.error(str(error)) from error
        boxes: list[nodes.Node] = []
        for card in bank:
            box = nodes.admonition(classes=["flashcard", "dropdown"], ids=[f"card-{card.id}"])
            title = nodes.title("", "")
            title += self._inline(card.question)
            title += nodes.inline("", f"{card.level} · {card.type}", classes=["card-level"])
            box += title
            self.state.nested_parse(StringList(card.answer.split("\n"), str(path)), 0, box)
            boxes.append(box)
        return boxes

    def _inline(self, text: str) -> list[nodes.Node]:
        holder = nodes.container()
        self.state.nested_parse(StringList([text.replace("\n", " ").strip()]), 0, holder)
        return holder.children[0].children if holder.children else []
