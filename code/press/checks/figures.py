"""Every figure has a caption, a name, alt text and named axes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from press.checks.book import IMAGES, SVG, VEGA, Book, Page
from press.checks.registry import audit
from press.errors import Finding
from press.source.chapter import Cell

RULE = "figures"
DATA_LIMIT = 40_000
ALT_LENGTH = 20
G = "{http://www.w3.org/2000/svg}g"
AXES = re.compile(r"axes_\d+")
AXIS = re.compile(r"matplotlib\.axis_\d+")
TEXT = re.compile(r"text_\d+")
Problems = Iterator[tuple[str, str]]  # what is wrong, how to fix it


@audit(RULE, "captions, names, alt text and axis labels of figures")
def figures(book: Book) -> Iterator[Finding]:
    """Figures that a reader could not name, hear or read."""
    owners: dict[str, str] = {}
    for page in book.pages:
        for cell in page.chapter.cells:
            yield from _cell(page, cell)
            name = cell.metadata.get("mystnb", {}).get("figure", {}).get("name")
            if name and name in owners:
                what = f"the name {name!r} is taken by {owners[name]}"
                yield page.finding(cell.line, RULE, what, "choose another name", cell.number)
            elif name:
                owners[name] = page.slug
        for block in page.blocks:
            if block.name in ("image", "figure") and not block.options.get("alt"):
                fix = "add :alt: with what is to be seen"
                yield page.finding(block.number, RULE, "the image has no alt text", fix)


def _cell(page: Page, cell: Cell) -> Iterator[Finding]:
    """What a cell with a figure lacks."""
    outputs = [output.get("data", {}) for output in page.outputs(cell.number)]
    images = [data for data in outputs if IMAGES & set(data)]
    options = cell.metadata.get("mystnb", {})
    for what, fix in _problems(options, images, page.record is not None):
        yield page.finding(cell.line, RULE, what, fix, cell.number)


def _problems(options: dict[str, Any], images: list[dict[str, Any]], ran: bool) -> Problems:
    """What the head of a cell and its figures lack; `ran` says whether the outputs are known."""
    if not images:
        if options.get("figure") and ran:
            what = "the cell has a caption and shows no figure"
            yield what, "draw the figure, or take the caption out"
        return
    for key in ("caption", "name"):
        if not str(options.get("figure", {}).get(key, "")).strip():
            yield f"the figure has no {key}", f"set mystnb: figure: {key} in the head of the cell"
    if len(images) > 1:
        what = f"the cell shows {len(images)} figures under one caption"
        yield what, "show one figure per cell"
    for data in images:
        yield from _vega(data[VEGA]) if VEGA in data else _image(options, data)


def _image(options: dict[str, Any], data: dict[str, Any]) -> Problems:
    """What a static figure lacks."""
    if len(str(options.get("image", {}).get("alt", ""))) < ALT_LENGTH:
        what = f"alt text is missing or under {ALT_LENGTH} characters"
        yield what, "set mystnb: image: alt to what is to be seen"
    for axes in unnamed_axes("".join(data[SVG])) if SVG in data else ():
        fix = "set both labels, with units; hide the axes of a drawing"
        yield f"{axes} has an axis without a name", fix


def unnamed_axes(svg: str) -> list[str]:
    """Ids of axes that show an axis without a label; a damaged image counts as one."""
    try:
        drawing = ElementTree.fromstring(svg)
    except (ElementTree.ParseError, ValueError):
        return ["an image that is not valid SVG"]
    groups = [
        (group.get("id", ""), [_Axis(axis) for axis in group.findall(G) if _has_id(axis, AXIS)])
        for group in drawing.iter(G)
        if _has_id(group, AXES)
    ]
    named = {axis.numbered for _, axes in groups for axis in axes if axis.label}
    return [
        name
        for name, axes in groups
        # axes that share a scale name it once: no numbers here, numbers and a name on another
        if any(
            axis.kind and not axis.label and (axis.numbered or axis.kind not in named)
            for axis in axes
        )
    ]


def _has_id(group: ElementTree.Element, pattern: re.Pattern[str]) -> bool:
    return pattern.fullmatch(group.get("id", "")) is not None


class _Axis:
    """One axis of a drawing: the kind of its ticks and of those with numbers, and its label."""

    def __init__(self, axis: ElementTree.Element) -> None:
        groups = axis.findall(G)
        ticks = [g for g in groups if g.get("id", "")[1:].startswith("tick_")]
        numbered = [tick for tick in ticks if any(_has_id(g, TEXT) for g in tick.findall(G))]
        self.kind = _kind(ticks)
        self.numbered = _kind(numbered)
        self.label = any(_has_id(g, TEXT) for g in groups)


def _kind(ticks: list[ElementTree.Element]) -> str:
    """ "x", "y" or, without ticks, the empty string."""
    return min((tick.get("id", "")[0] for tick in ticks), default="")


def _vega(spec: dict[str, Any]) -> Problems:
    """What an interactive figure lacks."""
    if len(str(spec.get("description", ""))) < ALT_LENGTH:
        fix = "describe what it shows and what its controls do"
        yield "the interactive figure has no description", fix
    size = len(json.dumps(spec))
    if size > DATA_LIMIT:
        what = f"the interactive figure carries {size:,} bytes, more than {DATA_LIMIT:,}"
        yield what, "draw fewer points or round their coordinates"
    for param in spec.get("params", []):
        if "bind" in param and not param["bind"].get("name"):
            yield f"the control {param.get('name')!r} has no label", "give it a name"
