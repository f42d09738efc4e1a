"""Figures of the page on the gpt project. Read with book/capstones/gpt.md."""

from __future__ import annotations

from itertools import pairwise

import altair as alt
import numpy as np
from groundtruth.figures.style import (
    BLUE,
    CYCLE,
    GRAY,
    GREEN,
    ORANGE,
    PURPLE,
    figure,
    label,
)
from groundtruth.figures.vega import Interactive, show, slider
from matplotlib.figure import Figure

from projects.gpt import Sample


def blocks() -> Figure:
    """From tokens to logits, with the shape after every step; one block opened."""
    fig, ax = figure(4.6)
    steps = [
        (0.4, "tokens\n(B, T)", GRAY),
        (1.5, "embed, add position\n(B, T, C)", BLUE),
        (3.0, "block, L times\n(B, T, C)", PURPLE),
        (4.5, "norm, head\n(B, T, V)", BLUE),
        (5.6, "softmax: next token\n(B, T, V)", ORANGE),
    ]
    for (y1, _, _), (y2, _, _) in pairwise(steps):
        ax.annotate(
            "",
            (1.4, y2),
            (1.4, y1),
            arrowprops={
                "arrowstyle": "->",
                "color": GRAY,
                "shrinkA": 20,
                "shrinkB": 21,
                "linewidth": 1.4,
            },
        )
    for y, text, color in steps:
        ax.text(
            1.4,
            y,
            text,
            ha="center",
            va="center",
            fontsize=12,
            bbox={
                "boxstyle": "round,pad=0.35",
                "facecolor": "white",
                "edgecolor": color,
                "linewidth": 1.6,
            },
        )
    inner = [
        (1.2, "norm", GRAY),
        (2.0, "causal attention", GREEN),
        (3.5, "norm", GRAY),
        (4.3, "MLP per token", ORANGE),
    ]
    ax.annotate(
        "",
        (4.9, 5.85),
        (4.9, 0.3),
        arrowprops={"arrowstyle": "-|>", "color": BLUE, "linewidth": 2.4},
    )
    ax.text(5.1, 0.25, "residual stream\n(B, T, C)", ha="left", va="center", fontsize=11)
    for y_left, y_right in ((2.62, 0.5), (3.38, 5.5)):  # the block of the left is opened
        ax.plot([2.75, 4.65], [y_left, y_right], ":", color=PURPLE, linewidth=1.4)
    for y, text, color in inner:
        ax.text(
            6.9,
            y,
            text,
            ha="center",
            va="center",
            fontsize=12,
            bbox={
                "boxstyle": "round,pad=0.35",
                "facecolor": "white",
                "edgecolor": color,
                "linewidth": 1.6,
            },
        )
    for low, first, second, high in ((0.7, 1.2, 2.0, 2.6), (3.0, 3.5, 4.3, 4.9)):
        ax.annotate(
            "",
            (6.9, first - 0.26),
            (4.9, low),
            arrowprops={
                "arrowstyle": "->",
                "color": GRAY,
                "linewidth": 1.3,
                "connectionstyle": "angle,angleA=0,angleB=90",
            },
        )
        ax.annotate(
            "",
            (6.9, second - 0.26),
            (6.9, first + 0.22),
            arrowprops={"arrowstyle": "->", "color": GRAY, "linewidth": 1.3},
        )
        ax.annotate(
            "",
            (5.05, high),
            (6.9, second + 0.26),
            arrowprops={
                "arrowstyle": "->",
                "color": GRAY,
                "linewidth": 1.3,
                "connectionstyle": "angle,angleA=90,angleB=0",
            },
        )
        ax.text(
            4.9,
            high,
            "+",
            ha="center",
            va="center",
            fontsize=13,
            bbox={
                "boxstyle": "circle,pad=0.12",
                "facecolor": "white",
                "edgecolor": BLUE,
                "linewidth": 1.6,
            },
        )
    ax.text(6.9, 5.5, "one block", ha="center", fontsize=12, color=PURPLE)
    ax.set_xlim(-0.6, 9.1)
    ax.set_ylim(-0.1, 6.1)
    ax.axis("off")
    return fig


def floor(by_position: np.ndarray, best: np.ndarray) -> Figure:
    """Loss of a model and the smallest possible one at each position of a window, and the excess.

    The arrays have the shape (T,).
    """
    import matplotlib.pyplot as plt
    from groundtruth.figures.style import WIDTH_IN, use_style

    use_style()
    fig, (above, below) = plt.subplots(
        2, 1, figsize=(WIDTH_IN, 4.8), height_ratios=(3, 2), sharex=True, layout="constrained"
    )
    seen = np.arange(1, len(best) + 1)
    above.plot(seen, best, "o-", color=ORANGE, markersize=6, label="smallest possible")
    above.plot(seen, by_position, "--", color=BLUE, marker="s", markersize=3.5, label="model")
    above.set_ylim(-0.03, 1.15)
    above.legend()
    label(above, "", "loss, nats")
    below.bar(seen, by_position - best, color=BLUE)
    below.set_ylim(0, 0.12)  # the same ticks on every CPU
    below.set_yticks([0, 0.05, 0.1])
    label(below, "characters seen in the window", "excess, nats")
    return fig


def heads(weights: np.ndarray, text: str) -> Figure:
    """Attention weights (4, T, T) of four heads over a short text."""
    import matplotlib.pyplot as plt
    from groundtruth.figures.style import WIDTH_IN, use_style

    use_style()
    fig, axes = plt.subplots(2, 2, figsize=(WIDTH_IN, 6.4), layout="constrained")
    shown = [c if c != " " else "␣" for c in text]
    for i, (ax, w) in enumerate(zip(axes.flat, weights, strict=True)):
        image = ax.pcolormesh(w, cmap="Purples", vmin=0, vmax=1, edgecolors="face", linewidth=0.2)
        ax.set_ylim(len(w), 0)
        ax.set_aspect("equal")
        ax.set_xticks(np.arange(len(w)) + 0.5, shown, fontsize=9)
        ax.set_yticks(np.arange(len(w)) + 0.5, shown, fontsize=9)
        ax.grid(False)
        label(ax, "key position", "query position", f"head {i + 1}")
    fig.colorbar(image, ax=axes, orientation="horizontal", shrink=0.6, label="attention weight")
    return fig


def curves(runs: list[list[list[float]]], counted: dict[str, float]) -> Figure:
    """Held-out loss of several seeds by step, and that of n-gram models."""
    fig, ax = figure(3.8)
    for i, run in enumerate(runs):
        ax.plot(
            *np.array(run).T,
            color=BLUE,
            linewidth=1.2,
            alpha=0.8,
            label=f"transformer, {len(runs)} seeds" if i == 0 else None,
        )
    for (name, loss), color, style in zip(
        counted.items(), CYCLE[1:], ("--", "-.", ":"), strict=False
    ):
        ax.axhline(loss, color=color, linestyle=style, label=name)
    ax.legend(loc="upper right", bbox_to_anchor=(1, 0.95))
    label(ax, "training step", "held-out loss, nats per character")
    return fig


SHOWN = 24  # tokens with a bar of their own in the sampler; the others share one
VISIBLE = {" ": "␣", "\n": "↵"}


def sampler(names: list[str], logits: np.ndarray) -> Interactive:
    """The distribution of the next token under temperature, top-k and top-p."""
    order = np.argsort(-logits)
    n = len(order)
    labels = [VISIBLE.get(names[i], names[i]) for i in order[:SHOWN]]
    others = f"{n - SHOWN} others"
    rows = [
        {
            "t": labels[r] if r < SHOWN else others,
            "l": round(float(logits[i] - logits.max()), 3),
            "r": r + 1,
        }
        for r, i in enumerate(order)
    ]
    te = slider("te", "temperature ", 1.0, 0.1, 3, 0.1)
    k = slider("tk", "top-k ", n, 1, n, 1)
    p = slider("tp", "top-p ", Sample.top_p, 0.05, 1, 0.05)
    base = (
        alt.Chart(alt.Data(values=rows))
        .transform_calculate(w="datum.r <= tk ? exp(datum.l / te) : 0")
        .transform_joinaggregate(z="sum(w)")
        .transform_calculate(q="datum.w / datum.z")
        .transform_window(c="sum(q)", sort=[alt.SortField("r")])
        .transform_calculate(v="datum.c - datum.q < tp ? datum.q : 0")
        .transform_joinaggregate(y="sum(v)")
        .transform_calculate(
            p="datum.v / datum.y", h="datum.v > 0 ? -datum.v / datum.y * log(datum.v / datum.y) : 0"
        )
    )
    probabilities = base.transform_aggregate(P="sum(p)", groupby=["t"])
    bars = probabilities.mark_bar().encode(
        y=alt.Y("t:N", sort=[*labels, others], title="next character"),
        x=alt.X("P:Q", title="probability", scale=alt.Scale(domain=[0, 1])),
        color=alt.condition(alt.datum.t == others, alt.value(GRAY), alt.value(BLUE)),
    )
    text = (
        base.transform_aggregate(H="sum(h)")
        .transform_calculate(s="'entropy ' + format(datum.H, '.2f') + ' nats'")
        .mark_text(align="right", fontSize=15)
        .encode(x=alt.value(310), y=alt.value(300), text="s:N")
    )
    chart = alt.layer(bars, text).properties(width=320, height=400).add_params(te, k, p)
    return show(
        chart,
        f"The probabilities of the next character as bars, the {SHOWN} likeliest one by one and "
        "the others together; sliders set the temperature, top-k and top-p; the entropy of the "
        "distribution is printed beside the bars.",
    )


def memory(best: np.ndarray) -> Interactive:
    """The smallest possible mean loss against the length of the window."""
    mean = np.cumsum(best) / np.arange(1, len(best) + 1)
    rows = [
        {"T": i + 1, "m": round(float(m), 4), "b": round(float(b), 4)}
        for i, (m, b) in enumerate(zip(mean, best, strict=True))
    ]
    T = slider("ct", "length of the window ", 8, 1, len(best), 1)
    base = alt.Chart(alt.Data(values=rows))
    bars = (
        base.transform_filter("datum.T <= ct")
        .mark_bar(color=ORANGE)
        .encode(
            x=alt.X(
                "T:Q", title="position in the window", scale=alt.Scale(domain=[0, len(best) + 1])
            ),
            y=alt.Y("b:Q", title="smallest possible loss, nats", scale=alt.Scale(domain=[0, 1.1])),
        )
    )
    line = (
        base.transform_filter("datum.T == ct").mark_rule(color=BLUE, strokeWidth=2).encode(y="m:Q")
    )
    text = (
        base.transform_filter("datum.T == ct")
        .transform_calculate(s="'mean ' + format(datum.m, '.3f')")
        .mark_text(align="right", dy=-8, fontSize=15, color=BLUE)
        .encode(x=alt.value(330), y="m:Q", text="s:N")
    )
    chart = alt.layer(bars, line, text).properties(width=340, height=230).add_params(T)
    return show(
        chart,
        "Bars for the smallest possible loss at each position of a window into the repeated "
        "sentence; a slider sets the window's length, and a line shows the mean over it, which "
        "falls as the window grows.",
    )


def scaling(runs: dict[str, list[tuple[float, float]]]) -> Figure:
    """Held-out loss against a run's operations: (operations, loss) of each size, shortest first."""
    fig, ax = figure(3.9)
    styles = (("o", GRAY), ("s", BLUE), ("^", GREEN), ("D", ORANGE), ("v", PURPLE))
    for (name, points), (marker, color) in zip(runs.items(), styles, strict=True):
        ax.plot(
            *np.array(points).T, marker=marker, color=color, linewidth=1.4, markersize=6, label=name
        )
    ax.set_xscale("log")
    ax.legend(title="parameters", fontsize=10, title_fontsize=10)
    label(ax, "operations in training", "held-out loss, nats per character")
    return fig
