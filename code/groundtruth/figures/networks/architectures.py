"""Figures of the chapter on architectures. Read with book/networks/architectures.md."""

from __future__ import annotations

from typing import Any

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
from groundtruth.networks.architectures import RULES, cost

QUANTITIES = {"weights": 0, "multiply-adds": 1, "path": 2, "steps in a row": 3}  # fields of Cost


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


def _costs(channels: int) -> list[dict[str, Any]]:
    """What each rule costs at each length, computed by the library: a list by the power of two."""
    powers = range(4, 15)
    return [
        {
            "rule": rule,
            "what": what,
            "cost": [cost(rule, 2**power, channels)[field] for power in powers],
        }
        for rule in RULES
        for what, field in QUANTITIES.items()
    ]


def explorer(tables: dict[str, np.ndarray]) -> Interactive:
    """The pattern of each rule's matrix and its costs by length.

    Parameters
    ----------
    tables : dict
        A matrix (16, 16) for each of the names in `RULES`.
    """
    patterns = []
    for name in RULES:
        sizes = np.abs(tables[name])
        patterns.append({"r": name, "v": (sizes / sizes.max()).round(2).ravel().tolist()})
    rule = menu("rr", "rule ", list(RULES), "convolution")
    length = slider("nn", "positions, as a power of two ", 7, 4, 14, 1)
    axis = alt.Axis(labels=False, ticks=False, domain=False)
    cells = (
        alt.Chart(alt.Data(values=patterns))
        .transform_filter("datum.r == rr")
        .transform_flatten(["v"])
        .transform_window(n="row_number()")
        .transform_calculate(i="floor((datum.n - 1) / 16)", j="(datum.n - 1) % 16")
        .mark_rect()
        .encode(
            x=alt.X("j:O", title="position in", axis=axis),
            y=alt.Y("i:O", title="position out", axis=axis),
            color=alt.Color("v:Q", legend=None, scale=alt.Scale(scheme="purples", domain=[0, 1])),
        )
        .properties(width=150, height=150)
    )
    costs = (
        alt.Chart(alt.Data(values=_costs(64)))
        .transform_filter("datum.rule == rr")
        .transform_calculate(value="datum.cost[nn - 4]")
        .transform_calculate(log="log(datum.value) / log(10)", text="format(datum.value, '.2s')")
    )
    y = alt.Y("what:N", title=None, sort=list(QUANTITIES))
    bars = costs.mark_bar(color=BLUE).encode(
        x=alt.X("log:Q", title="log10, 64 channels", scale=alt.Scale(domain=[0, 13])), y=y
    )
    text = costs.mark_text(align="left", dx=4, fontSize=12).encode(x="log:Q", y=y, text="text:N")
    return show(
        alt.hconcat(cells, alt.layer(bars, text).properties(width=150, height=150)).add_params(
            rule, length
        ),
        "The pattern of which position mixes into which, for the chosen rule, and bars for its "
        "weights, multiply-adds, the path between far positions and the steps that must follow one "
        "another; a slider sets the number of positions.",
    )
