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
    """x and y as float vectors (n,) of one length; refuses empty, NaN, infinite or mismatched
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
        raise ValueError("x or y holds NaN or infinity; remove or fill those rows first")
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
        """Descend `steps` times from the present (w, b).

        Parameters
        ----------
        x, y : (n,) arrays
        lr : float
            Learning rate, > 0. Above 2 / (largest eigenvalue of `line_hessian(x)`) the loss grows.
        steps : int
            Number of updates, >= 1.

        Returns
        -------
        (steps + 1, 3) array
            w, b and the loss at that (w, b): the start first, then after each update.

        Raises
        ------
        ValueError
            For bad data, a non-positive rate or step count.
        FloatingPointError
            If the loss overflows, with the largest rate that converges.

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
        history = [(self.w, self.b, mse(self.predict(x), y))]
        for _ in range(steps):
            dw, db = line_gradient(self.w, self.b, x, y)
            self.w = float(self.w - lr * dw)
            self.b = float(self.b - lr * db)
            loss = float(np.mean((self.predict(x) - y) ** 2))
            if not np.isfinite(loss) or loss > 1e100:
                limit = 2 / np.linalg.eigvalsh(line_hessian(x))[-1]
                raise FloatingPointError(
                    f"the loss diverged at lr={lr}; on these x only a rate below {limit:.3g}"
                    " converges"
                )
            history.append((self.w, self.b, loss))
        return np.array(history)  # (steps + 1, 3)


@dataclass
class NearestNeighbours:
    """A model that keeps its data: the mean target of the k nearest training points."""

    k: int = 1

    def fit(self, x: Array, y: Array) -> NearestNeighbours:
        """Store x, y (n,); refuses k outside 1..n."""
        self.x, self.y = paired(x, y)
        if not 1 <= self.k <= self.x.size:
            raise ValueError(
                f"k must lie between 1 and the {self.x.size} training points, got {self.k}"
            )
        return self

    def predict(self, x: Array) -> Array:
        """Means (m,) over the k nearest stored targets for x (m,).

        Examples
        --------
        >>> NearestNeighbours().fit(np.array([0.0, 1.0]), np.array([5.0, 7.0])).predict(
        ...     np.array([0.2, 9.0])
        ... ).tolist()
        [5.0, 7.0]
        """
        x = np.atleast_1d(np.asarray(x, dtype=float))
        gap = np.abs(x[:, None] - self.x[None, :])  # (m, n)
        nearest = np.argsort(gap, axis=1, kind="stable")[:, : self.k]  # (m, k)
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
    def fit(cls, x: Array, y: Array) -> GaussianClasses:
        """Estimate p(x | y) and p(y) from x (n,) and labels y (n,) of 0 and 1; the classes share
        one spread.
        """
        x, y = paired(x, y)
        if set(np.unique(y)) != {0.0, 1.0}:
            raise ValueError(
                f"labels must be 0 and 1 and both must occur, got {sorted(set(y.tolist()))[:5]}"
            )
        groups = [x[y == k] for k in (0, 1)]
        mean = np.array([g.mean() for g in groups])
        pooled = np.sqrt(
            sum(((g - m) ** 2).sum() for g, m in zip(groups, mean, strict=True)) / x.size
        )
        if all(g.min() == g.max() for g in groups):
            raise ValueError("within each class all x are equal; the spread cannot be estimated")
        return cls(mean, np.array([pooled, pooled]), np.array([g.size / x.size for g in groups]))

    def joint(self, x: Array) -> Array:
        """p(x, y) as (n, 2): density of x under each class times the class's share."""
        z = (np.asarray(x, dtype=float)[:, None] - self.mean) / self.std  # (n, 2)
        return self.prior * np.exp(-(z**2) / 2) / (self.std * np.sqrt(2 * np.pi))

    def posterior(self, x: Array) -> Array:
        """p(y = 1 | x) as (n,), by Bayes' rule."""
        at = np.asarray(x, dtype=float)
        joint = self.joint(at)
        total = joint.sum(axis=1)
        # far from both means the densities underflow; their ratio does not
        z = (at[:, None] - self.mean) / self.std  # (n, 2)
        score = np.log(self.prior) - np.log(self.std) - z**2 / 2
        far = sigmoid(score[:, 1] - score[:, 0])
        return np.where(total > 0, joint[:, 1] / np.where(total > 0, total, 1.0), far)

    def boundary(self) -> float:
        """The x at which both classes are equally probable.

        Examples
        --------
        >>> half = np.array([0.5, 0.5])
        >>> GaussianClasses(np.array([0.0, 2.0]), np.ones(2), half).boundary()
        1.0
        """
        (m0, m1), s, (p0, p1) = self.mean, self.std[0], self.prior
        return float((m0 + m1) / 2 - s**2 * np.log(p1 / p0) / (m1 - m0))
