"""Gradient descent, its line search, Newton's method, batches, and the largest stable rate.

Read with book/learning/gradient-descent.md.

Parameters x (P,); a path holds one row per step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array

Gradient = Callable[[Array], Array]


def _start(x0: ArrayLike) -> Array:
    x = np.asarray(x0, dtype=float)
    if x.ndim != 1 or not x.size or not np.isfinite(x).all():
        raise ValueError(f"need finite parameters (P,) with P >= 1, got shape {x.shape}")
    return x


def _rate(lr: float, steps: int) -> None:
    if not 0 < lr < np.inf or steps < 0:
        raise ValueError(f"need a positive learning rate and steps >= 0, got {lr} and {steps}")


def gd(grad: Gradient, x0: ArrayLike, lr: float, steps: int) -> Array:
    """The path (steps + 1, P) of x <- x - lr grad(x).

    Raises
    ------
    FloatingPointError
        When a parameter is no longer finite, with the step: the rate is above the stability limit,
        or the gradient is wrong.

    Examples
    --------
    >>> gd(lambda x: 2 * (x - 3), [0.0], 0.1, 2).ravel().round(2).tolist()
    [0.0, 0.6, 1.08]
    """
    x = _start(x0)
    _rate(lr, steps)
    path = [x]
    for step in range(1, steps + 1):
        with np.errstate(over="ignore", invalid="ignore"):
            x = x - lr * np.asarray(grad(x), dtype=float)
        if not np.isfinite(x).all():
            raise FloatingPointError(
                f"parameters are not finite after step {step}: lower the rate {lr:g} (the limit is"
                " 2 / the largest curvature) or check the gradient"
            )
        path.append(x)
    return np.array(path)


def armijo(
    f: Callable[[Array], float],
    grad: Gradient,
    x0: ArrayLike,
    steps: int,
    lr: float = 1.0,
    c: float = 1e-4,
) -> Array:
    """Gradient descent (steps + 1, P) whose rate is halved until the loss falls by c times what the
    slope promises (Armijo, 1966).

    Examples
    --------
    >>> armijo(lambda x: float(x @ x), lambda x: 2 * x, [1.0], 1).ravel().tolist()
    [1.0, 0.0]
    """
    x = _start(x0)
    _rate(lr, steps)
    if not 0 < c < 1:
        raise ValueError(f"c must lie between 0 and 1, got {c}")
    path = [x]
    for _ in range(steps):
        g = np.asarray(grad(x), dtype=float)
        value = f(x)
        rate = lr
        while f(x - rate * g) > value - c * rate * (g @ g) and rate > 1e-20:
            rate /= 2
        x = x - rate * g
        path.append(x)
    return np.array(path)


def newton(grad: Gradient, hessian: Callable[[Array], Array], x0: ArrayLike, steps: int) -> Array:
    """The path (steps + 1, P) of x <- x - H^-1 grad(x): to the bottom of the local bowl, or to its
    saddle.

    Examples
    --------
    >>> newton(lambda x: 2 * (x - 3), lambda x: np.array([[2.0]]), [0.0], 1).ravel().tolist()
    [0.0, 3.0]
    """
    x = _start(x0)
    if steps < 0:
        raise ValueError(f"steps must be >= 0, got {steps}")
    path = [x]
    for _ in range(steps):
        try:
            x = x - np.linalg.solve(hessian(x), grad(x))
        except np.linalg.LinAlgError:
            raise ValueError(
                f"the Hessian is singular at {x.tolist()}; add a little to its diagonal"
            ) from None
        path.append(x)
    return np.array(path)


def stability_limit(H: ArrayLike) -> float:
    """The rate 2 / (largest eigenvalue) above which gradient descent on a quadratic with Hessian H
    (P, P) diverges.

    Examples
    --------
    >>> stability_limit([[2.0, 0.0], [0.0, 4.0]])
    0.5
    """
    M = np.asarray(H, dtype=float)
    if M.ndim != 2 or M.shape[0] != M.shape[1] or not M.size or not np.allclose(M, M.T):
        raise ValueError(f"need a symmetric matrix (P, P), got shape {M.shape}")
    top = float(np.linalg.eigvalsh(M)[-1])
    if top <= 0:
        raise ValueError(
            f"the largest curvature is {top:g}; without a positive one no rate is too large"
        )
    return 2 / top


def minibatches(
    n: int, B: int, rng: np.random.Generator, drop_last: bool = False
) -> Iterator[NDArray[np.intp]]:
    """The numbers 0 to n - 1 in a new random order, B at a time; the last batch may be smaller.

    The generator is passed in, so that every epoch has another order: a seed would repeat the first
    one.

    Examples
    --------
    >>> [len(batch) for batch in minibatches(10, 4, np.random.default_rng(0))]
    [4, 4, 2]
    """
    if n < 1 or B < 1:
        raise ValueError(
            f"need at least one example and a batch of at least one, got n = {n} and B = {B}"
        )
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            "pass a generator made once, outside the epochs (np.random.default_rng(seed)), got"
            f" {type(rng).__name__}"
        )
    order = rng.permutation(n)
    for start in range(0, n, B):
        batch = order[start : start + B]
        if len(batch) == B or not drop_last:
            yield batch
