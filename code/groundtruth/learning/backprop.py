"""What is built on the tape: a loss, checkpoints, gradient checks, second derivatives, a
small network.

Read with book/learning/backprop.md.

The tape itself is `groundtruth.learning.tape`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array
from groundtruth.check import numeric_grad
from groundtruth.learning.checkpointing import checkpoint, stored
from groundtruth.learning.recording import counting, no_grad
from groundtruth.learning.tape import Tensor, lift, record

__all__ = [
    "MLP",
    "Tensor",
    "check_gradients",
    "checkpoint",
    "concat",
    "counting",
    "gradients",
    "hvp",
    "jvp",
    "no_grad",
    "softmax_ce",
    "stored",
    "vjp",
]


def concat(parts: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Tensors, or arrays as constants, joined along an axis."""
    parts = [lift(part) for part in parts]
    ends = np.cumsum([part.shape[axis] for part in parts])
    rules = [
        (part, lambda g, a=end - part.shape[axis], b=end: np.take(g, range(a, b), axis))
        for part, end in zip(parts, ends, strict=True)
    ]
    return record(np.concatenate([part.data for part in parts], axis), *rules)


def softmax_ce(scores: Tensor, labels: ArrayLike) -> Tensor:
    """Mean cross-entropy of scores (n, K) at labels (n,) as one operation, with the gradient (p -
    y) / n.
    """
    at = np.asarray(labels)
    n, K = scores.shape if len(scores.shape) == 2 else (-1, 0)
    if at.shape != (n,) or at.dtype.kind not in "iu" or not n or at.min() < 0 or at.max() >= K:
        raise ValueError(
            "need scores (n, K) and whole labels (n,) in [0, K), got scores of shape"
            f" {scores.shape} and labels of shape {at.shape} and type {at.dtype}"
        )
    shifted = scores.data - scores.data.real.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))

    def back(g: Array) -> Array:
        p = np.exp(log_p)
        p[np.arange(n), at] -= 1
        return g * p / n

    return record(-log_p[np.arange(n), at].mean(), (scores, back))


def gradients(f: Callable[..., Tensor], *at: ArrayLike) -> list[Array]:
    """The gradient of the scalar f(*tensors) with respect to each argument.

    Examples
    --------
    >>> gradients(lambda x: (x * x).sum(), [1.0, 2.0])[0].tolist()
    [2.0, 4.0]
    """
    leaves = [Tensor(a) for a in at]
    f(*leaves).backward()
    return [np.zeros(leaf.shape) if leaf.grad is None else leaf.grad for leaf in leaves]


def hvp(f: Callable[[Tensor], Tensor], x: ArrayLike, v: ArrayLike, h: float = 1e-30) -> Array:
    """Hessian of f at x times v, in the shape of x: forward mode, by the complex step, through the
    backward pass.

    One gradient in complex arithmetic, after one evaluation of f that checks its value.

    Raises
    ------
    ValueError
        If f is not finite at x.

    Examples
    --------
    >>> hvp(lambda t: (t * t * t).sum(), [1.0, 2.0], [1.0, 0.0]).round(12).tolist()
    [6.0, 0.0]
    """
    _require_values(f, x)
    point = np.asarray(x) + 1j * h * np.asarray(v)
    return np.asarray(gradients(f, point)[0].imag / h)


def check_gradients(
    f: Callable[..., Tensor],
    *at: ArrayLike,
    h: float = 1e-5,
    weights: ArrayLike | None = None,
) -> float:
    """Worst relative error of the gradients of <weights, f> against central differences.

    With random weights the upstream gradient differs from entry to entry. A plain sum, weights of
    1, hides every rule that ignores its upstream gradient, and every swap of entries.

    Parameters
    ----------
    f : callable
        Takes as many tensors as there are points, returns a tensor of any shape.
    at : arrays
        The point; entries should be away from kinks.
    h : float
        The step of the differences.
    weights : array that broadcasts to the shape of f, optional
        By default fixed random numbers.

    Returns
    -------
    float
        For each argument the largest difference over the largest entry of either gradient (at
        least 1e-6); of these the worst. Infinite where a gradient is NaN.

    Examples
    --------
    >>> check_gradients(lambda x: x * x, [1.0, 2.0]) < 1e-8
    True
    """
    with no_grad():
        shape = f(*(Tensor(a) for a in at)).shape
    if weights is None:
        weights = np.random.default_rng(0).normal(size=shape)
    R = np.broadcast_to(np.asarray(weights, dtype=float), shape)
    ours = gradients(lambda *tensors: (f(*tensors) * R).sum(), *at)
    errors = [0.0]
    for i, gradient in enumerate(ours):

        def weighted_sum(entry: Array, i: int = i) -> float:
            points = [*at[:i], entry, *at[i + 1 :]]
            Y = f(*(Tensor(point) for point in points)).data
            return float((R * Y).sum())

        numeric = numeric_grad(weighted_sum, at[i], h)
        errors.append(_relative_error(gradient, numeric))
    return float(np.max(errors))


def _relative_error(gradient: Array, numeric: Array) -> float:
    """The largest difference over the largest entry of either (at least 1e-6); NaN is wrong."""
    size = max(np.max(np.abs(gradient), initial=1e-6), np.max(np.abs(numeric), initial=1e-6))
    error = float(np.max(np.abs(gradient - numeric), initial=0.0) / size)
    return np.inf if np.isnan(error) else error


def jvp(f: Callable[[Tensor], Tensor], x: ArrayLike, v: ArrayLike, h: float = 1e-30) -> Array:
    """Jacobian of f at x times v, in the shape of f(x): forward mode by the complex step.

    A complex number with a tiny imaginary part multiplies like a dual number: (a + bh i)(c + dh i)
    = ac + (ad + bc)h i, up to h^2.

    Raises
    ------
    ValueError
        If f is not finite at x.

    Examples
    --------
    >>> jvp(lambda t: t * t, [1.0, 2.0], [1.0, 0.0]).round(12).tolist()
    [2.0, 0.0]
    """
    _require_values(f, x)
    with no_grad():
        return np.asarray(f(Tensor(np.asarray(x) + 1j * h * np.asarray(v))).data.imag / h)


def _require_values(f: Callable[[Tensor], Tensor], x: ArrayLike) -> None:
    """Refuse a point where f is not defined; complex numbers would have a logarithm there."""
    with no_grad(), np.errstate(all="ignore"):
        values = f(Tensor(np.real(x))).data
    if not np.isfinite(values).all():
        raise ValueError("f is not finite at x: there is no derivative; choose another point")


def vjp(f: Callable[[Tensor], Tensor], x: ArrayLike, u: ArrayLike) -> Array:
    """The vector u times the Jacobian of f at x, in the shape of x: reverse mode with u upstream.

    Examples
    --------
    >>> vjp(lambda t: t * t, [1.0, 2.0], [0.0, 1.0]).tolist()
    [0.0, 4.0]
    """
    leaf = Tensor(x)
    f(leaf).backward(u)
    return np.zeros(leaf.shape) if leaf.grad is None else leaf.grad


class MLP:
    """Layers x W + b with an activation between them; sizes (d_in, hidden, ..., d_out).

    Weights are normal with variance 1 / inputs, biases zero.

    Examples
    --------
    >>> MLP((2, 8, 1), seed=0)(Tensor(np.zeros((5, 2)))).shape
    (5, 1)
    """

    def __init__(
        self,
        sizes: Sequence[int],
        seed: int,
        activation: Callable[[Tensor], Tensor] = Tensor.tanh,
    ) -> None:
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(
                f"need at least an input and an output size, all >= 1, got {tuple(sizes)}"
            )
        rng = np.random.default_rng(seed)
        self.activation = activation
        self.layers = [
            (Tensor(rng.normal(0, 1 / np.sqrt(a), (a, b))), Tensor(np.zeros(b)))
            for a, b in pairwise(sizes)
        ]

    def parameters(self) -> list[Tensor]:
        """All weights and biases."""
        return [p for layer in self.layers for p in layer]

    def __call__(self, x: Tensor | ArrayLike) -> Tensor:
        """Scores (n, d_out) of inputs (n, d_in); an array is a constant."""
        h = lift(x)
        for W, b in self.layers[:-1]:
            h = self.activation(h @ W + b)
        W, b = self.layers[-1]
        return h @ W + b

    def descend(self, lr: float) -> None:
        """One step of gradient descent; the gradients are cleared for the next."""
        for p in self.parameters():
            if p.grad is not None:
                p.assign(p.data - lr * p.grad)
                p.grad = None
