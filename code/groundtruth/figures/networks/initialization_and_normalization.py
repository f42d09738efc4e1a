"""Figures of the chapter on initialization and normalization.

Read with book/networks/initialization-and-normalization.md.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from groundtruth.figures.style import (
    BLUE,
    CYCLE,
    GRAY,
    ORANGE,
    WIDTH_IN,
    figure,
    label,
    use_style,
)
from groundtruth.figures.vega import Interactive, menu, show, slider
from groundtruth.networks.activations import ACTIVATIONS
from groundtruth.networks.initialization import predicted

NORMS = {
    "batch": lambda n, c: c,
    "layer": lambda n, c: n,
    "group": lambda n, c: 2 * n + c // 3,
    "instance": lambda n, c: 6 * n + c,
}


def axes_of_norms() -> Figure:
    """Four grids of examples by channels; in each, cells that share a mean and a variance."""
    use_style()
    fig, grids = plt.subplots(2, 2, figsize=(WIDTH_IN, 4.0), layout="constrained")
    for ax, (name, group) in zip(grids.ravel(), NORMS.items(), strict=True):
        chosen = group(1, 1)
        for n in range(4):
            for c in range(6):
                inside = group(n, c) == chosen
                ax.add_patch(
                    Rectangle(
                        (c, 3 - n),
                        1,
                        1,
                        facecolor=ORANGE if inside else "none",
                        edgecolor=GRAY,
                        linewidth=0.8,
                        alpha=0.9 if inside else 1.0,
                    )
                )
        ax.set_xlim(0, 6)
        ax.set_ylim(0, 4)
        ax.set_aspect("equal")
        ax.set_xticks([])
        ax.set_yticks([])
        label(ax, "channel", "example", name)
    return fig


def fan(curves: dict[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Mean square of the scores by layer; curves maps a name to (measured, predicted)."""
    fig, ax = figure(3.4)
    for (name, (seen, told)), color, mark in zip(curves.items(), CYCLE, "osD^vPX", strict=False):
        at = np.arange(len(seen))
        ax.plot(at, told, color=color)
        ax.plot(at[::3], seen[::3], mark, color=color, markersize=4.5)
        ax.plot(
            [], [], "-" + mark, color=color, markersize=4.5, label=name
        )  # the legend shows both
    ax.set_yscale("log")
    ax.legend(loc="upper left", fontsize=9.5)
    label(ax, "layer", "mean square of the scores")
    return fig


def two_inputs(maps: dict[str, np.ndarray], c: np.ndarray) -> Figure:
    """Change of two inputs' correlation by one layer, over that before; maps names to (n,)."""
    fig, ax = figure(2.9)
    ax.axhline(0, linestyle=":", color=GRAY)
    for (name, after), color, style in zip(maps.items(), CYCLE, ("-", "--", "-."), strict=False):
        ax.plot(c, after - c, style, color=color, label=name)
    ax.legend()
    label(ax, "correlation before", "change by one layer")
    return fig


def explorer() -> Interactive:
    """Second moments by depth for a chosen activation and scale."""
    names = ["identity", "relu", "tanh", "gelu"]
    factors = (0.5, 0.8, 1.0, 1.25, 1.6, 2.0, 2.5, 3.2)
    rows: list[dict[str, Any]] = [{"layer": i} for i in range(31)]
    for name in names:
        for k, v in enumerate(factors):
            for row, q in zip(
                rows,
                np.log10(np.maximum(predicted(ACTIVATIONS[name].f, v, 30), 1e-12)),
                strict=True,
            ):
                row[f"{name}{k}"] = round(float(np.clip(q, -12, 12)), 1)
    scale = slider("sc", "scale of the weights ", 5, 0, len(factors) - 1, 1)
    bend = menu("be", "activation ", names, "relu")
    said = {f"s{k}": f"n Var(w) = {v}" for k, v in enumerate(factors)}
    y = alt.Y("q:Q", title="log10 of the second moment", scale=alt.Scale(domain=[-12, 12]))
    line = (
        alt.Chart(alt.Data(values=rows))
        .transform_calculate(q="datum[be + sc]")
        .mark_line(color=BLUE, strokeWidth=2.5)
        .encode(x=alt.X("layer:Q", title="layer"), y=y)
    )
    level = (
        alt.Chart(alt.Data(values=[{"q": 0}]))
        .mark_rule(strokeDash=[4, 4], color=GRAY)
        .encode(y="q:Q")
    )
    note = (
        alt.Chart(alt.Data(values=[said]))
        .transform_calculate(t="datum['s' + sc]")
        .mark_text(align="left", fontSize=14)
        .encode(x=alt.value(8), y=alt.value(12), text="t:N")
    )
    return show(
        alt.layer(level, line, note).add_params(scale, bend).properties(width=380, height=220),
        "The second moment of the scores over thirty layers on a logarithmic axis; a slider "
        "changes the scale of the weights, a menu the activation; only one scale keeps the line "
        "level.",
    )


def who_shares() -> Interactive:
    """Examples by channels, colored by the group that a cell is normalized with."""
    cells = [
        {"n": n + 1, "c": c + 1, **{name: int(group(n, c)) for name, group in NORMS.items()}}
        for n in range(4)
        for c in range(6)
    ]
    which = menu("no", "normalization ", list(NORMS))
    grid = (
        alt.Chart(alt.Data(values=cells))
        .transform_calculate(g="datum[no]")
        .mark_rect(stroke="white", strokeWidth=2, fillOpacity=0.3)
        .encode(
            x=alt.X("c:O", title="channel", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("n:O", title="example"),
            color=alt.Color("g:N", legend=None, scale=alt.Scale(scheme="tableau20")),
        )
    )
    text = (
        alt.Chart(alt.Data(values=cells))
        .transform_calculate(t="datum[no] + 1")
        .mark_text(fontSize=14)
        .encode(x="c:O", y="n:O", text="t:Q")
    )
    return show(
        alt.layer(grid, text).add_params(which).properties(width=300, height=160),
        "A table of four examples by six channels; a menu chooses a normalization, and cells with "
        "the same number share one mean and one variance.",
    )
