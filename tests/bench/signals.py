"""Savitzky-Golay beside SciPy and Hampel beside pandas on a million samples, as ratios."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
from groundtruth.data.signals import hampel, savgol
from scipy.signal import savgol_filter

from tests.bench.timing import ratio


def main() -> None:
    x = np.random.default_rng(0).normal(size=1_000_000)
    series = pd.Series(x)
    for window, order in ((11, 2), (51, 3)):
        quotient = ratio(
            functools.partial(savgol, x, window, order),
            functools.partial(savgol_filter, x, window, order),
        )
        print(
            f"Savitzky-Golay, window {window}, a million samples: "
            f"time ratio {quotient:.2f} (at most 1.5)"
        )
    for window in (11, 31):
        rolling = series.rolling(window, center=True)
        quotient = ratio(functools.partial(hampel, x, window), rolling.median, 5)
        print(
            f"Hampel, window {window}, a million samples, to one rolling median of pandas: "
            f"time ratio {quotient:.2f} (below 1)"
        )


if __name__ == "__main__":
    main()
