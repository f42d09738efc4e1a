"""Claims that a page makes about numbers, checked where they are made.

Read with book/front/how-to-read.md.

A claim that holds prints one line, which the build counts; a claim that fails stops the build.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.answers import check
from groundtruth.claims import claim

__all__ = ["check", "claim", "close", "derived", "gradient_errors", "numeric_grad", "parity"]


def close(a: ArrayLike, b: ArrayLike, rtol: float = 0.0, atol: float = 1e-12) -> bool:
    """Whether two arrays of one shape agree everywhere: |a - b| <= atol + rtol |b|.

    Integers of any width are subtracted without wrap-around or rounding. An infinity agrees only
    with the same infinity, NaN with nothing.

    Parameters
    ----------
    a, b : array_like of numbers, same shape, at least one entry
    rtol, atol : float
        Relative and absolute tolerance, finite and >= 0.

    Raises
    ------
    ValueError
        If the shapes differ (broadcasting would hide the mistake), there is nothing to compare, or
        a tolerance is negative, infinite or NaN.
    TypeError
        If an array does not hold numbers.

    Examples
    --------
    >>> close([1.0, 2.0], [1.0, 2.0 + 1e-13]), close([1.0], [1.1])
    (True, False)
    """
    left = _numbers(a)
    right = _numbers(b)
    if left.shape != right.shape:
        raise ValueError(
            f"shapes differ: {left.shape} and {right.shape}; reshape one of them on purpose"
        )
    if not left.size:
        raise ValueError(f"nothing to compare: both arrays are empty, of shape {left.shape}")
    if not (0 <= rtol < np.inf and 0 <= atol < np.inf):
        raise ValueError(f"tolerances must be finite and >= 0, got rtol={rtol}, atol={atol}")
    size = np.abs(right.astype(_wide(right)))
    with np.errstate(over="ignore", invalid="ignore"):
        near = _gap(left, right) <= atol + rtol * size
    finite = np.isfinite(left.astype(_wide(left))) & np.isfinite(right.astype(_wide(right)))
    return bool(np.all(np.where(finite, near, left == right)))


def _numbers(values: ArrayLike) -> NDArray[Any]:
    """Booleans as integers, everything else numeric as it is."""
    array = np.asarray(values)
    if array.dtype.kind == "b":
        return array.astype(np.int8)
    objects = array.dtype.kind == "O"
    if array.dtype.kind not in "iufcO" or (
        objects and not all(isinstance(value, Number) for value in array.ravel())
    ):
        raise TypeError(
            f"need numbers, got an array of type {array.dtype}; compare other things with =="
        )
    return array


def _wide(array: NDArray[Any]) -> type[np.generic]:
    """The floating type in which magnitudes of this array are computed."""
    if array.dtype.kind == "c":
        return np.complex128
    return np.longdouble if array.dtype == np.longdouble else np.float64


def _gap(left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.float64]:
    """|left - right| entry by entry; 0 where both are the same infinity."""
    with np.errstate(over="ignore", invalid="ignore"):
        gap = np.abs(left.astype(_wide(left)) - right.astype(_wide(right)))
    gap = np.asarray(gap, dtype=float)
    same = np.asarray(left == right, dtype=bool)
    gap[same] = 0.0
    whole = [array.dtype.kind in "iuO" for array in (left, right)]
    if any(whole):
        # beyond 2^53 neighboring integers are one float: Python's integers and fractions are exact
        coarse = np.isfinite(gap) & (np.abs(right.astype(_wide(right))) >= 2.0**53)
        for index in np.argwhere(coarse):
            entry = tuple(index)
            gap[entry] = _exact_gap(left[entry], right[entry])
    return gap


def _exact_gap(left: Any, right: Any) -> float:
    """|left - right| of two real numbers without rounding before the end."""
    if isinstance(left, complex) or isinstance(right, complex):
        return float(abs(left - right))
    exact = [
        Fraction(int(value)) if isinstance(value, (int, np.integer)) else Fraction(float(value))
        for value in (left, right)
    ]
    return float(abs(exact[0] - exact[1]))


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
        gap = _gap(_numbers(left), _numbers(right))
        index = np.unravel_index(int(np.argmax(np.where(np.isnan(gap), np.inf, gap))), gap.shape)
        raise AssertionError(
            f"{kind} failed: {name}: the largest difference is {gap[index]:.3g} at"
            f" {tuple(map(int, index))}, allowed {tol:g}"
        )
    print(f"{kind} ok: {name} (within {tol:g})")


def numeric_grad(
    f: Callable[[NDArray[Any]], Any], x: ArrayLike, h: float | None = None, method: str = "central"
) -> NDArray[np.float64]:
    """Gradient of a scalar function by difference quotients, in the shape of x.

    Parameters
    ----------
    f : callable
        Takes an array in the shape of x, returns a number.
    h : float, optional
        The step; by default the cube root of the rounding error (central), its square root
        (forward), 1e-30 (complex). The first two are multiplied by |x| where that is above 1, so
        that x + h differs from x.
    method : {"central", "forward", "complex"}
        (f(x+h) - f(x-h)) / 2h, (f(x+h) - f(x)) / h, or Im f(x + ih) / h, which subtracts nothing
        and so loses no digits but needs an f that accepts complex numbers (Squire and Trapp, 1998).

    Raises
    ------
    ValueError
        If the step is not positive, x is not finite, x + h rounds to x, f does not return one
        number, or the quotient is not finite.

    Examples
    --------
    >>> numeric_grad(lambda v: (v**2).sum(), [1.0, 2.0]).round(6).tolist()
    [2.0, 4.0]
    """
    at = np.asarray(x, dtype=float)
    eps = np.finfo(float).eps
    defaults = {"central": eps ** (1 / 3), "forward": eps**0.5, "complex": 1e-30}
    if method not in defaults:
        raise ValueError(f"method must be one of {sorted(defaults)}, got {method!r}")
    step = defaults[method] if h is None else h
    if not 0 < step < np.inf or not np.isfinite(at).all():
        raise ValueError(f"need a positive step and a finite x, got h = {step}")
    quotients = []
    for i in range(at.size):
        scale = 1.0
        if h is None and method != "complex":
            scale = max(1.0, abs(float(at.flat[i])))
        quotients.append(_quotient(f, at, i, step * scale, method))
    gradient = np.array(quotients, dtype=float).reshape(at.shape)
    if not np.isfinite(gradient).all():
        raise ValueError(
            "a difference quotient is not finite: f is not defined at x or beside it; give a"
            f" smaller h than {step:g}"
        )
    return gradient


def _quotient(
    f: Callable[[NDArray[Any]], Any], at: NDArray[np.float64], i: int, step: float, method: str
) -> float:
    """The difference quotient of f along entry i."""

    def moved(by: complex) -> NDArray[Any]:
        point = at.astype(complex) if method == "complex" else at.copy()
        point.flat[i] += by
        return point

    if method == "complex":
        return _one(np.imag(f(moved(1j * step)))) / step
    above = moved(step)
    below = moved(-step) if method == "central" else at
    width = float(above.flat[i] - below.flat[i])  # what the step is after rounding
    if not width:
        raise ValueError(f"x + h rounds to x = {at.flat[i]:g} for h = {step:g}; give a larger h")
    return (_one(f(above)) - _one(f(below))) / width


def _one(value: Any) -> float:
    """The single number that a function returned."""
    if np.size(value) != 1:
        raise ValueError(
            f"f must return one number, got an array of shape {np.shape(value)}; sum it, or take"
            " one entry at a time"
        )
    return float(np.asarray(value).reshape(()))


def gradient_errors(
    loss: Callable[[], float],
    params: Sequence[NDArray[Any]],
    grads: Sequence[NDArray[Any]],
    h: float = 1e-5,
) -> list[float]:
    """Worst relative error of each gradient against central differences, one number per parameter
    array; infinite where a gradient or a loss is NaN.

    The error of an entry is |gradient - difference| / max(|gradient| + |difference|, 1e-6): a wrong
    entry near zero counts, rounding does not.

    Parameters
    ----------
    loss : callable
        Takes nothing, reads the current values of `params`, returns a number.
    params, grads : sequences of float arrays
        As many gradients as parameters, shape for shape. The parameters are changed in place and
        restored.
    h : float
        The step.

    Raises
    ------
    ValueError
        If shapes differ or h is not positive.
    TypeError
        If a parameter is not a float array: an integer would swallow the step.

    Examples
    --------
    >>> p = np.array([1.0, 2.0])
    >>> [e < 1e-8 for e in gradient_errors(lambda: float((p**2).sum()), [p], [2 * p])]
    [True]
    """
    shapes = [p.shape for p in params], [np.shape(g) for g in grads]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"each gradient must have the shape of its parameter: {shapes[0]} and {shapes[1]}"
        )
    if not 0 < h < np.inf:
        raise ValueError(f"h must be positive, got {h}")
    worst = []
    for i, (p, g) in enumerate(zip(params, grads, strict=True)):
        if p.dtype.kind != "f":
            raise TypeError(
                f"parameter {i} has the type {p.dtype} and would round the step {h:g} away; use"
                " floats"
            )
        errors = [
            _relative_error(float(g[index]), _slope(loss, p, index, h))
            for index in np.ndindex(p.shape)
        ]
        worst.append(max(errors, default=0.0))
    return worst


def _slope(loss: Callable[[], float], p: NDArray[Any], index: tuple[int, ...], h: float) -> float:
    """The central difference of the loss along one entry, which is restored."""
    original = p[index]
    try:
        p[index] = original + h
        high = float(p[index])
        above = loss()
        p[index] = original - h
        low = float(p[index])
        below = loss()
    finally:
        p[index] = original
    # the step after rounding; without one there is no slope, and the error is infinite
    return float(above - below) / (high - low) if high > low else np.nan


def _relative_error(gradient: float, slope: float) -> float:
    error = abs(gradient - slope) / max(abs(gradient) + abs(slope), 1e-6)
    return np.inf if np.isnan(error) else error
