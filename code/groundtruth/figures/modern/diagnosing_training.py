"""Figures of the chapter on diagnosing training. Read with book/modern/diagnosing-training.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import altair as alt
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from groundtruth.figures.style import BLUE, GRAY, INK, ORANGE, WIDTH_IN, label, use_style
from groundtruth.figures.vega import Interactive, menu, note, show
from groundtruth.modern.training_faults import CAUSES, Curves

UNIFORM = float(np.log(10))


def _panel(ax: Axes, curves: Curves, title: str) -> None:
    """Training and validation loss of one run, with ln 10 as a dotted line."""
    steps = 25 * np.arange(1, len(curves.train) + 1)
    ax.axhline(UNIFORM, color=GRAY, linestyle=":", linewidth=1)
    ax.plot(steps, np.minimum(curves.train, 5), color=BLUE, linewidth=1.6)
    ax.plot(steps, np.minimum(curves.val, 5), color=ORANGE, linestyle="--", linewidth=1.6)
    if not np.isfinite(curves.train[-1]):
        ax.text(200, 1.0, "NaN", ha="center", color=INK, fontsize=9)
    ax.set_ylim(-0.1, 3.9)
    ax.set_xlim(0, steps[-1])
    ax.set_xticks([0, 200, 400])
    ax.set_yticks([0, 2])
    ax.tick_params(labelsize=8)
    ax.set_title(fill(title, 14), fontsize=8.2, pad=3)


def gallery(runs: Mapping[str, Curves], columns: int = 4) -> Figure:
    """One small panel with both losses for each run, under its name."""
    use_style()
    rows = -(-len(runs) // columns)
    fig, axes = plt.subplots(
        rows,
        columns,
        figsize=(WIDTH_IN, 1.32 * rows + 0.5),
        layout="constrained",
        sharex=True,
        sharey=True,
    )
    for ax, (name, curves) in zip(axes.ravel(), runs.items(), strict=True):
        _panel(ax, curves, name)
    for ax in axes.ravel():
        label(ax, "step", "loss", ax.get_title())
        ax.title.set_fontsize(8.2)
        ax.xaxis.label.set_fontsize(8.5)
        ax.yaxis.label.set_fontsize(8.5)
        ax.label_outer()
    lines = axes.ravel()[0].get_lines()
    fig.legend(
        [lines[1], lines[2], lines[0]],
        ["training", "validation", "ln 10"],
        loc="outside upper center",
        ncols=3,
        fontsize=9,
    )
    return fig


def confusion(planted: Sequence[str], answers: Mapping[str, Sequence[str]]) -> Figure:
    """For each way of diagnosing, how often each cause was answered for each planted one."""
    use_style()
    fig, axes = plt.subplots(
        1, len(answers), figsize=(WIDTH_IN, 4.0), layout="constrained", sharey=True
    )
    place = {cause: i for i, cause in enumerate(CAUSES)}
    for ax, (name, given) in zip(np.atleast_1d(axes), answers.items(), strict=True):
        counts = np.zeros((len(CAUSES), len(CAUSES)))
        for truth, answer in zip(planted, given, strict=True):
            counts[place[truth], place[answer]] += 1
        rows, columns = np.nonzero(counts)
        right = rows == columns
        size = 34 * counts[rows, columns] / counts.sum(1).max()
        ax.scatter(columns[right], rows[right], s=size[right], color=BLUE)
        ax.scatter(columns[~right], rows[~right], s=size[~right], color=ORANGE, marker="s")
        ax.set_xlim(-0.7, len(CAUSES) - 0.3)
        ax.set_ylim(len(CAUSES) - 0.3, -0.7)
        ax.set_xticks(range(0, len(CAUSES), 5), range(1, len(CAUSES) + 1, 5))
        ax.set_yticks(range(len(CAUSES)), [f"{c} {i + 1}" for i, c in enumerate(CAUSES)])
        ax.tick_params(axis="x", labelsize=10)
        ax.tick_params(axis="y", labelsize=11)
        ax.grid(color=GRAY, alpha=0.2, linewidth=0.5)
        ax.set_title(fill(name, 12), fontsize=11)
        ax.set_xlabel("diagnosis", fontsize=11)
    np.atleast_1d(axes)[0].set_ylabel("planted cause", fontsize=11)
    return fig


def verdict(train: float, val: float, start: float) -> str:
    """What the final losses of a run suggest: the rule that the interactive figure displays.

    Examples
    --------
    >>> verdict(0.05, 0.9, 2.2), verdict(2.29, 2.3, 2.3)
    ('overfits: large gap', 'hardly learns: rate or flow')
    """
    if not np.isfinite(train) or train > 1.03 * UNIFORM:
        return "above ln 10: lower the rate"
    if start - train < 0.25:
        return "hardly learns: rate or flow"
    if val - train > 0.35:
        return "overfits: large gap"
    if train > 0.35:
        return "both high: capacity, rate or noise"
    return "healthy: both low"


def _line(base: alt.Chart, field: str, steps: list[int], color: str, dash: list[int]) -> alt.Chart:
    """One of the two losses of the chosen run, cut off at 4."""
    return (
        base.transform_calculate(step=str(steps))
        .transform_flatten(["step", field])
        .transform_calculate(loss=f"min(datum.{field}, 4)")
        .mark_line(color=color, strokeDash=dash, strokeWidth=2.5)
        .encode(
            x=alt.X("step:Q", title="step", scale=alt.Scale(domain=[0, steps[-1]])),
            y=alt.Y("loss:Q", title="loss (nats)", scale=alt.Scale(domain=[0, 4])),
        )
    )


def explorer(grid: Mapping[str, Any]) -> Interactive:
    """Losses of recorded runs by learning rate, label noise and width, with a diagnosis."""
    rows = [
        {
            "r": run["rate"],
            "n": run["noise"],
            "w": run["width"],
            "t": run["train"],
            "v": run["val"],
            "d": verdict(run["train"][-1], run["val"][-1], run["train"][0]),
        }
        for run in grid["runs"]
    ]
    steps = [25 * (i + 1) for i in range(len(rows[0]["t"]))]
    controls = [  # "width" would be the width of the figure
        menu("eta", "learning rate ", grid["rates"], 0.2),
        menu("rho", "label noise ", grid["noises"], 0.0),
        menu("units", "units per layer ", grid["widths"], 24),
    ]
    base = alt.Chart().transform_filter("datum.r == eta && datum.n == rho && datum.w == units")
    lines = [_line(base, "t", steps, BLUE, [1, 0]), _line(base, "v", steps, ORANGE, [5, 3])]
    ends = base.transform_calculate(train="peek(datum.t)", val="peek(datum.v)")
    notes = [
        note(ends, "{d}", y=-24),
        note(ends, "final losses: training {train:.2f}, validation {val:.2f}"),
    ]
    level = (
        alt.Chart(alt.Data(values=[{"y": round(UNIFORM, 3)}]))
        .mark_rule(color=GRAY, strokeDash=[2, 2])
        .encode(y="y:Q")
    )
    layers = alt.layer(level, *lines, *notes, data=alt.Data(values=rows))  # all layers share them
    chart = layers.add_params(*controls).properties(width=360, height=220)
    return show(
        chart,
        "Training (solid) and validation loss (dashed) of a network on the digits; menus set the"
        " learning rate, the fraction of wrong labels and the number of units, and a line above"
        " names what the two final losses suggest.",
    )
