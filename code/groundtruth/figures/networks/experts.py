"""Figures of the mixtures of experts in the chapter on gates. Read with book/networks/gates.md.

The boxes and the two panels of dots are drawn as narrow as a phone, so that none of their labels
has to be scrolled to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from groundtruth.figures.style import BLUE, GRAY, GREEN, INK, ORANGE, figure, label, use_style

PHONE_IN = 3.3  # the text column of a phone, 330 pixels
SQUARE = (-1.0, 1.0, -1.0, 1.0)  # left, right, bottom, top
SHADES = (BLUE, ORANGE, GREEN, GRAY)


def _node(ax: Axes, x: float, y: float, text: str, color: str, style: str = "round") -> None:
    """A word or symbol in a frame around the point (x, y)."""
    frame = {"boxstyle": f"{style},pad=0.35", "facecolor": "white", "edgecolor": color}
    ax.text(x, y, text, ha="center", va="center", fontsize=12, color=color, bbox=frame, zorder=3)


def _arrow(ax: Axes, corners: Sequence[tuple[float, float]], color: str) -> None:
    """A line through the corners with a head at the last one."""
    ax.plot(*np.array(corners).T, color=color, linewidth=1.5, zorder=1)
    head: dict[str, Any] = {"arrowstyle": "-|>", "color": color, "linewidth": 1.5}
    ax.annotate("", corners[-1], corners[-2], arrowprops={**head, "shrinkA": 0, "shrinkB": 0})


def layer() -> Figure:
    """A mixture of four experts with top-2 routing as boxes, from the input below to the output."""
    use_style()
    fig, ax = plt.subplots(figsize=(PHONE_IN, 3.6), layout="constrained")
    experts = {1: 0.8, 2: 2.8, 3: 7.2, 4: 9.2}  # number: horizontal position
    for number, x in experts.items():
        chosen = number in (2, 3)
        _node(ax, x, 4.0, f"$F_{number}$", BLUE if chosen else GRAY)
        if not chosen:
            ax.text(x, 2.7, "not\ncomputed", ha="center", va="top", fontsize=10, color=GRAY)
            continue
        inward = 5 + 0.45 * np.sign(x - 5)
        _arrow(ax, [(5, 1.5), (x, 1.5), (x, 3.45)], BLUE)
        _arrow(ax, [(x, 4.55), (x, 6.35)], BLUE)
        _arrow(ax, [(x, 7.25), (x, 8.6), (inward, 8.6)], BLUE)
        _node(ax, x, 6.8, r"$\times$", BLUE, "circle")
        _arrow(ax, [(5, 6.8), (x - 0.5 * np.sign(x - 5), 6.8)], ORANGE)
        ax.text((5 + x) / 2, 7.0, f"$w_{number}$", ha="center", va="bottom", color=ORANGE)
    _arrow(ax, [(5, 0.9), (5, 3.45)], INK)
    ax.plot([5, 5], [4.55, 6.8], color=ORANGE, linewidth=1.5)
    _node(ax, 5, 4.0, "router", ORANGE)
    ax.text(5.2, 5.6, "top 2", va="center", color=ORANGE)
    _node(ax, 5, 8.6, "$+$", BLUE, "circle")
    _arrow(ax, [(5, 9.05), (5, 9.9)], BLUE)
    ax.text(5, 0.4, "input $x$", ha="center", va="center")
    ax.text(5, 10.3, "output $y$", ha="center", va="center")
    ax.set_xlim(-0.4, 10.4)
    ax.set_ylim(0, 10.7)
    ax.axis("off")
    return fig


def usage(results: dict[str, Sequence[np.ndarray]]) -> Figure:
    """Use of the busiest expert (runs,) and test error (runs,) of every network, one panel each.

    A network without a choice of experts has NaN for their use.
    """
    use_style()
    fig, axes = plt.subplots(2, 1, figsize=(PHONE_IN, 6.8), layout="constrained")
    offsets = np.linspace(-0.22, 0.22, 4)
    points: dict[str, Any] = {"color": BLUE, "markersize": 4, "alpha": 0.7}
    for row, (busiest, error) in enumerate(results.values()):
        heights = row + np.resize(offsets, len(error))
        axes[0].plot(busiest, heights, "o", **points)
        if np.isnan(busiest).all():
            axes[0].text(0.625, row, "no choice", ha="center", va="center", color=GRAY)
        axes[1].plot(error, heights, "o", **points)
        axes[1].plot([np.median(error)] * 2, [row - 0.36, row + 0.36], color=ORANGE, linewidth=2.5)
    for ax in axes:
        ax.set_yticks(range(len(results)), list(results))
        ax.set_ylim(len(results) - 0.5, -0.5)
    axes[0].set_xlim(0.2, 1.05)
    axes[0].set_xticks([0.25, 0.5, 0.75, 1], ["1/4", "1/2", "3/4", "1"])
    axes[1].set_xscale("log")
    axes[1].set_xticks([0.01, 0.1, 1], ["0.01", "0.1", "1"])
    axes[1].xaxis.set_minor_formatter(NullFormatter())
    label(axes[0], "fraction sent to\nthe busiest expert", "network")
    label(axes[1], "test error / variance\nof the targets", "network")
    return fig


def routes(routers: dict[str, Sequence[np.ndarray]]) -> Figure:
    """The expert with the largest logit at each point of a square, one panel per router.

    A router is its matrix (2, E) and bias (E,), of at most four experts.
    """
    fig, axes = figure(2.1, columns=len(routers), sharey=True)
    side = np.linspace(-1, 1, 101)
    points = np.stack(np.meshgrid(side, side), axis=-1)  # (101, 101, 2)
    colors: dict[str, Any] = {"cmap": ListedColormap(SHADES), "vmin": -0.5, "vmax": 3.5}
    for ax, (name, (A, a)) in zip(np.atleast_1d(axes), routers.items(), strict=True):
        expert = (points @ A + a).argmax(-1)
        ax.imshow(expert, alpha=0.45, origin="lower", extent=SQUARE, **colors)
        for e in np.unique(expert):
            x, y = points[expert == e].mean(0)
            ax.text(x + 0.12, y + 0.14, f"{e + 1}", ha="center", va="center", fontweight="bold")
        ax.axhline(0, color=INK, linestyle="--", linewidth=1)
        ax.axvline(0, color=INK, linestyle="--", linewidth=1)
        ax.set_xticks([-1, 0, 1])
        ax.set_yticks([-1, 0, 1])
        label(ax, "$x_1$", "$x_2$" if ax.get_subplotspec().is_first_col() else "", name)
    return fig
