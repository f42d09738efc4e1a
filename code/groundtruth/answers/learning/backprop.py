"""Answers to exercises on backpropagation.

Read with book/learning/backprop.md.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.answers import Judge, functions, numbers
from groundtruth.learning import backprop as bp
from groundtruth.learning.backprop import Tensor

MAXIMAL_ERROR = 1e-6  # of a gradient against central differences, relative
UNEQUAL = np.array([0.3, -1.2, 2.5, 0.7, -0.4])
KERNEL = np.array([1.0, -2.0, 0.5])


def _four() -> list[NDArray[np.float64]]:
    """Adjoints of x and y for L = (x y + x)^2 at x = 2, y = 3."""
    return bp.gradients(lambda x, y: (x * y + x) ** 2, 2.0, 3.0)


def _forward() -> list[float]:
    """Tangents of u, v and L along (1, -1) in the same graph."""
    x = 2.0
    y = 3.0
    u = y - x
    v = u + 1.0
    return [u, v, 2 * (x * y + x) * v]


def _examples(gradients: Callable[..., ArrayLike]) -> str | None:
    """What is wrong with the gradients of W1 for each example, from X and Delta_1."""
    X = np.arange(15.0).reshape(5, 3) - 4
    D1 = np.sin(np.arange(10.0)).reshape(5, 2)
    each = np.asarray(gradients(X, D1))
    right = 5 * X[:, :, None] * D1[:, None, :]
    if each.shape == (3, 2):
        return "this is the gradient of the batch, (d, m): keep the axis of the examples"
    if each.shape != right.shape:
        return f"for X (5, 3) and Delta_1 (5, 2) the shape is (5, 3, 2), not {each.shape}"
    if np.allclose(5 * each, right):
        return "Delta_1 contains the 1/n of the mean: multiply by n"
    return None if np.allclose(each, right) else "example i has the gradient n x_i delta_i^T"


def _kink() -> ArrayLike:
    """The engine's gradient of the ReLU at zero, and the central difference with step h = 1."""
    engine = bp.gradients(lambda t: t.relu().sum(), np.zeros(1))[0]
    central = (max(1.0, 0.0) - max(-1.0, 0.0)) / 2
    return [float(engine[0]), central]


def _sigmoid_and_correlation(
    sigmoid: Callable[[Tensor], Tensor], correlate: Callable[[Tensor, Tensor], Tensor]
) -> str | None:
    """What is wrong with the values or the rules of the two operations."""
    value = np.asarray(sigmoid(Tensor(UNEQUAL)).data)
    if not np.allclose(value, 1 / (1 + np.exp(-UNEQUAL))):
        return "the values of the sigmoid are not 1 / (1 + exp(-t))"
    value = np.asarray(correlate(Tensor(UNEQUAL), Tensor(KERNEL)).data)
    if value.shape == (3,) and np.allclose(value, np.convolve(UNEQUAL, KERNEL, "valid")):
        return "this is a convolution, with the kernel reversed; y_i = sum_j k_j x_(i+j)"
    if not (value.shape == (3,) and np.allclose(value, np.correlate(UNEQUAL, KERNEL, "valid"))):
        return "the values of the correlation are not y_i = sum_j k_j x_(i+j), i = 0, 1, 2"
    return _rule("the sigmoid", sigmoid, UNEQUAL) or _rule(
        "the correlation", correlate, UNEQUAL, KERNEL
    )


def _rule(name: str, operation: Callable[..., Tensor], *points: NDArray[np.float64]) -> str | None:
    """What is wrong with the rules of one operation; differences decide."""
    if bp.check_gradients(operation, *points) < MAXIMAL_ERROR:
        return None
    if bp.check_gradients(operation, *points, weights=1.0) < MAXIMAL_ERROR:
        return (
            f"the rule of {name} is right only for an upstream gradient of ones: multiply by the"
            " upstream gradient before you sum"
        )
    return f"the gradient of {name} disagrees with central differences"


ANSWERS: dict[str, Judge] = {
    "ex-backprop-four": numbers(
        ("adjoint of x", "adjoint of y"),
        _four,
        {
            "x is also used directly by v, not only by u: add both contributions": [48, 32],
            "only the direct use of x by v is counted; u uses x as well": [16, 32],
            "this is the gradient of v: multiply by dL/dv": [4, 2],
        },
    ),
    "ex-backprop-forward": numbers(
        ("tangent of u", "tangent of v", "tangent of L"),
        _forward,
        {
            "the direction has -1 for y: its term is x times -1": [5, 6, 96],
            "v = u + x: the tangent of x must be added to that of u": [1, 1, 16],
            "L = v^2 has the local derivative 2 v": [1, 2, 4],
        },
    ),
    "ex-backprop-examples": functions(("gradients of W1 from X and Delta_1",), _examples),
    "ex-backprop-kink": numbers(
        ("engine", "central difference"),
        _kink,
        {
            "the central difference uses both sides: (f(h) - f(-h)) / (2 h)": [0, 1],
            "the engine takes the derivative 0 for inputs that are not positive": [1, 0.5],
            "these are the two in the other order": [0.5, 0],
        },
    ),
    "ex-backprop-sigmoid": functions(
        ("sigmoid of a Tensor", "correlation of two Tensors"), _sigmoid_and_correlation
    ),
}
