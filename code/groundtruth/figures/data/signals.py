"""Figures of the chapter on signals. Read with book/data/signals.md."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from groundtruth.data.sensors import DT_S, Record, prepare
from groundtruth.data.signals import hampel, savgol, savgol_coeffs
from groundtruth.figures.style import BLUE, GRAY, GREEN, ORANGE, PURPLE, figure, label, rows
from groundtruth.figures.vega import Interactive, menu, show, slider

WINDOWS = (5, 9, 15, 21, 31)


def pipeline(record: Record) -> Figure:
    """The current of a record after each of the seven steps, one under the other."""
    stages = prepare(record)
    grid = np.arange(record.on.size) * DT_S
    fig, axes = rows(7, 8.6)
    names = [
        "1 one clock",
        "2 validated",
        "3 outliers out",
        "4 short gaps filled",
        "5 smoothed",
        "6 regimes",
        "7 split and windows",
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


def responses(window: int, order: int) -> Figure:
    """Gain of a moving average, a centered and a causal Savitzky-Golay filter by frequency."""
    fig, ax = figure(2.9)
    half = window // 2
    cycles = np.linspace(0, 0.25, 400)
    filters = {
        "moving average": (np.full(window, 1 / window), half, "--", GRAY),
        "Savitzky-Golay": (savgol_coeffs(window, order), half, "-", BLUE),
        "causal": (savgol_coeffs(window, order, pos=window - 1), window - 1, "-.", ORANGE),
    }
    for name, (weights, at, style, color) in filters.items():
        gain = np.abs(np.exp(2j * np.pi * cycles[:, None] * (np.arange(window) - at)) @ weights)
        ax.plot(cycles, gain, style, color=color, label=name)
    ax.axhline(1.0, color=GRAY, linewidth=0.8, linestyle=":")
    ax.legend()
    label(ax, "frequency in cycles per sample", "gain")
    return fig


def regimes(report: pd.DataFrame, unit: str) -> Figure:
    """RMSE per regime as bars named with their number of rows, and the overall RMSE as a line."""
    fig, ax = figure(2.6)
    part = report.drop(index="all")
    names = [f"{name}, {count} rows" for name, count in zip(part.index, part["count"], strict=True)]
    ax.bar(names, part["rmse"], color=BLUE, width=0.6)
    ax.axhline(report.loc["all", "rmse"], color=ORANGE, linestyle="--", label="all rows")
    ax.legend()
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
    way = menu("way", "position ", ["centred", "causal"])
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
    said = f"'share of noise left ' + datum[{key}]"
    note = (
        alt.Chart(alt.Data(values=[gains]))
        .transform_calculate(t=said)
        .mark_text(align="left", fontSize=14)
        .encode(x=alt.value(6), y=alt.value(12), text="t:N")
    )
    return show(
        alt.layer(dots, curve, note, data=alt.Data(values=data))
        .add_params(window, degree, way)
        .properties(width=400, height=210),
        "Eighty noisy samples of a wave with a step, and a smoothed curve; three menus choose the "
        "window, the order and whether the filter may see the future; the share of noise left is "
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
        .transform_calculate(who="datum['w' + win] >= k ? 'flagged' : 'kept'")
        .mark_point(size=60, filled=True)
        .encode(
            x=alt.X("i:Q", title="sample"),
            y=alt.Y("x:Q", title="signal"),
            color=alt.Color(
                "who:N",
                title=None,
                scale=alt.Scale(domain=["kept", "flagged"], range=[BLUE, ORANGE]),
                legend=alt.Legend(orient="bottom"),
            ),
            shape=alt.Shape(
                "who:N",
                title=None,
                scale=alt.Scale(domain=["kept", "flagged"], range=["circle", "triangle-up"]),
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
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.3), ncols=3, fontsize=9, columnspacing=1.0)
    label(ax, "time in s", "signal")
    return fig
