"""Figures of the chapter on gradient descent. Read with book/learning/gradient-descent.md."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.figures.style import BLUE, GRAY, GREEN, ORANGE, figure, label
from groundtruth.figures.vega import Interactive, note, one_row, rings, show, slider


def secants() -> Figure:
    """The curve x^2, three secants through the point at 1, and the tangent they turn into."""
    fig, ax = figure(2.9)
    x = np.linspace(-0.2, 3.2, 200)
    ax.plot(x, x**2, color=BLUE, label="$x^2$")
    for h, style in ((2.0, ":"), (1.0, "-."), (0.4, "--")):
        ax.plot(
            x,
            1 + (2 + h) * (x - 1),
            style,
            color=GRAY,
            linewidth=1.3,
            label=f"nudge {h:g}, slope {2 + h:g}",
        )
        ax.plot(1 + h, (1 + h) ** 2, "o", color=GRAY, markersize=5)
    ax.plot(x, 1 + 2 * (x - 1), color=ORANGE, label="tangent, slope 2")
    ax.plot(1, 1, "o", color=ORANGE)
    ax.set_ylim(-1.5, 9)
    ax.legend(loc="upper left")
    label(ax, "x", "value")
    return fig


def paths(
    rates: dict[str, float], curvature: tuple[float, float], start: tuple[float, float], steps: int
) -> Figure:
    """Contours of a quadratic bowl and the path of descent at each of three rates."""
    fig, axes = figure(2.3, columns=len(rates), sharey=True)
    a, b = np.meshgrid(np.linspace(-1.4, 1.4, 80), np.linspace(-1.4, 1.4, 80))
    for ax, (name, rate) in zip(axes, rates.items(), strict=True):
        ax.contour(
            a,
            b,
            (curvature[0] * a**2 + curvature[1] * b**2) / 2,
            levels=8,
            colors=GRAY,
            linewidths=0.7,
        )
        t = np.arange(steps + 1)
        path = np.array(
            [start[0] * (1 - rate * curvature[0]) ** t, start[1] * (1 - rate * curvature[1]) ** t]
        )
        ax.plot(*path, "-o", color=BLUE, markersize=3, linewidth=1.2, clip_on=True)
        ax.plot(0, 0, "*", color=ORANGE, markersize=10)
        ax.set_xlim(-1.4, 1.4)
        ax.set_ylim(-1.4, 1.4)
        label(ax, "$x_1$", "$x_2$", name)
        ax.label_outer()
    return fig


def saddle() -> Figure:
    """Height over time of a descent that starts almost exactly on the ridge of a saddle."""
    fig, ax = figure(2.5)
    t = np.arange(0, 90)
    for start, style, color in ((1e-2, "-", BLUE), (1e-4, "--", GREEN), (1e-6, "-.", ORANGE)):
        x = 0.8**t
        y = start * 1.2**t
        height = x**2 - y**2
        keep = height > -1.5
        ax.plot(t[keep], height[keep], style, color=color, label=f"{start:.0e} off the ridge")
    ax.axhline(0, color=GRAY, linewidth=0.8, linestyle=":")
    ax.legend(loc="upper right")
    label(ax, "step", "value of $x^2 - y^2$")
    return fig


def explorer() -> Interactive:
    """The path on a bowl with curvatures 1 and kappa; rate and kappa by slider, in closed form."""
    eta = slider("eta", "rate ", 0.15, 0.01, 0.6, 0.01)
    kappa = slider("kap", "curvature ratio ", 10, 1, 20, 1)
    domain = alt.Scale(domain=[-1.5, 1.5])
    path = (
        alt.Chart(alt.sequence(0, 31, 1, as_="t"))
        .transform_calculate(x="pow(1 - eta, datum.t)", y="pow(1 - eta * kap, datum.t)")
        .mark_line(point=True, color=BLUE, clip=True)
        .encode(
            x=alt.X("x:Q", title="flat direction", scale=domain),
            y=alt.Y("y:Q", title="steep direction", scale=domain),
            order="t:Q",
        )
    )
    contours = (
        rings((0.15, 0.4, 0.8, 1.2), "datum.k * cos(datum.a)", "datum.k * sin(datum.a) / sqrt(kap)")
        .mark_line(color=GRAY, opacity=0.6, clip=True)
        .encode(x="x:Q", y="y:Q", detail="k:N", order="a:Q")
    )
    factors = one_row(flat="1 - eta", steep="1 - eta * kap")
    text = note(
        factors.transform_calculate(verdict="abs(datum.steep) > 1 ? ': diverges' : ''"),
        "factors per step: flat {flat:.2f}, steep {steep:.2f}{verdict}",
    )
    return show(
        alt.layer(contours, path, text).add_params(eta, kappa).properties(width=300, height=260),
        "Rings of equal loss around a minimum and thirty steps of descent from the upper right; "
        "sliders set the rate and how much steeper one direction is, and the factors of each step "
        "are written above.",
    )


def noise_ball() -> Interactive:
    """Where constant-step stochastic descent wanders around a minimum, for growing batches."""
    sizes = (1, 4, 16, 64)
    rng = np.random.default_rng(0)
    data: list[dict[str, Any]] = []
    for place, B in enumerate(sizes):
        x = np.zeros(2)
        for t in range(400):
            x = x - 0.2 * (x * [1.0, 2.0] + rng.normal(0, 1 / np.sqrt(B), 2))
            if t >= 100 and t % 3 == 0:
                data.append({"b": place, "x": round(float(x[0]), 3), "y": round(float(x[1]), 3)})
    which = slider("bat", "batch 1, 4, 16, 64 ", 0, 0, 3, 1)
    scale = alt.Scale(domain=[-1.4, 1.4])
    dots = (
        alt.Chart(alt.Data(values=data))
        .transform_filter("datum.b == bat")
        .mark_point(filled=True, color=BLUE, opacity=0.6, size=25, clip=True)
        .encode(
            x=alt.X("x:Q", title="first parameter", scale=scale),
            y=alt.Y("y:Q", title="second parameter", scale=scale),
        )
    )
    middle = (
        alt.Chart(alt.Data(values=[{"x": 0, "y": 0}]))
        .mark_point(shape="cross", color=ORANGE, size=200, strokeWidth=3)
        .encode(x="x:Q", y="y:Q")
    )
    return show(
        alt.layer(dots, middle).add_params(which).properties(width=280, height=260),
        "A hundred positions of stochastic descent around its minimum, a cross; a slider raises "
        "the batch from one to sixty-four, and the cloud shrinks.",
    )
