"""Likeness of things that are not plain vectors: sets, places on the globe, rows of mixed type; and
short signatures.

Read with book/data/similarity.md.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array, binary_scale

EARTH_KM = 6371.0088  # mean radius


def dice(s: AbstractSet[Hashable], t: AbstractSet[Hashable]) -> float:
    """Similarity of sets: twice the shared elements over both sizes (Dice, 1945); equals the F1
    score. Two empty sets count as equal.

    Examples
    --------
    >>> dice({1, 2, 3}, {2, 3, 4, 5, 6})
    0.5
    """
    total = len(s) + len(t)
    return 2 * len(s & t) / total if total else 1.0


def overlap(s: AbstractSet[Hashable], t: AbstractSet[Hashable]) -> float:
    """Similarity of sets: shared elements over the smaller size; 1 when one holds the other.

    Raises
    ------
    ValueError
        If a set is empty: every set holds it, so the number would say nothing.

    Examples
    --------
    >>> overlap({1, 2}, {1, 2, 3, 4})
    1.0
    """
    if not s or not t:
        raise ValueError("the overlap with an empty set is not defined; leave it out")
    return len(s & t) / min(len(s), len(t))


def haversine_km(a: ArrayLike, b: ArrayLike) -> float:
    """Distance along the globe between two places (latitude, longitude) in degrees, on a sphere of
    mean radius.

    Examples
    --------
    >>> round(haversine_km([0.0, 0.0], [0.0, 180.0]))
    20015
    """
    places = np.asarray([a, b], dtype=float)
    if (
        places.shape != (2, 2)
        or not np.isfinite(places).all()
        or (np.abs(places[:, 0]) > 90).any()
        or (np.abs(places[:, 1]) > 360).any()
    ):
        raise ValueError(
            "a place is (latitude in [-90, 90], longitude in [-360, 360]) in degrees, got"
            f" {places.tolist()}"
        )
    (lat1, lon1), (lat2, lon2) = np.radians(places)
    h = (
        np.sin((lat2 - lat1) / 2) ** 2
        + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    )
    return float(2 * EARTH_KM * np.arcsin(np.sqrt(min(1.0, h))))


def gower(numbers: ArrayLike, categories: Sequence[Sequence[Hashable]]) -> Array:
    """Distances (n, n) in [0, 1] between rows with numbers (n, p) and categories (n, q): the mean
    over columns (Gower, 1971).

    A number contributes its difference over the column's range, a category 0 or 1; a missing number
    (NaN) is left out of the mean for its pairs, and a constant column contributes 0. A missing
    category (NaN or None) is a level of its own.

    Examples
    --------
    >>> gower([[0.0], [10.0]], [["a"], ["a"]]).tolist()
    [[0.0, 0.5], [0.5, 0.0]]
    """
    X = np.asarray(numbers, dtype=float)
    if (
        X.ndim != 2
        or len(categories) != len(X)
        or not len(X)
        or len({len(row) for row in categories}) != 1
    ):
        raise ValueError(
            f"need numbers (n, p) and n rows of q categories, got shape {X.shape} and"
            f" {len(categories)} rows"
        )
    if np.isinf(X).any():
        raise ValueError("a number is infinite; cut it to a finite bound first")
    n = len(X)
    total = np.zeros((n, n))
    counted = np.zeros((n, n))
    for column in X.T:
        present = ~np.isnan(column)
        both = np.outer(present, present)
        counted += both
        if not present.any() or column[present].min() == column[present].max():
            continue
        unit = column / binary_scale(column[present])  # the range of huge numbers stays finite
        unit = unit / 2
        gap = np.abs(unit[:, None] - unit) / np.ptp(unit[present])
        total += np.where(both, gap, 0.0)
    for level in zip(*categories, strict=True):
        codes = _codes(level)
        total += codes[:, None] != codes
        counted += 1
    if not counted.all():
        raise ValueError(
            "some pair of rows has no value in common; drop rows that are missing throughout"
        )
    return total / counted


def _codes(level: Sequence[Hashable]) -> NDArray[np.intp]:
    """A number for each different value (n,): True and 1 differ, and all NaN are one level."""
    numbers: dict[Hashable, int] = {}
    keys: list[Hashable] = []
    for value in level:
        plain = value.item() if isinstance(value, np.generic) else value
        missing = isinstance(plain, float) and plain != plain
        keys.append("NaN" if missing else (type(plain), plain))
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.intp)


def simhash(X: ArrayLike, bits: int, seed: int) -> NDArray[np.bool_]:
    """Signs (n, bits) of random projections of X (n, d): two rows differ in a bit with probability
    angle / pi (Charikar, 2002).
    """
    table = np.asarray(X, dtype=float)
    if (
        table.ndim != 2
        or not table.size
        or not np.isfinite(table).all()
        or not table.any(axis=1).all()
    ):
        raise ValueError(
            f"need finite rows (n, d) that are not zero, got shape {table.shape}; a zero row has no"
            " direction"
        )
    if bits < 1:
        raise ValueError(f"need at least one bit, got {bits}")
    table = table / binary_scale(table, axis=1)
    return table @ np.random.default_rng(seed).normal(size=(table.shape[1], bits)) > 0


def minhash(sets: Iterable[AbstractSet[int]], m: int, seed: int) -> NDArray[np.int64]:
    """Signatures (n, m): for each set the smallest value of m random hash functions over its
    elements.

    Two signatures agree at a position with probability equal to the Jaccard similarity (Broder,
    1997). Elements are integers in [0, 2^31 - 1).
    """
    prime = (1 << 31) - 1
    if m < 1:
        raise ValueError(f"m must be at least 1, got {m}")
    rng = np.random.default_rng(seed)
    a = rng.integers(1, prime, m)
    b = rng.integers(0, prime, m)
    signatures = []
    for s in sets:
        if not s:
            raise ValueError("an empty set has no smallest element; leave it out")
        if not all(isinstance(element, (int, np.integer)) for element in s):
            raise TypeError(f"elements must be whole numbers, got {sorted(map(repr, s))[:3]}")
        if min(s) < 0 or max(s) >= prime:
            raise ValueError(f"elements must lie in [0, {prime}), got {min(s)} to {max(s)}")
        x = np.fromiter(s, dtype=np.int64)
        # products stay below 2^62
        signatures.append(((a[:, None] * x + b[:, None]) % prime).min(axis=1))
    if not signatures:
        raise ValueError("there are no sets to sign")
    return np.stack(signatures)
