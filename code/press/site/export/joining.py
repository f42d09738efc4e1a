"""Printed chapters joined into one PDF: outline, page labels, and links that stay inside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from press.config import Project
from press.site import context


@dataclass
class Sheet:
    """A printed chapter."""

    slug: str
    title: str
    part: str
    file: Path
    first: int  # the number on its first page
    pages: int


def append(writer: Any, sheets: list[Sheet], front: int) -> None:
    """All chapters, in the outline below their parts, with their own headings below them."""
    from pypdf import PdfReader

    parts: dict[str, Any] = {}
    for sheet in sheets:
        if sheet.part and sheet.part not in parts and len(sheets) > 1:
            parts[sheet.part] = writer.add_outline_item(sheet.part, None, is_open=False)
        start = len(writer.pages)
        reader = PdfReader(sheet.file)
        writer.append(reader, import_outline=False)
        _anchors(writer, reader, start)
        parent = parts.get(sheet.part)
        item = writer.add_outline_item(sheet.title, start, parent=parent, is_open=False)
        _headings(writer, reader, start, item)
    if front:
        writer.set_page_label(0, front - 1, style="/r")
        writer.set_page_label(front, len(writer.pages) - 1, style="/D", start=1)


def _headings(writer: Any, reader: Any, start: int, parent: Any) -> None:
    """The second-level headings of a chapter, out of the outline that Chromium wrote."""
    from pypdf.generic import Fit

    for level in reader.outline:
        for heading in level if isinstance(level, list) else []:
            if not isinstance(heading, list):
                page = start + (reader.get_destination_page_number(heading) or 0)
                fit = Fit.xyz(left=heading.left, top=heading.top)
                writer.add_outline_item(heading.title, page, parent=parent, fit=fit)


def _links(writer: Any, start: int) -> Iterator[Any]:
    """The links on the pages from `start` on."""
    for page in writer.pages[start:]:
        for reference in page.get("/Annots", []):
            yield reference.get_object()


def _anchors(writer: Any, reader: Any, start: int) -> None:
    """Let links inside a chapter name a place instead of an anchor: chapters share anchors."""
    for link in _links(writer, start):
        name = link.get("/Dest")
        if isinstance(name, str) and name in reader.named_destinations:
            place = reader.named_destinations[name]
            page = start + (reader.get_destination_page_number(place) or 0)
            _lead(link, writer.pages[page], place.left, place.top)
    writer.root_object.pop("/Names", None)
    writer.root_object.pop("/Dests", None)


def _lead(link: Any, page: Any, left: Any = None, top: Any = None) -> None:
    """Let a link lead to a place on a page, its top where none is given."""
    from pypdf.generic import ArrayObject, FloatObject, NameObject, NullObject

    place = [NullObject() if value is None else FloatObject(value) for value in (left, top)]
    values = [page.indirect_reference, NameObject("/XYZ"), *place, NullObject()]
    link.pop("/A", None)
    link[NameObject("/Dest")] = ArrayObject(values)


def relink(writer: Any, project: Project, places: dict[str, int]) -> None:
    """Let links to other chapters lead to their pages, and the rest to the published site."""
    from pypdf.generic import NameObject, TextStringObject

    site = project.site.as_uri() + "/"
    base = context.baseurl(project)
    for link in _links(writer, 0):
        address = link.get("/A", {}).get("/URI", "")
        if not address.startswith(site):
            continue
        rest = address.removeprefix(site)
        place = places.get(rest.partition("#")[0].removesuffix(".html"))
        if place is None:
            link["/A"][NameObject("/URI")] = TextStringObject(f"{base}/{rest}")
        else:
            _lead(link, writer.pages[place])
