"""Figures of the primer. Read with book/front/primer.md."""

from __future__ import annotations

import altair as alt
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from groundtruth.figures.style import BLUE, GRAY, INK, ORANGE, figure
from groundtruth.figures.vega import Interactive, choose, menu, one_row, readout, show, slider


def axes_of_an_array() -> Figure:
    """A (3, 4) array with an arrow along each axis and the index of every cell."""
    fig, ax = figure(2.7)
    for i in range(3):
        for j in range(4):
            chosen = i == 1
            ax.add_patch(
                Rectangle(
                    (j, 2 - i),
                    1,
                    1,
                    facecolor=BLUE if chosen else "none",
                    alpha=0.25 if chosen else 1,
                    edgecolor="none",
                )
            )
            ax.add_patch(Rectangle((j, 2 - i), 1, 1, facecolor="none", edgecolor=INK, linewidth=1))
            ax.text(j + 0.5, 2.5 - i, f"[{i}, {j}]", ha="center", va="center", fontsize=10)
    ax.add_patch(
        FancyArrowPatch(
            (-0.3, 3), (-0.3, 0), arrowstyle="->", mutation_scale=14, color=ORANGE, linewidth=1.6
        )
    )
    ax.add_patch(
        FancyArrowPatch(
            (0, 3.3), (4, 3.3), arrowstyle="->", mutation_scale=14, color=ORANGE, linewidth=1.6
        )
    )
    ax.text(-0.5, 1.5, "axis 0\nlength 3", ha="right", va="center", color=ORANGE)
    ax.text(2, 3.45, "axis 1, length 4", ha="center", va="bottom", color=ORANGE)
    ax.text(4.2, 1.5, "A[1], shape (4,)", ha="left", va="center", color=BLUE)
    ax.set_xlim(-2, 6.6)
    ax.set_ylim(-0.2, 4)
    ax.set_axis_off()
    return fig


def slicer() -> Interactive:
    """A 4 x 5 grid; three sliders and a menu choose a slice, whose cells and shape are shown."""
    cells = [{"row": i, "column": j} for i in range(4) for j in range(5)]
    axis = menu("axis", "slice along ", ["axis 0", "axis 1"])
    bounds = [
        slider("start", "start ", 1, 0, 5, 1),
        slider("stop", "stop ", 4, 0, 5, 1),
        slider("step", "step ", 1, 1, 3, 1),
    ]
    index = choose("axis", {"axis 0": "datum.row", "axis 1": "datum.column"})
    chosen = (
        alt.Chart(alt.Data(values=cells))
        .transform_calculate(at=index, name=readout("{row}, {column}"))
        .transform_calculate(
            inside="datum.at >= start && datum.at < stop && (datum.at - start) % step == 0"
        )
    )
    x = alt.X("column:O", axis=alt.Axis(orient="top", title="axis 1", labelAngle=0))
    y = alt.Y("row:O", axis=alt.Axis(title="axis 0"))
    color = alt.condition("datum.inside", alt.value(BLUE), alt.value("transparent"))
    grid = chosen.mark_rect(stroke=GRAY, fillOpacity=0.35).encode(x=x, y=y, fill=color)
    names = chosen.mark_text(fontSize=12).encode(
        x=x,
        y=y,
        text="name:N",
        opacity=alt.condition("datum.inside", alt.value(1), alt.value(0.35)),
    )
    length = choose("axis", {"axis 0": "4", "axis 1": "5"})
    shape = (
        one_row(slice="start + ':' + stop + ':' + step")
        .transform_calculate(count=f"max(0, ceil((min(stop, {length}) - start) / step))")
        .transform_calculate(
            say=choose(
                "axis",
                {
                    "axis 0": readout("A[{slice}] has shape ({count}, 5)"),
                    "axis 1": readout("A[:, {slice}] has shape (4, {count})"),
                },
            )
        )
        .mark_text(x=200, y=205, fontSize=14, font="monospace")
        .encode(text="say:N")
    )
    return show(
        (grid + names + shape).add_params(axis, *bounds).properties(width=400, height=180),
        "A grid of four rows and five columns; the controls choose start, stop and step of a slice "
        "along one axis, the chosen cells light up and the resulting shape is written below.",
    )
