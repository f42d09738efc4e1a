"""Figures of the chapter on convolution. Read with book/networks/convolution.md."""

from __future__ import annotations

from typing import Any

import altair as alt
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

from groundtruth.figures.numbers import number
from groundtruth.figures.style import (
    BLUE,
    CYCLE,
    GRAY,
    ORANGE,
    WIDTH_IN,
    figure,
    label,
    use_style,
)
from groundtruth.figures.vega import Interactive, menu, show
from groundtruth.networks import convolution as cv

FILTERS: dict[str, np.ndarray] = {
    "vertical edges (Sobel)": np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
    "horizontal edges (Sobel)": np.array([[-1.0, -2, -1], [0, 0, 0], [1, 2, 1]]),
    "box blur": np.full((3, 3), 1 / 9),
    "Laplacian": np.array([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]),
    "sharpen": np.array([[0.0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
}


def _grid(
    ax: Any, values: np.ndarray, mark: tuple[int, int, int, int] | None = None, color: str = ORANGE
) -> None:
    """Numbers in cells; `mark` is (row, column, height, width) of a thick frame."""
    rows, cols = values.shape
    for i in range(rows):
        for j in range(cols):
            ax.add_patch(
                plt.Rectangle((j, -i - 1), 1, 1, facecolor="none", edgecolor=GRAY, linewidth=0.8)
            )
            text = number(values[i, j], 0)
            ax.text(j + 0.5, -i - 0.5, text, ha="center", va="center", fontsize=11)
    if mark:
        i, j, h, w = mark
        ax.add_patch(
            plt.Rectangle(
                (j, -i - h), w, h, facecolor="none", edgecolor=color, linewidth=3, zorder=3
            )
        )
    ax.set_xlim(-0.2, cols + 0.2)
    ax.set_ylim(-rows - 0.2, 0.2)
    ax.set_aspect("equal")
    ax.axis("off")


def slide(image: np.ndarray, kernel: np.ndarray, at: tuple[int, int]) -> Figure:
    """An image (h, w), a kernel (k, k) and their correlation, one window framed."""
    use_style()
    out = cv.conv2d(image[None, None], kernel[None, None])[0, 0]
    widths = [image.shape[1], kernel.shape[1], out.shape[1]]
    fig, axes = plt.subplots(
        1, 3, figsize=(WIDTH_IN, 2.4), layout="constrained", gridspec_kw={"width_ratios": widths}
    )
    k = kernel.shape[0]
    for ax, values, mark, name in zip(
        axes,
        (image, kernel, out),
        ((*at, k, k), None, (*at, 1, 1)),
        ("image", "kernel", "map"),
        strict=True,
    ):
        _grid(ax, values, mark)
        ax.set_title(name)
    return fig


def _tiles(ax: Any, values: np.ndarray) -> None:
    """A matrix as cells, violet above zero and orange below; a dark page can recolor cells."""
    top = np.abs(values).max()
    ax.pcolormesh(values, cmap="PuOr", vmin=-top, vmax=top, edgecolors="face", linewidth=0.2)
    ax.set_xlim(0, values.shape[1])
    ax.set_ylim(values.shape[0], 0)
    ax.set_aspect("equal")


def digit(index: int) -> np.ndarray:
    """A scanned digit (8, 8) of scikit-learn in [0, 1]."""
    return load_digits().images[index] / 16


def filtered(image: np.ndarray) -> Figure:
    """An image and its map under each hand-made filter."""
    use_style()
    fig, grid = plt.subplots(2, 3, figsize=(WIDTH_IN, 3.5), layout="constrained")
    maps = {"image": image} | {
        name: cv.conv2d(image[None, None], f[None, None], pad=1)[0, 0]
        for name, f in FILTERS.items()
    }
    for ax, (name, values) in zip(grid.ravel(), maps.items(), strict=True):
        _tiles(ax, values)
        ax.set_title(name.replace(" (Sobel)", ""), fontsize=10)
        ax.axis("off")
    return fig


def matrix(T: np.ndarray) -> Figure:
    """A convolution as a matrix (m, n)."""
    fig, ax = figure(2.9)
    _tiles(ax, T)
    ax.set_xticks(np.arange(0, T.shape[1], 4) + 0.5, range(0, T.shape[1], 4))
    ax.set_yticks(np.arange(0, T.shape[0], 4) + 0.5, range(0, T.shape[0], 4))
    label(ax, "input place", "output place")
    return fig


def kernels(bank: np.ndarray) -> Figure:
    """A bank of 3 x 3 kernels (8, 3, 3)."""
    use_style()
    fig, grid = plt.subplots(2, 4, figsize=(WIDTH_IN, 2.6), layout="constrained")
    for ax, w in zip(grid.ravel(), bank, strict=True):
        top = np.abs(w).max()
        _tiles(ax, w)
        for i in range(3):
            for j in range(3):
                if abs(w[i, j]) > 0.25 * top:
                    ax.text(
                        j + 0.5,
                        i + 0.5,
                        "+" if w[i, j] > 0 else "−",
                        ha="center",
                        va="center",
                        fontsize=13,
                        color="white" if abs(w[i, j]) > 0.6 * top else "black",
                    )
        ax.axis("off")
    return fig


def influence(curves: dict[str, np.ndarray]) -> Figure:
    """How strongly each input moves one output; curves maps names to (n,), centered on it."""
    fig, ax = figure(2.8)
    for (name, v), color, style in zip(curves.items(), CYCLE, ("-", "--", "-."), strict=False):
        at = np.arange(len(v)) - len(v) // 2
        ax.plot(at, v / v.max(), style, color=color, label=name)
    ax.set_xlim(-26, 26)
    ax.legend(fontsize=10)
    label(ax, "input place relative to the output", "influence")
    return fig


def drops(names: list[str], still: list[float], moved: list[float]) -> Figure:
    """Accuracy of several models on images as they are and moved by a pixel."""
    fig, ax = figure(2.6)
    at = np.arange(len(names))
    ax.bar(at - 0.2, still, 0.4, color=BLUE, label="as they are")
    ax.bar(
        at + 0.2,
        moved,
        0.4,
        color=ORANGE,
        label="moved by one pixel",
        hatch="//",
        edgecolor="white",
    )
    ax.set_xticks(at, names)
    ax.set_ylim(0, 1.28)
    ax.set_yticks([0, 0.5, 1])
    ax.legend(ncols=2, loc="upper center", fontsize=10)
    label(ax, "model", "accuracy")
    return fig


MODES = {  # stride, padding, dilation
    "no padding": (1, 0, 1),
    "padding 1": (1, 1, 1),
    "padding 1, stride 2": (2, 1, 1),
    "dilation 2": (1, 0, 2),
}


def _maps(image: np.ndarray) -> list[dict[str, Any]]:
    """The map of an image (h, w) under each filter and mode, relative to its largest entry."""
    rows = []
    for name, f in FILTERS.items():
        for mode, (stride, pad, dilation) in MODES.items():
            y = cv.conv2d(
                image[None, None], f[None, None], stride=stride, pad=pad, dilation=dilation
            )[0, 0]
            rows.append(
                {
                    "f": name,
                    "m": mode,
                    "w": y.shape[1],
                    "v": (y / np.abs(y).max()).round(2).ravel().tolist(),
                }
            )
    return rows


def explorer() -> Interactive:
    """A digit, a hand-made filter, and its map with padding, stride or dilation."""
    image = digit(0)
    which = menu("ff", "filter ", list(FILTERS))
    how = menu("mm", "window ", list(MODES), "padding 1")
    scale = alt.Scale(scheme="purpleorange", domain=[-1, 1], reverse=True)
    axis = alt.Axis(labels=False, ticks=False, domain=False)
    base = (
        alt.Chart(alt.Data(values=_maps(image)))
        .transform_filter("datum.f == ff && datum.m == mm")
        .transform_flatten(["v"])
        .transform_window(n="row_number()")
        .transform_calculate(
            i="floor((datum.n - 1) / datum.w)",
            j="(datum.n - 1) % datum.w",
            size="'the map is ' + datum.w + ' by ' + datum.w",
        )
    )
    cells = (
        base.mark_rect()
        .encode(
            x=alt.X("j:O", title=None, axis=axis),
            y=alt.Y("i:O", title=None, axis=axis),
            color=alt.Color("v:Q", scale=scale, title="value", legend=None),
        )
        .properties(width=190, height=190)
    )
    size = (
        base.transform_filter("datum.n == 1")
        .mark_text(fontSize=13)
        .encode(text="size:N")
        .properties(width=190, height=16)
    )
    pixels = [
        {"i": i, "j": j, "v": round(float(image[i, j]), 2)} for i in range(8) for j in range(8)
    ]
    source = (
        alt.Chart(alt.Data(values=pixels))
        .mark_rect()
        .encode(
            x=alt.X("j:O", title=None, axis=axis),
            y=alt.Y("i:O", title=None, axis=axis),
            color=alt.Color("v:Q", scale=scale, legend=None),
        )
        .properties(width=190, height=190)
    )
    chart = alt.vconcat(alt.hconcat(source, cells), size).add_params(which, how)
    return show(
        chart,
        "A scanned zero of eight by eight pixels and beside it its map under a three by three "
        "filter; one menu chooses the filter, the other padding, stride or dilation, and the size "
        "of the map is written below.",
    )
