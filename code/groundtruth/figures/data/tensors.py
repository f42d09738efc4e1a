"""Figures of the chapter on tensors. Read with book/data/tensors.md."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from groundtruth.data.tensors import broadcast_shape, matmul_shape
from groundtruth.figures.numbers import MINUS
from groundtruth.figures.style import BLUE, GRAY, INK, ORANGE, figure
from groundtruth.figures.vega import Interactive, menu, show


def _grid(ax: Any, left: float, top: float, values: np.ndarray, solid: np.ndarray) -> None:
    """Cells of a small matrix, solid where they exist in memory and dotted where stretched."""
    for (i, j), value in np.ndenumerate(values):
        real = bool(solid[i, j])
        ax.add_patch(
            Rectangle(
                (left + j, top - i - 1),
                1,
                1,
                facecolor=BLUE if real else "none",
                alpha=0.25 if real else 1,
                edgecolor="none",
            )
        )
        ax.add_patch(
            Rectangle(
                (left + j, top - i - 1),
                1,
                1,
                facecolor="none",
                edgecolor=INK if real else GRAY,
                linestyle="-" if real else ":",
                linewidth=1,
            )
        )
        ax.text(
            left + j + 0.5,
            top - i - 0.5,
            f"{value:g}",
            ha="center",
            va="center",
            fontsize=9,
            color=INK if real else GRAY,
        )


def stretching() -> Figure:
    """Three cases of broadcasting: solid cells exist in memory, dotted ones are stretched."""
    fig, ax = figure(4.4)
    table = np.arange(6).reshape(2, 3)
    cases = [
        ("(2, 3) + ()", np.full((2, 3), 10), np.array([[1, 0, 0], [0, 0, 0]])),
        ("(2, 3) + (3,)", np.tile([100, 200, 300], (2, 1)), np.array([[1, 1, 1], [0, 0, 0]])),
        ("(2, 3) + (2, 1)", np.repeat([[10], [20]], 3, axis=1), np.array([[1, 0, 0], [1, 0, 0]])),
    ]
    for row, (name, other, real) in enumerate(cases):
        top = 10 - 3.4 * row
        ax.text(0, top + 0.25, name, fontsize=10.5, color=ORANGE, family="monospace")
        _grid(ax, 0, top, table, np.ones((2, 3)))
        _grid(ax, 4, top, other, real)
        _grid(ax, 8, top, table + other, np.ones((2, 3)))
        ax.text(3.5, top - 1, "+", ha="center", va="center", fontsize=14)
        ax.text(7.5, top - 1, "=", ha="center", va="center", fontsize=14)
    ax.set_xlim(-0.2, 11.2)
    ax.set_ylim(0.9, 10.9)
    ax.set_axis_off()
    return fig


def memory() -> Figure:
    """One row of memory read as a (3, 4) matrix and, with swapped strides, as its transpose."""
    fig, ax = figure(2.6)
    shades = [BLUE, ORANGE, GRAY]
    for k in range(12):
        ax.add_patch(
            Rectangle((k, 2.6), 1, 0.9, facecolor=shades[k // 4], alpha=0.3, edgecolor=INK)
        )
        ax.text(k + 0.5, 3.05, str(k), ha="center", va="center", fontsize=9)
    ax.text(0, 3.75, "the buffer: 12 numbers of 8 bytes", fontsize=10)
    for i in range(3):
        for j in range(4):
            for left, (r, c) in ((0.0, (i, j)), (7.0, (j, i))):
                ax.add_patch(
                    Rectangle(
                        (left + c, 1.7 - r * 0.6),
                        1,
                        0.6,
                        facecolor=shades[i],
                        alpha=0.3,
                        edgecolor=INK,
                        linewidth=0.8,
                    )
                )
                ax.text(
                    left + c + 0.5,
                    2.0 - r * 0.6,
                    str(4 * i + j),
                    ha="center",
                    va="center",
                    fontsize=8.5,
                )
    ax.text(4.2, 1.9, "A\nstrides\n(32, 8)", fontsize=9, va="top")
    ax.text(10.2, 1.9, "A.T\nstrides\n(8, 32)", fontsize=9, va="top")
    ax.set_xlim(-0.1, 12.6)
    ax.set_ylim(-0.4, 4.3)
    ax.set_axis_off()
    return fig


SHAPES = [(), (3,), (4,), (1, 4), (3, 1), (3, 4), (4, 3), (4, 4), (2, 3, 4), (2, 1, 4), (2, 4, 5)]


def oracle() -> Interactive:
    """Two shapes and an operation: their alignment, and the result or why there is none."""
    rows = []
    for a in SHAPES:
        for b in SHAPES:
            for op, rule in (("+", broadcast_shape), ("@", matmul_shape)):
                try:
                    says = f"result {rule(a, b)}"
                except ValueError as error:
                    says = str(error).split(": ", 1)[-1].split(";")[0]
                    says = says.replace("axis -", f"axis {MINUS}")
                rows.append([str(a), str(b), op, says])
    data = [{"a": a, "b": b, "op": op, "says": says} for a, b, op, says in rows]
    names = [str(shape) for shape in SHAPES]
    pa = menu("pa", "first shape ", names, "(3, 1)")
    operation = menu("pop", "operation ", ["+", "@"])
    pb = menu("pb", "second shape ", names, "(4,)")
    base = alt.Chart(alt.Data(values=data)).transform_filter(
        "datum.a == pa && datum.b == pb && datum.op == pop"
    )
    style = {"align": "right", "fontSize": 18, "font": "monospace", "color": GRAY}
    first = base.mark_text(x=250, y=30, **style).encode(text="a:N")
    second = base.mark_text(x=250, y=60, **style).encode(text="b:N")
    sign = base.mark_text(x=90, y=60, fontSize=18, color=ORANGE).encode(text="op:N")
    result = base.mark_text(x=200, y=105, fontSize=13, align="center", color=BLUE).encode(
        text="says:N"
    )
    return show(
        (first + second + sign + result)
        .add_params(pa, operation, pb)
        .properties(width=400, height=130),
        "Three menus choose two shapes and an operation; the figure shows the shapes aligned at "
        "their last axis and the resulting shape, or the reason why they do not fit.",
    )
