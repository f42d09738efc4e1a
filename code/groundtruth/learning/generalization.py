"""Where error comes from: bias and variance by resampling, leave-one-out in one fit, random
features past interpolation.

Read with book/learning/generalization.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array, binary_scale


class Parts(NamedTuple):
    """Means over the inputs: squared bias, variance, noise, and the measured squared error of fresh
    targets.
    """

    bias2: float
    variance: float
    noise: float
    error: float


def bias_variance(
    fit: Callable[[Array, Array], Callable[[Array], Array]],
    truth: Callable[[Array], Array],
    x: ArrayLike,
    sigma: float,
    reps: int,
    rng: np.random.Generator,
) -> Parts:
    """Fit `reps` times on truth(x) + noise and take the predictions at x apart.

    Parameters
    ----------
    fit : callable
        (x (n,), y (n,)) -> a function of inputs.
    sigma : float
        Standard deviation of the normal noise, of training targets and of the fresh ones.

    Examples
    --------
    >>> mean = lambda x, y: lambda at: np.full(len(at), y.mean())
    >>> parts = bias_variance(
    ...     mean, lambda x: 0 * x, np.zeros(4), 1.0, 4000, np.random.default_rng(0)
    ... )
    >>> round(parts.bias2, 2), round(parts.variance, 2), parts.noise
    (0.0, 0.25, 1.0)
    """
    at = np.asarray(x, dtype=float)
    if at.ndim != 1 or not at.size or sigma < 0 or reps < 2:
        raise ValueError(
            f"need inputs (n,), sigma >= 0 and at least two repetitions, got shape {at.shape},"
            f" {sigma}, {reps}"
        )
    f = truth(at)
    # (reps, n)
    predictions = np.array([fit(at, f + rng.normal(0, sigma, at.size))(at) for _ in range(reps)])
    fresh = f + rng.normal(0, sigma, predictions.shape)
    return Parts(
        float(np.mean((predictions.mean(0) - f) ** 2)),
        float(predictions.var(0).mean()),
        sigma**2,
        float(np.mean((fresh - predictions) ** 2)),
    )


def polynomial(degree: int) -> Callable[[Array, Array], Callable[[Array], Array]]:
    """A `fit` by least squares on Legendre polynomials, which stay well conditioned; inputs in [-1,
    1].

    Examples
    --------
    >>> polynomial(1)(np.array([-1.0, 0.0, 1.0]), np.array([0.0, 1.0, 2.0]))(np.array([0.5])).round(
    ...     6
    ... ).tolist()
    [1.5]
    """
    if degree < 0:
        raise ValueError(f"degree must be at least 0, got {degree}")
    from numpy.polynomial import legendre

    def fit(x: Array, y: Array) -> Callable[[Array], Array]:
        coef = np.linalg.lstsq(legendre.legvander(x, degree), y, rcond=None)[0]
        return lambda at: legendre.legvander(at, degree) @ coef

    return fit


def press(X: ArrayLike, y: ArrayLike) -> Array:
    """Leave-one-out residuals (n,) of least squares from one fit: e_i / (1 - h_ii) (Allen, 1974). X
    (n, d) holds its own ones.

    Examples
    --------
    >>> press(np.ones((3, 1)), [0.0, 0.0, 3.0]).round(6).tolist()
    [-1.5, -1.5, 3.0]
    """
    A = np.asarray(X, dtype=float)
    t = np.asarray(y, dtype=float)
    if A.ndim != 2 or t.shape != A.shape[:1] or len(A) <= A.shape[1]:
        raise ValueError(
            f"need X (n, d) with more rows than columns and y (n,), got {A.shape} and {t.shape}"
        )
    if not np.isfinite(A).all() or not np.isfinite(t).all():
        raise ValueError("X and y must be finite; fill or drop missing values first")
    # units of the columns change neither the fit nor the rank
    Q, R = np.linalg.qr(A / binary_scale(A, axis=0, normal=1.0))
    if (np.abs(np.diag(R)) <= 1e-12 * np.linalg.norm(R, axis=0)).any():
        raise ValueError("the columns of X depend on each other; drop one of them")
    h = (Q * Q).sum(1)  # (n,) diagonal of the hat matrix
    if (h > 1 - 1e-10).any():
        raise ValueError(
            f"row {int(h.argmax())} decides its own prediction (leverage 1); without it the fit is"
            " not defined"
        )
    return (t - Q @ (Q.T @ t)) / (1 - h)


def random_features(X: ArrayLike, W: ArrayLike) -> Array:
    """ReLU features max(0, X W / sqrt(d)) (n, p) of a layer that is drawn once and never trained.

    Examples
    --------
    >>> random_features([[4.0]], [[1.0, -1.0]]).tolist()
    [[4.0, 0.0]]
    """
    A = np.asarray(X, dtype=float)
    B = np.asarray(W, dtype=float)
    if A.ndim != 2 or B.ndim != 2 or A.shape[1] != B.shape[0]:
        raise ValueError(f"need X (n, d) and W (d, p), got {A.shape} and {B.shape}")
    return np.maximum(A @ B / np.sqrt(A.shape[1]), 0)


def min_norm(A: ArrayLike, y: ArrayLike, ridge: float = 0.0) -> Array:
    """The shortest least-squares solution (p,); with `ridge` > 0 the penalized one, by the smaller
    of its two systems.

    Examples
    --------
    >>> min_norm([[1.0, 1.0]], [2.0]).round(6).tolist()
    [1.0, 1.0]
    """
    M = np.asarray(A, dtype=float)
    t = np.asarray(y, dtype=float)
    if M.ndim != 2 or t.shape != M.shape[:1] or not M.size or not 0 <= ridge < np.inf:
        raise ValueError(f"need A (n, p), y (n,) and ridge >= 0, got {M.shape}, {t.shape}, {ridge}")
    if not np.isfinite(M).all() or not np.isfinite(t).all():
        raise ValueError("A and y must be finite; fill or drop missing values first")
    if ridge == 0:
        return np.linalg.lstsq(M, t, rcond=None)[0]
    n, p = M.shape
    if p <= n:
        return np.linalg.solve(M.T @ M + ridge * np.eye(p), M.T @ t)
    return M.T @ np.linalg.solve(M @ M.T + ridge * np.eye(n), t)


def double_descent(
    widths: list[int], seeds: int, n: int = 100, d: int = 20, noise: float = 0.3, ridge: float = 0.0
) -> dict[int, float]:
    """Median over seeds of the test error of random-feature regression by width (Belkin et al.,
    2019); the target is linear with unit variance.
    """
    if not widths or min(widths) < 1 or seeds < 1:
        raise ValueError(f"need widths and seeds of at least one, got {widths} and {seeds}")
    errors: dict[int, list[float]] = {p: [] for p in widths}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        beta = rng.normal(size=d) / np.sqrt(d)
        X = rng.normal(size=(n, d))
        X_new = rng.normal(size=(1000, d))
        y = X @ beta + noise * rng.normal(size=n)
        y_new = X_new @ beta
        for p in widths:
            W = rng.normal(size=(d, p))
            w = min_norm(random_features(X, W), y, ridge)
            errors[p].append(float(np.mean((random_features(X_new, W) @ w - y_new) ** 2)))
    return {p: float(np.median(e)) for p, e in errors.items()}


def rademacher(X: ArrayLike, radius: float, draws: int, rng: np.random.Generator) -> float:
    """Empirical Rademacher complexity of {x -> w.x, |w| <= radius}: radius E|sum s_i x_i| / n over
    random signs s.

    Examples
    --------
    >>> rademacher([[3.0, 4.0]], 2.0, 10, np.random.default_rng(0))
    10.0
    """
    A: Any = np.asarray(X, dtype=float)
    if A.ndim != 2 or not A.size or radius <= 0 or draws < 1:
        raise ValueError(
            f"need X (n, d), a positive radius and draws, got {A.shape}, {radius}, {draws}"
        )
    signs = rng.choice([-1.0, 1.0], size=(draws, len(A)))
    return float(radius * np.linalg.norm(signs @ A, axis=1).mean() / len(A))
