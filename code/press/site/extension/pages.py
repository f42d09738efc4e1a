"""What every page shows of the rest of the book: its place in it, its contents, its neighbors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from clikit.files import sha
from docutils import nodes

from press.site import addresses, context, parts, policy
from press.site.context import Context
from press.site.extension import citations, numbering, terms

STYLE = Path(__file__).parents[1] / "theme" / "static" / "css" / "base.css"
COLORS = re.compile(r"^:root \{.*?^\}", re.M | re.S)


def changed(app: Any, env: Any) -> list[str]:
    """Pages to write again although their text is as it was: what they show of others changed."""
    site = context.of_app(app)
    titles = context.titles(env)
    definitions = {anchor: node.astext() for anchor, node in terms.entries(env).items()}
    numbers = numbering.all_of(env)
    rows = parts.rows(site.settings, site.entries, titles, numbers)
    names = [site.title, site.settings.tagline, site.copyright, site.version]
    places = [site.repository, site.branch, site.baseurl]
    shared = sha([titles, definitions, names, places, [asdict(row) for row in rows]])
    counted = sha(site.counted())
    keys = {}
    for page in env.all_docs:
        fact = site.facts.get(page)
        own: list[Any] = [shared, asdict(fact) if fact else None, site.digests.get(page)]
        own.append(site.is_on_path(page))
        own.append(site.dates.get(page))
        if page in site.provenance:
            own.append(site.provenance[page].key)
        own.append([asdict(listing) for listing in site.listings.get(page, [])])
        if env.metadata[page].get("press"):
            own.append(counted)
        if citations.lists_entries(env, page):
            own.append(citations.uses(env))
        keys[page] = sha(own)
    before = getattr(env, "press_pages", {})
    env.press_pages = keys
    return sorted(page for page, key in keys.items() if before.get(page) != key)


def extra(_: Any) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The search page, and the page for addresses that do not exist."""
    yield "search", {}, "search.html"
    colors = COLORS.search(STYLE.read_text(encoding="utf-8"))
    yield "404", {"colors": colors[0] if colors else ""}, "404.html"


def complete(app: Any, name: str, _: str, values: dict[str, Any], doctree: Any) -> None:
    """Give the template what it draws around the text."""
    site, env = context.of_app(app), app.env
    titles = context.titles(env)
    numbers = numbering.all_of(env)
    title = titles.get(name, re.sub(r"<[^>]+>", "", values.get("title", "")))
    rows = parts.rows(site.settings, site.entries, titles, numbers)
    values["site"] = site
    values["parts"] = rows
    values["part"] = next((row for row in rows if name in _slugs(row)), None)
    values["number"] = numbers.get(name, "")
    values["fact"] = site.facts.get(name)
    values["is_on_path"] = site.is_on_path(name)
    values["study"] = next(_holding(env, titles, "study"), None)
    values["policy"] = policy.policy()
    values["title_text"] = title
    values["tab_title"] = _tab_title(name, title, site, env)
    values["address"] = addresses.page(site.baseurl, name) if site.baseurl else ""
    values["description"] = _description(env, name, title, doctree) or site.title
    values["page_contents"] = _contents(app, name) if doctree is not None else ""
    values["changed"] = _day(site.dates.get(name, ""))
    values["report"] = _report(site, name, f"{numbers.get(name, '')} {title}".strip())
    values["neighbor_numbers"] = _neighbors(app, name, numbers)


def _holding(env: Any, titles: dict[str, str], place: str) -> Iterator[tuple[str, str]]:
    """Name and title of each page with a ``{press}`` place."""
    names = sorted(name for name in titles if place in env.metadata[name].get("press", ()))
    return ((name, titles[name]) for name in names)


def _slugs(row: parts.Part) -> list[str]:
    return [leaf.slug for leaf in row.pages]


def _tab_title(name: str, title: str, site: Context, env: Any) -> str:
    """The title in the browser's tab and in search results."""
    if name == env.config.root_doc:
        return f"{site.title}: {site.settings.tagline}" if site.settings.tagline else title
    return f"{title} — {site.title}" if title and site.title else title


def _day(iso: str) -> tuple[str, str]:
    """A date for machines and for readers; both empty where there is none."""
    if not iso:
        return "", ""
    day = date.fromisoformat(iso)
    return iso, f"{day:%B} {day.day}, {day.year}"


def _report(site: Context, name: str, title: str) -> str:
    """The form for an error on this page; the script of the page adds the section."""
    if not site.repository:
        return ""
    fields = {"template": "error.yml", "title": f"Error on {title}", "page": name}
    return f"{site.repository}/issues/new?{urlencode({**fields, 'version': site.version})}"


def _neighbors(app: Any, name: str, numbers: dict[str, str]) -> tuple[str, str]:
    """The numbers of the page before and of the page after."""
    _, before, after = getattr(app.builder, "relations", {}).get(name, (None, None, None))
    return numbers.get(before, ""), numbers.get(after, "")


def _description(env: Any, name: str, title: str, doctree: Any) -> str:
    """The front matter's, or the title and the first sentence of the promise."""
    if doctree is None:
        return ""
    given = env.metadata[name].get("description")
    if given:
        return str(given)
    boxes = doctree.findall(nodes.admonition)
    promise = next((box for box in boxes if "promise" in box["classes"]), doctree)
    first = next(promise.findall(nodes.paragraph), None)
    words = re.sub(r"\s+", " ", first.astext()).strip() if first is not None else ""
    sentence = terms.SENTENCE.split(words)[0]
    return f"{title}: {sentence}" if sentence else title


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
