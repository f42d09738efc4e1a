"""Columns to numbers: scaling, categories, dates and holes, each learned from training rows only.

Read with book/data/features.md.

Text has its own module, `groundtruth.data.text`. Shapes: X (n, d); a column of categories (n,); y
(n,).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array, binary_scale


def _table(X: ArrayLike, holes: bool = False) -> Array:
    table = np.asarray(X, dtype=float)
    if table.ndim != 2 or not table.size:
        raise ValueError(
            f"need a table (n, d) with n, d >= 1, got shape {table.shape}; one column is X[:, None]"
        )
    bad = np.isinf(table).any() if holes else not np.isfinite(table).all()
    if bad:
        raise ValueError(
            "the table holds infinity; cut it to a finite bound first"
            if holes
            else "the table holds NaN or infinity; fill the holes first, see Imputer"
        )
    return table


@dataclass
class Scaler:
    """What all scalers share: after `fit`, a column x becomes (x - center) / width.

    A column without width (constant in training) is only shifted: its width is set to one,
    so it becomes zero in training and stays finite on new rows.
    """

    centre: Array = field(default_factory=lambda: np.empty(0), init=False)  # (d,)
    width: Array = field(default_factory=lambda: np.empty(0), init=False)  # (d,)

    def _measure(self, X: Array) -> tuple[Array, Array]:
        raise NotImplementedError

    def fit(self, X: ArrayLike) -> Self:
        """Learn center and width (d,) from the training rows X (n, d)."""
        self.centre, width = self._measure(_table(X))
        if not (np.isfinite(width).all() and np.isfinite(self.centre).all()):
            raise ValueError(
                f"the range of column {int(np.argmax(~np.isfinite(width)))} overflows; change its"
                " unit or cut its far values first"
            )
        # a subnormal width is rounding: dividing by it would overflow
        self.width = np.where(width >= np.finfo(float).tiny, width, 1.0)
        return self

    def _checked(self, X: ArrayLike) -> Array:
        table = _table(X)
        if not self.width.size:
            raise ValueError(
                f"{type(self).__name__} has not seen any data; call fit on the training rows first"
            )
        if table.shape[1] != self.width.size:
            raise ValueError(
                f"fitted on {self.width.size} columns, got {table.shape[1]}; give the same columns"
                " in the same order"
            )
        return table

    def transform(self, X: ArrayLike) -> Array:
        """Scale rows X (n, d) with the numbers learned in `fit`."""
        table = self._checked(X)
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = (table - self.centre) / self.width
        if not np.isfinite(scaled).all():
            column = int(np.argmin(np.isfinite(scaled).all(axis=0)))
            raise ValueError(
                f"column {column} overflows: its width in training is {self.width[column]:g};"
                " change its unit or cut its far values first"
            )
        return scaled

    def inverse(self, Z: ArrayLike) -> Array:
        """The rows (n, d) in their old units."""
        return self._checked(Z) * self.width + self.centre


@dataclass
class Standardizer(Scaler):
    """Mean 0 and standard deviation 1 per column, the deviation with divisor n - ddof.

    Examples
    --------
    >>> Standardizer().fit([[1.0], [3.0]]).transform([[1.0], [3.0], [5.0]]).ravel().tolist()
    [-1.0, 1.0, 3.0]
    """

    ddof: int = 0

    def _measure(self, X: Array) -> tuple[Array, Array]:
        if len(X) <= self.ddof:
            raise ValueError(
                f"a standard deviation with ddof = {self.ddof} needs more than {self.ddof} rows,"
                f" got {len(X)}"
            )
        # rounding may give a constant column a width of 1e-17
        flat = X.min(axis=0) == X.max(axis=0)
        scale = binary_scale(X, axis=0)[0]  # squares of huge and of tiny columns stay in range
        scaled = X / scale
        center = np.where(flat, X[0], scaled.mean(axis=0) * scale)
        return center, np.where(flat, 0.0, scaled.std(axis=0, ddof=self.ddof) * scale)


@dataclass
class MinMax(Scaler):
    """The training range to [0, 1] per column; new rows may fall outside.

    Examples
    --------
    >>> MinMax().fit([[10.0], [20.0]]).transform([[15.0], [40.0]]).ravel().tolist()
    [0.5, 3.0]
    """

    def _measure(self, X: Array) -> tuple[Array, Array]:
        return X.min(axis=0), X.max(axis=0) - X.min(axis=0)


@dataclass
class Robust(Scaler):
    """Median 0 and interquartile range 1 per column; a quarter of the rows may be arbitrarily
    wrong.

    Examples
    --------
    >>> Robust().fit([[1.0], [2.0], [3.0], [4.0], [1000.0]]).transform(
    ...     [[3.0], [5.0]]
    ... ).ravel().tolist()
    [0.0, 1.0]
    """

    def _measure(self, X: Array) -> tuple[Array, Array]:
        low, middle, high = np.percentile(X, [25, 50, 75], axis=0)
        return middle, high - low


@dataclass
class Imputer:
    """Fill NaN by the training mean or median and append one column per hole-bearing column that
    says where.

    Examples
    --------
    >>> Imputer("median").fit([[1.0], [float("nan")], [3.0]]).transform(
    ...     [[float("nan")], [7.0]]
    ... ).tolist()
    [[2.0, 1.0], [7.0, 0.0]]
    """

    statistic: str = "median"
    value: Array = field(default_factory=lambda: np.empty(0), init=False)  # (d,)
    flagged: NDArray[np.intp] = field(
        default_factory=lambda: np.empty(0, dtype=np.intp), init=False
    )

    def fit(self, X: ArrayLike) -> Self:
        """Learn the fill value of each column of X (n, d), NaN allowed, and which columns have
        holes.
        """
        if self.statistic not in ("mean", "median"):
            raise ValueError(f"statistic must be 'mean' or 'median', got {self.statistic!r}")
        table = _table(X, holes=True)
        holes = np.isnan(table)
        if holes.all(axis=0).any():
            raise ValueError(
                f"column {int(np.argmax(holes.all(axis=0)))} has no value at all; drop it"
            )
        self.value = (np.nanmean if self.statistic == "mean" else np.nanmedian)(table, axis=0)
        self.flagged = np.flatnonzero(holes.any(axis=0))
        return self

    def transform(self, X: ArrayLike) -> Array:
        """Rows (n, d) to (n, d + f): filled columns, then f indicators of the columns that had
        holes in training.
        """
        table = _table(X, holes=True)
        if table.shape[1] != self.value.size:
            raise ValueError(
                f"fitted on {self.value.size} columns, got {table.shape[1]}; call fit on the"
                " training rows, with the same columns"
            )
        holes = np.isnan(table)
        return np.hstack([np.where(holes, self.value, table), holes[:, self.flagged]])


def one_hot(
    values: Sequence[Hashable], vocabulary: Sequence[Hashable], unknown: str = "error"
) -> Array:
    """One column per level: values (n,) and levels (K,) to zeros and ones (n, K).

    Parameters
    ----------
    unknown : {"error", "zeros"}
        What to do with a value outside the vocabulary: refuse it, or give a row of zeros.

    Examples
    --------
    >>> one_hot(["red", "blue"], ["blue", "green", "red"]).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    if unknown not in ("error", "zeros"):
        raise ValueError(f"unknown must be 'error' or 'zeros', got {unknown!r}")
    at = _positions(
        values, vocabulary, "one_hot(..., unknown='zeros')" if unknown == "error" else None
    )
    return (at[:, None] == np.arange(len(vocabulary))).astype(float)


def ordinal(values: Sequence[Hashable], order: Sequence[Hashable]) -> Array:
    """The rank (n,) of each value in a stated order; for levels that have one, such as S < M < L.

    Examples
    --------
    >>> ordinal(["M", "S"], ["S", "M", "L"]).tolist()
    [1.0, 0.0]
    """
    return _positions(values, order, "a longer order").astype(float)


def _positions(
    values: Sequence[Hashable], levels: Sequence[Hashable], remedy: str | None
) -> NDArray[np.intp]:
    index = {_level(level): i for i, level in enumerate(levels)}
    if not index or len(index) != len(levels):
        raise ValueError(f"levels must be non-empty and distinct, got {list(levels)!r}")
    at = np.array([index.get(_level(value), -1) for value in values], dtype=np.intp)
    if remedy and (at < 0).any():
        raise ValueError(
            f"value {values[int(np.argmin(at))]!r} was not seen in training (levels:"
            f" {list(index)[:8]}); decide what it means, for example {remedy}"
        )
    return at


def target_means(
    categories: Sequence[Hashable], y: ArrayLike, strength: float
) -> tuple[dict[Hashable, float], float]:
    """Per level (sum of y + strength * overall mean) / (count + strength); and the overall mean,
    for unseen levels.

    The posterior mean of a level's mean under a normal prior whose weight is `strength` pseudo-rows
    (Micci-Barreca, 2001).

    Examples
    --------
    >>> target_means(["a", "a", "b"], [1.0, 1.0, 0.0], strength=1.0)[0]["b"]
    0.3333333333333333
    """
    target = _target(categories, y)
    if not 0 <= strength < np.inf:
        raise ValueError(f"strength must be a finite number >= 0, got {strength}")
    levels, at = _factor(categories)
    prior = float(target.mean())
    sums = np.bincount(at, target)
    counts = np.bincount(at)
    means = (sums + strength * prior) / (counts + strength)
    return dict(zip(levels, means.tolist(), strict=True)), prior


def target_encode(
    categories: Sequence[Hashable], y: ArrayLike, folds: ArrayLike, strength: float
) -> Array:
    """Out-of-fold target means (n,): each row is encoded by rows of the other folds only.

    Parameters
    ----------
    folds : (n,) int
        The fold of each row; at least two different values.

    Examples
    --------
    >>> target_encode(["a", "a", "a", "a"], [0.0, 0.0, 1.0, 1.0], [0, 1, 0, 1], 0.0).tolist()
    [0.5, 0.5, 0.5, 0.5]
    """
    target = _target(categories, y)
    fold = np.asarray(folds)
    if fold.dtype.kind == "f" and np.isnan(fold).any():
        raise ValueError("a fold is NaN; give every row the number of its fold")
    if fold.shape != target.shape or np.unique(fold).size < 2:
        raise ValueError(
            f"folds must be ({target.size},) with at least two different values, got shape"
            f" {fold.shape} with {np.unique(fold).size}"
        )
    encoded = np.empty_like(target)
    for number in np.unique(fold):
        inside = fold == number
        outside = [level for level, test in zip(categories, inside, strict=True) if not test]
        means, prior = target_means(outside, target[~inside], strength)
        for i in np.flatnonzero(inside):
            encoded[i] = means.get(_level(categories[int(i)]), prior)
    return encoded


def _target(categories: Sequence[Hashable], y: ArrayLike) -> Array:
    target = np.asarray(y, dtype=float)
    if target.shape != (len(categories),) or not target.size:
        raise ValueError(
            f"need one target per category and at least one of them, got {len(categories)}"
            f" categories and shape {target.shape}"
        )
    if not np.isfinite(target).all():
        raise ValueError("the target holds NaN or infinity; drop those rows first")
    return target


def _factor(categories: Sequence[Hashable]) -> tuple[list[Hashable], NDArray[np.intp]]:
    index: dict[Hashable, int] = {}
    at = np.array(
        [index.setdefault(_level(level), len(index)) for level in categories], dtype=np.intp
    )
    return list(index), at


def _level(value: Hashable) -> Hashable:
    """The value itself; every NaN becomes np.nan, so that missing values are one level and not one
    each.
    """
    return np.nan if isinstance(value, (float, np.floating)) and value != value else value


def cyclic(values: ArrayLike, period: float) -> Array:
    """Values (n,) on a circle of the given period as points (n, 2): cosine and sine of the angle.

    Examples
    --------
    >>> cyclic([0.0, 6.0], 24.0).round(12).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    v = np.asarray(values, dtype=float)
    if v.ndim != 1 or not np.isfinite(v).all():
        raise ValueError(
            f"need a vector of finite values, got shape {v.shape}; fill or drop holes first"
        )
    if not 0 < period < np.inf:
        raise ValueError(f"period must be positive and finite, got {period}")
    angle = 2 * np.pi * (np.remainder(v, period) / period)  # exact, however many turns
    return np.column_stack([np.cos(angle), np.sin(angle)])
