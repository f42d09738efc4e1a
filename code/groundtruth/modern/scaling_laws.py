"""Scaling laws: fits of a loss to numbers of parameters and examples, with their uncertainty.

Read with book/modern/training-in-practice.md.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import least_squares

from groundtruth.arrays import Array


class Law(NamedTuple):
    """L(N, D) = E + A / N^alpha + B / D^beta (Hoffmann et al., 2022)."""

    E: float
    A: float
    alpha: float
    B: float
    beta: float

    def __call__(self, N: ArrayLike, D: ArrayLike) -> Array:
        n = np.asarray(N, float)
        d = np.asarray(D, float)
        return self.E + self.A * n**-self.alpha + self.B * d**-self.beta

    @property
    def compute_exponent(self) -> float:
        """N grows as this power of the operations C = 6 N D at the smallest loss."""
        return self.beta / (self.alpha + self.beta)

    def optimal(self, C: float) -> float:
        """The number of parameters with the smallest loss at C = 6 N D operations."""
        ratio = self.alpha * self.A / (self.beta * self.B)
        return float((ratio * (C / 6) ** self.beta) ** (1 / (self.alpha + self.beta)))


def fit(N: ArrayLike, D: ArrayLike, L: ArrayLike, start: Law | None = None) -> Law:
    """The law with the smallest squared error of ln L.

    Parameters
    ----------
    N, D, L : parameters, examples and losses of the runs (n,), positive and finite, n >= 6
    start : where the search begins; otherwise at several places, and the best end counts

    Raises
    ------
    ValueError
        If there are fewer runs, or a number is not positive or not finite.
    """
    n, d, losses = (np.asarray(v, float) for v in (N, D, L))
    if not n.shape == d.shape == losses.shape or n.ndim != 1 or len(n) < 6:
        raise ValueError(f"need six runs or more, got shapes {n.shape}, {d.shape}, {losses.shape}")
    if not all(((v > 0) & (v < np.inf)).all() for v in (n, d, losses)):  # false for NaN
        raise ValueError("parameters, examples and losses must be positive and finite")

    def residuals(p: Array) -> Array:
        return np.log(_terms(p, n, d).sum(0)) - np.log(losses)

    def jacobian(p: Array) -> Array:
        terms = _terms(p, n, d)
        e, a, b = terms / terms.sum(0)  # the fraction of the loss that is each term
        return np.stack([e, a, -np.log(n) * a, b, -np.log(d) * b], 1)

    if start is None:
        guesses = _guesses(n, d, losses)
    else:
        E, A, alpha, B, beta = start
        guesses = [[np.log(E), np.log(A), alpha, np.log(B), beta]]
    low, high = np.log([losses.min(), losses.max()])  # in any unit the floor is below the largest
    bounds = ([min(-10, low - 10), -20, 0.01, -20, 0.01], [max(5, high), 40, 3, 40, 3])
    tight = {"ftol": 1e-12, "xtol": 1e-12, "gtol": 1e-12, "bounds": bounds}
    ends = [least_squares(residuals, np.clip(g, *bounds), jacobian, **tight) for g in guesses]
    e, a, alpha, b, beta = min(ends, key=lambda r: r.cost).x
    return Law(*map(float, (np.exp(e), np.exp(a), alpha, np.exp(b), beta)))


def _terms(p: Array, n: Array, d: Array) -> Array:
    """E, A / N^alpha and B / D^beta of every run (3, n), from ln E, ln A, alpha, ln B and beta."""
    e, a, alpha, b, beta = p
    return np.exp([np.full(len(n), e), a - alpha * np.log(n), b - beta * np.log(d)])


def _guesses(n: Array, d: Array, losses: Array) -> list[list[float]]:
    """Where searches begin: two floors below the smallest loss, and two of each exponent."""
    places = itertools.product((0.3, 0.8), (0.3, 0.7), (0.3, 0.7))
    ln = np.log([losses.min(), n.mean(), d.mean()])
    return [[ln[0] + np.log(e), a * ln[1], a, b * ln[2], b] for e, a, b in places]


def bootstrap(
    N: ArrayLike, D: ArrayLike, L: ArrayLike, draws: int, rng: np.random.Generator
) -> list[Law]:
    """Laws fitted to losses with resampled residuals, by which intervals are read off.

    The residuals of ln L are enlarged by sqrt(n / (n - 5)), because five constants were fitted.
    """
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    best = fit(N, D, L)
    model = best(N, D)
    residuals = np.log(np.asarray(L, float)) - np.log(model)
    residuals *= (len(residuals) / (len(residuals) - 5)) ** 0.5
    return [
        fit(N, D, model * np.exp(rng.choice(residuals, len(residuals))), best) for _ in range(draws)
    ]
