"""Sums, means and variances whose rounding errors do not grow with the number of terms.

Read with book/modern/numerics.md.

Every function works in the type of its input: an array of float32 is summed in float32.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array


def running_sum(x: ArrayLike) -> np.floating:
    """x_1 + x_2 + ... from left to right, rounded after each addition.

    The relative error is at most about n u for terms of one sign, with the unit roundoff u of the
    type (Higham, 2002, section 4.2).

    Parameters
    ----------
    x : float array_like (n,), n >= 1

    Raises
    ------
    ValueError
        If x is empty or not one-dimensional.
    TypeError
        If x does not hold floats.

    Examples
    --------
    >>> running_sum(np.full(20_000, 0.1, dtype=np.float16)).item()
    256.0
    """
    return np.add.accumulate(_floats(x))[-1]  # an accumulation cannot be reordered


def pairwise_sum(x: ArrayLike) -> np.floating:
    """Sum neighbors, then neighboring sums, and so on: log2 n roundings on each path.

    Parameters and errors are those of `running_sum`.

    Examples
    --------
    >>> round(pairwise_sum(np.full(20_000, 0.1, dtype=np.float32)).item(), 3)
    2000.0
    """
    total = _floats(x)
    while len(total) > 1:
        last = total[len(total) - len(total) % 2 :]  # without a partner
        total = np.concatenate([total[0:-1:2] + total[1::2], last])
    return total[0]


def kahan_sum(x: ArrayLike) -> np.floating:
    """Compensated summation: what an addition rounds off is subtracted from the next term.

    The error bound is about 2 u sum |x_i|, whatever n (Kahan, 1965; Higham, 2002, section 4.3).
    Parameters and errors are those of `running_sum`.

    Examples
    --------
    >>> round(kahan_sum(np.full(20_000, 0.1, dtype=np.float32)).item(), 3)
    2000.0
    """
    terms = _floats(x)
    total = terms.dtype.type(0)
    lost = terms.dtype.type(0)
    for term in terms:
        corrected = term - lost
        new = total + corrected
        lost = (new - total) - corrected  # zero in algebra, the rounding error in floats
        total = new
    return total


def two_sum(a: ArrayLike, b: ArrayLike) -> tuple[Array, Array]:
    """The rounded sum of a and b and its exact error, entry by entry (Knuth's TwoSum).

    Examples
    --------
    >>> s, e = two_sum(1.0, 1e-17)
    >>> float(s), float(e)
    (1.0, 1e-17)
    """
    first = np.asarray(a)
    second = np.asarray(b)
    total = first + second
    part = total - first
    return total, (first - (total - part)) + (second - part)


def one_pass_variance(
    x: ArrayLike, sum_of: Callable[[ArrayLike], np.floating] = running_sum
) -> np.floating:
    """Mean of the squares minus the square of the mean, in the type of x.

    This is the formula that cancels: it can be far off, and negative. Other parameters and errors
    are those of `running_sum`.

    Parameters
    ----------
    x : float array_like (n,), n >= 1
    sum_of : function
        `running_sum`, `pairwise_sum` or `kahan_sum`.

    Examples
    --------
    >>> one_pass_variance([1.0, 3.0]).item()
    1.0
    """
    values = _floats(x)
    count = values.dtype.type(len(values))
    mean = sum_of(values) / count
    return sum_of(values * values) / count - mean * mean


def welford(x: ArrayLike) -> tuple[np.floating, np.floating]:
    """Mean and variance (divided by n) in one pass, without cancellation (Welford, 1962).

    Parameters and errors are those of `running_sum`.

    Examples
    --------
    >>> mean, variance = welford([1.0, 2.0, 6.0])
    >>> round(mean.item(), 6), round(variance.item(), 6)
    (3.0, 4.666667)
    """
    values = _floats(x)
    kind = values.dtype.type
    mean = kind(0)
    squares = kind(0)
    for count, value in enumerate(values, 1):
        change = value - mean
        mean = mean + change / kind(count)
        squares = squares + change * (value - mean)  # old deviation times new deviation
    return mean, squares / kind(len(values))


def _floats(x: ArrayLike) -> Array:
    values = np.asarray(x)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"need a vector of at least one number, got shape {values.shape}")
    if values.dtype.kind != "f":
        raise TypeError(f"need floats, got {values.dtype}; convert with .astype(float)")
    return values
