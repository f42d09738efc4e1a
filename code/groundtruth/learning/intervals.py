"""Confidence intervals of metrics; every one assumes that the examples are independent.

Read with book/learning/metrics.md. How often each interval covers the truth is measured with
`groundtruth.learning.coverage`; two classifiers are compared in `groundtruth.learning.paired`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import beta, norm
from scipy.stats import t as student


def _check_counts(hits: int, n: int, level: float) -> None:
    if not 0 <= hits <= n or n < 1 or not 0 < level < 1:
        raise ValueError(
            f"need 0 <= hits <= n, n >= 1 and a level between 0 and 1, got {hits}, {n} and {level}"
        )


def wald(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """p +- z sqrt(p (1 - p) / n) with p = hits / n; its ends may leave [0, 1].

    Examples
    --------
    >>> [round(v, 3) for v in wald(9, 10)]
    [0.714, 1.086]
    """
    _check_counts(hits, n, level)
    p = hits / n
    half = norm.ppf(0.5 + level / 2) * np.sqrt(p * (1 - p) / n)
    return float(p - half), float(p + half)


def wilson(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Every p that a score test does not reject: |hits / n - p| <= z sqrt(p (1 - p) / n)
    (Wilson, 1927).

    Examples
    --------
    >>> [round(v, 3) for v in wilson(9, 10)]
    [0.596, 0.982]
    """
    _check_counts(hits, n, level)
    z = norm.ppf(0.5 + level / 2)
    center = (hits + z**2 / 2) / (n + z**2)
    half = z * np.sqrt(hits * (n - hits) / n + z**2 / 4) / (n + z**2)
    return max(0.0, float(center - half)), min(1.0, float(center + half))


def clopper_pearson(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Every p that neither one-sided exact binomial test rejects at (1 - level) / 2 (Clopper and
    Pearson, 1934); covers with at least the stated level.

    Examples
    --------
    >>> [round(v, 3) for v in clopper_pearson(9, 10)]
    [0.555, 0.997]
    """
    _check_counts(hits, n, level)
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, hits, n - hits + 1)) if hits > 0 else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, n - hits)) if hits < n else 1.0
    return low, high


def mean_interval(values: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """m +- t s / sqrt(n): mean, standard deviation and Student's quantile of n - 1 degrees of
    freedom.

    Parameters
    ----------
    values : (n,), n >= 2
        One loss per example, such as absolute errors or log losses.

    Examples
    --------
    >>> [round(v, 2) for v in mean_interval([1.0, 2.0, 3.0])]
    [-0.48, 4.48]
    """
    v = np.asarray(values, dtype=float)
    if v.ndim != 1 or v.size < 2 or not np.isfinite(v).all() or not 0 < level < 1:
        raise ValueError(
            "need at least two finite values (n,) and a level between 0 and 1, got shape"
            f" {v.shape} and {level}"
        )
    half = student.ppf(0.5 + level / 2, v.size - 1) * v.std(ddof=1) / np.sqrt(v.size)
    return float(v.mean() - half), float(v.mean() + half)


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
        raise ValueError(f"need two rows of each class, got {m} positives and {n} negatives")
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


def auc_interval(
    y: ArrayLike, s: ArrayLike, level: float = 0.95, scale: str = "logit"
) -> tuple[float, float]:
    """DeLong's interval of an AUC A: A +- z se, or the same for its logit, mapped back.

    Parameters
    ----------
    scale : {"logit", "plain"}
        On the logit scale the standard error is se / (A (1 - A)) and the interval stays inside
        (0, 1).

    Returns
    -------
    low, high : float
        Both equal A where the standard error is 0, as it is for perfectly separated scores.

    Examples
    --------
    >>> [round(v, 2) for v in auc_interval([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])]
    [0.07, 0.99]
    """
    if scale not in ("logit", "plain") or not 0 < level < 1:
        raise ValueError(
            f"scale must be 'logit' or 'plain' and level in (0, 1), got {scale!r} and {level}"
        )
    area, se = delong(y, s)
    z = norm.ppf(0.5 + level / 2)
    if scale == "plain" or se == 0.0:
        return area - float(z) * se, area + float(z) * se
    center = np.log(area / (1 - area))
    half = z * se / (area * (1 - area))
    return float(1 / (1 + np.exp(half - center))), float(1 / (1 + np.exp(-half - center)))


def bootstrap_auc(
    y: ArrayLike, s: ArrayLike, draws: int, rng: np.random.Generator, level: float = 0.95
) -> tuple[float, float]:
    """`bootstrap` of the AUC of scores without ties between classes, all draws at once.

    A resample is a vector of counts w (n,), so it is a weighted AUC of the sorted examples. The
    number of positives varies from one resample to the next.

    Raises
    ------
    ValueError
        If a class is missing, or a positive and a negative have the same score.
    """
    if draws < 10 or not 0 < level < 1:
        raise ValueError(f"need draws >= 10 and a level in (0, 1), got {draws} and {level}")
    score = np.asarray(s, dtype=float)
    truth = np.asarray(y)
    if truth.ndim != 1 or truth.shape != score.shape or not np.isfinite(score).all():
        raise ValueError(f"need labels and finite scores (n,), got {truth.shape} and {score.shape}")
    if set(truth.tolist()) != {0, 1}:
        raise ValueError("both classes must occur, labeled 0 and 1; AUC needs a pair of them")
    order = np.argsort(score, kind="stable")
    label = truth[order].astype(float)
    tied = np.diff(score[order]) == 0
    if (tied & (np.diff(label) != 0)).any():
        raise ValueError("a positive and a negative have the same score; use `bootstrap` with auc")
    n = label.size
    w = rng.multinomial(n, np.full(n, 1 / n), size=draws)  # (draws, n)
    positive = w * label
    negative = w - positive
    pairs = positive.sum(1) * negative.sum(1)
    ordered = (positive * np.cumsum(negative, axis=1)).sum(1)
    values = ordered[pairs > 0] / pairs[pairs > 0]
    low, high = np.quantile(values, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)
