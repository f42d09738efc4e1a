"""Arithmetic operations of a function, counted by numbers that stand in for its floats.

Read with book/data/model.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def count_operations(function: Callable[..., Any], *arguments: ArrayLike) -> int:
    """The number of additions, subtractions, multiplications, divisions and powers of
    `function(*arguments)`.

    Each entry of the arguments is replaced by a number that counts the operations in which it and
    its results take part. Comparisons, minus signs and functions such as `np.exp` do not count.

    Parameters
    ----------
    function : callable
        Called once, with the arguments as arrays of objects.
    *arguments : numbers or arrays, any shape

    Raises
    ------
    ValueError
        If an argument does not consist of numbers.

    Examples
    --------
    >>> count_operations(lambda x: np.mean(x**2), [1.0, 2.0, 3.0])  # 3 powers, 2 sums, 1 division
    6
    """
    total = 0

    class Counted(float):
        """A float whose operations are counted."""

    def counting(name: str) -> Callable[[float, float], Counted]:
        original = getattr(float, name)

        def operation(self: float, other: float) -> Counted:
            nonlocal total
            total += 1
            return Counted(original(self, float(other)))

        return operation

    for operator in ("add", "sub", "mul", "truediv", "pow"):
        for name in (f"__{operator}__", f"__r{operator}__"):
            setattr(Counted, name, counting(name))
    counted = []
    for argument in arguments:
        values = np.asarray(argument, dtype=float)
        entries = [Counted(value) for value in values.ravel()]
        counted.append(np.array(entries, dtype=object).reshape(values.shape))
    function(*counted)
    return total
