"""Figures of the chapter on one unit. Read with book/networks/neuron.md."""

from __future__ import annotations

import altair as alt
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.figures.style import (
    BLUE,
    GRAY,
    GREEN,
    ORANGE,
    WIDTH_IN,
    figure,
    label,
    use_style,
)
from groundtruth.figures.vega import (
    Interactive,
    choose,
    menu,
    note,
    one_row,
    show,
    sigmoid,
    slider,
    tanh,
)
from groundtruth.networks.activations import ACTIVATIONS
from groundtruth.networks.regions import folded


def field(w: np.ndarray, b: float) -> Figure:
    """The score w.x + b over a plane, with its boundary and w, beside the rectified score."""
    fig, axes = figure(2.9, 2, sharey=True)
    edge = np.array([-3.0, 3.0])
    x1, x2 = np.meshgrid(edge, edge)
    z = w[0] * x1 + w[1] * x2 + b
    levels = np.arange(-8, 9.0)
    shades = []
    for ax, low, name in zip(axes, (-8, 0), ("score $z$", "rectified, $\\max(0, z)$"), strict=True):
        shades.append(
            ax.contourf(x1, x2, z, levels=levels[levels >= low], cmap="PuOr", vmin=-8, vmax=8)
        )
        ax.plot(edge, (-b - w[0] * edge) / w[1], color=BLUE)
        foot = -b * w / (w @ w)
        ax.annotate(
            "", foot + w, foot, arrowprops={"arrowstyle": "->", "color": "black", "linewidth": 2}
        )
        ax.set_xlim(-3, 3)
        ax.set_ylim(-3, 3)
        ax.set_aspect("equal")
        label(ax, "$x_1$", "$x_2$" if low else "", name)
    fig.colorbar(shades[0], ax=axes, ticks=[-8, -4, 0, 4, 8], shrink=0.7, label="score")
    return fig


def bends() -> Figure:
    """Twelve activations and, dashed, their slopes."""
    use_style()
    names = [
        "step",
        "relu",
        "leaky_relu",
        "elu",
        "selu",
        "softplus",
        "sigmoid",
        "tanh",
        "repu",
        "gelu",
        "silu",
        "hard_swish",
    ]
    fig, grid = plt.subplots(
        4, 3, figsize=(WIDTH_IN, 6.4), layout="constrained", sharex=True, sharey=True
    )
    z = np.linspace(-3, 3, 121)
    for i, (ax, name) in enumerate(zip(grid.ravel(), names, strict=True)):
        f = ACTIVATIONS[name]
        ax.plot(z, f.f(z), color=BLUE, linewidth=2)
        ax.plot(z, f.slope(z), "--", color=ORANGE, linewidth=1.4)
        ax.set_ylim(-1.4, 3)
        label(ax, "$z$" if i >= 9 else "", "" if i % 3 else "$f$, slope", name.replace("_", " "))
    return fig


def three_lines() -> Figure:
    """Three lines in general position and the seven cells, named by the units that are on."""
    fig, ax = figure(3.2)
    W = np.array([[1.0, 0.2], [-0.3, 1.0], [-1.0, -1.0]]).T
    b = np.array([1.0, 0.9, 0.4])
    x = np.array([-3.6, 3.6])
    for i, color in enumerate((BLUE, ORANGE, GREEN)):
        ax.plot(x, (-b[i] - W[0, i] * x) / W[1, i], color=color, label=f"unit {i + 1}")
    across = np.linspace(-3.4, 3.4, 137)
    up = np.linspace(-3.4, 5.0, 169)
    P = np.array(np.meshgrid(across, up)).reshape(2, -1).T
    on = P @ W + b > 0
    for pattern in np.unique(on, axis=0):
        place = P[(on == pattern).all(1)].mean(0)
        ax.text(
            *place,
            "".join("1" if v else "0" for v in pattern),
            ha="center",
            va="center",
            fontsize=12,
        )
    ax.set_xlim(-3.6, 3.6)
    ax.set_ylim(-3.6, 5.2)
    ax.set_aspect("equal")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    label(ax, "$x_1$", "$x_2$")
    return fig


def folds() -> Figure:
    """A straight cut through a sheet folded zero, one and two times, unfolded."""
    fig, axes = figure(2.1, 3, sharey=True)
    x = np.linspace(0, 1, 257)
    for k, ax in enumerate(axes):
        u = folded(x, k)  # where the point lies in the folded sheet
        ax.plot(x, 0.2 + 0.6 * u, color=BLUE)
        for crease in np.arange(1, 2**k) / 2**k:
            ax.axvline(crease, color=GRAY, linestyle=":", linewidth=1.2)
        ax.set_xlim(0, 1)
        ax.set_ylim(0, 1)
        ax.set_xticks([0, 1])
        ax.set_yticks([0, 1])
        ax.set_aspect("equal")
        label(ax, "$x_1$", "" if k else "$x_2$", f"{k} fold" + "s" * (k != 1))
    return fig


def hats(x: np.ndarray, target: np.ndarray, lines: dict[int, np.ndarray]) -> Figure:
    """A curve (n,) and broken lines through it; `lines` maps a number of pieces to values (n,)."""
    fig, ax = figure(2.6)
    ax.plot(x, target, color=GRAY, linewidth=3, alpha=0.6, label="target")
    for (n, y), style, color in zip(lines.items(), ("--", "-"), (ORANGE, BLUE), strict=True):
        ax.plot(x, y, style, color=color, label=f"{n} pieces")
    ax.legend()
    label(ax, "$x$", "$f(x)$")
    return fig


def _output(chart: alt.Chart, a: str, b: str) -> alt.Chart:
    """The score datum.z and the output datum.f of the unit at the point with formulas a and b."""
    outputs = {
        "identity": "datum.z",
        "step": "(datum.z >= 0 ? 1 : 0)",
        "relu": "max(0, datum.z)",
        "sigmoid": sigmoid("datum.z"),
        "tanh": tanh("datum.z"),
        "silu": f"datum.z * {sigmoid('datum.z')}",
    }
    direction = "ang * PI / 180"
    score = f"len * (cos({direction}) * {a} + sin({direction}) * {b}) + bi"
    return chart.transform_calculate(z=score).transform_calculate(f=choose("act", outputs))


def explorer() -> Interactive:
    """The output of one unit over the plane, with controls for the unit and for one point."""
    side = np.arange(-3, 3.1, 0.5)
    grid = alt.Data(values=[{"a": float(a), "b": float(b)} for a in side for b in side])
    names = ["identity", "step", "relu", "sigmoid", "tanh", "silu"]
    controls = [
        slider("ang", "angle of w (degrees) ", 30, -180, 180, 15),
        slider("len", "norm of w ", 1, 0.25, 3, 0.25),
        slider("bi", "b ", -0.5, -3, 3, 0.25),
        slider("p1", "point x1 ", 2, -3, 3, 0.5),
        slider("p2", "point x2 ", 1, -3, 3, 0.5),
        menu("act", "activation ", names, "relu"),
    ]
    scale = alt.Scale(domain=[-3.25, 3.25])
    x = alt.X("a:Q", title="x1", scale=scale)
    y = alt.Y("b:Q", title="x2", scale=scale)
    colors = alt.Scale(domain=[-4, 4], scheme="purpleorange", clamp=True)
    shade = (
        _output(alt.Chart(grid), "datum.a", "datum.b")
        .mark_square(size=480, opacity=0.75)
        .encode(x=x, y=y, color=alt.Color("f:Q", title="f(z)", scale=colors))
    )
    one = _output(one_row(a="p1", b="p2"), "p1", "p2").transform_calculate(distance="datum.z / len")
    dot = one.mark_point(size=120, filled=True, color=BLUE, opacity=1).encode(x=x, y=y)
    text = note(
        one,
        "z = {z:.2f}, distance {distance:.2f}, f(z) = {f:.2f}",
        x=0,
        y=-10,
        fontWeight="bold",
    )
    return show(
        alt.layer(shade, dot, text).add_params(*controls).properties(width=290, height=290),
        "A plane shaded by the output of one unit, with one point; sliders turn and stretch the "
        "weight vector, shift the bias and move the point, and a menu changes the activation; "
        "score, "
        "distance and output are written above.",
    )


def sawtooth() -> Interactive:
    """The tent applied again and again; a slider sets how often, and its pieces are counted."""
    data = [
        {"x": round(float(v), 4), **{f"k{k}": round(float(folded(v, k)), 3) for k in range(1, 7)}}
        for v in np.arange(129) / 128
    ]
    depth = slider("kk", "layers of two units ", 2, 1, 6, 1)
    line = (
        alt.Chart(alt.Data(values=data))
        .transform_calculate(y="datum['k' + kk]")
        .mark_line(color=BLUE)
        .encode(
            x=alt.X("x:Q", title="x"),
            y=alt.Y("y:Q", title="output", scale=alt.Scale(domain=[0, 1.2])),
        )
    )
    counts = one_row(units="2 * kk", pieces="pow(2, kk)", corners="pow(2, kk) - 1")
    text = note(
        counts,
        "{units} units, {pieces} straight pieces; one hidden layer would need {corners} corners",
        x=6,
        y=10,
    )
    return show(
        alt.layer(line, text).add_params(depth).properties(width=400, height=200),
        "A sawtooth over the unit interval; a slider adds layers of two rectifiers, and each layer "
        "doubles the number of teeth.",
    )
