"""Labels of a drawing that grow where it is shown small, so that it fits a phone.

A drawing for a wide column has labels that are too small for a phone when it is shrunk to the
screen. Here each label of a Matplotlib drawing gets a factor for every width below the one at which
all labels are large enough. The drawing carries them as media queries, which in an image ask for
the width of the image itself, so it stays one file. It may be as narrow as its labels stay apart,
inside, and off the lines that they do not touch at their own size.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from math import cos, radians, sin

from lxml import etree

SMALLEST = 12  # CSS pixels of every label, on a phone
NARROWEST = 312  # CSS pixels: a screen of 320 without its margins
STEP = 24  # CSS pixels between two factors
CLEAR = (2.0, 1.0)  # units of the view box between a label that has grown and a line
REACH = 3.0  # more than any label grows, around its start or its end as well
APART = (3.0, 1.0)  # CSS pixels between two labels that have grown, side by side and below
SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
CALL = re.compile(r"(translate|scale|rotate)\(([^)]*)\)")
SIZE = re.compile(r"scale\((0\.\d+) -\1\)")  # a label drawn as glyphs, in hundredths of its size
OPENING = re.compile(r'<g id="text_\d+">')
LEAST = re.compile(r' data-least="(\d+)"')
# what stays where it is, as shares of width and height: the middle, the start or the end of a
# label, a place between them, its top or its bottom; the best first
PIVOTS = {
    "m": (0.5, 0.5),
    "s": (0.0, 0.5),
    "e": (1.0, 0.5),
    "ms": (0.25, 0.5),
    "me": (0.75, 0.5),
} | {
    f"{name}{edge}": (across, down)
    for edge, down in (("t", 0.0), ("b", 1.0))
    for name, across in (("m", 0.5), ("s", 0.0), ("e", 1.0))
}

Point = tuple[float, float]
Line = tuple[Point, Point]
Matrix = tuple[float, float, float, float, float, float]
IDENTITY: Matrix = (1, 0, 0, 1, 0, 0)


@dataclass(frozen=True)
class Box:
    """A rectangle in the units of the view box."""

    left: float
    top: float
    right: float
    bottom: float

    def grown(self, factor: float, pivot: str) -> Box:
        """The box of a label that grew by a factor around a pivot.

        >>> Box(0, 0, 10, 4).grown(1.5, "s")
        Box(left=0.0, top=-1.0, right=15.0, bottom=5.0)
        """
        across, down = PIVOTS[pivot]
        x = self.left + across * (self.right - self.left)
        y = self.top + down * (self.bottom - self.top)
        return Box(
            x + factor * (self.left - x),
            y + factor * (self.top - y),
            x + factor * (self.right - x),
            y + factor * (self.bottom - y),
        )

    def padded(self, x: float, y: float) -> Box:
        """The box with a margin at its sides, and one above and below."""
        return Box(self.left - x, self.top - y, self.right + x, self.bottom + y)

    def meets(self, other: Box) -> bool:
        """Whether two boxes overlap."""
        beside = self.left < other.right and other.left < self.right
        return beside and self.top < other.bottom and other.top < self.bottom

    def crosses(self, line: Line) -> bool:
        """Whether a line has a point in this box.

        >>> Box(0, 0, 2, 2).crosses(((-1, 1), (3, 1))), Box(0, 0, 2, 2).crosses(((-1, 2), (1, 4)))
        (True, False)
        """
        (x, y), (u, v) = line
        if max(x, u) < self.left or min(x, u) > self.right:
            return False
        if max(y, v) < self.top or min(y, v) > self.bottom:
            return False
        corners = [(a, b) for a in (self.left, self.right) for b in (self.top, self.bottom)]
        sides = [(u - x) * (b - y) - (v - y) * (a - x) for a, b in corners]
        return min(sides) <= 0 <= max(sides)

    def leaves(self, other: Box) -> bool:
        """Whether a part of this box lies outside of another."""
        return (
            self.left < other.left
            or self.top < other.top
            or self.right > other.right
            or self.bottom > other.bottom
        )


@dataclass(frozen=True)
class Label:
    """One label: its smallest font size in units of the view box, and where it is."""

    size: float
    box: Box
    is_entry: bool  # of a legend: its mark stands before it
    lines: tuple[Line, ...] = ()  # near it, and not through it

    @property
    def pivots(self) -> tuple[str, ...]:
        """The places around which it may grow, the best first."""
        return ("s",) if self.is_entry else tuple(PIVOTS)


def fitted(svg: str, needed: int) -> str:
    """The drawing with growing labels and, in `data-least`, the width that it needs on a phone.

    `needed` is the width at which no label has to grow, in CSS pixels. A drawing whose labels do
    not stay apart at any smaller one is returned as it is.
    """
    if needed <= NARROWEST or not OPENING.search(svg):
        return svg
    root = etree.fromstring(svg.encode())
    glyphs, lines = _glyphs(root), list(_lines(root))
    labels = [_label(element, glyphs, lines) for element in _texts(root)]
    view = [float(value) for value in root.get("viewBox", "").split()]
    if None not in labels and len(OPENING.findall(svg)) == len(labels):
        frame = Box(0, 0, view[2], view[3])
        known = [label for label in labels if label]
        for least in range(NARROWEST, needed, 4):
            if pivots := _pivots(known, frame, least / view[2]):
                return _written(svg, known, pivots, [least, needed, view[2]])
    return svg


def least(svg: str) -> int | None:
    """The width that a drawing with growing labels needs on a phone; None for any other drawing."""
    match = LEAST.search(svg)
    return int(match[1]) if match else None


def _written(svg: str, labels: list[Label], pivots: list[str], widths: list[float]) -> str:
    """The drawing with a class at each label and a rule for each class and step of its width."""
    narrow, wide, view = widths
    kinds = sorted({(label.size, pivot) for label, pivot in zip(labels, pivots, strict=True)})
    names = iter([kinds.index(kind) for kind in zip((x.size for x in labels), pivots, strict=True)])
    edges = [*range(round(narrow), round(wide), STEP), round(wide)]
    rules = [
        f".grow-{at}{{transform-box:fill-box;transform-origin:{_origin(pivot)}}}"
        for at, (_, pivot) in enumerate(kinds)
    ]
    for low, high in reversed(list(pairwise(edges))):
        factors = [factor(size, low / view) for size, _ in kinds]
        lines = [f".grow-{at}{{transform:scale({x:.3f})}}" for at, x in enumerate(factors) if x > 1]
        rules.append(f"@media (max-width:{high - 0.02:.2f}px){{{''.join(lines)}}}")
    svg = OPENING.sub(lambda match: f'{match[0][:-1]} class="grow-{next(names)}">', svg)
    svg = svg.replace("</style>", "".join(rules) + "</style>", 1)
    return re.sub(r"<svg\b", f'<svg data-least="{round(narrow)}"', svg, count=1)


def _origin(pivot: str) -> str:
    """The pivot in a style sheet.

    >>> _origin("st")
    '0% 0%'
    """
    return " ".join(f"{100 * share:.0f}%" for share in PIVOTS[pivot])


def factor(size: float, unit: float) -> float:
    """How much a label grows where a unit of the view box is `unit` CSS pixels.

    >>> factor(10.0, 1.0), factor(20.0, 1.0)
    (1.2, 1)
    """
    return max(1, SMALLEST / (size * unit))


def _pivots(labels: list[Label], frame: Box, unit: float) -> list[str]:
    """A pivot for each label, so that grown labels stay apart and inside; empty for no way."""
    places = {
        (at, pivot): label.box.grown(factor(label.size, unit), pivot)
        for at, label in enumerate(labels)
        for pivot in label.pivots
    }
    chosen = [label.pivots[0] for label in labels]

    def faults(at: int, pivot: str) -> int:
        here = places[at, pivot]
        apart = here.padded(APART[0] / unit, APART[1] / unit)
        others = [other for other in range(len(labels)) if other != at]
        crossed = sum(here.padded(*CLEAR).crosses(line) for line in labels[at].lines)
        met = sum(
            apart.meets(places[other, chosen[other]])
            and not labels[at].box.meets(labels[other].box)
            for other in others
        )
        return here.leaves(frame) + crossed + met

    for _ in range(3):
        for at, label in enumerate(labels):
            chosen[at] = min(label.pivots, key=lambda pivot: faults(at, pivot))
        if not any(faults(at, pivot) for at, pivot in enumerate(chosen)):
            return chosen
    return []


def _texts(root: etree._Element) -> Iterator[etree._Element]:
    return (group for group in root.iter(f"{SVG}g") if group.get("id", "").startswith("text_"))


def _glyphs(root: etree._Element) -> dict[str, list[Point]]:
    """The points of every shape that is drawn by reference."""
    shapes = {}
    for path in root.iter(f"{SVG}path"):
        if name := path.get("id"):
            values = [float(value) for value in NUMBER.findall(path.get("d", ""))]
            matrix = _matrix(path.get("transform"))
            pairs = zip(values[::2], values[1::2], strict=False)
            shapes[name] = [_moved(matrix, x, y) for x, y in pairs]
    return shapes


def _lines(root: etree._Element) -> Iterator[Line]:
    """The straight lines of what is drawn in place, curves by their control points."""
    for path in root.iter(f"{SVG}path"):
        if path.get("id") or any(above.tag == f"{SVG}defs" for above in path.iterancestors()):
            continue
        if "stroke:" not in path.get("style", "") and "fill: none" in path.get("style", ""):
            continue
        for part in re.split("[Mm]", path.get("d", "")):
            values = [float(value) for value in NUMBER.findall(part)]
            points = list(zip(values[::2], values[1::2], strict=False))
            closed = points[:1] if "z" in part.lower() else []
            yield from pairwise([*points, *closed])


def _label(
    group: etree._Element, glyphs: dict[str, list[Point]], lines: list[Line]
) -> Label | None:
    """The label that a group draws with glyphs; None for one that is drawn in another way."""
    points = []
    sizes = []
    for use in group.iter(f"{SVG}use"):
        way = [use, *use.iterancestors()]
        way = way[: way.index(group)]
        transforms = [element.get("transform", "") for element in reversed(way)]
        matrix = reduce(_product, map(_matrix, transforms), IDENTITY)
        points += [_moved(matrix, x, y) for x, y in glyphs.get(use.get(LINK, "")[1:], [])]
        sizes += [100 * float(scale) for text in transforms for scale in SIZE.findall(text)]
    if not points or not sizes:
        return None
    xs, ys = zip(*points, strict=True)
    is_entry = any(above.get("id", "").startswith("legend") for above in group.iterancestors())
    box = Box(min(xs), min(ys), max(xs), max(ys))
    reach = box.grown(REACH, "m")
    touched = box.padded(*CLEAR)
    near = [line for line in lines if reach.crosses(line) and not touched.crosses(line)]
    return Label(min(sizes), box, is_entry, tuple(near))


def _matrix(text: str | None) -> Matrix:
    """The matrix of an SVG transform."""
    matrix = IDENTITY
    for name, given in CALL.findall(text or ""):
        values = [float(value) for value in NUMBER.findall(given)]
        first, second = values[0], values[1] if len(values) > 1 else values[0]
        if name == "translate":
            step: Matrix = (1, 0, 0, 1, first, second if len(values) > 1 else 0)
        elif name == "scale":
            step = (first, 0, 0, second, 0, 0)
        else:
            c, s = cos(radians(first)), sin(radians(first))
            step = (c, s, -s, c, 0, 0)
        matrix = _product(matrix, step)
    return matrix


def _product(a: Matrix, b: Matrix) -> Matrix:
    return (
        a[0] * b[0] + a[2] * b[1],
        a[1] * b[0] + a[3] * b[1],
        a[0] * b[2] + a[2] * b[3],
        a[1] * b[2] + a[3] * b[3],
        a[0] * b[4] + a[2] * b[5] + a[4],
        a[1] * b[4] + a[3] * b[5] + a[5],
    )


def _moved(matrix: Matrix, x: float, y: float) -> Point:
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f
