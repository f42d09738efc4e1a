"""Figures of the chapter on models. Read with book/data/model.md."""

from __future__ import annotations

import altair as alt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.data.model import Array, least_squares_line, line_hessian
from groundtruth.figures.style import BLUE, GRAY, ORANGE, figure, label
from groundtruth.figures.vega import Interactive, show, slider


def bowl(x: Array, y: Array, history: Array) -> Figure:
    """Contours of the loss over (w, b) and the path (steps + 1, 3) that training took through them."""
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
    w, b = slider("w", "slope w ", 0.5, -1, 4, 0.1), slider("b", "intercept b ", 0.0, -2, 4, 0.1)
    n = len(rows)
    base = alt.Chart(alt.Data(values=rows)).transform_calculate(
        fit="w * datum.x + b", error="w * datum.x + b - datum.y"
    )
    domain = alt.Scale(domain=[-3, 20])
    ruler = base.mark_rule(color=ORANGE, strokeDash=[4, 3]).encode(
        x=alt.X("x:Q", title="x"), y=alt.Y("y:Q", scale=domain, title="y"), y2="fit:Q"
    )
    line = base.mark_line(color=BLUE).encode(x="x:Q", y=alt.Y("fit:Q", scale=domain))
    dots = base.mark_point(filled=True, size=60, color=GRAY).encode(
        x="x:Q", y=alt.Y("y:Q", scale=domain)
    )
    text = (
        base.transform_calculate(square="datum.error * datum.error")
        .transform_aggregate(loss="mean(square)")
        .transform_calculate(say="'mean squared error ' + format(datum.loss, '.2f')")
        .mark_text(align="left", fontSize=14, x=12, y=14)
        .encode(text="say:N")
    )
    chart = (ruler + line + dots + text).add_params(w, b).properties(width=400, height=240)
    return show(
        chart,
        f"{n} points, a line whose slope and intercept the two sliders set, dashed bars for the errors, and the mean squared error; "
        "it reaches 0.00 at slope 2 and intercept 1.",
    )


def descent(x: Array, y: Array, lr: float = 0.05) -> Interactive:
    """Sliders for the learning rate and the number of steps; the path is computed in closed form.

    Along each eigenvector of the Hessian the error is multiplied by 1 - lr * eigenvalue in every step.
    """
    H = line_hessian(x)
    best = np.array(least_squares_line(x, y))
    (slow, fast), V = np.linalg.eigh(H)
    start = V.T @ (np.zeros(2) - best)  # components of the starting error
    a, b = np.round(V[:, 0] * start[0], 4), np.round(V[:, 1] * start[1], 4)
    eta, steps = (
        slider("eta", "learning rate ", lr, 0.01, 0.16, 0.01),
        slider("steps", "steps ", 3, 0, 30, 1),
    )
    shrink = f"pow(1 - eta * {slow:.4f}, datum.t)", f"pow(1 - eta * {fast:.4f}, datum.t)"
    base = (
        alt.Chart(alt.Data(values=[{"t": t} for t in range(31)]))
        .transform_filter("datum.t <= steps")
        .transform_calculate(
            w=f"{best[0]:.4f} + {a[0]} * {shrink[0]} + {b[0]} * {shrink[1]}",
            b=f"{best[1]:.4f} + {a[1]} * {shrink[0]} + {b[1]} * {shrink[1]}",
        )
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
    words = (
        base.transform_filter("datum.t == steps")
        .transform_calculate(
            say="'after ' + datum.t + ' steps: w = ' + format(datum.w, '.2f') + ', b = ' + format(datum.b, '.2f')"
        )
        .mark_text(align="left", fontSize=13, x=10, y=14)
        .encode(text="say:N")
    )
    return show(
        (path + goal + words).add_params(eta, steps).properties(width=400, height=230),
        "The path of gradient descent over slope and intercept, with sliders for the learning rate and the number of steps; below the stability limit it ends at the diamond, beyond the limit it leaves the picture.",
    )
