"""Chapters are numbered within their part, and figures, tables, exercises and formulas within
their chapter: 3.9 is the ninth chapter of part 3, and Figure 3.9.2 its second figure.

The number of a part is its place in the list of parts of `book/press.yml`, so that a part or a
chapter that is added changes no number of another part. Pages of parts without a number count
their figures from 1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.environment.collectors.toctree import TocTreeCollector

from press.source import settings

Number = tuple[int, ...]
UNNUMBERED = 0  # stands in for a part while the figures of its pages are counted


def take_over(app: Any) -> None:
    """Number instead of Sphinx, which would count through the book and only after it was saved."""
    for listener in list(app.events.listeners["env-get-updated"]):
        if isinstance(getattr(listener.handler, "__self__", None), TocTreeCollector):
            app.disconnect(listener.id)


def number(_: Any, env: Any) -> list[str]:
    """Give every page its number; the pages whose own numbers changed."""
    before = (env.toc_secnumbers, env.toc_fignumbers)
    chapters = _chapters(env)
    env.toc_secnumbers = {page: _sections(env, page, place) for page, place in chapters.items()}
    TocTreeCollector().assign_figure_numbers(env)
    for page, place in chapters.items():
        if place[0] == UNNUMBERED:
            del env.toc_secnumbers[page]
            _count_from_one(env.toc_fignumbers.get(page, {}))
    after = (env.toc_secnumbers, env.toc_fignumbers)
    return sorted(
        page
        for page in env.all_docs
        if any(old.get(page) != new.get(page) for old, new in zip(before, after, strict=True))
    )


def text(env: Any, page: str) -> str:
    """The number of a page, such as "3.9"; empty where it has none."""
    return ".".join(map(str, env.toc_secnumbers.get(page, {}).get("", ())))


def all_of(env: Any) -> dict[str, str]:
    """The number of every page."""
    return {page: text(env, page) for page in env.all_docs}


def _chapters(env: Any) -> dict[str, Number]:
    """(part, chapter) of every page in the order of the book."""
    parts = settings.load(Path(env.srcdir)).part_numbers()
    root = env.config.root_doc
    places: dict[str, Number] = {root: (UNNUMBERED, 0)}
    for tree in env.get_doctree(root).findall(addnodes.toctree):
        part = parts.get(tree.get("caption") or "", UNNUMBERED)
        for count, page in enumerate(_pages(env, tree), 1):
            places[page] = (part, count if part else len(places))
    return places


def _pages(env: Any, tree: addnodes.toctree) -> list[str]:
    """The pages of a tree, those below other pages included."""
    pages = []
    for _, page in tree["entries"]:
        if page in env.tocs:
            pages.append(page)
            for below in env.tocs[page].findall(addnodes.toctree):
                pages += _pages(env, below)
    return pages


def _sections(env: Any, page: str, place: Number) -> dict[str, Number]:
    """The number of the title; the sections of a page have none."""
    links = env.tocs[page].findall(nodes.reference)
    return {link["anchorname"]: () for link in links} | {"": place}


def _count_from_one(numbers: dict[str, dict[str, Number]]) -> None:
    for of_kind in numbers.values():
        for anchor, place in of_kind.items():
            of_kind[anchor] = place[2:]
