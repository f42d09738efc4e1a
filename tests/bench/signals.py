"""Savitzky-Golay beside SciPy and Hampel beside a rolling median in pandas, on a million samples, as ratios from one run."""

from __future__ import annotations

import numpy as np
import pandas as pd
from groundtruth.data.signals import hampel, savgol
from scipy.signal import savgol_filter

from tests.bench.timing import ratio


def main() -> None:
    x = np.random.default_rng(0).normal(size=1_000_000)
    series = pd.Series(x)
    for window, order in ((11, 2), (51, 3)):
        print(
            f"Savitzky-Golay, window {window}, a million samples: time ratio {ratio(lambda w=window, p=order: savgol(x, w, p), lambda w=window, p=order: savgol_filter(x, w, p)):.2f} (at most 1.5)"
        )
    for window in (11, 31):
        print(
            f"Hampel, window {window}, a million samples, to one rolling median of pandas: time ratio {ratio(lambda w=window: hampel(x, w), lambda w=window: series.rolling(w, center=True).median(), 5):.2f} (below 1)"
        )


if __name__ == "__main__":
    main()
