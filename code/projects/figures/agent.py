"""Figures of the page on the agent project. Read with book/capstones/agent.md."""

from __future__ import annotations

import altair as alt
from groundtruth.figures.style import BLUE, GRAY, GREEN, ORANGE, figure
from groundtruth.figures.vega import Interactive, show, slider
from matplotlib.figure import Figure


def sequence() -> Figure:
    """Who sends what to whom, with the list of messages growing downwards."""
    fig, ax = figure(4.8)
    for x, name, color in (
        (0.6, "user", GRAY),
        (3.2, "loop", BLUE),
        (6.0, "model", ORANGE),
        (8.6, "tool", GREEN),
    ):
        ax.plot([x, x], [0, 6.1], color=color, linewidth=1.4)
        ax.text(x, 6.4, name, ha="center", va="bottom", fontsize=13, color=color)
    steps = [
        (5.7, 0.6, 3.2, "question"),
        (5.0, 3.2, 6.0, "1 message"),
        (4.3, 6.0, 3.2, "turn: tool call"),
        (3.5, 3.2, 8.6, "validated call"),
        (2.8, 8.6, 3.2, "observation"),
        (2.1, 3.2, 6.0, "3 messages"),
        (1.4, 6.0, 3.2, "turn: answer"),
        (0.6, 3.2, 0.6, "outcome"),
    ]
    for y, a, b, text in steps:
        ax.annotate(
            "", (b, y), (a, y), arrowprops={"arrowstyle": "->", "color": GRAY, "linewidth": 1.4}
        )
        middle = (a + b) / 2
        if abs(a - b) >= 4:  # beside the line that a long arrow crosses
            middle = 4.6 if a < b else 7.3
        ax.text(
            middle,
            y + 0.07,
            text,
            ha="center",
            va="bottom",
            fontsize=11,
        )
    ax.set_xlim(-0.2, 9.4)
    ax.set_ylim(0, 7)
    ax.axis("off")
    return fig


def patterns() -> Figure:
    """The five workflow patterns: calls of a model as boxes, the program in gray."""
    fig, ax = figure(7.2)

    def box(x: float, y: float, text: str, color: str = ORANGE) -> None:
        ax.text(
            x,
            y,
            text,
            ha="center",
            va="center",
            fontsize=11,
            color=color,
            bbox={"boxstyle": "round,pad=0.35", "facecolor": "none", "edgecolor": color},
        )

    def arrow(a: tuple[float, float], b: tuple[float, float], style: str = "->") -> None:
        ax.annotate("", b, a, arrowprops={"arrowstyle": style, "color": GRAY, "linewidth": 1.3})

    def title(y: float, text: str) -> None:
        ax.text(-0.2, y, text, ha="left", va="center", fontsize=12, fontweight="bold")

    title(14.6, "prompt chaining")
    arrow((0.2, 13.6), (1.4, 13.6))
    box(2.1, 13.6, "call")
    arrow((2.8, 13.6), (3.9, 13.6))
    box(4.7, 13.6, "check", GRAY)
    arrow((5.5, 13.6), (6.6, 13.6))
    box(7.3, 13.6, "call")
    arrow((8.0, 13.6), (9.2, 13.6))

    title(12.3, "routing")
    arrow((0.2, 10.8), (1.2, 10.8))
    box(2.1, 10.8, "router")
    for y in (9.8, 10.8, 11.8):
        box(6.2, y, "call")
        if y == 11.8:
            arrow((3.1, 11.0), (5.4, y))
            arrow((7.0, y), (9.2, 10.9))

    title(8.9, "parallelization")
    for y in (6.5, 7.5, 8.5):
        arrow((0.2, 7.5), (3.3, y))
        box(4.1, y, "call")
        arrow((4.9, y), (6.2, 7.5))
    box(7.2, 7.5, "combine", GRAY)
    arrow((8.2, 7.5), (9.2, 7.5))

    title(5.6, "orchestrator–workers")
    arrow((0.2, 3.4), (1.2, 3.4))
    box(2.0, 3.4, "divide")
    for y in (2.4, 3.4, 4.4):
        arrow((3.0, 3.4), (4.4, y))
        box(5.4, y, "worker")
        arrow((6.4, y), (7.0, 3.4))
    box(8.0, 3.4, "combine")
    arrow((9.0, 3.4), (9.6, 3.4))

    title(1.4, "evaluator–optimizer")
    arrow((0.2, 0.2), (1.2, 0.2))
    box(2.1, 0.2, "writer")
    arrow((3.0, 0.4), (5.1, 0.4))
    arrow((5.1, 0.0), (3.0, 0.0))
    box(6.0, 0.2, "critic")
    arrow((6.9, 0.2), (9.2, 0.2))
    ax.set_xlim(-0.3, 9.8)
    ax.set_ylim(-0.6, 15.1)
    ax.axis("off")
    return fig


def compounding() -> Interactive:
    """Probability that a chain of steps succeeds, with and without retries."""
    p = slider("sp", "probability that a step succeeds ", 0.95, 0.5, 0.999, 0.001)
    n = slider("sn", "steps ", 20, 1, 60, 1)
    r = slider("sr", "retries after a detected failure ", 1, 0, 4, 1)
    rows = (
        alt.Chart(alt.sequence(1, 61, 1, as_="n"))
        .transform_calculate(a="pow(sp, datum.n)", b="pow(1 - pow(1 - sp, sr + 1), datum.n)")
        .transform_fold(["a", "b"], as_=["which", "y"])
        .transform_calculate(which="datum.which == 'a' ? 'no retry' : 'with retries'")
    )
    color = alt.Color(
        "which:N",
        title=None,
        scale=alt.Scale(domain=["no retry", "with retries"], range=[ORANGE, BLUE]),
        legend=alt.Legend(orient="top"),
    )
    dash = alt.StrokeDash(
        "which:N",
        title=None,
        scale=alt.Scale(domain=["no retry", "with retries"], range=[[5, 3], [1, 0]]),
        legend=alt.Legend(orient="top"),
    )
    lines = rows.mark_line(strokeWidth=2).encode(
        x=alt.X("n:Q", title="steps", scale=alt.Scale(domain=[0, 60])),
        y=alt.Y("y:Q", title="probability that all steps succeed", scale=alt.Scale(domain=[0, 1])),
        color=color,
        strokeDash=dash,
    )
    points = (
        rows.transform_filter("datum.n == sn")
        .mark_point(filled=True, size=70, opacity=1)
        .encode(x="n:Q", y="y:Q", color=color)
    )
    text = (
        rows.transform_filter("datum.n == sn")
        .transform_calculate(t="format(datum.y, '.3f')")
        .mark_text(align="left", dx=8, dy=-8, fontSize=12)
        .encode(x="n:Q", y="y:Q", text="t:N", color=color)
    )
    chart = alt.layer(lines, points, text).properties(width=380, height=250).add_params(p, n, r)
    return show(
        chart,
        "Two falling curves, the probability that all steps of a chain succeed, without retries "
        "and with them; sliders set the probability of a step, the number of steps and the "
        "retries, and the two probabilities at that number are written beside their points.",
    )
