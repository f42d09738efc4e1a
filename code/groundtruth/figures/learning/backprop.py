"""Figures of the chapter on backpropagation. Read with book/learning/backprop.md."""

from __future__ import annotations

import altair as alt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from groundtruth.figures.numbers import number
from groundtruth.figures.style import BLUE, GRAY, GREEN, INK, ORANGE, figure, label
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

Places = dict[str, tuple[float, float]]
Edge = tuple[str, str, float, float]  # from, to, local derivative, curvature of the arrow

UNIT = {
    "w": (0.0, 4.2),
    "x": (0.0, 2.1),
    "b": (1.75, 0.0),
    "u": (1.75, 3.15),
    "z": (3.5, 1.6),
    "a": (5.05, 1.6),
    "y": (5.05, 4.2),
    "L": (6.6, 2.9),
}
SHARED = {
    "p": (0.0, 3.4),
    "3": (0.0, 1.7),
    "q": (0.0, 0.0),
    "u": (2.4, 3.4),
    "t": (2.4, 1.7),
    "s": (4.5, 0.85),
    "f": (6.6, 2.1),
}


def neuron(
    values: dict[str, float], adjoints: dict[str, float], derivatives: dict[tuple[str, str], float]
) -> Figure:
    """The computational graph of one unit: values below the nodes, adjoints above them, local
    derivatives on the edges.
    """
    edges = [(start, end, local, 0.0) for (start, end), local in derivatives.items()]
    return _graph(UNIT, edges, values, adjoints, 3.9)


def shared(values: dict[str, float], adjoints: dict[str, float]) -> Figure:
    """The graph of f = p^2 + 3 p q: p has three edges to its consumers, two of them to u = p p."""
    p = values["p"]
    edges = [
        ("p", "u", p, -0.25),
        ("p", "u", p, 0.25),
        ("3", "t", p, 0.0),
        ("p", "t", 3.0, 0.0),
        ("t", "s", values["q"], 0.0),
        ("q", "s", values["t"], 0.0),
        ("u", "f", 1.0, 0.0),
        ("s", "f", 1.0, 0.0),
    ]
    return _graph(SHARED, edges, values, adjoints, 3.5)


def _graph(
    places: Places,
    edges: list[Edge],
    values: dict[str, float],
    adjoints: dict[str, float],
    height: float,
) -> Figure:
    """Nodes with their values and adjoints, and arrows with their local derivatives."""
    fig, ax = figure(height)
    ax.set_axis_off()
    ax.set_xlim(-0.6, 7.2)
    ax.set_ylim(-0.9, max(y for _, y in places.values()) + 0.9)
    for start, end, local, curvature in edges:
        _edge(ax, places[start], places[end], local, curvature)
    for name, place in places.items():
        _node(ax, name, place, values[name], adjoints[name])
    return fig


def _edge(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    local: float,
    curvature: float,
) -> None:
    """An arrow with its local derivative above the middle."""
    x0, y0 = start
    x1, y1 = end
    arrow = {
        "arrowstyle": "->",
        "color": GRAY,
        "connectionstyle": f"arc3,rad={curvature}",
    }
    ax.annotate("", (x1 - 0.5, y1), (x0 + 0.5, y0), arrowprops=arrow)
    side = 0.3 * np.sign(y0 - y1)  # to the upper side of the arrow, clear of its line
    x = (x0 + x1) / 2 + side
    level = 0.36 if y0 == y1 else 0.14  # a short level arrow: above the boxes beside it
    y = (y0 + y1) / 2 + level + 1.1 * abs(curvature) * (x1 - x0) / 2
    if curvature > 0:
        return  # the lower of two arrows; the upper has the label of both
    text = number(local, 2) + (" each" if curvature else "")
    ax.text(x, y, text, ha="center", fontsize=10, color=GREEN)


def _node(ax: Axes, name: str, place: tuple[float, float], value: float, adjoint: float) -> None:
    """A box with its value below and its adjoint above."""
    x, y = place
    corner = (x - 0.42, y - 0.26)
    ax.add_patch(
        FancyBboxPatch(corner, 0.84, 0.52, boxstyle="round,pad=0.04", fill=False, edgecolor=BLUE)
    )
    ax.text(x, y, name, ha="center", va="center", fontsize=12)
    ax.text(x, y - 0.68, number(value, 2), ha="center", fontsize=11)
    ax.text(
        x,
        y + 0.42,
        number(adjoint, 2),
        ha="center",
        fontsize=11,
        color=ORANGE,
        fontweight="bold",
    )


def depths(curves: dict[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Norm of the gradient against the number of layers passed, relative to its start.

    Parameters
    ----------
    curves : for each of up to three names the measured and the predicted norms, each of shape
        (seeds, layers + 1); thick lines are root mean squares over the seeds
    """
    fig, ax = figure(3.4)
    marks = zip(curves.items(), ("-", "--", "-."), (BLUE, GREEN, ORANGE), strict=False)
    for (name, (norms, predicted)), style, color in marks:
        layers = np.arange(norms.shape[1])
        relative = norms / norms[:, :1]
        ax.semilogy(layers, relative.T, style, color=color, linewidth=0.6, alpha=0.5)
        ax.semilogy(layers, _rms(relative), style, color=color, label=name)
        formula = _rms(predicted / predicted[:, :1])
        ax.semilogy(layers, formula, ":", color=INK, linewidth=1.4)
    ax.plot([], [], ":", color=INK, label="predicted")
    ax.legend(loc="lower left")
    label(ax, "layers passed backward", "norm / norm at the last layer")
    return fig


def _rms(values: np.ndarray) -> np.ndarray:
    """The root mean square over the first axis."""
    return np.sqrt(np.mean(values**2, axis=0))


def explorer() -> Interactive:
    """One unit with movable weight, input, bias, target and activation: each value and gradient."""
    controls = [
        slider("w", "w ", 0.5, -2, 2, 0.1),
        slider("x", "x ", 2, -3, 3, 0.1),
        slider("b", "b ", 0.1, -2, 2, 0.1),
        slider("y", "target y ", 1, -2, 2, 0.1),
        menu("act", "activation ", ["relu", "tanh", "sigmoid", "identity"]),
    ]
    lines = [
        ("forward", "z = w * x + b = {z:.3f}"),
        ("forward", "a = {name}(z) = {a:.3f}"),
        ("forward", "L = (a - y)^2 = {L:.3f}"),
        ("backward", "dL/da = 2 (a - y) = {dL:.3f}"),
        ("backward", "da/dz = {da:.3f},  dL/dz = {dz:.3f}"),
        ("backward", "dL/dw = dL/dz * x = {dw:.3f}"),
        ("backward", "dL/dx = dL/dz * w = {dx:.3f},  dL/db = {dz:.3f}"),
    ]
    activation = {
        "relu": "max(0, datum.z)",
        "tanh": tanh("datum.z"),
        "sigmoid": sigmoid("datum.z"),
        "identity": "datum.z",
    }
    derivative = {
        "relu": "(datum.z > 0 ? 1 : 0)",
        "tanh": "1 - datum.a * datum.a",
        "sigmoid": "datum.a * (1 - datum.a)",
        "identity": "1",
    }
    rows = [{"i": i, "pass": name} for i, (name, _) in enumerate(lines)]
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
                "pass:N",
                title=None,
                scale=series_colors(["forward", "backward"]),
                legend=alt.Legend(orient="bottom"),
            ),
        )
        .add_params(*controls)
        .properties(width=360, height=200)
    )
    return show(
        chart,
        "Values and gradients of one unit; sliders set its inputs.",
    )
