"""Memories that settle: Hopfield's network of signs, its energy, and the modern one whose step is
attention.

Read with book/networks/learning-rules.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array
from groundtruth.functional import logsumexp, softmax


def _signs(X: ArrayLike, dims: int, name: str) -> Array:
    x = np.asarray(X, dtype=np.float64)
    if x.ndim != dims or not x.size or not np.all(np.abs(x) == 1):
        raise ValueError(
            f"{name} must be {dims}-dimensional and hold only -1 and 1, got the shape {x.shape};"
            " map bits b to 2 b - 1"
        )
    return x


def hopfield_store(X: ArrayLike) -> Array:
    """Weights (N, N) = X'X / N without the diagonal, for patterns X (P, N) of signs (Hopfield,
    1982).
    """
    x = _signs(X, 2, "patterns")
    W = x.T @ x / x.shape[1]
    np.fill_diagonal(W, 0)
    return W


def energy(W: ArrayLike, s: ArrayLike) -> float:
    """-s'Ws / 2 of a state s (N,), in double precision."""
    x = np.asarray(s, dtype=np.float64)
    return float(-0.5 * x @ np.asarray(W) @ x)


def recall(
    W: ArrayLike, s: ArrayLike, rng: np.random.Generator, sweeps: int = 20
) -> tuple[Array, list[float]]:
    """Set one unit after another, in random order, to the sign of its input until none changes; the
    state (N,) and the energy after every sweep.
    """
    w = np.asarray(W, dtype=np.float64)
    x = _signs(s, 1, "a state").copy()
    if w.shape != (len(x), len(x)) or not np.allclose(w, w.T) or np.diag(w).any():
        raise ValueError(
            f"weights must be symmetric ({len(x)}, {len(x)}) with a diagonal of zeros, got the"
            f" shape {w.shape}; else the energy may rise"
        )
    heard = w @ x
    levels = [energy(w, x)]
    for _ in range(sweeps):
        before = x.copy()
        for i in rng.permutation(len(x)):
            new = 1.0 if heard[i] >= 0 else -1.0
            if new != x[i]:
                heard += (new - x[i]) * w[:, i]
                x[i] = new
        levels.append(energy(w, x))
        if np.array_equal(before, x):
            break
    return x, levels


def modern_update(X: ArrayLike, xi: ArrayLike, beta: float) -> Array:
    """X' softmax(beta X xi): one step of a state xi (d,) or states (n, d) among patterns X (P, d)
    (Ramsauer et al., 2021).
    """
    x = np.asarray(X, dtype=np.float64)
    q = np.asarray(xi, dtype=np.float64)
    if (
        x.ndim != 2
        or not x.size
        or q.ndim not in (1, 2)
        or q.shape[-1] != x.shape[1]
        or not beta > 0
    ):
        raise ValueError(
            f"need patterns (P, d), states (d,) or (n, d) and beta > 0, got {x.shape}, {q.shape}"
            f" and {beta}"
        )
    return softmax(beta * q @ x.T) @ x


def modern_energy(X: ArrayLike, xi: ArrayLike, beta: float) -> float:
    """-logsumexp(beta X xi) / beta + |xi|^2 / 2, which every `modern_update` lowers, of patterns X
    (P, d) and a state xi (d,), in double precision.
    """
    x = np.asarray(X, dtype=np.float64)
    q = np.asarray(xi, dtype=np.float64)
    return float(-logsumexp(beta * x @ q) / beta + 0.5 * q @ q)
