"""Figures of the chapter on optimizers. Read with book/learning/optimizers.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import altair as alt
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.figures.style import (
    BLUE,
    GRAY,
    GREEN,
    ORANGE,
    PURPLE,
    WIDTH_IN,
    figure,
    label,
    use_style,
)
from groundtruth.figures.vega import Interactive, choose, menu, note, one_row, rings, show, slider
from groundtruth.learning import optimizers as opt
from groundtruth.learning import schedules

Path = np.ndarray[Any, Any]
KINDS: dict[str, Callable[[Path, float], opt.Optimizer]] = {
    "gradient descent": lambda x, lr: opt.SGD([x], lr),
    "momentum 0.8": lambda x, lr: opt.SGD([x], lr, momentum=0.8),
    "AdaGrad": lambda x, lr: opt.AdaGrad([x], lr),
    "Adam": lambda x, lr: opt.Adam([x], lr),
}
RULES = KINDS | {"Adam, beta1 = 0": lambda x, lr: opt.Adam([x], lr, betas=(0.0, 0.999))}
COLORS = dict(zip(KINDS, (BLUE, ORANGE, GREEN, PURPLE), strict=True))
STYLES = dict(zip(KINDS, ("-", "--", "-", "--"), strict=True))
VALLEYS = {"along the axes": 0.0, "rotated by 45 degrees": np.pi / 4}
RATES = np.geomspace(0.01, 10.0, 13)


def _rotation(angle: float) -> Path:
    """The matrix (2, 2) of a rotation."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def valley_path(kind: str, lr: float, angle: float, steps: int = 60) -> Path:
    """Positions (steps + 1, 2) of an optimizer on a bowl with curvatures 1 and 30, rotated by an
    angle in radians; the start (-1.1, 0.55) is rotated with it.
    """
    Q = _rotation(angle)
    H = Q @ np.diag([1.0, 30.0]) @ Q.T
    x = Q @ np.array([-1.1, 0.55])
    optimizer = RULES[kind](x, lr)
    path = [x.copy()]
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            optimizer.step([np.clip(H @ x, -1e100, 1e100)])
            path.append(x.copy())
    return np.array(path)


def factor(path: Path) -> float:
    """The average factor by which the distance to the minimum changes per step; infinite for a
    path that is ever farther from it than its start.

    Examples
    --------
    >>> round(factor(np.array([[4.0, 0.0], [0.0, 3.0], [1.0, 0.0]])), 3)
    0.5
    """
    distances = np.linalg.norm(path, axis=1)
    if not distances.max() <= distances[0] * (1 + 1e-9):
        return float(np.inf)
    return float((distances[-1] / distances[0]) ** (1 / (len(path) - 1)))


def tuned_valleys() -> dict[tuple[str, str], tuple[float, Path]]:
    """For each rule and valley the best of thirteen rates, by `factor`, and its path."""
    results = {}
    for kind in RULES:
        for valley, angle in VALLEYS.items():
            paths = [valley_path(kind, lr, angle) for lr in RATES]
            best = int(np.argmin([factor(path) for path in paths]))
            results[kind, valley] = (float(RATES[best]), paths[best])
    return results


def ravine(results: dict[tuple[str, str], tuple[float, Path]]) -> Figure:
    """Sixty steps of four optimizers, in a valley along the axes and in the same valley rotated."""
    use_style()
    fig, axes = plt.subplots(2, 2, figsize=(WIDTH_IN, 5.2), layout="constrained")
    a, b = np.meshgrid(np.linspace(-1.25, 0.75, 90), np.linspace(-1.15, 0.85, 90))
    pairs = (("gradient descent", "momentum 0.8"), ("AdaGrad", "Adam"))
    for row, (valley, angle) in zip(axes, VALLEYS.items(), strict=True):
        along, across = np.tensordot(_rotation(angle).T, np.array([a, b]), 1)
        for ax, pair in zip(row, pairs, strict=True):
            height = (along**2 + 30 * across**2) / 2
            ax.contour(a, b, height, levels=[0.1, 0.5, 1.5, 4, 9], colors=GRAY, linewidths=0.6)
            for kind in pair:
                path = results[kind, valley][1]
                style = STYLES[kind]
                ax.plot(*path.T, style, color=COLORS[kind], linewidth=1.4, label=kind)
            ax.plot(0, 0, "*", color=GRAY, markersize=9)
            ax.set_xlim(-1.25, 0.75)
            ax.set_ylim(-1.15, 0.85)
            label(ax, "first parameter", "second parameter")
            ax.label_outer()
            if angle == 0:
                ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return fig


def gallery(total: int = 100) -> Figure:
    """Six schedules over a hundred steps, in units of their highest rate."""
    fig, axes = figure(3.0, columns=2, sharey=True)
    t = np.arange(total)
    curves: tuple[tuple[tuple[str, str, str, Callable[[int], float]], ...], ...] = (
        (
            ("steps", BLUE, "-", lambda t: schedules.step(t, 1.0, 34, 0.3)),
            ("one-cycle", ORANGE, "--", lambda t: schedules.one_cycle(t, 1.0, total)[0]),
            ("restarts", GREEN, ":", lambda t: schedules.sgdr(t, 1.0, 15, 2)),
        ),
        (
            ("cosine", BLUE, "-", lambda t: schedules.warmup_cosine(t, 1.0, 10, total)),
            ("inverse square root", ORANGE, "--", lambda t: schedules.inverse_sqrt(t, 1.0, 10)),
            ("stable, then decay", GREEN, ":", lambda t: schedules.wsd(t, 1.0, 10, 25, total)),
        ),
    )
    for ax, group in zip(axes, curves, strict=True):
        for name, color, style, rate in group:
            ax.plot(t, [rate(int(s)) for s in t], style, color=color, label=name)
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0))
        label(ax, "step", "rate / highest rate")
        ax.label_outer()
    return fig


def tuned(rates: Any, losses: dict[str, Any]) -> Figure:
    """The final training loss against the learning rate, one line per optimizer."""
    fig, ax = figure(3.4)
    markers = ("o", "s", "^", "D")
    colors = (BLUE, ORANGE, GREEN, PURPLE)
    styles = ("-", "--", "-.", ":")
    for (name, values), marker, color, style in zip(
        losses.items(), markers, colors, styles, strict=True
    ):
        ax.plot(rates, values, style, color=color, marker=marker, markersize=4.5, label=name)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(1e-3, 10)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    label(ax, "learning rate", "final training loss (nats)")
    return fig


def sweep(rates: Any, losses: Any, chosen: float, bottom: float) -> Figure:
    """The averaged loss of a range test against the rate, with two rates marked."""
    fig, ax = figure(2.9)
    ax.plot(rates, losses, color=BLUE)
    top = float(losses[0]) * 1.25
    for rate, name, color, style, side, height in (
        (chosen, "steepest fall ", ORANGE, "--", "right", 0.95),
        (bottom, " lowest loss", GREEN, ":", "left", 0.07),
    ):
        ax.axvline(rate, color=color, linestyle=style)
        ax.text(rate, height * top, name, ha=side, va="center", color=color)
    ax.set_xscale("log")
    ax.set_ylim(0, top)
    label(ax, "learning rate", "averaged loss (nats)")
    return fig


def _momentum_path(curvature: str) -> str:
    """Heavy-ball momentum from 1 on the curve curvature x^2 / 2, as a formula of the step datum.t.

    The error obeys x[t + 1] = s x[t] - bet x[t - 1] with s = 1 + bet - eta curvature, x[0] = 1 and
    x[1] = 1 - eta curvature. Two real roots give a sum of powers, a complex pair an oscillation.
    """
    total = f"(1 + bet - eta * {curvature})"
    first = f"(1 - eta * {curvature})"
    discriminant = f"({total} * {total} - 4 * bet)"
    # the 1e-7 keeps apart two roots that coincide, where the sum of powers would be 0 / 0
    high = f"(({total} + sqrt(max({discriminant}, 0)) + 1e-7) / 2)"
    low = f"(({total} - sqrt(max({discriminant}, 0)) - 1e-7) / 2)"
    growth = f"({first} - {low}) * pow({high}, datum.t) + ({high} - {first}) * pow({low}, datum.t)"
    real = f"({growth}) / ({high} - {low})"
    angle = f"acos(max(-1, min(1, {total} / (2 * sqrt(bet)))))"
    sine = f"({first} / sqrt(bet) - cos({angle})) / max(sin({angle}), 1e-6)"
    swing = f"cos({angle} * datum.t) + {sine} * sin({angle} * datum.t)"
    pair = f"pow(bet, datum.t / 2) * ({swing})"
    return f"({discriminant} >= 0 ? {real} : {pair})"


def explorer() -> Interactive:
    """Sixty steps of momentum on a bowl with curvatures 1 and 30; rate and momentum by slider."""
    eta = slider("eta", "rate ", 0.03, 0.005, 0.12, 0.005)
    beta = slider("bet", "momentum ", 0.8, 0.0, 0.98, 0.02)
    path = (
        alt.Chart(alt.sequence(0, 61, 1, as_="t"))
        .transform_calculate(x=f"-{_momentum_path('1')}", y=f"0.6 * {_momentum_path('30')}")
        .mark_line(point={"size": 18}, color=BLUE, clip=True, strokeWidth=1.3)
        .encode(
            x=alt.X("x:Q", title="along the valley", scale=alt.Scale(domain=[-1.2, 0.8])),
            y=alt.Y("y:Q", title="across it", scale=alt.Scale(domain=[-0.8, 0.8])),
            order="t:Q",
        )
    )
    contours = (
        rings(
            (0.3, 0.8, 1.5, 2.5, 3.5), "datum.k * cos(datum.a)", "datum.k * sin(datum.a) / sqrt(30)"
        )
        .mark_line(color=GRAY, opacity=0.6, clip=True)
        .encode(x="x:Q", y="y:Q", detail="k:N", order="a:Q")
    )
    numbers = one_row(
        factor="1 / (1 - bet)",
        rate="eta / (1 - bet)",
        verdict="eta * 30 > 2 * (1 + bet) ? ': diverges' : ''",
    )
    text = note(numbers, "1 / (1 - momentum) = {factor:.1f}, effective rate {rate:.3f}{verdict}")
    return show(
        alt.layer(contours, path, text).add_params(eta, beta).properties(width=300, height=250),
        "Sixty steps of momentum from the upper left of a valley; sliders set the learning rate "
        "and the momentum, and 1 / (1 - momentum) and the effective rate are written above.",
    )


def shapes() -> Interactive:
    """A schedule drawn from its parameters: shape, fraction of warm-up and final rate."""
    late = "max(0, (datum.t - 0.8) / 0.2)"
    decays = {
        "cosine": "low + (1 - low) * (1 + cos(PI * datum.rest)) / 2",
        "line": "1 - (1 - low) * datum.rest",
        "plateau, then line": f"1 - (1 - low) * {late}",
    }
    kind = menu("kin", "after warm-up ", list(decays))
    warm = slider("war", "fraction of warm-up ", 0.1, 0.02, 0.5, 0.02)
    low = slider("low", "final rate ", 0.0, 0.0, 0.5, 0.05)
    line = (
        alt.Chart(alt.sequence(0, 1.0001, 0.01, as_="t"))
        .transform_calculate(rest="(datum.t - war) / (1 - war)")
        .transform_calculate(r=f"datum.t < war ? datum.t / war : {choose('kin', decays)}")
        .mark_line(color=BLUE)
        .encode(
            x=alt.X("t:Q", title="fraction of the run"),
            y=alt.Y("r:Q", title="rate / highest rate", scale=alt.Scale(domain=[0, 1.05])),
        )
    )
    return show(
        line.add_params(kind, warm, low).properties(width=320, height=200),
        "The learning rate over a run: it rises in a line and then follows the chosen shape; "
        "controls set the shape, the fraction of the warm-up and the final rate.",
    )
