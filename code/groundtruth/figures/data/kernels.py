"""Figures of the chapter on kernels. Read with book/data/kernels.md."""

from __future__ import annotations

from functools import partial
from typing import Any

import altair as alt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.data.kernels import KernelRidge, kde, rbf
from groundtruth.figures.style import BLUE, GRAY, GREEN, ORANGE, figure, label
from groundtruth.figures.vega import Interactive, show, slider

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
GAMMAS = (0.5, 2.0, 8.0, 32.0, 128.0, 512.0)
WIDTHS = (0.1, 0.2, 0.35, 0.5, 0.8, 1.2)


def lifted() -> Figure:
    """XOR in the plane, and lifted by the product of its coordinates."""
    fig, (left, gone) = figure(3.0, columns=2)
    gone.remove()
    right = fig.add_subplot(1, 2, 2, projection="3d")
    for one, color, mark in ((0, BLUE, "o"), (1, ORANGE, "^")):
        rows = CORNERS[np.logical_xor(CORNERS[:, 0], CORNERS[:, 1]) == one]
        left.plot(*rows.T, mark, color=color, markersize=11)
        right.scatter(
            rows[:, 0],
            rows[:, 1],
            rows.prod(axis=1),
            color=color,
            marker=mark,
            s=70,
            depthshade=False,
        )
    left.set_xlim(-0.4, 1.4)
    left.set_ylim(-0.4, 1.4)
    left.set_aspect("equal")
    label(left, "$x_1$", "$x_2$")
    for x1, x2 in CORNERS:
        right.plot([x1, x1], [x2, x2], [(x1 + x2 - 0.5) / 2, x1 * x2], color=GRAY, linewidth=1)
    a, b = np.meshgrid([0.0, 1.0], [0.0, 1.0])
    right.plot_surface(a, b, (a + b - 0.5) / 2, color=GREEN, alpha=0.3)
    right.set_axis_off()
    right.view_init(elev=18, azim=-65)
    right.set_box_aspect((1, 1, 0.9), zoom=1.25)
    right.text2D(
        0.5, 0.98, "height: $x_1 x_2$", transform=right.transAxes, ha="center", fontsize=10
    )
    return fig


def grams(x: np.ndarray, gammas: tuple[float, float, float]) -> Figure:
    """RBF kernel matrices of sorted points on a line under three values of gamma."""
    fig, axes = figure(2.2, columns=3)
    for ax, gamma in zip(axes, gammas, strict=True):
        ax.imshow(rbf(np.sort(x)[:, None], gamma=gamma), cmap="cividis", vmin=0, vmax=1)
        ax.set_title(f"gamma = {gamma:g}", fontsize=10)
        ax.set_axis_off()
    return fig


def bumps(x: np.ndarray, h: float) -> Figure:
    """Each sample's normal bump, and their mean, the density estimate."""
    fig, ax = figure(2.6)
    grid = np.linspace(x.min() - 3 * h, x.max() + 3 * h, 300)
    for one in x:
        ax.plot(grid, kde(np.array([one]), grid, h) / x.size, color=GRAY, linewidth=1)
    ax.plot(grid, kde(x, grid, h), color=BLUE, label="mean of the bumps")
    ax.plot(x, np.zeros_like(x), "|", color=ORANGE, markersize=14, label="samples")
    ax.set_ylim(None, 1.35 * kde(x, grid, h).max())
    ax.legend(loc="upper right")
    label(ax, "value", "density")
    return fig


Rows = list[dict[str, Any]]


def _ridge_fits(x: np.ndarray, y: np.ndarray) -> tuple[Rows, Rows, dict[str, str]]:
    """For each gamma: the fitted curve, the kernel matrix of every third point, and the errors."""
    grid = np.linspace(0, 1, 61)
    curve: Rows = [{"x": round(float(g), 3)} for g in grid]
    gram: Rows = [{"i": i, "j": j} for i in range(0, 30, 3) for j in range(0, 30, 3)]
    errors: dict[str, str] = {}
    for place, gamma in enumerate(GAMMAS):
        fit = KernelRidge(partial(rbf, gamma=gamma), 0.05).fit(x[:, None], y)
        for row, v in zip(curve, fit.predict(grid[:, None]), strict=True):
            row[f"g{place}"] = round(float(v), 2)
        K = rbf(x[::3, None], gamma=gamma)
        for row, v in zip(gram, K.ravel(), strict=True):
            row[f"g{place}"] = round(float(v), 2)
        wrong = np.sqrt(np.mean((fit.predict(x[:, None]) - y) ** 2))
        far = np.sqrt(np.mean((fit.predict(grid[:, None]) - np.sin(2 * np.pi * grid)) ** 2))
        errors[f"g{place}"] = (
            f"gamma {gamma:g}: error on the points {wrong:.2f}, against the truth {far:.2f}"
        )
    return curve, gram, errors


def ridge_explorer() -> Interactive:
    """Kernel ridge on thirty noisy points under six values of gamma, with its kernel matrix."""
    rng = np.random.default_rng(3)
    x = np.sort(rng.uniform(0, 1, 30))
    y = np.sin(2 * np.pi * x) + rng.normal(0, 0.25, 30)
    curve, gram, errors = _ridge_fits(x, y)
    which = slider("gam", "gamma, small to large ", 1, 0, len(GAMMAS) - 1, 1)
    scale = alt.Scale(domain=[-1.7, 1.7])
    dots = alt.Chart(
        alt.Data(
            values=[
                {"x": round(float(a), 3), "y": round(float(b), 2)}
                for a, b in zip(x, y, strict=True)
            ]
        )
    ).mark_point(color=GRAY, filled=True, size=40)
    line = (
        alt.Chart(alt.Data(values=curve))
        .transform_calculate(v="datum['g' + gam]")
        .mark_line(color=BLUE, strokeWidth=2.5)
    )
    note = (
        alt.Chart(alt.Data(values=[errors]))
        .transform_calculate(t="datum['g' + gam]")
        .mark_text(align="left", fontSize=13)
        .encode(x=alt.value(4), y=alt.value(10), text="t:N")
    )
    upper = alt.layer(
        dots.encode(x=alt.X("x:Q", title="x"), y=alt.Y("y:Q", title="y", scale=scale)),
        line.encode(x="x:Q", y=alt.Y("v:Q", title="y", scale=scale)),
        note,
    ).properties(width=400, height=190)
    lower = (
        alt.Chart(alt.Data(values=gram))
        .transform_calculate(k="datum['g' + gam]")
        .mark_rect()
        .encode(
            x=alt.X("i:O", title="point", axis=alt.Axis(labels=False, ticks=False)),
            y=alt.Y("j:O", title="point", axis=alt.Axis(labels=False, ticks=False)),
            color=alt.Color("k:Q", title="k", scale=alt.Scale(domain=[0, 1], scheme="cividis")),
        )
        .properties(width=150, height=150)
    )
    return show(
        alt.vconcat(upper, lower).add_params(which),
        "Thirty noisy points of a wave with the fitted curve, and below it the table of kernel "
        "values between every third pair of points; a slider sets gamma from far-reaching to very "
        "local.",
    )


def density_explorer() -> Interactive:
    """Sixty samples of two groups and their density estimate under six bandwidths."""
    rng = np.random.default_rng(7)
    x = np.concatenate([rng.normal(-1.2, 0.5, 30), rng.normal(1.2, 0.5, 30)])
    grid = np.linspace(-4, 4, 81)
    true = (
        0.5
        * (np.exp(-0.5 * ((grid + 1.2) / 0.5) ** 2) + np.exp(-0.5 * ((grid - 1.2) / 0.5) ** 2))
        / (0.5 * np.sqrt(2 * np.pi))
    )
    data: list[dict[str, Any]] = [
        {"x": round(float(g), 2), "t": round(float(t), 3)} for g, t in zip(grid, true, strict=True)
    ]
    for place, h in enumerate(WIDTHS):
        for row, v in zip(data, kde(x, grid, h), strict=True):
            row[f"h{place}"] = round(float(v), 3)
    which = slider("bw", "bandwidth, narrow to wide ", 2, 0, len(WIDTHS) - 1, 1)
    y = alt.Y("v:Q", title="density", scale=alt.Scale(domain=[0, 0.75]))
    base = alt.Chart(alt.Data(values=data))
    estimate = (
        base.transform_calculate(v="datum['h' + bw]")
        .mark_line(color=BLUE, strokeWidth=2.5)
        .encode(x=alt.X("x:Q", title="value"), y=y)
    )
    truth = (
        base.transform_calculate(v="datum.t")
        .mark_line(color=GRAY, strokeDash=[5, 4])
        .encode(x="x:Q", y=y)
    )
    note = (
        alt.Chart(alt.Data(values=[{f"h{i}": f"bandwidth {h:g}" for i, h in enumerate(WIDTHS)}]))
        .transform_calculate(t="datum['h' + bw]")
        .mark_text(align="left", fontSize=14)
        .encode(x=alt.value(6), y=alt.value(12), text="t:N")
    )
    return show(
        alt.layer(truth, estimate, note).add_params(which).properties(width=400, height=190),
        "A dashed true density with two humps and a solid estimate from sixty samples; a slider "
        "widens the bumps until the humps merge.",
    )
