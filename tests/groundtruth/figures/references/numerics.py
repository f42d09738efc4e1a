"""References of the interactive figure on numerics: every code of a format, by ml_dtypes' rules."""

from __future__ import annotations

import numpy as np
from groundtruth.figures.modern import numerics
from groundtruth.modern.number_formats import FloatFormat, round_to, values

from tests.groundtruth.figures.checking import reference


@reference(numerics.eight_bits)
def small_float(at):
    kind = FloatFormat("shown", at.eb, at.mb, numerics.CODES[at.kind])
    grid = values(kind)
    rounded = float(round_to(at.x, kind, saturate=True))
    low = round(float(np.log2(kind.smallest)))
    limits = f"{kind.bits} bits: largest {kind.largest:.6g}, smallest 2^{low}, eps 2^{-at.mb}"
    return {
        "concat_0_layer_0": {"v": grid[grid <= 8]},
        "concat_0_layer_1": {"given": [at.x]},
        "concat_0_layer_2": {"r": [rounded]},
        "concat_0_layer_3": {"note": [limits]},
        "concat_0_layer_4": {
            "note": [f"{at.x:.2f} (triangle) is rounded to {rounded:.6g} (diamond)"]
        },
        "concat_1": {"p": np.log2(grid[grid > 0])},
    }


def three_losses(kind, top):
    """The losses of the naive, the shifted and the log-sum-exp formula, every operation rounded."""
    gap = np.arange(numerics.GAPS, dtype=float)

    def stored(x):
        return round_to(x, kind)

    def loss(first, second):
        return stored(-np.log(stored(second / stored(first + second))))

    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        naive = loss(stored(np.exp(float(top))), stored(np.exp(top - gap)))
        small = stored(np.exp(-gap))
        stable = stored(gap + stored(np.log(stored(1 + small))))
        return {"naive": naive, "shifted": loss(1.0, small), "stable": stable}


@reference(numerics.softmax_range)
def softmax_range(at):
    losses = three_losses(numerics.PRECISIONS[at.kind], at.top)
    gap = np.arange(numerics.GAPS)
    shown = {}
    for row, (name, (words, _)) in enumerate(numerics.FORMULAS.items()):
        finite = np.isfinite(losses[name])
        text = f"{words}: finite at {finite.sum()} of {len(gap)} gaps"
        shown[f"layer_{2 * row}"] = {"gap": gap[finite], name: losses[name][finite]}
        shown[f"layer_{2 * row + 1}"] = {"note": [text]}
    return shown
