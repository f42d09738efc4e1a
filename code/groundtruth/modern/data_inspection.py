"""Looking at the data: label errors, slices, and whether two samples differ.

Read with book/modern/diagnosing-training.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array
from groundtruth.learning.intervals import wilson


def confident_joint(probabilities: ArrayLike, labels: ArrayLike) -> Array:
    """Counts (K, K) of examples by given label and by confidently predicted class.

    An example counts for class j if its probability of j reaches the mean probability of j among
    the examples that are labeled j; of several such classes the most probable is taken. Examples
    that reach no threshold are left out.

    Parameters
    ----------
    probabilities : array (n, K)
        Predictions for examples that the model was not trained on.
    labels : int array (n,)
        The given labels, each class at least once.

    Raises
    ------
    ValueError
        For shapes that do not match, rows that are no probabilities, or a class without examples.

    References
    ----------
    Northcutt, Jiang and Chuang, 2021, section 3.1.

    Examples
    --------
    >>> p = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7], [0.05, 0.95]]
    >>> confident_joint(p, [0, 0, 0, 1, 1]).tolist()
    [[2, 1], [0, 1]]
    """
    p, y = _checked(probabilities, labels)
    joint = np.zeros((p.shape[1], p.shape[1]), dtype=int)
    confident = _confident_class(p, y)
    counted = confident >= 0
    np.add.at(joint, (y[counted], confident[counted]), 1)
    return joint


def label_audit(probabilities: ArrayLike, labels: ArrayLike) -> Array:
    """Indices of probable label errors, the least plausible label first.

    An example is flagged if it counts confidently for a class other than its label (see
    `confident_joint`); the order is that of its label's probability minus the largest other one.

    Parameters and errors are those of `confident_joint`.

    Examples
    --------
    >>> p = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7], [0.05, 0.95]]
    >>> label_audit(p, [0, 0, 0, 1, 1]).tolist()
    [2]
    """
    p, y = _checked(probabilities, labels)
    confident = _confident_class(p, y)
    flagged = np.flatnonzero((confident >= 0) & (confident != y))
    own = p[flagged, y[flagged]]
    other = p[flagged].copy()
    other[np.arange(len(flagged)), y[flagged]] = -np.inf
    return flagged[np.argsort(own - other.max(1), kind="stable")]


def _checked(probabilities: ArrayLike, labels: ArrayLike) -> tuple[Array, Array]:
    p = np.asarray(probabilities, float)
    y = np.asarray(labels)
    if p.ndim != 2 or y.shape != p.shape[:1] or not len(y):
        raise ValueError(
            f"need probabilities (n, K) and labels (n,), got shapes {p.shape} and {y.shape}"
        )
    if y.dtype.kind not in "iu":
        raise ValueError(f"labels must be integers 0 to K - 1, got the type {y.dtype}")
    if not np.all(p >= 0) or np.abs(p.sum(1) - 1).max() > 1e-6:
        raise ValueError("each row must hold probabilities that sum to 1")
    present = np.unique(y)
    if not np.array_equal(present, np.arange(p.shape[1])):
        raise ValueError(
            f"need every class 0 to {p.shape[1] - 1} among the labels, got {present.tolist()}"
        )
    return p, y


def _confident_class(p: Array, y: Array) -> Array:
    """The class for which each example counts, or -1."""
    thresholds = np.array([p[y == k, k].mean() for k in range(p.shape[1])])
    reached = np.where(p >= thresholds - 1e-12, p, -1.0)
    best = reached.argmax(1)
    return np.where(reached.max(1) < 0, -1, best)


class Slice(NamedTuple):
    """Error of a group of examples, with a 95 % interval."""

    name: str
    size: int
    error: float
    low: float
    high: float


def slice_report(wrong: ArrayLike, groups: ArrayLike, least: int = 1) -> list[Slice]:
    """Error by group with Wilson intervals, the group with the highest lower end first.

    Parameters
    ----------
    wrong : boolean array (n,)
    groups : array (n,)
        The value that each example is grouped by.
    least : int
        Groups with fewer examples are left out.

    Raises
    ------
    ValueError
        For shapes that differ, no examples, values other than 0 and 1, or `least` below one.

    Examples
    --------
    >>> [(s.name, s.size, s.error) for s in slice_report([1, 1, 0, 0], ["a", "a", "b", "b"])]
    [('a', 2, 1.0), ('b', 2, 0.0)]
    """
    errors = np.asarray(wrong)
    keys = np.asarray(groups)
    if errors.ndim != 1 or errors.shape != keys.shape or not len(errors):
        raise ValueError(
            f"need errors (n,) and groups (n,), got shapes {errors.shape} and {keys.shape}"
        )
    if least < 1 or not np.isin(errors, (0, 1)).all():
        raise ValueError(f"errors must be 0 or 1 and least at least 1, got {least}")
    report = []
    for key in np.unique(keys):
        hits = errors[keys == key]
        if len(hits) >= least:
            low, high = wilson(int(hits.sum()), len(hits))
            report.append(Slice(str(key), len(hits), float(hits.mean()), low, high))
    return sorted(report, key=lambda s: (-s.low, s.name))


def adversarial_validation(first: ArrayLike, second: ArrayLike, folds: int = 4) -> float:
    """AUC of a classifier that is to tell two samples apart, on examples it was not trained on.

    Logistic regression on the inputs and their squares, each standardized. About 0.5 if the samples
    come from one distribution, as far as this classifier can tell; 1 if they do not overlap.

    Parameters
    ----------
    first, second : arrays (n, d) and (m, d)
        At least `folds` examples each, finite.

    Raises
    ------
    ValueError
        For other shapes, too few examples, or values that are not finite.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=(2, 200, 3))
    >>> adversarial_validation(a, b + [3, 0, 0]) > 0.9 > 0.65 > adversarial_validation(a, b)
    True
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    a = np.asarray(first, float)
    b = np.asarray(second, float)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"need arrays (n, d) and (m, d), got shapes {a.shape} and {b.shape}")
    if folds < 2 or min(len(a), len(b)) < folds:
        raise ValueError(
            f"need at least two folds and as many examples, got {folds} folds of {len(a)} and"
            f" {len(b)}"
        )
    X = np.vstack([a, b])
    if not np.isfinite(X).all():
        raise ValueError("inputs must be finite; look at those that are not first")
    origin = np.repeat([0, 1], [len(a), len(b)])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=200))
    splits = StratifiedKFold(folds, shuffle=True, random_state=0)
    scores = cross_val_predict(
        model, np.hstack([X, X**2]), origin, cv=splits, method="decision_function"
    )
    return float(roc_auc_score(origin, scores))
