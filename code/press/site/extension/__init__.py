"""The Sphinx extension of the press: the theme, its transforms and directives.

Works under `press build` and under plain `jupyter-book build` alike; it never executes anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from press.site.extension import (
    cards,
    citations,
    folding,
    interactive,
    numbering,
    numbers,
    pages,
    permalinks,
    places,
    sources,
    terms,
    tips,
    translator,
)

THEME = Path(__file__).parent.parent / "theme"


def setup(app: Any) -> dict[str, Any]:
    """Called by Sphinx."""
    citations.register()
    interactive.register()
    app.add_html_theme("book", str(THEME))
    app.set_translator("html", translator.BookTranslator)
    app.add_directive("cards", cards.Cards)
    app.add_directive("all-cards", cards.AllCards)
    app.add_directive("press", places.Place)
    app.add_node(places.place, html=(places.visit, None))
    app.add_node(interactive.interactive, html=(interactive.visit, None))
    app.add_node(folding.fold, html=(folding.visit_fold, folding.depart_fold))
    app.add_node(folding.fold_title, html=(folding.visit_title, folding.depart_title))
    app.add_node(numbers.number_link, html=(numbers.visit, numbers.depart))
    app.add_post_transform(numbers.Numbers)
    app.add_post_transform(permalinks.Addresses)
    app.add_post_transform(folding.Folds)
    app.add_post_transform(sources.Sources)
    app.add_post_transform(citations.Backlinks)
    app.add_post_transform(citations.Letters)
    app.add_post_transform(terms.Terms)
    app.add_post_transform(terms.Punctuation)
    translator.register(app)
    app.connect("builder-inited", numbering.take_over)
    app.connect("env-updated", numbering.number)
    app.connect("env-updated", pages.changed)
    app.connect("html-collect-pages", pages.extra)
    app.connect("html-page-context", pages.complete)
    app.connect("html-page-context", tips.complete)
    return {"version": "2", "parallel_read_safe": True, "parallel_write_safe": True}
