"""Figures of the chapter on compression. Read with book/modern/compression.md."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.figures.style import BLUE, GRAY, GREEN, ORANGE, PURPLE, figure, label
from groundtruth.figures.vega import Interactive, choose, menu, note, one_row, show, slider
from groundtruth.modern.pruning import lowest_mask, n_m_mask
from groundtruth.modern.quantization import quantize

SIDE = 1024  # rows and columns of the matrix of `storage`
CENTERS = np.linspace(-3.95, 7.95, 120).round(2)  # of bins of width 0.1


def skewed() -> np.ndarray:
    """Relative frequencies at CENTERS: a normal distribution with a long right tail."""
    density = np.exp(-(CENTERS**2) / 0.5) + 0.25 * np.where(
        CENTERS > 0, np.exp(-np.abs(CENTERS) / 1.5), 0
    )
    return (density / density.max()).round(4)


def masks() -> Figure:
    """A weight matrix, half of whose entries are removed in three patterns."""
    fig, axes = figure(2.4, columns=3)
    W = np.random.default_rng(0).normal(size=(12, 12))
    rows = np.linalg.norm(W, axis=1)
    patterns = {
        "unstructured": lowest_mask(np.abs(W), 0.5),
        "2:4": n_m_mask(np.abs(W)),
        "rows": np.repeat(lowest_mask(rows, 0.5)[:, None], 12, axis=1),
    }
    for ax, (name, mask) in zip(axes, patterns.items(), strict=True):
        i, j = np.nonzero(mask)
        ax.scatter(j + 0.5, i + 0.5, s=18, marker="s", color=BLUE)
        ax.set_xlim(0, 12)
        ax.set_ylim(12, 0)
        ax.set_aspect("equal")
        ax.set_xticks([0, 4, 8, 12])
        ax.set_yticks([0, 4, 8, 12])
        label(ax, "input", "output", name)
    return fig


def layout_bytes(side: int, zeros: str) -> dict[str, str]:
    """Bytes of a square matrix by layout: formulas of its zeros and the controls of `storage`."""
    n = side * side
    stored = f"({n} - round({n} * {zeros}))"
    return {
        "dense": f"{n} * bits / 8",
        "CSR": f"ceil(({stored} * (bits + index) + {side + 1} * index) / 8)",
        "bitmap": f"ceil(({stored} * bits + {n}) / 8)",
        "rows": f"ceil(({side} - round({side} * {zeros})) * {side} * bits / 8)",
    }


def storage() -> Interactive:
    """Bytes of a 1,024 x 1,024 matrix by layout and fraction of zeros, relative to dense."""
    formulas = layout_bytes(SIDE, "datum.f")
    layouts = ["CSR", "bitmap", "rows"]
    here = layout_bytes(SIDE, "(zeros / 100)")
    names = {"csr": "CSR", "bitmap": "bitmap", "rows": "rows", "dense": "dense"}
    two_four = f"({SIDE * SIDE // 2} * (bits + 2) / 8)"
    x = alt.X("f:Q", title="fraction of zeros", scale=alt.Scale(domain=[0, 1]))
    y = alt.Y("ratio:Q", title="bytes / dense bytes", scale=alt.Scale(domain=[0, 3.05]))
    curves = (
        alt.Chart(
            alt.Data(values=[{"f": k / 50, "k": kind} for kind in layouts for k in range(50)])
        )
        .transform_calculate(
            ratio=choose("datum.k", {kind: formulas[kind] for kind in layouts})
            + f" / ({formulas['dense']})"
        )
        .mark_line(strokeWidth=2.5, clip=True)
        .encode(
            x=x,
            y=y,
            color=alt.Color(
                "k:N",
                title=None,
                scale=alt.Scale(domain=layouts, range=[ORANGE, GREEN, BLUE]),
                legend=alt.Legend(orient="bottom"),
            ),
            strokeDash=alt.StrokeDash(
                "k:N", title=None, scale=alt.Scale(domain=layouts, range=[[1, 0], [6, 3], [2, 2]])
            ),
        )
    )
    point = one_row(f="0.5", ratio=f"{two_four} / ({formulas['dense']})")
    diamond = point.mark_point(shape="diamond", size=90, filled=True, color=PURPLE).encode(x=x, y=y)
    cursor = one_row(f="zeros / 100").mark_rule(color=GRAY, strokeDash=[4, 3]).encode(x=x)
    level = one_row(ratio="1").mark_rule(color=GRAY).encode(y=y)
    sizes = {f"b_{name}": f"{here[key]} / 1024" for name, key in names.items()}
    total = one_row(**sizes, b_half=f"{two_four} / 1024", even="100 * index / (bits + index)")
    return show(
        alt.layer(
            curves,
            diamond,
            cursor,
            level,
            note(
                total, "dense {b_dense:,.0f}, CSR {b_csr:,.0f}, bitmap {b_bitmap:,.0f} KiB", 4, -44
            ),
            note(total, "rows {b_rows:,.0f}, 2:4 (diamond) {b_half:,.0f} KiB", 4, -26),
            note(total, "CSR saves bytes beyond {even:.0f} percent of zeros", 4, -8),
        )
        .add_params(
            slider("zeros", "zeros, percent ", 50, 0, 98, 2),
            menu("bits", "bits of a value ", [4, 8, 16, 32], 32),
            menu("index", "bits of a CSR index ", [8, 16, 32], 32),
        )
        .properties(width=300, height=190),
        "Bytes against the fraction of zeros for compressed sparse rows, bitmap and removed rows; "
        "controls set the zeros, the bits of a value and the bits of an index.",
    )


def pareto(points: Mapping[str, tuple[int, float]]) -> Figure:
    """Test error against bytes of each model, and the models that no other one dominates."""
    fig, (ax, names) = figure(3.4, columns=2, width_ratios=[2, 1])
    errors = {name: (size, 100 * (1 - accuracy)) for name, (size, accuracy) in points.items()}
    front: list[tuple[int, float]] = []
    for size, error in sorted(errors.values()):
        if not front or error < front[-1][1]:
            front.append((size, error))
    ax.step(*zip(*front, strict=True), where="post", color=BLUE, linewidth=1)
    for number, place in enumerate(errors.values(), 1):
        ax.plot(*place, "o" if place in front else "x", color=BLUE if place in front else GRAY)
        above = number % 3 == 1
        ax.annotate(
            str(number),
            place,
            xytext=(4, 6 if above else -12),
            textcoords="offset points",
            fontsize=10,
        )
    names.axis("off")
    text = "\n".join(f"{number}  {name}" for number, name in enumerate(errors, 1))
    names.text(0, 0.5, text, transform=names.transAxes, va="center", fontsize=9.5)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(2, 60)
    ax.set_yticks([2, 5, 10, 20, 50], ["2", "5", "10", "20", "50"])
    ax.minorticks_off()
    label(ax, "bytes", "test error (percent)")
    return fig


def clipping() -> Interactive:
    """Levels, error and signal-to-noise ratio of a skewed histogram on an adjustable grid."""
    weight = skewed()
    top = "(pow(2, bits - 1) - 1)"
    clip = "(clip / 100)"
    # symmetric: zero at the center; asymmetric: the range [-4, 8] times the clip, zero on the grid
    step = f"(kind == 'symmetric' ? 8 * {clip} / {top} : 12 * {clip} / (pow(2, bits) - 1))"
    first = f"(kind == 'symmetric' ? -{top} : -{top} - 1)"
    even = "(abs(R - floor(R) - 0.5) < 1e-9 ? 2 * round(R / 2) : round(R))"

    def nearest(ratio: str) -> str:
        return even.replace("R", f"({ratio})")

    zero = f"(kind == 'symmetric' ? 0 : {nearest(f'-{top} - 1 + 4 * {clip} / {step}')})"
    q = f"clamp({nearest(f'datum.x / {step}')} + {zero}, {first}, {top})"
    rows = [{"x": float(x), "w": float(w)} for x, w in zip(CENTERS, weight, strict=True)]
    data = (
        alt.Chart(alt.Data(values=rows))
        .transform_calculate(y=f"{step} * ({q} - {zero})")
        .transform_calculate(e="(datum.x - datum.y) * (datum.x - datum.y) * datum.w")
    )
    x = alt.X("x:Q", title="value", scale=alt.Scale(domain=[-4.3, 8.3]))
    y = alt.Y("w:Q", title="frequency", scale=alt.Scale(domain=[0, 1.1]))
    marks = data.mark_rule(color=ORANGE, strokeWidth=1.2).encode(
        x=alt.X("y:Q", title="value"), y=alt.datum(0), y2=alt.datum(0.3)
    )
    total = (
        data.transform_calculate(s="datum.x * datum.x * datum.w")
        .transform_aggregate(noise="sum(e)", signal="sum(s)", mass="sum(w)")
        .transform_calculate(
            db="10 * log(datum.signal / datum.noise) / LN10",
            rms="sqrt(datum.noise / datum.mass)",
            step=step,
            count="pow(2, bits) - (kind == 'symmetric' ? 1 : 0)",
        )
    )
    return show(
        alt.layer(
            data.mark_bar(color=BLUE, opacity=0.55, width=2).encode(x=x, y=y),
            marks,
            note(total, "SQNR {db:.1f} dB, rms error {rms:.3f}", 4, -26),
            note(total, "step {step:.3f}, {count} levels", 4, -8),
        )
        .add_params(
            slider("bits", "bits ", 4, 2, 8, 1),
            slider("clip", "covered range, percent ", 100, 20, 100, 5),
            alt.param(
                name="kind",
                value="symmetric",
                bind=alt.binding_select(options=["symmetric", "asymmetric"], name="grid "),
            ),
        )
        .properties(width=300, height=190),
        "A histogram with a long right tail and the levels to which it is rounded; controls set "
        "the bits, the covered part of the range, and whether the grid is symmetric.",
    )


def levels_of(bits: int, clip: float, symmetric: bool) -> np.ndarray:
    """The rounded CENTERS of `clipping`, by the library."""
    limits = (-8 * clip, 8 * clip) if symmetric else (-4 * clip, 8 * clip)
    q, scale, zero = quantize(CENTERS, bits, None, symmetric, limits)
    return np.asarray(scale * (q - zero))
