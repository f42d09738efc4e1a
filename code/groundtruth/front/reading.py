"""The sigmoid, as the worked miniature of the page on how to read, and a tiny version of the
build's diff.

Read with book/front/how-to-read.md.
"""

from __future__ import annotations

import difflib

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.functional import sigmoid

__all__ = ["show_diff", "sigmoid", "sigmoid_derivative"]


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
