"""Formulas rewritten so that no intermediate result overflows, underflows or cancels.

Read with book/modern/numerics.md. Sigmoid, softplus, log-sum-exp and softmax are in
`groundtruth.functional`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array
from groundtruth.functional import logsumexp, softplus


def log_sigmoid(z: ArrayLike) -> Array:
    """ln of the sigmoid, -softplus(-z), exact to rounding for scores of any size.

    Raises
    ------
    ValueError
        If z holds NaN.

    Examples
    --------
    >>> log_sigmoid([-1000.0, 0.0]).round(4).tolist()
    [-1000.0, -0.6931]
    """
    return -softplus(-np.asarray(z, dtype=float))


def logit_cross_entropy(z: ArrayLike, y: ArrayLike) -> Array:
    """Binary cross-entropy of labels y from scores z, softplus(z) - y z, entry by entry.

    Parameters
    ----------
    z : array_like of any shape
    y : array_like of the same shape, between 0 and 1

    Raises
    ------
    ValueError
        If the shapes differ, a score is not finite or a label lies outside [0, 1].

    Examples
    --------
    >>> logit_cross_entropy([1000.0, -1000.0], [0.0, 0.0]).tolist()
    [1000.0, 0.0]
    """
    score = np.asarray(z, dtype=float)
    label = np.asarray(y, dtype=float)
    if score.shape != label.shape:
        raise ValueError(f"shapes differ: scores {score.shape}, labels {label.shape}")
    if not np.isfinite(score).all():
        raise ValueError("a score is not finite; find where it comes from")
    if not ((label >= 0) & (label <= 1)).all():
        raise ValueError("labels must lie between 0 and 1")
    # for y = 1, softplus(z) - z would cancel; softplus(-z) does not
    return (1 - label) * softplus(score) + label * softplus(-score)


def masked_logsumexp(z: ArrayLike, mask: ArrayLike, axis: int = -1) -> Array:
    """ln of the sum of e^z over the entries where the mask holds; -infinity where none does.

    Parameters
    ----------
    z : array_like of any shape; entries outside the mask may be anything, NaN too
    mask : boolean array_like of the same shape
    axis : int

    Raises
    ------
    ValueError
        If the shapes differ, or an entry inside the mask is NaN.

    Examples
    --------
    >>> masked_logsumexp([1000.0, 1001.0, np.nan], [True, True, False]).round(3).item()
    1001.313
    """
    score = np.asarray(z, dtype=float)
    inside = np.asarray(mask, dtype=bool)
    if score.shape != inside.shape:
        raise ValueError(f"shapes differ: scores {score.shape}, mask {inside.shape}")
    return logsumexp(np.where(inside, score, -np.inf), axis)


def quadratic_roots(a: float, b: float, c: float) -> tuple[float, float]:
    """Real roots of a x^2 + b x + c, the larger magnitude first, without subtracting near numbers.

    The root of larger magnitude comes from the formula, where b and the square root have one sign;
    the other is c / (a x_1), because the product of the roots is c / a. The squares are scaled, so
    only a root outside the range of floats is infinite or 0, where |b| is at most 9e307.

    Raises
    ------
    ValueError
        If a is zero, a coefficient is not finite or the roots are not real.

    Examples
    --------
    >>> quadratic_roots(1.0, -3.0, 2.0)
    (2.0, 1.0)
    """
    if not np.isfinite([a, b, c]).all() or a == 0:
        raise ValueError(f"need finite coefficients and a != 0, got {a}, {b}, {c}")
    (mb, eb), (ma, ea), (mc, ec) = (np.frexp(value) for value in (b, a, c))
    sizes = [2 * int(eb)] * (b != 0) + [int(ea) + int(ec)] * (c != 0)
    power = max(sizes, default=0)
    power += power % 2  # b^2 and 4 a c are divided by 2^power, so that neither overflows
    square = np.ldexp(mb * mb, 2 * int(eb) - power)
    discriminant = square - 4 * np.ldexp(ma * mc, int(ea) + int(ec) - power)
    if discriminant < 0:
        raise ValueError(f"the roots are not real: b^2 is below 4ac for {a}, {b}, {c}")
    root = np.ldexp(np.sqrt(discriminant), power // 2)
    q = -(b + float(np.copysign(root, b))) / 2
    return q / a, (c / q if q else 0.0)
