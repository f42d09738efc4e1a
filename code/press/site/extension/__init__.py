"""The Sphinx extension of the press: cards, places for numbers of the build, interactive figures.

Works under `press build` and under plain `jupyter-book build` alike; it never executes anything.
"""

from __future__ import annotations

from typing import Any

from press.site.extension import cards, interactive, places


def setup(app: Any) -> dict[str, Any]:
    """Called by Sphinx."""
    interactive.register()
    app.add_directive("cards", cards.Cards)
    app.add_directive("press", places.Place)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
