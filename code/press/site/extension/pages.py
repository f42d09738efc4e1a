"""What every page shows of the rest of the book: its place in it, its contents, its neighbors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from clikit.files import sha
from docutils import nodes

from press.site import context, policy
from press.site.extension import citations, terms

DESCRIPTION = 155  # characters that a search engine shows


def changed(app: Any, env: Any) -> list[str]:
    """Pages to write again although their text is as it was: what they show of others changed."""
    site = context.of_app(app)
    titles = context.titles(env)
    definitions = {anchor: node.astext() for anchor, node in terms.entries(env).items()}
    shared = sha([titles, definitions, site.title, site.repository, site.branch, site.baseurl])
    counted = sha(site.counted())
    keys = {}
    for page in env.all_docs:
        fact = site.facts.get(page)
        own: list[Any] = [shared, asdict(fact) if fact else None, site.digests.get(page)]
        if page in site.provenance:
            own.append(site.provenance[page].key)
        if env.metadata[page].get("press"):
            own.append(counted)
        if citations.lists_entries(env, page):
            own.append(citations.uses(env))
        keys[page] = sha(own)
    before = getattr(env, "press_pages", {})
    env.press_pages = keys
    return sorted(page for page, key in keys.items() if before.get(page) != key)


def extra(_: Any) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The page for addresses that do not exist."""
    yield "404", {}, "404.html"


def complete(app: Any, name: str, _: str, values: dict[str, Any], doctree: Any) -> None:
    """Give the template what it draws around the text."""
    site, env = context.of_app(app), app.env
    titles = context.titles(env)
    parts: dict[str, list[tuple[str, str]]] = {}
    for entry in site.entries:
        parts.setdefault(entry.part, []).append((entry.slug, titles.get(entry.slug, entry.slug)))
    values["site"] = site
    values["parts"] = parts
    values["fact"] = site.facts.get(name)
    values["policy"] = policy.policy()
    values["title_text"] = titles.get(name, re.sub(r"<[^>]+>", "", values.get("title", "")))
    values["description"] = _description(doctree) or site.title
    values["page_contents"] = _contents(app, name) if doctree is not None else ""


def _description(doctree: Any) -> str:
    """The first paragraph, cut at a word."""
    if doctree is None:
        return ""
    first = next(doctree.findall(nodes.paragraph), None)
    words = re.sub(r"\s+", " ", first.astext()).strip() if first is not None else ""
    if len(words) <= DESCRIPTION:
        return words
    return words[:DESCRIPTION].rsplit(" ", 1)[0] + " …"


def _contents(app: Any, name: str) -> str:
    """The headings of a page, two levels below its title, as HTML."""
    from sphinx.environment.adapters.toctree import document_toc

    toc = document_toc(app.env, name, app.tags)
    title = next(toc.findall(nodes.list_item), None)
    below = title.children[-1] if title is not None else None
    if not isinstance(below, nodes.bullet_list):
        return ""
    for section in list(below.children):
        for deeper in list(section.findall(nodes.bullet_list)):
            for item in deeper.children if deeper.parent is section else ():
                item.children = item.children[:1]
    return app.builder.render_partial(below)["fragment"]
