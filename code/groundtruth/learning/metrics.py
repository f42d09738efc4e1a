"""Scores of predictions: confusion matrices and what is made of them, curves over thresholds,
errors of numbers.

Read with book/learning/metrics.md.

Y (n,) true labels, s (n,) scores, larger meaning more positive; confusion matrices have true
classes in rows and predicted ones in columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array, binary_scale


def confusion(y: ArrayLike, prediction: ArrayLike, K: int) -> NDArray[np.int64]:
    """Counts (K, K): entry (i, j) counts the examples of class i predicted j.

    Examples
    --------
    >>> confusion([0, 1, 1], [0, 1, 0], 2).tolist()
    [[1, 0], [1, 1]]
    """
    truth = np.asarray(y)
    guess = np.asarray(prediction)
    if truth.ndim != 1 or truth.shape != guess.shape or not truth.size:
        raise ValueError(
            f"need labels and predictions (n,) of one length >= 1, got {truth.shape} and"
            f" {guess.shape}"
        )
    for name, v in (("label", truth), ("prediction", guess)):
        if (
            (not np.issubdtype(v.dtype, np.integer) and v.dtype != bool)
            or v.min() < 0
            or v.max() >= K
        ):
            raise ValueError(
                f"every {name} must be a whole number in [0, {K}), got type {v.dtype}, {v.min()} to"
                f" {v.max()}"
            )
    return np.bincount(truth.astype(int) * K + guess.astype(int), minlength=K * K).reshape(K, K)


@dataclass(frozen=True)
class Report:
    """Per class (K,): precision, recall, f1 and support, the number of true rows; a 0/0 counts as
    0.
    """

    precision: Array
    recall: Array
    f1: Array
    support: Array

    def average(self, how: str) -> tuple[float, float, float]:
        """Precision, recall and F1 averaged over classes: "macro" alike, "weighted" by support."""
        if how not in ("macro", "weighted"):
            raise ValueError(
                f"how must be 'macro' or 'weighted', got {how!r}; micro averages all equal accuracy"
            )
        w = (
            self.support / self.support.sum()
            if how == "weighted"
            else np.full(self.support.size, 1 / self.support.size)
        )
        return float(w @ self.precision), float(w @ self.recall), float(w @ self.f1)


def report(C: ArrayLike) -> Report:
    """Precision, recall and F1 of each class of a confusion matrix (K, K).

    Examples
    --------
    >>> r = report([[5, 1], [2, 2]])
    >>> r.precision.round(3).tolist(), r.recall.round(3).tolist()
    ([0.714, 0.667], [0.833, 0.5])
    """
    M = _matrix(C)
    hit = np.diag(M).astype(float)
    predicted = M.sum(axis=0)
    true = M.sum(axis=1)
    return Report(
        _ratio(hit, predicted), _ratio(hit, true), _ratio(2 * hit, predicted + true), true
    )


def _matrix(C: ArrayLike) -> Array:
    """A confusion matrix (K, K) of counts or of weights: whole numbers as int64, others as they
    are.
    """
    M = np.asarray(C)
    if M.ndim != 2 or M.shape[0] != M.shape[1] or M.shape[0] < 2 or M.dtype.kind not in "biuf":
        raise ValueError(
            f"need a confusion matrix (K, K) of numbers with K >= 2, got shape {M.shape} and type"
            f" {M.dtype}"
        )
    if not np.isfinite(M).all() or (M < 0).any() or not M.any():
        raise ValueError("counts must be finite, >= 0 and not all zero; count with `confusion`")
    if M.max() >= 2**53:
        raise ValueError(f"counts must be below 2^53, got {M.max():g}; divide all by one number")
    whole = M.dtype.kind in "biu" or bool((np.floor(M) == M).all())
    return M.astype(np.int64) if whole else M.astype(float)


def _ratio(a: Array, b: ArrayLike) -> Array:
    bottom = np.asarray(b, dtype=float)
    return np.divide(a, bottom, out=np.zeros_like(a, dtype=float), where=bottom != 0)


def fbeta(precision: float, recall: float, beta: float = 1.0) -> float:
    """(1 + b^2) P R / (b^2 P + R): recall counts beta times as much as precision; 0 where both are
    0.

    Examples
    --------
    >>> fbeta(1.0, 0.0), fbeta(0.5, 0.5), round(fbeta(0.5, 1.0, beta=2.0), 3)
    (0.0, 0.5, 0.833)
    """
    if not (0 <= precision <= 1 and 0 <= recall <= 1) or not 0 < beta < np.inf:
        raise ValueError(
            f"precision and recall must lie in [0, 1] and beta be positive, got {precision},"
            f" {recall} and {beta}"
        )
    bottom = beta**2 * precision + recall
    return (1 + beta**2) * precision * recall / bottom if bottom else 0.0


def mcc(C: ArrayLike) -> float:
    """Matthews' correlation of truth and prediction, in [-1, 1]; 0 for a constant prediction
    (Gorodkin's form for K classes).

    Examples
    --------
    >>> mcc([[3, 0], [0, 2]]), mcc([[3, 0], [2, 0]])
    (1.0, 0.0)
    """
    agreement, predicted, true = _margins(C)
    bottom = predicted * true
    return float(agreement / sqrt(bottom)) if bottom else 0.0


def _margins(C: ArrayLike) -> tuple[Any, Any, Any]:
    """n trace - predicted . true, n^2 - predicted . predicted and n^2 - true . true; whole counts
    are multiplied as Python's integers, of which large ones lose no digit.
    """
    M = _matrix(C)
    exact = M.astype(object) if M.dtype.kind == "i" else M
    n = exact.sum()
    predicted = exact.sum(axis=0)
    true = exact.sum(axis=1)
    return (
        np.trace(exact) * n - predicted @ true,
        predicted @ (n - predicted),
        true @ (n - true),
    )


def kappa(C: ArrayLike) -> float:
    """Cohen's kappa: agreement beyond what the margins alone would give; 0 where the margins leave
    no room.

    Examples
    --------
    >>> round(kappa([[20, 5], [10, 15]]), 9)
    0.4
    """
    M = _matrix(C)
    exact = M.astype(object) if M.dtype.kind == "i" else M
    n = exact.sum()
    chance = exact.sum(axis=0) @ exact.sum(axis=1)
    room = n * n - chance
    return float((np.trace(exact) * n - chance) / room) if room > 0 else 0.0


def _scored(y: ArrayLike, s: ArrayLike) -> tuple[NDArray[np.bool_], Array]:
    label = np.asarray(y)
    score = np.asarray(s, dtype=float)
    if label.ndim != 1 or label.shape != score.shape or not label.size:
        raise ValueError(
            f"need labels and scores (n,) of one length >= 1, got {label.shape} and {score.shape}"
        )
    if not np.isin(label, (0, 1)).all():
        raise ValueError(f"labels must be 0 or 1, got {np.unique(label)[:5]}")
    if np.isnan(score).any():
        raise ValueError("a score is NaN and cannot be ranked")
    positive = label.astype(bool)
    if positive.all() or not positive.any():
        raise ValueError(
            f"both classes must occur, got only {int(positive[0])}; a curve over one class is not"
            " defined"
        )
    return positive, score


def auc(y: ArrayLike, s: ArrayLike) -> float:
    """Area under the ROC curve: the fraction of pairs of a positive and a negative in the right
    order, ties counting half.

    Two sorted halves are merged by binary search: O(n log n), without forming pairs (Mann and
    Whitney, 1947).

    Examples
    --------
    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    positive, score = _scored(y, s)
    high = np.sort(score[positive])
    low = np.sort(score[~positive])
    below = np.searchsorted(low, high, "left")
    upto = np.searchsorted(low, high, "right")
    return float((below.sum() + upto.sum()) / (2 * high.size * low.size))


def _counts(y: ArrayLike, s: ArrayLike) -> tuple[Array, Array, Array]:
    """At each distinct score, from the top: true positives, false positives, the score; all
    (t,).
    """
    positive, score = _scored(y, s)
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    last = np.append(ranked[1:] != ranked[:-1], True)  # the end of each run of equal scores
    hits = np.cumsum(positive[order])[last].astype(float)
    return hits, np.arange(1, score.size + 1)[last] - hits, ranked[last]


def roc(y: ArrayLike, s: ArrayLike) -> tuple[Array, Array, Array]:
    """False-positive rate, true-positive rate and threshold (t + 1,), from nothing
    predicted positive to everything.

    Examples
    --------
    >>> [v.tolist() for v in roc([0, 1], [0.2, 0.7])]
    [[0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [inf, 0.7, 0.2]]
    """
    tp, fp, threshold = _counts(y, s)
    return (
        np.append(0.0, fp / fp[-1]),
        np.append(0.0, tp / tp[-1]),
        np.append(np.inf, threshold),
    )


def pr_curve(y: ArrayLike, s: ArrayLike) -> tuple[Array, Array, Array]:
    """Precision, recall and threshold (t,), from the strictest threshold to the loosest.

    Examples
    --------
    >>> [v.tolist() for v in pr_curve([0, 1], [0.2, 0.7])]
    [[1.0, 0.5], [1.0, 1.0], [0.7, 0.2]]
    """
    tp, fp, threshold = _counts(y, s)
    return tp / (tp + fp), tp / tp[-1], threshold


def average_precision(y: ArrayLike, s: ArrayLike) -> float:
    """Sum of precision times the gain in recall over thresholds: the area of steps, not of
    trapezoids.

    Examples
    --------
    >>> round(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
    0.8333
    """
    precision, recall, _ = pr_curve(y, s)
    return float(np.sum(np.diff(np.append(0.0, recall)) * precision))


def best_threshold(
    y: ArrayLike, s: ArrayLike, cost_fp: float, cost_fn: float
) -> tuple[float, float]:
    """The threshold (s >= t is predicted positive) with the smallest mean cost on these examples,
    and that cost; at infinity nothing is predicted positive.

    Examples
    --------
    >>> best_threshold([0, 1, 0, 1], [0.1, 0.6, 0.7, 0.9], 1.0, 5.0)
    (0.6, 0.25)
    """
    costs = np.array([cost_fp, cost_fn], dtype=float)
    if not np.isfinite(costs).all() or (costs < 0).any() or not costs.any():
        raise ValueError(f"costs must be finite, >= 0 and not both 0, got {cost_fp} and {cost_fn}")
    tp, fp, threshold = (
        np.append(first, v) for first, v in zip((0.0, 0.0, np.inf), _counts(y, s), strict=True)
    )
    cost = (cost_fp * fp + cost_fn * (tp[-1] - tp)) / (tp[-1] + fp[-1])
    return float(threshold[cost.argmin()]), float(cost.min())


def _numbers(y: ArrayLike, prediction: ArrayLike) -> tuple[Array, Array]:
    truth = np.asarray(y, dtype=float)
    guess = np.asarray(prediction, dtype=float)
    if (
        truth.ndim != 1
        or truth.shape != guess.shape
        or not truth.size
        or not (np.isfinite(truth).all() and np.isfinite(guess).all())
    ):
        raise ValueError(
            f"need finite targets and predictions (n,) of one length >= 1, got {truth.shape} and"
            f" {guess.shape}"
        )
    return truth, guess


def rmse(y: ArrayLike, prediction: ArrayLike) -> float:
    """Root of the mean squared error, in the unit of y.

    Examples
    --------
    >>> rmse([0.0, 0.0], [3.0, -3.0])
    3.0
    """
    t, p = _numbers(y, prediction)
    scale = float(binary_scale(p - t))  # squares of huge and of tiny errors stay in range
    return float(np.sqrt(np.mean(((p - t) / scale) ** 2)) * scale)


def r2(y: ArrayLike, prediction: ArrayLike) -> float:
    """One minus squared error over that of the mean of these targets: at most 1, unbounded below.

    Examples
    --------
    >>> r2([1.0, 2.0, 3.0], [2.0, 2.0, 2.0]), r2([1.0, 2.0, 3.0], [3.0, 2.0, 1.0])
    (0.0, -3.0)
    """
    t, p = _numbers(y, prediction)
    if t.min() == t.max():  # t - mean may differ from zero by rounding
        raise ValueError("all targets are equal, so there is no variance to explain; use rmse")
    scale = float(binary_scale(t - t[0]))  # squares of huge and of tiny numbers stay in range
    variation = (((t - t.mean()) / scale) ** 2).sum()
    return float(1 - (((p - t) / scale) ** 2).sum() / variation)


def mape(y: ArrayLike, prediction: ArrayLike) -> float:
    """Mean of |error| / |y|; refused where a target is zero.

    Examples
    --------
    >>> mape([100.0], [150.0]), round(mape([150.0], [100.0]), 4)
    (0.5, 0.3333)
    """
    t, p = _numbers(y, prediction)
    if (t == 0).any():
        raise ValueError(
            f"target {int(np.argmax(t == 0))} is zero and a percentage of it is not defined; use an"
            " error in the unit of y, or mase"
        )
    return float(np.mean(np.abs(p - t) / np.abs(t)))


def mase(y: ArrayLike, prediction: ArrayLike, past: ArrayLike, season: int = 1) -> float:
    """Mean absolute error over that of repeating the value one season ago in the past (Hyndman and
    Koehler, 2006).

    Examples
    --------
    >>> mase([5.0], [4.0], past=[1.0, 2.0, 3.0])
    1.0
    """
    t, p = _numbers(y, prediction)
    history = np.asarray(past, dtype=float)
    if not np.isfinite(history).all():
        raise ValueError("the past holds NaN or infinity; fill short gaps first")
    if history.ndim != 1 or not 1 <= season < history.size:
        raise ValueError(f"need a past longer than the season, got {history.shape} and {season}")
    naive = np.mean(np.abs(history[season:] - history[:-season]))
    if not naive > 0:
        raise ValueError(
            "the past never changes from season to season, so its forecast has no error to compare"
            " with"
        )
    return float(np.mean(np.abs(p - t)) / naive)
