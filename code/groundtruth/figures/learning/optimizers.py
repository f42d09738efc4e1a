"""Figures of the chapter on optimizers. Read with book/learning/optimizers.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import altair as alt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.figures.style import BLUE, GRAY, GREEN, ORANGE, PURPLE, figure, label
from groundtruth.figures.vega import Interactive, choose, menu, note, one_row, rings, show, slider
from groundtruth.learning import optimizers as opt
from groundtruth.learning import schedules


def ravine() -> Figure:
    """Sixty steps of four optimizers in a valley thirty times as steep across as along."""
    fig, axes = figure(2.6, columns=2, sharey=True)
    a, b = np.meshgrid(np.linspace(-1.2, 0.5, 80), np.linspace(-0.6, 0.7, 80))
    pairs = (
        (
            ("descent", BLUE, "-", lambda p: opt.SGD(p, 0.06)),
            ("momentum 0.8", ORANGE, "--", lambda p: opt.SGD(p, 0.03, momentum=0.8)),
        ),
        (
            ("AdaGrad", GREEN, "-", lambda p: opt.AdaGrad(p, 0.3)),
            ("Adam", PURPLE, "--", lambda p: opt.Adam(p, 0.1)),
        ),
    )
    for ax, pair in zip(axes, pairs, strict=True):
        ax.contour(a, b, (a**2 + 30 * b**2) / 2, levels=7, colors=GRAY, linewidths=0.6)
        for name, color, style, make in pair:
            x = np.array([-1.0, 0.5])
            optimizer = make([x])
            path = [x.copy()]
            for _ in range(60):
                optimizer.step([np.array([1.0, 30.0]) * x])
                path.append(x.copy())
            ax.plot(*np.array(path).T, style, color=color, linewidth=1.4, label=name)
        ax.plot(0, 0, "*", color=GRAY, markersize=9)
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0))
        label(ax, "along", "across")
        ax.label_outer()
    return fig


def gallery(total: int = 100) -> Figure:
    """Four schedules over a hundred steps, in units of their highest rate."""
    fig, axes = figure(2.5, columns=2, sharey=True)
    t = np.arange(total)
    curves: tuple[tuple[tuple[str, str, str, Callable[[int], float]], ...], ...] = (
        (
            ("step", BLUE, "-", lambda t: schedules.step(t, 1.0, 33, 0.3)),
            ("one cycle", ORANGE, "--", lambda t: schedules.one_cycle(t, 1.0, total)[0]),
            ("restarts", GREEN, ":", lambda t: schedules.sgdr(t, 1.0, 14, 2)),
        ),
        (
            ("warm-up, cosine", BLUE, "-", lambda t: schedules.warmup_cosine(t, 1.0, 10, total)),
            ("inverse root", ORANGE, "--", lambda t: schedules.inverse_sqrt(t, 1.0, 10)),
            ("warm, stay, decay", GREEN, ":", lambda t: schedules.wsd(t, 1.0, 10, 25, total)),
        ),
    )
    for ax, group in zip(axes, curves, strict=True):
        for name, color, style, rate in group:
            ax.plot(t, [rate(int(s)) for s in t], style, color=color, label=name)
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0))
        label(ax, "step", "rate / highest rate")
        ax.label_outer()
    return fig


def sweep(rates: Any, losses: Any, chosen: float) -> Figure:
    """The smoothed loss of a range test over the rate, with the chosen rate marked."""
    fig, ax = figure(2.5)
    ax.plot(rates, losses, color=BLUE)
    ax.axvline(chosen, color=ORANGE, linestyle="--")
    ax.annotate(
        "steepest fall",
        (chosen, losses.max() * 0.96),
        xytext=(-6, 0),
        textcoords="offset points",
        ha="right",
        color=ORANGE,
    )
    ax.set_xscale("log")
    label(ax, "learning rate", "smoothed loss")
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
        memory="1 / (1 - bet)",
        rate="eta / (1 - bet)",
        verdict="eta * 30 > 2 * (1 + bet) ? ': diverges' : ''",
    )
    text = note(numbers, "steps remembered {memory:.0f}, rate in effect {rate:.3f}{verdict}")
    return show(
        alt.layer(contours, path, text).add_params(eta, beta).properties(width=300, height=250),
        "Sixty steps of momentum from the upper left of a valley; sliders set the rate and the "
        "momentum, and the number of steps remembered and the rate in effect are written above.",
    )


def shapes() -> Interactive:
    """A schedule drawn from its parameters: kind, warm-up share and final rate."""
    decays = {
        "cosine": "low + (1 - low) * (1 + cos(PI * datum.rest)) / 2",
        "line": "1 - (1 - low) * datum.rest",
        "inverse root": "sqrt(war / max(datum.t, 0.001))",
        "constant": "1",
    }
    kind = menu("kin", "after warm-up ", list(decays))
    warm = slider("war", "share of warm-up ", 0.1, 0.02, 0.5, 0.02)
    low = slider("low", "final rate (cosine and line) ", 0.0, 0.0, 0.5, 0.05)
    line = (
        alt.Chart(alt.sequence(0, 1.0001, 0.01, as_="t"))
        .transform_calculate(rest="(datum.t - war) / (1 - war)")
        .transform_calculate(r=f"datum.t < war ? datum.t / war : {choose('kin', decays)}")
        .mark_line(color=BLUE)
        .encode(
            x=alt.X("t:Q", title="share of the run"),
            y=alt.Y("r:Q", title="rate / highest rate", scale=alt.Scale(domain=[0, 1.05])),
        )
    )
    return show(
        line.add_params(kind, warm, low).properties(width=320, height=200),
        "The learning rate over a run: it rises in a line and then follows the chosen shape; "
        "controls set the shape, the share of the warm-up and the final rate.",
    )
