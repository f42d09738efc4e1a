"""The sigmoid, as the worked miniature of the page on how to read, and a tiny version of the build's diff.

Read with `book/front/how-to-read.md`.
"""

from __future__ import annotations

import difflib

import numpy as np
from numpy.typing import ArrayLike, NDArray


def sigmoid(z: ArrayLike) -> NDArray[np.float64]:
    """1 / (1 + exp(-z)), elementwise, without overflow for any finite z.

    Parameters
    ----------
    z : array_like
        Scores of any shape; NaN is refused.

    Returns
    -------
    array of the same shape, values in [0, 1]

    Examples
    --------
    >>> sigmoid([0.0, -1000.0]).tolist()
    [0.5, 0.0]
    """
    z = np.asarray(z, dtype=float)
    if np.isnan(z).any():
        raise ValueError("z holds NaN; find where it comes from before squashing it")
    e = np.exp(-np.abs(z))  # never above 1
    return np.where(z >= 0, 1 / (1 + e), e / (1 + e))


def sigmoid_derivative(z: ArrayLike) -> NDArray[np.float64]:
    """s (1 - s) with s = sigmoid(z); at most a quarter, at z = 0.

    Examples
    --------
    >>> sigmoid_derivative(0.0).item()
    0.25
    """
    s = sigmoid(z)
    return s * (1 - s)


def show_diff(expected: str, computed: str) -> str:
    """The lines in which two outputs differ, as a build reports them; empty when they are equal.

    Examples
    --------
    >>> print(show_diff("w = 2.0", "w = 2.1"))
    - w = 2.0
    + w = 2.1
    """
    rows = difflib.ndiff(expected.splitlines(), computed.splitlines())
    return "\n".join(row for row in rows if row[:2] in ("- ", "+ "))
