"""Figures of the chapter on embeddings. Read with book/networks/embeddings.md."""

from __future__ import annotations

from itertools import permutations

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
from groundtruth.figures.vega import Interactive, menu, show, slider
from groundtruth.networks.embeddings import superposition
from groundtruth.networks.toy_language import ID, PEOPLE, WORDS, coordinates


def plane(panels: dict[str, np.ndarray]) -> Figure:
    """The eight people by `toy_language.coordinates`, a panel for each table of vectors (V, d)."""
    use_style()
    fig, axes = plt.subplots(
        1, len(panels), figsize=(WIDTH_IN, 3.5), layout="constrained", sharex=True, sharey=True
    )
    names = list(PEOPLE)
    for ax, (title, W) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        at = coordinates(W)  # (8, 2)
        ax.axhline(0, color=GRAY, linewidth=0.8)
        ax.axvline(0, color=GRAY, linewidth=0.8)
        for (x, y), name in zip(at, names, strict=True):
            rank, gender, _ = PEOPLE[name]
            royal = rank == "royal"
            female = gender == "female"
            alike = [other for other, kind in PEOPLE.items() if kind[:2] == (rank, gender)]
            is_upper = y == max(at[names.index(other), 1] for other in alike)
            ax.plot(x, y, "s" if royal else "o", color=ORANGE if royal else BLUE, markersize=6)
            ax.annotate(
                name,
                (x, y),
                (6 if female else -6, 9 if is_upper else -9),
                textcoords="offset points",
                ha="left" if female else "right",
                va="center",
                fontsize=11,
            )
        ax.set_title(title, fontsize=11)
        ax.set_xlim(-2.8, 2.8)
        ax.set_ylim(-1.6, 1.6)
        label(ax, "gender (female > 0)", "rank (royal > 0)")
        ax.label_outer()
    return fig


def gram(tables: dict[str, np.ndarray]) -> Figure:
    """W^T W (features, features) for several weights W (d, features)."""
    use_style()
    fig, axes = plt.subplots(1, len(tables), figsize=(WIDTH_IN, 3.0), layout="constrained")
    for ax, (name, W) in zip(axes, tables.items(), strict=True):
        image = ax.pcolormesh(
            W.T @ W, cmap="PuOr", vmin=-1, vmax=1, edgecolors="face", linewidth=0.1
        )
        ax.set_ylim(W.shape[1], 0)
        ax.set_aspect("equal")
        ticks = [0, 9, 19] if W.shape[1] == 20 else [0, W.shape[1] - 1]
        ax.set_xticks([t + 0.5 for t in ticks], [str(t + 1) for t in ticks])
        ax.set_yticks([t + 0.5 for t in ticks], [str(t + 1) for t in ticks])
        label(ax, "feature", "feature")
        ax.label_outer()
        ax.set_title(name, fontsize=11)
    bar = fig.colorbar(
        image,
        ax=axes,
        location="bottom",
        shrink=0.4,
        aspect=30,
        ticks=[-1, 0, 1],
        label="dot product",
    )
    bar.outline.set_visible(False)
    return fig


def forgetting(rows: dict[str, list[tuple[float, float]]]) -> Figure:
    """Accuracy on the second task against accuracy on the first, a line or a point for each way."""
    fig, ax = figure(3.4)
    styles = {
        "plain": ("D", GRAY),
        "replay": ("s", GREEN),
        "EWC": ("o-", BLUE),
        "array means": ("v-.", PURPLE),
        "equal penalty": ("^--", ORANGE),
    }
    for name, points in rows.items():
        old, new = np.array(points).T
        style, color = styles[name]
        ax.plot(old, new, style, color=color, markersize=7, label=name)
    ax.set_xlim(0.6, 1.0)
    ax.set_ylim(0.6, 1.0)
    ax.legend(loc="lower left")
    label(ax, "accuracy on the first task, after the second", "accuracy on the second task")
    return fig


def pentagon() -> Interactive:
    """Five features in two dimensions: their vectors in a small network, by sparsity."""
    rows = []
    for step, s in enumerate((0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)):
        W, _ = superposition(5, 2, s, seed=1, steps=1500, decay=0.95)
        represented = int((np.linalg.norm(W, axis=0) > 0.5).sum())
        rows.append(
            {
                "k": step,
                "s": f"zero in {s:.0%} of cases; "
                f"features with a norm above one half: {represented} of 5",
                "x": W[0].round(2).tolist(),
                "y": W[1].round(2).tolist(),
                "i": list(range(1, 6)),
            }
        )
    k = slider("kk", "sparsity, from dense to rare ", 7, 0, 7, 1)
    base = alt.Chart(alt.Data(values=rows)).transform_filter("datum.k == kk")
    scale = alt.Scale(domain=[-1.4, 1.4])
    each = base.transform_flatten(["x", "y", "i"])
    x = alt.X("x:Q", title="first dimension", scale=scale)
    y = alt.Y("y:Q", title="second dimension", scale=scale)
    spokes = (
        each.transform_calculate(zero="0")
        .mark_rule(color=BLUE, strokeWidth=2.5)
        .encode(x=x, y=y, x2="zero:Q", y2="zero:Q")
    )
    dots = each.mark_circle(color=ORANGE, size=80, opacity=1).encode(x=x, y=y)
    names = each.mark_text(dy=-12, fontSize=12).encode(x=x, y=y, text="i:N")
    text = base.mark_text(align="left", fontSize=12, x=4, y=-8).encode(text="s:N")
    return show(
        alt.layer(spokes, dots, names, text).add_params(k).properties(width=260, height=260),
        "Five features as arrows in the plane of two dimensions; a slider makes the features "
        "rarer, and more of them get an arrow, until five share two dimensions in a pentagon.",
    )


def calculator(W: np.ndarray) -> Interactive:
    """a* - a + b for any three of the eight people, with the three nearest words; W (V, d)."""
    U = W / np.linalg.norm(W, axis=1, keepdims=True)
    rows = []
    for a, a_star, b in permutations(PEOPLE, 3):
        v = U[ID[a_star]] - U[ID[a]] + U[ID[b]]
        like = U @ v / np.linalg.norm(v)
        best = np.argsort(-like)[:3]
        rows.append(
            {
                "q": f"{a_star}|{a}|{b}",
                "w": [WORDS[i] + (" (given)" if WORDS[i] in (a, a_star, b) else "") for i in best],
                "v": like[best].round(2).tolist(),
            }
        )
    names = list(PEOPLE)
    one = menu("bb", "take ", names, "king")
    two = menu("aa", "minus ", names, "man")
    three = menu("cc", "plus ", names, "woman")
    base = (
        alt.Chart(alt.Data(values=rows))
        .transform_filter("datum.q == bb + '|' + aa + '|' + cc")
        .transform_flatten(["w", "v"])
    )
    y = alt.Y("w:N", title=None, sort=None)  # in the order of the rows, best first
    bars = base.mark_bar(color=GREEN).encode(
        x=alt.X("v:Q", title="cosine", scale=alt.Scale(domain=[-0.2, 1])), y=y
    )
    text = base.mark_text(align="left", dx=4, fontSize=12).encode(x="v:Q", y=y, text="v:Q")
    return show(
        alt.layer(bars, text).add_params(one, two, three).properties(width=280, height=130),
        "Three menus choose words; the three words nearest to the first minus the second plus the "
        "third are shown as bars of their cosine, with the given words marked; three "
        "different words are needed.",
    )
