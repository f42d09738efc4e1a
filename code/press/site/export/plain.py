"""A rendered page as plain Markdown, which every viewer and every notebook can show.

The page is taken as Sphinx wrote it, so references, numbers and citations are already resolved.
What only a browser can use is dropped, and the code cells are left out: they have places of their
own between the texts.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from lxml import html
from lxml.html.builder import CLASS, E

from press.site.export.dialect import Dialect

# what only a browser can use
FURNITURE = ("headerlink", "for-dark", "interactive-live", "interactive-controls", "scripted")
BROWSER = ("script", "style", "button", "form", "input", "nav", "noscript")
SITE = "book-site:/"  # before a place of the site, until it is known from where a text leads there
PLACE = re.compile(rf"{SITE}([^\s)\"'>]*)")
MARK = re.compile(r"\ue000(\d+)\ue001")
NUMBER = re.compile(r"\[\d+\]")
EQUATION = re.compile(r"\((.+?)\)")
BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True)
class Text:
    """A part of the page between two code cells."""

    markdown: str


@dataclass(frozen=True)
class Code:
    """The place of a code cell."""

    number: int  # 1-based among the cells of the page
    fold: str  # the title of the folded box around it, or empty
    images: tuple[tuple[str, str], ...]  # alternative text and address


@dataclass(frozen=True)
class Page:
    """A rendered page and the references of the whole book."""

    slug: str
    html: str
    entries: dict[str, str]  # text of each reference by the address of its anchor

    def parts(self) -> list[Text | Code]:
        """The texts and the code cells of the page in their order."""
        return _Conversion(self).parts()


def absolute(text: str, base: str) -> str:
    """A text whose links lead to the published site.

    >>> absolute("[A](book-site:/part/a.html#b)", "https://example.org/book")
    '[A](https://example.org/book/part/a.html#b)'
    """
    return PLACE.sub(lambda match: f"{base}/{match[1].lstrip('/')}", text)


def relative(text: str, folder: str) -> str:
    """A text whose links lead from a file in `folder` of the site to its other files.

    >>> relative("[A](book-site:/part/a.html#b), ![](book-site:/_images/c.svg)", "part")
    '[A](a.html#b), ![](../_images/c.svg)'
    """
    return PLACE.sub(lambda match: posixpath.relpath(match[1], folder or "."), text)


def article(text: str) -> Any:
    """The text of a rendered page as a tree."""
    tree = html.document_fromstring(text).find(".//article")
    if tree is None:
        raise ValueError("the page has no <article>; is it a page that the theme rendered?")
    return tree


def entries(pages: dict[str, str]) -> dict[str, str]:
    """Every entry of the bibliographies as text, by page and anchor: `part/topic.html#id3`."""
    texts: dict[str, str] = {}
    for slug, text in pages.items():
        if 'class="citation"' not in text:
            continue
        for entry in article(text).find_class("citation"):
            label = "".join(element.text_content() for element in entry.find_class("label"))
            words = " ".join(
                paragraph.text_content()
                for paragraph in entry.iter("p")
                if "cited-in" not in paragraph.get("class", "")
            )
            if NUMBER.fullmatch(label):  # authors and year stand in the entry itself
                words = f"{label} {words}"
            texts[f"{slug}.html#{entry.get('id')}"] = re.sub(r"\s+", " ", words).strip()
    return texts


class _Conversion:
    """One page on its way: the tree is simplified step by step, then written as Markdown."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.tree = article(page.html)
        self.cited: set[str] = set()
        self.cells: list[Code] = []

    def parts(self) -> list[Text | Code]:
        self._formulas()  # first: nine in ten elements are glyphs
        self._drop()
        self._links()
        self._cells()
        self._boxes()
        self._references()
        body = html.tostring(self.tree, encoding="unicode", with_tail=False)
        pieces = MARK.split(Dialect().convert(body))
        parts: list[Text | Code] = []
        for place, piece in enumerate(pieces):
            if place % 2:
                parts.append(self.cells[int(piece)])
            elif piece.strip():
                parts.append(Text(BLANK_LINES.sub("\n\n", piece).strip()))
        return parts

    def _class(self, name: str) -> list[Any]:
        return list(self.tree.find_class(name))

    def _drop(self) -> None:
        for name in FURNITURE:
            for element in self._class(name):
                element.drop_tree()
        for element in self.tree.xpath(".//*[@hidden]"):
            element.drop_tree()
        for element in list(self.tree.iter(*BROWSER)):
            element.drop_tree()
        for element in self._class("number"):
            element.drop_tag()

    def _formulas(self) -> None:
        """The TeX source of each formula, between dollar signs."""
        for box in self._class("math"):
            source = next(box.iter("annotation"), None)
            if source is None:
                continue
            # some viewers take "<" and a letter for the beginning of an element
            written = re.sub(r"<(?=[A-Za-z/!])", r"\\lt ", source.text or "").strip()
            tex = re.sub(r"\s*\n\s*", " ", written)
            if box.tag == "div":
                number = next((n for span in box.find_class("eqno") if (n := _number(span))), "")
                tag = f" \\tag{{{number}}}" if number else ""
                _replace(box, [E("texblock", f"$$\n{written}{tag}\n$$")])
            else:
                if any(parent.tag in ("td", "th") for parent in box.iterancestors()):
                    # a bar would end the cell of the table
                    tex = tex.replace(r"\|", r"\Vert ").replace("|", r"\vert ").strip()
                _replace(box, [E("tex", f"${tex}$")])

    def _links(self) -> None:
        for link in list(self.tree.iter("a")):
            target = link.get("href", "")
            if re.match(r"[a-z]+:", target):
                continue
            path, hash_mark, anchor = target.partition("#")
            place = self._place(path) + hash_mark + anchor
            if place in self.page.entries:
                self.cited.add(place)
            if place in self.page.entries or "term" in link.get("class", "").split():
                link.drop_tag()
            else:
                link.set("href", SITE + place)
        for image in self.tree.iter("img"):
            image.set("src", SITE + self._place(image.get("src", "")))

    def _place(self, path: str) -> str:
        """A path on this page as a path of the site; the page itself for none."""
        if not path:
            return f"{self.page.slug}.html"
        return posixpath.normpath(posixpath.join(posixpath.dirname(self.page.slug), path))

    def _cells(self) -> None:
        """A mark and the captions in place of each cell, outside of all boxes."""
        for number, cell in enumerate(self._class("cell"), 1):
            box = next((a for a in cell.iterancestors() if _is_box(a)), None)
            folded = box is not None and box.tag == "details"
            images = tuple((i.get("alt", ""), i.get("src", "")) for i in cell.iter("img"))
            self.cells.append(Code(number, _title(box) if folded else "", images))
            after = [E("p", *_content(caption)) for caption in cell.iter("figcaption")]
            after += cell.find_class("sources")  # of library functions that the cell calls
            _replace(cell, [E("p", CLASS("mark"), f"\ue000{number - 1}\ue001"), *after])
        for name in ("exercise-content", "solution-content"):
            for content in self._class(name):
                content.drop_tag()
        for box in list(self.tree.iter("details")):
            if box.find_class("mark"):
                _unfold(box)

    def _boxes(self) -> None:
        for number in self._class("caption-number"):
            number.tag = "strong"
        for run in _runs(self._class("flashcard")):
            _replace(run[0], [E("ul", *map(_card, run))])
            for card in run[1:]:
                card.drop_tree()
        for box in self._class("admonition"):
            if box.tag != "div":
                continue
            title = next(iter(box.find_class("admonition-title")), None)
            if "exercise" in box.get("class").split():
                if title is not None:
                    for number in list(title.iter("strong")):
                        number.drop_tag()
                    title.tag = "h4"
                box.drop_tag()
                continue
            box.tag = "blockquote"
            if title is not None:
                _replace(title, [E("p", E("strong", *_content(title)))])
        for term in list(self.tree.iter("dt")):
            _replace(term, [E("p", E("strong", *_content(term)))])
        for element in list(self.tree.iter("dl", "dd")):
            element.tag = "div"

    def _references(self) -> None:
        """What the page cites, as a list at its end."""
        if self.cited:
            texts = [text for place, text in self.page.entries.items() if place in self.cited]
            self.tree.append(E("h2", "References"))
            self.tree.append(E("ul", *(E("li", text) for text in texts)))


def _number(span: Any) -> str:
    """The number of an equation, without its brackets and its link."""
    match = EQUATION.match(span.text_content())
    return match[1] if match else ""


def _is_box(element: Any) -> bool:
    return "admonition" in element.get("class", "").split()


def _title(box: Any) -> str:
    title = next(iter(box.find_class("admonition-title")), None)
    return re.sub(r"\s+", " ", title.text_content()).strip() if title is not None else ""


def _content(element: Any) -> list[Any]:
    """Text and children, for another element to take over."""
    return [element.text or "", *element]


def _replace(element: Any, new: list[Any]) -> None:
    """Put `new` in the place of an element, and keep the text that follows it."""
    parent = element.getparent()
    place = parent.index(element)
    new[-1].tail = (new[-1].tail or "") + (element.tail or "")
    parent[place : place + 1] = new


def _unfold(box: Any) -> None:
    """Let the cells of a fold stand outside of it; the texts between them stay folded."""
    title = _title(box)
    children = [child for child in box if child.tag != "summary"]
    new: list[Any] = []
    for is_mark, group in groupby(children, lambda child: child.get("class") == "mark"):
        if is_mark:
            new += group
        else:
            new.append(E("details", E("summary", title), *group))
    _replace(box, new)


def _runs(elements: list[Any]) -> Iterator[list[Any]]:
    """Elements that follow each other directly, together."""
    run: list[Any] = []
    for element in elements:
        if run and element.getprevious() is not run[-1]:
            yield run
            run = []
        run.append(element)
    if run:
        yield run


def _card(box: Any) -> Any:
    """A card as an item of a list: the question, then the answer."""
    summary = box.find("summary")
    level = "".join(element.text_content() for element in summary.find_class("card-level"))
    for element in summary.find_class("card-level"):
        element.drop_tree()
    question = E("p", E("strong", *_content(summary)), f" ({level})" if level else "")
    return E("li", question, *(child for child in box if child is not summary))
