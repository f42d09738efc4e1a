"""Checks that turn silent mistakes of arrays into errors: shapes, and numbers that are not finite.

Read with book/modern/numerics.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array


def assert_shape(x: Any, spec: str, **sizes: int) -> dict[str, int]:
    """Compare the shape of an array with names such as "B T 64", and return the sizes by name.

    Parameters
    ----------
    x : anything with a shape
    spec : str
        One word per axis: a number, a name, which must stand for one size wherever it occurs, or
        "_" for any size. An empty string is a scalar.
    **sizes : int
        Sizes that are already known, as returned by an earlier call.

    Raises
    ------
    ValueError
        If the number of axes or a size differs; the message has both shapes.

    Examples
    --------
    >>> assert_shape(np.zeros((5, 3)), "n d")
    {'n': 5, 'd': 3}
    """
    shape = tuple(x.shape)
    words = spec.split()
    if len(shape) != len(words):
        raise ValueError(f"shape {shape} has {len(shape)} axes, expected {len(words)}: {spec!r}")
    known = dict(sizes)
    for word, size in zip(words, shape, strict=True):
        expected = int(word) if word.isdigit() else known.setdefault(word, size)
        if word == "_":
            known.pop(word)
        elif size != expected:
            raise ValueError(f"axis {word!r} of shape {shape} is {size}, expected {expected}")
    return known


@dataclass(frozen=True)
class NotFinite:
    """One array that holds NaN or infinity."""

    name: str
    nan: int
    infinite: int
    first: tuple[int, ...]
    """The index of the first such entry."""


def nan_report(arrays: Mapping[str, Any], prefix: str = "") -> list[NotFinite]:
    """The arrays of a nested mapping that hold NaN or infinity, in their order.

    Parameters
    ----------
    arrays : mapping from names to numeric arrays, or to further mappings; None is passed over
    prefix : str
        What stands before each name.

    Raises
    ------
    TypeError
        If an entry is not numeric.

    Examples
    --------
    >>> nan_report({"layer": {"w": np.ones(2), "b": np.array([0.0, np.nan])}})
    [NotFinite(name='layer.b', nan=1, infinite=0, first=(1,))]
    """
    findings: list[NotFinite] = []
    for name, entry in arrays.items():
        full = f"{prefix}{name}"
        if isinstance(entry, Mapping):
            findings += nan_report(entry, f"{full}.")
        elif entry is not None:
            values = _numeric(full, entry)
            bad = np.argwhere(~np.isfinite(values))
            if len(bad):
                count = int(np.isnan(values).sum())
                first = tuple(int(i) for i in bad[0])
                findings.append(NotFinite(full, count, len(bad) - count, first))
    return findings


def first_bad_step(state: Any, step: Callable[[Any], Any], bad: Callable[[Any], bool]) -> int:
    """How many steps a run takes until its state is bad, by bisection from saved states.

    The state is tested after 1, 2, 4, 8, ... steps, and the last interval is bisected by replaying
    from the last good state: about 2 log2 n tests and at most 3 n steps for the answer n.

    Parameters
    ----------
    state : the first state, which is not changed
    step : function from a state to the next, the same whenever it is repeated
    bad : function from a state to a bool, which stays true once it is

    Raises
    ------
    ValueError
        If the first state is bad, or none of the first 2^20 is.

    Examples
    --------
    >>> first_bad_step(1.0, lambda x: x * 10, lambda x: x > 1e5)
    6
    """
    if bad(state):
        raise ValueError("the first state is bad already; look at what made it")
    good = state
    count = 0
    length = 1
    while not bad(later := _after(good, step, length)):
        good = later
        count += length
        length = count
        if count >= 2**20:
            raise ValueError("no bad state in 2^20 steps")
    while length > 1:  # good after count steps, bad after count + length
        half = length // 2
        later = _after(good, step, half)
        if bad(later):
            length = half
        else:
            good = later
            count += half
            length -= half
    return count + 1


def _after(state: Any, step: Callable[[Any], Any], count: int) -> Any:
    for _ in range(count):
        state = step(state)
    return state


def _numeric(name: str, entry: ArrayLike) -> Array:
    """An array or tensor as an array of floats."""
    if hasattr(entry, "detach"):
        entry = entry.detach().double().numpy()
    values = np.asarray(entry)
    if values.dtype.kind not in "biufc":
        raise TypeError(f"{name} is not numeric: it has the type {values.dtype}")
    return values
