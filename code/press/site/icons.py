"""The dozen icons of the theme, drawn for the book, in place of a font and a script of 1.5 MB."""

from __future__ import annotations

import re

from lxml import html

PATHS = {
    "bars": "M4 6h16M4 12h16M4 18h16",
    "magnifying-glass": "M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM15.5 15.5 21 21",
    "sun": "M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM12 2v3M12 19v3M2 12h3M19 12h3M4.9 4.9 7 7M17 17l2.1 2.1M19.1 4.9 17 7M7 17l-2.1 2.1",
    "moon": "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
    "circle-half-stroke": "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM12 3v18M14 5v14M16 6v12M18 8v8",
    "list": "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",
    "angle-left": "m14 6-6 6 6 6",
    "angle-right": "m10 6 6 6-6 6",
    "arrow-up": "M12 20V4M5 11l7-7 7 7",
    "outdent": "M4 6h16M11 12h9M11 18h9M7 12l-3 3 3 3",
    "home": "M4 11 12 4l8 7v9h-6v-6h-4v6H4z",
    "file-lines": "M6 3h8l4 4v14H6zM9 12h6M9 16h6",
    "pencil": "m4 20 1-5L16 4l4 4L9 19z",
    "download": "M12 3v12M6 10l6 6 6-6M4 20h16",
}


def svg(name: str, classes: str = "") -> html.HtmlElement:
    """An inline icon; decoration only, so it is hidden from assistive technology."""
    extra = f" {classes}" if classes else ""
    return html.fragment_fromstring(
        f'<svg class="icon{extra}" viewBox="0 0 24 24" width="1em" height="1em" aria-hidden="true" focusable="false"><path d="{PATHS[name]}"></path></svg>'
    )


def replace(root: html.HtmlElement) -> None:
    """Put inline drawings where the theme leaves Font Awesome marks."""
    for mark in root.xpath("//i[contains(@class, 'fa')] | //span[contains(@class, 'fa-')]"):
        names = [m for m in re.findall(r"fa-([a-z-]+)", mark.get("class", "")) if m in PATHS]
        if not names:
            raise ValueError(f"the theme uses an icon the press has not drawn: {mark.get('class')}")
        keep = " ".join(c for c in mark.get("class", "").split() if not c.startswith("fa"))
        new = svg(names[0], keep)
        for key, value in mark.items():
            if key not in ("class", "title"):
                new.set(key, value)
        new.tail = mark.tail
        mark.getparent().replace(mark, new)
