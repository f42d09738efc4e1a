"""Every picture has a caption, a name, alt text and named axes."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from press.checks.book import Book, Page
from press.errors import Finding
from press.source.chapter import Cell

SVG = "image/svg+xml"
VEGA = "application/vnd.vegalite.v5+json"
DATA_LIMIT = 40_000
G = "{http://www.w3.org/2000/svg}g"


def audit(book: Book) -> list[Finding]:
    """Figures that a reader could not name, hear or read."""
    found = []
    seen: dict[str, str] = {}
    for page in book.pages:
        for cell in page.chapter.cells:
            found += _cell(page, cell)
            name = cell.metadata.get("mystnb", {}).get("figure", {}).get("name")
            if name and name in seen:
                found.append(
                    page.finding(
                        cell.line,
                        "figures",
                        f"the name {name!r} is taken by {seen[name]}",
                        "choose another name",
                        cell.number,
                    )
                )
            elif name:
                seen[name] = page.slug
        for block in page.blocks:
            if block.name in ("image", "figure") and not block.options.get("alt"):
                found.append(
                    page.finding(
                        block.number,
                        "figures",
                        "the picture has no alt text",
                        "add :alt: with what is to be seen",
                    )
                )
    return found


def _cell(page: Page, cell: Cell) -> list[Finding]:
    pictures = [
        output["data"]
        for output in page.outputs(cell.number)
        if {SVG, VEGA, "image/png"} & set(output.get("data", {}))
    ]
    options = cell.metadata.get("mystnb", {})
    if not pictures and options.get("figure") and page.record is not None:
        return [
            page.finding(
                cell.line,
                "figures",
                "the cell has a caption and shows no picture",
                "draw the figure, or take the caption out",
                cell.number,
            )
        ]
    if not pictures:
        return []
    found = []
    figure, image = options.get("figure", {}), options.get("image", {})
    for key in ("caption", "name"):
        if not str(figure.get(key, "")).strip():
            found.append(
                page.finding(
                    cell.line,
                    "figures",
                    f"the figure has no {key}",
                    f"set mystnb: figure: {key} in the head of the cell",
                    cell.number,
                )
            )
    if len(pictures) > 1:
        found.append(
            page.finding(
                cell.line,
                "figures",
                f"the cell shows {len(pictures)} pictures under one caption",
                "one figure a cell",
                cell.number,
            )
        )
    for data in pictures:
        if VEGA in data:
            found += _vega(page, cell, data[VEGA])
        else:
            if len(str(image.get("alt", ""))) < 20:
                found.append(
                    page.finding(
                        cell.line,
                        "figures",
                        "the figure has no alt text of any length",
                        "set mystnb: image: alt to what is to be seen",
                        cell.number,
                    )
                )
            if SVG in data:
                for axes in unnamed_axes("".join(data[SVG])):
                    found.append(
                        page.finding(
                            cell.line,
                            "figures",
                            f"{axes} has an axis without a name",
                            "set both labels, with units; hide the axes of a drawing",
                            cell.number,
                        )
                    )
    return found


def unnamed_axes(svg: str) -> list[str]:
    """Ids of matplotlib axes that show an axis without a label; a picture that cannot be read is one as a whole."""
    found = []
    try:
        drawing = ElementTree.fromstring(svg)
    except (ElementTree.ParseError, ValueError):
        return ["a picture that is no SVG"]
    named = {
        kind
        for axis in drawing.iter(G)
        for kind in "xy"
        if _ticks(axis, kind, numbered=True) and _label(axis)
    }
    for group in drawing.iter(G):
        if re.fullmatch(r"axes_\d+", group.get("id", "")):
            for axis in group.findall(G):
                if re.fullmatch(r"matplotlib\.axis_\d+", axis.get("id", "")):
                    kind = "x" if _ticks(axis, "x") else "y" if _ticks(axis, "y") else ""
                    # axes that share a scale say its name once: no numbers here, numbers and a name on another
                    shared = kind in named and not _ticks(axis, kind, numbered=True)
                    if kind and not _label(axis) and not shared:
                        found.append(group.get("id", ""))
                        break
    return found


def _ticks(axis: ElementTree.Element, kind: str, numbered: bool = False) -> bool:
    """Whether an axis shows ticks of a kind, x or y; with `numbered`, ticks with something written at them."""
    ticks = [g for g in axis.findall(G) if re.match(f"{kind}tick_", g.get("id", ""))]
    return any(
        not numbered or any(re.match(r"text_\d+", t.get("id", "")) for t in g.findall(G))
        for g in ticks
    )


def _label(axis: ElementTree.Element) -> bool:
    return any(re.match(r"text_\d+", g.get("id", "")) for g in axis.findall(G))


def _vega(page: Page, cell: Cell, spec: dict) -> list[Finding]:
    import json

    found = []
    if len(str(spec.get("description", ""))) < 20:
        found.append(
            page.finding(
                cell.line,
                "figures",
                "the interactive figure has no description",
                "give it a text of what it shows and what its controls do",
                cell.number,
            )
        )
    size = len(json.dumps(spec))
    if size > DATA_LIMIT:
        found.append(
            page.finding(
                cell.line,
                "figures",
                f"the interactive figure carries {size:,} bytes, more than {DATA_LIMIT:,}",
                "draw fewer points or round their coordinates",
                cell.number,
            )
        )
    for param in spec.get("params", []):
        if "bind" in param and not param["bind"].get("name"):
            found.append(
                page.finding(
                    cell.line,
                    "figures",
                    f"the control {param.get('name')!r} has no label",
                    "give it a name",
                    cell.number,
                )
            )
    return found
