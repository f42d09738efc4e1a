"""Claims that a page makes about numbers, checked where they are made.

A claim that holds prints one line, which the build counts; a claim that fails stops the build.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def close(a: ArrayLike, b: ArrayLike, rtol: float = 0.0, atol: float = 1e-12) -> bool:
    """Whether two arrays of one shape agree everywhere: |a - b| <= atol + rtol |b|.

    Parameters
    ----------
    a, b : array_like, same shape
        What is compared; NaN agrees with nothing.
    rtol, atol : float
        Relative and absolute tolerance, both >= 0.

    Raises
    ------
    ValueError
        If the shapes differ (broadcasting would hide the mistake) or a tolerance is negative.

    Examples
    --------
    >>> close([1.0, 2.0], [1.0, 2.0 + 1e-13]), close([1.0], [1.1])
    (True, False)
    """
    left, right = np.asarray(a), np.asarray(b)
    if left.shape != right.shape:
        raise ValueError(f"shapes differ: {left.shape} and {right.shape}; reshape one of them on purpose")
    if rtol < 0 or atol < 0:
        raise ValueError(f"a tolerance is negative: rtol={rtol}, atol={atol}")
    return bool(np.all(np.abs(left - right) <= atol + rtol * np.abs(right)))


def parity(name: str, ours: ArrayLike, reference: ArrayLike, tol: float = 1e-12) -> None:
    """Assert that our result equals a library's, and say so in one line.

    Parameters
    ----------
    name : str
        What is compared with what, "softmax = scipy.special.softmax".
    ours, reference : array_like, same shape
    tol : float
        Largest accepted difference, absolute and relative to the reference.

    Raises
    ------
    AssertionError
        If they differ by more, with the largest difference and its place.

    Examples
    --------
    >>> parity("1 + 1 = 2", 1 + 1, 2)
    parity ok: 1 + 1 = 2 (within 1e-12)
    """
    _claim("parity", name, ours, reference, tol)


def derived(name: str, formula: ArrayLike, measured: ArrayLike, tol: float = 1e-8) -> None:
    """Assert that a derived formula equals what was computed without it, and say so in one line.

    Parameters and errors are those of `parity`.

    Examples
    --------
    >>> derived("d/dx x^2 at 3", 2 * 3, ((3 + 1e-4) ** 2 - (3 - 1e-4) ** 2) / 2e-4)
    derived ok: d/dx x^2 at 3 (within 1e-08)
    """
    _claim("derived", name, formula, measured, tol)


def _claim(kind: str, name: str, left: ArrayLike, right: ArrayLike, tol: float) -> None:
    if not close(left, right, rtol=tol, atol=tol):
        gap = np.abs(np.asarray(left, dtype=float) - np.asarray(right, dtype=float))
        where = np.unravel_index(int(np.argmax(np.where(np.isnan(gap), np.inf, gap))), gap.shape)
        raise AssertionError(f"{kind} failed: {name}: the largest difference is {gap[where]:.3g} at {tuple(map(int, where))}, allowed {tol:g}")
    print(f"{kind} ok: {name} (within {tol:g})")
