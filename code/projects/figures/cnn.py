"""Figures of the page on the cnn project. Read with book/capstones/cnn.md."""

from __future__ import annotations

from typing import Any

import altair as alt
import matplotlib.pyplot as plt
import numpy as np
from groundtruth.figures.style import BLUE, GRAY, ORANGE, WIDTH_IN, figure, label, use_style
from groundtruth.figures.vega import Interactive, menu, show
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

KERNELS = {
    "rows": [[-1, -1, -1], [2, 2, 2], [-1, -1, -1]],
    "columns": [[-1, 2, -1], [-1, 2, -1], [-1, 2, -1]],
    "edges": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
    "blur": [[1, 1, 1], [1, 1, 1], [1, 1, 1]],
}
_ARROW: dict[str, Any] = {
    "arrowstyle": "->",
    "color": GRAY,
    "linewidth": 1.4,
    "shrinkA": 0,
    "shrinkB": 0,
}


def _tiles(
    pictures: np.ndarray,
    names: list[str],
    columns: int,
    cmap: str = "Greys",
    symmetric: bool = False,
    height: float | None = None,
) -> Figure:
    use_style()
    lines = -(-len(pictures) // columns)
    fig, axes = plt.subplots(
        lines,
        columns,
        figsize=(WIDTH_IN, height or 1.05 * lines * 5.2 / columns * 1.25),
        layout="constrained",
        squeeze=False,
    )
    for ax in axes.flat:
        ax.axis("off")
    for ax, X, name in zip(axes.flat, pictures, names, strict=False):
        top = float(np.abs(X).max()) or 1.0
        ax.pcolormesh(
            X,
            cmap=cmap,
            vmin=-top if symmetric else float(X.min()),
            vmax=top,
            edgecolors="face",
            linewidth=0.2,
        )
        ax.set_ylim(len(X), 0)
        ax.set_aspect("equal")
        ax.set_title(name, fontsize=10)
    return fig


def examples(pictures: np.ndarray, names: list[str]) -> Figure:
    """Bars and digits (n, H, W) in rows of six."""
    return _tiles(pictures, names, 6)


def glyphs(pictures: np.ndarray, columns: int) -> Figure:
    """Glyphs (n, H, W) in lines of so many, in one sheet and without names: they can be read."""
    use_style()
    n, H, W = pictures.shape
    lines = -(-n // columns)
    sheet = np.zeros((lines * H, columns * W))
    for i, X in enumerate(pictures):
        sheet[i // columns * H :, i % columns * W :][:H, :W] = X
    fig, ax = plt.subplots(figsize=(WIDTH_IN, WIDTH_IN * lines / columns), layout="constrained")
    ax.imshow(sheet, cmap="Greys", vmin=0, interpolation="nearest")
    ax.axis("off")
    return fig


def filters(weights: np.ndarray) -> Figure:
    """First-layer kernels (n, 3, 3): orange positive, purple negative."""
    return _tiles(weights, [f"{i + 1}" for i in range(len(weights))], 8, "PuOr_r", symmetric=True)


def looks(pictures: np.ndarray, maps: dict[str, np.ndarray]) -> Figure:
    """Pictures (n, H, W) in the first row, then a row of maps for each method."""
    n = len(pictures)
    rows = [pictures, *maps.values()]
    fig = _tiles(np.concatenate(rows), [""] * n * len(rows), n, "Purples", height=1.25 * len(rows))
    for ax, name in zip(fig.axes[::n], ("image", *maps), strict=True):
        ax.set_title(name, loc="left", fontsize=10)  # longer names than a tile is wide
    return fig


BODY = (("convolution,\nReLU, pooling", (16, 4, 4)), ("convolution,\nReLU, pooling", (32, 2, 2)))


def transfer() -> Figure:
    """The small network on two tasks, image at the bottom: the body is copied, the head is new."""
    fig, ax = figure(4.3)
    tasks = (
        (1.85, "digits 0 to 4,\nmany images", "linear head,\nnot copied", GRAY),
        (8.15, "digits 5 to 9,\ntwo images each", "new head,\nrandom weights", ORANGE),
    )
    for x, images, head, color in tasks:
        layers = [(images, (1, 8, 8), GRAY), *((*each, BLUE) for each in BODY)]
        for i, (text, shape, edge) in enumerate([*layers, (head, (5,), color)]):
            ax.add_patch(
                FancyBboxPatch(
                    (x - 1.8, 2 * i),
                    3.6,
                    1.46,
                    boxstyle="round,pad=0,rounding_size=0.2",
                    facecolor="white",
                    edgecolor=edge,
                    linewidth=1.8,
                )
            )
            ax.text(x, 2 * i + 0.73, f"{text}\n{shape}", ha="center", va="center", fontsize=10)
            if i:
                ax.annotate("", (x, 2 * i), (x, 2 * i - 0.54), arrowprops=_ARROW)
    ax.annotate("", (6.25, 3.73), (3.75, 3.73), arrowprops={**_ARROW, "color": BLUE})
    ax.text(5, 3.9, "copy\nthe body", ha="center", va="bottom", fontsize=10, color=BLUE)
    ax.text(5, 3.4, "then freeze\nor train it", ha="center", va="top", fontsize=10, color=BLUE)
    ax.set_xlim(0, 10)
    ax.set_ylim(-0.2, 7.6)
    ax.axis("off")
    return fig


def held_out(panels: dict[str, dict[str, tuple[float, float]]]) -> Figure:
    """Accuracy at positions that were trained on and at those left out: a panel for each choice of
    positions, with a pair of bars per model.
    """
    use_style()
    fig, axes = plt.subplots(
        1, len(panels), figsize=(WIDTH_IN, 3.0), layout="constrained", sharey=True, squeeze=False
    )
    for ax, (name, scores) in zip(axes.flat, panels.items(), strict=True):
        at = np.arange(len(scores))
        known = ax.bar(at - 0.2, [s[0] for s in scores.values()], 0.38, color=BLUE)
        new = ax.bar(
            at + 0.2,
            [s[1] for s in scores.values()],
            0.38,
            color=ORANGE,
            hatch="//",
            edgecolor="white",
        )
        ax.bar_label(new, fmt="%.1f", fontsize=9)
        ax.axhline(0.5, color=GRAY, linestyle=":", linewidth=1.2)
        ax.set_xticks(at, list(scores))
        ax.set_ylim(0, 1.15)
        ax.set_title(f"left out: {name}", fontsize=10)
        ax.set_xlabel("model")
    axes[0, 0].set_ylabel("accuracy")
    fig.legend([known, new], ["trained on", "left out"], loc="outside lower center", ncols=2)
    return fig


def confusion(table: np.ndarray, labels: list[int]) -> Figure:
    """Counts (K, K) of labels against predictions; the diagonal, all that is right, is gray."""
    fig, ax = figure(3.6)
    off = table.astype(float).copy()
    np.fill_diagonal(off, 0)
    most = max(1.0, off.max())
    ax.pcolormesh(off, cmap="Oranges", vmin=0, vmax=most, edgecolors="face", linewidth=0.2)
    for i, row in enumerate(table):
        for j, v in enumerate(row):
            if v:
                color = "white" if v > 0.6 * most else "black"
                ax.text(
                    j + 0.5,
                    i + 0.5,
                    str(int(v)),
                    ha="center",
                    va="center",
                    fontsize=9,
                    color=GRAY if i == j else color,
                )
    ax.set_ylim(len(table), 0)
    ax.set_aspect("equal")
    ax.grid(False)
    ax.set_xticks(np.arange(len(labels)) + 0.5, labels)
    ax.set_yticks(np.arange(len(labels)) + 0.5, labels)
    label(ax, "predicted class", "true class")
    return fig


def _packed(X: np.ndarray) -> str:
    """An image as one string of hundredths: a row for each pixel would be too large."""
    return " ".join(str(round(float(v) * 100)) for v in X.ravel())


def _rectified(X: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The positive part of the correlation (H, W) with a kernel (3, 3), per unit of its weights."""
    H, W = X.shape
    padded = np.pad(X, 1)
    out = np.zeros((H, W))
    for i in range(3):
        for j in range(3):
            out += kernel[i, j] * padded[i : i + H, j : j + W]
    return np.maximum(out, 0) / np.abs(kernel).sum()


def explorer(pictures: dict[str, np.ndarray]) -> Interactive:
    """A picture, a kernel and a stride from menus, and the map that comes out, rectified."""
    images: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for name, X in pictures.items():
        W = X.shape[1]
        images.append({"a": name, "W": W, "s": _packed(X)})
        for kernel, weights in KERNELS.items():
            out = _rectified(X, np.array(weights))
            rows.append({"a": name, "k": kernel, "W": W, "s": _packed(out)})
    pic = menu("pp", "image ", list(pictures))
    ker = menu("kk", "kernel ", list(KERNELS))
    stride = menu("ss", "stride ", [1, 2])
    x = alt.X("j:O", title=None, axis=None)
    y = alt.Y("i:O", title=None, axis=None)

    def pixels(data: list[dict[str, Any]], which: str) -> alt.Chart:
        return (
            alt.Chart(alt.Data(values=data))
            .transform_filter(which)
            .transform_calculate(v="split(datum.s, ' ')")
            .transform_flatten(["v"])
            .transform_window(n="row_number()")
            .transform_calculate(
                v="toNumber(datum.v) / 100",
                i="floor((datum.n - 1) / datum.W)",
                j="(datum.n - 1) % datum.W",
            )
        )

    shared = alt.Scale(scheme="oranges", domain=[0, 0.55], clamp=True)  # for all kernels
    left = (
        pixels(images, "datum.a == pp")
        .mark_rect()
        .encode(
            x=x,
            y=y,
            color=alt.Color("v:Q", scale=alt.Scale(scheme="purples", domain=[0, 1]), legend=None),
        )
        .properties(width=150, height=150, title="image")
    )
    right = (
        pixels(rows, "datum.a == pp && datum.k == kk")
        .transform_filter("datum.i % ss == 0 && datum.j % ss == 0")
        .mark_rect()
        .encode(x=x, y=y, color=alt.Color("v:Q", scale=shared, legend=None))
        .properties(width=150, height=150, title="map, positive part")
    )
    chart = alt.hconcat(left, right).resolve_scale(color="independent").add_params(pic, ker, stride)
    return show(
        chart,
        "On the left an image, on the right the positive part of what a kernel makes of it; "
        "menus choose the image, the kernel and the stride, and with stride two every second "
        "row and column is computed.",
    )
