"""Figures of the chapter on graphs. Read with book/networks/graphs.md."""

from __future__ import annotations

import altair as alt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.figures.style import BLUE, GRAY, GREEN, ORANGE, figure, label
from groundtruth.figures.vega import Interactive, show, slider
from groundtruth.networks.graphs import block_model, normalize

PLACES = np.array(
    [[0.0, 0.0], [1.2, 0.8], [1.3, -0.7], [2.6, 0.1], [3.9, 0.9], [4.0, -0.7], [5.2, 0.1]]
)
EDGES = [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3), (3, 4), (3, 5), (4, 6), (5, 6)]


def seven() -> np.ndarray:
    """The adjacency (7, 7) of the drawn example."""
    A = np.zeros((7, 7))
    for i, j in EDGES:
        A[i, j] = A[j, i] = 1.0
    return A


def messages() -> Figure:
    """Seven nodes; the neighbors of node 3 send to it, and those two steps away are marked."""
    fig, ax = figure(2.6)
    near = [j for i, j in EDGES if i == 3] + [i for i, j in EDGES if j == 3]
    for i, j in EDGES:
        ax.plot(*PLACES[[i, j]].T, color=GRAY, linewidth=1.4, zorder=1)
    for j in near:
        ax.annotate(
            "",
            PLACES[3],
            PLACES[j],
            arrowprops={
                "arrowstyle": "-|>",
                "color": BLUE,
                "shrinkA": 15,
                "shrinkB": 15,
                "linewidth": 2.4,
            },
        )
    for i, (x, y) in enumerate(PLACES):
        ring = BLUE if i in near else GRAY
        if i == 3:
            ring = ORANGE
        ax.text(
            x,
            y,
            str(i),
            ha="center",
            va="center",
            fontsize=12,
            bbox={
                "boxstyle": "circle,pad=0.4",
                "facecolor": "white",
                "edgecolor": ring,
                "linewidth": 3 if i == 3 else 2,
                "linestyle": "-" if i == 3 or i in near else "--",
            },
        )
    ax.set_xlim(-0.5, 5.7)
    ax.set_ylim(-1.2, 1.4)
    ax.set_aspect("equal")
    ax.axis("off")
    return fig


def hops(counts: list[int], distance: list[float], accuracy: list[float]) -> Figure:
    """What differs between nodes, and the accuracy of class means, by number of averaging steps."""
    fig, axes = figure(2.9, 2)
    at = np.arange(len(counts))
    axes[0].plot(at, distance, color=BLUE, marker="o")
    axes[0].set_yscale("log")
    label(axes[0], "hops", "distance to the limit")
    axes[1].plot(at, accuracy, color=ORANGE, marker="s")
    axes[1].axhline(0.5, color=GRAY, linestyle=":", linewidth=1.2)
    axes[1].set_ylim(0.4, 1.05)
    label(axes[1], "hops", "accuracy")
    for ax in axes:
        ax.set_xticks(at, counts, fontsize=9)
    return fig


def spectrum(values: np.ndarray, powers: tuple[int, ...] = (1, 2, 8)) -> Figure:
    """What hops do to a signal along an eigenvector, by its eigenvalue; values (n,) are marked."""
    fig, ax = figure(2.8)
    grid = np.linspace(-1, 1, 401)
    for k, color, style in zip(powers, (GRAY, GREEN, BLUE), (":", "--", "-"), strict=True):
        ax.plot(grid, grid**k, style, color=color, label=f"{k} hop" + "s" * (k > 1))
    ax.plot(
        values, np.full(values.size, -1.08), "|", color=ORANGE, markersize=9, label="eigenvalues"
    )
    ax.legend(
        fontsize=10,
        ncols=4,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        columnspacing=0.9,
        handlelength=1.4,
    )
    ax.set_xticks([-1, -0.5, 0, 0.5, 1])
    label(ax, "eigenvalue", "what is left")
    return fig


def explorer() -> Interactive:
    """Forty nodes of two classes in the plane of their features, after a number of hops."""
    g = block_model(40, 0.3, 0.05, np.random.default_rng(3), d=2, signal=0.35)
    S = normalize(g.A)
    X = g.X
    rows = []
    for k in range(17):
        gap = X[g.y == 1].mean(0) - X[g.y == 0].mean(0)
        middle = (X[g.y == 1].mean(0) + X[g.y == 0].mean(0)) / 2
        right = np.mean(((X - middle) @ gap > 0) == (g.y == 1))
        rows.append(
            {
                "k": k,
                "x": X[:, 0].round(2).tolist(),
                "y": X[:, 1].round(2).tolist(),
                "c": g.y.tolist(),
                "t": f"by class means {right:.0%} right",
            }
        )
        X = S @ X
    hops = slider("kk", "hops ", 0, 0, 16, 1)
    base = alt.Chart(alt.Data(values=rows)).transform_filter("datum.k == kk")
    scale = alt.Scale(domain=[-3, 3])
    dots = (
        base.transform_flatten(["x", "y", "c"])
        .transform_calculate(kind="datum.c == 1 ? 'class one' : 'class two'")
        .mark_point(size=70, strokeWidth=2)
        .encode(
            x=alt.X("x:Q", title="first feature", scale=scale),
            y=alt.Y("y:Q", title="second feature", scale=scale),
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(range=[BLUE, ORANGE]),
                legend=alt.Legend(orient="bottom"),
            ),
            shape=alt.Shape("kind:N", title=None, legend=alt.Legend(orient="bottom")),
        )
    )
    text = base.mark_text(align="left", fontSize=14, x=8, y=14).encode(text="t:N")
    return show(
        alt.layer(dots, text).add_params(hops).properties(width=340, height=260),
        "Forty nodes of two classes as circles and squares in the plane of their features; a "
        "slider sets how often each node has been averaged with its neighbors, and the share "
        "that class means get right is written above: it rises, then the cloud collapses onto a "
        "line.",
    )
