"""A model as a function with adjustable numbers: the line, its loss, and three ways to search for
it.

Read with book/data/model.md.

Shapes: x, y (n,) for one feature; X (n, d) for d features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from groundtruth.arrays import Array, binary_scale
from groundtruth.functional import sigmoid


def paired(x: Array, y: Array) -> tuple[Array, Array]:
    """x and y as float vectors (n,) of equal size; refuses empty, NaN, infinite or mismatched
    input.
    """
    x = np.asarray(x, dtype=float)
    y = np.asarray(y, dtype=float)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(
            f"x and y must be vectors of one length, got shapes {x.shape} and {y.shape}"
        )
    if x.size == 0:
        raise ValueError("x and y are empty; a model needs at least one example")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("x or y holds NaN or infinity; remove or fill those examples first")
    return x, y


def mse(y_hat: Array, y: Array) -> float:
    """Mean squared error, (1/n) sum (y_hat - y)^2.

    Parameters
    ----------
    y_hat, y : (n,) arrays
        Predictions and targets.

    Examples
    --------
    >>> mse(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    2.0
    """
    y_hat, y = paired(y_hat, y)
    return float(np.mean((y_hat - y) ** 2))


def line_gradient(w: float, b: float, x: Array, y: Array) -> Array:
    """Gradient (2,) of the mean squared error of w x + b with respect to (w, b).

    Examples
    --------
    >>> line_gradient(0.0, 0.0, np.array([0.0, 1.0]), np.array([0.0, 2.0])).tolist()
    [-2.0, -2.0]
    """
    x, y = paired(x, y)
    error = w * x + b - y  # (n,)
    return np.array([2 * np.mean(error * x), 2 * np.mean(error)])


def line_hessian(x: Array) -> Array:
    """Second derivatives (2, 2) of the mean squared error of a line; they depend on x alone.

    Examples
    --------
    >>> line_hessian(np.array([0.0, 2.0])).tolist()
    [[4.0, 2.0], [2.0, 2.0]]
    """
    x, _ = paired(x, x)
    return 2 * np.array([[np.mean(x**2), np.mean(x)], [np.mean(x), 1.0]])


def least_squares_line(x: Array, y: Array) -> tuple[float, float]:
    """The minimizer (w, b) in closed form: w = cov(x, y) / var(x), b = mean(y) - w mean(x).

    Raises
    ------
    ValueError
        If all x are equal: every line through one point of the x axis fits as well as any other.

    Examples
    --------
    >>> least_squares_line(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0]))
    (2.0, 1.0)
    """
    x, y = paired(x, y)
    if x.min() == x.max():  # x - mean may differ from zero by rounding
        raise ValueError(
            f"all {x.size} values of x equal {x[0]}; the slope is not determined, collect other"
            " values of x"
        )
    centered = x - x.mean()
    scale = float(binary_scale(centered))
    unit = centered / scale  # its squares neither overflow nor vanish
    w = float(unit @ (y - y.mean()) / (unit @ unit) / scale)
    return w, float(y.mean() - w * x.mean())


@dataclass
class Line:
    """The model f(x; w, b) = w x + b, trained by gradient descent on the mean squared error."""

    w: float = 0.0
    b: float = 0.0

    def predict(self, x: Array) -> Array:
        """Values (n,) of the line at x (n,)."""
        return self.w * np.asarray(x, dtype=float) + self.b

    def fit(self, x: Array, y: Array, lr: float, steps: int) -> Array:
        """Take `steps` steps of gradient descent, starting from the present (w, b).

        Parameters
        ----------
        x, y : (n,) arrays
        lr : float
            Learning rate, > 0. Above 2 / (largest eigenvalue of `line_hessian(x)`) the loss grows:
            slowly where the excess is small, so look at the losses in the history.
        steps : int
            Number of updates, >= 1.

        Returns
        -------
        (steps + 1, 3) array
            w, b and the loss at that (w, b): the start first, then after each update.

        Raises
        ------
        ValueError
            For bad data, values too large to be squared, a non-positive rate or step count.
        FloatingPointError
            If the loss exceeds 1e100, with the largest rate that converges; the line is unchanged.

        Examples
        --------
        >>> Line().fit(np.array([0.0, 1.0]), np.array([1.0, 3.0]), lr=0.5, steps=1)[-1].tolist()
        [1.5, 2.0, 0.625]
        """
        x, y = paired(x, y)
        if lr <= 0 or steps < 1:
            raise ValueError(
                f"lr must be positive and steps at least 1, got lr={lr}, steps={steps}"
            )
        with np.errstate(over="ignore"):
            largest = np.max(x**2)
            loss = float(np.mean((self.predict(x) - y) ** 2))
        if not (loss <= 1e100 and largest <= 1e100):
            raise ValueError(
                f"values up to {max(np.abs(x).max(), np.abs(y).max()):.3g} are too large to be"
                " squared and summed; divide x or y by a constant first"
            )
        w, b = self.w, self.b
        history = [(w, b, loss)]
        for _ in range(steps):
            dw, db = line_gradient(w, b, x, y)
            w = float(w - lr * dw)
            b = float(b - lr * db)
            loss = float(np.mean((w * x + b - y) ** 2))
            if not loss <= 1e100:
                limit = 2 / np.linalg.eigvalsh(line_hessian(x))[-1]
                raise FloatingPointError(
                    f"the loss diverged at lr={lr}; on these x only a rate below {limit:.3g}"
                    " converges"
                )
            history.append((w, b, loss))
        self.w, self.b = w, b
        return np.array(history)  # (steps + 1, 3)


@dataclass
class NearestNeighbors:
    """A model that stores its data: the mean target of the k nearest training examples."""

    k: int = 1

    def fit(self, x: Array, y: Array) -> NearestNeighbors:
        """Store x, y (n,); refuses k outside 1..n."""
        self.x, self.y = paired(x, y)
        if not 1 <= self.k <= self.x.size:
            raise ValueError(
                f"k must lie between 1 and the {self.x.size} training examples, got {self.k}"
            )
        return self

    def predict(self, x: Array) -> Array:
        """Means (m,) over the k nearest stored targets for x (m,); refuses NaN and infinity.

        Examples
        --------
        >>> NearestNeighbors().fit(np.array([0.0, 1.0]), np.array([5.0, 7.0])).predict(
        ...     np.array([0.2, 9.0])
        ... ).tolist()
        [5.0, 7.0]
        """
        x = np.atleast_1d(np.asarray(x, dtype=float))
        if not np.isfinite(x).all():
            raise ValueError("x holds NaN or infinity, which has no nearest example; remove it")
        distance = np.abs(x[:, None] - self.x[None, :])  # (m, n)
        nearest = np.argsort(distance, axis=1, kind="stable")[:, : self.k]  # (m, k)
        return self.y[nearest].mean(axis=1)  # (m,)


@dataclass(frozen=True)
class GaussianClasses:
    """A generative classifier for one feature: a normal density for each of two classes, then
    Bayes' rule.
    """

    mean: Array  # (2,)
    std: Array  # (2,)
    prior: Array  # (2,)

    @classmethod
    def fit(cls, x: Array, y: Array, shared: bool = True) -> GaussianClasses:
        """Estimate p(x | y) and p(y) from x (n,) and labels y (n,) of 0 and 1.

        With `shared` both classes have the pooled standard deviation (linear discriminant
        analysis); without it each has its own (quadratic, the naive Bayes of one feature).

        Raises
        ------
        ValueError
            For bad data, labels other than 0 and 1, or a standard deviation of zero.
        """
        x, y = paired(x, y)
        if set(np.unique(y)) != {0.0, 1.0}:
            raise ValueError(
                f"labels must be 0 and 1 and both must occur, got {sorted(set(y.tolist()))[:5]}"
            )
        groups = [x[y == k] for k in (0, 1)]
        constant = [g.min() == g.max() for g in groups]
        if all(constant) or (any(constant) and not shared):
            raise ValueError(
                "all x of a class are equal; its standard deviation cannot be estimated"
            )
        mean = np.array([g.mean() for g in groups])
        std = np.array([g.std() for g in groups])
        prior = np.array([g.size / x.size for g in groups])
        if shared:
            std = np.full(2, np.sqrt(prior @ std**2))
        return cls(mean, std, prior)

    def joint(self, x: Array) -> Array:
        """p(x, y) as (n, 2): density of x under each class times the prior of the class."""
        z = (np.asarray(x, dtype=float)[:, None] - self.mean) / self.std  # (n, 2)
        return self.prior * np.exp(-(z**2) / 2) / (self.std * np.sqrt(2 * np.pi))

    def log_odds(self, x: Array) -> Array:
        """ln p(y = 1 | x) - ln p(y = 0 | x) as (n,), also where both densities underflow."""
        z = (np.asarray(x, dtype=float)[:, None] - self.mean) / self.std  # (n, 2)
        score = np.log(self.prior) - np.log(self.std) - z**2 / 2
        return score[:, 1] - score[:, 0]

    def posterior(self, x: Array) -> Array:
        """p(y = 1 | x) as (n,), by Bayes' rule."""
        return sigmoid(self.log_odds(x))

    def boundary(self) -> float:
        """The x at which both classes are equally probable, for a shared standard deviation.

        Raises
        ------
        ValueError
            If the standard deviations differ (there can be two boundaries) or the means agree
            (there is none).

        Examples
        --------
        >>> half = np.array([0.5, 0.5])
        >>> GaussianClasses(np.array([0.0, 2.0]), np.ones(2), half).boundary()
        1.0
        """
        (m0, m1), (s0, s1), (p0, p1) = self.mean, self.std, self.prior
        if s0 != s1:
            raise ValueError(
                f"standard deviations {s0:g} and {s1:g} differ: there can be two boundaries; use"
                " the sign of log_odds"
            )
        if m0 == m1:
            raise ValueError(f"both means are {m0:g}: the log-odds do not depend on x")
        return float((m0 + m1) / 2 - s0**2 * np.log(p1 / p0) / (m1 - m0))
