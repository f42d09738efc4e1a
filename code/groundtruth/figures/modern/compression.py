"""Figures of the chapter on compression. Read with book/modern/compression.md."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.figures.style import BLUE, GRAY, GREEN, ORANGE, PURPLE, figure, label
from groundtruth.figures.vega import Interactive, note, show, slider
from groundtruth.modern.pruning import lowest_mask, n_m_mask, storage_bytes
from groundtruth.modern.quantization import quantize

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


def storage() -> Figure:
    """Bytes of a 1,024 x 1,024 matrix over those of its dense form, by fraction of zeros."""
    fig, ax = figure(3.0)
    fractions = np.linspace(0, 0.99, 100)
    styles = {
        "csr": (ORANGE, "-"),
        "bitmap": (GREEN, "--"),
        "rows": (BLUE, ":"),
    }
    names = {"csr": "CSR", "bitmap": "bitmap", "rows": "rows"}
    dense = storage_bytes((1024, 1024), 0, "dense")
    ax.axhline(1, color=GRAY, linewidth=1.5)
    ax.text(0.01, 1.04, "dense", color=GRAY)
    for layout, (color, line) in styles.items():
        ratio = [storage_bytes((1024, 1024), f, layout) / dense for f in fractions]
        ax.plot(fractions, ratio, color=color, linestyle=line, label=names[layout])
    half = storage_bytes((1024, 1024), 0.5, "2:4") / dense
    ax.plot([0.5], [half], "D", color=PURPLE, label="2:4")
    ax.set_ylim(0, 2.05)
    ax.legend(loc="upper right")
    label(ax, "fraction of zeros", "bytes / dense bytes")
    return fig


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
