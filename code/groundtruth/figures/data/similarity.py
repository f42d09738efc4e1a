"""Figures of the chapter on similarity. Read with book/data/similarity.md."""

from __future__ import annotations

import altair as alt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.figures.style import BLUE, GRAY, GREEN, ORANGE, figure, label
from groundtruth.figures.vega import Interactive, choose, readout, series_colors, show, slider


def unit_balls() -> Figure:
    """All points at distance one from the origin, under four values of p."""
    fig, ax = figure(3.9)
    angle = np.linspace(0, 2 * np.pi, 721)
    x = np.cos(angle)
    y = np.sin(angle)
    for p, color, style in (
        (0.5, GRAY, ":"),
        (1.0, ORANGE, "--"),
        (2.0, BLUE, "-"),
        (np.inf, GREEN, "-."),
    ):
        size = np.maximum(abs(x), abs(y)) if np.isinf(p) else (abs(x) ** p + abs(y) ** p) ** (1 / p)
        ax.plot(
            x / size,
            y / size,
            color=color,
            linestyle=style,
            label=f"p = {'infinity' if np.isinf(p) else f'{p:g}'}",
        )
    ax.set_aspect("equal")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    label(ax, "first coordinate", "second coordinate")
    return fig


def concentration(dims: list[int], spread: dict[str, list[float]]) -> Figure:
    """How far the farthest point is beyond the nearest, relative to the nearest, by dimension."""
    fig, ax = figure(2.9)
    for (name, values), style, color in zip(
        spread.items(), ("-o", "--s"), (BLUE, ORANGE), strict=True
    ):
        ax.loglog(dims, values, style, color=color, label=name)
    ax.legend()
    label(ax, "dimension d", "(max - min) / min")
    return fig


def explorer() -> Interactive:
    """A fixed vector a = (1, 0) and a movable b; every measure of the chapter between the two."""
    norm = slider("len", "norm of b ", 1.5, 0.1, 3, 0.1)
    angle = slider("deg", "angle of b ", 40, 0, 180, 5)
    gamma = slider("gam", "gamma ", 0.5, 0.1, 5, 0.1)
    b = {"bx": "len * cos(deg * PI / 180)", "by": "len * sin(deg * PI / 180)"}
    measures = {
        "dot": "datum.bx",
        "cosine": "datum.bx / len",
        "Euclidean": "sqrt(pow(datum.bx - 1, 2) + pow(datum.by, 2))",
        "Manhattan": "abs(datum.bx - 1) + abs(datum.by)",
        "Chebyshev": "max(abs(datum.bx - 1), abs(datum.by))",
        "RBF": "exp(-gam * (pow(datum.bx - 1, 2) + pow(datum.by, 2)))",
    }
    x = alt.Scale(domain=[-3.2, 3.2])
    y = alt.Scale(domain=[-0.3, 3.2])
    arrows = (
        alt.Chart(alt.Data(values=[{"who": "a"}, {"who": "b"}]))
        .transform_calculate(**b)
        .transform_calculate(
            ex="datum.who == 'a' ? 1 : datum.bx", ey="datum.who == 'a' ? 0 : datum.by", o="0"
        )
    )
    shaft = arrows.mark_rule(strokeWidth=3).encode(
        x=alt.X("o:Q", scale=x, title="first coordinate"),
        y=alt.Y("o:Q", scale=y, title="second coordinate"),
        x2="ex:Q",
        y2="ey:Q",
        color=alt.Color("who:N", scale=series_colors(["a", "b"]), legend=None),
    )
    name = arrows.mark_text(dy=-10, fontSize=14, fontWeight="bold").encode(
        x=alt.X("ex:Q", scale=x), y=alt.Y("ey:Q", scale=y, axis=None), text="who:N"
    )
    rows = [{"i": i + 1, "name": name} for i, name in enumerate(measures)]
    table = (
        alt.Chart(alt.Data(values=rows))
        .transform_calculate(**b)
        .transform_calculate(value=choose("datum.name", measures))
        .transform_calculate(say=readout("{name} {value:.2f}"))
        .mark_text(align="left", fontSize=14)
        .encode(
            x=alt.value(4),
            y=alt.Y("i:Q", axis=None, scale=alt.Scale(domain=[12, 0])),
            text="say:N",
        )
    )
    return show(
        alt.layer(shaft, name, table)
        .resolve_scale(y="independent")
        .add_params(norm, angle, gamma)
        .properties(width=400, height=230),
        "Two arrows from the origin, a fixed and b movable by sliders for its norm, its angle and "
        "the reach of the RBF; six measures between them are listed in the upper left.",
    )
