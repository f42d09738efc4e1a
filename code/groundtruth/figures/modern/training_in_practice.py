"""Figures of the chapter on training in practice. Read with book/modern/training-in-practice.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from groundtruth.figures.style import BLUE, GRAY, GREEN, INK, ORANGE, PURPLE, figure, label
from groundtruth.figures.vega import Interactive, choose, menu, note, one_row, show, slider
from groundtruth.modern.memory_ledger import SAVING, STAGES, Shape
from groundtruth.modern.scaling_laws import Law

MODELS = {
    "1.2 B (24 x 2,048)": Shape(24, 2048, 16),
    "6.4 B (32 x 4,096)": Shape(32, 4096, 32),
    "64 B (80 x 8,192)": Shape(80, 8192, 64),
}
ROOM = 80  # GB of one device
LOWEST = 1  # GB shown
HIGHEST = 10_000


def memory_explorer() -> Interactive:
    """Gigabytes per device against the number of devices, by ZeRO stage, length and saving."""
    controls = [
        menu("model", "model ", list(MODELS), list(MODELS)[1]),
        menu("stage", "ZeRO stage ", list(STAGES), 1),
        menu("saving", "saved activations ", list(SAVING), "all"),
        slider("lt", "log2 of the sequence length ", 12, 9, 16, 1),
    ]
    layers, width, heads = (
        choose("model", {name: str(getattr(shape, field)) for name, shape in MODELS.items()})
        for field in ("layers", "width", "heads")
    )
    inside = "datum.T * (16 * datum.C + 4)"
    numbers = choose(
        "saving",
        {
            "all": f"datum.L * ({inside} + datum.H * datum.T * datum.T)",
            "fused": f"datum.L * ({inside} + datum.H * datum.T)",
            "blocks": f"datum.L * datum.T * datum.C + {inside} + datum.H * datum.T",
        },
    )
    base = (
        one_row(k="sequence(0, 11)", T="pow(2, lt)", L=layers, C=width, H=heads)
        .transform_flatten(["k"])
        .transform_calculate(p="pow(2, datum.k)", act=f"2 * {numbers} / 1e9")
        .transform_calculate(
            states="12 * datum.L * datum.C * datum.C / 1e9 * (12 / (stage > 0 ? datum.p : 1)"
            " + 2 / (stage > 1 ? datum.p : 1) + 2 / (stage > 2 ? datum.p : 1))"
        )
        .transform_calculate(total="datum.states + datum.act")
    )
    lines = [
        _gigabytes(base, "states", BLUE, [6, 3]),
        _gigabytes(base, "act", ORANGE, [2, 2]),
        _gigabytes(base, "total", INK, [1, 0]),
    ]
    limit = one_row(room=str(ROOM)).mark_rule(color=GRAY, strokeWidth=1.5).encode(y="room:Q")
    summary = base.transform_calculate(fits=f"datum.total <= {ROOM} ? datum.p : 1e9")
    summary = summary.transform_aggregate(
        least="min(fits)", most="max(total)", end="min(total)", act="min(act)"
    ).transform_calculate(
        verdict=f"datum.least < 1e9 ? 'fits {ROOM} GB from ' + datum.least + ' devices on'"
        f" : 'does not fit {ROOM} GB'"
    )
    chart = alt.layer(
        *lines,
        limit,
        note(summary, "{verdict}", y=-24),
        note(summary, "activations {act:.1f}, all {most:.0f} to {end:.1f} GB", y=-8),
    )
    return show(
        chart.add_params(*controls).properties(width=290, height=220),
        "Memory per device against the number of devices: weights, gradients, moments (dashed), "
        "activations (dotted) and their sum (solid), with a line at 80 GB; menus for the model, "
        "the ZeRO stage and the saved activations, and a slider for the sequence length.",
    )


def _gigabytes(base: alt.Chart, field: str, color: str, dash: list[int]) -> alt.Chart:
    return (
        base.transform_calculate(y=f"min(max(datum.{field}, {LOWEST}), {HIGHEST})")
        .mark_line(color=color, strokeDash=dash, strokeWidth=2.5)
        .encode(
            x=alt.X("p:Q", title="devices", scale=alt.Scale(type="log", base=2, domain=[1, 1024])),
            y=alt.Y(
                "y:Q",
                title="GB per device",
                scale=alt.Scale(type="log", domain=[LOWEST, HIGHEST]),
            ),
        )
    )


def widths(grid: Mapping[str, Any]) -> Figure:
    """Final loss against the learning rate, one line for each width, by parametrization."""
    fig, axes = figure(3.2, 2, sharey=True)
    styles = [(GRAY, ":"), (GREEN, "-."), (ORANGE, "--"), (BLUE, "-")]
    rates = 2.0 ** np.array(grid["powers"], float)
    for ax, (kind, table) in zip(axes, grid["losses"].items(), strict=True):
        for width, losses, (color, line) in zip(grid["widths"], table, styles, strict=True):
            shown = np.minimum(losses, 3)
            ax.loglog(rates, shown, color=color, linestyle=line, label=f"{width}")
            best = int(np.argmin(losses))
            ax.plot(rates[best], shown[best], "o", color=color)
        label(ax, "learning rate", "", kind)
        ax.set_ylim(0.03, 3)
    axes[0].set_ylabel("training loss (nats)")
    axes[1].legend(title="width", fontsize=9, title_fontsize=9, loc="lower left")
    return fig


def law(N: ArrayLike, D: ArrayLike, L: ArrayLike, fitted: Law) -> Figure:
    """Losses above the fitted floor against examples, one line for each size of network."""
    fig, ax = figure(3.2)
    sizes = np.asarray(N)
    examples = np.asarray(D)
    losses = np.asarray(L)
    d = np.geomspace(examples.min(), examples.max(), 60)
    colors = [GRAY, PURPLE, GREEN, ORANGE, BLUE, INK, PURPLE]
    markers = "ovsD^Px"
    lines = ["-"] * 6 + ["--"]  # the last has the color of one far above it
    for n, color, marker, line in zip(np.unique(sizes), colors, markers, lines, strict=False):
        own = sizes == n
        ax.loglog(d, fitted(n, d) - fitted.E, line, color=color, linewidth=1.3)
        ax.loglog(
            examples[own],
            losses[own] - fitted.E,
            marker,
            color=color,
            markersize=5,
            label=f"{n / 1000:.1f} k",
        )
    ax.legend(title="parameters", ncols=2, fontsize=9, title_fontsize=9)
    ax.set_xticks([2e4, 5e4, 1e5, 2e5, 4e5], ["20,000", "50,000", "100,000", "200,000", "400,000"])
    ax.set_yticks([0.5, 1, 2], ["0.5", "1", "2"])
    ax.set_xlim(1.45e4, 5.4e5)
    ax.minorticks_off()
    label(ax, "training examples", "loss - E (nats)")
    return fig
