"""Figures of the chapter on recurrence. Read with book/networks/recurrence.md."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.figures.numbers import MINUS
from groundtruth.figures.style import BLUE, CYCLE, GRAY, GREEN, ORANGE, PURPLE, figure, label
from groundtruth.figures.vega import Interactive, left_text, one_row, readout, show, slider


def _box(ax: Any, x: float, y: float, text: str, color: str) -> None:
    ax.text(
        x,
        y,
        text,
        ha="center",
        va="center",
        fontsize=12,
        bbox={
            "boxstyle": "round,pad=0.4",
            "facecolor": "white",
            "edgecolor": color,
            "linewidth": 1.6,
        },
    )


def _arrow(
    ax: Any,
    start: tuple[float, float],
    end: tuple[float, float],
    color: str = GRAY,
    gap: float = 17,
) -> None:
    ax.annotate(
        "",
        end,
        start,
        arrowprops={
            "arrowstyle": "->",
            "color": color,
            "shrinkA": gap,
            "shrinkB": gap,
            "linewidth": 1.6,
        },
    )


def unrolled() -> Figure:
    """One cell, drawn once for each of four steps, with the same weights at every step."""
    fig, ax = figure(2.6)
    for t in range(4):
        _box(ax, 1.6 * t, 1, f"$h_{t + 1}$", BLUE)
        _box(ax, 1.6 * t, 0, f"$x_{t + 1}$", GRAY)
        _box(ax, 1.6 * t, 2, f"$y_{t + 1}$", GREEN)
        _arrow(ax, (1.6 * t, 0), (1.6 * t, 1))
        _arrow(ax, (1.6 * t, 1), (1.6 * t, 2))
        ax.text(1.6 * t + 0.12, 0.5, "$W_x$", fontsize=11, va="center")
        if t:
            _arrow(ax, (1.6 * t - 1.6, 1), (1.6 * t, 1), BLUE)
            ax.text(1.6 * t - 0.8, 1.16, "$W_h$", fontsize=11, ha="center")
    ax.set_xlim(-0.5, 5.4)
    ax.set_ylim(-0.35, 2.4)
    ax.axis("off")
    return fig


def conveyor() -> Figure:
    """The cell of an LSTM as a line through time with a forget valve, an inlet and an outlet."""
    fig, ax = figure(2.7)
    ax.plot([0.0, 6.4], [2.0, 2.0], color=BLUE, linewidth=4, zorder=1)
    _arrow(ax, (6.0, 2), (6.9, 2), BLUE, 0)
    for x, y, text, color in (
        (1.4, 2.0, "× f", ORANGE),
        (3.2, 2.0, "+", GREEN),
        (4.9, 1.0, "× o", ORANGE),
    ):
        ax.text(
            x,
            y,
            text,
            ha="center",
            va="center",
            fontsize=13,
            zorder=3,
            bbox={
                "boxstyle": "circle,pad=0.35",
                "facecolor": "white",
                "edgecolor": color,
                "linewidth": 1.8,
            },
        )
    _box(ax, 3.2, 0.7, "i × g", GREEN)
    _arrow(ax, (3.2, 0.7), (3.2, 2), GREEN)
    ax.plot([4.9, 4.9], [2, 1.25], color=BLUE, linewidth=1.6)
    ax.text(5.05, 1.6, "tanh", fontsize=11, va="center")
    _arrow(ax, (4.9, 1), (6.4, 1), PURPLE)
    for x, y, text in ((0.0, 2.25, "$c_{t-1}$"), (6.4, 2.25, "$c_t$"), (6.55, 1.0, "$h_t$")):
        ax.text(x, y, text, fontsize=13, ha="left", va="center")
    ax.set_xlim(-0.2, 7.2)
    ax.set_ylim(0.2, 2.7)
    ax.axis("off")
    return fig


def lags(curves: dict[str, np.ndarray]) -> Figure:
    """Norm of the last state's gradient by lag; curves maps names to (T,), newest first."""
    fig, ax = figure(3.2)
    for (name, v), color, style in zip(
        curves.items(), CYCLE, ("-", "--", "-.", ":", "-"), strict=False
    ):
        ax.plot(v / v[0], style, color=color, label=name)
    ax.set_yscale("log")
    ax.set_ylim(1e-14, 1e4)
    ax.legend(loc="lower left", fontsize=10)
    label(ax, "steps back", "gradient, relative")
    return fig


def recalled(u: np.ndarray, guesses: dict[str, np.ndarray]) -> Figure:
    """A signal (L,) and what was recalled of it from a few numbers."""
    fig, ax = figure(2.7)
    ax.plot(u, color=GRAY, linewidth=3, alpha=0.6, label="signal")
    for (name, v), color, style in zip(guesses.items(), (ORANGE, BLUE), ("--", "-"), strict=False):
        ax.plot(v, style, color=color, label=name)
    ax.legend(fontsize=10, ncols=3, loc="upper center", bbox_to_anchor=(0.5, 1.2))
    label(ax, "step", "value")
    return fig


def eigen_explorer() -> Interactive:
    """The impulse response of one eigenvalue, by modulus and angle, with its half-life."""
    size = slider("mo", "modulus ", 0.95, 0.5, 1.05, 0.01)
    angle = slider("an", "angle, degrees ", 20, 0, 180, 5)
    base = alt.Chart(alt.sequence(0, 61, 1, as_="t")).transform_calculate(
        y="pow(mo, datum.t) * cos(an * PI / 180 * datum.t)", top="pow(mo, datum.t)"
    )
    scale = alt.Scale(domain=[-3, 3], clamp=True)
    x = alt.X("t:Q", title="steps after the impulse")
    y = alt.Y("y:Q", title="response", scale=scale)
    line = base.mark_line(color=BLUE).encode(x=x, y=y)
    dots = base.mark_circle(color=BLUE, size=25).encode(x=x, y=y)
    edge = base.mark_line(color=GRAY, strokeDash=[4, 3]).encode(x=x, y=alt.Y("top:Q", scale=scale))
    memory = (
        one_row(halflife="-log(2) / log(mo)")
        .transform_calculate(fading=readout("half-life {halflife:.1f} steps"))
        .transform_calculate(
            verdict="mo < 1 ? datum.fading : mo == 1 ? 'never forgets' : 'grows without end'"
        )
    )
    text = left_text(memory, "verdict", x=150, y=16, size=14)
    return show(
        alt.layer(edge, line, dots, text).add_params(size, angle).properties(width=380, height=200),
        "The response of one eigenvalue to an impulse over sixty steps; sliders set its modulus, "
        "which decides how fast the response decays, and its angle, which decides how it "
        "oscillates; the half-life is written above.",
    )


def gate_explorer() -> Interactive:
    """Cell and output of one LSTM unit after three pulses, with gates set by sliders."""
    pulses = {5: 1.0, 12: -0.7, 30: 0.8}
    rows = [
        {"t": t, "s": s, "p": p, "late": t - s}
        for t in range(61)
        for s, p in pulses.items()
        if t >= s
    ]
    rows += [{"t": t, "s": 0, "p": 0.0, "late": 0} for t in range(61)]
    f = slider("ff", "forget gate ", 0.9, 0, 1, 0.01)
    i = slider("ii", "input gate ", 1, 0, 1, 0.05)
    o = slider("oo", "output gate ", 0.8, 0, 1, 0.05)
    base = (
        alt.Chart(alt.Data(values=rows))
        .transform_calculate(v="ii * datum.p * pow(ff, datum.late)")
        .transform_aggregate(c="sum(v)", groupby=["t"])
        .transform_calculate(
            cell="datum.c", output="oo * (exp(2 * datum.c) - 1) / (exp(2 * datum.c) + 1)"
        )
        .transform_fold(["cell", "output"], as_=["what", "value"])
    )
    what = {"scale": alt.Scale(domain=["cell", "output"], range=[BLUE, ORANGE])}
    chart = base.mark_line(strokeWidth=2.5).encode(
        x=alt.X("t:Q", title=f"step; pulses of 1.0, {MINUS}0.7 and 0.8 at 5, 12 and 30"),
        y=alt.Y("value:Q", title="value", scale=alt.Scale(domain=[-1, 2])),
        color=alt.Color(
            "what:N", title=None, scale=what["scale"], legend=alt.Legend(orient="bottom")
        ),
        strokeDash=alt.StrokeDash(
            "what:N",
            title=None,
            legend=alt.Legend(orient="bottom"),
            scale=alt.Scale(domain=["cell", "output"], range=[[1, 0], [6, 3]]),
        ),
    )
    return show(
        chart.add_params(f, i, o).properties(width=380, height=200),
        "Cell and output of one unit over sixty steps in which three pulses arrive; sliders hold "
        "the forget, input and output gates, and a forget gate near one keeps what came in.",
    )
