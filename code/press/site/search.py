"""The search of the site: its documents, taken from the rendered pages, and their index.

A document is a section without the sections below it, or an entry of a glossary. MiniSearch indexes
and ranks them. The words are folded by the same script when the index is built and when a reader
types (`theme/static/search/words.js`), so node builds it.
"""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from clikit.errors import Exit, UserError
from clikit.files import sha
from lxml import etree, html

from press.config import Project, node_folder
from press.execute.records import Record
from press.site import boxes, relations
from press.site.context import Context
from press.site.expansions import expansions
from press.source import settings, toc
from press.source.chapter import Chapter
from press.store import Store

FOLDER = Path(__file__).parent / "theme" / "static" / "search"
SOURCES = ("words.js", "boxes.js", "engine.js", "interface.js")  # each may use those before it
MARKS = ("words.js", "marks.js")
DROPPED_TAGS = ("script", "style", "svg", "img", "button", "annotation")
DROPPED_CLASSES = (
    "katex-html",
    "cell_output",
    "headerlink",
    "caption-number",
    "section-number",
    "page-facts",
    "card-level",
    "sources",  # every page of the module would answer for its code
    "all-cards",  # a card is on its own page
)
DROPPED = etree.XPath(
    f"//*[{' or '.join(f'self::{tag}' for tag in DROPPED_TAGS)}"
    f" or @class and ({' or '.join(f'contains(@class, {name!r})' for name in DROPPED_CLASSES)})]"
    " | //details[contains(@class, 'plumbing')]/summary"
)
BLOCKS = ("p", "li", "dt", "dd", "div", "td", "th", "tr", "summary", "pre", "br", "h4", "h5")
TITLES = (
    ".//*[contains(@class, 'admonition-title')]"
    "[not(ancestor-or-self::*[contains(@class, 'solution')])]"
)
FORMULA = 12  # characters of a formula that a line of context shows
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")  # words.js leaves them out of words
TERM_WORDS = 5
IDENTIFIER = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


def files(
    project: Project,
    book: Context,
    pages: list[tuple[Chapter, Record]],
    texts: dict[str, str],
    store: Store,
) -> dict[str, str]:
    """The scripts of the search by their names: to find, the texts to show, to mark the words."""
    documents: list[dict[str, Any]] = []
    table = []
    own = settings.load(project.book)
    parts = {entry.slug: entry.part for entry in toc.entries(project)}
    expansions: set[tuple[str, str]] = set()
    for number, (chapter, _) in enumerate(pages):
        text = texts[chapter.slug]
        title, entries, pairs = of_page(text, store)
        table.append([chapter.slug, title, parts[chapter.slug], book.facts[chapter.slug].minutes])
        expansions |= {(short, long) for short, long in pairs}
        for entry in entries:
            entry["page"] = number
            entry["aside"] = relations.rank(entry, own, parts[chapter.slug])
        documents += entries
    boxes.keep_distinct(documents)
    relations.lead(documents, [row[0] for row in table])
    given = relations.given(own, documents, sorted(expansions))
    sources = scripts(SOURCES)
    library = project.root / "node_modules" / "minisearch" / "dist" / "cjs" / "index.cjs"
    asked = {"pages": table, "documents": documents, **given}
    index = store.file(
        "search",
        [asked, sources, sha(library.read_bytes())],
        ".json",
        lambda: node("index", library, asked).encode(),
    )
    bodies = [entry["text"] for entry in documents]
    return {
        "_static/search.js": _script(library, sources, index.read_text(encoding="utf-8")),
        "_static/search-texts.js": f"BookSearch.texts({_literal(bodies)});\n",
        "_static/marks.js": marks(),
    }


def scripts(names: tuple[str, ...]) -> list[str]:
    """The text of these scripts of the search."""
    return [(FOLDER / name).read_text(encoding="utf-8") for name in names]


def marks() -> str:
    """The script that marks, where a hit leads, the words that it was found by."""
    own = "\n".join(map(_bare, scripts(MARKS)))
    return f'(() => {{\n"use strict";\n{own}\n}})();\n'


def of_page(text: str, store: Store) -> Any:
    """What `sections` finds on a rendered page, computed once."""
    return store.get("sections", sha(text), partial(sections, text))


def sections(text: str) -> tuple[str, list[dict[str, Any]], list[tuple[str, str]]]:
    """The title of a rendered page, its documents in order, and the abbreviations it expands."""
    start = text.find("<article")
    if start < 0:
        return "", [], []
    article = html.fragment_fromstring(text[start : text.index("</article>") + 10])
    titles = boxes.titles(article)
    for element in DROPPED(article):
        element.drop_tree()
    for formula in article.iter("math"):
        _flatten(formula)
    for element in article.iter(*BLOCKS):
        element.tail = f"\n{element.tail or ''}"
    documents = [
        document for section in article.iter("section") for document in _documents(section, titles)
    ]
    title = documents[0]["heading"] if documents else ""
    words = " ".join(document["text"] for document in documents)
    return title, documents, expansions(words)


def _documents(section: etree._Element, titles: dict[str, str]) -> Iterator[dict[str, Any]]:
    """A section without those below it, and the entries of a glossary in it."""
    own = html.Element("div")
    heading = section.find("./h1")
    for child in section:
        if child.tag in ("h1", "h2", "h3", "h4"):
            heading = child
        elif child.tag != "section":
            own.append(copy.deepcopy(child))
    entries = []
    for glossary in own.xpath(".//dl[contains(@class, 'glossary')]"):
        entries += list(_terms(glossary))
        glossary.drop_tree()
    top = heading is not None and heading.tag == "h1"
    title = _words(heading) if heading is not None else ""
    document = _document("" if top else section.get("id", ""), title, own)
    yield {**document, "boxes": boxes.within(own, document["text"], titles)}
    yield from entries


def _terms(glossary: etree._Element) -> Iterator[dict[str, Any]]:
    """Each entry of a glossary; several terms can have one definition."""
    terms: list[etree._Element] = []
    for child in glossary:
        if child.tag == "dt":
            terms.append(child)
        elif terms:
            names = [_words(term) for term in terms]
            document = _document(terms[0].get("id", ""), names[0], child)
            yield {**document, "names": names, "term": True, "leads": _leads(child)}
            terms = []


def _leads(definition: etree._Element) -> str:
    """Where a definition sends its reader: the last link to a page, as it is written."""
    links = definition.xpath(".//a[contains(@class, 'internal')][span[@class='doc']]/@href")
    return str(links[-1]) if links else ""


def _document(anchor: str, heading: str, body: etree._Element) -> dict[str, Any]:
    """What is indexed and shown of one element of a page."""
    listings = [
        block.text_content() for block in body.xpath(".//*[contains(@class, 'highlight')]//pre")
    ]
    bold = [_words(strong) for strong in body.iter("strong")]
    names = [_words(title) for title in body.xpath(TITLES)]
    for kind in ("cell_input", "highlight", "admonition-title"):
        for block in body.find_class(kind):
            block.drop_tree()
    return {
        "anchor": anchor,
        "heading": heading,
        "bold": sorted({term for term in bold if len(term.split()) <= TERM_WORDS}),
        "names": names,
        "code": sorted({name for text in listings for name in IDENTIFIER.findall(text)}),
        "text": _words(body),
        "term": False,
        "leads": "",
        "boxes": [],
        "references": bool(body.find_class("citation")),
    }


def _words(element: etree._Element) -> str:
    return re.sub(r"\s+", " ", element.text_content()).strip()


def _flatten(formula: etree._Element) -> None:
    """A short formula as its characters, a long one as three dots.

    A symbol with a number, as in F₁, keeps it as a subscript: it is not the word F1.
    """
    for symbol in formula.iter("msub", "msubsup"):
        for element in symbol[1].iter():
            element.text = element.text and element.text.translate(SUBSCRIPTS)
    shown = re.sub(r"\s+", "", formula.text_content())
    tail = formula.tail
    formula.clear()
    formula.tail = tail
    formula.text = shown if len(shown) <= FORMULA else "…"


def node(mode: str, library: Path, asked: Any) -> str:
    """Run `search.cjs` on a value; UserError where node or MiniSearch does not work."""
    path = os.pathsep.join(filter(None, (node_folder(), os.environ.get("PATH"))))
    command = ["node", str(Path(__file__).with_suffix(".cjs")), mode, str(library)]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PATH": path},
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        what = getattr(error, "stderr", "") or str(error)
        raise UserError(
            f"node does not build the index of the search: {what.strip()[-500:]}",
            "run `make setup`, which installs node and MiniSearch",
            Exit.ENVIRONMENT,
        ) from error
    return done.stdout


def _script(library: Path, sources: list[str], index: str) -> str:
    """MiniSearch, the scripts of the search and the index in one function."""
    packed = _bare(library.read_text(encoding="utf-8"))
    own = "\n".join(map(_bare, sources))
    return (
        '(() => {\n"use strict";\nconst MiniSearch = (() => { const module = {};\n'
        f"{packed}\nreturn module.exports; }})();\n{own}\n"
        f"const book = open({_literal(index)});\n"
        "window.BookSearch = {\n"
        "find: book.find, suggest: (input) => suggest(input, book),\n"
        "texts: (list) => { bodies = list; redraw(); },\n};\n"
        "start(book);\n})();\n"
    )


def _bare(script: str) -> str:
    """A script without its comments and the spaces before its lines."""
    from pygments.lexers import JavascriptLexer
    from pygments.token import Comment

    lexer = JavascriptLexer(stripnl=False)
    code = "".join(value for kind, value in lexer.get_tokens(script) if kind not in Comment)
    return re.sub(r"\n\s+", "\n", code)


def _literal(value: Any) -> str:
    """A value as JSON inside a call: browsers read a string faster than a literal."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"JSON.parse({json.dumps(text, ensure_ascii=False)})"
