"""Figures of the chapter on numerics. Read with book/modern/numerics.md."""

from __future__ import annotations

import altair as alt
import numpy as np
from matplotlib.figure import Figure

from groundtruth.arrays import Array
from groundtruth.figures.style import BLUE, GRAY, GREEN, INK, ORANGE, PURPLE, figure, label
from groundtruth.figures.vega import Interactive, choose, menu, note, one_row, show, slider
from groundtruth.modern import number_formats as nf

SHOWN = 8  # the end of the linear axis
CODES = {"inf and NaN (E5M2)": "ieee", "one NaN (E4M3)": "nan", "none (E2M1)": "none"}
KINDS = list(CODES)
PRECISIONS = {kind.name: kind for kind in (nf.FLOAT16, nf.BFLOAT16, nf.FLOAT32)}
GAPS = 111  # 0, 1, ..., 110: float32 loses e^-gap at 104
FORMULAS = {
    "naive": ("naive softmax", ORANGE),
    "shifted": ("shifted softmax", BLUE),
    "stable": ("log-sum-exp", GREEN),
}


def spacings() -> Figure:
    """The relative distance between neighboring numbers over the magnitude, format by format."""
    fig, ax = figure(3.5)
    lines = (
        (nf.FLOAT32, GRAY, "-"),
        (nf.FLOAT16, ORANGE, "-."),
        (nf.BFLOAT16, BLUE, "--"),
        (nf.E4M3, GREEN, "-"),
        (nf.E5M2, PURPLE, ":"),
    )
    for kind, color, style in lines:
        low = max(np.log2(kind.smallest), -40)
        high = min(np.log2(kind.largest), 40)
        x = 2 ** np.linspace(low, high, 3000)
        ax.loglog(x, nf.quantum(x, kind) / x, color=color, linestyle=style, label=kind.name)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    ax.set_xlim(1e-12, 1e12)
    ax.set_ylim(1e-8, 2)
    label(ax, "magnitude of the number", "distance to neighbor / magnitude")
    return fig


def derivative_errors(steps: Array, errors: dict[str, Array]) -> Figure:
    """The error of difference quotients, each (steps,), over the step."""
    fig, ax = figure(3.1)
    styles = {"forward": (ORANGE, "-"), "central": (BLUE, "--"), "complex step": (GREEN, ":")}
    for name, (color, line) in styles.items():
        shown = np.maximum(errors[name], 1e-17)
        ax.loglog(steps, shown, color=color, linestyle=line, linewidth=2.2, label=name)
    ax.set_ylim(1e-17, 1)
    ax.legend(
        loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=3, handlelength=1.5, columnspacing=2.4
    )
    ax.xaxis.get_major_locator().set_params(numticks=6)
    label(ax, "step h", "relative error")
    return fig


def eight_bits() -> Interactive:
    """All numbers >= 0 of a small floating-point format, and the rounding of one number."""
    controls = [
        slider("eb", "exponent bits ", 4, 2, 5, 1),
        slider("mb", "mantissa bits ", 3, 1, 4, 1),
        menu("kind", "reserved codes ", KINDS, KINDS[1]),
        slider("x", "number to round ", 3.3, 0, SHOWN, 0.05),
    ]
    every = (
        one_row(code="sequence(0, pow(2, eb + mb))", bias="pow(2, eb - 1) - 1")
        .transform_flatten(["code"])
        .transform_calculate(c="floor(datum.code / pow(2, mb))", f="datum.code % pow(2, mb)")
        .transform_filter(
            f"kind == '{KINDS[0]}' ? datum.c < pow(2, eb) - 1"
            f" : kind == '{KINDS[1]}' ? datum.code < pow(2, eb + mb) - 1 : true"
        )
        .transform_calculate(
            v="((datum.c > 0 ? 1 : 0) + datum.f / pow(2, mb))"
            " * pow(2, max(datum.c, 1) - datum.bias)"
        )
    )
    linear = (
        every.transform_filter(f"datum.v <= {SHOWN}")
        .mark_tick(thickness=1.5, size=34, color=BLUE)
        .encode(x=_axis("v", [0, SHOWN], "numbers up to 8, linear scale"))
    )
    powers = (
        every.transform_filter("datum.v > 0")
        .transform_calculate(p="log(datum.v) / LN2")
        .mark_tick(thickness=1, size=34, color=BLUE)
        .encode(x=_axis("p", [-19, 18], "base-2 logarithm of all numbers above 0"))
    )
    here = _rounded()
    given = here.mark_point(shape="triangle-down", filled=True, size=90, color=ORANGE, opacity=1)
    result = here.mark_point(shape="diamond", filled=True, size=90, color=INK, opacity=1)
    upper = alt.layer(
        linear,
        given.encode(x="given:Q", y=alt.value(8)),
        result.encode(x="r:Q", y=alt.value(52)),
        note(
            here, "{bits} bits: largest {largest:.6~g}, smallest 2^{low:d}, eps 2^{fine:d}", y=-24
        ),
        note(here, "{given:.2f} (triangle) is rounded to {r:.6~g} (diamond)", y=-8),
    ).properties(width=290, height=60)
    lower = powers.properties(width=290, height=40)
    return show(
        alt.vconcat(upper, lower).add_params(*controls),
        "Ticks at all numbers of a small floating-point format, on a linear and on a logarithmic "
        "axis; sliders set its exponent bits, its mantissa bits and a number that is rounded.",
    )


def softmax_range() -> Interactive:
    """The loss of the smaller of two logits in three formulas, each operation rounded."""
    controls = [
        menu("kind", "format ", list(PRECISIONS)),
        slider("top", "larger logit ", 0, -100, 100, 1),
    ]
    counts = (
        alt.Chart()
        .transform_calculate(
            **{f"{name}_ok": f"isFinite(datum.{name}) ? 1 : 0" for name in FORMULAS}
        )
        .transform_aggregate(
            naive="sum(naive_ok)", shifted="sum(shifted_ok)", stable="sum(stable_ok)"
        )
    )
    layers = []
    for row, (name, (words, color)) in enumerate(FORMULAS.items()):
        ticks = (
            alt.Chart()
            .transform_filter(f"isFinite(datum.{name})")
            .mark_tick(orient="vertical", thickness=1.5, size=18, color=color)
            .encode(x=_axis("gap", [0, GAPS], "larger - smaller logit"), y=alt.value(46 * row + 30))
        )
        text = f"{words}: finite at {{{name}}} of {GAPS} gaps"
        layers += [ticks, note(counts, text, y=46 * row + 10)]
    chart = alt.layer(*layers, data=alt.Data(values=[{}]))
    return show(
        _losses(chart).add_params(*controls).properties(width=290, height=140),
        "Three rows of ticks, for the naive softmax, the shifted softmax and log-sum-exp: a tick "
        "stands where the loss of the smaller of two logits is finite, against the distance of the "
        "logits. A menu sets the number format and a slider the larger logit.",
    )


def _losses(chart: alt.LayerChart) -> alt.LayerChart:
    """Fields naive, shifted and stable for every gap, each operation rounded to the format."""
    formats = PRECISIONS.items()
    chart = chart.transform_calculate(
        gap=f"sequence(0, {GAPS})",
        mantissa=choose("kind", {key: str(kind.mantissa_bits) for key, kind in formats}),
        lowest=choose("kind", {key: str(1 - kind.bias) for key, kind in formats}),
        largest=choose("kind", {key: repr(kind.largest) for key, kind in formats}),
    ).transform_flatten(["gap"])
    for name, formula in (
        ("first", "exp(top)"),
        ("second", "exp(top - datum.gap)"),
        ("total", "datum.first + datum.second"),
        ("ratio", "datum.second / datum.total"),
        ("naive", "-log(datum.ratio)"),
        ("small", "exp(-datum.gap)"),  # the larger logit is subtracted
        ("sum", "1 + datum.small"),
        ("p", "datum.small / datum.sum"),
        ("shifted", "-log(datum.p)"),
        ("log", "log(datum.sum)"),
        ("stable", "datum.gap + datum.log"),
    ):
        chart = _stored(chart, name, formula)
    return chart


def _stored(chart: alt.LayerChart, name: str, formula: str) -> alt.LayerChart:
    """The value of a formula rounded to the format: nearest, ties to even, infinite beyond it."""
    binade = "max(datum.v > 0 ? floor(log(datum.v) / LN2 + 1e-12) : -999, datum.lowest)"
    even = "datum.q - floor(datum.q) == 0.5 ? 2 * round(datum.q / 2) : round(datum.q)"
    return (
        chart.transform_calculate(v=formula)
        .transform_calculate(h=f"pow(2, {binade} - datum.mantissa)")
        .transform_calculate(q="datum.v / datum.h")
        .transform_calculate(r=f"({even}) * datum.h")
        .transform_calculate(
            **{name: "!isFinite(datum.v) ? datum.v : datum.r > datum.largest ? 1 / 0 : datum.r"}
        )
    )


def _axis(field: str, domain: list[int], title: str) -> alt.X:
    return alt.X(f"{field}:Q", title=title, scale=alt.Scale(domain=domain))


def _rounded() -> alt.Chart:
    """The limits of the format, and x rounded to it: nearest, ties to even, and saturating."""
    limits = one_row(
        bits="1 + eb + mb",
        bias="pow(2, eb - 1) - 1",
        top=f"pow(2, eb) - (kind == '{KINDS[0]}' ? 2 : 1)",
        missing=f"kind == '{KINDS[1]}' ? 2 : 1",
        fine="-mb",
        given="x",
    )
    # the smallest number added to the logarithm is far below the distance of x to a power of two
    step = limits.transform_calculate(
        largest="(2 - datum.missing * pow(2, -mb)) * pow(2, datum.top - datum.bias)",
        low="1 - datum.bias - mb",
        e="max(x > 0 ? floor(log(x) / LN2 + 1e-12) : -99, 1 - datum.bias)",
    ).transform_calculate(q="x / pow(2, datum.e - mb)")
    return step.transform_calculate(
        n="datum.q - floor(datum.q) == 0.5 ? 2 * round(datum.q / 2) : round(datum.q)"
    ).transform_calculate(r="min(datum.n * pow(2, datum.e - mb), datum.largest)")
