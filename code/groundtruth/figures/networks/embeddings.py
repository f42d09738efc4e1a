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
    WIDTH_IN,
    figure,
    label,
    use_style,
)
from groundtruth.figures.vega import Interactive, menu, show, slider
from groundtruth.networks.embeddings import superposition
from groundtruth.networks.toy_language import ID, PEOPLE, WORDS


def plane(W: np.ndarray) -> Figure:
    """The eight people in the plane of rank and gender, with two parallel arrows; W (V, d)."""
    U = W / np.linalg.norm(W, axis=1, keepdims=True)
    names = list(PEOPLE)
    P = U[[ID[n] for n in names]]
    axes = []
    for trait, one in ((1, "female"), (0, "royal")):
        side = np.array([PEOPLE[n][trait] == one for n in names])
        direction = P[side].mean(0) - P[~side].mean(0)
        axes.append(direction / np.linalg.norm(direction))
    at = (P - P.mean(0)) @ np.array(axes).T  # (8, 2)
    fig, ax = figure(3.4)
    for i, name in enumerate(names):
        young = PEOPLE[name][2] == "young"
        ax.plot(*at[i], "s" if young else "o", color=ORANGE if young else BLUE, markersize=7)
        ax.annotate(
            name,
            at[i],
            (0, 9 if not young else -15),
            textcoords="offset points",
            ha="center",
            fontsize=11,
        )
    for a, b in (("man", "woman"), ("king", "queen")):
        ax.annotate(
            "",
            at[names.index(b)],
            at[names.index(a)],
            arrowprops={
                "arrowstyle": "->",
                "color": GRAY,
                "shrinkA": 7,
                "shrinkB": 7,
                "linewidth": 1.5,
            },
        )
    ax.margins(0.18)
    label(ax, "along female", "along royal")
    return fig


def gram(tables: dict[str, np.ndarray]) -> Figure:
    """W'W (features, features) for several weights."""
    use_style()
    fig, axes = plt.subplots(1, len(tables), figsize=(WIDTH_IN, 1.9), layout="constrained")
    for ax, (name, W) in zip(axes, tables.items(), strict=True):
        ax.pcolormesh(W.T @ W, cmap="PuOr", vmin=-1, vmax=1, edgecolors="face", linewidth=0.1)
        ax.set_ylim(W.shape[1], 0)
        ax.set_aspect("equal")
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_title(name, fontsize=10)
    return fig


def forgetting(rows: dict[str, tuple[float, float]]) -> Figure:
    """Accuracy on the first and on the second task for several ways of training."""
    fig, ax = figure(2.7)
    at = np.arange(len(rows))
    old, new = np.array(list(rows.values())).T
    ax.bar(at - 0.2, old, 0.4, color=BLUE, label="first task")
    ax.bar(at + 0.2, new, 0.4, color=ORANGE, label="second task", hatch="//", edgecolor="white")
    ax.set_xticks(at, list(rows))
    ax.set_ylim(0, 1.25)
    ax.set_yticks([0, 0.5, 1])
    ax.legend(ncols=2, loc="upper center")
    label(ax, "how the second task was learned", "accuracy")
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
                f"features with a length above one half: {represented} of 5",
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
    """b - a + c for any three of the eight people, with the three nearest words; W (V, d)."""
    U = W / np.linalg.norm(W, axis=1, keepdims=True)
    rows = []
    for a, b, c in permutations(PEOPLE, 3):
        v = U[ID[b]] - U[ID[a]] + U[ID[c]]
        like = U @ v / np.linalg.norm(v)
        best = np.argsort(-like)[:3]
        rows.append(
            {
                "q": f"{b}|{a}|{c}",
                "w": [WORDS[i] + (" (asked)" if WORDS[i] in (a, b, c) else "") for i in best],
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
        "third are shown as bars of their cosine, with the words that were asked marked; three "
        "different words are needed.",
    )
