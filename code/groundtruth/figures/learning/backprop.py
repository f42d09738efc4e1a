"""Figures of the chapter on backpropagation. Read with book/learning/backprop.md."""

from __future__ import annotations

import altair as alt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from groundtruth.figures.style import BLUE, GRAY, GREEN, ORANGE, figure, label
from groundtruth.figures.vega import (
    Interactive,
    choose,
    menu,
    readout,
    series_colors,
    show,
    sigmoid,
    slider,
    tanh,
)

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
    """The graph of one unit: under each name its value, above it its gradient."""
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
    """Norm of the gradient by the number of layers passed backward, for several weight scales."""
    fig, ax = figure(2.7)
    for (name, lengths), style, color in zip(
        products.items(), ("-", "--", "-."), (BLUE, GREEN, ORANGE), strict=True
    ):
        ax.semilogy(np.arange(1, lengths.size + 1), lengths, style, color=color, label=name)
    ax.legend()
    label(ax, "layers passed on the way back", "length of the gradient")
    return fig


def explorer() -> Interactive:
    """One unit with movable weight, input, bias, target and activation: each value and gradient."""
    controls = [
        slider("w", "w ", 0.5, -2, 2, 0.1),
        slider("x", "x ", 2, -3, 3, 0.1),
        slider("b", "b ", 0.1, -2, 2, 0.1),
        slider("y", "target y ", 1, -2, 2, 0.1),
        menu("act", "activation ", ["relu", "tanh", "sigmoid", "none"]),
    ]
    lines = [
        ("forward", "z = w x + b = {z:.3f}"),
        ("forward", "a = {name}(z) = {a:.3f}"),
        ("forward", "L = (a - y)^2 = {L:.3f}"),
        ("back", "dL/da = 2 (a - y) = {dL:.3f}"),
        ("back", "da/dz = {da:.3f},  dL/dz = {dz:.3f}"),
        ("back", "dL/dw = dL/dz x = {dw:.3f}"),
        ("back", "dL/dx = dL/dz w = {dx:.3f},  dL/db = {dz:.3f}"),
    ]
    activation = {
        "relu": "max(0, datum.z)",
        "tanh": tanh("datum.z"),
        "sigmoid": sigmoid("datum.z"),
        "none": "datum.z",
    }
    derivative = {
        "relu": "(datum.z > 0 ? 1 : 0)",
        "tanh": "1 - datum.a * datum.a",
        "sigmoid": "datum.a * (1 - datum.a)",
        "none": "1",
    }
    rows = [{"i": i, "way": way} for i, (way, _) in enumerate(lines)]
    chart = (
        alt.Chart(alt.Data(values=rows))
        .transform_calculate(z="w * x + b", name="act")
        .transform_calculate(a=choose("act", activation))
        .transform_calculate(
            L="pow(datum.a - y, 2)", dL="2 * (datum.a - y)", da=choose("act", derivative)
        )
        .transform_calculate(dz="datum.dL * datum.da")
        .transform_calculate(dw="datum.dz * x", dx="datum.dz * w")
        .transform_calculate(
            say=choose("datum.i", {i: readout(text) for i, (_, text) in enumerate(lines)})
        )
        .mark_text(align="left", fontSize=15)
        .encode(
            x=alt.value(8),
            y=alt.Y("i:O", axis=None),
            text="say:N",
            color=alt.Color(
                "way:N",
                title=None,
                scale=series_colors(["forward", "back"]),
                legend=alt.Legend(orient="bottom"),
            ),
        )
        .add_params(*controls)
        .properties(width=360, height=200)
    )
    return show(
        chart,
        "Seven lines of numbers for one unit, three computed forward and four backward; sliders "
        "set "
        "weight, input, bias and target, a menu the activation.",
    )
