"""Figures of the notation page. Read with book/front/notation.md."""

from __future__ import annotations

import altair as alt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from groundtruth.figures.style import BLUE, GRAY, GREEN, INK, ORANGE, figure
from groundtruth.figures.vega import Interactive, menu, show


def layer_shapes() -> Figure:
    """X W + b as boxes whose sides are named by the axes."""
    fig, ax = figure(2.3)
    boxes = [
        (0, 0, 1.6, 2.4, "X", "d", "n", BLUE),
        (3.0, 0.8, 1.2, 1.6, "W", "K", "d", ORANGE),
        (5.5, 2.1, 1.2, 0.3, "b", "K", "", GREEN),
        (8.3, 0, 1.2, 2.4, "Z", "K", "n", GRAY),
    ]
    for left, bottom, width, height, name, top, side, color in boxes:
        ax.add_patch(
            Rectangle((left, bottom), width, height, facecolor=color, alpha=0.22, edgecolor=INK)
        )
        ax.text(left + width / 2, bottom + height / 2, name, ha="center", va="center", fontsize=13)
        ax.text(left + width / 2, bottom + height + 0.12, top, ha="center", va="bottom", color=INK)
        ax.text(left - 0.12, bottom + height / 2, side, ha="right", va="center", color=INK)
    for at, sign in ((2.15, "@"), (4.85, "+"), (7.45, "=")):
        ax.text(at, 1.2 if sign == "=" else 1.6, sign, ha="center", va="center", fontsize=15)
    ax.text(6.1, 1.75, "one row,\nused n times", ha="center", va="top", fontsize=9)
    ax.set_xlim(-0.6, 9.8)
    ax.set_ylim(-0.2, 3.0)
    ax.set_axis_off()
    return fig


READINGS = {
    "softmax": [
        ("p_ik", "probability that example i is of class k", "(n, K)"),
        ("exp(z_ik)", "its score, made positive", "(n, K)"),
        ("sum over j", "so that each row sums to one", "(n, 1)"),
    ],
    "cross-entropy": [
        ("L", "one number for all examples", "()"),
        ("-ln p_i,y_i", "surprise at what really happened", "(n,)"),
        ("1/n sum over i", "its mean over the examples", "()"),
    ],
    "gradient descent": [
        ("theta_t", "all parameters after t steps", "(P,)"),
        ("eta", "the learning rate", "()"),
        ("grad L(theta_t)", "direction of steepest increase", "(P,)"),
    ],
    "attention": [
        ("Q K'", "how well each query fits each key", "(T, T)"),
        ("/ sqrt(D)", "spread brought back to one", "()"),
        ("softmax(...) V", "weighted mean of the values", "(T, D)"),
    ],
}


def reader() -> Interactive:
    """Choose a formula; every part is read aloud with its shape."""
    rows = [
        {"f": name, "i": i, "part": part, "reads": reads, "shape": shape}
        for name, parts in READINGS.items()
        for i, (part, reads, shape) in enumerate(parts)
    ]
    pick = menu("pick", "formula ", list(READINGS))
    base = (
        alt.Chart(alt.Data(values=rows))
        .transform_filter("datum.f == pick")
        .encode(y=alt.Y("i:O", axis=None))
    )
    part = base.mark_text(x=5, align="left", fontSize=14, font="monospace", color=BLUE).encode(
        text="part:N"
    )
    reads = base.mark_text(x=135, align="left", fontSize=13).encode(text="reads:N")
    shape = base.mark_text(
        x=425, align="right", fontSize=13, font="monospace", color=ORANGE
    ).encode(text="shape:N")
    return show(
        (part + reads + shape).add_params(pick).properties(width=430, height=110),
        "A menu chooses one of four formulas; each of its parts is listed with how it is read and "
        "the shape it has.",
    )
