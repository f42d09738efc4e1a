"""Figures of the chapter on linear models. Read with book/learning/linear-models.md."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.figures.style import BLUE, GRAY, GREEN, ORANGE, figure, label
from groundtruth.figures.vega import Interactive, show, slider
from groundtruth.functional import sigmoid


def boundary() -> Figure:
    """A line w.x + b = 0 in the plane, its normal vector, and the distance of one point from it."""
    fig, ax = figure(3.4)
    w = np.array([1.0, 2.0])
    b = -4.0
    x = np.linspace(-0.5, 4.5, 2)
    ax.plot(x, (-b - w[0] * x) / w[1], color=BLUE, label="$w\\cdot x + b = 0$")
    foot = np.array([2.0, 1.0])
    ax.annotate(
        "", foot + w / 2, foot, arrowprops={"arrowstyle": "->", "color": ORANGE, "linewidth": 2}
    )
    ax.text(foot[0] + w[0] / 2 + 0.1, foot[1] + w[1] / 2 + 0.05, "$w$", color=ORANGE, fontsize=13)
    point = np.array([3.2, 2.4])
    on_line = point - (w @ point + b) / (w @ w) * w
    ax.plot(*np.array([point, on_line]).T, color=GRAY, linestyle="--")
    ax.plot(*point, "o", color=GREEN, markersize=8)
    ax.text(point[0] + 0.08, point[1] - 0.05, "score / $\\|w\\|$", va="top", fontsize=10.5)
    ax.text(0.0, 0.5, "score below 0", fontsize=10.5)
    ax.text(0.4, 3.0, "score above 0", fontsize=10.5)
    ax.set_aspect("equal")
    ax.set_ylim(-0.2, 3.6)
    ax.legend(loc="upper right")
    label(ax, "$x_1$", "$x_2$")
    return fig


def labels_by_lines(x: np.ndarray, y: np.ndarray, line: np.ndarray, curve: np.ndarray) -> Figure:
    """0/1 labels over one feature with a line and a logistic curve: (2,) each, intercept first."""
    fig, ax = figure(2.8)
    grid = np.linspace(x.min() - 1, x.max() + 1, 300)
    ax.plot(x, y, "o", color=GRAY, label="labels")
    ax.plot(grid, line[0] + line[1] * grid, "--", color=ORANGE, label="least squares")
    ax.plot(grid, sigmoid(curve[0] + curve[1] * grid), color=BLUE, label="logistic")
    ax.axhline(0.5, color=GRAY, linewidth=0.8, linestyle=":")
    ax.legend(loc="lower right", bbox_to_anchor=(1.0, 0.06))
    label(ax, "hours of study", "passed (1) or not (0)")
    return fig


def explorer() -> Interactive:
    """Thirty points of two classes and a logistic model, whose weights and bias are sliders."""
    rng = np.random.default_rng(3)
    at = np.concatenate(
        [rng.normal([-1, -0.5], 0.9, (15, 2)), rng.normal([1, 0.8], 0.9, (15, 2))]
    ).round(2)
    points = alt.Data(
        values=[{"a": float(a), "b": float(b), "y": int(i >= 15)} for i, (a, b) in enumerate(at)]
    )
    side = np.arange(-3, 3.1, 0.5)
    cells = alt.Data(values=[{"a": float(a), "b": float(b)} for a in side for b in side])
    w1 = slider("w1", "w1 ", 0.5, -4, 4, 0.25)
    w2 = slider("w2", "w2 ", -1, -4, 4, 0.25)
    bias = slider("bb", "b ", 0, -4, 4, 0.25)
    score = "(w1 * datum.a + w2 * datum.b + bb)"
    x = alt.X("a:Q", title="x1", scale=alt.Scale(domain=[-3.25, 3.25]))
    y = alt.Y("b:Q", title="x2", scale=alt.Scale(domain=[-3.25, 3.25]))
    shade = (
        alt.Chart(cells)
        .transform_calculate(p=f"1 / (1 + exp(-{score}))")
        .mark_square(size=500, opacity=0.55)
        .encode(
            x=x,
            y=y,
            color=alt.Color(
                "p:Q", title="P(class 1)", scale=alt.Scale(domain=[0, 1], scheme="purpleorange")
            ),
        )
    )
    dots = (
        alt.Chart(points)
        .mark_point(size=80, filled=True, opacity=1, stroke="black")
        .encode(
            x=x,
            y=y,
            shape=alt.Shape(
                "y:N",
                title="class",
                scale=alt.Scale(domain=[0, 1], range=["circle", "triangle-up"]),
            ),
            color=alt.value(GRAY),
        )
    )
    # the loss ln(1 + e^z) - y z, in the form that does not overflow for large scores
    note = (
        alt.Chart(points)
        .transform_calculate(z=score)
        .transform_calculate(
            l="max(datum.z, 0) - datum.y * datum.z + log(1 + exp(-abs(datum.z)))",
            r="(datum.z > 0) == (datum.y == 1) ? 1 : 0",
        )
        .transform_aggregate(loss="mean(l)", right="mean(r)")
        .transform_calculate(
            t="'loss ' + format(datum.loss, '.2f') + ', correct ' + format(datum.right, '.0%')"
        )
        .mark_text(align="left", fontSize=14, fontWeight="bold")
        .encode(x=alt.value(6), y=alt.value(12), text="t:N")
    )
    return show(
        alt.layer(shade, dots, note).add_params(w1, w2, bias).properties(width=300, height=300),
        "Circles and triangles in a plane shaded by the probability of the triangles' class; "
        "three sliders turn and shift the boundary, and the loss and the share of correct points "
        "are written in the corner.",
    )


def growth(hours: np.ndarray, weights: dict[int, np.ndarray]) -> Interactive:
    """The logistic curve on separable data after each number of steps; weights maps it to (2,)."""
    grid = np.linspace(hours.min() - 1, hours.max() + 1, 81)
    data: list[dict[str, Any]] = [{"x": round(float(g), 2)} for g in grid]
    said = {}
    for place, (steps, w) in enumerate(weights.items()):
        for row, v in zip(data, sigmoid(w[0] + w[1] * grid), strict=True):
            row[f"s{place}"] = round(float(v), 3)
        said[f"s{place}"] = (
            f"{steps:,} steps: length of w {np.linalg.norm(w):.1f}, boundary {-w[0] / w[1]:.2f}"
        )
    which = slider("st", "steps, few to many ", 1, 0, len(weights) - 1, 1)
    y = alt.Y("p:Q", title="P(pass)", scale=alt.Scale(domain=[0, 1.15]))
    curve = (
        alt.Chart(alt.Data(values=data))
        .transform_calculate(p="datum['s' + st]")
        .mark_line(color=BLUE, strokeWidth=2.5)
        .encode(x=alt.X("x:Q", title="hours of study"), y=y)
    )
    dots = (
        alt.Chart(alt.Data(values=[{"x": float(h), "p": int(h > 4.5)} for h in hours]))
        .mark_point(size=60, filled=True, color=ORANGE)
        .encode(x="x:Q", y=y)
    )
    note = (
        alt.Chart(alt.Data(values=[said]))
        .transform_calculate(t="datum['s' + st]")
        .mark_text(align="left", fontSize=14)
        .encode(x=alt.value(6), y=alt.value(10), text="t:N")
    )
    return show(
        alt.layer(dots, curve, note).add_params(which).properties(width=400, height=200),
        "Eight pass or fail results and the fitted probability; a slider takes gradient descent "
        "from two hundred to two hundred thousand steps, and the curve turns into a step.",
    )
