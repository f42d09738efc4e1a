"""Figures of the chapter on depth. Read with book/networks/depth.md."""

from __future__ import annotations

import altair as alt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.figures.style import BLUE, CYCLE, GRAY, ORANGE, figure, label
from groundtruth.figures.vega import Interactive, choose, menu, series_colors, show, slider


def profiles(curves: dict[str, np.ndarray]) -> Figure:
    """Gradient by layer, over that at the last layer; curves maps names to arrays (depth,)."""
    fig, ax = figure(3.2)
    for (name, values), color, style in zip(
        curves.items(), CYCLE, ("-", "--", "-.", ":", "-"), strict=False
    ):
        ax.plot(np.arange(1, len(values) + 1), values, style, color=color, label=name)
    ax.set_yscale("log")
    ax.legend(loc="lower right", fontsize=10)
    label(ax, "layer, the last one right", "gradient, relative")
    return fig


def blocks() -> Figure:
    """Three blocks side by side: no norm, norm inside the branch, norm after the sum."""
    fig, axes = figure(3.6, 3)
    for ax, (name, parts, after) in zip(
        axes,
        (("residual", ["F"], None), ("Pre-LN", ["LN", "F"], None), ("Post-LN", ["F"], "LN")),
        strict=True,
    ):
        ax.plot([0.3, 0.3], [0.0, 3.9], color=BLUE, linewidth=3)
        ax.annotate(
            "",
            (0.3, 4.15),
            (0.3, 3.75),
            arrowprops={"arrowstyle": "->", "color": BLUE, "linewidth": 2},
        )
        ax.plot([0.3, 0.75, 0.75, 0.3], [0.4, 0.4, 2.9, 2.9], color=GRAY)
        for i, part in enumerate(parts):
            ax.text(
                0.75,
                1.1 + 1.1 * i,
                part,
                ha="center",
                va="center",
                fontsize=13,
                bbox={"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": ORANGE},
            )
        ax.text(
            0.3,
            2.9,
            "+",
            ha="center",
            va="center",
            fontsize=13,
            bbox={"boxstyle": "circle,pad=0.2", "facecolor": "white", "edgecolor": BLUE},
        )
        if after:
            ax.text(
                0.3,
                3.45,
                after,
                ha="center",
                va="center",
                fontsize=13,
                bbox={"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": ORANGE},
            )
        ax.set_xlim(0, 1.1)
        ax.set_ylim(-0.1, 4.3)
        ax.axis("off")
        ax.set_title(name)
    return fig


def census(counts: np.ndarray, mass: np.ndarray) -> Figure:
    """Share of paths and of the squared gradient by the branches on the path; both (L + 1,)."""
    fig, ax = figure(2.8)
    at = np.arange(len(counts))
    ax.bar(at - 0.2, counts / counts.sum(), 0.4, color=GRAY, label="paths")
    ax.bar(at + 0.2, mass, 0.4, color=BLUE, label="gradient", hatch="//", edgecolor="white")
    ax.legend()
    ax.set_xticks(at[::4])
    label(ax, "branches on the path", "share")
    return fig


def explorer() -> Interactive:
    """Size of the residual stream and of the gradient through a stack, from the closed forms."""
    controls = [
        slider("dp", "blocks ", 40, 5, 60, 5),
        slider("ga", "what a branch does to the mean square ", 1, 0.5, 2, 0.1),
        slider("cc", "scale of the branch ", 1, 0, 1.5, 0.1),
        menu("md", "block ", ["plain", "residual", "Pre-LN", "Post-LN"], "residual"),
    ]
    # mean squares as natural logarithms: of the stream at block l, and of the gradient from the top
    stream = {
        "plain": "datum.l * log(datum.branch + 1e-99)",
        "residual": "datum.l * log(1 + datum.branch)",
        "Pre-LN": "log(1 + datum.l * datum.branch)",
        "Post-LN": "0",
    }
    gradient = {
        "plain": "(dp - datum.l) * log(datum.branch + 1e-99)",
        "residual": "0",
        "Pre-LN": "-log(1 + dp * datum.branch)",  # of the final norm alone: the skips lose nothing
        "Post-LN": "(datum.l - dp) * log(1 + datum.branch)",
    }
    base = (
        alt.Chart(alt.Data(values=[{"l": i} for i in range(61)]))
        .transform_filter("datum.l <= dp")
        .transform_calculate(branch="ga * cc * cc")
    )
    names = ["gradient along the skips (plain: through the layers)", "stream, going forward"]
    x = alt.X("l:Q", title="block")
    y = alt.Y("v:Q", title="log10 of the size", scale=alt.Scale(domain=[-10, 10], clamp=True))
    legend = alt.Legend(orient="bottom", direction="vertical", labelLimit=400)
    lines = [
        base.transform_calculate(v=f"{choose('md', formulas)} / 2 / log(10)", s=f"'{name}'")
        .mark_line(strokeWidth=2.5)
        .encode(
            x=x,
            y=y,
            color=alt.Color(
                "s:N", title=None, scale=series_colors(names, [ORANGE, BLUE]), legend=legend
            ),
            strokeDash=alt.StrokeDash(
                "s:N", title=None, scale=alt.Scale(domain=names), legend=legend
            ),
        )
        for name, formulas in zip(names, (gradient, stream), strict=True)
    ]
    return show(
        alt.layer(*lines).add_params(*controls).properties(width=380, height=220),
        "Two curves over the blocks of a stack, the size of the stream going forward and of the "
        "gradient going back along the skips; sliders change depth, gain and scale of the "
        "branches, "
        "a menu the kind of block.",
    )
