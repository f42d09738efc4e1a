"""Figures of the chapter on learning rules. Read with book/networks/learning-rules.md."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.figures.style import BLUE, GRAY, GREEN, ORANGE, figure, label
from groundtruth.figures.vega import Interactive, note, one_row, show, slider
from groundtruth.networks.associative import hopfield_store, recall
from groundtruth.networks.diffusion import circle_noise

GLYPH = (
    "..####..",
    ".#....#.",
    "#.#..#.#",
    "#......#",
    "#.#..#.#",
    "#..##..#",
    ".#....#.",
    "..####..",
)
SIGNAL = (0.98, 0.9, 0.75, 0.5, 0.25, 0.08)  # variance of the data that is left at each noise level


def well(xs: np.ndarray, levels: np.ndarray, walk: np.ndarray, at: np.ndarray) -> Figure:
    """An energy over a line, (m,), and some states of a walk with their energies."""
    fig, ax = figure(2.6)
    ax.plot(xs, levels, color=GRAY, linewidth=2.5, label="energy")
    ax.plot(walk, at, "o", color=ORANGE, markersize=5, alpha=0.7, label="states of one walk")
    ax.legend(loc="upper center")
    label(ax, "state", "energy")
    return fig


def capacity(loads: list[float], overlaps: list[float]) -> Figure:
    """How much of a stored pattern is left after settling, by patterns for each unit."""
    fig, ax = figure(2.5)
    ax.plot(loads, overlaps, "o-", color=BLUE, linewidth=2.5)
    ax.axvline(0.138, color=GRAY, linestyle="--", linewidth=1.5)
    ax.text(0.142, 0.35, "0.138", fontsize=11)
    ax.set_ylim(0, 1.05)
    label(ax, "patterns for each unit", "overlap after recall")
    return fig


def spirals(paths: dict[str, np.ndarray]) -> Figure:
    """Paths (steps, 2) of generator and discriminator."""
    fig, axes = figure(2.7, columns=2)
    for ax, (name, path), color in zip(axes, paths.items(), (ORANGE, GREEN), strict=True):
        ax.plot(*path.T, color=color, linewidth=1.5)
        ax.plot(*path[0], "o", color=GRAY)
        ax.plot(0, 0, "+", color=GRAY, markersize=12)
        ax.set_xlim(-2, 2)
        ax.set_ylim(-2, 2)
        ax.set_aspect("equal")
        label(ax, "generator", "discriminator", name)
    return fig


def strip(stages: dict[str, np.ndarray]) -> Figure:
    """Clouds (n, 2), from noise to data."""
    fig, axes = figure(1.7, columns=len(stages))
    for ax, (name, x) in zip(axes, stages.items(), strict=True):
        ax.plot(*x.T, ".", color=BLUE, markersize=3, alpha=0.6)
        ax.set_xlim(-2.5, 2.5)
        ax.set_ylim(-2.5, 2.5)
        ax.set_aspect("equal")
        ax.axis("off")
        ax.set_title(name, fontsize=11)
    return fig


def _scores() -> list[dict[str, Any]]:
    """For each level, short lines from points of a grid along the score, at most 0.25 long."""
    side = np.linspace(-2, 2, 7)
    grid = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    grid = grid[np.abs(grid).sum(1) > 0]
    arrows: list[dict[str, Any]] = []
    for level, signal in enumerate(SIGNAL):
        score = -circle_noise(grid, signal) / np.sqrt(1 - signal)
        tip = grid + 0.25 * score / np.maximum(1, np.linalg.norm(score, axis=1, keepdims=True))
        arrows.append(
            {
                "k": level,
                "x": grid[:, 0].round(2).tolist(),
                "y": grid[:, 1].round(2).tolist(),
                "u": tip[:, 0].round(2).tolist(),
                "v": tip[:, 1].round(2).tolist(),
            }
        )
    return arrows


def noise_levels() -> Interactive:
    """A circle of data under a chosen amount of noise, with the direction back toward the data."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 90)
    eps = rng.normal(size=(90, 2)).round(2)
    points = [
        {"a": round(float(np.cos(t)), 2), "b": round(float(np.sin(t)), 2), "e": e.tolist()}
        for t, e in zip(angle, eps, strict=True)
    ]
    level = slider("noise", "noise, from little to much ", 1, 0, 5, 1)
    scale = alt.Scale(domain=[-2.6, 2.6])
    x = alt.X("x:Q", title="first dimension", scale=scale)
    y = alt.Y("y:Q", title="second dimension", scale=scale)
    size = f"sqrt({list(SIGNAL)}[noise])"
    cloud = (
        alt.Chart(alt.Data(values=points))
        .transform_calculate(size=size)
        .transform_calculate(noise="sqrt(1 - datum.size * datum.size)")
        .transform_calculate(
            x="datum.size * datum.a + datum.noise * datum.e[0]",
            y="datum.size * datum.b + datum.noise * datum.e[1]",
        )
    )
    field = (
        alt.Chart(alt.Data(values=_scores()))
        .transform_filter("datum.k == noise")
        .transform_flatten(["x", "y", "u", "v"])
    )
    tip = {"x": alt.X("u:Q", scale=scale), "y": alt.Y("v:Q", scale=scale)}
    return show(
        alt.layer(
            cloud.mark_circle(color=BLUE, size=26, opacity=0.7).encode(x=x, y=y),
            field.mark_rule(color=ORANGE, strokeWidth=2).encode(x=x, y=y, x2="u:Q", y2="v:Q"),
            field.mark_circle(color=ORANGE, size=14, opacity=1).encode(**tip),
            note(one_row(size=size), "left of the signal: {size:.2f}", x=6, y=12),
        )
        .add_params(level)
        .properties(width=280, height=280),
        "A ring of points under noise; a slider raises the noise until the ring is lost, and small "
        "lines, with a dot at the tip, point from everywhere toward where the data are.",
    )


def glyph_recall() -> Interactive:
    """What a network of 64 units recalls of a damaged face beside more and more patterns."""
    face = np.array([[1.0 if c == "#" else -1.0 for c in row] for row in GLYPH]).ravel()
    rng = np.random.default_rng(1)
    others = rng.choice([-1.0, 1.0], size=(23, 64))
    start = face.copy()
    start[rng.choice(64, 8, replace=False)] *= -1
    rows = []
    for k, P in enumerate((1, 3, 5, 7, 9, 12, 16, 24)):
        state, _ = recall(
            hopfield_store(np.vstack([face, others[: P - 1]])), start, np.random.default_rng(2)
        )
        for name, s in (("start", start), ("after recall", state)):
            rows.append(
                {
                    "k": k,
                    "w": name,
                    "t": f"{P} patterns stored; overlap with the face {s @ face / 64:.2f}"
                    if name == "after recall"
                    else "",
                    "v": (s > 0).astype(int).tolist(),
                    "i": list(range(64)),
                }
            )
    pick = slider("load", "patterns stored, from 1 to 24 ", 2, 0, 7, 1)
    base = alt.Chart(alt.Data(values=rows)).transform_filter("datum.k == load")
    panels = []
    for name in ("start", "after recall"):
        cells = (
            base.transform_filter(f"datum.w == '{name}'")
            .transform_flatten(["v", "i"])
            .transform_calculate(row="floor(datum.i / 8)", column="datum.i % 8")
        )
        panels.append(
            cells.mark_rect()
            .encode(
                x=alt.X("column:O", axis=None),
                y=alt.Y("row:O", axis=None),
                color=alt.Color(
                    "v:N", scale=alt.Scale(domain=[0, 1], range=["#d9dee3", BLUE]), legend=None
                ),
            )
            .properties(width=130, height=130, title=name)
        )
    text = (
        base.transform_filter("datum.t != ''")
        .mark_text(align="left", fontSize=13)
        .encode(x=alt.value(0), y=alt.value(8), text="t:N")
        .properties(width=270, height=16, view=alt.ViewBackground(strokeOpacity=0))
    )
    return show(
        alt.vconcat(text, alt.hconcat(*panels)).add_params(pick).configure_view(stroke=None),
        "A damaged face of eight by eight cells and what the network recalls; a slider stores "
        "more patterns beside it, and beyond a dozen the face is no longer found.",
    )
