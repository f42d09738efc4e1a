"""Figures of the chapter on search. Read with book/learning/hyperparameter-search.md."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from numpy.typing import ArrayLike

from groundtruth.figures.style import BLUE, GRAY, GREEN, ORANGE, PURPLE, figure, label
from groundtruth.figures.vega import Interactive, menu, show, slider
from groundtruth.learning.bayesian import GP, expected_improvement


def projections() -> Figure:
    """Sixteen trials, as a grid and at random, projected on the only parameter that matters."""
    fig, axes = figure(2.7, columns=2, sharey=True)
    side = (np.arange(4) + 0.5) / 4
    spots = {
        "grid": np.array([(a, b) for a in side for b in side]),
        "random": np.random.default_rng(4).random((16, 2)),
    }
    x = np.linspace(0, 1, 300)
    for ax, (name, points) in zip(axes, spots.items(), strict=True):
        ax.plot(x, 1.15 + 0.4 * np.exp(-((x - 0.72) ** 2) / 0.006), color=GREEN)
        ax.plot(*points.T, "o", color=BLUE, markersize=4.5)
        ax.plot(
            points[:, 0], np.full(16, 1.12), "|", color=ORANGE, markersize=10, markeredgewidth=1.6
        )
        ax.set_ylim(-0.05, 1.65)
        label(ax, "parameter that matters", "one that does not", name)
        ax.label_outer()
    return fig


def staircase(table: list[list[tuple[int, int]]]) -> Figure:
    """Trials over budget for each bracket of Hyperband."""
    fig, ax = figure(2.8)
    for i, (bracket, color, mark) in enumerate(
        zip(table, (BLUE, ORANGE, GREEN, PURPLE, GRAY), "osD^v", strict=False)
    ):
        ax.plot(
            [r for _, r in bracket],
            [n for n, _ in bracket],
            "-" + mark,
            color=color,
            markersize=6,
            label=f"bracket {len(table) - 1 - i}",
        )
    ax.set_xscale("log", base=3)
    ax.set_yscale("log", base=3)
    for axis, ticks in ((ax.xaxis, (1, 3, 9, 27, 81)), (ax.yaxis, (1, 3, 9, 27, 81))):
        axis.set_ticks(ticks, [str(t) for t in ticks])
    ax.legend(loc="upper right")
    label(ax, "units of training for each", "trials")
    return fig


def races(curves: dict[str, Any]) -> Figure:
    """Median best loss over the units spent, one line a method."""
    fig, ax = figure(3.0)
    for i, ((name, (cost, loss)), color, style) in enumerate(
        zip(
            curves.items(),
            (GRAY, BLUE, GREEN, PURPLE, ORANGE, BLUE, GREEN),
            ("-", "-", "-", "-", "--", "--", "--"),
            strict=False,
        )
    ):
        every = max(1, len(cost) // 6)  # a mark of its own for each, at places of its own
        ax.plot(
            cost,
            loss,
            style,
            color=color,
            marker="osD^vPX"[i],
            markevery=(i * every // 7, every),
            markersize=5.5,
            label=name,
        )
    ax.set_yscale("log")
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set_yticks([0.2, 0.3, 0.5, 1, 2], ["0.2", "0.3", "0.5", "1", "2"])
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    label(ax, "units of training spent", "median best loss (nats)")
    return fig


def target(x: ArrayLike) -> np.ndarray:
    """The hidden function of the interactive figure, on [0, 1]."""
    return np.sin(9 * np.asarray(x)) * 0.6 + (np.asarray(x) - 0.6) ** 2 * 2


Rows = list[dict[str, Any]]
LENGTHS = [0.08, 0.2, 0.5]


def _searches() -> tuple[Rows, Rows]:
    """For each length and number of trials: the process with its next trial, and the trials."""
    at = np.linspace(0, 1, 41)
    frames: list[dict[str, Any]] = []
    dots: list[dict[str, Any]] = []
    for ell in LENGTHS:
        X = np.array([0.05, 0.95])
        for n in range(2, 10):
            y = target(X)
            mu, sd = GP(ell, scale=0.8, noise=0.02).fit(X[:, None], y).predict(at[:, None])
            gain = expected_improvement(mu, sd, float(y.min()))
            frames.append(
                {
                    "n": n,
                    "l": ell,
                    "m": [round(float(v), 2) for v in mu],
                    "s": [round(float(v), 2) for v in sd],
                    "e": [round(float(v), 3) for v in gain],
                    "next": round(float(at[gain.argmax()]), 3),
                }
            )
            dots += [
                {"n": n, "l": ell, "x": round(float(a), 3), "y": round(float(b), 3)}
                for a, b in zip(X, y, strict=True)
            ]
            X = np.append(X, at[gain.argmax()])
    return frames, dots


def explorer() -> Interactive:
    """A Gaussian process that searches for a minimum trial by trial, for three length scales."""
    steps = slider("stp", "trials so far ", 3, 2, 9, 1)
    length = menu("len", "length ", LENGTHS, 0.2)
    frames, dots = _searches()
    here = alt.Chart().transform_filter("datum.n == stp && datum.l == len")
    spread = (
        here.transform_flatten(["m", "s", "e"])
        .transform_window(k="row_number()")
        .transform_calculate(
            x="(datum.k - 1) / 40",
            low="datum.m - 2 * datum.s",
            high="datum.m + 2 * datum.s",
            gain="datum.e * 4 - 3",
        )
    )
    x = alt.X("x:Q", title="setting", scale=alt.Scale(domain=[0, 1]))
    scale = alt.Scale(domain=[-3, 3])
    band = spread.mark_area(color=BLUE, opacity=0.25, clip=True).encode(
        x=x, y=alt.Y("low:Q", title="loss", scale=scale), y2="high:Q"
    )
    mean = spread.mark_line(color=BLUE, clip=True).encode(x="x:Q", y="m:Q")
    gain = spread.mark_line(color=ORANGE, clip=True).encode(x="x:Q", y="gain:Q")
    marks = (
        alt.Chart(alt.Data(values=dots))
        .transform_filter("datum.n == stp && datum.l == len")
        .mark_point(filled=True, color=GREEN, size=60)
        .encode(x="x:Q", y="y:Q")
    )
    rule = here.mark_rule(color=ORANGE, strokeDash=[4, 3]).encode(x="next:Q")
    note = (
        here.transform_calculate(s="'next trial at ' + format(datum.next, '.2f')")
        .mark_text(align="left", fontSize=13)
        .encode(x=alt.value(4), y=alt.value(-8), text="s:N")
    )
    return show(
        alt.layer(band, mean, gain, marks, rule, note, data=alt.Data(values=frames))
        .add_params(steps, length)
        .properties(width=320, height=240),
        "Loss over a setting: trials as dots, the process's mean with a band of two standard "
        "deviations, and below it the expected improvement, whose peak is the next trial; "
        "controls set the number of trials and the length.",
    )
