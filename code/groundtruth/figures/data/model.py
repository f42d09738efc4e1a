"""Figures of the chapter on models. Read with book/data/model.md."""

from __future__ import annotations

import altair as alt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.data.model import Array, least_squares_line, line_hessian
from groundtruth.figures.style import BLUE, GRAY, ORANGE, figure, label
from groundtruth.figures.vega import Interactive, note, show, slider


def bowl(x: Array, y: Array, history: Array) -> Figure:
    """Contours of the loss over (w, b) and the path of training, history (steps + 1, 3)."""
    w = np.linspace(-0.6, 3.4, 121)
    b = np.linspace(-0.9, 2.3, 121)
    errors = w[None, :, None] * x + b[:, None, None] - y  # (B, W, n)
    loss = (errors**2).mean(-1)  # (B, W)
    fig, ax = figure(3.6)
    levels = [0.05, 0.3, 1, 3, 6, 12, 20, 33]
    lines = ax.contour(w, b, loss, levels=levels, colors=GRAY, linewidths=0.9)
    ax.clabel(lines, fmt="%g", fontsize=8)
    ax.plot(history[:, 0], history[:, 1], color=BLUE, marker="o", markersize=3)
    clear = {
        "facecolor": "white",
        "edgecolor": "none",
        "pad": 1.5,
    }  # keeps contours out of the words
    ax.text(-0.52, -0.42, "start (0, 0)", color=BLUE, bbox=clear)
    ax.plot([2], [1], marker="*", markersize=13, color=ORANGE, linestyle="none")
    ax.text(2.15, 1.2, "bottom (2, 1)", color=ORANGE, bbox=clear)
    label(ax, "slope w", "intercept b")
    return fig


def extrapolation(x: Array, y: Array, coefficients: Array, line: tuple[float, float]) -> Figure:
    """A flexible curve and a line, inside the data and beyond them."""
    fig, ax = figure(3.2)
    at = np.linspace(0, 1.25, 300)
    ax.axvspan(0, 1, color=GRAY, alpha=0.15, linewidth=0)
    ax.plot(at, np.polyval(coefficients, at), color=ORANGE, label="degree 9")
    ax.plot(at, line[0] * at + line[1], color=BLUE, linestyle="--", label="line")
    ax.plot(x, y, "o", color="#1d2327", markersize=4, label="data")
    ax.set_ylim(-6, 12)
    ax.legend(loc="upper left")
    label(ax, "x (grey: where data were seen)", "y")
    return fig


def explorer(x: Array, y: Array) -> Interactive:
    """Sliders for w and b; the line, the residuals and the loss follow."""
    rows = [{"x": float(a), "y": float(b)} for a, b in zip(x, y, strict=True)]
    w = slider("w", "slope w ", 0.5, -1, 4, 0.1)
    b = slider("b", "intercept b ", 0.0, -2, 4, 0.1)
    base = (
        alt.Chart(alt.Data(values=rows))
        .transform_calculate(fit="w * datum.x + b")
        .transform_calculate(error="datum.fit - datum.y")
    )
    domain = alt.Scale(domain=[-6, 20])
    residuals = base.mark_rule(color=ORANGE, strokeDash=[4, 3], clip=True).encode(
        x=alt.X("x:Q", title="x"), y=alt.Y("y:Q", scale=domain, title="y"), y2="fit:Q"
    )
    line = base.mark_line(color=BLUE, clip=True).encode(x="x:Q", y=alt.Y("fit:Q", scale=domain))
    dots = base.mark_point(filled=True, size=60, color=GRAY).encode(
        x="x:Q", y=alt.Y("y:Q", scale=domain)
    )
    loss = base.transform_calculate(square="datum.error * datum.error").transform_aggregate(
        loss="mean(square)"
    )
    text = note(loss, "mean squared error {loss:.2f}", x=12, y=14, size=14)
    chart = (residuals + line + dots + text).add_params(w, b).properties(width=400, height=240)
    return show(
        chart,
        f"{len(rows)} points, a line whose slope and intercept the two sliders set, dashed bars "
        "for "
        "the errors, and the mean squared error; it reaches 0.00 at slope 2 and intercept 1.",
    )


def descent(x: Array, y: Array, lr: float = 0.05) -> Interactive:
    """Sliders for the learning rate and the number of steps; the path in closed form.

    Along each eigenvector of the Hessian every step multiplies the error by 1 - lr * eigenvalue.
    """
    best = np.array(least_squares_line(x, y))
    curvatures, V = np.linalg.eigh(line_hessian(x))
    start = V.T @ (np.zeros(2) - best)  # components of the starting error
    eta = slider("eta", "learning rate ", lr, 0.01, 0.16, 0.01)
    steps = slider("steps", "steps ", 3, 0, 30, 1)

    def coordinate(i: int) -> str:
        """The formula of parameter i after datum.t steps."""
        terms = [
            f"{V[i, j] * start[j]:.8f} * pow(1 - eta * {curvature:.8f}, datum.t)"
            for j, curvature in enumerate(curvatures)
        ]
        return " + ".join([f"{best[i]:.8f}", *terms])

    base = (
        alt.Chart(alt.Data(values=[{"t": t} for t in range(31)]))
        .transform_filter("datum.t <= steps")
        .transform_calculate(w=coordinate(0), b=coordinate(1))
    )
    at = {
        "x": alt.X("w:Q", title="slope w", scale=alt.Scale(domain=[-1, 5])),
        "y": alt.Y("b:Q", title="intercept b", scale=alt.Scale(domain=[-1, 3])),
    }
    path = base.mark_line(color=BLUE, point={"color": BLUE}, clip=True).encode(order="t:Q", **at)
    goal = (
        alt.Chart(alt.Data(values=[{"w": float(best[0]), "b": float(best[1])}]))
        .mark_point(shape="diamond", size=120, filled=True, color=ORANGE)
        .encode(**at)
    )
    last = base.transform_filter("datum.t == steps")
    text = note(last, "after {t} steps: w = {w:.2f}, b = {b:.2f}", x=10, y=14)
    return show(
        (path + goal + text).add_params(eta, steps).properties(width=400, height=230),
        "The path of gradient descent over slope and intercept, with sliders for the learning rate "
        "and the number of steps; below the stability limit it approaches the diamond, beyond the "
        "limit it moves further away with every step.",
    )
