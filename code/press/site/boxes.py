"""Boxes and exercises, which have addresses of their own: the search lists them by their titles."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from lxml import etree

COMMON = 3  # pages with a box of one title: it tells no page from another
BOXES = etree.XPath(
    ".//*[@id and contains(concat(' ', @class, ' '), ' admonition ')"
    " and not(contains(concat(' ', @class, ' '), ' folded '))]"
)
TITLE = etree.XPath("string(.//*[contains(@class, 'admonition-title')][1])")

Found = tuple[str, str, int, int]  # the address, the title, where the text begins, its length


def titles(article: etree._Element) -> dict[str, str]:
    """The title of each box of a page by its address, with the number of an exercise."""
    return {
        box.get("id", ""): re.sub(r"\s+", " ", TITLE(box)).strip().removesuffix("#").strip()
        for box in BOXES(article)
    }


def within(body: etree._Element, text: str, titles: dict[str, str]) -> list[Found]:
    """The boxes of a section, and where the text of each is in that of the section."""
    boxes = []
    for box in BOXES(body):
        own = re.sub(r"\s+", " ", box.text_content()).strip()
        name = box.get("id", "")
        if (start := text.find(own)) >= 0 and titles.get(name):
            boxes.append((name, titles[name], start, len(own)))
    return boxes


def keep_distinct(documents: list[dict[str, Any]]) -> None:
    """Leave out the boxes that stand under one title on several pages."""
    pages = {(box[1], document["page"]) for document in documents for box in document["boxes"]}
    count = Counter(title for title, _ in pages)
    for document in documents:
        document["boxes"] = [box for box in document["boxes"] if count[box[1]] < COMMON]
