"""Figures of the page on how to read. Read with book/front/how-to-read.md."""

from __future__ import annotations

import altair as alt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from groundtruth.figures.style import BLUE, GRAY, GREEN, INK, ORANGE, PURPLE, figure
from groundtruth.figures.vega import Interactive, show, slider
from groundtruth.front.reading import sigmoid, sigmoid_derivative

PARTS = [
    ("promise", GREEN, "what you will be able to do"),
    ("picture", BLUE, "one figure that carries the idea"),
    ("build it", BLUE, "short code, and how to read it"),
    ("name it", BLUE, "the word comes after the thing"),
    ("mathematics", PURPLE, "a derivation, and its check"),
    ("in the library", GREEN, "the same, maintained"),
    ("don't be confused", ORANGE, "near-synonyms pulled apart"),
    ("traps", ORANGE, "symptom, cause, cure"),
    ("exercises", GRAY, "folded solutions that ran"),
    ("cards", GRAY, "questions to come back to"),
]


def anatomy() -> Figure:
    """A page from top to bottom with its parts named."""
    fig, ax = figure(4.3)
    for i, (name, color, about) in enumerate(PARTS):
        top = 10 - i
        ax.add_patch(
            Rectangle(
                (0, top - 0.86),
                4.1,
                0.8,
                facecolor=color,
                alpha=0.25,
                edgecolor=INK,
                linewidth=0.9,
            )
        )
        ax.text(2.05, top - 0.46, name, ha="center", va="center", fontsize=12)
        ax.text(4.3, top - 0.46, about, ha="left", va="center", fontsize=10, color=INK)
    ax.set_xlim(-0.1, 10.8)
    ax.set_ylim(-0.1, 10.1)
    ax.set_axis_off()
    return fig


def sigmoid_explorer() -> Interactive:
    """The sigmoid with a movable point and its tangent."""
    z = np.arange(-8, 8.01, 0.25)
    rows = [
        {"z": float(a), "s": round(float(s), 4), "d": round(float(d), 4)}
        for a, s, d in zip(z, sigmoid(z), sigmoid_derivative(z), strict=True)
    ]
    at = slider("at", "score z ", 0, -6, 6, 0.25)
    base = alt.Chart(alt.Data(values=rows)).encode(x=alt.X("z:Q", title="score z"))
    curve = base.mark_line(color=BLUE).encode(
        y=alt.Y("s:Q", title="sigmoid and slope", scale=alt.Scale(domain=[0, 1]))
    )
    slope = base.mark_line(color=ORANGE, strokeDash=[5, 3]).encode(y="d:Q")
    here = base.transform_filter("datum.z == at")
    dot = here.mark_point(filled=True, size=90, color=BLUE).encode(y="s:Q")
    low = here.mark_point(filled=True, size=70, color=ORANGE, shape="square").encode(y="d:Q")
    text = (
        here.transform_calculate(
            say="'sigmoid ' + format(datum.s, '.3f') + ', slope ' + format(datum.d, '.3f')"
        )
        .mark_text(align="left", fontSize=13)
        .encode(text="say:N", x=alt.value(12), y=alt.value(14))
    )
    return show(
        (curve + slope + dot + low + text).add_params(at).properties(width=400, height=200),
        "The sigmoid as a solid curve and its slope as a dashed one; a slider moves a score, and "
        "the values of both at that score are written in the corner.",
    )
