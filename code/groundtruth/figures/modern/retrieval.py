"""Figures of the chapter on retrieval. Read with book/modern/retrieval.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
from matplotlib.figure import Figure
from scipy.spatial import Voronoi

from groundtruth.figures.style import BLUE, CYCLE, GRAY, GREEN, INK, ORANGE, PURPLE, figure, label
from groundtruth.figures.vega import Interactive, note, one_row, show, slider
from groundtruth.modern.vector_index import k_means

K = 10  # neighbors of the interactive figure
CELLS = 12
STATES = ["not compared", "compared", "neighbor returned", "other returned", "neighbor missed"]


def pipeline() -> Figure:
    """The two halves of retrieval-augmented generation: before and after the question."""
    fig, ax = figure(2.9)
    ax.set_axis_off()
    ax.set_xlim(0, 10)
    ax.set_ylim(0, 6)
    rows = {
        5.0: (("documents", 1.2), ("chunks", 4.0), ("encode", 6.4), ("index", 8.9)),
        2.6: (("question", 1.2), ("encode", 4.0), ("retrieve", 6.4), ("rerank", 8.9)),
        0.5: (("score", 1.2), ("answer", 4.0), ("generate", 6.4), ("prompt", 8.9)),
    }
    for y, boxes in rows.items():
        for name, x in boxes:
            color = BLUE if y == 5.0 else ORANGE
            style = {"boxstyle": "round,pad=0.3", "facecolor": "none", "edgecolor": color}
            ax.text(x, y, name, ha="center", va="center", fontsize=11.6, bbox=style)
    arrow = {"arrowstyle": "->", "color": INK, "linewidth": 1.3}
    gaps = ((2.5, 3.0), (5.0, 5.4), (7.5, 8.0))
    for y in (5.0, 2.6):
        for start, end in gaps:
            ax.annotate("", (end, y), (start, y), arrowprops=arrow)
    for end, start in ((2.0, 3.0), (5.0, 5.25), (7.6, 7.9)):
        ax.annotate("", (end, 0.5), (start, 0.5), arrowprops=arrow)
    ax.annotate("", (6.8, 3.1), (8.7, 4.5), arrowprops={**arrow, "linestyle": "--"})
    ax.annotate("", (8.9, 1.0), (8.9, 2.1), arrowprops=arrow)
    ax.text(0.1, 5.8, "before the question", color=BLUE, fontsize=10)
    ax.text(0.1, 3.4, "for each question", color=ORANGE, fontsize=10)
    return fig


def dimensions(dims: Sequence[int], curves: Mapping[str, Sequence[float]], level: float) -> Figure:
    """Recall of embeddings cut to their first dimensions, and a level for comparison."""
    fig, ax = figure(3.0)
    styles = ("-o", "--s", ":^")
    for (name, values), style, color in zip(curves.items(), styles, CYCLE, strict=False):
        ax.plot(dims, values, style, color=color, label=name, markersize=5)
    ax.axhline(level, color=GRAY, linestyle="-.", label="BM25")
    ax.set_xscale("log", base=2)
    ax.set_xticks(list(dims), [str(d) for d in dims])
    ax.set_ylim(0, 1)
    ax.legend(loc="upper left", ncols=2)
    label(ax, "dimensions kept", "recall@1")
    return fig


def recall_work(curves: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]) -> Figure:
    """Recall over work for several indexes, one panel per data set."""
    fig, axes = figure(3.5, columns=len(curves), sharey=True)
    styles = (("-o", BLUE), ("--s", ORANGE), (":^", GREEN))
    for ax, (name, indexes) in zip(np.atleast_1d(axes), curves.items(), strict=True):
        for (index, points), (style, color) in zip(indexes.items(), styles, strict=True):
            work, recall = zip(*points, strict=True)
            ax.plot(work, recall, style, color=color, label=index, markersize=5)
        ax.set_xscale("log")
        ax.set_xticks([0.01, 0.1, 1], ["1 %", "10 %", "all"])
        ax.set_xlim(0.008, 1.1)
        ax.set_ylim(0, 1.03)
        label(ax, "work", "recall@10" if ax is np.atleast_1d(axes)[0] else "", name)
    handles, names = np.atleast_1d(axes)[0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside upper center", ncols=3)
    return fig


def points() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (n, 2), centroids (CELLS, 2) and cells (n,) of the interactive figure."""
    rng = np.random.default_rng(4)
    centers = rng.uniform(0.8, 9.2, (14, 2))
    X = centers[rng.integers(14, size=220)] + rng.normal(size=(220, 2)) * 0.75
    X = np.clip(X, 0.05, 9.95).round(2)
    centroids, _ = k_means(X, CELLS, np.random.default_rng(1))
    centroids = centroids.round(2)
    cell = ((X[:, None] - centroids) ** 2).sum(axis=2).argmin(axis=1)
    return X, centroids, cell


def borders(centroids: np.ndarray) -> list[dict[str, float]]:
    """Line segments between the cells of the centroids, within the square from 0 to 10."""
    mirrored = [centroids]
    for axis in (0, 1):
        for wall in (0.0, 10.0):
            other = centroids.copy()
            other[:, axis] = 2 * wall - other[:, axis]
            mirrored.append(other)
    diagram = Voronoi(np.concatenate(mirrored))
    inside = len(centroids)
    segments = []
    for pair, ridge in zip(diagram.ridge_points, diagram.ridge_vertices, strict=True):
        if min(pair) < inside and -1 not in ridge and max(pair) < inside:
            (x, y), (x2, y2) = diagram.vertices[ridge].round(2).tolist()
            segments.append({"x": x, "y": y, "x2": x2, "y2": y2})
    return segments


def _table(values: np.ndarray) -> str:
    return "[" + ",".join(f"{v:g}" for v in values) + "]"


def probes() -> Interactive:
    """Cells of an inverted file in the plane, with the query and nprobe as controls."""
    X, centroids, cell = points()
    controls = [
        slider("nprobe", "nprobe ", 1, 1, CELLS, 1),
        slider("qx", "query, first ", 7.0, 0, 10, 0.5),
        slider("qy", "query, second ", 3.5, 0, 10, 0.5),
    ]
    to_centroid = [f"pow(qx - {x:g}, 2) + pow(qy - {y:g}, 2)" for x, y in centroids.tolist()]
    nearer = " + ".join(f"(({gap}) < datum.own ? 1 : 0)" for gap in to_centroid)
    own = f"pow(qx - {_table(centroids[:, 0])}[datum.c], 2)"
    own += f" + pow(qy - {_table(centroids[:, 1])}[datum.c], 2)"
    rows = [
        {"x": x, "y": y, "c": int(c)} for (x, y), c in zip(X.tolist(), cell.tolist(), strict=True)
    ]
    data = (
        alt.Chart(alt.Data(values=rows))
        .transform_calculate(own=own, d="pow(qx - datum.x, 2) + pow(qy - datum.y, 2)")
        .transform_calculate(p=f"({nearer}) < nprobe ? 1 : 0")
        .transform_window(rank="row_number()", sort=[alt.SortField("d")])
        .transform_window(place="row_number()", sort=[alt.SortField("d")], groupby=["p"])
        .transform_calculate(
            hit=f"datum.p == 1 && datum.rank <= {K} ? 1 : 0",
            returned=f"datum.p == 1 && datum.place <= {K}",
        )
        .transform_calculate(
            state=f"datum.hit ? '{STATES[2]}' : datum.returned ? '{STATES[3]}' :"
            f" datum.rank <= {K} ? '{STATES[4]}' : datum.p ? '{STATES[1]}' : '{STATES[0]}'"
        )
    )
    x = alt.X("x:Q", title="first dimension", scale=alt.Scale(domain=[0, 10]))
    y = alt.Y("y:Q", title="second dimension", scale=alt.Scale(domain=[0, 10]))
    legend = alt.Legend(orient="bottom", columns=2, symbolSize=70)
    color = alt.Color(
        "state:N",
        title=None,
        legend=legend,
        scale=alt.Scale(domain=STATES, range=[GRAY, BLUE, GREEN, PURPLE, ORANGE]),
    )
    shape = alt.Shape(
        "state:N",
        title=None,
        legend=legend,
        scale=alt.Scale(
            domain=STATES, range=["circle", "circle", "square", "diamond", "triangle-up"]
        ),
    )
    size = alt.condition("datum.p == 0 && datum.rank > 10", alt.value(18), alt.value(45))
    totals = data.transform_aggregate(hits="sum(hit)", compared="sum(p)").transform_calculate(
        recall=f"datum.hits / {K}", work=f"datum.compared + {CELLS}"
    )
    edges = alt.Chart(alt.Data(values=borders(centroids)))
    return show(
        alt.layer(
            edges.mark_rule(color=GRAY, strokeWidth=1).encode(x=x, y=y, x2="x2:Q", y2="y2:Q"),
            data.mark_point(filled=True, opacity=0.9).encode(
                x=x, y=y, color=color, shape=shape, size=size
            ),
            one_row(x="qx", y="qy")
            .mark_point(shape="cross", size=160, filled=True, color=INK, opacity=1)
            .encode(x=x, y=y),
            note(totals, f"recall {{recall:.1f}}, work {{work:.0f}} of {len(X)} + {CELLS}"),
        )
        .add_params(*controls)
        .properties(width=300, height=290),
        "Points of the plane in twelve cells around centroids, and a query as a cross; sliders"
        " move the query and set how many of the nearest cells are probed, and show which of its"
        " ten nearest neighbors are returned and which are missed.",
    )
