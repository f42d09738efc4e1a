"""The one style of all figures: sizes, and colors that survive print and color blindness.

Read with book/front/how-to-read.md.

In Jupyter figures appear as PNG. The press asks for SVG through the variable GROUNDTRUTH_FIGURES.
"""

from __future__ import annotations

import os
from typing import Any, cast

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib_inline.backend_inline import set_matplotlib_formats

BLUE = "#0067a5"
ORANGE = "#c4510a"
GREEN = "#1a7f5a"
PURPLE = "#7b4b94"
GRAY = "#6b747c"
INK = "#1d2327"
CYCLE = [BLUE, ORANGE, GREEN, PURPLE, GRAY]
WIDTH_IN = 4.8  # drawn at this width the text is still readable on a phone

STYLE: dict[str, Any] = {
    "figure.figsize": (WIDTH_IN, 3.2),
    "figure.dpi": 100,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.facecolor": "none",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.labelsize": 11.5,
    "axes.prop_cycle": plt.cycler(color=CYCLE),
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
    "legend.frameon": False,
    "legend.fontsize": 10.5,
    "lines.linewidth": 1.8,
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "path.simplify_threshold": 0.5,  # half a pixel: long lines look the same in half the bytes
    "svg.fonttype": "path",
    "svg.hashsalt": "ground-truth",
}


def use_style() -> None:
    """Apply the style and choose the picture format: SVG for the press, PNG for everybody else."""
    plt.rcParams.update(cast(Any, STYLE))
    if os.environ.get("GROUNDTRUTH_FIGURES") == "svg":
        set_matplotlib_formats("svg", metadata={"Date": None})
    else:
        set_matplotlib_formats("retina")


def figure(height: float = 3.2, columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    """A new figure of the book's width and the axes in it.

    Parameters
    ----------
    height : float
        Height in inches, > 0.
    columns : int
        Axes side by side; one gives a single Axes, more give an array (columns,).

    Examples
    --------
    >>> fig, ax = figure(2.0)
    >>> fig.get_size_inches().tolist()
    [4.8, 2.0]
    """
    if height <= 0 or columns < 1:
        raise ValueError(
            f"a figure needs a positive height and at least one column, got {height} and {columns}"
        )
    use_style()
    fig, axes = plt.subplots(
        1, columns, figsize=(WIDTH_IN, height), layout="constrained", **options
    )
    return fig, axes


def rows(count: int, height: float) -> tuple[Figure, Any]:
    """A new figure of the book's width with axes (count,) one under the other and one x axis.

    Examples
    --------
    >>> len(rows(3, 4.0)[1])
    3
    """
    if height <= 0 or count < 2:
        raise ValueError(
            f"stacked axes need a positive height and at least two rows, got {height} and {count}"
        )
    use_style()
    fig, axes = plt.subplots(
        count, 1, figsize=(WIDTH_IN, height), layout="constrained", sharex=True
    )
    return fig, axes


def label(ax: Axes, x: str, y: str, title: str = "") -> None:
    """Name both axes; every axis of the book has a name and, where there is one, a unit."""
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    if title:
        ax.set_title(title)
