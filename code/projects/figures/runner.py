"""Figures of the page on the runner. Read with book/capstones/runner.md."""

from __future__ import annotations

import altair as alt
from groundtruth.figures.style import BLUE, GRAY, GREEN, ORANGE, PURPLE, figure
from groundtruth.figures.vega import Interactive, choose, menu, readout, series_colors, show, slider
from matplotlib.figure import Figure

PARTS = {  # bytes per parameter in fp32, and in bf16 with fp32 master weights
    "weights": (4, 2),
    "gradients": (4, 2),
    "AdamW moments": (8, 8),
    "fp32 copies": (0, 4),
}
# bytes per token, layer and unit of width, without attention's tables: Korthikanti et al. (2023)
# count 34 in half precision; two of them are masks of dropout, which are single bytes in fp32 too
ACTIVATION_BYTES = (66, 34)


def states() -> Figure:
    """The states of a run and what moves it from one to the next."""
    fig, ax = figure(3.6)
    boxes = {
        "new": (0.7, 2.6, GRAY),
        "training": (3.4, 2.6, BLUE),
        "evaluating": (6.2, 4.0, GREEN),
        "saved": (6.2, 1.2, ORANGE),
        "finished": (8.7, 2.6, PURPLE),
    }
    arrows = [
        ("new", "training", "settings", (0, 0.25)),
        ("training", "evaluating", "", (0, 0)),
        ("evaluating", "training", "", (0, 0)),
        ("training", "saved", "", (0, 0)),
        ("saved", "training", "", (0, 0)),
        ("saved", "finished", "last step", (0.85, -0.45)),
    ]
    for a, b, text, (aside, up) in arrows:
        (x1, y1, _), (x2, y2, _) = boxes[a], boxes[b]
        ax.annotate(
            "",
            (x2, y2),
            (x1, y1),
            arrowprops={
                "arrowstyle": "->",
                "color": GRAY,
                "shrinkA": 30,
                "shrinkB": 30,
                "linewidth": 1.4,
                "connectionstyle": "arc3,rad=0.15",
            },
        )
        if text:
            ax.text(
                (x1 + x2) / 2 + aside,
                (y1 + y2) / 2 + up,
                text,
                ha="center",
                va="bottom",
                fontsize=10.5,
            )
    for name, (x, y, color) in boxes.items():
        ax.text(
            x,
            y,
            name,
            ha="center",
            va="center",
            fontsize=12,
            bbox={
                "boxstyle": "round,pad=0.4",
                "facecolor": "white",
                "edgecolor": color,
                "linewidth": 1.8,
            },
        )
    ax.text(5.6, 0.1, "after a kill, Ctrl-C or a power cut: resume from here", ha="center")
    ax.text(1.6, 1.3, "loss or gradient NaN:\nstop, name causes", ha="center", va="top")
    for start, end in (((3.0, 2.2), (2.3, 1.4)), ((6.2, 0.4), (6.2, 0.85))):
        arrow = {"arrowstyle": "->", "color": GRAY, "linewidth": 1.4, "linestyle": "--"}
        ax.annotate("", end, start, arrowprops=arrow)
    ax.set_xlim(-0.2, 9.6)
    ax.set_ylim(0, 4.7)
    ax.axis("off")
    return fig


def memory() -> Interactive:
    """Gigabytes of a training run by what they hold."""
    controls = [
        slider("pn", "log10 of parameters ", 8, 6, 11, 0.1),
        slider("pb", "tokens at a time, thousands ", 16, 1, 128, 1),
        slider("pl", "layers ", 12, 2, 96, 1),
        menu("pp", "precision ", ["fp32", "bf16 weights, fp32 copies"]),
    ]
    rows = [
        {"part": part, "fp32": full, "bf16": half, "by": "parameter"}
        for part, (full, half) in PARTS.items()
    ]
    full, half = ACTIVATION_BYTES
    rows.append({"part": "activations", "fp32": full, "bf16": half, "by": "activation"})
    counts = {
        "parameter": "pow(10, pn)",
        "activation": "pb * 1000 * pl * datum.width",
    }
    base = (
        alt.Chart(alt.Data(values=rows))
        .transform_calculate(width="sqrt(pow(10, pn) / (12 * pl))")
        .transform_calculate(
            bytes="pp == 'fp32' ? datum.fp32 : datum.bf16", count=choose("datum.by", counts)
        )
        .transform_calculate(g="datum.bytes * datum.count / 1e9")
    )
    order = [str(row["part"]) for row in rows]
    y = alt.Y("part:N", sort=order, title=None)
    bars = base.mark_bar().encode(
        y=y,
        x=alt.X("g:Q", title="gigabytes"),
        color=alt.Color("part:N", sort=order, legend=None, scale=series_colors(order)),
    )
    text = base.mark_text(align="left", dx=4, fontSize=12).encode(
        y=y, x="g:Q", text=alt.Text("g:Q", format=".3~r")
    )
    total = (
        base.transform_aggregate(t="sum(g)")
        .transform_calculate(s=readout("together {t:.3~r} GB"))
        .mark_text(align="right", fontSize=13)
        .encode(x=alt.value(240), y=alt.value(-8), text="s:N")
    )
    return show(
        alt.layer(bars, text, total).properties(width=250, height=150).add_params(*controls),
        "Five bars for the memory of a training run, weights, gradients, the optimizer's moments, "
        "master weights and activations; sliders set the number of parameters, the tokens at a "
        "time "
        "and the layers, a menu the precision, and the sum is written above.",
    )
