"""Figures of the page on the lora project. Read with book/capstones/lora.md."""

from __future__ import annotations

import altair as alt
import numpy as np
from groundtruth.figures.style import BLUE, CYCLE, GRAY, GREEN, ORANGE, PURPLE, figure, label
from groundtruth.figures.vega import Interactive, choose, menu, readout, series_colors, show, slider
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle


def shapes() -> Figure:
    """A frozen square matrix beside the two thin ones that are trained."""
    fig, ax = figure(2.9)
    for x, y, w, h, text, color, fill in (
        (0, 0, 3, 3, "W$_0$  (k, d)\nfrozen", GRAY, "none"),
        (4.3, 0, 0.5, 3, "", ORANGE, ORANGE),
        (5.4, 1.25, 3, 0.5, "", BLUE, BLUE),
    ):
        ax.add_patch(_box(x, y, w, h, color, fill))
        ax.text(x + w / 2, y + h / 2, text, ha="center", va="center", fontsize=11)
    ax.text(3.65, 1.5, "+", ha="center", va="center", fontsize=16)
    ax.text(5.1, 1.5, "·", ha="center", va="center", fontsize=16)
    ax.text(4.55, -0.3, "B  (k, r)\nstarts at 0", ha="center", va="top", fontsize=10)
    ax.text(6.9, 0.95, "A  (r, d)\nstarts random", ha="center", va="top", fontsize=10)
    ax.set_xlim(-0.3, 8.8)
    ax.set_ylim(-1.2, 3.3)
    ax.set_aspect("equal")
    ax.axis("off")
    return fig


def _box(x: float, y: float, w: float, h: float, color: str, fill: str) -> Rectangle:
    return Rectangle(
        (x, y),
        w,
        h,
        edgecolor=color,
        facecolor=fill,
        alpha=0.85 if fill != "none" else 1,
        linewidth=1.8,
    )


def digits(images: np.ndarray) -> Figure:
    """Images (n, 8, 8) in a row, and below them the same rotated by a quarter turn."""
    fig, ax = figure(3.4)
    n, side, _ = images.shape
    step = side + 1
    canvas = np.full((2 * step - 1, n * step - 1), np.nan)
    for row, turns in enumerate((0, 1)):
        for column, image in enumerate(images):
            top, left = row * step, column * step
            canvas[top : top + side, left : left + side] = np.rot90(image, turns)
    ax.imshow(canvas, cmap="gray_r")
    for row, name in enumerate(("upright", "rotated")):
        ax.text(-1, row * step + side / 2, name, ha="right", va="center", fontsize=11.6)
    ax.axis("off")
    return fig


def frontier(runs: dict[str, list[tuple[float, float]]], best: dict[str, int]) -> Figure:
    """New task against old task: points (old, new) of each method, in order of learning rate, and
    the index of the best one.
    """
    fig, ax = figure(4.2)
    styles = [
        ("o", BLUE, ":"),
        ("s", ORANGE, "-"),
        ("^", GREEN, "--"),
        ("D", PURPLE, "-."),
        ("v", GRAY, "--"),
        ("P", CYCLE[0], "-"),
    ]
    for (name, points), (marker, color, line) in zip(runs.items(), styles, strict=False):
        old, new = np.array(points).T
        ax.plot(old, new, marker=marker, color=color, linestyle=line, markersize=6, label=name)
        i = best[name]
        ax.plot(old[i], new[i], marker=marker, color=color, markersize=12, alpha=0.6)
    ax.set_xlim(0, 1.03)
    ax.set_ylim(0, 1.03)
    ax.legend(loc="lower left", ncols=2, fontsize=11)
    label(ax, "accuracy on the old task", "accuracy on the new task")
    return fig


def spectra(captured: dict[str, np.ndarray]) -> Figure:
    """Fraction of the energy of an update that each rank captures, by layer."""
    fig, ax = figure(3.4)
    styles = [("o", BLUE), ("s", ORANGE), ("^", GREEN)]
    for (name, part), (marker, color) in zip(captured.items(), styles, strict=False):
        ranks = np.arange(1, min(len(part), 24) + 1)
        ax.plot(ranks, part[: len(ranks)], marker=marker, color=color, label=name)
    ax.set_ylim(0, 1.03)
    ax.legend(fontsize=11)
    label(ax, "rank", "fraction of the energy")
    return fig


def tails(ranks: list[int], best: list[float], trained: list[float]) -> Figure:
    """Error left by the best update of each rank, and by a trained one."""
    fig, ax = figure(3.4)
    ax.plot(ranks, best, "o-", color=ORANGE, label="best, by the SVD")
    ax.plot(
        ranks, trained, "x", color=BLUE, markersize=9, markeredgewidth=2, label="trained adapter"
    )
    ax.set_xticks(ranks)
    ax.legend()
    label(ax, "rank", "remaining squared error")
    return fig


def explorer() -> Interactive:
    """Sizes and rank by slider: the share that is trained, and the part of an update it holds."""
    controls = [
        slider(
            "dd", "inputs d, power of two ", 10, 6, 13, 1
        ),  # 2^6 = 64: as many ranks as are drawn
        slider("kk", "outputs k, power of two ", 10, 6, 13, 1),
        slider("rr", "rank r ", 8, 1, 64, 1),
    ]
    spectra = {
        "1/i": "1 / datum.i",
        "1/i^2": "1 / (datum.i * datum.i)",
        "0.9^i": "pow(0.9, datum.i)",
    }
    rows = (
        alt.Chart(alt.sequence(1, 65, 1, as_="i"))
        .transform_calculate(s=choose("ss", spectra))
        .transform_calculate(e="datum.s * datum.s")
        .transform_joinaggregate(t="sum(e)")
        .transform_window(c="sum(e)", sort=[alt.SortField("i")])
        .transform_calculate(group="datum.i <= rr ? 'captured' : 'left out'")
    )
    color = alt.Color(
        "group:N",
        title=None,
        scale=series_colors(["captured", "left out"], [BLUE, GRAY]),
        legend=alt.Legend(orient="top"),
    )
    bars = rows.mark_bar().encode(
        x=alt.X("i:Q", title="index of the singular value", scale=alt.Scale(domain=[0, 65])),
        y=alt.Y("s:Q", title="singular value"),
        color=color,
    )
    shares = rows.transform_filter("datum.i == rr").transform_calculate(
        trained="100 * rr * (pow(2, dd) + pow(2, kk)) / pow(2, dd + kk)",
        held="100 * datum.c / datum.t",
    )
    text = (
        shares.transform_calculate(
            w=readout("rank {i} trains {trained:.2f} % and captures {held:.1f} %")
        )
        .mark_text(align="right", fontSize=12)
        .encode(x=alt.value(335), y=alt.value(10), text="w:N")
    )
    return show(
        alt.layer(bars, text)
        .properties(width=340, height=190)
        .add_params(*controls, menu("ss", "spectrum of the update ", list(spectra))),
        "Sixty-four singular values of an update as bars, those that a rank can capture in color; "
        "sliders set the sizes of the layer and the rank, a menu the spectrum, and a line of text "
        "says which share of the parameters is trained and which share of the update's energy is "
        "captured.",
    )
