"""Figures of the chapter on similarity. Read with book/data/similarity.md."""

from __future__ import annotations

import altair as alt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.figures.style import BLUE, GRAY, GREEN, ORANGE, figure, label
from groundtruth.figures.vega import Interactive, show, slider


def unit_balls() -> Figure:
    """All points at distance one from the origin, under four values of p."""
    fig, ax = figure(3.9)
    angle = np.linspace(0, 2 * np.pi, 721)
    x, y = np.cos(angle), np.sin(angle)
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
    """A fixed vector a and a movable b; every measure of the chapter between the two."""
    length, angle, gamma = (
        slider("len", "length of b ", 1.5, 0.1, 3, 0.1),
        slider("deg", "angle of b ", 40, 0, 180, 5),
        slider("gam", "gamma ", 0.5, 0.1, 5, 0.1),
    )
    bx, by = "(len * cos(deg * PI / 180))", "(len * sin(deg * PI / 180))"
    rows = alt.Data(values=[{"i": i} for i in range(6)])
    texts = [
        f"'dot ' + format({bx}, '.2f')",
        "'cosine ' + format(cos(deg * PI / 180), '.2f')",
        f"'Euclidean ' + format(sqrt(pow({bx} - 1, 2) + pow({by}, 2)), '.2f')",
        f"'Manhattan ' + format(abs({bx} - 1) + abs({by}), '.2f')",
        f"'Chebyshev ' + format(max(abs({bx} - 1), abs({by})), '.2f')",
        f"'RBF ' + format(exp(-gam * (pow({bx} - 1, 2) + pow({by}, 2))), '.2f')",
    ]
    say = (
        " : ".join(f"datum.i == {i} ? {text}" for i, text in enumerate(texts[:-1]))
        + f" : {texts[-1]}"
    )
    x, y = alt.Scale(domain=[-3.2, 3.2]), alt.Scale(domain=[-0.3, 3.2])
    arrows = alt.Chart(alt.Data(values=[{"who": "a"}, {"who": "b"}])).transform_calculate(
        ex=f"datum.who == 'a' ? 1 : {bx}", ey=f"datum.who == 'a' ? 0 : {by}", ox="0", oy="0"
    )
    shaft = arrows.mark_rule(strokeWidth=3).encode(
        x=alt.X("ox:Q", scale=x, title="first coordinate"),
        y=alt.Y("oy:Q", scale=y, title="second coordinate"),
        x2="ex:Q",
        y2="ey:Q",
        color=alt.Color(
            "who:N", scale=alt.Scale(domain=["a", "b"], range=[BLUE, ORANGE]), legend=None
        ),
    )
    name = arrows.mark_text(dy=-10, fontSize=14, fontWeight="bold").encode(
        x=alt.X("ex:Q", scale=x), y=alt.Y("ey:Q", scale=y, axis=None), text="who:N"
    )
    table = (
        alt.Chart(rows)
        .transform_calculate(say=say)
        .mark_text(align="left", fontSize=14)
        .encode(
            x=alt.value(4),
            y=alt.Y("row:Q", axis=None, scale=alt.Scale(domain=[12, 0])),
            text="say:N",
        )
        .transform_calculate(row="datum.i + 1")
    )
    return show(
        alt.layer(shaft, name, table)
        .resolve_scale(y="independent")
        .add_params(length, angle, gamma)
        .properties(width=400, height=230),
        "Two arrows from the origin, a fixed and b movable by sliders for its length, its angle and the reach of the RBF; six measures between them are listed in the upper left.",
    )
