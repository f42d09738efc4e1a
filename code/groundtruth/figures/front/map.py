"""The parts of the book and which needs which. Read with book/index.md."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from groundtruth.figures.style import BLUE, GRAY, GREEN, INK, ORANGE, figure


class Box(NamedTuple):
    """A part on the map: its label, and its place in columns and rows."""

    label: str
    column: int
    row: float


# Parts by their captions in _toc.yml. A part that _toc.yml does not list yet is announced: dashed.
BOXES = {
    "Front": Box("Front", 0, 2.9),
    "Data and vocabulary": Box("Data", 0, 1.4),
    "How learning works": Box("Learning", 1, 2.15),
    "Neural networks": Box("Networks", 2, 2.9),
    "Classical methods": Box("Classical", 2, 1.75),
    "Mathematics": Box("Math", 2, 0.6),
    "The modern stack": Box("Modern\nstack", 3, 3.6),
    "Shipping": Box("Shipping", 3, 1.6),
    "Interview": Box("Interview", 3, 0.6),
    "Capstones": Box("Capstones", 3, 2.6),
}
LineStyle = Literal["-", "--", ":"]
PATHS: dict[str, tuple[str, LineStyle]] = {
    "deep-learning": (BLUE, "-"),
    "classical": (GREEN, "--"),
    "interview": (ORANGE, ":"),
}
NEEDS = [  # a part, the part that needs it, and the reading path that leads over both
    ("Front", "Data and vocabulary", "deep-learning"),
    ("Data and vocabulary", "How learning works", "deep-learning"),
    ("How learning works", "Neural networks", "deep-learning"),
    ("Neural networks", "The modern stack", "deep-learning"),
    ("The modern stack", "Capstones", "deep-learning"),
    ("How learning works", "Classical methods", "classical"),
    ("How learning works", "Mathematics", "classical"),
    ("Classical methods", "Shipping", "classical"),
    ("Mathematics", "Interview", "interview"),
    ("Shipping", "Interview", "interview"),
]
CONTENTS = Path("../_toc.yml")  # pages run in book/
WIDTH = 1.7
HEIGHT = 0.6
STEP = 2.15  # from one column to the next
ROUND = "round,pad=0.04"


def written(contents: Path = CONTENTS) -> set[str]:
    """Captions of the parts that have pages; of all parts where there is no table of contents.

    A page that a reader runs outside the book has no table of contents beside it.
    """
    if not contents.is_file():
        return set(BOXES)
    import yaml  # what a reader installs outside the book does not need it

    parts = yaml.safe_load(contents.read_text(encoding="utf-8")).get("parts", [])
    return {part["caption"] for part in parts}


def parts(contents: Path = CONTENTS) -> Figure:
    """Boxes for parts, arrows for needs; parts without pages yet are dashed."""
    fig, ax = figure(3.6)
    _boxes(ax, written(contents))
    _arrows(ax)
    handles = [
        Line2D([], [], color=color, linestyle=style, label=name.replace("-", " "))
        for name, (color, style) in PATHS.items()
    ]
    ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, -0.04), fontsize=10.5)
    ax.set_xlim(-0.1, 3 * STEP + WIDTH + 0.1)
    ax.set_ylim(-0.1, 4.3)
    ax.set_axis_off()
    return fig


def _boxes(ax: Axes, captions: Collection[str]) -> None:
    for caption, box in BOXES.items():
        has_pages = caption in captions
        corner = (box.column * STEP, box.row)
        fill = FancyBboxPatch(corner, WIDTH, HEIGHT, boxstyle=ROUND, edgecolor="none")
        fill.set_facecolor(BLUE if has_pages else "none")
        fill.set_alpha(0.25 if has_pages else 1)
        ax.add_patch(fill)
        frame = FancyBboxPatch(corner, WIDTH, HEIGHT, boxstyle=ROUND, facecolor="none", linewidth=1)
        frame.set_edgecolor(INK if has_pages else GRAY)
        frame.set_linestyle("-" if has_pages else "--")
        ax.add_patch(frame)
        middle = (corner[0] + WIDTH / 2, corner[1] + HEIGHT / 2)
        ax.text(*middle, box.label, ha="center", va="center", fontsize=11.6)


def _arrows(ax: Axes) -> None:
    for tail, head, path in NEEDS:
        color, style = PATHS[path]
        start, end = _ends(BOXES[tail], BOXES[head])
        ax.add_patch(
            FancyArrowPatch(
                start,
                end,
                arrowstyle="->",
                mutation_scale=11,
                color=color,
                linestyle=style,
                linewidth=1.5,
                shrinkA=0,
                shrinkB=0,
            )
        )


def _ends(tail: Box, head: Box) -> tuple[tuple[float, float], tuple[float, float]]:
    """From the right side to the left side, or down within a column."""
    if tail.column == head.column:
        x = tail.column * STEP + WIDTH / 2
        return (x, tail.row - 0.06), (x, head.row + HEIGHT + 0.06)
    start = (tail.column * STEP + WIDTH + 0.05, tail.row + HEIGHT / 2)
    return start, (head.column * STEP - 0.05, head.row + HEIGHT / 2)
