"""Figures of the chapter on models. Read with book/data/model.md."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.data.model import Array, least_squares_line, line_hessian, mse
from groundtruth.figures.style import (
    BLUE,
    GRAY,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    figure,
    label,
    rows,
)
from groundtruth.figures.vega import Interactive, note, show, slider

LEVELS = [0.3, 1.0, 3.0, 6.0, 12.0, 20.0, 33.0]


def bowl(x: Array, y: Array, history: Array) -> Figure:
    """Contours of the loss over (w, b) and the path of training, history (steps + 1, 3)."""
    best = least_squares_line(x, y)
    w = np.linspace(-0.6, 3.9, 121)
    b = np.linspace(-0.9, 2.3, 121)
    errors = w[None, :, None] * x + b[:, None, None] - y  # (B, W, n)
    loss = (errors**2).mean(-1)  # (B, W)
    fig, ax = figure(3.6)
    lines = ax.contour(w, b, loss, levels=LEVELS, colors=GRAY, linewidths=0.9)
    ax.clabel(lines, fmt="%g", fontsize=10)
    ax.plot(history[:, 0], history[:, 1], color=BLUE, marker="o", markersize=3)
    behind = {"facecolor": "white", "edgecolor": "none", "pad": 2.5}  # no contour through words
    start = history[0, :2]
    ax.text(
        start[0] - 0.52,
        start[1] - 0.42,
        f"start ({start[0]:g}, {start[1]:g})",
        color=BLUE,
        fontsize=12,
        bbox=behind,
    )
    ax.plot(*best, marker="*", markersize=13, color=ORANGE, linestyle="none")
    ax.text(
        best[0] + 0.4,
        best[1] + 0.2,
        f"minimum ({best[0]:.3g}, {best[1]:.3g})",
        color=ORANGE,
        fontsize=12,
        bbox=behind,
    )
    label(ax, "slope w", "intercept b")
    return fig


def errors(cases: dict[str, Array]) -> Figure:
    """Training error and risk, (2, d) per panel, of polynomials of degree 0 to d - 1.

    The noise has variance 1. The axis is logarithmic, so that the constant fits into the figure.
    """
    fig, axes = figure(2.9, len(cases), sharey=True)
    for ax, (title, (training, risk)) in zip(axes, cases.items(), strict=True):
        degrees = np.arange(training.size)
        ax.plot(degrees, risk, color=ORANGE, marker="o", markersize=4)
        ax.plot(degrees, training, color=BLUE, marker="s", markersize=4)
        ax.axhline(1.0, color=INK, linestyle=":", linewidth=1.2)
        ax.set_yscale("log")
        ax.set_yticks([0.5, 1, 2, 5], ["0.5", "1", "2", "5"])
        ax.minorticks_off()
        ax.set_xticks(degrees[::3])
        ax.text(7.0, 1.2 * risk[7], "risk", color=ORANGE, ha="right", va="bottom")
        ax.text(0.0, 0.62, "training error", color=BLUE, ha="left", va="center")
        label(ax, "degree", "", title)
    axes[0].set_ylim(0.5, 8)
    axes[0].set_ylabel("mean squared error")
    return fig


def draws(
    at: Array,
    lines: Array,
    curves: Array,
    inside: tuple[float, float],
    days: tuple[Array, Array],
) -> Figure:
    """Fits to several training sets, lines (m, s) beside polynomials (m, s), at the points (m,).

    The range `inside` of the training data is shaded. `days` holds x and y of the first training
    set, whose fits are drawn thick.
    """
    fig, axes = figure(3.0, 2, sharey=True)
    for ax, fits, color, title in (
        (axes[0], lines, BLUE, "lines"),
        (axes[1], curves, ORANGE, "degree 9"),
    ):
        ax.axvspan(*inside, color=GRAY, alpha=0.15, linewidth=0)
        ax.plot(at, fits[:, 1:], color=color, linewidth=0.8)
        ax.plot(at, fits[:, 0], color=color, linewidth=2.2)
        ax.plot(*days, color=INK, marker="o", markersize=2.5, linestyle="none")
        ax.plot(at, 2 * at + 1, color=INK, linestyle="--", linewidth=1.4)
        label(ax, "temperature x, in 10 °C", "", title)
    axes[0].set_ylim(-6, 20)
    axes[0].set_ylabel("sales y, in hundreds")
    return fig


def classes(densities: dict[str, Array], at: Array, borders: dict[str, dict[str, float]]) -> Figure:
    """Two densities (2, m) at the points (m,) per panel, and where classifiers divide them."""
    fig, axes = rows(len(densities), 1.9 * len(densities))
    styles = ((INK, "-"), (BLUE, "--"), (ORANGE, ":"))
    for ax, (title, both) in zip(axes, densities.items(), strict=True):
        for density, color, style in zip(both, (GREEN, PURPLE), ("-", "-."), strict=True):
            ax.plot(at, density, color=color, linestyle=style)
            ax.fill_between(at, density, color=color, alpha=0.15, linewidth=0)
        for (name, border), (color, style) in zip(borders[title].items(), styles, strict=True):
            ax.axvline(border, color=color, linestyle=style, linewidth=1.8, label=name)
        ax.set_ylim(0, 0.45)
        label(ax, "", "density", title)
    axes[0].legend(loc="upper right")
    axes[-1].set_xlabel("feature x")
    return fig


def explorer(x: Array, y: Array) -> Interactive:
    """Sliders for w and b; the line, the residuals and the loss follow."""
    points = [{"x": float(a), "y": float(b)} for a, b in zip(x, y, strict=True)]
    w = slider("w", "slope w ", 0.5, -1, 4, 0.1)
    b = slider("b", "intercept b ", 0.0, -2, 4, 0.1)
    base = (
        alt.Chart(alt.Data(values=points))
        .transform_calculate(fit="w * datum.x + b")
        .transform_calculate(error="datum.fit - datum.y")
    )
    domain = alt.Scale(domain=[-6, 20])
    residuals = base.mark_rule(color=ORANGE, strokeDash=[4, 3], clip=True).encode(
        x=alt.X("x:Q", title="temperature x, in 10 °C"),
        y=alt.Y("y:Q", scale=domain, title="sales y, in hundreds"),
        y2="fit:Q",
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
    best = least_squares_line(x, y)
    return show(
        chart,
        f"{len(points)} points, a line whose slope and intercept the two sliders set, dashed bars "
        "for the errors, and the mean squared error; it is smallest at slope "
        f"{best[0]:.3g} and intercept {best[1]:.3g}.",
    )


def contours(best: Array, curvatures: Array, V: Array, least: float) -> alt.Chart:
    """Ellipses of equal loss around the minimum, as one line per level."""
    angle = np.linspace(0, 2 * np.pi, 61)
    circle = np.stack([np.cos(angle), np.sin(angle)])  # (2, 61)
    values = []
    for level in LEVELS:
        radius = np.sqrt(2 * max(level - least, 0.0) / curvatures)  # (2,) along eigenvectors
        ellipse = best[:, None] + V @ (radius[:, None] * circle)  # (2, 61)
        for i, (w, b) in enumerate(ellipse.T.round(3)):
            values.append({"w": float(w), "b": float(b), "i": i, "level": level})
    return alt.Chart(alt.Data(values=values)).mark_line(color=GRAY, strokeWidth=0.8, clip=True)


def descent(x: Array, y: Array, lr: float = 0.05) -> Interactive:
    """Sliders for the learning rate and the number of steps; the path in closed form.

    Along each eigenvector of the Hessian every step multiplies the error by 1 - lr * eigenvalue.
    """
    best = np.array(least_squares_line(x, y))
    least = mse(best[0] * x + best[1], y)
    curvatures, V = np.linalg.eigh(line_hessian(x))
    start = V.T @ (np.zeros(2) - best)  # components of the starting error
    eta = slider("eta", "learning rate ", lr, 0.01, 0.16, 0.005)
    steps = slider("steps", "steps ", 3, 0, 30, 1)

    powers = [f"pow(1 - eta * {curvature:.8f}, datum.t)" for curvature in curvatures]

    def coordinate(i: int) -> str:
        """The formula of parameter i after datum.t steps."""
        terms = [f"{V[i, j] * start[j]:.8f} * {power}" for j, power in enumerate(powers)]
        return " + ".join([f"{best[i]:.8f}", *terms])

    halves = [c * a**2 / 2 for c, a in zip(curvatures, start, strict=True)]
    squares = [f"{half:.8f} * pow({p}, 2)" for half, p in zip(halves, powers, strict=True)]
    base = (
        alt.Chart(alt.Data(values=[{"t": t} for t in range(31)]))
        .transform_filter("datum.t <= steps")
        .transform_calculate(
            w=coordinate(0), b=coordinate(1), loss=" + ".join([f"{least:.8f}", *squares])
        )
    )
    at: dict[str, Any] = {
        "x": alt.X("w:Q", title="slope w", scale=alt.Scale(domain=[-1, 5])),
        "y": alt.Y("b:Q", title="intercept b", scale=alt.Scale(domain=[-1, 3])),
    }
    dots = {"color": BLUE, "size": 25}
    path = base.mark_line(color=BLUE, point=dots, strokeWidth=1, clip=True)
    path = path.encode(order="t:Q", **at)
    goal = (
        alt.Chart(alt.Data(values=[{"w": float(best[0]), "b": float(best[1])}]))
        .mark_point(shape="diamond", size=120, filled=True, color=ORANGE)
        .encode(**at)
    )
    last = base.transform_filter("datum.t == steps")
    text = note(last, "step {t}: w = {w:.2f}, b = {b:.2f}, loss {loss:.2f}", x=10, y=-10)
    rings = contours(best, curvatures, V, least).encode(order="i:Q", detail="level:N", **at)
    limit = 2 / curvatures[-1]
    return show(
        (path + goal + text + rings).add_params(eta, steps).properties(width=400, height=230),
        "The path of gradient descent over contours of the loss, with sliders for the learning "
        f"rate and the number of steps. From a rate of {limit / 2:.3f} on the path zigzags across "
        f"the valley. Below {limit:.3f} it approaches the diamond at the minimum, slowly if the "
        "rate is small; above it the jumps grow, and at 0.16 the path leaves the figure.",
    )
