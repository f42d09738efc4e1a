"""Figures of the page on the runner. Read with book/capstones/runner.md."""

from __future__ import annotations

import altair as alt
from groundtruth.figures.style import BLUE, GRAY, GREEN, ORANGE, PURPLE, figure
from groundtruth.figures.vega import Interactive, menu, show, slider
from matplotlib.figure import Figure


def states() -> Figure:
    """The states of a run and what moves it from one to the next."""
    fig, ax = figure(3.3)
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
        ("evaluating", "finished", "last step", (0.75, 0.1)),
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
                "shrinkA": 34,
                "shrinkB": 34,
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
                fontsize=9.5,
            )
    for name, (x, y, color) in boxes.items():
        ax.text(
            x,
            y,
            name,
            ha="center",
            va="center",
            fontsize=11,
            bbox={
                "boxstyle": "round,pad=0.4",
                "facecolor": "white",
                "edgecolor": color,
                "linewidth": 1.8,
            },
        )
    ax.text(6.2, 0.35, "kill, Ctrl-C, power cut: resume from here", ha="center", fontsize=9.5)
    ax.text(3.4, 1.55, "not a number:\nstop, say why", ha="center", va="top", fontsize=9.5)
    ax.set_xlim(-0.2, 9.6)
    ax.set_ylim(0, 4.7)
    ax.axis("off")
    return fig


def memory() -> Interactive:
    """Gigabytes of a training run by what they hold."""
    N, B, C = (
        slider("pn", "parameters, 10 to the ", 8, 6, 11, 0.1),
        slider("pb", "tokens at a time, thousands ", 16, 1, 128, 1),
        slider("pl", "layers ", 12, 2, 96, 1),
    )
    prec = menu("pp", "precision ", ["fp32", "bf16 with fp32 masters"])
    parts = [
        ("weights", 4, 2),
        ("gradients", 4, 2),
        ("AdamW averages", 8, 8),
        ("fp32 master weights", 0, 4),
    ]
    rows = [{"part": name, "a": a, "b": b, "o": i} for i, (name, a, b) in enumerate(parts)] + [
        {"part": "activations", "a": -1, "b": -1, "o": 4}
    ]
    width = "sqrt(pow(10, pn) / (12 * pl))"
    act = f"34 * pl * {width} * pb * 1000 * (pp == 'fp32' ? 2 : 1) / 2e9 * 1.0"
    base = alt.Chart(alt.Data(values=rows)).transform_calculate(
        g=f"datum.o == 4 ? {act} : (pp == 'fp32' ? datum.a : datum.b) * pow(10, pn) / 1e9"
    )
    order = [str(r["part"]) for r in rows]
    bars = base.mark_bar().encode(
        y=alt.Y("part:N", sort=order, title=None),
        x=alt.X("g:Q", title="gigabytes"),
        color=alt.Color(
            "part:N",
            sort=order,
            legend=None,
            scale=alt.Scale(domain=order, range=[BLUE, ORANGE, GREEN, PURPLE, GRAY]),
        ),
    )
    text = base.mark_text(align="left", dx=4, fontSize=12).encode(
        y=alt.Y("part:N", sort=order), x="g:Q", text=alt.Text("g:Q", format=".2f")
    )
    total = (
        base.transform_aggregate(t="sum(g)")
        .transform_calculate(s="'together ' + format(datum.t, '.1f') + ' GB'")
        .mark_text(align="right", fontSize=13)
        .encode(x=alt.value(240), y=alt.value(-8), text="s:N")
    )
    chart = alt.layer(bars, text, total).properties(width=250, height=150).add_params(N, B, C, prec)
    return show(
        chart,
        "Five bars for the memory of a training run, weights, gradients, the optimiser's averages, master weights and activations; sliders set the number of parameters, the tokens at a time and the layers, a menu the precision, and the sum is written above.",
    )
