"""Figures of the chapter on losses. Read with book/learning/losses.md."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.figures.style import BLUE, GRAY, GREEN, ORANGE, PURPLE, figure, label
from groundtruth.figures.vega import (
    Interactive,
    note,
    one_row,
    series_colors,
    show,
    sigmoid,
    slider,
)

DELTA = 3  # of the Huber loss whose minimizer lies between mean and median


def by_residual() -> Figure:
    """Losses of a number over the error of the prediction."""
    fig, ax = figure(2.9)
    e = np.linspace(-3, 3, 301)
    rows = {
        "squared": (e**2, "-", BLUE),
        "absolute": (np.abs(e), "--", ORANGE),
        "Huber, delta 1": (np.where(abs(e) <= 1, e**2 / 2, abs(e) - 0.5), "-.", GREEN),
        "pinball, q = 0.9": (np.maximum(-0.9 * e, 0.1 * e), ":", PURPLE),
    }
    for name, (loss, style, color) in rows.items():
        ax.plot(e, loss, style, color=color, label=name)
    ax.set_ylim(0, 4.5)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    label(ax, "prediction minus target", "loss")
    return fig


def by_margin() -> Figure:
    """Losses of a yes or no over the margin, the score times the sign of the label."""
    fig, ax = figure(3.3)
    m = np.linspace(-2, 3, 301)
    rows = {
        "wrong or right": ((m < 0) * 1.0, "-", GRAY),
        "logistic / ln 2": (np.log1p(np.exp(-m)) / np.log(2), "-", BLUE),
        "hinge": (np.maximum(0, 1 - m), "--", ORANGE),
        "exponential": (np.exp(-m), "-.", GREEN),
        "squared": ((1 - m) ** 2, ":", PURPLE),
    }
    for name, (loss, style, color) in rows.items():
        shown = loss <= 4
        ax.plot(m[shown], loss[shown], style, color=color, label=name)
    ax.set_ylim(0, 4)
    ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=2, columnspacing=2.4)
    label(ax, "margin: score times sign of the label", "loss")
    return fig


def best_constant() -> Interactive:
    """Five values, the last movable, and the constants that minimize three losses on them."""
    fixed = [1.0, 2.0, 3.0, 4.0]
    names = ["squared: mean", f"Huber, delta {DELTA}", "absolute: median"]
    data = []
    for last in np.arange(5.0, 30.5, 1.0):
        values = np.array([*fixed, last])
        grid = np.linspace(0, 30, 3001)[:, None]
        e = np.abs(values - grid)
        best = grid[np.where(e <= DELTA, e**2 / 2, DELTA * (e - DELTA / 2)).sum(1).argmin(), 0]
        minimizers = (float(values.mean()), float(best), float(np.median(values)))
        rounded = {name: round(value, 2) for name, value in zip(names, minimizers, strict=True)}
        data.append({"last": last, **rounded})
    last = slider("far", "fifth value ", 20, 5, 30, 1)
    rules = (
        alt.Chart(alt.Data(values=data))
        .transform_filter("datum.last == far")
        .transform_fold([*names], as_=["loss", "v"])
    )
    marks = rules.mark_point(size=140, filled=True).encode(
        x=alt.X("v:Q", title="value", scale=alt.Scale(domain=[0, 31])),
        y=alt.Y("loss:N", title=None),
        color=alt.Color(
            "loss:N",
            legend=None,
            scale=series_colors(names, [BLUE, GREEN, ORANGE]),
        ),
    )
    text = rules.mark_text(dx=12, align="left", fontSize=13).encode(
        x="v:Q", y="loss:N", text=alt.Text("v:Q", format=".2f")
    )
    points = (
        alt.Chart(alt.Data(values=[{"v": v, "w": 0} for v in fixed] + [{"v": 0, "w": 1}]))
        .transform_calculate(x="datum.w ? far : datum.v", loss="'the five values'")
        .mark_tick(color=GRAY, thickness=3, size=24)
        .encode(x="x:Q", y="loss:N")
    )
    return show(
        alt.layer(points, marks, text).add_params(last).properties(width=360, height=150),
        "Five values as ticks and, above them, the best constant under the squared, the Huber and "
        "the absolute loss; a slider moves the fifth value, and only the mean follows it to the "
        "end.",
    )


def by_score() -> Interactive:
    """One example of class 1 and its score: three losses and the gradient of each at that score."""
    z = slider("z", "score z ", -2, -8, 8, 0.5)
    names: list[Any] = ["cross-entropy", "squared on p", "hinge"]
    losses = {
        "cross-entropy": "max(0, -datum.s) + log(1 + exp(-abs(datum.s)))",
        "squared on p": f"pow(1 - {sigmoid('datum.s')}, 2)",
        "hinge": "max(0, 1 - datum.s)",
    }
    curves = (
        alt.Chart(alt.sequence(-8, 8.01, 0.1, as_="s"))
        .transform_calculate(**losses)
        .transform_fold([*names], as_=["loss", "v"])
        .mark_line(clip=True)
        .encode(
            x=alt.X("s:Q", title="score of an example of class 1"),
            y=alt.Y("v:Q", title="loss", scale=alt.Scale(domain=[0, 8])),
            color=alt.Color(
                "loss:N",
                title=None,
                scale=series_colors(names, [BLUE, GREEN, ORANGE]),
                legend=alt.Legend(orient="bottom"),
            ),
            strokeDash=alt.StrokeDash(
                "loss:N",
                title=None,
                scale=alt.Scale(domain=names),
                legend=alt.Legend(orient="bottom"),
            ),
        )
    )
    chosen = one_row(s="z").mark_rule(color=GRAY, strokeWidth=2).encode(x="s:Q")
    slopes = (
        one_row(p=sigmoid("z"))
        .transform_calculate(entropy="datum.p - 1", hinge="z < 1 ? -1 : 0")
        .transform_calculate(squared="2 * datum.entropy * datum.p * (1 - datum.p)")
    )
    text = note(
        slopes,
        "gradient: cross-entropy {entropy:.3f}, squared on p {squared:.3f}, hinge {hinge:d}",
        size=12.5,
    )
    return show(
        alt.layer(curves, chosen, text).add_params(z).properties(width=400, height=210),
        "Three losses over the score of one example of class 1, a vertical line at the chosen "
        "score, "
        "and the gradient of each loss there; far on the wrong side the squared error on the "
        "probability is flat.",
    )
