"""Figures of the chapter on architectures. Read with book/networks/architectures.md."""

from __future__ import annotations

import altair as alt
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.figures.style import (
    BLUE,
    CYCLE,
    GRAY,
    GREEN,
    ORANGE,
    PURPLE,
    WIDTH_IN,
    figure,
    label,
    use_style,
)
from groundtruth.figures.vega import Interactive, menu, show, slider
from groundtruth.networks.architectures import RULES


def matrices(tables: dict[str, np.ndarray]) -> Figure:
    """Up to six matrices (n, n), each with a name."""
    use_style()
    fig, grid = plt.subplots(2, 3, figsize=(WIDTH_IN, 3.7), layout="constrained")
    for ax, (name, A) in zip(grid.ravel(), tables.items(), strict=True):
        top = np.abs(A).max()
        ax.pcolormesh(A, cmap="PuOr", vmin=-top, vmax=top, edgecolors="face", linewidth=0.2)
        ax.set_ylim(len(A), 0)
        ax.set_aspect("equal")
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_title(name, fontsize=11)
        for side in ("top", "right"):
            ax.spines[side].set_visible(True)
    return fig


def samples(sizes: list[int], curves: dict[str, list[float]]) -> Figure:
    """Accuracy by number of training examples; curves maps names to one value a size."""
    fig, ax = figure(3.0)
    for (name, v), color, style, mark in zip(
        curves.items(), CYCLE, ("-", "--", "-.", ":"), "osv^", strict=False
    ):
        ax.plot(sizes, v, style, color=color, marker=mark, label=name)
    ax.set_xscale("log")
    ax.set_xticks(sizes, [f"{s:,}" for s in sizes])
    ax.minorticks_off()
    ax.set_ylim(0.45, 1.0)
    ax.legend(fontsize=10, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    label(ax, "training examples", "accuracy")
    return fig


def family() -> Figure:
    """Landmarks of five families along the years."""
    lines = {
        "graphs": [(2009, "GNN"), (2017, "GCN")],
        "attention": [(2014, "alignment"), (2017, "transformer"), (2020, "ViT")],
        "state space": [(2021, "S4"), (2023, "Mamba")],
        "recurrence": [(1990, "Elman"), (1997, "LSTM"), (2014, "GRU")],
        "convolution": [
            (1980, "Neocognitron"),
            (1998, "LeNet"),
            (2012, "AlexNet"),
            (2015, "ResNet"),
        ],
    }
    fig, ax = figure(3.9)
    for row, ((_, marks), color) in enumerate(
        zip(lines.items(), (GRAY, ORANGE, PURPLE, GREEN, BLUE), strict=True)
    ):
        ax.plot([marks[0][0], 2026], [row, row], color=color, linewidth=2)
        for i, (year, what) in enumerate(marks):
            ax.plot(year, row, "o", color=color, markersize=7)
            ax.text(
                year + (2.5 if what in ("ViT", "ResNet") else 0),
                row + (0.17 if i % 2 == 0 else -0.17),
                what,
                ha="center",
                va="bottom" if i % 2 == 0 else "top",
                fontsize=9.5,
            )
    ax.set_yticks(range(len(lines)), list(lines))
    ax.set_xticks([1980, 2000, 2020])
    ax.set_xlim(1974, 2030)
    ax.set_ylim(-0.6, 4.7)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    label(ax, "year of publication", "family")
    return fig


def explorer(tables: dict[str, np.ndarray]) -> Interactive:
    """The pattern of each rule's matrix and its costs by length; tables maps the names of `RULES` to matrices (16, 16)."""
    rows = [
        {
            "r": name,
            "v": (np.abs(tables[name]) / np.abs(tables[name]).max()).round(2).ravel().tolist(),
        }
        for name in RULES
    ]
    rule, length = (
        menu("rr", "rule ", list(RULES), "convolution"),
        slider("nn", "places, as a power of two ", 7, 4, 14, 1),
    )
    axis = alt.Axis(labels=False, ticks=False, domain=False)
    cells = (
        alt.Chart(alt.Data(values=rows))
        .transform_filter("datum.r == rr")
        .transform_flatten(["v"])
        .transform_window(n="row_number()")
        .transform_calculate(i="floor((datum.n - 1) / 16)", j="(datum.n - 1) % 16")
        .mark_rect()
        .encode(
            x=alt.X("j:O", title="place in", axis=axis),
            y=alt.Y("i:O", title="place out", axis=axis),
            color=alt.Color("v:Q", legend=None, scale=alt.Scale(scheme="purples", domain=[0, 1])),
        )
    ).properties(width=150, height=150)
    n, d = "pow(2, nn)", "64"
    formulas = {
        "weights": {
            "dense": f"{n}*{n}*{d}*{d}",
            "convolution": f"3*{d}*{d}",
            "recurrence": f"2*{d}*{d}",
            "state space": f"48*{d} + {d}*{d}",
            "attention": f"4*{d}*{d}",
            "graph": f"{d}*{d}",
        },
        "multiply-adds": {
            "dense": f"{n}*{n}*{d}*{d}",
            "convolution": f"{n}*3*{d}*{d}",
            "recurrence": f"2*{n}*{d}*{d}",
            "state space": f"48*{n}*{d} + {n}*{d}*{d}",
            "attention": f"4*{n}*{d}*{d} + 2*{n}*{n}*{d}",
            "graph": f"2*{n}*{d} + {n}*{d}*{d}",
        },
        "path": {
            "dense": "1",
            "convolution": f"{n} - 1",
            "recurrence": f"{n} - 1",
            "state space": "nn",
            "attention": "1",
            "graph": f"{n} - 1",
        },
        "steps in a row": {
            "dense": "1",
            "convolution": "1",
            "recurrence": n,
            "state space": "nn",
            "attention": "1",
            "graph": "1",
        },
    }
    chain = "0"
    for what, by_rule in formulas.items():
        for name, formula in by_rule.items():
            chain = f"datum.what == '{what}' && rr == '{name}' ? ({formula}) : ({chain})"
    bars = (
        alt.Chart(alt.Data(values=[{"what": what} for what in formulas]))
        .transform_calculate(value=chain)
        .transform_calculate(log="log(datum.value) / log(10)", text="format(datum.value, '.2s')")
    )
    y = alt.Y("what:N", title=None, sort=list(formulas))
    drawn = bars.mark_bar(color=BLUE).encode(
        x=alt.X("log:Q", title="log10, 64 channels", scale=alt.Scale(domain=[0, 13])), y=y
    )
    text = bars.mark_text(align="left", dx=4, fontSize=12).encode(x="log:Q", y=y, text="text:N")
    chart = alt.hconcat(cells, alt.layer(drawn, text).properties(width=150, height=150)).add_params(
        rule, length
    )
    return show(
        chart,
        "The pattern of which place mixes into which, for the chosen rule, and bars for its weights, multiply-adds, the path between far places and the steps that must follow one another; a slider sets the number of places.",
    )
