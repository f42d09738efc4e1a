"""Three computations written out with loops, to be compared with the array operations that replace
them.

Read with book/front/primer.md.

The loops are the point here; the rest of the book has none over samples.
"""

from __future__ import annotations

import numpy as np

from groundtruth.arrays import Array


def dot(a: Array, b: Array) -> float:
    """Sum of products of two vectors (d,) and (d,).

    Raises
    ------
    ValueError
        If they are not vectors of one length.

    Examples
    --------
    >>> dot(np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0]))
    32.0
    """
    a = np.asarray(a, dtype=float)
    b = np.asarray(b, dtype=float)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"dot needs two vectors of one length, got shapes {a.shape} and {b.shape}")
    total = 0.0
    for left, right in zip(a, b, strict=True):
        total += float(left) * float(right)
    return total


def matmul_loops(A: Array, B: Array) -> tuple[Array, int]:
    """The product (m, n) of (m, k) and (k, n), and the number of multiply-adds it took.

    Examples
    --------
    >>> C, count = matmul_loops(np.eye(2), np.array([[1.0], [5.0]]))
    >>> C.ravel().tolist(), count
    ([1.0, 5.0], 4)
    """
    A = np.asarray(A, dtype=float)
    B = np.asarray(B, dtype=float)
    if A.ndim != 2 or B.ndim != 2 or A.shape[1] != B.shape[0]:
        raise ValueError(f"the inner lengths must agree: got shapes {A.shape} and {B.shape}")
    (m, k), n = A.shape, B.shape[1]
    C = np.zeros((m, n))
    count = 0
    for i in range(m):
        for j in range(n):
            for inner in range(k):
                C[i, j] += A[i, inner] * B[inner, j]
                count += 1
    return C, count


def running_mean(x: Array) -> Array:
    """Mean of the first 1, 2, ..., n values of a vector (n,).

    Examples
    --------
    >>> running_mean(np.array([2.0, 4.0, 6.0, 8.0])).tolist()
    [2.0, 3.0, 4.0, 5.0]
    """
    x = np.asarray(x, dtype=float)
    if x.ndim != 1 or x.size == 0:
        raise ValueError(
            f"running_mean needs a vector with at least one value, got shape {x.shape}"
        )
    return np.cumsum(x) / np.arange(1, x.size + 1)
