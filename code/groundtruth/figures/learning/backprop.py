"""Figures of the chapter on backpropagation. Read with book/learning/backprop.md."""

from __future__ import annotations

import altair as alt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from groundtruth.figures.style import BLUE, GRAY, GREEN, ORANGE, figure, label
from groundtruth.figures.vega import Interactive, menu, show, slider

NODES = {
    "w": (0.0, 3.2),
    "x": (0.0, 1.6),
    "b": (0.0, 0.0),
    "w x": (1.5, 2.4),
    "z": (3.0, 1.4),
    "a": (4.5, 1.4),
    "L": (6.0, 1.4),
}
EDGES = [("w", "w x"), ("x", "w x"), ("w x", "z"), ("b", "z"), ("z", "a"), ("a", "L")]


def neuron(values: dict[str, float], adjoints: dict[str, float]) -> Figure:
    """The graph of one unit: under each name its value, above it the gradient that arrives there."""
    fig, ax = figure(3.5)
    ax.set_axis_off()
    ax.set_xlim(-0.7, 6.7)
    ax.set_ylim(-0.8, 4.0)
    for start, end in EDGES:
        (x0, y0), (x1, y1) = NODES[start], NODES[end]
        ax.annotate(
            "", (x1 - 0.5, y1), (x0 + 0.5, y0), arrowprops={"arrowstyle": "->", "color": GRAY}
        )
    for name, (x, y) in NODES.items():
        ax.add_patch(
            FancyBboxPatch(
                (x - 0.42, y - 0.22),
                0.84,
                0.44,
                boxstyle="round,pad=0.04",
                fill=False,
                edgecolor=BLUE,
            )
        )
        ax.text(x, y, name, ha="center", va="center", fontsize=11)
        ax.text(x, y - 0.5, f"{values[name]:.2f}", ha="center", fontsize=10)
        ax.text(
            x,
            y + 0.36,
            f"{adjoints[name]:.2f}",
            ha="center",
            fontsize=10,
            color=ORANGE,
            fontweight="bold",
        )
    return fig


def depths(products: dict[str, np.ndarray]) -> Figure:
    """Length of the gradient after passing back through more and more layers, for several weight scales."""
    fig, ax = figure(2.7)
    for (name, lengths), style, color in zip(
        products.items(), ("-", "--", "-."), (BLUE, GREEN, ORANGE), strict=True
    ):
        ax.semilogy(np.arange(1, lengths.size + 1), lengths, style, color=color, label=name)
    ax.legend()
    label(ax, "layers passed on the way back", "length of the gradient")
    return fig


def explorer() -> Interactive:
    """One unit with movable weight, input, bias, target and activation: every value and every gradient."""
    w, x, b, y = (
        slider("w", "w ", 0.5, -2, 2, 0.1),
        slider("x", "x ", 2, -3, 3, 0.1),
        slider("b", "b ", 0.1, -2, 2, 0.1),
        slider("y", "target y ", 1, -2, 2, 0.1),
    )
    act = menu("act", "activation ", ["relu", "tanh", "sigmoid", "none"])
    z = "(w * x + b)"
    squash = f"(2 / (1 + exp(-2 * {z})) - 1)"
    sig = f"(1 / (1 + exp(-{z})))"
    a = f"(act == 'relu' ? max(0, {z}) : act == 'tanh' ? {squash} : act == 'sigmoid' ? {sig} : {z})"
    da = f"(act == 'relu' ? ({z} > 0 ? 1 : 0) : act == 'tanh' ? 1 - {squash} * {squash} : act == 'sigmoid' ? {sig} * (1 - {sig}) : 1)"
    dL = f"(2 * ({a} - y))"
    rows = [
        ("forward", f"'z = w x + b = ' + format({z}, '.3f')"),
        ("forward", f"'a = ' + act + '(z) = ' + format({a}, '.3f')"),
        ("forward", f"'L = (a - y)^2 = ' + format(({a} - y) * ({a} - y), '.3f')"),
        ("back", f"'dL/da = 2 (a - y) = ' + format({dL}, '.3f')"),
        ("back", f"'da/dz = ' + format({da}, '.3f') + ',  dL/dz = ' + format({dL} * {da}, '.3f')"),
        ("back", f"'dL/dw = dL/dz x = ' + format({dL} * {da} * x, '.3f')"),
        (
            "back",
            f"'dL/dx = dL/dz w = ' + format({dL} * {da} * w, '.3f') + ',  dL/db = ' + format({dL} * {da}, '.3f')",
        ),
    ]
    say = (
        " : ".join(f"datum.i == {i} ? {text}" for i, (_, text) in enumerate(rows[:-1]))
        + f" : {rows[-1][1]}"
    )
    chart = (
        alt.Chart(alt.Data(values=[{"i": i, "way": way} for i, (way, _) in enumerate(rows)]))
        .transform_calculate(say=say)
        .mark_text(align="left", fontSize=15)
        .encode(
            x=alt.value(8),
            y=alt.Y("i:O", axis=None),
            text="say:N",
            color=alt.Color(
                "way:N",
                title=None,
                scale=alt.Scale(domain=["forward", "back"], range=[BLUE, ORANGE]),
                legend=alt.Legend(orient="bottom"),
            ),
        )
        .add_params(w, x, b, y, act)
        .properties(width=360, height=200)
    )
    return show(
        chart,
        "Seven lines of numbers for one unit, three computed forward and four backward; sliders set weight, input, bias and target, a menu the activation.",
    )
