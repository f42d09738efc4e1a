"""Figures of the chapter on signals. Read with book/data/signals.md."""

from __future__ import annotations

from typing import Any

import altair as alt
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from groundtruth.arrays import Array
from groundtruth.data.filters import gain
from groundtruth.data.pipeline import prepare
from groundtruth.data.sensors import DT_S, Record
from groundtruth.data.signals import hampel, savgol, savgol_coeffs
from groundtruth.figures.style import (
    BLUE,
    GRAY,
    GREEN,
    ORANGE,
    PURPLE,
    WIDTH_IN,
    figure,
    label,
    rows,
)
from groundtruth.figures.vega import Interactive, menu, show, slider

WINDOWS = (5, 9, 15, 21, 31)


def pipeline(record: Record) -> Figure:
    """The current of a record after each of the seven steps, one under the other."""
    stages = prepare(record)
    grid = np.arange(record.on.size) * DT_S
    fig, axes = rows(7, 9.8)
    names = [
        "1 resampled to one grid",
        "2 validated: repeats removed, drift subtracted",
        "3 outliers replaced",
        "4 short gaps filled",
        "5 smoothed",
        "6 operating regimes",
        "7 split by time, windows",
    ]
    for ax, name, x in zip(
        axes, names, [*stages.values(), stages["smoothed"], stages["smoothed"]], strict=True
    ):
        ax.plot(grid, x, color=BLUE, linewidth=0.8)
        ax.set_title(name, loc="left", fontsize=10)
        ax.set_ylim(-3.5, 7)
    for begin, end in zip(
        np.flatnonzero(np.diff(~record.on * 1) > 0),
        np.flatnonzero(np.diff(~record.on * 1) < 0),
        strict=False,
    ):
        axes[5].axvspan(grid[begin], grid[end], color=GRAY, alpha=0.3)
        axes[5].text(grid[begin] + 2, 5.0, "off", fontsize=9)
    cut = grid[-1] * 0.7
    axes[6].axvline(cut, color=ORANGE, linestyle="--")
    axes[6].text(cut - 3, 4.7, "train", ha="right", fontsize=9)
    axes[6].text(cut + 3, 4.7, "test", fontsize=9)
    for i, start in enumerate(np.arange(0, cut - 20, 20)):
        axes[6].plot([start, start + 19], [-2 - (i % 2)] * 2, color=GREEN, linewidth=2)
    for ax in axes:
        label(ax, "time in s", "A")
        ax.xaxis.label.set_visible(ax is axes[-1])  # shared: said once, at the foot
    return fig


STYLES = {"moving average": "--", "EMA": ":", "order 1": "-.", "order 2": "-"}
COLORS = {"moving average": GRAY, "EMA": PURPLE, "order 1": GREEN, "order 2": BLUE}


def responses(window: int, order: int) -> Figure:
    """Gain by frequency and step response of a moving average, a centered and a causal
    Savitzky-Golay filter.
    """
    fig, (top, foot) = plt.subplots(2, 1, figsize=(WIDTH_IN, 5.5), layout="constrained")
    half = window // 2
    cycles = np.linspace(0, 0.25, 400)
    k = np.arange(-half - 5, window + 15)
    step = (np.arange(k[0] - window, k[-1] + window + 1) >= 0).astype(float)
    filters = {
        "moving average, centered": (np.full(window, 1 / window), half, "--", GRAY),
        "Savitzky-Golay, centered": (savgol_coeffs(window, order), half, "-", BLUE),
        "Savitzky-Golay, causal": (
            savgol_coeffs(window, order, pos=window - 1),
            window - 1,
            "-.",
            ORANGE,
        ),
    }
    for name, (weights, at, style, color) in filters.items():
        top.plot(cycles, gain(weights, cycles), style, color=color, label=name)
        smooth = np.correlate(step, weights, "valid")
        first = k[0] - window + at  # the sample at which the first full window is read
        foot.plot(
            np.arange(smooth.size) + first, smooth, style, color=color, drawstyle="steps-post"
        )
    top.axhline(1.0, color=GRAY, linewidth=0.8, linestyle=":")
    foot.axhline(1.0, color=GRAY, linewidth=0.8, linestyle=":")
    foot.axvline(0, color=GRAY, linewidth=0.8, linestyle=":")
    foot.set_xlim(k[0], k[-1])
    fig.legend(loc="outside upper left", fontsize=9.5)
    label(top, "frequency in cycles per sample", "gain")
    label(foot, "samples after a step from 0 to 1", "filtered step")
    return fig


def precision_recall(panels: dict[str, dict[str, tuple[Array, Array]]]) -> Figure:
    """Precision against recall of each outlier test, one panel per signal, one under the other."""
    fig, axes = plt.subplots(
        len(panels), 1, figsize=(WIDTH_IN, 2.5 * len(panels) + 0.6), layout="constrained"
    )
    dashes = (0, (5, 1))
    looks = (("--", GRAY), (":", PURPLE), ("-", BLUE), (dashes, GREEN), ("-.", ORANGE))
    for ax, (title, curves) in zip(axes, panels.items(), strict=True):
        for (name, (recall, precision)), (style, color) in zip(curves.items(), looks, strict=True):
            ax.plot(recall, precision, linestyle=style, color=color, label=name)
        ax.set_ylim(0, 1.05)
        ax.set_xlim(0, 1.02)
        label(ax, "recall", "precision", title)
    handles, names = axes[0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=2)
    return fig


def tradeoff(curves: dict[str, tuple[Array, Array]], unfiltered: float) -> Figure:
    """Error of causal filters against the fraction of the noise variance that they pass."""
    fig, ax = figure(3.1)
    for name, (passed, error) in curves.items():
        ax.plot(passed, error, STYLES[name], color=COLORS[name], label=name)
    ax.plot([1], [unfiltered], "o", color=ORANGE, label="unfiltered")
    ax.set_ylim(0.08, 0.3)
    ax.legend(loc="upper center", fontsize=9.5)
    label(ax, "noise gain", "root mean squared error")
    return fig


def regimes(report: pd.DataFrame, unit: str) -> Figure:
    """RMSE per regime as bars named with their sample counts, and the overall RMSE as a line."""
    fig, ax = figure(2.6)
    part = report.drop(index="all")
    names = [
        f"{name}\n{count} samples" for name, count in zip(part.index, part["count"], strict=True)
    ]
    ax.bar(names, part["rmse"], color=BLUE, width=0.6)
    ax.axhline(report.loc["all", "rmse"], color=ORANGE, linestyle="--", label="all samples")
    ax.legend(loc="upper center")
    ax.set_ylim(0, part["rmse"].max() * 1.15)
    label(ax, "regime", f"RMSE in {unit}")
    return fig


def _example(n: int = 80) -> np.ndarray:
    i = np.arange(n)
    return (
        np.sin(2 * np.pi * i / 45)
        + np.where(i > 55, 1.0, 0.0)
        + np.random.default_rng(4).normal(0, 0.2, n)
    )


def smoother() -> Interactive:
    """A noisy wave with a step, smoothed by a Savitzky-Golay filter that the reader sets."""
    noisy = _example()
    data: list[dict[str, Any]] = [{"i": i, "x": round(float(v), 2)} for i, v in enumerate(noisy)]
    gains = {}
    for w in WINDOWS:
        for order in (0, 2, 4):
            for causal in (False, True):
                key = f"{w}{order}{'c' if causal else 'm'}"  # short: every row has it
                gains[key] = (
                    f"{(savgol_coeffs(w, order, pos=w - 1 if causal else None) ** 2).sum():.2f}"
                )
                for row, v in zip(data, savgol(noisy, w, order, causal=causal), strict=True):
                    if np.isfinite(v):
                        row[key] = round(float(v), 2)
    window = menu("win", "window ", list(WINDOWS), 21)
    degree = menu("ord", "order ", [0, 2, 4], 2)
    way = menu("way", "position ", ["centered", "causal"])
    key = "(win + '' + ord + (way == 'causal' ? 'c' : 'm'))"
    base = alt.Chart()
    y = alt.Y("x:Q", title="signal", scale=alt.Scale(domain=[-2.2, 2.6]))
    dots = base.mark_point(size=18, color=GRAY, filled=True).encode(
        x=alt.X("i:Q", title="sample"), y=y
    )
    curve = (
        base.transform_calculate(s=f"datum[{key}]")
        .transform_filter("isValid(datum.s)")
        .mark_line(color=BLUE, strokeWidth=2.5)
        .encode(x="i:Q", y=alt.Y("s:Q", scale=alt.Scale(domain=[-2.2, 2.6]), title="signal"))
    )
    text = f"'noise gain ' + datum[{key}]"
    note = (
        alt.Chart(alt.Data(values=[gains]))
        .transform_calculate(t=text)
        .mark_text(align="left", fontSize=14)
        .encode(x=alt.value(6), y=alt.value(12), text="t:N")
    )
    return show(
        alt.layer(dots, curve, note, data=alt.Data(values=data))
        .add_params(window, degree, way)
        .properties(width=400, height=210),
        "Eighty noisy samples of a wave with a step, and a smoothed curve; three menus choose the "
        "window, the order and whether the filter may see the future; the noise gain is "
        "written above.",
    )


def flagger() -> Interactive:
    """Eighty samples with six planted spikes, flagged by a Hampel test that the reader sets."""
    spiked = np.sin(2 * np.pi * np.arange(80) / 80) + np.random.default_rng(5).normal(0, 0.12, 80)
    spiked[[8, 21, 22, 40, 63, 72]] += [1.5, -1.2, -1.4, 1.0, -1.6, 0.6]
    data: list[dict[str, Any]] = [{"i": i, "x": round(float(v), 2)} for i, v in enumerate(spiked)]
    steps = np.arange(0.25, 12.01, 0.25)
    for w in WINDOWS:
        last = np.sum(
            [hampel(spiked, w, k)[0] for k in steps], axis=0
        )  # how many thresholds flag the sample
        for row, count in zip(data, last, strict=True):
            row[f"w{w}"] = round(0.25 * int(count), 2)
    window = menu("win", "window ", list(WINDOWS), 9)
    k = slider("k", "threshold k ", 3, 0.5, 8, 0.25)
    chart = (
        alt.Chart(alt.Data(values=data))
        .transform_calculate(who="datum['w' + win] >= k ? 'flagged' : 'not flagged'")
        .mark_point(size=60, filled=True)
        .encode(
            x=alt.X("i:Q", title="sample"),
            y=alt.Y("x:Q", title="signal"),
            color=alt.Color(
                "who:N",
                title=None,
                scale=alt.Scale(domain=["not flagged", "flagged"], range=[BLUE, ORANGE]),
                legend=alt.Legend(orient="bottom"),
            ),
            shape=alt.Shape(
                "who:N",
                title=None,
                scale=alt.Scale(domain=["not flagged", "flagged"], range=["circle", "triangle-up"]),
                legend=alt.Legend(orient="bottom"),
            ),
        )
        .add_params(window, k)
        .properties(width=400, height=210)
    )
    return show(
        chart,
        "Eighty samples with six spikes; a menu sets the window, a slider the threshold in robust "
        "deviations, and flagged samples turn into orange triangles.",
    )


def aliases(true_hz: float, rate_hz: float) -> Figure:
    """A fast wave, its samples, and the slow wave that fits the same samples."""
    fig, ax = figure(2.4)
    t = np.linspace(0, 1, 800)
    s = np.arange(0, 1.001, 1 / rate_hz)
    ax.plot(t, np.sin(2 * np.pi * true_hz * t), color=GRAY, linewidth=1.0, label=f"{true_hz:g} Hz")
    ax.plot(
        t,
        np.sin(2 * np.pi * (true_hz - rate_hz) * t),
        "--",
        color=PURPLE,
        label=f"{abs(true_hz - rate_hz):g} Hz, mirrored",
    )
    ax.plot(s, np.sin(2 * np.pi * true_hz * s), "o", color=ORANGE, label="samples")
    fig.legend(loc="outside upper center", ncols=3, columnspacing=3.0)
    label(ax, "time in s", "signal")
    return fig
