"""Figures of the chapter on regularization. Read with book/learning/regularization.md."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.figures.style import BLUE, CYCLE, GRAY, GREEN, ORANGE, figure, label
from groundtruth.figures.vega import Interactive, note, one_row, rings, show, slider

LEAST_SQUARES = (1.6, 0.7)


def corners() -> Figure:
    """The minimum of one quadratic loss in a diamond, at a corner, and in a disc, at its side."""
    fig, axes = figure(2.7, columns=2, sharey=True)
    H = np.array([[1.0, 0.5], [0.5, 1.6]])
    best = np.array([2.1, 0.25])
    a, b = np.meshgrid(np.linspace(-1.5, 2.9, 120), np.linspace(-1.5, 2.4, 120))
    d = np.stack([a - best[0], b - best[1]], -1)
    loss = np.einsum("...i,ij,...j->...", d, H, d)
    turn = np.linspace(0, 2 * np.pi, 1441)
    for ax, (name, power) in zip(axes, (("|w| at most 1", 1), ("w² at most 1", 2)), strict=True):
        c = np.cos(turn)
        s = np.sin(turn)
        edge = np.stack([c, s], -1) / (np.abs(c) ** power + np.abs(s) ** power)[:, None] ** (
            1 / power
        )
        at = edge[np.einsum("ni,ij,nj->n", edge - best, H, edge - best).argmin()]
        level = (at - best) @ H @ (at - best)
        ax.contour(
            a,
            b,
            loss,
            levels=sorted({0.15, 0.5, float(level), 1.6 * float(level)}),
            colors=GRAY,
            linewidths=0.8,
        )
        ax.fill(*edge.T, color=BLUE, alpha=0.3)
        ax.plot(*edge.T, color=BLUE)
        ax.plot(*best, "x", color=GRAY, markersize=7)
        ax.plot(*at, "o", color=ORANGE)
        ax.set_aspect("equal")
        label(ax, "$w_1$", "$w_2$", name)
        ax.label_outer()
    return fig


def path(W: Any, names: Any, shown: int = 5) -> Figure:
    """Weights over the size of the whole vector, from the corners of the path."""
    fig, ax = figure(3.0)
    reach = np.abs(W).sum(1) / np.abs(W[-1]).sum()
    order = np.argsort(-np.abs(W[-1]))
    styles = ("-", "--", "-.", ":", "-")
    for place, j in enumerate(order):
        named = place < shown
        ax.plot(
            reach,
            W[:, j],
            styles[place % 5],
            color=CYCLE[place % 5] if named else GRAY,
            linewidth=1.8 if named else 0.7,
            label=names[j] if named else None,
        )
    for corner in reach:
        ax.axvline(corner, color=GRAY, linewidth=0.5, linestyle=":")
    ax.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=5, columnspacing=1.0, handlelength=1.6
    )
    label(ax, "sum of |w| / sum without a penalty", "weight")
    return fig


def filters() -> Figure:
    """What is kept of a direction, by its strength: ridge and descent stopped early."""
    fig, ax = figure(2.6)
    u = np.geomspace(0.01, 100, 300)  # s^2 over the penalty
    ax.plot(u, u / (1 + u), color=BLUE, label="ridge")
    ax.plot(u, 1 - np.exp(-u), "--", color=ORANGE, label="descent, stopped")
    ax.set_xscale("log")
    ax.legend(loc="upper left")
    label(ax, "squared singular value / penalty", "part kept")
    return fig


def _net_weight(least_squares: float, penalty: str) -> str:
    """The elastic net's weight where the data alone would choose `least_squares`, as a formula."""
    return f"max({least_squares} - {penalty} * mix, 0) / (1 + {penalty} * (1 - mix))"


def explorer() -> Interactive:
    """Two weights under an elastic net: penalty and mix by slider, the solution and its path."""
    lam = slider("lam", "penalty ", 0.6, 0, 2.5, 0.05)
    mix = slider("mix", "share of the lasso ", 1.0, 0, 1, 0.1)
    first, second = LEAST_SQUARES
    scale = alt.Scale(domain=[-0.4, 2.4])
    path = (
        alt.Chart(alt.sequence(0, 2.51, 0.05, as_="l"))
        .transform_calculate(x=_net_weight(first, "datum.l"), y=_net_weight(second, "datum.l"))
        .mark_line(color=GRAY, strokeDash=[3, 3], clip=True)
        .encode(
            x=alt.X("x:Q", title="first weight", scale=scale),
            y=alt.Y("y:Q", title="second weight", scale=scale),
            order="l:Q",
        )
    )
    weights = one_row(x=_net_weight(first, "lam"), y=_net_weight(second, "lam"))
    solution = weights.mark_point(filled=True, color=ORANGE, size=110).encode(x="x:Q", y="y:Q")
    start = (
        alt.Chart(alt.Data(values=[{"x": first, "y": second}]))
        .mark_point(shape="cross", color=BLUE, size=110, strokeWidth=2)
        .encode(x="x:Q", y="y:Q")
    )
    circles = (
        rings(
            (0.3, 0.6, 0.9),
            f"{first} + datum.k * cos(datum.a)",
            f"{second} + datum.k * sin(datum.a)",
        )
        .mark_line(color=BLUE, opacity=0.35, clip=True)
        .encode(x="x:Q", y="y:Q", detail="k:N", order="a:Q")
    )
    text = note(
        weights.transform_calculate(zero="datum.y == 0 ? ': exactly zero' : ''"),
        "weights {x:.2f} and {y:.2f}{zero}",
    )
    return show(
        alt.layer(circles, path, start, solution, text)
        .add_params(lam, mix)
        .properties(width=280, height=260),
        "Two weights, from least squares at a cross to zero; sliders set the penalty and its mix "
        "of "
        "absolute values and squares, a dashed line shows the whole path, and the weights are "
        "written above.",
    )


def smoothing() -> Interactive:
    """The finite gap between logits that smoothed labels ask for, over the number of classes."""
    eps = slider("eps", "smoothing ", 0.1, 0.01, 0.5, 0.01)
    targets = alt.Chart(alt.sequence(2, 101, 1, as_="K")).transform_calculate(
        right="1 - eps + eps / datum.K", wrong="eps / datum.K"
    )
    gaps = targets.transform_calculate(g="log(datum.right / datum.wrong)")
    line = gaps.mark_line(color=BLUE).encode(
        x=alt.X("K:Q", title="classes"),
        y=alt.Y("g:Q", title="gap of the best logits", scale=alt.Scale(domain=[0, 10])),
    )
    text = note(
        gaps.transform_filter("datum.K == 10"), "ten classes: target {right:.2f}, gap {g:.2f}"
    )
    return show(
        alt.layer(line, text).add_params(eps).properties(width=320, height=190),
        "The gap between the right logit and the others at which smoothed labels are met, over the "
        "number of classes; a slider sets the smoothing, and the gap for ten classes is written "
        "above.",
    )


def spread(x: Any, curves: dict[str, Any], data: Any) -> Figure:
    """Standard deviations of predictions over the input, with the training inputs as ticks."""
    fig, ax = figure(2.6)
    for (name, sd), style, color in zip(curves.items(), ("-", "--"), (ORANGE, GREEN), strict=False):
        ax.plot(x, sd, style, color=color, label=name)
    ax.plot(data, np.zeros(len(data)), "|", color=BLUE, markersize=9)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    label(ax, "input", "standard deviation")
    return fig
