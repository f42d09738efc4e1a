"""How far a metric can be trusted.

Read with book/learning/metrics.md.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binom, norm


def wilson(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Confidence interval of a share, hits of n, that stays inside [0, 1] and works near its ends
    (Wilson, 1927).

    Examples
    --------
    >>> [round(v, 3) for v in wilson(9, 10)]
    [0.596, 0.982]
    """
    if not 0 <= hits <= n or n < 1 or not 0 < level < 1:
        raise ValueError(
            f"need 0 <= hits <= n, n >= 1 and a level between 0 and 1, got {hits}, {n} and {level}"
        )
    z = norm.ppf(0.5 + level / 2)
    centre = (hits + z**2 / 2) / (n + z**2)
    half = z * np.sqrt(hits * (n - hits) / n + z**2 / 4) / (n + z**2)
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def bootstrap(
    metric: Callable[..., float],
    *columns: ArrayLike,
    draws: int,
    rng: np.random.Generator,
    level: float = 0.95,
) -> tuple[float, float]:
    """Percentile interval of metric(*columns) over resamples of the rows (Efron, 1979); resamples
    it refuses are drawn again.

    Parameters
    ----------
    columns : each (n, ...)
        Labels, scores and whatever else the metric takes; rows are drawn together, so a difference
        of two models is paired.
    """
    tables = [np.asarray(c) for c in columns]
    n = len(tables[0]) if tables else 0
    if n < 2 or any(len(t) != n for t in tables) or draws < 10 or not 0 < level < 1:
        raise ValueError(
            "need columns of one length >= 2, draws >= 10 and a level in (0, 1), got lengths"
            f" {[len(t) for t in tables]}, {draws} and {level}"
        )
    values: list[float] = []
    refused = 0
    while len(values) < draws:
        rows = rng.integers(0, n, n)
        try:
            values.append(float(metric(*(t[rows] for t in tables))))
        except ValueError:
            refused += 1
            if refused > 10 * draws:
                raise ValueError(
                    "the metric refuses nearly every resample; there may be too few rows of one"
                    " class"
                ) from None
    if np.isnan(values).any():
        raise ValueError(
            f"the metric is NaN on {int(np.isnan(values).sum())} of {draws} resamples; let it raise"
            " ValueError where it is not defined"
        )
    low, high = np.quantile(values, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def delong(y: ArrayLike, s: ArrayLike, t: ArrayLike | None = None) -> tuple[float, float]:
    """AUC of scores s and its standard error, or with t the difference of the two AUCs and its
    standard error (DeLong et al., 1988).

    Examples
    --------
    >>> [round(v, 3) for v in delong([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])]
    [0.75, 0.354]
    """
    label = np.asarray(y)
    scores = np.atleast_2d(
        np.asarray(s, dtype=float)
        if t is None
        else np.stack([np.asarray(s, float), np.asarray(t, float)])
    )
    if (
        label.ndim != 1
        or scores.shape[1] != label.size
        or not np.isin(label, (0, 1)).all()
        or not np.isfinite(scores).all()
    ):
        raise ValueError(
            f"need labels 0 or 1 and finite scores (n,), got {label.shape} and {scores.shape}"
        )
    high = scores[:, label == 1]
    low = scores[:, label == 0]
    m = high.shape[1]
    n = low.shape[1]
    if m < 2 or n < 2:
        raise ValueError(
            f"need at least two rows of each class, got {m} positives and {n} negatives"
        )
    by_high = []
    by_low = []
    for a, b in zip(high, low, strict=True):
        down = np.sort(b)
        up = np.sort(a)
        by_high.append(
            (np.searchsorted(down, a, "left") + np.searchsorted(down, a, "right")) / (2 * n)
        )
        by_low.append(
            1 - (np.searchsorted(up, b, "left") + np.searchsorted(up, b, "right")) / (2 * m)
        )
    S = np.atleast_2d(np.cov(by_high)) / m + np.atleast_2d(np.cov(by_low)) / n
    areas = np.mean(by_high, axis=1)
    weights = np.array([1.0]) if t is None else np.array([1.0, -1.0])
    return float(weights @ areas), float(np.sqrt(max(0.0, weights @ S @ weights)))


def mcnemar(y: ArrayLike, first: ArrayLike, second: ArrayLike) -> float:
    """Exact two-sided p-value that two classifiers err equally often, from the rows on which
    exactly one is right (McNemar, 1947).

    Examples
    --------
    >>> round(mcnemar([1] * 6, [1] * 6, [0] * 6), 5)
    0.03125
    """
    truth, a, b = (np.asarray(v) for v in (y, first, second))
    if truth.ndim != 1 or truth.shape != a.shape or truth.shape != b.shape or not truth.size:
        raise ValueError(
            f"need three columns (n,) of one length >= 1, got {truth.shape}, {a.shape} and"
            f" {b.shape}"
        )
    only_a = int(((a == truth) & (b != truth)).sum())
    only_b = int(((a != truth) & (b == truth)).sum())
    n = only_a + only_b
    return min(1.0, float(2 * binom.cdf(min(only_a, only_b), n, 0.5))) if n else 1.0
