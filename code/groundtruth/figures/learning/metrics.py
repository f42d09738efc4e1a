"""Figures of the chapter on metrics. Read with book/learning/metrics.md."""

from __future__ import annotations

import altair as alt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.figures.style import BLUE, GRAY, ORANGE, figure, label
from groundtruth.figures.vega import Interactive, show, slider


def densities(threshold: float, gap: float = 2.0) -> Figure:
    """Score densities of two classes and a threshold that cuts each into right and wrong."""
    fig, ax = figure(2.7)
    x = np.linspace(-3.5, 5.5, 400)
    for center, color, style, name, side in (
        (0.0, BLUE, "-", "negatives", 1),
        (gap, ORANGE, "--", "positives", -1),
    ):
        height = np.exp(-0.5 * (x - center) ** 2) / np.sqrt(2 * np.pi)
        ax.plot(x, height, style, color=color, label=name)
        ax.fill_between(x, height, where=side * (x - threshold) > 0, color=color, alpha=0.3)
    ax.axvline(threshold, color=GRAY)
    ax.text(threshold + 0.08, 0.44, "threshold", fontsize=10.5)
    ax.set_ylim(0, 0.48)
    ax.legend(loc="upper left")
    label(ax, "score", "density")
    return fig


def curves(
    roc: tuple[np.ndarray, np.ndarray], pr: dict[str, tuple[np.ndarray, np.ndarray]]
) -> Figure:
    """A ROC curve, and precision over recall for the same scores at several shares of positives."""
    fig, (left, right) = figure(2.8, columns=2)
    left.plot(*roc, color=BLUE)
    left.plot([0, 1], [0, 1], ":", color=GRAY)
    label(left, "false-positive rate", "true-positive rate", "ROC")
    for (name, (recall, precision)), style, color in zip(
        pr.items(), ("-", "--", "-."), (BLUE, ORANGE, GRAY), strict=True
    ):
        right.plot(recall, precision, style, color=color, label=name)
    right.set_ylim(0, 1.03)
    right.legend(
        fontsize=9, loc="center", bbox_to_anchor=(0.68, 0.66), title="share", title_fontsize=9
    )
    label(right, "recall", "precision", "PR")
    return fig


def reliabilities(parts: dict[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Share of ones over mean probability per bin, against the diagonal."""
    fig, ax = figure(3.1)
    ax.plot([0, 1], [0, 1], ":", color=GRAY, label="perfect")
    for (name, (said, came)), style, color in zip(
        parts.items(), ("-o", "--^"), (ORANGE, BLUE), strict=True
    ):
        ax.plot(said, came, style, color=color, label=name)
    ax.set_aspect("equal")
    ax.legend()
    label(ax, "probability said", "share that came true")
    return fig


def explorer() -> Interactive:
    """Two normal score densities; separation, share of positives, threshold and cost ratio decide every rate."""
    gap, log_share, cut, cost = (
        slider("gap", "separation ", 2, 0, 4, 0.1),
        slider("prev", "percent positive ", 10, 1, 90, 1),
        slider("cut", "threshold ", 1, -3, 6, 0.1),
        slider("cr", "cost of a miss ", 5, 1, 50, 1),
    )
    cdf = "(1 / (1 + exp(-1.702 * ({0}))))"  # the normal distribution function to within 0.01
    tpr, fpr = cdf.format("gap - cut"), cdf.format("-cut")
    grid = alt.sequence(-4, 7.01, 0.1, as_="x")
    x = alt.X("x:Q", title="score", scale=alt.Scale(domain=[-4, 7]))
    bells = (
        alt.Chart(grid)
        .transform_calculate(
            negatives="(1 - prev / 100) * exp(-0.5 * datum.x * datum.x)",
            positives="prev / 100 * exp(-0.5 * (datum.x - gap) * (datum.x - gap))",
        )
        .transform_fold(["negatives", "positives"], as_=["class", "d"])
        .mark_line()
        .encode(
            x=x,
            y=alt.Y("d:Q", title="how many", axis=alt.Axis(labels=False)),
            color=alt.Color(
                "class:N",
                title=None,
                scale=alt.Scale(domain=["negatives", "positives"], range=[BLUE, ORANGE]),
                legend=alt.Legend(orient="bottom"),
            ),
            strokeDash=alt.StrokeDash(
                "class:N",
                title=None,
                scale=alt.Scale(domain=["negatives", "positives"]),
                legend=alt.Legend(orient="bottom"),
            ),
        )
    )
    line = (
        alt.Chart(alt.Data(values=[{}]))
        .transform_calculate(x="cut")
        .mark_rule(color=GRAY, strokeWidth=2)
        .encode(x="x:Q")
    )
    caught, alarms = f"(prev / 100 * {tpr})", f"((1 - prev / 100) * {fpr})"
    texts = [
        f"'recall ' + format({tpr}, '.2f') + ', false-positive rate ' + format({fpr}, '.2f')",
        f"'precision ' + format({caught} / ({caught} + {alarms} + 1e-12), '.2f') + ', AUC ' + format({cdf.format('gap / sqrt(2)')}, '.2f')",
        f"'cost per row ' + format({alarms} + cr * (prev / 100 - {caught}), '.3f') + ', best threshold ' + (gap > 0 ? format(gap / 2 + log((1 - prev / 100) / (cr * prev / 100)) / gap, '.1f') : 'none')",
    ]
    notes = [
        alt.Chart(alt.Data(values=[{}]))
        .transform_calculate(t=text)
        .mark_text(align="left", fontSize=13)
        .encode(x=alt.value(4), y=alt.value(-44 + 17 * i), text="t:N")
        for i, text in enumerate(texts)
    ]
    return show(
        alt.layer(bells, line, *notes)
        .add_params(gap, log_share, cut, cost)
        .properties(width=400, height=170),
        "Two bell curves of scores and a threshold; sliders set their separation, the percentage of positives, the threshold and the cost of a miss against a false alarm, and recall, precision, AUC, cost and the best threshold are written above.",
    )
