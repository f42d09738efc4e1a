"""Honest splits, cross-validation, and a test whether two samples can be told apart.

Read with book/learning/generalization.md.

A fold is a pair of index arrays (train, test); n examples, k folds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Index = NDArray[np.intp]
Fold = tuple[Index, Index]


def _size(n: int, k: int, what: str = "examples") -> None:
    if k < 2 or n < k:
        raise ValueError(f"need 2 <= k <= {what}, got k = {k} and {n} {what}")


def _generator(rng: np.random.Generator) -> None:
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"pass a generator (np.random.default_rng(seed)), got {type(rng).__name__}")


def train_test_split(
    n: int,
    test: float,
    rng: np.random.Generator,
    labels: ArrayLike | None = None,
    groups: ArrayLike | None = None,
) -> Fold:
    """Indices of a training and a test part; `test` is the share of the latter.

    With `labels` every class keeps its share (stratified); with `groups` no group is on both sides,
    and `test` is a share of groups.

    Examples
    --------
    >>> train, test = train_test_split(10, 0.2, np.random.default_rng(0), labels=[0] * 5 + [1] * 5)
    >>> len(train), sorted(int(i) // 5 for i in test)
    (8, [0, 1])
    """
    _generator(rng)
    if not 0 < test < 1 or n < 2:
        raise ValueError(
            f"need a share between 0 and 1 and at least two examples, got {test} and {n}"
        )
    if labels is not None and groups is not None:
        raise ValueError(
            "give labels or groups, not both: a group cannot be divided to keep the shares of the"
            " classes"
        )
    strata = _column(labels if labels is not None else groups, n)
    if groups is not None:
        names = rng.permutation(np.unique(strata))
        count = round(test * len(names))
        if not 0 < count < len(names):
            raise ValueError(
                f"{len(names)} groups cannot be divided with a share of {test} for the test"
            )
        in_test = np.isin(strata, names[:count])
    else:
        in_test = np.zeros(n, dtype=bool)
        for name in np.unique(strata):
            members = rng.permutation(np.flatnonzero(strata == name))
            in_test[members[: round(test * len(members))]] = True
        if in_test.all() or not in_test.any():
            raise ValueError(f"a share of {test} of {n} examples leaves one side empty")
    return np.flatnonzero(~in_test), np.flatnonzero(in_test)


def _column(values: ArrayLike | None, n: int) -> NDArray[Any]:
    column = np.zeros(n, dtype=int) if values is None else np.asarray(values)
    if column.shape != (n,):
        raise ValueError(f"need one label or group per example, shape ({n},), got {column.shape}")
    _refuse_nan(column)
    return column


def _refuse_nan(column: NDArray[Any]) -> None:
    """NaN equals nothing, itself included: its examples would belong to no class and no fold."""
    missing = [i for i, value in enumerate(column.tolist()) if value != value]
    if missing:
        raise ValueError(
            f"the label or group of example {missing[0]} is NaN; give missing values a name of"
            " their own"
        )


def kfold(n: int, k: int, rng: np.random.Generator) -> list[Fold]:
    """k folds in random order; every example is tested once.

    Examples
    --------
    >>> [len(test) for _, test in kfold(10, 3, np.random.default_rng(0))]
    [4, 3, 3]
    """
    _generator(rng)
    _size(n, k)
    return _folds(np.array_split(rng.permutation(n), k), n)


def _folds(parts: Sequence[NDArray[Any]], n: int) -> list[Fold]:
    return [(np.setdiff1d(np.arange(n), part), np.sort(part)) for part in parts]


def stratified_kfold(labels: ArrayLike, k: int, rng: np.random.Generator) -> list[Fold]:
    """As `kfold`; each class is spread over the folds as evenly as its count allows.

    Examples
    --------
    >>> [
    ...     int(np.array([0, 0, 0, 1, 1, 1])[test].sum())
    ...     for _, test in stratified_kfold([0, 0, 0, 1, 1, 1], 3, np.random.default_rng(0))
    ... ]
    [1, 1, 1]
    """
    _generator(rng)
    y = np.asarray(labels)
    if y.ndim != 1:
        raise ValueError(f"labels must have the shape (n,), got {y.shape}")
    _refuse_nan(y)
    _size(len(y), k)
    names, counts = np.unique(y, return_counts=True)
    if counts.min() < k:
        raise ValueError(
            f"class {names[counts.argmin()]!r} has {counts.min()} examples, fewer than k = {k};"
            " take fewer folds"
        )
    # deal the classes out like cards, each class going on where the last one stopped
    order = np.concatenate([rng.permutation(np.flatnonzero(y == name)) for name in names])
    return _folds([order[i::k] for i in range(k)], len(y))


def group_kfold(groups: ArrayLike, k: int) -> list[Fold]:
    """k folds of whole groups, the largest groups dealt first to the smallest fold.

    Examples
    --------
    >>> [test.tolist() for _, test in group_kfold(["a", "b", "a", "c"], 2)]
    [[0, 2], [1, 3]]
    """
    g = np.asarray(groups)
    if g.ndim != 1:
        raise ValueError(f"groups must have the shape (n,), got {g.shape}")
    _refuse_nan(g)
    names, member, counts = np.unique(g, return_inverse=True, return_counts=True)
    _size(len(names), k, "groups")
    home = np.empty(len(names), dtype=int)
    load = np.zeros(k, dtype=int)
    for group in np.argsort(-counts, kind="stable"):
        home[group] = load.argmin()
        load[home[group]] += counts[group]
    return _folds([np.flatnonzero(home[member] == i) for i in range(k)], len(g))


def time_split(n: int, k: int, gap: int = 0) -> list[Fold]:
    """Forward chaining: train on all before, leave out `gap` examples, test on the next block. The
    order of examples is time.

    Examples
    --------
    >>> [(len(train), test.tolist()) for train, test in time_split(9, 2, gap=1)]
    [(2, [3, 4, 5]), (5, [6, 7, 8])]
    """
    _size(n, k + 1)
    block = n // (k + 1)
    if not 0 <= gap < n - k * block:
        raise ValueError(
            f"gap must lie between 0 and {n - k * block - 1} so that the first fold has something"
            f" to train on, got {gap}"
        )
    starts = [n - (k - i) * block for i in range(k)]
    return [(np.arange(start - gap), np.arange(start, start + block)) for start in starts]


def cross_val(
    fit: Callable[[Any, Any], Any],
    score: Callable[[Any, Any, Any], float],
    X: Any,
    y: Any,
    folds: Sequence[Fold],
) -> NDArray[np.float64]:
    """score(fit(X[train], y[train]), X[test], y[test]) for each fold (k,); all that is learned is
    learned inside `fit`.

    Examples
    --------
    >>> y = np.array([1.0, 2.0, 3.0, 4.0])
    >>> cross_val(
    ...     lambda X, y: y.mean(),
    ...     lambda m, X, y: float(np.abs(y - m).mean()),
    ...     y,
    ...     y,
    ...     time_split(4, 1),
    ... ).tolist()
    [2.0]
    """
    if not len(folds):
        raise ValueError("there are no folds")
    X = np.asarray(X)
    y = np.asarray(y)
    if len(X) != len(y):
        raise ValueError(f"need as many targets as examples, got {len(y)} and {len(X)}")
    return np.array([score(fit(X[train], y[train]), X[test], y[test]) for train, test in folds])


def nested_cv(
    fits: Sequence[Callable[[Any, Any], Any]],
    score: Callable[[Any, Any, Any], float],
    X: Any,
    y: Any,
    k: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Score (k,) of *the procedure* "choose the best of `fits` by k-fold cross-validation, then
    refit"; the choice never sees the outer test fold.

    Examples
    --------
    >>> y = np.arange(12.0)
    >>> fits = [lambda X, y: 0.0, lambda X, y: y.mean()]
    >>> nested_cv(
    ...     fits, lambda m, X, y: -float(((y - m) ** 2).mean()), y, y, 3, np.random.default_rng(0)
    ... ).shape
    (3,)
    """
    if not len(fits):
        raise ValueError("there is nothing to choose from")
    X = np.asarray(X)
    y = np.asarray(y)
    scores = []
    for train, test in kfold(len(X), k, rng):
        inner = kfold(len(train), k, rng)
        means = [cross_val(fit, score, X[train], y[train], inner).mean() for fit in fits]
        scores.append(score(fits[int(np.argmax(means))](X[train], y[train]), X[test], y[test]))
    return np.array(scores)


def adversarial_validation(A: ArrayLike, B: ArrayLike, rng: np.random.Generator) -> float:
    """AUC with which a logistic regression tells rows of A (n, d) from rows of B (m, d), out of
    fold: 0.5 if it cannot.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> adversarial_validation(rng.normal(size=(200, 2)), rng.normal(size=(200, 2)) + 3, rng) > 0.95
    True
    """
    from groundtruth.learning.linear_models import design, logistic_irls
    from groundtruth.learning.metrics import auc

    first = np.asarray(A, dtype=float)
    second = np.asarray(B, dtype=float)
    if (
        first.ndim != 2
        or second.ndim != 2
        or first.shape[1] != second.shape[1]
        or min(len(first), len(second)) < 5
    ):
        raise ValueError(
            f"need two samples with the same columns and at least five rows each, got {first.shape}"
            f" and {second.shape}"
        )
    X = np.vstack([first, second])
    side = np.repeat([0, 1], [len(first), len(second)])
    varies = X.min(0) < X.max(0)  # the standard deviation of equal numbers may be rounding
    X = np.where(varies, X - X.mean(0), 0.0) / np.where(varies, X.std(0), 1.0)
    score = np.empty(len(X))
    for train, test in stratified_kfold(side, 5, rng):
        score[test] = (
            design(X[test]) @ logistic_irls(X[train], side[train].astype(float), l2=1e-3)[0]
        )
    return auc(side, score)
