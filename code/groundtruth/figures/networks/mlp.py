"""Figures of the chapter on a network by hand. Read with book/networks/mlp.md."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from groundtruth.figures.style import BLUE, GRAY, ORANGE, figure, label
from groundtruth.figures.vega import (
    Interactive,
    choose,
    left_text,
    menu,
    show,
    sigmoid,
    slider,
    tanh,
)
from groundtruth.networks.mlp import MLP, train, xor_blobs

MOMENTS = (0, 5, 10, 20, 30, 40, 60, 80, 100, 130, 170, 220, 300, 400, 600, 1000)  # in steps


def graph() -> Figure:
    """Forward and backward pass of a network, each array with its shape; framed: cached."""
    fig, ax = figure(4.4)
    rows = [
        ("X", "(n, d)", "", ""),
        ("Z1 = X W1 + b1", "(n, h)", "dZ1 = dA1 * f'(Z1)", "dW1 = X' dZ1, (d, h)"),
        ("A1 = f(Z1)", "(n, h)", "dA1 = dZ2 W2'", ""),
        ("Z2 = A1 W2 + b2", "(n, K)", "dZ2 = (P - Y) / n", "dW2 = A1' dZ2, (h, K)"),
        ("L", "one number", "", ""),
    ]
    for i, (name, shape, back, grads) in enumerate(rows):
        y = 4.0 - i
        ax.text(
            0.21,
            y,
            f"{name}\n{shape}",
            ha="center",
            va="center",
            fontsize=12,
            bbox={
                "boxstyle": "round,pad=0.3",
                "facecolor": "none",
                "edgecolor": BLUE,
                "linewidth": 2.0 if i < 3 else 0.9,
            },
        )
        if back:
            ax.text(
                0.68,
                y + (0.16 if grads else 0),
                back,
                ha="center",
                va="center",
                fontsize=11.5,
                color=ORANGE,
            )
        if grads:
            ax.text(0.68, y - 0.2, grads, ha="center", va="center", fontsize=10.5)
        if i:
            ax.annotate(
                "",
                (0.21, y + 0.36),
                (0.21, y + 0.64),
                arrowprops={"arrowstyle": "->", "color": BLUE},
            )
        if 1 < i < 4:
            ax.annotate(
                "",
                (0.68, y + 0.64),
                (0.68, y + 0.28),
                arrowprops={"arrowstyle": "->", "color": ORANGE},
            )
    ax.text(0.21, 4.55, "forward, remember", ha="center", color=BLUE, fontsize=11.5)
    ax.text(0.68, 4.05, "back, multiply and collect", ha="center", color=ORANGE, fontsize=11.5)
    ax.set_xlim(0, 1)
    ax.set_ylim(-0.45, 4.75)
    ax.axis("off")
    return fig


def _classes(ax: Axes, points: np.ndarray, y: np.ndarray) -> None:
    ax.plot(*points[y == 0].T, "o", color=BLUE, markersize=3, alpha=0.7)
    ax.plot(*points[y == 1].T, "^", color=ORANGE, markersize=3, alpha=0.7)


def spaces(net: MLP, X: np.ndarray, y: np.ndarray) -> Figure:
    """The same points in input space and in the hidden layer, with the network's boundary."""
    fig, (left, right) = figure(2.8, 2)
    span = np.linspace(-2.3, 2.3, 81)
    a, b = np.meshgrid(span, span)
    p = net.predict(np.stack([a, b], -1).reshape(-1, 2)).reshape(a.shape)
    _classes(left, X, y)
    left.contour(a, b, p, [0.5], colors="black", linewidths=1.6)
    _, cache = net.forward(X)
    hidden = cache[1][0]  # (n, 2)
    _classes(right, hidden, y)
    W2, b2 = net.layers[1]
    edge = np.array([-1.1, 1.1])
    if abs(W2[1, 0]) > abs(W2[0, 0]):
        right.plot(edge, -(b2[0] + W2[0, 0] * edge) / W2[1, 0], color="black", linewidth=1.6)
    else:
        right.plot(-(b2[0] + W2[1, 0] * edge) / W2[0, 0], edge, color="black", linewidth=1.6)
    right.set_xlim(-1.15, 1.15)
    right.set_ylim(-1.15, 1.15)
    for ax in (left, right):
        ax.set_aspect("equal", adjustable="box")
    label(left, "$x_1$", "$x_2$", "input")
    label(right, "unit 1", "unit 2", "hidden layer")
    return fig


def widths(found: dict[int, list[float]]) -> Figure:
    """Accuracies of several starts by the number of hidden units."""
    fig, ax = figure(2.6)
    for place, scores in enumerate(found.values()):
        ax.plot(
            np.full(len(scores), place) + np.linspace(-0.2, 0.2, len(scores)),
            np.sort(scores),
            "o",
            color=BLUE,
            markersize=4,
        )
    ax.axhline(0.75, color=GRAY, linestyle=":")
    ax.text(len(found) - 0.5, 0.76, "a line", ha="right", fontsize=10)
    ax.set_xticks(range(len(found)), [str(h) for h in found])
    label(ax, "hidden units", "accuracy, eight starts")
    return fig


def _snapshots(X: np.ndarray, y: np.ndarray) -> list[dict[str, Any]]:
    """The parameters of a 2-4-1 network and a line about it at each of the moments."""
    net = MLP((2, 4, 1), seed=5)
    rows: list[dict[str, Any]] = []
    for moment, step in enumerate(MOMENTS):
        train(net, X, y, 0.5, step - MOMENTS[max(moment - 1, 0)])
        W1, b1, W2, b2 = (p.round(2) for p in net.params)
        row: dict[str, Any] = {
            "s": moment,
            "c": float(b2[0]),
            "t": f"step {step}: loss {net.loss(X, y):.3f}, correct {net.accuracy(X, y):.0%}",
        }
        for j in range(4):
            row[f"u{j}"] = float(W1[0, j])
            row[f"v{j}"] = float(W1[1, j])
            row[f"b{j}"] = float(b1[j])
            row[f"w{j}"] = float(W2[j, 0])
        rows.append(row)
    return rows


def explorer() -> Interactive:
    """A 2-4-1 network on XOR at sixteen moments of its training, whole or by its hidden units."""
    X, y = xor_blobs(80, seed=3)
    snapshots = _snapshots(X, y)
    parameters = [key for key in snapshots[0] if key not in ("s", "t")]
    training = alt.Data(values=snapshots)
    units = {f"unit {j + 1}": f"(1 + datum.h{j}) / 2" for j in range(4)}
    score = " + ".join(["datum.c", *(f"datum.w{j} * datum.h{j}" for j in range(4))])
    moment = slider("mo", "moment of training ", 0, 0, 15, 1)
    view = menu("vi", "show ", ["network", *units])
    side = np.arange(-2.4, 2.5, 0.4).round(1)
    grid = alt.Data(values=[{"a": float(a), "b": float(b)} for a in side for b in side])
    hidden = {
        f"h{j}": tanh(f"datum.u{j} * datum.a + datum.v{j} * datum.b + datum.b{j}") for j in range(4)
    }
    scale = alt.Scale(domain=[-2.6, 2.6])
    x1 = alt.X("a:Q", title="x1", scale=scale)
    x2 = alt.Y("b:Q", title="x2", scale=scale)
    colors = alt.Scale(domain=[0, 1], scheme="purpleorange")
    shade = (
        alt.Chart(grid)
        .transform_calculate(s="mo")
        .transform_lookup("s", alt.LookupData(training, "s", parameters))
        .transform_calculate(**hidden)
        .transform_calculate(p=choose("vi", {**units, "network": sigmoid(score)}))
        .mark_square(size=480, opacity=0.6)
        .encode(x=x1, y=x2, color=alt.Color("p:Q", scale=colors, legend=None))
    )
    points = [
        {"a": round(float(p[0]), 2), "b": round(float(p[1]), 2), "y": int(k)}
        for p, k in zip(X, y, strict=True)
    ]
    marks = alt.Scale(domain=[0, 1], range=["circle", "triangle-up"])
    dots = (
        alt.Chart(alt.Data(values=points))
        .mark_point(size=35, filled=True, opacity=1, stroke="black", strokeWidth=0.6)
        .encode(
            x=x1, y=x2, shape=alt.Shape("y:N", title="class", scale=marks), color=alt.value(GRAY)
        )
    )
    now = alt.Chart(training).transform_filter("datum.s == mo")
    return show(
        alt.layer(shade, dots, left_text(now, "t", x=0, y=-10, fontWeight="bold"))
        .add_params(moment, view)
        .properties(width=290, height=290),
        "Two classes in the four corners of a plane, shaded by the output of a network with four "
        "hidden units; a slider goes through its training, a menu shows the network or the "
        "half-plane of one unit; loss and share of correct points are written above.",
    )
