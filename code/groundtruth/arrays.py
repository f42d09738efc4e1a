"""What every module shares about arrays: the name of their type, and scales that lose no digits.

Read with book/data/tensors.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def binary_scale(x: Array, axis: int | None = None, normal: float = 2.0**64) -> Array:
    """Powers of two near the largest |x| along an axis, to divide by without rounding.

    Squares of x / scale neither overflow nor vanish. Between 1 / normal and normal, and for zeros,
    the scale is 1, so that ordinary numbers are computed as if it were not there.

    Parameters
    ----------
    x : finite array
    axis : int, optional
        The axis that the scale replaces by a length of 1; by default one scale for the whole array.

    Examples
    --------
    >>> binary_scale(np.array([3.0, 1.0])).item(), np.log2(binary_scale(np.array([3e200]))).item()
    (1.0, 665.0)
    """
    values = np.abs(np.asarray(x, dtype=float))
    largest = values.max(axis=axis, keepdims=axis is not None, initial=0.0)
    exponent = np.frexp(largest)[1] - 1
    ordinary = (largest == 0) | ((largest >= 1 / normal) & (largest <= normal))
    return np.where(ordinary, 1.0, np.ldexp(1.0, np.clip(exponent, -1022, 1023)))
