"""Figures of the chapter on training in practice: memory of a step, and training in parallel.

Read with book/modern/training-in-practice.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from numpy.typing import NDArray

from groundtruth.figures.style import (
    BLUE,
    GRAY,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    WIDTH_IN,
    figure,
    label,
    rows,
)
from groundtruth.modern.memory_ledger import KINDS, SCHEMES, Shape, held, scheme_bytes
from groundtruth.modern.memory_trace import Trace
from groundtruth.modern.overlap import Interval
from groundtruth.modern.pipeline_schedule import Task
from groundtruth.modern.training_plan import Plan

SENDS = {  # between processes, in each step
    "data parallel": "all-reduce gradients",
    "ZeRO, stage 1": "reduce-scatter gradients, all-gather weights",
    "ZeRO, stage 2": "reduce-scatter gradients, all-gather weights",
    "ZeRO, stage 3": "all-gather weights twice, reduce-scatter gradients",
    "tensor parallel": "all-reduce activations and their gradients",
    "pipeline": "point to point: activations and their gradients",
}

BLOCK = (  # of tensor parallelism: name, shape (4 examples, width 4), axis of the pieces, face
    ("x", (4, 4), None, PURPLE),
    ("W", (4, 8), 1, BLUE),
    ("ReLU(xW)", (4, 8), 1, PURPLE),
    ("V", (8, 4), 0, BLUE),
    ("summand", (4, 4), None, "#d3c1de"),
)

PASSES = {  # faces of the boxes of a schedule, of the first chunk and of later ones
    ("F", False): ("#e4eef6", "#a9cbe3"),
    ("F", True): ("#fae3d3", "#f0b48c"),
    ("B", False): (BLUE, "#003f66"),
    ("B", True): (ORANGE, "#7d3306"),
}


def schemes(devices: int = 4) -> Figure:
    """What each process holds under each scheme, as squares of layers by pieces, and sends."""
    side = 17.5  # in points, like all lengths here
    pitch = 20.0
    group = 86.5
    block = 55.0
    wide = 72 * WIDTH_IN
    high = 32 + block * len(SCHEMES)
    fig, ax = figure(high / 72)
    fig.set_layout_engine("none")
    ax.set_position((0, 0, 1, 1))
    ax.set(xlim=(0, wide), ylim=(high, 0))
    ax.axis("off")
    cells: dict[str, list[Path]] = {kind: [] for kind in KINDS}
    lines = []
    for rank in range(devices):
        left = 4 + group * rank
        ax.text(left, 13, f"process {rank}", va="baseline")
        for i, kind in enumerate(KINDS):
            corner = left + pitch * i
            ax.text(corner + side / 2, 28, kind[0].upper(), ha="center", va="baseline")
            for row, scheme in enumerate(SCHEMES):
                top = 32 + block * row + 31
                grid = held(scheme, kind, rank, devices)
                cells[kind].append(_part(grid, corner, top, side, side))
                lines.append(_part(np.ones((1, 1), bool), corner, top, side, side))
    for row, scheme in enumerate(SCHEMES):
        top = 32 + block * row
        size = f"{scheme_bytes(scheme, devices):.1f} bytes per parameter"
        ax.text(4, top + 13, scheme, va="baseline", weight="bold")
        ax.text(wide - 4, top + 13, size, va="baseline", ha="right")
        ax.text(4, top + 26.5, SENDS[scheme], va="baseline")
    for kind, color in zip(KINDS, (BLUE, ORANGE, GREEN, PURPLE), strict=True):
        ax.add_patch(PathPatch(Path.make_compound_path(*cells[kind]), facecolor=color, lw=0))
    outline = Path.make_compound_path(*lines)
    ax.add_patch(PathPatch(outline, facecolor="none", edgecolor=GRAY, lw=0.8))
    return fig


def _part(grid: NDArray[np.bool_], left: float, top: float, width: float, height: float) -> Path:
    """The part of a rectangle that a grid (n, n) fills, itself a rectangle."""
    across, down = width / len(grid), height / len(grid)
    rows_, columns = np.nonzero(grid)
    wide = across * float(columns.max() + 1 - columns.min())
    high = down * float(rows_.max() + 1 - rows_.min())
    return _box(left + across * columns.min(), top + down * rows_.min(), wide, high)


def split(devices: int = 2) -> Figure:
    """A block under tensor parallelism without its biases: what each process holds, and the sum.

    Weights and activations have the colors of `schemes`; a summand is lighter.
    """
    unit = 6.8  # in points, like all lengths here
    gap = 23.0
    pitch = 82.0
    high = 20 + pitch * devices
    fig, ax = figure(high / 72)
    fig.set_layout_engine("none")
    ax.set_position((0, 0, 1, 1))
    ax.set(xlim=(0, 72 * WIDTH_IN), ylim=(high, 0))
    ax.axis("off")
    ends = []
    for rank in range(devices):
        left = 4.0
        middle = 20 + pitch * (rank + 0.5)
        ax.text(left, middle - 24, f"process {rank}", va="baseline")
        for (name, shape, axis, face), sign in zip(BLOCK, "·→·→ ", strict=True):
            grid = np.ones((devices, devices), bool)
            if axis is not None:
                grid = np.indices(grid.shape)[axis] == rank
            tall, wide = (unit * n for n in shape)
            top = middle - tall / 2
            piece = _part(grid, left, top, wide, tall)
            ax.add_patch(PathPatch(piece, facecolor=face, lw=0))
            outline = _box(left, top, wide, tall)
            ax.add_patch(PathPatch(outline, facecolor="none", edgecolor=GRAY, lw=0.8))
            if rank == 0:
                ax.text(left + wide / 2, 14, name, ha="center", va="baseline")
            left += wide + gap
            if sign.strip():
                ax.text(left - gap / 2, middle, sign, ha="center", va="center")
        ends.append((left - gap, middle))
    middle = 20 + pitch * devices / 2
    side = 4 * unit
    for end in ends:
        start = (left + 8, middle)
        ax.annotate("", start, end, arrowprops={"arrowstyle": "->", "color": INK})
    ax.add_patch(PathPatch(_box(left + 8, middle - side / 2, side, side), facecolor=PURPLE, lw=0))
    ax.text(left + 8 + side / 2, middle - side / 2 - 5, "sum", ha="center", va="baseline")
    return fig


def schedules(plans: Mapping[str, Sequence[Task]]) -> Figure:
    """Which stage works at which time on which micro-batch, one panel for each schedule.

    Micro-batch 1 stands out, passes through later chunks are darker, and a box has the number of
    its micro-batch unless it is shorter than a forward pass of a whole stage.
    """
    fig, axes = rows(len(plans), 1.25 * len(plans) + 0.5)
    end = max(t.end / _chunks(tasks) for tasks in plans.values() for t in tasks)
    for ax, (name, tasks) in zip(axes, plans.items(), strict=True):
        stages = 1 + max(t.stage for t in tasks)
        parts: dict[tuple[str, int, bool], list[Path]] = {}
        for t in tasks:
            start, stop = t.start / _chunks(tasks), t.end / _chunks(tasks)
            box = _box(start, t.stage - 0.42, stop - start, 0.84)
            parts.setdefault((t.kind, t.chunk, t.micro == 0), []).append(box)
            if stop - start >= 1:
                ink = INK if t.kind == "F" else "white"
                middle = (start + stop) / 2
                ax.text(middle, t.stage, f"{t.micro + 1}", ha="center", va="center", color=ink)
        for (kind, chunk, first), paths in parts.items():
            whole = Path.make_compound_path(*paths)
            width = 1.8 if first else 0.6  # without color the first one still stands out
            face = PASSES[kind, first][min(chunk, 1)]
            ax.add_patch(
                PathPatch(whole, facecolor=face, edgecolor=INK, lw=width, zorder=1 + first)
            )
        ax.set_xlim(0, end)
        ax.set_ylim(stages - 0.4, -0.6)
        ax.set_yticks(range(stages), range(1, stages + 1))
        label(ax, "", "stage", name)
    axes[-1].set_xlabel("time (forward passes of a stage)")
    return fig


def _chunks(tasks: Sequence[Task]) -> int:
    return 1 + max(t.chunk for t in tasks)


def _box(left: float, bottom: float, width: float, height: float) -> Path:
    """A rectangle as a closed path."""
    x = (left, left + width)
    y = (bottom, bottom + height)
    corners = [(x[a], y[b]) for a, b in ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))]
    return Path(corners, closed=True)


def step_memory(traces: Mapping[str, Trace], bins: int = 110) -> Figure:
    """Megabytes by kind after each operation of two training steps, one panel for each trace."""
    fig, axes = rows(len(traces), 2.1 * len(traces) + 0.4)
    colors = (BLUE, ORANGE, GREEN, PURPLE)
    most = max(t.peak for t in traces.values()) / 1e6
    longest = max(len(t.bytes) for t in traces.values())
    for ax, (name, t) in zip(axes, traces.items(), strict=True):
        count = max(2, bins * len(t.bytes) // longest)
        edges = np.unique(np.linspace(0, len(t.bytes), count).astype(int))
        # the moment of the largest sum of each bin, so that no peak is lost
        moments = [a + t.bytes[a:b].sum(1).argmax() for a, b in pairwise(edges)]
        shown = t.bytes[moments] / 1e6
        base = np.zeros(len(moments))
        for kind, color, column in zip(KINDS, colors, shown.T, strict=True):
            ax.fill_between(moments, base, base + column, color=color, lw=0, label=kind)
            base = base + column
        for _, end in t.marks[:-1]:
            ax.axvline(end, color=GRAY, lw=0.8, ls=":")
        start = 0
        for phase, end in t.marks:
            letter = phase[0].upper()
            ax.text((start + end) / 2, most * 1.03, letter, ha="center", va="bottom")
            start = end
        ax.set(xlim=(0, longest - 1), ylim=(0, most * 1.15))
        label(ax, "", "MB", name)
    fig.legend(*_reversed(axes[0]), ncols=2, loc="outside upper center")
    axes[-1].set_xlabel("operations so far, in two steps")
    return fig


def _reversed(ax: Axes) -> tuple[list[Any], list[str]]:
    """Handles and labels of a legend from the top of the stack to its bottom."""
    handles, labels = ax.get_legend_handles_labels()
    return handles[::-1], labels[::-1]


def overlap(cases: Mapping[str, Sequence[Interval]]) -> Figure:
    """When numbered layers are computed and their gradients sent, one panel per size of bucket."""
    fig, axes = rows(len(cases), 1.0 * len(cases) + 0.6)
    end = max(t.end for intervals in cases.values() for t in intervals)
    for ax, (name, intervals) in zip(axes, cases.items(), strict=True):
        for row, (what, face) in enumerate((("compute", "#d5e4f0"), ("send", ORANGE))):
            own = [t for t in intervals if t.what == what]
            boxes = [_box(t.start, row - 0.4, t.end - t.start, 0.8) for t in own]
            whole = Path.make_compound_path(*boxes)
            ax.add_patch(PathPatch(whole, facecolor=face, edgecolor=INK, lw=0.8))
            for t in own:
                numbers = dict.fromkeys((t.first + 1, t.last + 1))  # of one layer or of a range
                ax.text(
                    (t.start + t.end) / 2,
                    row,
                    "–".join(map(str, numbers)),
                    ha="center",
                    va="center",
                    color=INK if row == 0 else "white",
                )
        ax.axvline(max(t.end for t in intervals), color=GRAY, lw=1, ls=":")
        ax.set(xlim=(0, end * 1.02), ylim=(1.6, -0.6))
        ax.set_yticks([0, 1], ["compute", "send"])
        label(ax, "", "activity", name)
        ax.yaxis.labelpad = 9  # room for labels that grow on a phone
    axes[-1].set_xlabel("time (backward passes of one layer)")
    return fig


def plan_map(
    models: Mapping[str, Shape],
    devices: Sequence[int],
    chosen: Mapping[tuple[str, int], tuple[Plan, float] | None],
) -> Figure:
    """The fastest plan that fits by size of model and number of devices, shaded by its MFU."""
    fig, ax = figure(3.6)
    for i, name in enumerate(models):
        for j, count in enumerate(devices):
            text = "does\nnot fit"
            shade = "none"
            if found := chosen[name, count]:
                text, shade = _plan_text(*found), _shade(found[1])
            box = Rectangle((j - 0.48, i - 0.46), 0.96, 0.92, facecolor=shade, edgecolor=GRAY)
            ax.add_patch(box)
            ax.text(j, i, text, ha="center", va="center", color=INK, fontsize=9.5, linespacing=1.25)
    ax.set(xlim=(-0.55, len(devices) - 0.45), ylim=(len(models) - 0.45, -0.55))
    ax.set_xticks(range(len(devices)), [f"{count:,}" for count in devices])
    ax.set_yticks(range(len(models)), list(models))
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    label(ax, "devices", "parameters")
    return fig


def _plan_text(plan: Plan, used: float) -> str:
    """Tensor, pipeline and data parallelism; the ZeRO stage, and r for recomputation; the MFU."""
    first = f"T{plan.tensor} P{plan.pipeline}"
    second = f"Z{plan.stage}{' r' if plan.recompute else ''}"
    return f"{first}\n{second}\n{used:.0%}"


def _shade(used: float) -> str:
    """From white to a light blue, on which ink is readable, as utilization goes from 0.2 to 0.6."""
    weight = 0.42 * float(np.clip((used - 0.2) / 0.4, 0, 1))
    r, g, b = (1 - weight + weight * channel for channel in to_rgb(BLUE))
    return to_hex((r, g, b))
