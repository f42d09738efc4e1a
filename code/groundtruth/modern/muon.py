"""Muon: momentum whose matrices are made nearly orthogonal (Jordan et al., 2024).

Read with book/modern/training-in-practice.md.
"""

from __future__ import annotations

import numpy as np

from groundtruth.arrays import Array

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def newton_schulz(G: Array, steps: int = 5) -> Array:
    """A matrix with the singular vectors of G (m, n) and singular values near 1.

    Each step applies a s + b s^3 + c s^5 to every singular value s, by matrix products alone.

    Raises
    ------
    ValueError
        If G is not a matrix or not finite.

    Examples
    --------
    >>> newton_schulz(np.diag([3.0, 3.0])).round(1).tolist()
    [[1.1, 0.0], [0.0, 1.1]]
    """
    if G.ndim != 2 or not np.isfinite(G).all():
        raise ValueError(f"need a finite matrix, got an array of shape {G.shape}")
    a, b, c = COEFFICIENTS
    X = G / max(float(np.linalg.norm(G)), 1e-7)  # no singular value above 1
    wide = X if len(X) <= X.shape[1] else X.T  # the smaller of the two products X X^T
    for _ in range(steps):
        A = wide @ wide.T
        wide = a * wide + (b * A + c * A @ A) @ wide
    return wide if len(X) <= X.shape[1] else wide.T


def polar(G: Array) -> Array:
    """U V^T of the singular value decomposition G = U S V^T: all nonzero singular values are 1."""
    U, _, Vt = np.linalg.svd(G, full_matrices=False)
    return U @ Vt


class Muon:
    """One matrix trained with Muon.

    Parameters
    ----------
    rate : learning rate, multiplied by sqrt(max(1, m / n)) for a matrix of m rows and n columns
    momentum : factor of the momentum buffer, in [0, 1)
    """

    def __init__(self, rate: float, momentum: float = 0.95) -> None:
        if rate <= 0 or not 0 <= momentum < 1:
            raise ValueError(f"need rate > 0 and momentum in [0, 1), got {rate} and {momentum}")
        self.rate = rate
        self.momentum = momentum
        self.buffer: Array | None = None

    def step(self, W: Array, g: Array, factor: float = 1.0) -> None:
        """Change W in place by its gradient, at this factor times the rate."""
        if self.buffer is None:
            self.buffer = np.zeros_like(W)
        self.buffer = self.momentum * self.buffer + (1 - self.momentum) * g
        direction = (1 - self.momentum) * g + self.momentum * self.buffer  # Nesterov's form
        rows, columns = W.shape
        W -= factor * self.rate * max(1.0, rows / columns) ** 0.5 * newton_schulz(direction)


class LinearTask:
    """A linear network W (n, n) whose loss, gradient and condition number are known.

    The loss is half the mean of |W x - W* x|^2 over inputs with covariance S, and its gradient is
    (W - W*) S. The eigenvalues of S fall evenly, on a logarithmic axis, from 1 to 1 / condition.
    """

    def __init__(self, n: int, condition: float, rotated: bool, rng: np.random.Generator) -> None:
        if n < 2 or condition < 1:
            raise ValueError(f"need n >= 2 and a condition number >= 1, got {n}, {condition}")
        eigenvalues = condition ** -np.linspace(0, 1, n)
        Q = np.linalg.qr(rng.normal(size=(n, n)))[0] if rotated else np.eye(n)
        self.S = (Q * eigenvalues) @ Q.T
        self.target = rng.normal(size=(n, n)) / n**0.5

    def loss(self, W: Array) -> float:
        error = W - self.target
        return 0.5 * float(np.sum(error @ self.S * error))

    def gradient(self, W: Array) -> Array:
        return (W - self.target) @ self.S


def descend(task: LinearTask, kind: str, rate: float, steps: int = 100) -> float:
    """Final loss by initial loss, from W = 0, with a rate that falls linearly to zero.

    Parameters
    ----------
    kind : "SGD" with momentum, "Adam" or "Muon"; the momentum of each is 0.9
    rate : learning rate of the first step

    Returns
    -------
    float
        Infinity if an entry of W exceeds a million.
    """
    if kind not in ("SGD", "Adam", "Muon"):
        raise ValueError(f"kind must be 'SGD', 'Adam' or 'Muon', got {kind!r}")
    W = np.zeros_like(task.target)
    m, v = np.zeros_like(W), np.zeros_like(W)
    ours = Muon(rate, 0.9)
    for t in range(1, steps + 1):
        g = task.gradient(W)
        factor = 1 - (t - 1) / steps
        if kind == "Muon":
            ours.step(W, g, factor)
        elif kind == "Adam":
            m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
            unbiased = np.sqrt(v / (1 - 0.99**t)) + 1e-12
            W = W - factor * rate * m / (1 - 0.9**t) / unbiased
        else:
            m = 0.9 * m + g
            W = W - factor * rate * m
        if np.abs(W).max() > 1e6:
            return float("inf")
    return task.loss(W) / task.loss(np.zeros_like(W))
