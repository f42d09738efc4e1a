"""How often a confidence interval contains the quantity it estimates.

Read with book/learning/metrics.md.

An interval of level 0.95 should contain the truth in 95 % of repetitions of the whole experiment;
the fraction in which it does is its coverage, and it depends on the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binom, multinomial

from groundtruth.arrays import Array

Interval = Callable[[int, int], tuple[float, float]]
PairedInterval = Callable[[Array, Array, int], tuple[Array, Array]]


def binomial_coverage(interval: Interval, n: int, p: ArrayLike) -> Array:
    """Exact coverage (g,) of interval(hits, n) at each true probability p (g,): the binomial
    probabilities of all counts whose interval contains p, summed.

    Examples
    --------
    >>> binomial_coverage(lambda hits, n: (0.0, 0.5), 1, [0.2, 0.8]).tolist()
    [1.0, 0.0]
    """
    truth = np.asarray(p, dtype=float)
    if truth.ndim != 1 or not ((truth >= 0) & (truth <= 1)).all() or n < 1:
        raise ValueError(f"need probabilities (g,) in [0, 1] and n >= 1, got {truth.shape}, {n}")
    hits = np.arange(n + 1)
    ends = np.array([interval(int(h), n) for h in hits])  # (n + 1, 2)
    inside = (ends[:, :1] <= truth) & (truth <= ends[:, 1:])  # (n + 1, g)
    return np.asarray((binom.pmf(hits[:, None], n, truth) * inside).sum(axis=0))


def paired_coverage(interval: PairedInterval, n: int, first: float, second: float) -> float:
    """Exact coverage of interval(b, c, n) of the difference first - second of two accuracies.

    Of n examples, b and c are those on which only the first or only the second classifier is
    right, which happens with probability `first` and `second`: multinomial probabilities, summed.
    The interval takes all pairs (m,) of counts at once and returns its ends (m,) and (m,).

    Examples
    --------
    >>> paired_coverage(lambda b, c, n: ((b - c) / n, 0 * b + 1), 1, 0.5, 0.0)  # not at b = 1
    0.5
    """
    if n < 1 or min(first, second) < 0 or not first + second <= 1:
        raise ValueError(
            f"need n >= 1 and probabilities of sum <= 1, got {n}, {first} and {second}"
        )
    b, c = np.nonzero(np.tri(n + 1)[::-1])  # all pairs with b + c <= n
    low, high = interval(b, c, n)
    inside = (low <= first - second) & (first - second <= high)
    counts = np.stack([b, c, n - b - c], axis=1)
    weight = multinomial.pmf(counts, n, [first, second, max(0.0, 1 - first - second)])
    return float(weight[inside].sum())


def simulated_coverage(
    draw: Callable[[np.random.Generator], tuple[Any, ...]],
    interval: Callable[..., tuple[float, float]],
    truth: float,
    repeats: int,
    rng: np.random.Generator,
) -> float:
    """Fraction of `repeats` data sets draw(rng) whose interval(*data) contains the truth.

    Its own standard error is sqrt(c (1 - c) / repeats) at coverage c.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> simulated_coverage(lambda rng: (rng.random(),), lambda x: (0.0, x), 0.5, 2000, rng) > 0.45
    True
    """
    if repeats < 1 or not np.isfinite(truth):
        raise ValueError(f"need repeats >= 1 and a finite truth, got {repeats} and {truth}")
    hits = 0
    for _ in range(repeats):
        low, high = interval(*draw(rng))
        hits += low <= truth <= high
    return hits / repeats
