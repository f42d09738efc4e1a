"""Figures of the chapter on metrics. Read with book/learning/metrics.md."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.figures.numbers import MINUS
from groundtruth.figures.style import BLUE, GRAY, ORANGE, figure, label
from groundtruth.figures.vega import (
    Interactive,
    normal_cdf,
    note,
    one_row,
    series_colors,
    show,
    slider,
)


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
    roc: dict[str, tuple[np.ndarray, np.ndarray]], pr: dict[str, tuple[np.ndarray, np.ndarray]]
) -> Figure:
    """ROC and precision-recall curves of the same scores at several prevalences.

    Parameters
    ----------
    roc : false- and true-positive rates by prevalence
    pr : recall and precision by prevalence
    """
    fig, (left, right) = figure(3.2, columns=2)
    styles = list(zip(("-", "--", "-."), (BLUE, ORANGE, GRAY), (3.2, 2.0, 1.2), strict=True))
    for (name, (fpr, tpr)), (style, color, width) in zip(roc.items(), styles, strict=True):
        left.plot(fpr, tpr, style, color=color, linewidth=width, label=name)
    left.plot([0, 1], [0, 1], ":", color=GRAY)
    label(left, "false-positive rate", "true-positive rate", "ROC")
    for (name, (recall, precision)), (style, color, _) in zip(pr.items(), styles, strict=True):
        right.plot(recall, precision, style, color=color, label=name, drawstyle="steps-pre")
    right.set_ylim(0, 1.03)
    left.legend(fontsize=9, loc="lower right", title="prevalence", title_fontsize=9)
    label(right, "recall", "precision", "precision-recall")
    return fig


def reliabilities(parts: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Figure:
    """Fraction of positives against mean probability per bin, and the examples in each bin."""
    fig, (ax, below) = figure(3.2, columns=2)
    ax.plot([0, 1], [0, 1], ":", color=GRAY, label="calibrated")
    for (name, (predicted, observed, count)), style, color in zip(
        parts.items(), ("-o", "--^"), (ORANGE, BLUE), strict=True
    ):
        ax.plot(predicted, observed, style, color=color, label=name)
        below.plot(predicted, count, style, color=color, label=name)
    ax.legend(fontsize=9)
    below.set_ylim(bottom=0)
    label(ax, "mean predicted probability", "fraction of positives", "reliability")
    label(below, "mean predicted probability", "examples in the bin", "counts")
    return fig


def coverages(
    truth: np.ndarray,
    proportions: dict[str, np.ndarray],
    areas: np.ndarray,
    ranking: dict[str, list[float]],
) -> Figure:
    """Coverage of intervals of a proportion and of an AUC, against the true value.

    Parameters
    ----------
    truth : (g,) true proportions
    proportions : coverage (g,) by name of the interval
    areas : (a,) true AUCs
    ranking : coverage (a,) by name of the interval
    """
    fig, (left, right) = figure(3.2, columns=2)
    styles = (("-.", GRAY), ("-", BLUE), ("--", ORANGE))
    for (name, values), (style, color) in zip(proportions.items(), styles, strict=True):
        left.plot(truth, values, style, color=color, linewidth=1.3, label=name)
    for (name, covered), (style, color) in zip(ranking.items(), styles, strict=True):
        right.plot(areas, covered, style, color=color, marker="o", markersize=3, label=name)
    for ax, what in ((left, "true proportion"), (right, "true AUC")):
        ax.axhline(0.95, color=GRAY, linewidth=0.8)
        ax.set_ylim(0.5, 1.01)
        ax.legend(fontsize=9, loc="lower center", bbox_to_anchor=(0.45, 1.0))
        label(ax, what, "coverage")
    return fig


def _rates() -> alt.Chart:
    """One row with every rate of the interactive figure, from its four controls."""
    rates = one_row(
        recall=normal_cdf("gap - cut"),
        fpr=normal_cdf("-cut"),
        prevalence="prev / 100",
        auc=normal_cdf("gap / sqrt(2)"),
        log_odds="log((1 - prev / 100) / (cr * prev / 100))",
    )
    cut = "gap / 2 + datum.log_odds / gap"
    counts = rates.transform_calculate(
        tp="datum.prevalence * datum.recall",
        fp="(1 - datum.prevalence) * datum.fpr",
    )
    return counts.transform_calculate(
        precision="datum.tp / (datum.tp + datum.fp)",
        cost="datum.fp + cr * (datum.prevalence - datum.tp)",
        specificity="1 - datum.fpr",
        best=f"{cut} > 6 ? 'above 6' : {cut} < -3 ? 'below {MINUS}3' : format({cut}, '.1f')",
    )


def explorer() -> Interactive:
    """Two normal score densities; separation, prevalence, threshold and cost decide every rate."""
    controls = [
        slider("gap", "separation ", 2, 0.1, 4, 0.1),
        slider("prev", "percentage of positives ", 10, 0.1, 90, 0.1),
        slider("cut", "threshold ", 1, -3, 6, 0.1),
        slider("cr", "cost of a false negative ", 5, 1, 50, 1),
    ]
    names: list[Any] = ["negatives", "positives"]
    legend = alt.Legend(orient="bottom")
    bells = (
        alt.Chart(alt.sequence(-4, 7.01, 0.1, as_="x"))
        .transform_calculate(
            negatives="(1 - prev / 100) * densityNormal(datum.x)",
            positives="prev / 100 * densityNormal(datum.x, gap)",
        )
        .transform_fold(names, as_=["class", "d"])
        .mark_line()
        .encode(
            x=alt.X("x:Q", title="score", scale=alt.Scale(domain=[-4, 7])),
            y=alt.Y("d:Q", title="density × class proportion"),
            color=alt.Color("class:N", title=None, scale=series_colors(names), legend=legend),
            strokeDash=alt.StrokeDash(
                "class:N", title=None, scale=alt.Scale(domain=names), legend=legend
            ),
        )
    )
    line = one_row(x="cut").mark_rule(color=GRAY, strokeWidth=2).encode(x="x:Q")
    rates = _rates()
    notes = [
        note(rates, "recall {recall:.2f}, specificity {specificity:.2f}", y=-44),
        note(rates, "precision {precision:.2f}, AUC {auc:.2f}", y=-27),
        note(rates, "cost per example {cost:.4f}, best threshold {best}", y=-10),
    ]
    return show(
        alt.layer(bells, line, *notes).add_params(*controls).properties(width=400, height=170),
        "Two bell curves of scores and a threshold; sliders set their separation, the percentage "
        "of positives, the threshold and the cost of a false negative in false positives; recall, "
        "specificity, precision, AUC, cost and the best threshold are written above.",
    )
