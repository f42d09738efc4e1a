"""Figures of the chapter on features. Read with book/data/features.md."""

from __future__ import annotations

import altair as alt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from groundtruth.figures.style import BLUE, CYCLE, GRAY, ORANGE, figure, label
from groundtruth.figures.vega import Interactive, choose, series_colors, show, slider

FLOW = [
    ("age", "36", "number", 1),
    ("income", "a hole", "missing", 2),
    ("size", "M", "order", 1),
    ("color", "red", "category", 3),
    ("hour", "23", "cycle", 2),
    ("review", "the cat sat", "text", 5),
]


def flow() -> Figure:
    """Each raw column, its type, and the columns of the matrix it becomes."""
    fig, ax = figure(3.6)
    ax.set_axis_off()
    ax.set_xlim(-0.15, 10)
    ax.set_ylim(-1.2, len(FLOW) + 0.6)
    for i, (name, value, kind, width) in enumerate(FLOW):
        y = len(FLOW) - 1 - i
        color = CYCLE[i % len(CYCLE)]
        ax.add_patch(
            FancyBboxPatch(
                (0, y + 0.12),
                3.5,
                0.7,
                boxstyle="round,pad=0.04",
                fill=False,
                edgecolor=color,
                linewidth=1.6,
            )
        )
        ax.text(1.75, y + 0.47, f"{name}: {value}", ha="center", va="center", fontsize=11)
        ax.annotate(
            "",
            (6.3, y + 0.47),
            (3.7, y + 0.47),
            arrowprops={"arrowstyle": "->", "color": color, "linewidth": 1.4},
        )
        ax.text(5.0, y + 0.56, kind, ha="center", va="bottom", fontsize=11)
        for j in range(width):
            ax.add_patch(
                FancyBboxPatch(
                    (6.5 + 0.68 * j, y + 0.12),
                    0.52,
                    0.7,
                    boxstyle="square,pad=0",
                    facecolor=color,
                    alpha=0.35,
                    edgecolor=color,
                )
            )
    total = sum(width for *_, width in FLOW)
    ax.text(1.75, -0.6, f"{len(FLOW)} raw columns", ha="center", fontsize=10)
    ax.text(8.1, -0.6, f"{total} numbers, no hole", ha="center", fontsize=10)
    return fig


def ledger(rows: dict[str, tuple[float, float]]) -> Figure:
    """Accuracy on random labels that each kind of leak reports, and that a clean split reports."""
    fig, ax = figure(2.4)
    for i, (leaky, honest) in enumerate(rows.values()):
        y = len(rows) - 1 - i
        ax.plot([honest, leaky], [y, y], color=GRAY, linewidth=1.2)
        ax.plot(honest, y, "o", color=BLUE, markersize=8, label="honest" if i == 0 else None)
        ax.plot(leaky, y, "^", color=ORANGE, markersize=9, label="leaky" if i == 0 else None)
    ax.axvline(0.5, color=GRAY, linestyle=":")
    ax.set_yticks(range(len(rows)), list(rows)[::-1])
    ax.set_ylim(-0.6, len(rows) - 0.1)
    ax.set_xlim(0.4, 1.02)
    ax.legend(loc="upper right")
    label(ax, "reported accuracy on coin flips", "fitted on all rows")
    ax.yaxis.labelpad = 10  # room for the labels to grow on a phone
    return fig


def outlier() -> Interactive:
    """Twelve values, the last one movable, and their positions after three scalings."""
    values = [2.0, 2.4, 2.9, 3.1, 3.3, 3.6, 3.8, 4.1, 4.4, 4.7, 5.2]
    last = slider("out", "twelfth value ", 6, 6, 60, 1)
    # the twelfth value is the largest wherever it stands, so no quartile depends on it
    low, middle, high = (round(float(q), 6) for q in np.percentile([*values, 6.0], [25, 50, 75]))
    scalings = {
        "standard": "(datum.w - datum.mean) / datum.sd",
        "min-max": "(datum.w - datum.low) / (datum.high - datum.low)",
        "robust": f"(datum.w - {middle}) / {high - low:.6f}",
    }
    rows = [{"i": i, "v": v, "how": how} for how in scalings for i, v in enumerate([*values, 0.0])]
    groups = ["the others", "twelfth"]
    legend = alt.Legend(orient="bottom")
    chart = (
        alt.Chart(alt.Data(values=rows))
        .transform_calculate(w="datum.i == 11 ? out : datum.v")
        .transform_joinaggregate(
            mean="mean(w)", sd="stdevp(w)", low="min(w)", high="max(w)", groupby=["how"]
        )
        .transform_calculate(
            z=choose("datum.how", scalings), who="datum.i == 11 ? 'twelfth' : 'the others'"
        )
        .mark_point(size=90, filled=True, opacity=0.75, clip=True)
        .encode(
            x=alt.X("z:Q", title="scaled value", scale=alt.Scale(domain=[-3, 8])),
            y=alt.Y("how:N", title="scaling", sort=list(scalings)),
            color=alt.Color("who:N", title=None, scale=series_colors(groups), legend=legend),
            shape=alt.Shape(
                "who:N",
                title=None,
                scale=alt.Scale(domain=groups, range=["circle", "triangle-up"]),
                legend=legend,
            ),
        )
        .add_params(last)
        .properties(width=400, height=150)
    )
    return show(
        chart,
        "Three rows of twelve points, one row for each scaling; a slider moves the twelfth value "
        "away, and in the first two rows the other eleven are squeezed together.",
    )
