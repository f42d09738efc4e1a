"""Figures of the chapter on generalization. Read with book/learning/generalization.md."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.figures.style import BLUE, GRAY, GREEN, ORANGE, figure, label
from groundtruth.figures.vega import Interactive, menu, readout, show, slider
from groundtruth.learning.generalization import polynomial


def degrees(x: Any, y: Any, shown: tuple[int, ...] = (1, 3, 11)) -> Figure:
    """Fits of growing degree to twelve points of a noisy line."""
    fig, axes = figure(2.3, columns=len(shown), sharey=True)
    at = np.linspace(-1, 1, 300)
    for ax, degree in zip(axes, shown, strict=True):
        ax.plot(at, 0.5 * at + 0.3, "--", color=GRAY, linewidth=1.2)
        ax.plot(at, polynomial(degree)(x, y)(at), color=BLUE)
        ax.plot(x, y, "o", color=ORANGE, markersize=4.5)
        ax.set_ylim(-0.5, 1.1)
        label(ax, "input", "target", f"degree {degree}")
        ax.label_outer()
    return fig


def splits() -> Figure:
    """Sixteen examples in time and in four groups: the four folds of three ways to split."""
    from groundtruth.learning import model_selection as ms

    group = np.repeat(range(4), 4)
    ways = {
        "at random": ms.kfold(16, 4, np.random.default_rng(1)),
        "by group": ms.group_kfold(group, 4),
        "by time": ms.time_split(16, 4, gap=1),
    }
    fig, axes = figure(2.6, columns=3, sharey=True)
    for ax, (name, folds) in zip(axes, ways.items(), strict=True):
        for row, (train, test) in enumerate(folds):
            ax.plot(
                train,
                np.full(len(train), row),
                "s",
                color=BLUE,
                markersize=4.5,
                markerfacecolor="none",
            )
            ax.plot(test, np.full(len(test), row), "s", color=ORANGE, markersize=5.5)
        for edge in (3.5, 7.5, 11.5):
            ax.axvline(edge, color=GRAY, linewidth=0.6, linestyle=":")
        ax.set_yticks(range(4), [str(i + 1) for i in range(4)])
        ax.set_ylim(3.6, -0.6)
        label(ax, "example", "fold", name)
        ax.label_outer()
    return fig


def descent_twice(bare: dict[int, float], damped: dict[int, float], n: int) -> Figure:
    """Test error over the number of features, without and with a ridge."""
    fig, ax = figure(2.8)
    ax.plot(list(bare), list(bare.values()), "-o", color=BLUE, markersize=4, label="shortest fit")
    ax.plot(
        list(damped), list(damped.values()), "--s", color=GREEN, markersize=4, label="with a ridge"
    )
    ax.axvline(n, color=GRAY, linestyle=":", linewidth=1)
    ax.annotate(
        "as many features\nas examples",
        (n, 6),
        xytext=(8, 0),
        textcoords="offset points",
        color=GRAY,
    )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.legend(loc="upper left")
    label(ax, "features", "test error (median of seeds)")
    return fig


def curves(sizes: list[int], table: dict[str, tuple[list[float], list[float]]]) -> Figure:
    """Training and validation error over the number of examples, one panel per model."""
    fig, axes = figure(2.4, columns=len(table), sharey=True)
    for ax, (name, (train, val)) in zip(axes, table.items(), strict=True):
        ax.plot(sizes, train, "--o", color=BLUE, markersize=4, label="training")
        ax.plot(sizes, val, "-s", color=ORANGE, markersize=4, label="validation")
        ax.set_xscale("log", base=2)
        ax.set_xticks(sizes[::2], [str(n) for n in sizes[::2]])
        ax.set_ylim(0, 0.6)
        label(ax, "examples", "squared error", name)
        ax.label_outer()
    fig.legend(
        *axes[0].get_legend_handles_labels(), loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2
    )
    return fig


def explorer() -> Interactive:
    """A polynomial fitted to points of a sine wave; degree and noise by slider, errors above."""
    degree = slider("deg", "degree ", 3, 0, 11, 1)
    level = slider("noi", "noise 0.1, 0.3 ", 1, 0, 1, 1)
    rng = np.random.default_rng(3)
    x = np.linspace(-0.95, 0.95, 14)
    at = np.linspace(-1, 1, 41)
    unit = rng.normal(size=14)
    points: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    for i, sigma in enumerate((0.1, 0.3)):
        y = np.sin(np.pi * x) + sigma * unit
        points += [
            {"n": i, "x": round(float(a), 3), "y": round(float(b), 3)}
            for a, b in zip(x, y, strict=True)
        ]
        for d in range(12):
            f = polynomial(d)(x, y)
            train = float(np.mean((f(x) - y) ** 2))
            true = float(np.mean((f(at) - np.sin(np.pi * at)) ** 2)) + sigma**2
            lines.append(
                {
                    "n": i,
                    "d": d,
                    "v": [round(float(v), 2) for v in np.clip(f(at), -2.5, 2.5)],
                    "t": round(train, 3),
                    "e": round(min(true, 99), 3),
                }
            )
    here = alt.Chart(alt.Data(values=lines)).transform_filter("datum.n == noi && datum.d == deg")
    scale = alt.Scale(domain=[-2, 2])
    curve = (
        here.transform_flatten(["v"])
        .transform_window(k="row_number()")
        .transform_calculate(x="-1 + (datum.k - 1) / 20")
        .mark_line(color=BLUE, clip=True)
        .encode(
            x=alt.X("x:Q", title="input", scale=alt.Scale(domain=[-1, 1])),
            y=alt.Y("v:Q", title="target", scale=scale),
        )
    )
    dots = (
        alt.Chart(alt.Data(values=points))
        .transform_filter("datum.n == noi")
        .mark_point(filled=True, color=ORANGE, size=40)
        .encode(x="x:Q", y="y:Q")
    )
    note = (
        here.transform_calculate(s=readout("training error {t:.3f}, error on new data {e:.3f}"))
        .mark_text(align="left", fontSize=13)
        .encode(x=alt.value(4), y=alt.value(-8), text="s:N")
    )
    return show(
        alt.layer(curve, dots, note).add_params(degree, level).properties(width=320, height=230),
        "A polynomial through fourteen noisy points of a wave; sliders set its degree and the "
        "noise, and its training error and its error on new data are written above.",
    )


def leak() -> Interactive:
    """Accuracies of one classifier by the way its data were split, with groups of several sizes."""
    from groundtruth.learning import model_selection as ms

    found: list[dict[str, Any]] = []
    rng = np.random.default_rng(5)
    for per in (1, 2, 5, 10, 20):
        subject = np.repeat(np.arange(200 // per), per)
        X = rng.normal(size=(200 // per, 5))[subject] + 0.1 * rng.normal(size=(200, 5))
        y = rng.integers(0, 2, 200 // per)[subject]

        def score(model: Any, A: Any, t: Any) -> float:
            return float(
                np.mean(model[1][((A[:, None] - model[0][None]) ** 2).sum(-1).argmin(1)] == t)
            )

        for way, folds in (
            ("at random", ms.kfold(200, 5, rng)),
            ("by group", ms.group_kfold(subject, 5)),
        ):
            found.append(
                {
                    "p": per,
                    "w": way,
                    "s": round(
                        float(ms.cross_val(lambda A, t: (A, t), score, X, y, folds).mean()), 3
                    ),
                }
            )
    per_group = menu("per", "rows per subject ", [1, 2, 5, 10, 20], 10)
    bars = (
        alt.Chart(alt.Data(values=found))
        .transform_filter("datum.p == per")
        .mark_bar(size=34)
        .encode(
            x=alt.X("s:Q", title="reported accuracy", scale=alt.Scale(domain=[0, 1])),
            y=alt.Y("w:N", title="split"),
            color=alt.Color("w:N", scale=alt.Scale(range=[BLUE, ORANGE]), legend=None),
        )
    )
    rule = (
        alt.Chart(alt.Data(values=[{"x": 0.5}]))
        .mark_rule(color=GRAY, strokeDash=[4, 3])
        .encode(x="x:Q")
    )
    return show(
        alt.layer(bars, rule).add_params(per_group).properties(width=300, height=110),
        "Accuracy of a nearest-neighbor classifier on labels drawn at random per subject, split "
        "at random and by subject; a menu sets how many rows each subject has, and chance is "
        "marked at one half.",
    )
