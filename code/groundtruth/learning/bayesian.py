"""A Gaussian process, its expected improvement, and the search that follows it.

Read with book/learning/hyperparameter-search.md.

Inputs X (n, d) in the unit cube, values y (n,) to be minimized.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import LinAlgError, cho_solve, cholesky
from scipy.stats import norm

from groundtruth.arrays import Array
from groundtruth.data.kernels import rbf
from groundtruth.learning.hyperparameter_search import Choice, Objective, Space, Trial


class GP:
    """Regression with a Gaussian kernel: k(a, b) = scale^2 exp(-|a - b|^2 / 2 length^2) (Rasmussen
    and Williams, 2006, algorithm 2.1).

    Parameters
    ----------
    length, scale, noise : float
        Distance over which values are alike, standard deviation of the values, and of what is added
        to each observation.

    Examples
    --------
    >>> mu, sd = GP(length=0.3).fit([[0.0], [1.0]], [1.0, 3.0]).predict([[0.0], [50.0]])
    >>> mu.round(2).tolist(), sd.round(2).tolist()
    ([1.0, 2.0], [0.0, 1.0])
    """

    def __init__(self, length: float = 0.2, scale: float = 1.0, noise: float = 1e-4) -> None:
        if not (length > 0 and scale > 0 and noise > 0):
            raise ValueError(
                f"length, scale and noise must be positive, got {length}, {scale} and {noise}"
            )
        self.length = length
        self.scale = scale
        self.noise = noise

    def kernel(self, A: Array, B: Array) -> Array:
        """Covariances (n, m)."""
        return self.scale**2 * rbf(A, B, gamma=1 / (2 * self.length**2))

    def fit(self, X: ArrayLike, y: ArrayLike) -> GP:
        """Take in observations; the mean of y is the value far from all of them."""
        A = np.asarray(X, dtype=float)
        t = np.asarray(y, dtype=float)
        if A.ndim != 2 or t.shape != A.shape[:1] or not len(A):
            raise ValueError(
                f"need X (n, d) and y (n,) with at least one row, got {A.shape} and {t.shape}"
            )
        if not np.isfinite(A).all() or not np.isfinite(t).all():
            raise ValueError(
                "X and y must be finite; give a failed trial a large value instead of NaN"
            )
        self.X = A
        self.level = float(t.mean())
        try:
            self.L = cholesky(self.kernel(A, A) + self.noise**2 * np.eye(len(A)), lower=True)
        except LinAlgError:
            raise ValueError(
                f"points lie so close that their covariance is singular; raise the noise of"
                f" {self.noise:g} or shorten the length of {self.length:g}"
            ) from None
        self.alpha = cho_solve((self.L, True), t - self.level)
        self.t = t - self.level
        return self

    def predict(self, X: ArrayLike) -> tuple[Array, Array]:
        """Mean and standard deviation (m,) of the function, without the noise of a new
        observation.
        """
        if not hasattr(self, "L"):
            raise ValueError("fit the process before you predict with it")
        K = self.kernel(np.asarray(X, dtype=float), self.X)
        V = np.linalg.solve(self.L, K.T)
        return K @ self.alpha + self.level, np.sqrt(np.maximum(self.scale**2 - (V * V).sum(0), 0))

    def log_evidence(self) -> float:
        """Log density of the observations under the process, the score by which its length is
        chosen.
        """
        return float(
            -self.t @ self.alpha / 2
            - np.log(np.diag(self.L)).sum()
            - len(self.t) / 2 * np.log(2 * np.pi)
        )


def expected_improvement(mu: ArrayLike, sd: ArrayLike, best: float, xi: float = 0.0) -> Array:
    """E max(best - xi - value, 0) for values ~ N(mu, sd^2): (best - xi - mu) Phi(z) + sd phi(z)
    (Jones, Schonlau and Welch, 1998).

    Examples
    --------
    >>> expected_improvement([0.0, 1.0], [1.0, 0.0], 0.0).round(4).tolist()
    [0.3989, 0.0]
    """
    m = np.asarray(mu, dtype=float)
    s = np.asarray(sd, dtype=float)
    if m.shape != s.shape or not (s >= 0).all() or not np.isfinite(m).all():
        raise ValueError(
            f"need as many means as standard deviations, none below 0, got shapes {m.shape} and"
            f" {s.shape}"
        )
    gain = best - xi - m
    z = np.divide(gain, s, out=np.zeros_like(gain), where=s > 0)
    return np.where(s > 0, gain * norm.cdf(z) + s * norm.pdf(z), np.maximum(gain, 0))


def gp_search(
    f: Objective,
    space: Space,
    n: int,
    rng: np.random.Generator,
    n_init: int = 5,
    xi: float = 0.0,
    candidates: int = 500,
) -> list[Trial]:
    """n trials: n_init at random, then each where the expected improvement is largest among random
    candidates and neighbors of the best.

    Values are standardized, and the length is chosen by evidence from a small grid before each
    step.

    Raises
    ------
    ValueError
        For spaces with choices or conditions, whose points have no distances: use `tpe`.
    """
    if any(isinstance(p, Choice) for p in space.params.values()) or space.when:
        raise ValueError(
            "a Gaussian process needs distances: it takes no choices and no conditions; use tpe"
        )
    if n < 1 or n_init < 2:
        raise ValueError(f"need at least one trial and two to begin with, got {n} and {n_init}")
    d = len(space.params)
    trials: list[Trial] = []
    points: list[Array] = []
    for i in range(n):
        if i < n_init:
            u = rng.random(d)
        else:
            X = np.array(points)
            y = np.array([t.value for t in trials])
            varies = y.min() < y.max()  # the deviation of equal values may be rounding
            y = (y - y.mean()) / y.std() if varies else np.zeros(len(y))
            process = max(
                (GP(length, noise=0.01).fit(X, y) for length in (0.05, 0.1, 0.2, 0.4, 0.8)),
                key=GP.log_evidence,
            )
            near = np.clip(
                X[y.argmin()]
                + rng.choice([0.01, 0.05], (candidates // 2, 1))
                * rng.normal(size=(candidates // 2, d)),
                0,
                1,
            )
            pool = np.vstack([rng.random((candidates, d)), near])
            u = pool[expected_improvement(*process.predict(pool), y.min(), xi).argmax()]
        config = space.config(u)
        points.append(u)
        trials.append(Trial(config, float(f(config))))
    return trials
