"""Two classifiers on the same examples: the interval of their difference, and a test.

Read with book/learning/metrics.md.

b and c count the discordant examples: those on which only the first or only the second classifier
is right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binom, norm

from groundtruth.arrays import Array


def discordant(y: ArrayLike, first: ArrayLike, second: ArrayLike) -> tuple[int, int, int]:
    """b, c and n: examples on which only the first or only the second prediction is right, and all.

    Examples
    --------
    >>> discordant([1, 1, 0, 0], [1, 1, 0, 1], [0, 1, 1, 0])
    (2, 1, 4)
    """
    truth, a, b = (np.asarray(v) for v in (y, first, second))
    if truth.ndim != 1 or truth.shape != a.shape or truth.shape != b.shape or not truth.size:
        raise ValueError(
            f"need three columns (n,) of one length >= 1, got {truth.shape}, {a.shape} and"
            f" {b.shape}"
        )
    only_a = int(((a == truth) & (b != truth)).sum())
    only_b = int(((a != truth) & (b == truth)).sum())
    return only_a, only_b, truth.size


def mcnemar(y: ArrayLike, first: ArrayLike, second: ArrayLike) -> float:
    """Exact two-sided p-value that two classifiers err equally often: 2 P(K <= min(b, c)) for
    K ~ Binomial(b + c, 1/2), at most 1.

    McNemar (1947) gives the chi-square approximation of this sign test.

    Examples
    --------
    >>> round(mcnemar([1] * 6, [1] * 6, [0] * 6), 5)
    0.03125
    """
    b, c, _ = discordant(y, first, second)
    n = b + c
    return min(1.0, float(2 * binom.cdf(min(b, c), n, 0.5))) if n else 1.0


def difference_interval(
    b: ArrayLike, c: ArrayLike, n: int, level: float = 0.95, added: float = 0.5
) -> tuple[Array, Array]:
    """Ends of the interval of the difference of two accuracies: with b, c and n increased by
    `added` for each of the four cells, (b - c) / n +- z sqrt(b + c - (b - c)^2 / n) / n.

    Parameters
    ----------
    b, c : counts of one shape, such as () or (m,)
    added : float, >= 0
        0 gives Wald's interval, 1/2 that of Agresti and Min (2005), which covers better when
        discordant examples are few.

    Examples
    --------
    >>> [v.round(2).tolist() for v in difference_interval([4, 0], [0, 0], 10, added=0.0)]
    [[0.1, 0.0], [0.7, 0.0]]
    """
    first = np.asarray(b, dtype=float)
    second = np.asarray(c, dtype=float)
    if (
        first.shape != second.shape
        or not ((first >= 0) & (second >= 0) & (first + second <= n) & (n >= 1)).all()
    ):
        raise ValueError(f"need b, c >= 0, b + c <= n and n >= 1, got {b!r:.60}, {c!r:.60} and {n}")
    if not 0 < level < 1 or not 0 <= added < np.inf:
        raise ValueError(f"need a level in (0, 1) and added >= 0, got {level} and {added}")
    gap = first - second
    total = n + 4 * added
    variance = first + second + 2 * added - gap**2 / total  # of b - c
    half = norm.ppf(0.5 + level / 2) * np.sqrt(variance) / total
    return gap / total - half, gap / total + half


def paired_accuracy(
    y: ArrayLike, first: ArrayLike, second: ArrayLike, level: float = 0.95, added: float = 0.5
) -> tuple[float, float]:
    """`difference_interval` of the accuracies of two predictions (n,) of the same labels y (n,).

    Examples
    --------
    >>> data = [1] * 10, [1] * 10, [1] * 6 + [0] * 4
    >>> [round(v, 2) for v in paired_accuracy(*data, added=0.0)]
    [0.1, 0.7]
    """
    low, high = difference_interval(*discordant(y, first, second), level, added)
    return float(low), float(high)
