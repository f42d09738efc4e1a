"""Figures of the chapter on gates. Read with book/networks/gates.md."""

from __future__ import annotations

import altair as alt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.figures.style import BLUE, GRAY, GREEN, ORANGE, figure, label
from groundtruth.figures.vega import Interactive, series_colors, show, slider
from groundtruth.functional import softmax
from groundtruth.networks.equilibrium import slerp
from groundtruth.networks.gates import sparsemax

HEIGHT = round(float(np.sqrt(3) / 2), 6)  # of a triangle whose sides are one


def three_gates() -> Figure:
    """A square of points under a scalar, a vector and a matrix gate."""
    fig, axes = figure(2.3, columns=3)
    rim = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]], dtype=float)
    turn = np.array([[np.cos(0.6), -np.sin(0.6)], [np.sin(0.6), np.cos(0.6)]])
    for ax, (name, G) in zip(
        axes,
        (
            ("scalar  $g\\,x$", 0.5 * np.eye(2)),
            ("vector  $g\\odot x$", np.diag([0.25, 0.9])),
            ("matrix  $G\\,x$", turn),
        ),
        strict=True,
    ):
        ax.plot(*rim.T, color=GRAY, linestyle="--", linewidth=1.5)
        ax.plot(*(rim @ G.T).T, color=BLUE, linewidth=2.5)
        ax.set_xlim(-1.7, 1.7)
        ax.set_ylim(-1.7, 1.7)
        ax.set_aspect("equal")
        ax.set_xticks([-1, 0, 1])
        ax.set_yticks([-1, 0, 1])
        label(ax, "$x_1$", "$x_2$", name)
    return fig


def two_choices() -> Figure:
    """The probability of the first of two by the difference of their logits."""
    fig, ax = figure(2.7)
    d = np.linspace(-3, 3, 301)
    pairs = np.stack([d, np.zeros_like(d)], 1)
    ax.plot(d, softmax(pairs)[:, 0], color=BLUE, label="softmax, T = 1")
    ax.plot(d, softmax(pairs / 0.25)[:, 0], color=BLUE, linestyle=":", label="softmax, T = 0.25")
    ax.plot(d, sparsemax(pairs)[:, 0], color=ORANGE, linestyle="--", label="sparsemax")
    ax.legend(loc="lower right")
    label(ax, "logit of the first minus logit of the second", "probability of the first")
    return fig


def descent(paths: dict[tuple[str, float], np.ndarray]) -> Figure:
    """The probability (steps,) over the steps, by estimator and starting point."""
    fig, ax = figure(3.4)
    styles = {
        "score function": (GRAY, "-"),
        "straight-through": (ORANGE, "-"),
        "Gumbel-softmax, T = 0.5": (BLUE, "--"),
        "Gumbel-softmax, T = 0.1": (GREEN, ":"),
    }
    for (name, start), path in paths.items():
        if name in styles:
            color, line = styles[name]
            is_first = start == min(start for _, start in paths)
            text = name.replace("Gumbel-softmax", "Gumbel") if is_first else None
            ax.plot(path, color=color, linestyle=line, linewidth=2, label=text)
    ax.set_ylim(-0.02, 1)
    ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=2, columnspacing=3)
    label(ax, "step", "probability p of the bit 1")
    return fig


def _mixture(chart: alt.Chart, *weights: str) -> alt.Chart:
    """Probabilities proportional to three formulas as a point (x, y) of the triangle."""
    first, second, third = weights
    return (
        chart.transform_calculate(a=first, b=second, c=third)
        .transform_calculate(sum="datum.a + datum.b + datum.c")
        .transform_calculate(
            x="(datum.b + datum.c / 2) / datum.sum", y=f"{HEIGHT} * datum.c / datum.sum"
        )
    )


def _sparsemax(chart: alt.Chart) -> alt.Chart:
    """The sparsemax of the three logits: each minus one threshold, and nothing below zero.

    The threshold is the largest of (sum of the k highest - 1) / k over k = 1, 2, 3.
    """
    ordered = chart.transform_calculate(
        one="max(z1, z2, z3) / temp",
        two="(z1 + z2 + z3 - min(z1, z2, z3)) / temp",
        three="(z1 + z2 + z3) / temp",
    )
    with_threshold = ordered.transform_calculate(
        tau="max(datum.one - 1, (datum.two - 1) / 2, (datum.three - 1) / 3)"
    )
    return _mixture(with_threshold, *(f"max(z{i} / temp - datum.tau, 0)" for i in (1, 2, 3)))


def simplex() -> Interactive:
    """Softmax, sparsemax and a hundred Gumbel draws of three logits, in a triangle."""
    kinds = ["softmax", "sparsemax", "random draw"]
    noise = np.random.default_rng(3).gumbel(size=(100, 3)).round(2)
    controls = [
        slider("z1", "logit 1 ", 1.5, -2, 3, 0.1),
        slider("z2", "logit 2 ", 0.8, -2, 3, 0.1),
        slider("z3", "logit 3 ", 0.0, -2, 3, 0.1),
        slider("temp", "temperature ", 1.0, 0.1, 3, 0.1),
    ]
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[-0.12, 1.12]))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[-0.12, 1.0]))
    corners = [(0.0, 0.0), (1.0, 0.0), (0.5, HEIGHT)]
    outline = [{"x": a, "y": b, "o": i} for i, (a, b) in enumerate([*corners, corners[0]])]
    names = [
        {"x": 0.0, "y": -0.07, "t": "option 1"},
        {"x": 1.0, "y": -0.07, "t": "option 2"},
        {"x": 0.5, "y": HEIGHT + 0.07, "t": "option 3"},
    ]
    draws = _mixture(
        alt.Chart(alt.Data(values=[{"g": row.tolist(), "k": kinds[2]} for row in noise])),
        *(f"exp((z{i} + datum.g[{i - 1}]) / temp)" for i in (1, 2, 3)),
    )
    soft = _mixture(
        alt.Chart(alt.Data(values=[{"k": "softmax"}])), *(f"exp(z{i} / temp)" for i in (1, 2, 3))
    )
    sparse = _sparsemax(alt.Chart(alt.Data(values=[{"k": "sparsemax"}])))
    kind = alt.Color(
        "k:N",
        title=None,
        scale=series_colors(kinds),
        legend=alt.Legend(orient="bottom"),
    )
    shape = alt.Shape(
        "k:N", title=None, scale=alt.Scale(domain=kinds, range=["circle", "square", "triangle-up"])
    )
    point = {"filled": True, "size": 130, "opacity": 1}
    return show(
        alt.layer(
            alt.Chart(alt.Data(values=outline)).mark_line(color=GRAY).encode(x=x, y=y, order="o:Q"),
            alt.Chart(alt.Data(values=names)).mark_text(fontSize=14).encode(x=x, y=y, text="t:N"),
            draws.mark_point(filled=True, size=28, opacity=0.6).encode(
                x=x, y=y, color=kind, shape=shape
            ),
            soft.mark_point(**point).encode(x=x, y=y, color=kind, shape=shape),
            sparse.mark_point(**point).encode(x=x, y=y, color=kind, shape=shape),
        )
        .add_params(*controls)
        .properties(width=270, height=250),
        "A triangle whose corners are three choices; sliders set three logits and a temperature, "
        "and "
        "move the point of the softmax, the point of the sparsemax and a hundred relaxed random "
        "draws.",
    )


def arcs() -> Interactive:
    """Two unit vectors, a slider from one to the other: the straight line and the arc."""
    a = np.array([1.0, 0.0])
    b = np.array([-0.5, 0.8660254])
    rows = []
    for i, t in enumerate(np.linspace(0, 1, 21)):
        for name, p in (("lerp", (1 - t) * a + t * b), ("slerp", slerp(a, b, float(t)))):
            rows.append(
                {
                    "i": i,
                    "k": name,
                    "x": round(float(p[0]), 3),
                    "y": round(float(p[1]), 3),
                    "n": f"{name}: norm {np.linalg.norm(p):.2f}",
                }
            )
    pick = slider("step", "t, in twentieths ", 10, 0, 20, 1)
    data = alt.Data(values=rows)
    x = alt.X(
        "x:Q",
        title="first dimension",
        scale=alt.Scale(domain=[-1.1, 1.1]),
        axis=alt.Axis(values=[-1, -0.5, 0, 0.5, 1]),
    )
    y = alt.Y("y:Q", title="second dimension", scale=alt.Scale(domain=[-0.2, 1.2]))
    kind = alt.Color(
        "k:N",
        title=None,
        scale=alt.Scale(domain=["lerp", "slerp"], range=[GRAY, GREEN]),
        legend=alt.Legend(orient="bottom"),
    )
    dash = alt.StrokeDash(
        "k:N", title=None, scale=alt.Scale(domain=["lerp", "slerp"], range=[[6, 3], [1, 0]])
    )
    now = alt.Chart(data).transform_filter("datum.i == step")
    return show(
        alt.layer(
            alt.Chart(data)
            .mark_line(strokeWidth=2)
            .encode(x=x, y=y, color=kind, strokeDash=dash, order="i:Q"),
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
        "A slider moves from one unit vector to another; the straight line passes inside "
        "and the norm falls to one half, the arc keeps it.",
    )
