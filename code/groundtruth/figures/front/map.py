"""The parts of the book as a picture of what needs what. Read with book/index.md."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from groundtruth.figures.style import BLUE, GRAY, GREEN, INK, ORANGE, figure

PARTS = {  # name: (column, row, has pages in this edition)
    "Front": (0, 2.5, True),
    "Data": (0, 1, True),
    "Learning": (1, 1.75, True),
    "Networks": (2, 2.9, True),
    "Classical": (2, 1.75, False),
    "Maths": (2, 0.6, False),
    "Modern stack": (3, 2.9, False),
    "Shipping": (3, 1.75, False),
    "Interview": (3, 0.6, False),
    "Capstones": (4, 2.3, True),
}
PATHS: dict[str, tuple[str, Any]] = {
    "deep learning": (BLUE, "-"),
    "classical": (GREEN, "--"),
    "interview": (ORANGE, ":"),
}
NEEDS = [
    ("Front", "Data", "deep learning"),
    ("Data", "Learning", "deep learning"),
    ("Learning", "Networks", "deep learning"),
    ("Networks", "Modern stack", "deep learning"),
    ("Modern stack", "Capstones", "deep learning"),
    ("Learning", "Classical", "classical"),
    ("Learning", "Maths", "classical"),
    ("Classical", "Shipping", "classical"),
    ("Maths", "Interview", "interview"),
    ("Shipping", "Interview", "interview"),
]


def parts() -> Figure:
    """Boxes for parts, arrows for needs; parts without pages yet are dashed."""
    fig, ax = figure(3.1)
    width = 1.32
    height = 0.6
    step = 1.72
    for name, (column, row, done) in PARTS.items():
        ax.add_patch(
            FancyBboxPatch(
                (column * step, row),
                width,
                height,
                boxstyle="round,pad=0.04",
                facecolor=BLUE if done else "none",
                alpha=0.25 if done else 1,
                edgecolor="none",
            )
        )
        ax.add_patch(
            FancyBboxPatch(
                (column * step, row),
                width,
                height,
                boxstyle="round,pad=0.04",
                facecolor="none",
                edgecolor=INK if done else GRAY,
                linestyle="-" if done else "--",
                linewidth=1,
            )
        )
        ax.text(
            column * step + width / 2,
            row + height / 2,
            name.replace(" ", "\n"),
            ha="center",
            va="center",
            fontsize=8.6,
        )
    for tail, head, path in NEEDS:
        (c0, r0, _), (c1, r1, _) = PARTS[tail], PARTS[head]
        start = (
            (c0 * step + width + 0.05, r0 + height / 2)
            if c0 != c1
            else (c0 * step + width / 2, r0 - 0.06)
        )
        end = (
            (c1 * step - 0.05, r1 + height / 2)
            if c0 != c1
            else (c1 * step + width / 2, r1 + height + 0.06)
        )
        ax.add_patch(
            FancyArrowPatch(
                start,
                end,
                arrowstyle="->",
                mutation_scale=11,
                color=PATHS[path][0],
                linestyle=PATHS[path][1],
                linewidth=1.5,
                shrinkA=0,
                shrinkB=0,
            )
        )
    handles = [
        Line2D([], [], color=color, linestyle=style, label=name)
        for name, (color, style) in PATHS.items()
    ]
    ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, -0.04), fontsize=9)
    ax.set_xlim(-0.1, 4 * step + width + 0.1)
    ax.set_ylim(-0.1, 3.7)
    ax.set_axis_off()
    return fig
