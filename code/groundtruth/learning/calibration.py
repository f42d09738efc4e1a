"""Calibration: whether predicted probabilities equal observed frequencies, and how to improve them.

Read with book/learning/metrics.md.

y (n,) labels 0 or 1, p (n,) probabilities of 1, z (n,) scores.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from groundtruth.arrays import Array, binary_scale
from groundtruth.functional import sigmoid


def _labelled(y: ArrayLike, p: ArrayLike, probabilities: bool = True) -> tuple[Array, Array]:
    label = np.asarray(y, dtype=float)
    value = np.asarray(p, dtype=float)
    if (
        label.ndim != 1
        or label.shape != value.shape
        or not label.size
        or not np.isin(label, (0.0, 1.0)).all()
    ):
        raise ValueError(
            f"need labels 0 or 1 and values (n,) of one length >= 1, got {label.shape} and"
            f" {value.shape}"
        )
    if not np.isfinite(value).all() or (probabilities and ((value < 0) | (value > 1)).any()):
        raise ValueError(
            "probabilities must lie in [0, 1]; scores go through a sigmoid first"
            if probabilities
            else "a score is NaN or infinite"
        )
    return label, value


def brier(y: ArrayLike, p: ArrayLike) -> float:
    """Mean squared difference of label and probability.

    Examples
    --------
    >>> brier([1, 0], [0.5, 0.5])
    0.25
    """
    label, value = _labelled(y, p)
    return float(np.mean((value - label) ** 2))


def brier_parts(y: ArrayLike, p: ArrayLike) -> tuple[float, float, float]:
    """Reliability, resolution and uncertainty over groups of equal p: Brier = reliability -
    resolution + uncertainty (Murphy, 1973).

    Examples
    --------
    >>> [round(v, 4) for v in brier_parts([1, 0, 1, 1], [0.5, 0.5, 0.8, 0.8])]
    [0.02, 0.0625, 0.1875]
    """
    label, value = _labelled(y, p)
    predicted, group = np.unique(value, return_inverse=True)
    size = np.bincount(group)
    rate = np.bincount(group, label) / size
    base = label.mean()
    return (
        float(size @ (predicted - rate) ** 2 / label.size),
        float(size @ (rate - base) ** 2 / label.size),
        float(base * (1 - base)),
    )


def reliability(
    y: ArrayLike, p: ArrayLike, bins: int = 10
) -> tuple[Array, Array, NDArray[np.int64]]:
    """Mean probability, fraction of ones and count of each non-empty bin of equal width; all (b,).

    A bin contains its left edge, the last one also 1; scikit-learn's contain the right edge, which
    matters for probabilities that lie on an edge.

    Examples
    --------
    >>> [v.tolist() for v in reliability([0, 1, 1], [0.1, 0.9, 0.7], bins=2)]
    [[0.1, 0.8], [0.0, 1.0], [1, 2]]
    """
    label, value = _labelled(y, p)
    if bins < 1:
        raise ValueError(f"need at least one bin, got {bins}")
    at = np.searchsorted(np.arange(1, bins) / bins, value, side="right")
    count = np.bincount(at, minlength=bins)
    used = count > 0
    return (
        (np.bincount(at, value, bins)[used] / count[used]),
        (np.bincount(at, label, bins)[used] / count[used]),
        count[used],
    )


def ece(y: ArrayLike, p: ArrayLike, bins: int = 10) -> float:
    """Expected calibration error: the mean gap between probability and fraction of ones over
    bins, weighted by count (Naeini et al., 2015).

    Examples
    --------
    >>> round(ece([0, 1, 1], [0.1, 0.9, 0.7], bins=2), 4)
    0.1667
    """
    predicted, observed, count = reliability(y, p, bins)
    return float(count @ np.abs(predicted - observed) / count.sum())


def temperature(y: ArrayLike, z: ArrayLike) -> float:
    """The T > 0 that minimizes the cross-entropy of sigmoid(z / T) (Guo et al., 2017); it leaves
    the order of scores alone.
    """
    label, score = _labelled(y, z, probabilities=False)
    unit = float(binary_scale(score, normal=1.0))  # the unit of the scores does not matter
    scaled = score / unit

    def slope(b: float) -> float:
        """Of the cross-entropy, which is convex, in the inverse temperature b."""
        return float(np.mean(scaled * (sigmoid(b * scaled) - label)))

    if slope(0.0) >= 0:
        raise ValueError(
            "the scores do not tell the classes apart, so the best temperature is infinite; look at"
            " the model first"
        )
    if (scaled * (2 * label - 1) >= 0).all():
        raise ValueError(
            "no score is on the wrong side, so the best temperature is 0; calibrate on rows with"
            " some mistakes"
        )
    high = 1.0
    while slope(high) < 0:
        high *= 2.0
    return unit / float(brentq(slope, 0.0, high, xtol=np.finfo(float).tiny))


def isotonic(x: ArrayLike, y: ArrayLike) -> Array:
    """The non-decreasing function of x closest to y in squares, at each x (n,): pool adjacent
    violators (Barlow et al., 1972).

    Examples
    --------
    >>> isotonic([1.0, 2.0, 3.0], [1.0, 3.0, 2.0]).tolist()
    [1.0, 2.5, 2.5]
    """
    position = np.asarray(x, dtype=float)
    value = np.asarray(y, dtype=float)
    if (
        position.ndim != 1
        or position.shape != value.shape
        or not position.size
        or not (np.isfinite(position).all() and np.isfinite(value).all())
    ):
        raise ValueError(
            f"need finite x and y (n,) of one length >= 1, got {position.shape} and {value.shape}"
        )
    _, group = np.unique(position, return_inverse=True)  # equal x share one value
    size = np.bincount(group).astype(float)
    means = []
    weights = []
    lengths = []
    for mean, weight in zip(
        (np.bincount(group, value) / size).tolist(), size.tolist(), strict=True
    ):
        means.append(mean)
        weights.append(weight)
        lengths.append(1)
        while (
            len(means) > 1 and means[-2] >= means[-1]
        ):  # the last block undercuts the one before: pool the two
            m = means.pop()
            w = weights.pop()
            n = lengths.pop()
            means[-1] = (means[-1] * weights[-1] + m * w) / (weights[-1] + w)
            weights[-1] += w
            lengths[-1] += n
    return np.repeat(means, lengths)[group]
