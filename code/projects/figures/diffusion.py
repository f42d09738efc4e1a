"""Figures of the page on the diffusion project. Read with book/capstones/diffusion.md."""

from __future__ import annotations

import math

import altair as alt
import matplotlib.pyplot as plt
import numpy as np
from groundtruth.figures.style import (
    BLUE,
    CYCLE,
    GRAY,
    GREEN,
    INK,
    ORANGE,
    WIDTH_IN,
    figure,
    label,
    use_style,
)
from groundtruth.figures.vega import Interactive, menu, note, one_row, show, slider
from matplotlib.figure import Figure


def strip(clouds: list[np.ndarray], names: list[str]) -> Figure:
    """Clouds of points (n, 2) in two rows of four on one scale; 250 of each keep the file small."""
    use_style()
    fig, axes = plt.subplots(2, 4, figsize=(WIDTH_IN, 2.75), layout="constrained")
    extent = np.concatenate([np.abs(np.asarray(cloud)[:250]).max(1) for cloud in clouds])
    limit = min(1.1 * float(np.quantile(extent, 0.99)), 2.1)  # a few noisy points lie outside
    for ax, cloud, name in zip(axes.flat, clouds, names, strict=True):
        ax.plot(*np.asarray(cloud)[:250].T, ".", markersize=2.2, color=BLUE)
        ax.set_xlim(-limit, limit)
        ax.set_ylim(-limit, limit)
        ax.set_aspect("equal")
        ax.axis("off")
        ax.set_title(name, fontsize=10.5)
    return fig


def paths(pasts: dict[str, np.ndarray]) -> Figure:
    """Paths (steps, n, 2) of a sampler from noise to the unit circle, one panel for each name."""
    use_style()
    fig, axes = plt.subplots(1, len(pasts), figsize=(WIDTH_IN, 2.75), layout="constrained")
    angle = np.linspace(0, 2 * np.pi, 200)
    for ax, (name, past) in zip(axes, pasts.items(), strict=True):
        ax.plot(np.cos(angle), np.sin(angle), color=GRAY, linewidth=3, alpha=0.4)
        for path, color in zip(past.swapaxes(0, 1), CYCLE, strict=False):
            ax.plot(*path.T, color=color, linewidth=1.2)
            ax.plot(*path[0], "o", color=color, markersize=7)
            ax.plot(*path[-1], "s", color=color, markersize=7, markeredgecolor=INK)
        ax.set_xlim(-2.6, 2.6)
        ax.set_ylim(-2.6, 2.6)
        ax.set_aspect("equal")
        ax.axis("off")
        ax.set_title(name)
    return fig


def floor(levels: np.ndarray, best: np.ndarray, curves: dict[str, np.ndarray]) -> Figure:
    """Loss by noise level: the smallest possible, and those of networks by name."""
    fig, ax = figure(3.2)
    ax.plot(levels, best, color=ORANGE, label="smallest possible")
    for (name, losses), color, style in zip(
        curves.items(), (BLUE, GREEN), ("--", ":"), strict=False
    ):
        ax.plot(levels, losses, style, color=color, linewidth=2, label=name)
    ax.set_ylim(0, 1.05)
    ax.legend()
    label(ax, "noise level", "mean squared error")
    return fig


def schedules(curves: dict[str, np.ndarray]) -> Figure:
    """Fraction of the data's variance that is left, by relative level."""
    fig, ax = figure(3.0)
    for (name, kept), color, style in zip(
        curves.items(), (BLUE, ORANGE, GREEN), ("-", "--", "-."), strict=False
    ):
        ax.plot(np.linspace(0, 1, len(kept)), kept, style, color=color, label=name)
    ax.set_ylim(-0.02, 1.05)
    ax.legend()
    label(ax, "level, as a fraction of the last", "variance left of the data")
    return fig


def digits(pictures: np.ndarray) -> Figure:
    """Twenty pictures (20, 64) of values from 0 to 100, in four rows, large enough to judge."""
    use_style()
    fig, axes = plt.subplots(4, 5, figsize=(WIDTH_IN, 0.8 * WIDTH_IN), layout="constrained")
    for ax, X in zip(axes.flat, pictures, strict=True):
        ax.imshow(X.reshape(8, 8), cmap="Greys", vmin=0, vmax=100, interpolation="nearest")
        ax.axis("off")
    return fig


def steps(counts: list[int], exact: list[float], learned: list[float]) -> Figure:
    """Distance from the ring by the number of sampling steps, exact denoiser and trained one."""
    fig, ax = figure(2.8)
    ax.plot(counts, np.maximum(exact, 1e-5), "o-", color=ORANGE, label="exact denoiser")
    ax.plot(counts, learned, "s--", color=BLUE, label="trained")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xticks(counts, [str(c) for c in counts])
    ax.minorticks_off()
    ax.legend()
    label(ax, "steps of the sampler", "mean distance from the ring")
    return fig


def explorer() -> Interactive:
    """Points under noise set by a slider, with the cosine schedule, which has a closed form."""
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    half = np.linspace(0, np.pi, 45)
    upper = np.stack([np.cos(half) - 0.5, np.sin(half) - 0.25], 1)
    clouds = {
        "ring": np.stack([np.cos(angle), np.sin(angle)], 1),
        "moons": np.concatenate([upper, -upper]),
    }
    noise = np.random.default_rng(0).normal(size=(90, 2)).round(2)
    rows = [
        {
            "a": name,
            "x": round(float(p[0]), 2),
            "y": round(float(p[1]), 2),
            "u": float(e[0]),
            "v": float(e[1]),
        }
        for name, cloud in clouds.items()
        for p, e in zip(cloud, noise, strict=True)
    ]
    level = slider("nt", "level, in % of the last ", 0, 0, 100, 1)
    data = menu("nd", "data ", list(clouds))
    # the cosine schedule, relative to its own start, so that level 0 is the data
    start = math.cos(0.008 / 1.008 * math.pi / 2)
    signal = f"cos((nt / 100 + 0.008) / 1.008 * PI / 2) / {start!r}"
    mixed = (
        alt.Chart(alt.Data(values=rows))
        .transform_filter("datum.a == nd")
        .transform_calculate(signal=signal)
        .transform_calculate(noise="sqrt(1 - datum.signal * datum.signal)")
        .transform_calculate(
            px="datum.signal * datum.x + datum.noise * datum.u",
            py="datum.signal * datum.y + datum.noise * datum.v",
        )
    )
    scale = alt.Scale(domain=[-3, 3])
    dots = mixed.mark_circle(color=BLUE, size=24, opacity=0.8).encode(
        x=alt.X("px:Q", title="x", scale=scale), y=alt.Y("py:Q", title="y", scale=scale)
    )
    shares = one_row(data=f"100 * pow({signal}, 2)").transform_calculate(noise="100 - datum.data")
    text = note(
        shares,
        "data {data:.0f} %, noise {noise:.0f} % of the variance",
        x=6,
        y=10,
        size=12,
        color=GRAY,
    )
    return show(
        alt.layer(dots, text).properties(width=260, height=260).add_params(level, data),
        "Points on a ring or on two half moons; a slider adds noise level by level until nothing "
        "of "
        "their shape is left, and a line of text says how much of the variance is data and how "
        "much "
        "is noise.",
    )
