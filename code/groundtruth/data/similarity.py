"""Similarities and distances: pairs, all pairs in bounded memory, and the best k.

Read with `book/data/similarity.md`. A similarity grows with likeness, a distance shrinks.
Shapes: a, b (d,); X (n, d), Y (m, d); tables (n, m).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
BLOCK_BYTES = 32_000_000  # the largest intermediate table of an all-pairs computation


def _pair(a: ArrayLike, b: ArrayLike) -> tuple[Array, Array]:
    u = np.asarray(a, dtype=float)
    v = np.asarray(b, dtype=float)
    if u.ndim != 1 or u.shape != v.shape or u.size == 0:
        raise ValueError(f"need two vectors of one length >= 1, got shapes {u.shape} and {v.shape}")
    if not (np.isfinite(u).all() and np.isfinite(v).all()):
        raise ValueError("a vector holds NaN or infinity; remove or fill those entries first")
    return u, v


def tables(X: ArrayLike, Y: ArrayLike | None) -> tuple[Array, Array]:
    """X (n, d) and Y (m, d), or X twice, as floats; anything else, NaN or infinity is a
    ValueError.
    """
    P = np.asarray(X, dtype=float)
    Q = P if Y is None else np.asarray(Y, dtype=float)
    if P.ndim != 2 or Q.ndim != 2 or P.shape[1] != Q.shape[1] or not P.size or not Q.size:
        raise ValueError(
            f"need tables (n, d) and (m, d) with n, m, d >= 1, got shapes {P.shape} and {Q.shape}"
        )
    if not (np.isfinite(P).all() and np.isfinite(Q).all()):
        raise ValueError("a table holds NaN or infinity; remove or fill those rows first")
    return P, Q


def dot(a: ArrayLike, b: ArrayLike) -> float:
    """Similarity: sum of products; grows with both lengths.

    Examples
    --------
    >>> dot([1, 0], [2, 0])
    2.0
    """
    u, v = _pair(a, b)
    return float(u @ v)


def cosine(a: ArrayLike, b: ArrayLike) -> float:
    """Similarity in [-1, 1]: the dot product of the directions.

    Raises
    ------
    ValueError
        For a zero vector, which has no direction.

    Examples
    --------
    >>> cosine([1, 0], [2, 0]), cosine([1, 0], [0, 1])
    (1.0, 0.0)
    """
    u, v = _pair(a, b)
    lengths = np.linalg.norm(u) * np.linalg.norm(v)
    if lengths == 0:
        raise ValueError(
            "the cosine of a zero vector is not defined; drop the row or choose another measure"
        )
    return float(np.clip(u @ v / lengths, -1.0, 1.0))


def minkowski(a: ArrayLike, b: ArrayLike, p: float) -> float:
    """Distance (sum |a - b|^p)^(1/p) for p >= 1: 1 is Manhattan, 2 Euclidean, infinity Chebyshev.

    Examples
    --------
    >>> (
    ...     minkowski([0, 0], [3, 4], 2),
    ...     minkowski([0, 0], [3, 4], 1),
    ...     minkowski([0, 0], [3, 4], float("inf")),
    ... )
    (5.0, 7.0, 4.0)
    """
    u, v = _pair(a, b)
    if not p >= 1:
        raise ValueError(f"p must be at least 1, got {p}; below 1 the triangle inequality fails")
    top = (gap := np.abs(u - v)).max()
    if top == 0 or np.isinf(p):
        return float(top)
    return float(top * ((gap / top) ** p).sum() ** (1 / p))  # scaled: no overflow for large p


def euclidean(a: ArrayLike, b: ArrayLike) -> float:
    """Distance along the straight line."""
    return minkowski(a, b, 2)


def manhattan(a: ArrayLike, b: ArrayLike) -> float:
    """Distance along the axes."""
    return minkowski(a, b, 1)


def chebyshev(a: ArrayLike, b: ArrayLike) -> float:
    """The largest difference in any coordinate."""
    return minkowski(a, b, np.inf)


def rbf(a: ArrayLike, b: ArrayLike, gamma: float) -> float:
    """Similarity exp(-gamma |a - b|^2) in (0, 1]; 1/sqrt(gamma) is its reach.

    Examples
    --------
    >>> rbf([0.0], [0.0], 1.0)
    1.0
    """
    u, v = _pair(a, b)
    if gamma <= 0:
        raise ValueError(f"gamma must be positive, got {gamma}")
    return float(np.exp(-gamma * ((u - v) ** 2).sum()))


def mahalanobis(a: ArrayLike, b: ArrayLike, covariance: ArrayLike) -> float:
    """Distance in units of the data's own spread: sqrt((a-b)' C^-1 (a-b)), C (d, d) positive
    definite.

    Examples
    --------
    >>> mahalanobis([0.0, 0.0], [2.0, 0.0], [[4.0, 0.0], [0.0, 1.0]])
    1.0
    """
    u, v = _pair(a, b)
    C = np.asarray(covariance, dtype=float)
    if C.shape != (u.size, u.size):
        raise ValueError(f"the covariance must be {(u.size, u.size)}, got {C.shape}")
    try:
        L = np.linalg.cholesky(C)
    except np.linalg.LinAlgError:
        raise ValueError(
            "the covariance is not positive definite; add a little to its diagonal or drop"
            " redundant columns"
        ) from None
    return float(np.linalg.norm(np.linalg.solve(L, u - v)))


def jaccard(s: AbstractSet[Hashable], t: AbstractSet[Hashable]) -> float:
    """Similarity of sets: shared elements over all elements; two empty sets count as equal, by
    convention.

    Examples
    --------
    >>> jaccard({1, 2, 3}, {2, 3, 4})
    0.5
    """
    union = len(s | t)
    return len(s & t) / union if union else 1.0


def hamming(s: Sequence, t: Sequence) -> int:
    """Distance: positions at which two sequences of one length differ.

    Examples
    --------
    >>> hamming("karolin", "kathrin")
    3
    """
    if len(s) != len(t):
        raise ValueError(
            f"lengths differ: {len(s)} and {len(t)}; use levenshtein for sequences of unequal"
            " length"
        )
    return sum(a != b for a, b in zip(s, t, strict=True))


def levenshtein(s: Sequence, t: Sequence) -> int:
    """Distance: insertions, deletions and substitutions that turn s into t.

    Dynamic programming over one row of the table: O(len(s) len(t)) time, O(len(t)) memory
    (Wagner and Fischer, 1974).

    Examples
    --------
    >>> levenshtein("kitten", "sitting")
    3
    """
    row = list(range(len(t) + 1))
    for i, a in enumerate(s, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(t, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


def unit_rows(X: ArrayLike) -> Array:
    """The rows of X (n, d) divided by their lengths; a zero row is refused."""
    P, _ = tables(X, None)
    lengths = np.linalg.norm(P, axis=1, keepdims=True)  # (n, 1)
    if not lengths.all():
        raise ValueError(f"row {int(np.argmin(lengths))} is zero and has no direction; drop it")
    return P / lengths


def cosine_matrix(X: ArrayLike, Y: ArrayLike | None = None) -> Array:
    """Cosines (n, m) of all pairs of rows: normalise once, then one matrix product.

    Examples
    --------
    >>> cosine_matrix([[1.0, 0.0], [0.0, 2.0]]).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    P, Q = tables(X, Y)
    units = unit_rows(P)
    table = units @ (units if Q is P else unit_rows(Q)).T
    return np.clip(table, -1.0, 1.0, out=table)


def pairwise_sq_dists(X: ArrayLike, Y: ArrayLike | None = None) -> Array:
    """Squared Euclidean distances (n, m) of all pairs: |x|^2 - 2 x.y + |y|^2 after centring.

    Centring moves both tables near the origin, where the three terms are small and their difference
    keeps its digits; what is left below zero by rounding is cut to zero.

    Examples
    --------
    >>> pairwise_sq_dists([[0.0, 0.0], [3.0, 4.0]]).tolist()
    [[0.0, 25.0], [25.0, 0.0]]
    """
    P, Q = tables(X, Y)
    same = Q is P
    centre = Q.mean(axis=0)
    table = np.empty((len(P), len(Q)))
    # the last d rows of the table hold the centred Q, transposed, until they are due
    first = max(len(P) - P.shape[1], 0)
    held = table[first:] if len(P) >= P.shape[1] else np.empty(Q.T.shape)
    np.subtract(Q.T, centre[:, None], out=held)
    squares = np.einsum("ij,ij->j", held, held)

    def finish(rows: slice, columns: slice) -> None:
        p = P[rows] - centre
        own = np.einsum("ij,ij->i", p, p)[:, None]
        p *= -2
        part = np.matmul(p, held[:, columns], out=table[rows] if rows.stop <= first else None)
        part += own
        part += squares[columns]
        np.maximum(part, 0, out=table[rows, columns])

    for start in range(
        0, first, 128
    ):  # a few rows at a time: they are finished while still in the cache
        finish(slice(start, min(start + 128, first)), slice(None))
    for start in range(0, len(Q), 128):  # a few columns at a time: each is read, then overwritten
        finish(slice(first, len(P)), slice(start, start + 128))
    if same:
        np.fill_diagonal(table, 0.0)
    return table


def pairwise_dists(X: ArrayLike, Y: ArrayLike | None = None) -> Array:
    """Euclidean distances (n, m) of all pairs; the root is taken in place, so one table is all it
    needs.

    Examples
    --------
    >>> pairwise_dists([[0.0, 0.0], [3.0, 4.0]]).tolist()
    [[0.0, 5.0], [5.0, 0.0]]
    """
    table = pairwise_sq_dists(X, Y)
    return np.sqrt(table, out=table)


def nearest(X: ArrayLike, Y: ArrayLike, k: int) -> tuple[NDArray[np.intp], Array]:
    """For each row of X (n, d) the k nearest rows of Y (m, d): indices and distances (n, k),
    nearest first.

    The table of distances is made block by block, so memory does not grow with n times m.
    """
    P, Q = tables(X, Y)
    if not 1 <= k <= len(Q):
        raise ValueError(f"k must lie between 1 and the {len(Q)} rows of Y, got {k}")
    rows = max(1, BLOCK_BYTES // (8 * len(Q)))
    places = []
    gaps = []
    for start in range(0, len(P), rows):
        block = pairwise_sq_dists(P[start : start + rows], Q)  # (rows, m)
        at = np.argpartition(block, k - 1, axis=1)[:, :k]
        gap = np.take_along_axis(block, at, axis=1)
        order = np.argsort(gap, axis=1, kind="stable")
        places.append(np.take_along_axis(at, order, axis=1))
        gaps.append(np.sqrt(np.take_along_axis(gap, order, axis=1)))
    return np.concatenate(places), np.concatenate(gaps)


def top_k(scores: ArrayLike, k: int) -> NDArray[np.intp]:
    """Positions (k,) of the k largest scores (n,), largest first; equal scores in order of
    position.

    Examples
    --------
    >>> top_k([0.1, 0.9, 0.3, 0.5], 3).tolist()
    [1, 3, 2]
    """
    s = np.asarray(scores, dtype=float)
    if s.ndim != 1 or not 1 <= k <= s.size:
        raise ValueError(
            f"need a vector of scores and k between 1 and its length, got shape {s.shape} and k"
            f" = {k}"
        )
    if np.isnan(s).any():
        raise ValueError("a score is NaN and cannot be ranked; find out where it comes from")
    # the k-th largest of a sample is at most the k-th largest of all, so what lies below it can be
    # left out unsorted
    step = max(1, s.size // max(16 * k, 4096))
    at = np.flatnonzero(s >= np.partition(s[::step], -k)[-k])
    at = at[s[at] >= np.partition(s[at], -k)[-k]]  # more than k only where the k-th score is tied
    return at[np.lexsort((at, -s[at]))][:k]
