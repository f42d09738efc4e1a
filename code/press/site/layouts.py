"""Two layouts of an interactive figure, for the column of a wide page and for a phone.

Labels keep their size; what becomes wider or narrower is the plot between them.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from press.site import figures, pictures
from press.store import Store

WIDE = 540  # CSS pixels of the drawing; the page shows it 1.24 times as large
NARROW = 328
SHOWN = 1.24
TALLEST = 345
LOWEST = 30  # a plot below this height is a strip for a line of text
CLOSE = 3
NEARLY = 10  # wider by so much, a drawing still fits between the edges of a phone, see read.css
SCALES = (0.45, 2.0)
SMALL = 0.6  # a plot below this part of the width gets its legend out of the way
# plots at least this wide for their height have no proportions to keep
FREE = 1.6

BREAKS = ("; ", ", ")  # where a text that is too long for a phone has a new line instead

# what a drawing has in smaller print unless it says otherwise
PRINT = {
    "legend": {"labelFontSize": 12, "titleFontSize": 12},
    "header": {"labelFontSize": 12, "titleFontSize": 12},
    "text": {"fontSize": 12},
}

Spec = dict[str, Any]
Draw = Callable[[Spec], str]


@dataclass(frozen=True)
class Layout:
    """A specification and the size of its drawing."""

    spec: Spec
    width: int
    height: int


def of(spec: Spec, store: Store | None) -> tuple[Layout, Layout]:
    """The layouts for a wide page and for a phone, found once where there is a store."""

    def make() -> list[dict[str, Any]]:
        plain = readable(spec)
        return [asdict(fitted(plain, width, figures.static)) for width in (WIDE, NARROW)]

    rows = make() if store is None else store.get("layouts", [spec, figures.VEGALITE], make)
    wide, narrow = (Layout(**row) for row in rows)
    return wide, narrow


def readable(spec: Spec) -> Spec:
    """The specification with no label that is small only because nothing says how large it is.

    >>> readable({"config": {"text": {"fontSize": 14}}})["config"]["text"]
    {'fontSize': 14}
    """
    config = spec.get("config", {})
    merged = {name: {**sizes, **config.get(name, {})} for name, sizes in PRINT.items()}
    return {**spec, "config": {**config, **merged}}


def fitted(spec: Spec, width: int, draw: Draw) -> Layout:
    """The specification with plots so large that its drawing has this width.

    `draw` gives the SVG of a specification. The drawing is narrower where it would become taller
    than TALLEST, and wider where its texts need the room.
    """
    layout = _sized(spec, width, draw)
    for columns in (2, 1) if width == NARROW else ():
        if layout.width <= width + CLOSE and _extent(layout.spec, "width") >= SMALL * width:
            return layout
        other = _sized(_legends(spec, columns), width, draw)
        if _gain(other, width) > _gain(layout, width):
            layout = other
    for mark in BREAKS if width == NARROW else ():
        if layout.width > width + CLOSE:
            other = _sized(_broken(spec, mark), width, draw)
            layout = other if _gain(other, width) > _gain(layout, width) else layout
    # where a text needs more room than there is, its plot may have it too
    return layout if layout.width <= width + CLOSE else _sized(spec, layout.width, draw)


def _gain(layout: Layout, width: int) -> float:
    """How much plot a layout has for its width, and for being wider than asked how much less."""
    return _extent(layout.spec, "width") - 3 * max(0, layout.width - width - CLOSE)


def _sized(spec: Spec, width: int, draw: Draw) -> Layout:
    scale = 1.0
    layout = Layout(spec, *pictures.size(draw(spec)))
    for _ in range(4):
        plot = max(1.0, scale * _extent(spec, "width"))
        rows = max(1.0, scale * _extent(spec, "height"))
        by_width = scale * (width - layout.width + plot) / plot
        by_height = scale * (TALLEST - layout.height + rows) / rows
        # what is tall by itself does not become smaller for that
        wanted = min(max(min(by_width, max(by_height, 1.0)), SCALES[0]), SCALES[1])
        if abs(wanted - scale) * plot / scale <= CLOSE / 2:
            break
        scale = wanted
        resized = scaled(spec, scale)
        layout = Layout(resized, *pictures.size(draw(resized)))
    return layout


def scaled(spec: Spec, scale: float) -> Spec:
    """The specification with all plots, and what stands in them at a fixed place, scaled.

    >>> scaled({"width": 300, "height": 100}, 0.5)
    {'width': 150, 'height': 100}
    """
    result = copy.deepcopy(spec)
    for view in _views(result):
        sizes: dict[str, Any] = {
            name: view[name] for name in ("width", "height") if _is_number(view.get(name))
        }
        free = scale < 1 and len(sizes) == 2 and sizes["width"] >= FREE * sizes["height"]
        for name, size in sizes.items():
            if size >= LOWEST and not (free and name == "height"):
                view[name] = round(size * scale)
        for mark in _marks(view):
            for axis in ("x", "x2", "y", "y2"):
                if not (free and axis in ("y", "y2")):
                    _move(mark, axis, scale)
    return result


def _move(layer: Spec, axis: str, scale: float) -> None:
    """Scale where a mark stands in its plot, if that is a fixed place."""
    encoded = layer.get("encoding", {}).get(axis)
    owner: Any
    value: Any
    for owner, name in ((encoded, "value"), (layer.get("mark"), axis)):
        value = owner.get(name) if isinstance(owner, dict) else None
        if _is_number(value) and value > 0:
            owner[name] = round(value * scale, 1)


def changes(before: Spec, after: Spec) -> list[list[Any]]:
    """What turns one specification into another: for each new value its path and then itself.

    >>> changes({"width": 300, "mark": "bar"}, {"width": 200, "mark": "bar"})
    [['width', 200]]
    """
    return list(_changes(before, after, []))


def _changes(before: Any, after: Any, path: list[Any]) -> Iterator[list[Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in after.items():
            yield from _changes(before.get(name), value, [*path, name])
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for place, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _changes(old, new, [*path, place])
    elif json.dumps(before) != json.dumps(after):
        yield [*path, after]


def _is_number(*values: Any) -> bool:
    return all(isinstance(value, int | float) for value in values)


def _views(spec: Spec) -> Iterator[Spec]:
    """The specification and the plots that it puts side by side or below one another."""
    yield spec
    if isinstance(spec.get("spec"), dict):  # of a facet
        yield from _views(spec["spec"])
    for kind in ("hconcat", "vconcat", "concat"):
        for part in spec.get(kind, []):
            yield from _views(part)


def _marks(view: Spec) -> Iterator[Spec]:
    """A plot and its layers."""
    yield view
    for layer in view.get("layer", []):
        yield from _marks(layer)


def _extent(spec: Spec, name: str) -> float:
    """The width or the height of the plots of a specification, without what lies between them."""
    along = "hconcat" if name == "width" else "vconcat"
    other = "vconcat" if name == "width" else "hconcat"
    own = spec.get(name, 0)
    sizes = [float(own) if _is_number(own) and own >= LOWEST else 0.0]
    if along in spec:
        sizes.append(sum(_extent(part, name) for part in spec[along]))
    sizes += [_extent(part, name) for part in spec.get(other, [])]
    return max(sizes)


def _broken(spec: Spec, mark: str) -> Spec:
    """The specification with a new line for each `mark` in the texts that stand at one place."""
    result = copy.deepcopy(spec)
    for view in _views(result):
        for layer in _marks(view):
            own = layer.get("mark")
            shape = own if isinstance(own, dict) else {"type": own}
            if shape.get("type") == "text" and _is_fixed(layer, shape):
                layer["mark"] = {**shape, "lineBreak": mark}
    return result


def _is_fixed(layer: Spec, mark: Spec) -> bool:
    """Whether a mark stands at one place: it is a line of words then, not the label of a point."""
    encoded = layer.get("encoding", {}).get("x", {})
    return _is_number(mark.get("x")) or _is_number(encoded.get("value"))


def _legends(spec: Spec, columns: int) -> Spec:
    """The specification with its legends below the plot, in so many columns; 0 changes nothing."""
    if not columns:
        return spec
    result = copy.deepcopy(spec)
    legend = result.setdefault("config", {}).setdefault("legend", {})
    legend.update({"orient": "bottom", "columns": columns})
    return result
