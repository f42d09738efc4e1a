"""Figures of the chapter on gates. Read with book/networks/gates.md."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.figures.style import BLUE, GRAY, GREEN, ORANGE, figure, label
from groundtruth.figures.vega import Interactive, show, slider
from groundtruth.functional import softmax
from groundtruth.networks.equilibrium import slerp
from groundtruth.networks.gates import sparsemax


def three_gates() -> Figure:
    """A square of points under a scalar, a vector and a matrix gate."""
    fig, axes = figure(2.3, columns=3)
    rim = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]], dtype=float)
    turn = np.array([[np.cos(0.6), -np.sin(0.6)], [np.sin(0.6), np.cos(0.6)]])
    for ax, (name, G) in zip(
        axes,
        (
            ("scalar  g x", 0.5 * np.eye(2)),
            ("vector  g * x", np.diag([0.25, 0.9])),
            ("matrix  G x", turn),
        ),
        strict=True,
    ):
        ax.plot(*rim.T, color=GRAY, linestyle="--", linewidth=1.5)
        ax.plot(*(rim @ G.T).T, color=BLUE, linewidth=2.5)
        ax.set_xlim(-1.55, 1.55)
        ax.set_ylim(-1.55, 1.55)
        ax.set_aspect("equal")
        ax.set_xticks([-1, 0, 1])
        ax.set_yticks([-1, 0, 1])
        label(ax, "$x_1$", "$x_2$", name)
    return fig


def two_choices() -> Figure:
    """The probability of the first of two, by the difference of the scores, for softmax at two temperatures and sparsemax."""
    fig, ax = figure(2.7)
    d = np.linspace(-3, 3, 301)
    pairs = np.stack([d, np.zeros_like(d)], 1)
    ax.plot(d, softmax(pairs)[:, 0], color=BLUE, label="softmax, T = 1")
    ax.plot(d, softmax(pairs / 0.25)[:, 0], color=BLUE, linestyle=":", label="softmax, T = 0.25")
    ax.plot(d, sparsemax(pairs)[:, 0], color=ORANGE, linestyle="--", label="sparsemax")
    ax.legend(loc="lower right")
    label(ax, "score of the first minus score of the second", "probability of the first")
    return fig


def usage(shares: dict[str, np.ndarray]) -> Figure:
    """Share of the rows that each expert gets, (E,) for each way of training."""
    fig, axes = figure(2.4, columns=len(shares), sharey=True)
    for ax, (name, share) in zip(axes, shares.items(), strict=True):
        ax.bar(np.arange(1, len(share) + 1), share, color=BLUE)
        ax.axhline(1 / len(share), color=GRAY, linestyle="--", linewidth=1.5)
        ax.set_xticks(np.arange(1, len(share) + 1))
        ax.set_ylim(0, 1)
        label(ax, "expert", "share of rows" if ax is axes[0] else "", name)
    return fig


def simplex() -> Interactive:
    """Three scores and a temperature: softmax, sparsemax and a hundred Gumbel draws in the triangle of probabilities."""
    noise = np.random.default_rng(3).gumbel(size=(100, 3)).round(2)
    z1, z2, z3 = (
        slider(f"z{i}", f"score {i} ", v, -2, 3, 0.1) for i, v in ((1, 1.5), (2, 0.8), (3, 0.0))
    )
    T = slider("temp", "temperature ", 1.0, 0.1, 3, 0.1)
    half = round(float(np.sqrt(3) / 2), 4)
    scale_x, scale_y = alt.Scale(domain=[-0.12, 1.12]), alt.Scale(domain=[-0.12, 1.0])
    x = alt.X("x:Q", axis=None, scale=scale_x)
    y = alt.Y("y:Q", axis=None, scale=scale_y)

    def at(chart: Any, a: str, b: str, c: str) -> Any:
        """Probabilities proportional to a, b and c as a point of the triangle."""
        return chart.transform_calculate(a=a, b=b, c=c).transform_calculate(
            x="(datum.b + datum.c / 2) / (datum.a + datum.b + datum.c)",
            y=f"{half} * datum.c / (datum.a + datum.b + datum.c)",
        )

    rim = alt.Chart(
        alt.Data(
            values=[
                {"x": 0, "y": 0, "o": 0},
                {"x": 1, "y": 0, "o": 1},
                {"x": 0.5, "y": half, "o": 2},
                {"x": 0, "y": 0, "o": 3},
            ]
        )
    )
    corners = alt.Chart(
        alt.Data(
            values=[
                {"x": -0.06, "y": -0.03, "t": "1"},
                {"x": 1.06, "y": -0.03, "t": "2"},
                {"x": 0.5, "y": half + 0.07, "t": "3"},
            ]
        )
    )
    drawn = at(
        alt.Chart(alt.Data(values=[{"g": row.tolist()} for row in noise])),
        *(f"exp((z{i} + datum.g[{i - 1}]) / temp)" for i in (1, 2, 3)),
    )
    one = alt.Chart(alt.Data(values=[{"k": "softmax"}]))
    soft = at(one, *(f"exp(z{i} / temp)" for i in (1, 2, 3)))
    top, low, total = "max(z1, z2, z3)", "min(z1, z2, z3)", "(z1 + z2 + z3)"
    tau = (
        f"max({top} / temp - 1, ({total} - {low}) / (2 * temp) - 0.5, {total} / (3 * temp) - 1 / 3)"
    )
    spar = at(
        alt.Chart(alt.Data(values=[{"k": "sparsemax"}])),
        *(f"max(z{i} / temp - {tau}, 0)" for i in (1, 2, 3)),
    )
    kind = alt.Color(
        "k:N",
        title=None,
        scale=alt.Scale(domain=["softmax", "sparsemax"], range=[BLUE, ORANGE]),
        legend=alt.Legend(orient="bottom"),
    )
    return show(
        alt.layer(
            rim.mark_line(color=GRAY).encode(x=x, y=y, order="o:Q"),
            corners.mark_text(fontSize=14).encode(x=x, y=y, text="t:N"),
            drawn.mark_circle(color=GREEN, size=28, opacity=0.6).encode(x=x, y=y),
            soft.mark_point(filled=True, size=130, opacity=1).encode(x=x, y=y, color=kind),
            spar.mark_point(filled=True, size=130, opacity=1, shape="square").encode(
                x=x, y=y, color=kind
            ),
        )
        .add_params(z1, z2, z3, T)
        .properties(width=270, height=250),
        "A triangle whose corners are three choices; sliders set three scores and a temperature, and move the point of the softmax, the point of the sparsemax and a hundred relaxed random draws.",
    )


def arcs() -> Interactive:
    """Two vectors, a slider from one to the other: the straight line and the arc."""
    a, b = np.array([1.0, 0.0]), np.array([-0.5, 0.8660254])
    rows = []
    for i, t in enumerate(np.linspace(0, 1, 21)):
        for name, p in (("lerp", (1 - t) * a + t * b), ("slerp", slerp(a, b, float(t)))):
            rows.append(
                {
                    "i": i,
                    "k": name,
                    "x": round(float(p[0]), 3),
                    "y": round(float(p[1]), 3),
                    "n": f"{name}: length {np.linalg.norm(p):.2f}",
                }
            )
    pick = slider("step", "steps of the way, of 20 ", 10, 0, 20, 1)
    data = alt.Data(values=rows)
    x = alt.X("x:Q", title="first dimension", scale=alt.Scale(domain=[-1.1, 1.1]))
    y = alt.Y("y:Q", title="second dimension", scale=alt.Scale(domain=[-0.2, 1.2]))
    kind = alt.Color(
        "k:N",
        title=None,
        scale=alt.Scale(domain=["lerp", "slerp"], range=[GRAY, GREEN]),
        legend=None,
    )
    now = alt.Chart(data).transform_filter("datum.i == step")
    return show(
        alt.layer(
            alt.Chart(data).mark_line(strokeWidth=2).encode(x=x, y=y, color=kind, order="i:Q"),
            now.transform_calculate(zero="0")
            .mark_rule(strokeWidth=2.5)
            .encode(x=x, y=y, x2="zero:Q", y2="zero:Q", color=kind),
            now.mark_circle(size=130, opacity=1).encode(x=x, y=y, color=kind),
            *(
                now.transform_filter(f"datum.k == '{name}'")
                .mark_text(align="left", fontSize=13)
                .encode(x=alt.value(6), y=alt.value(h), text="n:N")
                for name, h in (("lerp", 158), ("slerp", 176))
            ),
        )
        .add_params(pick)
        .properties(width=300, height=190),
        "A slider moves from one vector of length one to another; the straight line passes inside and the vector shortens to one half, the arc keeps its length.",
    )
