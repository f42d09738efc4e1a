"""What is built on the tape: fused losses, checkpoints, gradient checks, second derivatives, a
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
from groundtruth.learning.tape import Tensor, counting, lift, no_grad, ordered, record

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


def stored(root: Tensor) -> int:
    """Numbers stored by the graph behind root for the backward pass, leaves not counted."""
    return sum(node.data.size for node in ordered(root) if node.edges)


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


def checkpoint(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """f(x) without its inner history: the backward pass computes f again from x (Chen et al.,
    2016).

    The leaves inside f, its parameters among them, must not be overwritten in between; `backward`
    refuses, as it does without a checkpoint.
    """
    y = f(x.detach())
    leaves = [node for node in ordered(y) if not node.edges]

    def back(g: Array) -> Array:
        again = x.detach()
        f(again).backward(g)  # adds to the gradients of the leaves inside f as well
        return np.zeros(x.shape) if again.grad is None else again.grad

    # back delivers the gradients of the inner leaves itself: their edges only guard the versions
    guards = [(leaf, lambda g, shape=leaf.shape: np.zeros(shape)) for leaf in leaves]
    return record(y.data, *guards, (x, back))


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

    As many operations as one gradient, in complex arithmetic.

    Examples
    --------
    >>> hvp(lambda t: (t * t * t).sum(), [1.0, 2.0], [1.0, 0.0]).round(12).tolist()
    [6.0, 0.0]
    """
    return np.asarray(gradients(f, np.asarray(x) + 1j * h * np.asarray(v))[0].imag / h)


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
    pull = np.broadcast_to(np.asarray(weights, dtype=float), shape)
    ours = gradients(lambda *tensors: (f(*tensors) * pull).sum(), *at)
    errors = [0.0]
    for i, g in enumerate(ours):
        others = [np.asarray(a, dtype=float) for a in at]

        def alone(a: Array, i: int = i, others: list[Array] = others) -> float:
            values = f(*(Tensor(a if j == i else o) for j, o in enumerate(others))).data
            return float((values * pull).sum())

        numeric = numeric_grad(alone, others[i], h)
        size = max(np.max(np.abs(g), initial=1e-6), np.max(np.abs(numeric), initial=1e-6))
        errors.append(float(np.max(np.abs(g - numeric), initial=0.0) / size))
    worst = float(np.max(errors))
    return np.inf if np.isnan(worst) else worst  # a gradient of NaN is wrong


def jvp(f: Callable[[Tensor], Tensor], x: ArrayLike, v: ArrayLike, h: float = 1e-30) -> Array:
    """Jacobian of f at x times v, in the shape of f(x): forward mode by the complex step.

    A complex number with a tiny imaginary part multiplies like a dual number: (a + bh i)(c + dh i)
    = ac + (ad + bc)h i.

    Examples
    --------
    >>> jvp(lambda t: t * t, [1.0, 2.0], [1.0, 0.0]).round(12).tolist()
    [2.0, 0.0]
    """
    with no_grad():
        return np.asarray(f(Tensor(np.asarray(x) + 1j * h * np.asarray(v))).data.imag / h)


def vjp(f: Callable[[Tensor], Tensor], x: ArrayLike, u: ArrayLike) -> Array:
    """The vector u times the Jacobian of f at x, in the shape of x: reverse mode with the seed u.

    Examples
    --------
    >>> vjp(lambda t: t * t, [1.0, 2.0], [0.0, 1.0]).tolist()
    [0.0, 4.0]
    """
    leaf = Tensor(x)
    f(leaf).backward(u)
    return np.zeros(leaf.shape) if leaf.grad is None else leaf.grad


class MLP:
    """Layers x W + b with tanh between them; sizes (d_in, hidden, ..., d_out).

    Weights are normal with variance 1 / inputs, biases zero.

    Examples
    --------
    >>> MLP((2, 8, 1), seed=0)(Tensor(np.zeros((5, 2)))).shape
    (5, 1)
    """

    def __init__(self, sizes: Sequence[int], seed: int) -> None:
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(
                f"need at least an input and an output size, all >= 1, got {tuple(sizes)}"
            )
        rng = np.random.default_rng(seed)
        self.layers = [
            (Tensor(rng.normal(0, 1 / np.sqrt(a), (a, b))), Tensor(np.zeros(b)))
            for a, b in pairwise(sizes)
        ]

    def parameters(self) -> list[Tensor]:
        """All weights and biases."""
        return [p for layer in self.layers for p in layer]

    def __call__(self, x: Tensor) -> Tensor:
        """Scores (n, d_out) of inputs (n, d_in)."""
        for i, (W, b) in enumerate(self.layers):
            x = x @ W + b
            if i < len(self.layers) - 1:
                x = x.tanh()
        return x

    def descend(self, lr: float) -> None:
        """One step of gradient descent; the gradients are cleared for the next."""
        for p in self.parameters():
            if p.grad is not None:
                p.assign(p.data - lr * p.grad)
                p.grad = None
