"""Rules by which inputs combine: the matrix a layer applies, what it costs, which symmetry it
keeps; structured matrices.

Read with book/networks/architectures.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array

RULES = ("dense", "convolution", "recurrence", "state space", "attention", "graph")


class Cost(NamedTuple):
    """Of one layer on n places with d channels: weights, multiply-adds, steps between far places,
    steps in a row, numbers kept to go on.
    """

    weights: int
    multiply_adds: int
    path: int
    serial: int
    state: int


def cost(rule: str, n: int, d: int, k: int = 3, edges: int | None = None, N: int = 16) -> Cost:
    """What one layer of a rule costs (biases and norms aside; leading terms only).

    Parameters
    ----------
    rule : one of `RULES`
    n, d : int
        Places and channels, the same in and out.
    k : int
        Width of a convolution's kernel.
    edges : int, optional
        Directed edges of a graph; 2 n by default.
    N : int
        State per channel of a state-space layer.

    Examples
    --------
    >>> cost("dense", 4, 2).weights, cost("convolution", 4, 2).weights
    (64, 12)
    """
    if min(n, d, k, N) < 1 or (edges is not None and edges < 0):
        raise ValueError(f"sizes must be positive, got n={n}, d={d}, k={k}, edges={edges}, N={N}")
    lines = 2 * n if edges is None else edges
    far = max(n - 1, 1)
    sweeps = int(np.ceil(np.log2(max(n, 2))))
    table = {
        "dense": Cost((n * d) ** 2, (n * d) ** 2, 1, 1, n * d),
        "convolution": Cost(k * d * d, n * k * d * d, -(-far // max(k // 2, 1)), 1, (k - 1) * d),
        "recurrence": Cost(2 * d * d, 2 * n * d * d, far, n, d),
        "state space": Cost(3 * N * d + d * d, 3 * n * N * d + n * d * d, sweeps, sweeps, N * d),
        "attention": Cost(4 * d * d, 4 * n * d * d + 2 * n * n * d, 1, 1, 2 * n * d),
        "graph": Cost(d * d, lines * d + n * d * d, far, 1, n * d),
    }
    if rule not in table:
        raise ValueError(f"rule must be one of {RULES}, got {rule!r}")
    return table[rule]


def mixing_matrix(layer: Callable[[Array], Array], n: int) -> Array:
    """The matrix (m, n) of a linear map on one channel, read off by feeding it unit impulses.

    Raises
    ------
    ValueError
        If the map is not linear: its answer to a random sum is not the sum of its answers.

    Examples
    --------
    >>> mixing_matrix(lambda x: np.cumsum(x), 3).astype(int).tolist()
    [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    """
    if n < 1:
        raise ValueError(f"need at least one place, got {n}")
    A = np.stack([np.asarray(layer(e), dtype=float) for e in np.eye(n)], axis=-1)
    x = np.random.default_rng(0).normal(size=n)
    if not np.allclose(A @ x, layer(x), atol=1e-8):
        raise ValueError(
            "the layer is not linear on one channel, so no matrix describes it; fix what depends on"
            " the input first"
        )
    return A


def equivariance_error(
    f: Callable[[Array], Array], g: Callable[[Array], Array], x: ArrayLike
) -> float:
    """max |f(g x) - g f(x)| over max |f(x)|: zero if f commutes with g.

    Examples
    --------
    >>> (
    ...     equivariance_error(lambda v: 2 * v, lambda v: v[::-1], [1.0, 2.0]),
    ...     equivariance_error(np.cumsum, lambda v: v[::-1], [1.0, 2.0]),
    ... )
    (0.0, 0.6666666666666666)
    """
    values = np.asarray(x, dtype=float)
    y = f(values)
    return float(np.abs(f(g(values)) - g(y)).max() / np.abs(y).max())


def circulant_part(A: ArrayLike) -> Array:
    """The mean of S^i A S^-i over all shifts: the closest circulant matrix to A (n, n).

    Examples
    --------
    >>> circulant_part([[1.0, 0.0], [2.0, 3.0]]).tolist()
    [[2.0, 1.0], [1.0, 2.0]]
    """
    M = _square(A)
    n = len(M)
    column = np.array([np.mean([M[(i + j) % n, j] for j in range(n)]) for i in range(n)])
    return np.stack([np.roll(column, j) for j in range(n)], axis=1)


def permutation_part(A: ArrayLike) -> Array:
    """The mean of P A P' over all permutations, a I + b 11': the only linear maps that commute with
    all of them.

    Examples
    --------
    >>> permutation_part([[1.0, 0.0], [2.0, 3.0]]).tolist()
    [[2.0, 1.0], [1.0, 2.0]]
    """
    M = _square(A)
    n = len(M)
    same = np.trace(M) / n
    other = (M.sum() - np.trace(M)) / (n * (n - 1)) if n > 1 else 0.0
    return (same - other) * np.eye(n) + other * np.ones((n, n))


def _square(A: ArrayLike) -> Array:
    M = np.asarray(A, dtype=float)
    if M.ndim != 2 or M.shape[0] != M.shape[1] or not M.size:
        raise ValueError(f"need a square matrix, got the shape {M.shape}")
    return M


def butterflies(n: int) -> list[Array]:
    """log2(n) sparse factors and a permutation whose product is the Fourier matrix (n, n), n a
    power of two (Cooley and Tukey, 1965).

    The first matrix is applied last; each factor but the permutation has two entries a row.

    Examples
    --------
    >>> product = np.linalg.multi_dot(butterflies(8))
    >>> bool(np.allclose(product, np.fft.fft(np.eye(8))))
    True
    """
    if n < 2 or n & (n - 1):
        raise ValueError(f"n must be a power of two and at least 2, got {n}")
    factors = []
    size = n
    order = np.arange(n)
    while size > 1:
        half = size // 2
        turn = np.diag(np.exp(-2j * np.pi * np.arange(half) / size))
        block = np.block([[np.eye(half), turn], [np.eye(half), -turn]])
        factors.append(np.kron(np.eye(n // size), block))
        # even places first, within each block
        order = order.reshape(-1, half, 2).swapaxes(1, 2).reshape(-1)
        size = half
    return [*factors, np.eye(n)[order]]


def low_rank(A: ArrayLike, r: int) -> Array:
    """The closest matrix of rank r to A (m, n), from its largest singular values (Eckart and Young,
    1936).

    Examples
    --------
    >>> low_rank([[2.0, 0.0], [0.0, 1.0]], 1).round(9).tolist()
    [[2.0, 0.0], [0.0, 0.0]]
    """
    M = np.asarray(A)
    if M.ndim != 2 or not 1 <= r <= min(M.shape):
        raise ValueError(
            f"need a matrix and a rank from 1 to its smaller side, got the shape {M.shape} and"
            f" r={r}"
        )
    U, s, V = np.linalg.svd(M, full_matrices=False)
    return (U[:, :r] * s[:r]) @ V[:r]


def block_diagonal(A: ArrayLike, blocks: int) -> Array:
    """A (n, n) with everything outside the diagonal blocks set to zero, the closest such matrix."""
    M = np.asarray(A)
    if M.ndim != 2 or M.shape[0] != M.shape[1] or blocks < 1 or len(M) % blocks:
        raise ValueError(
            "need a square matrix and a number of blocks that divides its side, got the shape"
            f" {M.shape} and {blocks}"
        )
    return M * np.kron(np.eye(blocks), np.ones((len(M) // blocks,) * 2))
