"""Kernels as similarity: the functions, the test for validity, ridge regression, density, and
random features.

Read with book/data/kernels.md.

Shapes: X (n, d), Y (m, d); a kernel matrix K (n, m).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from math import factorial, prod, sqrt

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array
from groundtruth.data.similarity import pairwise_sq_dists, tables

Kernel = Callable[[Array, Array], Array]


def _positive(name: str, value: float) -> None:
    if not 0 < value < np.inf:
        raise ValueError(f"{name} must be positive and finite, got {value}")


def linear(X: ArrayLike, Y: ArrayLike | None = None) -> Array:
    """Dot products (n, m).

    Examples
    --------
    >>> linear([[1.0, 2.0]], [[3.0, 4.0]]).tolist()
    [[11.0]]
    """
    P, Q = tables(X, Y)
    return P @ Q.T


def poly(X: ArrayLike, Y: ArrayLike | None = None, degree: int = 2, c: float = 0.0) -> Array:
    """(x . y + c)^degree, for degree >= 1 and c >= 0: dot products of all monomials of that degree,
    and of the lower ones if c > 0.

    Examples
    --------
    >>> poly([[1.0, 2.0]], [[3.0, 1.0]], degree=2).tolist()
    [[25.0]]
    """
    if degree < 1 or degree != int(degree) or not 0 <= c < np.inf:
        raise ValueError(
            f"degree must be a whole number >= 1 and c >= 0, got degree {degree} and c = {c}"
        )
    return (linear(X, Y) + c) ** int(degree)


def rbf(X: ArrayLike, Y: ArrayLike | None = None, gamma: float = 1.0) -> Array:
    """exp(-gamma |x - y|^2), the Gaussian kernel; gamma = 1 / (2 sigma^2).

    Examples
    --------
    >>> rbf([[0.0]], [[0.0], [1.0]], gamma=0.5).round(3).tolist()
    [[1.0, 0.607]]
    """
    _positive("gamma", gamma)
    P, Q = tables(X, Y)
    return np.exp(-gamma * pairwise_sq_dists(P, None if Q is P else Q))


def laplacian(X: ArrayLike, Y: ArrayLike | None = None, gamma: float = 1.0) -> Array:
    """exp(-gamma |x - y|_1): heavier tails and a corner at zero.

    Examples
    --------
    >>> laplacian([[0.0, 0.0]], [[1.0, 1.0]], gamma=0.5).round(3).tolist()
    [[0.368]]
    """
    _positive("gamma", gamma)
    P, Q = tables(X, Y)
    total = np.zeros((len(P), len(Q)))
    for p, q in zip(P.T, Q.T, strict=True):  # feature by feature: the memory of one table, not of d
        total += np.abs(p[:, None] - q)
    return np.exp(-gamma * total)


def matern(X: ArrayLike, Y: ArrayLike | None = None, length: float = 1.0) -> Array:
    """Matern kernel of smoothness 3/2: (1 + s) exp(-s) with s = sqrt(3) |x - y| / length; between
    Laplacian and RBF.

    Examples
    --------
    >>> matern([[0.0]], [[0.0]]).tolist()
    [[1.0]]
    """
    _positive("length", length)
    P, Q = tables(X, Y)
    s = np.sqrt(3 * pairwise_sq_dists(P, None if Q is P else Q)) / length
    return (1 + s) * np.exp(-s)


def sigmoid_kernel(
    X: ArrayLike, Y: ArrayLike | None = None, gamma: float = 1.0, c: float = 0.0
) -> Array:
    """tanh(gamma x . y + c): called a kernel by custom, and not positive semi-definite in general.

    Examples
    --------
    >>> sigmoid_kernel([[0.0]], [[5.0]]).tolist()
    [[0.0]]
    """
    return np.tanh(gamma * linear(X, Y) + c)


def monomials(X: ArrayLike, degree: int) -> Array:
    """The explicit map of poly(degree, c=0): all monomials of that degree, weighted by the root of
    their multinomial coefficient.

    Returns
    -------
    (n, C(d + degree - 1, degree)), so that the dot product of two rows is (x . y)^degree.

    Examples
    --------
    >>> monomials([[1.0, 2.0]], 2).round(3).tolist()
    [[1.0, 2.828, 4.0]]
    """
    P, _ = tables(X, None)
    if degree < 1:
        raise ValueError(f"degree must be >= 1, got {degree}")
    columns = []
    for chosen in combinations_with_replacement(range(P.shape[1]), degree):
        repeats = np.bincount(chosen)
        ways = factorial(degree) // prod(factorial(int(r)) for r in repeats)
        columns.append(sqrt(ways) * P[:, list(chosen)].prod(axis=1))
    return np.stack(columns, axis=1)


def _square(K: ArrayLike) -> Array:
    M = np.asarray(K, dtype=float)
    if M.ndim != 2 or M.shape[0] != M.shape[1] or not M.size:
        raise ValueError(f"need a square matrix (n, n), got shape {M.shape}")
    if not np.isfinite(M).all():
        raise ValueError("the matrix holds NaN or infinity")
    return M


def is_psd(K: ArrayLike, tol: float = 1e-10) -> bool:
    """Whether K (n, n) is symmetric with no eigenvalue below -tol times the largest absolute one.

    Examples
    --------
    >>> is_psd([[2.0, 1.0], [1.0, 2.0]]), is_psd([[1.0, 2.0], [2.0, 1.0]])
    (True, False)
    """
    M = _square(K)
    if not np.allclose(M, M.T, rtol=1e-10, atol=1e-12):
        return False
    values = np.linalg.eigvalsh(M)
    return bool(values[0] >= -tol * max(np.abs(values).max(), 1e-300))


def center(K: ArrayLike) -> Array:
    """Dot products after moving the mean of the hidden features to zero: H K H with H = I - 1 1'/n.

    Examples
    --------
    >>> center(linear([[1.0], [3.0]])).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    M = _square(K)
    return M - M.mean(axis=0) - M.mean(axis=1)[:, None] + M.mean()


def normalize(K: ArrayLike) -> Array:
    """k(x, y) / sqrt(k(x, x) k(y, y)): the cosine in the hidden space.

    Examples
    --------
    >>> normalize([[4.0, 2.0], [2.0, 4.0]]).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    M = _square(K)
    lengths = np.diag(M)
    if not (lengths > 0).all():
        raise ValueError(
            f"the diagonal must be positive, entry {int(np.argmin(lengths))} is {lengths.min():g};"
            " a zero vector has no direction"
        )
    return M / np.sqrt(np.outer(lengths, lengths))


@dataclass
class KernelRidge:
    """Ridge regression in the hidden space: f(x) = sum_i a_i k(x_i, x) with (K + penalty I) a = y.

    Keeps the n training rows; fitting costs n^3/3 multiply-adds and n^2 memory (Saunders, Gammerman
    and Vovk, 1998).

    Examples
    --------
    >>> KernelRidge(linear, 1.0).fit([[1.0], [2.0]], [1.0, 2.0]).predict([[6.0]]).round(9).tolist()
    [5.0]
    """

    kernel: Kernel
    penalty: float
    rows: Array = field(default_factory=lambda: np.empty((0, 0)), init=False)
    weights: Array = field(default_factory=lambda: np.empty(0), init=False)

    def fit(self, X: ArrayLike, y: ArrayLike) -> KernelRidge:
        """Solve for one weight per training row, X (n, d), y (n,)."""
        _positive("penalty", self.penalty)
        P, _ = tables(X, None)
        target = np.asarray(y, dtype=float)
        if target.shape != (len(P),) or not np.isfinite(target).all():
            raise ValueError(
                f"need one finite target per row: shape ({len(P)},), got {target.shape}"
            )
        K = self.kernel(P, P)
        try:
            L = np.linalg.cholesky(K + self.penalty * np.eye(len(P)))
        except np.linalg.LinAlgError:
            raise ValueError(
                f"K + {self.penalty:g} I is not positive definite: the kernel is not valid, or the"
                " penalty is below its rounding error"
            ) from None
        self.rows = P
        self.weights = np.linalg.solve(L.T, np.linalg.solve(L, target))
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Values (m,) at rows X (m, d)."""
        if not self.weights.size:
            raise ValueError("call fit first")
        P, _ = tables(X, self.rows)
        return self.kernel(P, self.rows) @ self.weights


def kde(x: ArrayLike, grid: ArrayLike, h: float) -> Array:
    """Density (g,) at grid points from samples x (n,): the mean of normal bumps of standard
    deviation h (Parzen, 1962).

    Examples
    --------
    >>> kde([0.0], [0.0], 1.0).round(4).tolist()
    [0.3989]
    """
    samples = _vector(x)
    at = _vector(grid)
    _positive("the bandwidth h", h)
    bumps = np.exp(-0.5 * ((at[:, None] - samples) / h) ** 2) / np.sqrt(2 * np.pi)  # (g, n)
    return bumps.mean(axis=1) / h


def nadaraya_watson(x: ArrayLike, y: ArrayLike, grid: ArrayLike, h: float) -> Array:
    """Weighted mean (g,) of targets y (n,) with weights that fall with distance like a normal bump
    (Nadaraya, 1964).

    Examples
    --------
    >>> nadaraya_watson([0.0, 2.0], [1.0, 3.0], [1.0], 1.0).tolist()
    [2.0]
    """
    samples = _vector(x)
    target = _vector(y)
    at = _vector(grid)
    if samples.shape != target.shape:
        raise ValueError(f"need one target per sample, got {samples.shape} and {target.shape}")
    _positive("the bandwidth h", h)
    score = -0.5 * ((at[:, None] - samples) / h) ** 2  # (g, n)
    # far from all samples every bump underflows; their ratio does not
    weight = np.exp(score - score.max(axis=1, keepdims=True))
    return weight @ target / weight.sum(axis=1)


def _vector(x: ArrayLike) -> Array:
    v = np.asarray(x, dtype=float)
    if v.ndim != 1 or not v.size or not np.isfinite(v).all():
        raise ValueError(f"need a vector of at least one finite value, got shape {v.shape}")
    return v


def rff(X: ArrayLike, D: int, gamma: float, seed: int) -> Array:
    """Random Fourier features (n, D) whose dot products estimate rbf(gamma) without bias (Rahimi
    and Recht, 2007).

    sqrt(2/D) cos(x . w + b) with w normal of variance 2 gamma and b uniform on the circle.
    """
    P, _ = tables(X, None)
    _positive("gamma", gamma)
    if D < 1:
        raise ValueError(f"need at least one random feature, got D = {D}")
    rng = np.random.default_rng(seed)
    W = rng.normal(0, np.sqrt(2 * gamma), (P.shape[1], D))
    b = rng.uniform(0, 2 * np.pi, D)
    return np.sqrt(2 / D) * np.cos(P @ W + b)


def nystrom(X: ArrayLike, landmarks: ArrayLike, kernel: Kernel) -> Array:
    """Features (n, m) whose dot products equal the kernel's projection on m landmark rows (Williams
    and Seeger, 2001).
    """
    P, Z = tables(X, landmarks)
    values, vectors = np.linalg.eigh(kernel(Z, Z))
    keep = values > 1e-12 * values[-1]
    return kernel(P, Z) @ (vectors[:, keep] / np.sqrt(values[keep]))
