"""The section that explains a term: a glossary names the page, a reader needs the place on it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable
from html import escape
from typing import Any

Document = dict[str, Any]
ENTRY = re.compile(r'<dt id="[^"]+">.*?</dd>', re.S)
TERM = re.compile(r'<dt id="[^"]+">(.*?)<a class="headerlink"', re.S)
PAGE_LINK = re.compile(
    r'(<a class="reference internal" href="([^"#:]+)\.html)("><span class="doc">[^<]*</span>)'
)
WORD = re.compile(r"[a-z0-9]+")
SILENT = {"a", "an", "the", "what", "is", "are"}
STEM = 8  # letters by which forms of a word are one: regularize, regularization
MOST = 0.6  # of the words of a term, in a heading


def complete(
    slug: str, text: str, pages: dict[str, list[Document]], aside: Iterable[str] = ()
) -> str:
    """The rendered glossary `slug`, in which links to whole pages lead to sections.

    `pages` holds the documents of each page as the search has them; sections whose headings are in
    `aside` explain nothing.
    """

    def entry(match: re.Match[str]) -> str:
        names = [re.sub(r"<[^>]+>", "", name) for name in TERM.findall(match[0])]
        return PAGE_LINK.sub(lambda link: _link(link, names), match[0])

    def _link(link: re.Match[str], names: list[str]) -> str:
        page = posixpath.normpath(posixpath.join(posixpath.dirname(slug), link[2]))
        document = section(names, pages.get(page, []), aside)
        if document is None:
            return link[0]
        shown = link[3].replace("</span>", f" › {escape(document['heading'])}</span>")
        return f"{link[1]}#{document['anchor']}{shown}"

    return ENTRY.sub(entry, text)


def section(
    names: list[str], documents: list[Document], aside: Iterable[str] = ()
) -> Document | None:
    """The section of a page that explains a term, None where it is the page as a whole.

    It is the page as a whole where its title begins with the term, unless a section is named after
    it; else the first section whose heading begins with the term, holds it, prints it in bold, or
    has most of its words in the heading; else the section that uses it most.

    >>> page = [
    ...     {"anchor": "", "heading": "Metrics", "bold": [], "text": "Recall and precision."},
    ...     {"anchor": "roc", "heading": "ROC curves", "bold": [], "text": "Recall."},
    ...     {"anchor": "name", "heading": "Name it", "bold": ["recall"], "text": "Recall."},
    ... ]
    >>> section(["recall (metric)"], page)["anchor"]
    'name'
    >>> section(["ROC curve"], page)["anchor"]
    'roc'
    >>> section(["metric"], page) is None
    True
    """
    phrases = [phrase for phrase in map(_stems, names) if phrase]
    skipped = set(aside)
    sections = [row for row in documents if row["anchor"] and row["heading"] not in skipped]

    def first(holds: Callable[[Document, list[str]], bool]) -> Document | None:
        return next((row for row in sections for name in phrases if holds(row, name)), None)

    def uses(row: Document) -> int:
        words = _stems(row["text"])
        return sum(_count(words, phrase) for phrase in phrases)

    equal = first(lambda row, name: _stems(row["heading"].split(":")[0]) == name)
    title = _stems(documents[0]["heading"]) if documents else []
    if equal or any(title[: len(phrase)] == phrase for phrase in phrases):
        return equal
    most = max(sections, key=uses, default=None)
    return (
        first(lambda row, name: _stems(row["heading"])[: len(name)] == name)
        or first(lambda row, name: _count(_stems(row["heading"]), name) > 0)
        or first(lambda row, name: any(_stems(bold) == name for bold in row["bold"]))
        or first(lambda row, name: _share(_stems(row["heading"]), name) >= MOST)
        or (most if most is not None and uses(most) else None)
        or first(lambda row, name: _share(_stems(row["text"]), name) == 1)
    )


def defines(document: Document, names: Iterable[str]) -> bool:
    """Whether a section introduces a term: it prints it in bold, or its heading begins with it.

    >>> defines({"heading": "Name it", "bold": ["F1 score"]}, ["F1", "F1 scores"])
    True
    >>> defines({"heading": "Softmax regression: one of K", "bold": []}, ["softmax"])
    True
    >>> defines({"heading": "Remarks", "bold": ["F1 score"]}, ["F1"])
    False
    """
    phrases = [phrase for phrase in map(_stems, names) if phrase]
    heading, bold = _stems(document["heading"]), [_stems(text) for text in document["bold"]]
    return any(heading[: len(phrase)] == phrase or phrase in bold for phrase in phrases)


def _share(words: list[str], phrase: list[str]) -> float:
    """The part of a phrase of several words that occurs somewhere among `words`."""
    return len(set(phrase) & set(words)) / len(set(phrase)) if len(phrase) > 1 else 0.0


def _stems(text: str) -> list[str]:
    """The words of a text without what stands in brackets at its end, cut to their stems."""
    bare = re.sub(r"\s*\([^()]*\)$", "", text).lower().replace("’", "'").replace("'s", "")
    words = [word for word in WORD.findall(bare) if word not in SILENT]
    return [word[:STEM].rstrip("s") if len(word) > 3 else word for word in words]


def _count(words: list[str], phrase: list[str]) -> int:
    size = len(phrase)
    return sum(words[at : at + size] == phrase for at in range(len(words) - size + 1))
