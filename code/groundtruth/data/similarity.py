"""Similarities and distances: pairs, all pairs in bounded memory, and the best k.

Read with book/data/similarity.md.

A similarity grows with likeness, a distance shrinks. Shapes: a, b (d,); X (n, d), Y (m, d); tables
(n, m).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solve_triangular

from groundtruth.arrays import Array, binary_scale

ROWS = 128  # rows of a table of distances that are computed at a time
# a squared distance below this part of |x|^2 + |y|^2 keeps fewer than ten of its digits
CANCELLED = 1e-6
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
    if not u.any() or not v.any():
        raise ValueError(
            "the cosine of a zero vector is not defined; drop the row or choose another measure"
        )
    u = u / binary_scale(u)
    v = v / binary_scale(v)
    return float(np.clip(u @ v / (np.linalg.norm(u) * np.linalg.norm(v)), -1.0, 1.0))


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
    gap = np.abs(u - v)
    top = gap.max()
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
    if not 0 < gamma < np.inf:
        raise ValueError(f"gamma must be positive and finite, got {gamma}")
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
    if not np.isfinite(C).all():
        raise ValueError("the covariance holds NaN or infinity; estimate it from complete rows")
    if not np.allclose(C, C.T, rtol=1e-9, atol=1e-12 * np.abs(C).max()):
        raise ValueError("the covariance is not symmetric; use (C + C.T) / 2 if it nearly is")
    try:
        L = np.linalg.cholesky(C)
    except np.linalg.LinAlgError:
        raise ValueError(
            "the covariance is not positive definite; add a little to its diagonal or drop"
            " redundant columns"
        ) from None
    return float(np.linalg.norm(solve_triangular(L, u - v, lower=True)))


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
    """The rows of X (n, d) divided by their norms; a zero row is refused."""
    P, _ = tables(X, None)
    zero = ~P.any(axis=1)
    if zero.any():
        raise ValueError(f"row {int(np.argmax(zero))} is zero and has no direction; drop it")
    scale = binary_scale(P, axis=1)
    if (scale != 1).any():
        P = P / scale
    return P / np.linalg.norm(P, axis=1, keepdims=True)


def cosine_matrix(X: ArrayLike, Y: ArrayLike | None = None) -> Array:
    """Cosines (n, m) of all pairs of rows: normalize once, then one matrix product.

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
    """Squared Euclidean distances (n, m) of all pairs: |x|^2 - 2 x.y + |y|^2 after centering.

    Centering moves both tables near the origin, where the three terms are small and their
    difference keeps its digits. Pairs whose difference is small all the same, because a far row or
    a second cluster moved the center, are subtracted coordinate by coordinate.

    Examples
    --------
    >>> pairwise_sq_dists([[0.0, 0.0], [3.0, 4.0]]).tolist()
    [[0.0, 25.0], [25.0, 0.0]]
    """
    table, scale = _scaled_sq_dists(X, Y)
    if scale != 1:
        table *= scale
        table *= scale
    return table


def pairwise_dists(X: ArrayLike, Y: ArrayLike | None = None) -> Array:
    """Euclidean distances (n, m) of all pairs; the square root is taken in place, so that one table
    is all the memory it needs.

    Examples
    --------
    >>> pairwise_dists([[0.0, 0.0], [3.0, 4.0]]).tolist()
    [[0.0, 5.0], [5.0, 0.0]]
    """
    table, scale = _scaled_sq_dists(X, Y)
    np.sqrt(table, out=table)
    if scale != 1:
        table *= scale
    return table


def _scaled_sq_dists(X: ArrayLike, Y: ArrayLike | None) -> tuple[Array, float]:
    """Squared distances (n, m) in units of the returned scale, which is 1 for ordinary numbers."""
    P, Q = tables(X, Y)
    same = Q is P
    scale = float(max(binary_scale(P), binary_scale(Q)))
    if scale != 1:
        P = P / scale
        Q = Q / scale
    center = _center(Q)
    columns = np.ascontiguousarray((Q - center).T)  # (d, m)
    column_squares = np.einsum("ij,ij->j", columns, columns)
    table = np.empty((len(P), len(Q)))
    # a few rows at a time: they are finished while still in the CPU's cache
    for start in range(0, len(P), ROWS):
        rows = P[start : start + ROWS] - center
        row_squares = np.einsum("ij,ij->i", rows, rows)
        block = table[start : start + ROWS]
        np.matmul(-2 * rows, columns, out=block)
        block += row_squares[:, None]
        block += column_squares
        _subtract_where_close(block, P[start : start + ROWS], Q, row_squares, column_squares)
        np.maximum(block, 0, out=block)
    if same:
        np.fill_diagonal(table, 0.0)
    return table, scale


def _center(Q: Array) -> Array:
    """The mean (d,) of the rows, or their median where a few far rows drag the mean away."""
    mean = Q.mean(axis=0)
    sample = Q[:: max(1, len(Q) // 256)]  # enough to tell where most rows lie
    median = np.median(sample, axis=0)
    width = np.median(((sample - median) ** 2).sum(axis=1))
    return median if ((mean - median) ** 2).sum() > 1e4 * width else mean


def _subtract_where_close(
    block: Array, P: Array, Q: Array, row_squares: Array, column_squares: Array
) -> None:
    """Replace entries of a block of squared distances in which too many digits cancelled.

    An entry below CANCELLED times |x|^2 + |y|^2 (of the centered rows) has lost that part of its
    digits. The rows P (r, d) and Q (m, d) are not centered, which would round them.
    """
    # one pass with a bound for the whole block settles the usual case
    bound = CANCELLED * (row_squares.max() + column_squares.max())
    if block.min() > bound:
        return
    size = row_squares[:, None] + column_squares
    size *= CANCELLED
    close = block <= size
    if close.mean() > 0.05:  # two far clusters: every entry, feature by feature
        block[:] = 0.0
        for x, y in zip(P.T, Q.T, strict=True):
            gap = np.subtract(x[:, None], y, out=size)
            gap *= gap
            block += gap
        return
    row, column = np.nonzero(close)
    step = max(1, BLOCK_BYTES // (8 * P.shape[1]))
    for start in range(0, row.size, step):
        i = row[start : start + step]
        j = column[start : start + step]
        difference = P[i] - Q[j]
        block[i, j] = np.einsum("ij,ij->i", difference, difference)


def nearest(X: ArrayLike, Y: ArrayLike, k: int) -> tuple[NDArray[np.intp], Array]:
    """For each row of X (n, d) the k nearest rows of Y (m, d): indices and distances (n, k),
    nearest first, equally distant ones in order of index.

    The table of distances is made block by block, so memory does not grow with n times m.

    Examples
    --------
    >>> [v.tolist() for v in nearest([[0.0]], [[2.0], [1.0], [-1.0]], 2)]
    [[[1, 2]], [[1.0, 1.0]]]
    """
    P, Q = tables(X, Y)
    if not 1 <= k <= len(Q):
        raise ValueError(f"k must lie between 1 and the {len(Q)} rows of Y, got {k}")
    rows = max(1, BLOCK_BYTES // (8 * len(Q)))
    indices = []
    distances = []
    for start in range(0, len(P), rows):
        some = P[start : start + rows]
        table = pairwise_dists(some, Q)  # (rows, m)
        columns, gaps = _smallest(table, some, Q, k)
        indices.append(columns)
        distances.append(gaps)
    return np.concatenate(indices), np.concatenate(distances)


def _smallest(table: Array, P: Array, Q: Array, k: int) -> tuple[NDArray[np.intp], Array]:
    """Columns and distances (r, k) of the k nearest rows of Q, chosen by a table of distances.

    Rounding in the table must not decide between equals, so the chosen ones and those that are as
    near up to rounding are compared by distances that are subtracted coordinate by coordinate.
    """
    columns = np.sort(np.argpartition(table, k - 1, axis=1)[:, :k], axis=1)
    last = np.take_along_axis(table, columns, axis=1).max(axis=1, keepdims=True)  # (r, 1)
    distances = np.empty(columns.shape)
    for i in range(k):
        distances[:, i] = _row_dists(P, Q[columns[:, i]])
    order = np.argsort(distances, axis=1, kind="stable")
    columns = np.take_along_axis(columns, order, axis=1)
    distances = np.take_along_axis(distances, order, axis=1)
    near = table <= last * (1 + 1e-9)
    for i in np.flatnonzero(near.sum(axis=1) > k).tolist():
        candidates = np.flatnonzero(near[i])
        gaps = _row_dists(P[i], Q[candidates])
        first = np.argsort(gaps, kind="stable")[:k]
        columns[i] = candidates[first]
        distances[i] = gaps[first]
    return columns, distances


def _row_dists(P: Array, Q: Array) -> Array:
    """Distances (n,) between rows of the same number."""
    with np.errstate(over="ignore"):
        gap = P - Q
    scale = float(binary_scale(gap[np.isfinite(gap)]))
    return np.asarray(np.sqrt(((gap / scale) ** 2).sum(axis=1)) * scale)


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
