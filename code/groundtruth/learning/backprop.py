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
from groundtruth.learning.tape import Tensor, counting, made, no_grad, ordered

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
]


def stored(root: Tensor) -> int:
    """Numbers held by the graph behind root, leaves not counted: the memory that training pays for
    the backward pass.
    """
    return sum(node.data.size for node in ordered(root) if node.edges)


def concat(parts: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Tensors joined along an axis."""
    ends = np.cumsum([part.shape[axis] for part in parts])
    rules = [
        (part, lambda g, a=end - part.shape[axis], b=end: np.take(g, range(a, b), axis))
        for part, end in zip(parts, ends, strict=True)
    ]
    return made(np.concatenate([part.data for part in parts], axis), *rules)


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

    return made(-log_p[np.arange(n), at].mean(), (scores, back))


def checkpoint(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """f(x) without its inner history: the backward pass computes f again from x (Chen et al.,
    2016).
    """
    with no_grad():
        y = f(x).data

    def back(g: Array) -> Array:
        again = x.detach()
        f(again).backward(g)  # adds to the parameters inside f on the way
        assert again.grad is not None
        return again.grad

    return made(y, (x, back))


def gradients(f: Callable[..., Tensor], *at: ArrayLike) -> list[Array]:
    """The gradient of the scalar f(*tensors) by each argument.

    Examples
    --------
    >>> gradients(lambda x: (x * x).sum(), [1.0, 2.0])[0].tolist()
    [2.0, 4.0]
    """
    leaves = [Tensor(a) for a in at]
    f(*leaves).backward()
    return [np.zeros(leaf.shape) if leaf.grad is None else leaf.grad for leaf in leaves]


def hvp(f: Callable[[Tensor], Tensor], x: ArrayLike, v: ArrayLike, h: float = 1e-30) -> Array:
    """Hessian of f at x times v, in the shape of x, for the price of one gradient: the complex step
    over the backward pass.
    """
    return np.asarray(gradients(f, np.asarray(x) + 1j * h * np.asarray(v))[0].imag / h)


def check_gradients(f: Callable[..., Tensor], *at: ArrayLike, h: float = 1e-5) -> float:
    """Largest |engine - central difference| / max(1, |both|) over all entries of all arguments."""
    ours = gradients(f, *at)
    errors = [0.0]
    for i, g in enumerate(ours):
        others = [np.asarray(a, dtype=float) for a in at]

        def alone(a: Array, i: int = i, others: list[Array] = others) -> float:
            return float(f(*(Tensor(a if j == i else o) for j, o in enumerate(others))).data)

        numeric = numeric_grad(alone, others[i], h)
        size = np.maximum(1, np.maximum(np.abs(g), np.abs(numeric)))
        errors.append(float(np.max(np.abs(g - numeric) / size, initial=0.0)))
    worst = float(np.max(errors))
    return np.inf if np.isnan(worst) else worst  # a gradient of NaN is wrong


def jvp(f: Callable[[Tensor], Tensor], x: ArrayLike, v: ArrayLike, h: float = 1e-30) -> Array:
    """Forward mode: the change of f(x) per unit of movement along v, in the shape of f(x), by one
    pass over complex numbers.

    A complex number with a tiny imaginary part multiplies like a dual number: (a + bh i)(c + dh i)
    = ac + (ad + bc)h i.
    """
    with no_grad():
        return np.asarray(f(Tensor(np.asarray(x) + 1j * h * np.asarray(v))).data.imag / h)


class MLP:
    """Layers x W + b with tanh between them; sizes (d_in, hidden, ..., d_out), weights normal over
    the root of their inputs.

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
        """One step of gradient descent, and empty gradients for the next."""
        for p in self.parameters():
            if p.grad is not None:
                p.assign(p.data - lr * p.grad)
                p.grad = None
