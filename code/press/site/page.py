"""One raw page becomes one page of the site. Each function does one thing to the tree."""

from __future__ import annotations

import re
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from lxml import html

from press.files import write_atomic
from press.site import facts, icons, interactive, listings, pictures, policy, reports
from press.source.toc import Entry


@dataclass(frozen=True)
class Context:
    """What a page needs to know of the rest of the site."""

    title: str  # of the book
    entries: list[Entry]
    titles: dict[str, str]
    facts: dict[str, facts.Facts]
    totals: list[tuple[str, str]]
    checks: list[tuple[str, str, str]]
    machines: list[reports.Machine]
    paths: list[dict]  # name, about, pages
    versions: str
    definitions: dict[str, str]  # glossary anchor -> first sentence
    repository: str
    branch: str
    baseurl: str
    raw: Path
    images: Path  # generated pictures


@dataclass
class Finished:
    """A page of the site and what it needs beside it."""

    name: str
    text: str
    images: set[str] = field(default_factory=set)
    drawn: set[str] = field(default_factory=set)  # generated pictures


def element(text: str) -> html.HtmlElement:
    return html.fragment_fromstring(text)


def finish(name: str, raw: str, context: Context) -> Finished:
    """`name` is the page's path without .html, "data/model"."""
    root = html.document_fromstring(listings.lighten(raw))
    up = "../" * name.count("/")
    page = Finished(name, "")
    _remove(root)
    icons.replace(root)
    _head(root, name, up, context)
    _mode(root)
    _brand(root)
    _navigation(root, name, up, context)
    _toolbar(root, name, up, context)
    _header_line(root, name, context)
    _fill_places(root, up, context)
    _fold(root)
    page.drawn |= interactive.dress(root, up, context.images)
    _figures(root, up, page, context)
    _terms(root, context)
    _formulas(root)
    _tables(root)
    _tidy(root, name)
    policy.dress(root, html.tostring(root, encoding="unicode", method="html"))
    page.text = "<!DOCTYPE html>\n" + html.tostring(root, encoding="unicode", method="html") + "\n"
    return page


def _drop(node: html.HtmlElement) -> None:
    node.drop_tree()


def _remove(root: html.HtmlElement) -> None:
    """What the theme brings and this book has no use for."""
    for query in (
        "//link[@rel='stylesheet']",
        "//link[@rel='preload']",
        "//script[@src]",
        "//meta[starts-with(@name, 'docsearch')]",
        "//*[@id='ethical-ad-placement']/..",
        "//*[@id='bd-header-version-warning']/..",
        "//*[@id='jb-print-docs-body']",
        "//*[@id='searchbox']",
        "//footer[@class='bd-footer']",
        "//link[@rel='index']",
        "//*[contains(@class,'article-header-buttons')]/div",
        "//script[contains(text(), 'DOCUMENTATION_OPTIONS')]",
        "//comment()",
    ):
        for node in root.xpath(query):
            parent = node.getparent()
            if parent is None:
                continue
            if isinstance(node, html.HtmlComment):
                parent.remove(node) if not node.tail else node.drop_tree()
            else:
                _drop(node)
    for extra in root.xpath("//meta[@name='viewport']")[1:]:
        _drop(extra)


def _head(root: html.HtmlElement, name: str, up: str, context: Context) -> None:
    head = root.find("head")
    lead = root.xpath(
        "//article//p[not(contains(@class, 'admonition-title')) and not(contains(@class, 'caption'))]"
    )
    words = re.sub(r"\s+", " ", _words(lead[0])).strip() if lead else context.title
    about = words if len(words) <= 155 else words[:155].rsplit(" ", 1)[0] + " …"
    title = context.titles.get(name, context.title)
    tags = [
        ("description", about, "name"),
        ("og:title", title, "property"),
        ("og:description", about, "property"),
        ("og:type", "article" if "/" in name else "website", "property"),
        ("og:site_name", context.title, "property"),
        ("twitter:card", "summary", "name"),
        ("theme-color", "#0b5c6b", "name"),
    ]
    if context.baseurl:
        base = context.baseurl.rstrip("/")
        tags += [
            ("og:url", f"{base}/{name}.html", "property"),
            ("og:image", f"{base}/_static/card.png", "property"),
        ]
    for key, value, kind in tags:
        meta = element("<meta>")
        meta.set(kind, key)
        meta.set("content", value)
        head.append(meta)
    head.append(element(f'<link rel="icon" type="image/svg+xml" href="{up}_static/favicon.svg">'))
    head.append(element(f'<link rel="stylesheet" href="{up}_static/book.css">'))
    head.append(element(f'<script defer src="{up}_static/book.js"></script>'))
    if name == "search":
        for script in ("_static/language_data.js", "_static/searchtools.js", "searchindex.js"):
            head.append(element(f'<script defer src="{script}"></script>'))


MODE = """
(() => { const d = document.documentElement.dataset, m = localStorage.getItem("mode") || "auto";
d.mode = m; d.theme = m !== "auto" ? m : matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"; })();
"""


def _mode(root: html.HtmlElement) -> None:
    """Set light or dark before anything is painted; without a script the style sheet asks the system."""
    for script in root.xpath("//head/script[contains(text(), 'dataset.mode')]"):
        script.text = MODE.strip()
        script.attrib.clear()
    root.find("body").set("data-default-mode", "auto")


def _brand(root: html.HtmlElement) -> None:
    for link in root.xpath("//a[contains(@class, 'navbar-brand')]"):
        link.insert(
            0,
            element(
                '<svg class="brand" viewBox="0 0 32 32" width="32" height="32" aria-hidden="true" focusable="false"><rect width="32" height="32" rx="6" fill="#0b5c6b"></rect>'
                '<path d="M6 23h20" stroke="#f2c14e" stroke-width="3" stroke-linecap="round"></path><path d="M6 19c6-1 8-11 11-11s4 7 9 8" fill="none" stroke="#fff" '
                'stroke-width="2.6" stroke-linecap="round"></path><circle cx="17" cy="8" r="2.6" fill="#fff"></circle></svg>'
            ),
        )


def _words(node: html.HtmlElement) -> str:
    """Text of an element with each formula once."""
    copy = deepcopy(node)
    for twice in copy.xpath(".//*[@class='katex-html'] | .//*[local-name()='annotation']"):
        twice.drop_tree()
    return copy.text_content()


def _navigation(root: html.HtmlElement, name: str, up: str, context: Context) -> None:
    """The parts and their pages, written once from the table of contents."""
    for nav in root.xpath("//nav[contains(@class, 'bd-docs-nav')]"):
        for child in list(nav):
            nav.remove(child)
        nav.text = None
        parts: dict[str, list[Entry]] = {}
        for entry in context.entries:
            parts.setdefault(entry.part, []).append(entry)
        for part, group in parts.items():
            if part:
                head = element('<p class="nav-part"></p>')
                head.text = part
                nav.append(head)
            rows = element('<ul class="nav-pages"></ul>')
            for entry in group:
                row = element("<li><a></a></li>")
                link = row.find("a")
                link.text = context.titles.get(entry.slug, entry.slug)
                link.set("href", f"{up}{entry.slug}.html")
                if entry.slug == name:
                    link.set("aria-current", "page")
                rows.append(row)
            nav.append(rows)


def _toolbar(root: html.HtmlElement, name: str, up: str, context: Context) -> None:
    """Download as notebook, open in Colab or Binder."""
    bars = root.xpath("//div[contains(@class, 'article-header-buttons')]")
    fact = context.facts.get(name)
    if not bars or not fact or not fact.cells:
        return
    tools = element(
        '<details class="run-menu"><summary><span>Run this page</span></summary><ul></ul></details>'
    )
    tools.find("summary").insert(0, icons.svg("download"))
    rows = [("Download as notebook", f"{up}_notebooks/{name}.ipynb", True)]
    if context.repository:
        tail = context.repository.rstrip("/").split("github.com/")[-1]
        rows += [
            (
                "Open in Colab",
                f"https://colab.research.google.com/github/{tail}/blob/gh-pages/_notebooks/{name}.ipynb",
                False,
            ),
            (
                "Open in Binder",
                f"https://mybinder.org/v2/gh/{tail}/{context.branch}?urlpath="
                + quote(f"lab/tree/book/{name}.md", safe=""),
                False,
            ),
            (
                "Source of this page",
                f"{context.repository.rstrip('/')}/blob/{context.branch}/book/{name}.md",
                False,
            ),
        ]
    for label, href, local in rows:
        row = element("<li><a></a></li>")
        link = row.find("a")
        link.text = label
        link.set("href", href)
        if local:
            link.set("download", name.rpartition("/")[2] + ".ipynb")
        else:
            link.set("rel", "noopener")
        tools.find("ul").append(row)
    bars[0].insert(0, tools)


def _header_line(root: html.HtmlElement, name: str, context: Context) -> None:
    fact = context.facts.get(name)
    titles = root.xpath("//article//h1")
    if fact and titles:
        line = element('<p class="page-facts"></p>')
        line.text = facts.line(fact)
        titles[0].addnext(line)


def _fill_places(root: html.HtmlElement, up: str, context: Context) -> None:
    for place in root.xpath("//div[@data-press]"):
        kind = place.get("data-press")
        if kind == "counts":
            table = element(
                '<table class="table counts"><thead><tr><th scope="col">What the last build counted</th><th scope="col">Number</th></tr></thead><tbody></tbody></table>'
            )
            for label, value in context.totals:
                row = element("<tr><td></td><td></td></tr>")
                row[0].text, row[1].text = label, value
                table.find("tbody").append(row)
            place.append(table)
            note = element('<p class="counts-note"></p>')
            note.text = context.versions
            place.append(note)
        elif kind == "paths":
            _paths(place, up, context)
        elif kind == "depth":
            _depth(place)
        elif kind == "checks":
            place.append(_table(("What", "How many", "Counted by"), context.checks))
        elif kind == "licences":
            place.append(
                element(
                    f'<p><a href="{up}licences.txt">The licences of everything that this site ships</a>, in one text.</p>'
                )
            )
        elif kind == "machines":
            rows = [
                (
                    m.name,
                    m.what,
                    str(m.moved),
                    str(m.chapters),
                    str(m.mismatches)
                    if m.chapters
                    else f"not run: moves nothing in {', '.join(m.skipped)}",
                )
                for m in context.machines
            ]
            place.append(
                _table(
                    (
                        "Profile",
                        "The machine it makes of ours",
                        "Facts moved",
                        "Chapters",
                        "Outputs that differ",
                    ),
                    rows,
                )
            )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> html.HtmlElement:
    table = element('<table class="table"><thead><tr></tr></thead><tbody></tbody></table>')
    for word in head:
        cell = element('<th scope="col"></th>')
        cell.text = word
        table.find("thead/tr").append(cell)
    for values in rows:
        row = element("<tr></tr>")
        for value in values:
            cell = element("<td></td>")
            cell.text = value
            row.append(cell)
        table.find("tbody").append(row)
    return table


def _paths(place: html.HtmlElement, up: str, context: Context) -> None:
    """Each reading path as an ordered list with its minutes; the page's script lets a reader choose one and tick what is known."""
    box = element('<div class="path-picker"></div>')
    for path in context.paths:
        part = element(
            '<section class="path"><h3></h3><p class="path-about"></p><p class="path-sum" role="status"></p><ol></ol></section>'
        )
        part.find("h3").text = path["name"]
        part.find("p").text = path["about"]
        total = 0
        for slug in path["pages"]:
            minutes, title = context.facts[slug].minutes, context.titles.get(slug, slug)
            total += minutes
            row = element(
                '<li><a></a> <span class="path-minutes"></span> <label><input type="checkbox"> <span>I know this</span></label></li>'
            )
            link, box_ = row.find("a"), row.find(".//input")
            link.text, row.find("span").text = title, f"{minutes} min"
            link.set("href", f"{up}{slug}.html")
            box_.set("data-minutes", str(minutes))
            box_.set("data-page", slug)
            box_.set("aria-label", f"I know this: {title}")
            part.find("ol").append(row)
        part.xpath("./p[@class='path-sum']")[
            0
        ].text = f"{total} minutes to read, {len(path['pages'])} pages"
        box.append(part)
    place.append(box)


def _depth(place: html.HtmlElement) -> None:
    """Show the story, the mathematics or everything; needs the page's script and is hidden without it."""
    field = element('<fieldset class="depth"><legend>Show on this page</legend></fieldset>')
    for value, label in (
        ("all", "everything"),
        ("story", "the story"),
        ("maths", "the mathematics"),
    ):
        choice = element('<label><input type="radio" name="depth"> <span></span></label>')
        choice.find("input").set("value", value)
        if value == "all":
            choice.find("input").set("checked", "checked")
        choice.find("span").text = label
        field.append(choice)
    place.append(field)


def _fold(root: html.HtmlElement) -> None:
    """Folded boxes as <details>: they open without a script, by keyboard, and in print."""
    for box in root.xpath(
        "//div[contains(concat(' ', @class, ' '), ' dropdown ') and contains(@class, 'admonition')]"
    ):
        title = next(
            child
            for child in box
            if child.tag == "p" and "admonition-title" in child.get("class", "")
        )
        box.tag = "details"
        box.set("class", box.get("class").replace("dropdown", "folded"))
        title.tag = "summary"
        for link in title.xpath(".//a"):
            link.drop_tag()  # a summary is a button; a link inside it could not be reached
        box.insert(0, title)
    for heading in root.xpath("//section[@id='exercise-content' or @id='solution-content']"):
        heading.tag = "div"  # the extensions give every one of them the same id
        heading.set("class", heading.attrib.pop("id"))
    for hidden in root.xpath("//details[contains(@class, 'hide')]/summary"):
        del hidden.attrib["aria-label"]
        words = [p.text_content() for p in hidden.xpath("./p")]
        for p in hidden.xpath("./p"):
            p.drop_tree()
        hidden.text = words[0].strip() if words else "Show"


def _figures(root: html.HtmlElement, up: str, page: Finished, context: Context) -> None:
    """Sizes before loading, lazy loading, and a second picture for dark pages."""
    for image in root.xpath("//article//img[not(contains(@class, 'interactive-static'))]"):
        source = image.get("src", "")
        if "_images/" not in source:
            continue
        name = source.rpartition("/")[2]
        page.images.add(name)
        if name.endswith(".svg"):
            svg = (context.raw / "_images" / name).read_text(encoding="utf-8")
            width, height = pictures.size(svg)
            image.set("width", str(width))
            image.set("height", str(height))
            twin = deepcopy(image)
            twin.tail = None
            twin_name = name.removesuffix(".svg") + "-dark.svg"
            target = context.images / twin_name
            write_atomic(target, pictures.dark(svg))
            page.drawn.add(twin_name)
            twin.set("src", f"{up}_images/{twin_name}")
            for each, theme in ((image, "light"), (twin, "dark")):
                each.set("class", f"{each.get('class', '')} for-{theme} figure-picture".strip())
            image.addnext(twin)
            twin.tail, image.tail = image.tail, None
        for each in root.xpath(f"//img[contains(@src, '{name.removesuffix('.svg')}')]"):
            each.set("loading", "lazy")
            each.set("decoding", "async")


def _terms(root: html.HtmlElement, context: Context) -> None:
    """The definition travels with the link; the page's script shows it on hover and focus."""
    for link in root.xpath("//a[contains(@href, '#term-')]"):
        anchor = link.get("href").rpartition("#")[2]
        if anchor in context.definitions and link.xpath(".//span[contains(@class, 'std-term')]"):
            link.set("data-definition", context.definitions[anchor])
            link.set("class", "reference internal term")


def _formulas(root: html.HtmlElement) -> None:
    """A comma, a point or a bracket stays on the line of the formula before it; browsers would break there."""
    for formula in root.xpath("//article//span[contains(concat(' ', @class, ' '), ' math ')]"):
        tail = formula.tail or ""
        if mark := re.match(r"[,.;:!?)\]]+", tail):
            place = element('<span class="stay"></span>')
            formula.addprevious(place)
            place.append(formula)
            formula.tail, place.tail = mark[0], tail[mark.end() :]


def _tables(root: html.HtmlElement) -> None:
    for table in root.xpath("//article//table"):
        parent = table.getparent()
        if "table-scroll" in parent.get("class", ""):
            continue
        frame = element('<div class="table-scroll"></div>')
        parent.replace(table, frame)
        frame.tail, table.tail = table.tail, None
        frame.append(table)


def _tidy(root: html.HtmlElement, name: str) -> None:
    """Small repairs that validators and screen readers ask for."""
    for button in root.xpath(
        "//button[@data-bs-toggle='tooltip'] | //*[@data-bs-toggle='tooltip']"
    ):
        for key in ("data-bs-toggle", "data-bs-placement", "data-bs-title"):
            button.attrib.pop(key, None)
    for button in root.xpath("//button[contains(@class, 'theme-switch-button')]"):
        button.set("title", "Light, dark or as the system")
    for button in root.xpath("//button[@id='pst-back-to-top']"):
        _drop(button)
    for link in root.xpath("//a[contains(@class, 'headerlink')]"):
        heading = link.getparent()
        label = re.sub(r"\s+", " ", _words(heading)).strip().removesuffix("#").strip()
        link.set("aria-label", f"Link to: {label[:80]}")
        link.attrib.pop("title", None)
    for link in root.xpath("//a[starts-with(@href, 'http')]"):
        link.set("rel", "noopener")
    for script in root.xpath("//script[not(@src)]"):
        if script.text and "console.log(" in script.text:
            script.text = script.text.replace(
                "console.log(", "void ("
            )  # a reader's console stays silent
    for entry in root.xpath("//*[@role='doc-biblioentry']"):
        entry.set("role", "listitem")  # it stands in a list
    for side in root.xpath("//div[@id='pst-primary-sidebar']"):
        side.set("role", "complementary")
        side.set("aria-label", "The book")
    main = root.xpath("//main")
    for node in main:
        node.attrib.pop("role", None)
    for node in root.xpath("//article//*[@class='bibtex-citation']/a[@title]"):
        node.attrib.pop("title", None)
    html_tag = root if root.tag == "html" else root.getroottree().getroot()
    html_tag.set("data-page", name)
