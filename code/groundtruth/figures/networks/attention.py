"""Figures of the chapter on attention. Read with book/networks/attention.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from groundtruth.figures.style import (
    BLUE,
    CYCLE,
    GRAY,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    WIDTH_IN,
    figure,
    label,
    use_style,
)
from groundtruth.figures.vega import Interactive, menu, show, slider

WORDS = ["the", "cat", "sat", "because", "it"]
KEYS = np.array(
    [[0.1, -1.7], [1.8, 1.2], [-1.6, 0.8], [-1.5, -0.7], [0.9, -1.4]]
)  # (5, 2), set by hand


def flow() -> Figure:
    """From tokens to queries, keys, values, scores, weights and outputs, with shapes."""
    fig, ax = figure(3.9)
    boxes = {
        "x": (0.5, 2.5, "x\n(T, C)", GRAY),
        "q": (2.2, 4.1, "Q\n(T, D)", BLUE),
        "k": (2.2, 2.5, "K\n(T, D)", ORANGE),
        "v": (2.2, 0.9, "V\n(T, D)", GREEN),
        "s": (4.05, 3.3, "$S = QK^\\top/\\sqrt{D}$\n(T, T)", PURPLE),
        "p": (6.55, 3.3, "P = softmax\n(T, T)", PURPLE),
        "o": (6.55, 0.9, "P V\n(T, D)", GREEN),
    }
    for a, b in (
        ("x", "q"),
        ("x", "k"),
        ("x", "v"),
        ("q", "s"),
        ("k", "s"),
        ("s", "p"),
        ("p", "o"),
        ("v", "o"),
    ):
        (x1, y1, _, _), (x2, y2, _, _) = boxes[a], boxes[b]
        ax.annotate(
            "",
            (x2, y2),
            (x1, y1),
            arrowprops={
                "arrowstyle": "->",
                "color": GRAY,
                "shrinkA": 24,
                "shrinkB": {"s": 42, "p": 44}.get(b, 28),
                "linewidth": 1.4,
            },
        )
    for x, y, text, color in boxes.values():
        ax.text(
            x,
            y,
            text,
            ha="center",
            va="center",
            fontsize=12,
            bbox={
                "boxstyle": "round,pad=0.35",
                "facecolor": "white",
                "edgecolor": color,
                "linewidth": 1.6,
            },
        )
    for x, y, text in ((1.25, 3.65, "$W_Q$"), (1.3, 2.72, "$W_K$"), (1.25, 1.35, "$W_V$")):
        ax.text(x, y, text, ha="center", va="center", fontsize=12)
    ax.set_xlim(-0.1, 7.5)
    ax.set_ylim(0.2, 4.8)
    ax.axis("off")
    return fig


def masks(n: int = 6) -> Figure:
    """Which keys a query may attend to: no mask, the causal mask, a padding mask."""
    use_style()
    fig, axes = plt.subplots(1, 3, figsize=(WIDTH_IN, 2.1), layout="constrained")
    padding = np.ones((n, n))
    padding[:, n - 2 :] = 0
    tables = {"no mask": np.ones((n, n)), "causal": np.tri(n), "padding": padding}
    for ax, (name, allowed) in zip(axes, tables.items(), strict=True):
        for i, j in np.ndindex(n, n):
            on = bool(allowed[i, j])
            square = plt.Rectangle(
                (j + 0.06, i + 0.06),
                0.88,
                0.88,
                facecolor=BLUE if on else "none",
                edgecolor=BLUE if on else GRAY,
                linewidth=0.8,
            )
            ax.add_patch(square)
        ax.set_xlim(0, n)
        ax.set_ylim(n, 0)
        ax.set_aspect("equal")
        ax.set_xticks([])
        ax.set_yticks([])
        label(ax, "key", "query" if name == "no mask" else "", name)
    return fig


def encodings(positions: np.ndarray, table: np.ndarray, whole: np.ndarray) -> Figure:
    """Four entries of positional encodings (T, C), C > 4, as functions of the positions (T,), and
    all entries at the whole positions, `whole` (n, C).
    """
    use_style()
    fig, (curves, heat) = plt.subplots(
        2, 1, figsize=(WIDTH_IN, 4.6), layout="constrained", height_ratios=(1, 1.15), sharex=True
    )
    entries = (0, 1, 2, 4)
    styles = ("-", "--", "-.", ":")
    for entry, color, style in zip(entries, CYCLE, styles, strict=False):
        curves.plot(positions, table[:, entry], style, color=color, label=f"entry {entry}")
    curves.set_ylim(-1.15, 2.05)
    curves.set_yticks([-1, 0, 1])
    curves.legend(loc="upper left", ncol=2)
    label(curves, "", "entry of the encoding")
    n, C = whole.shape
    mesh = heat.pcolormesh(  # cells and no image, as in `maps`
        np.arange(n + 1) - 0.5,
        np.arange(C + 1) - 0.5,
        whole.T,
        cmap="Blues",
        vmin=-1,
        vmax=1,
        edgecolors="face",
        linewidth=0.2,
        snap=True,
    )
    heat.set_yticks(range(0, C, 2))
    heat.set_xlim(-0.5, n - 0.5)
    heat.set_ylim(C - 0.5, -0.5)
    label(heat, "position", "number of the entry")
    fig.colorbar(mesh, ax=heat, label="value", values=np.linspace(-1, 1, 21), ticks=[-1, 0, 1])
    return fig


def _box(ax: Axes, x: float, y: float, text: str, color: str, width: float = 2.6) -> None:
    """A box with its center at (x, y) and a text in it."""
    patch = FancyBboxPatch(
        (x - width / 2, y - 0.34),
        width,
        0.68,
        boxstyle="round,pad=0.04",
        facecolor="white",
        edgecolor=color,
        linewidth=1.5,
    )
    ax.add_patch(patch)
    ax.text(x, y, text, ha="center", va="center", fontsize=10)


def _arrow(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], color: str = GRAY
) -> None:
    arrow = {"arrowstyle": "->", "color": color, "linewidth": 1.4, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=arrow)


def _branch(ax: Axes, stream: float, y: float, text: str, color: str) -> None:
    """A branch that leaves a residual stream, passes LN and a box, and is added again."""
    center = stream + 2.3
    _box(ax, center, y, text, color)
    ax.plot([stream, center, center], [y - 0.62, y - 0.62, y - 0.42], color=GRAY, linewidth=1.3)
    ax.text(stream + 0.5, y - 0.56, "LN", ha="center", va="bottom", fontsize=9.5)
    ax.plot([center, center], [y + 0.38, y + 0.62], color=GRAY, linewidth=1.3)
    _arrow(ax, (center, y + 0.62), (stream + 0.2, y + 0.62))
    circle = plt.Circle((stream, y + 0.62), 0.19, facecolor="white", edgecolor=INK, zorder=3)
    ax.add_patch(circle)
    ax.text(stream, y + 0.6, "+", ha="center", va="center", fontsize=11, zorder=4)


def block() -> Figure:
    """An encoder-decoder transformer in Pre-LN form, drawn along its two residual streams."""
    fig, ax = figure(5.2)
    left = 0.5
    right = 5.4
    for stream, top, blocks in ((left, 6.6, "encoder"), (right, 8.7, "decoder")):
        ax.plot([stream, stream], [0.75, top], color=INK, linewidth=3, zorder=1)
        frame = plt.Rectangle(
            (stream - 0.35, 1.6), 4.2, top - 2.5, facecolor="none", edgecolor=GRAY, linestyle=":"
        )
        ax.add_patch(frame)
        ax.text(
            stream + 3.8, top - 0.85, f"N {blocks} blocks", ha="right", va="bottom", fontsize=10
        )
    _branch(ax, left, 2.6, "self-attention", BLUE)
    _branch(ax, left, 4.7, "FFN", GREEN)
    _branch(ax, right, 2.6, "causal\nself-attention", BLUE)
    _branch(ax, right, 4.7, "cross-attention", ORANGE)
    _branch(ax, right, 6.8, "FFN", GREEN)
    ax.text(1.5, 0.35, "source embeddings\nand positions", ha="center", va="center", fontsize=10)
    ax.text(6.6, 0.35, "target embeddings\nand positions", ha="center", va="center", fontsize=10)
    ax.text(left + 0.0, 6.95, "LN, then keys and values", va="center", fontsize=10)
    ax.text(right + 0.3, 8.95, "LN, linear layer: logits", va="center", fontsize=10)
    _arrow(ax, (right, 8.7), (right, 9.1))
    ax.plot([left, 4.86, 4.86], [6.6, 6.6, 4.7], color=ORANGE, linewidth=1.6)
    _arrow(ax, (4.86, 4.7), (right + 0.92, 4.7), ORANGE)
    ax.set_xlim(0, 9.4)
    ax.set_ylim(-0.1, 9.3)
    ax.axis("off")
    return fig


def maps(ids: np.ndarray, recall: np.ndarray, reverse: np.ndarray) -> Figure:
    """Attention weights of two trained models: the questions (4) to the pairs (4) of one
    sequence ids (8, 2), and all positions to all.
    """
    use_style()
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH_IN, 2.7), layout="constrained")
    letters = np.array(list("abcd"))
    pairs = [f"{letters[a]}{b - 4}" for a, b in ids[:4]]
    questions = [f"{letters[a]}?" for a, _ in ids[4:]]
    numbers = [str(i) for i in range(1, 9)]
    meshes = []
    for ax, weights, rows, columns, name in (
        (axes[0], recall[4:, :4], questions, pairs, "recall"),
        (axes[1], reverse, numbers, numbers, "reverse"),
    ):
        # cells and no image: vector graphics have a dark version
        mesh = ax.pcolormesh(
            weights, cmap="Blues", vmin=0, vmax=1, edgecolors="face", linewidth=0.2, snap=True
        )
        meshes.append(mesh)
        ax.set_xticks(np.arange(len(columns)) + 0.5, columns)
        ax.set_yticks(np.arange(len(rows)) + 0.5, rows)
        ax.set_ylim(len(rows), 0)
        ax.set_aspect("equal")
        label(ax, "key" if name == "recall" else "key, position", "query", name)
    fig.colorbar(meshes[0], ax=axes, label="weight", shrink=0.8, values=np.linspace(0, 1, 21))
    return fig


def collapse(curves: Mapping[str, Sequence[float]]) -> Figure:
    """Norm of the tokens minus their mean over the norm of the tokens, by layer."""
    fig, ax = figure(2.9)
    styles = ("-", "--", "-.", "-")
    for (name, values), color, style in zip(curves.items(), CYCLE, styles, strict=False):
        ax.plot(np.maximum(values, 1e-16), style, color=color, label=name)
    ax.set_yscale("log")
    ax.set_ylim(1e-17, 10)
    ax.set_xticks(range(0, 13, 2))
    ax.legend(loc="center right", bbox_to_anchor=(1, 0.58))
    label(ax, "layer", "diversity of the tokens")
    return fig


def _weights(chart: alt.Chart) -> alt.Chart:
    """The attention weight datum.p of each key, a softmax over the keys that are allowed."""
    turned = "cos(an * PI / 180) * datum.x + sin(an * PI / 180) * datum.y"
    return (
        chart.transform_calculate(score=f"le * ({turned}) / sqrt(2) / te")
        .transform_calculate(s="cu == 'all words' || datum.i < 3 ? datum.score : -1e9")
        .transform_joinaggregate(top="max(s)")
        .transform_calculate(e="exp(datum.s - datum.top)")
        .transform_joinaggregate(sum="sum(e)")
        .transform_calculate(p="datum.e / datum.sum", t="format(datum.e / datum.sum, '.2f')")
    )


def explorer() -> Interactive:
    """A query in the plane set by sliders, five keys, the weights and the output."""
    rows = [
        {"w": w, "i": i, "x": float(k[0]), "y": float(k[1])}
        for i, (w, k) in enumerate(zip(WORDS, KEYS, strict=True))
    ]
    controls = [
        slider("an", "direction of the query, degrees ", -120, -180, 180, 5),
        slider("le", "norm of the query ", 1.5, 0, 2.5, 0.1),
        slider("te", "temperature ", 1, 0.1, 5, 0.1),
        menu("cu", "may attend to ", ["all words", "words up to sat"]),
    ]
    base = _weights(alt.Chart(alt.Data(values=rows)))
    bars = base.mark_bar(color=BLUE).encode(
        x=alt.X("p:Q", title="weight", scale=alt.Scale(domain=[0, 1])),
        y=alt.Y("w:N", title=None, sort=WORDS),
    )
    text = base.mark_text(align="left", dx=4, fontSize=12).encode(
        x="p:Q", y=alt.Y("w:N", sort=WORDS), text="t:N"
    )
    plane_scale = alt.Scale(domain=[-2.6, 2.6])
    dots = base.mark_circle(color=ORANGE, opacity=1).encode(
        x=alt.X("x:Q", title="key, first entry", scale=plane_scale),
        y=alt.Y("y:Q", title="second entry", scale=plane_scale),
        size=alt.Size("p:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=[20, 500])),
    )
    names = base.mark_text(dy=-16, fontSize=12).encode(x="x:Q", y="y:Q", text="w:N")
    blend = (
        base.transform_calculate(px="datum.p * datum.x", py="datum.p * datum.y")
        .transform_aggregate(bx="sum(px)", by="sum(py)")
        .mark_point(shape="cross", size=220, color=GREEN, filled=True)
        .encode(x="bx:Q", y="by:Q")
    )
    needle = (
        alt.Chart(alt.Data(values=[{"e": 0}, {"e": 1}]))
        .transform_calculate(
            x="datum.e * le * cos(an * PI / 180)", y="datum.e * le * sin(an * PI / 180)"
        )
        .mark_line(color=BLUE, strokeWidth=3)
        .encode(x="x:Q", y="y:Q")
    )
    plane = alt.layer(needle, dots, names, blend).properties(width=190, height=190)
    weights = alt.layer(bars, text).properties(width=120, height=190)
    return show(
        alt.hconcat(plane, weights).add_params(*controls),
        "Five words as points in a plane of keys, a query as a line from the origin, and the "
        "weight of each word as a bar; sliders set the direction and norm of the query and the "
        "temperature, a menu masks the later words, and a green cross marks the output.",
    )


def wheel() -> Interactive:
    """Four pairs of entries of a query and a key under RoPE, and their dot product by distance."""
    pairs = [
        {"f": i, "w": round(10.0 ** (-0.75 * i), 5), "name": f"pair {i + 1}"} for i in range(4)
    ]
    place = slider("mm", "position of the query ", 70, 60, 200, 1)
    lag = slider("dd", "distance from the key ", 20, 0, 60, 1)
    base = alt.Chart(
        alt.Data(
            values=[
                {**p, "e": e, "who": who} for p in pairs for who in ("query", "key") for e in (0, 1)
            ]
        )
    )
    turned = base.transform_calculate(
        at="(datum.who == 'query' ? mm : mm - dd) * datum.w"
    ).transform_calculate(x="datum.e * cos(datum.at)", y="datum.e * sin(datum.at)")
    axis = alt.Axis(labels=False, ticks=False, grid=False, domain=False)
    scale = alt.Scale(domain=[-1.15, 1.15])
    hands = (
        turned.mark_line(strokeWidth=3)
        .encode(
            x=alt.X("x:Q", title=None, axis=axis, scale=scale),
            y=alt.Y("y:Q", title=None, axis=axis, scale=scale),
            color=alt.Color(
                "who:N",
                title=None,
                scale=alt.Scale(domain=["query", "key"], range=[BLUE, ORANGE]),
                legend=alt.Legend(orient="top"),
            ),
            strokeDash=alt.StrokeDash(
                "who:N",
                scale=alt.Scale(domain=["query", "key"], range=[[1, 0], [5, 3]]),
                title=None,
                legend=alt.Legend(orient="top"),
            ),
        )
        .properties(width=84, height=84)
        .facet(column=alt.Column("name:N", title=None, header=alt.Header(labelFontSize=12)))
    )
    lags = alt.Chart(alt.sequence(0, 61, 1, as_="d")).transform_calculate(
        s="cos(datum.d) + cos(0.17783 * datum.d) + cos(0.03162 * datum.d) + cos(0.00562 * datum.d)"
    )
    curve = lags.mark_line(color=GRAY).encode(
        x=alt.X("d:Q", title="distance"),
        y=alt.Y("s:Q", title="dot product", scale=alt.Scale(domain=[-4, 4.4])),
    )
    now = (
        lags.transform_filter("datum.d == dd")
        .mark_point(filled=True, size=110, color=BLUE)
        .encode(x="d:Q", y="s:Q")
    )
    says = (
        lags.transform_filter("datum.d == dd")
        .transform_calculate(t="'dot product ' + format(datum.s, '.2f')")
        .mark_text(align="right", fontSize=13)
        .encode(x=alt.datum(60), y=alt.datum(3.8), text="t:N")
    )
    return show(
        alt.vconcat(
            hands, alt.layer(curve, now, says).properties(width=370, height=130)
        ).add_params(place, lag),
        "Four dials, each with a vector of the query and one of the key, each dial rotating more "
        "slowly than the one before, and below them the dot product as a function of the "
        "distance; if both positions move together, the vectors rotate and the dot product does "
        "not change.",
    )
