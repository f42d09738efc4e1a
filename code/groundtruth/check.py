"""Claims that a page makes about numbers, checked where they are made.

A claim that holds prints one line, which the build counts; a claim that fails stops the build.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


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
        raise ValueError(
            f"shapes differ: {left.shape} and {right.shape}; reshape one of them on purpose"
        )
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
        raise AssertionError(
            f"{kind} failed: {name}: the largest difference is {gap[where]:.3g} at {tuple(map(int, where))}, allowed {tol:g}"
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
        The nudge; by default the cube root of the rounding error (central), its square root (forward), 1e-30 (complex).
    method : {"central", "forward", "complex"}
        (f(x+h) - f(x-h)) / 2h, (f(x+h) - f(x)) / h, or Im f(x + ih) / h, which subtracts nothing and so loses no digits
        but needs an f that accepts complex numbers (Squire and Trapp, 1998).

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
        raise ValueError(f"need a positive nudge and a finite place, got h = {step}")
    slopes = []
    for i in range(at.size):
        e = np.zeros(at.size)
        e[i] = step
        nudge = e.reshape(at.shape)
        if method == "central":
            slopes.append((f(at + nudge) - f(at - nudge)) / (2 * step))
        elif method == "forward":
            slopes.append((f(at + nudge) - f(at)) / step)
        else:
            slopes.append(np.imag(f(at + 1j * nudge)) / step)
    return np.array(slopes, dtype=float).reshape(at.shape)


def gradient_errors(
    loss: Callable[[], float],
    params: Sequence[NDArray[Any]],
    grads: Sequence[NDArray[Any]],
    h: float = 1e-5,
) -> list[float]:
    """Worst relative error of each gradient against central differences, one number per parameter array.

    The error of an entry is |gradient - difference| / max(|gradient| + |difference|, 1e-6): a false entry near zero counts, rounding does not.

    Parameters
    ----------
    loss : callable
        Takes nothing, reads the arrays of `params` as they are, returns a number.
    params, grads : sequences of arrays
        As many gradients as parameters, shape for shape. The parameters are nudged in place and restored.
    h : float
        The nudge.

    Examples
    --------
    >>> p = np.array([1.0, 2.0])
    >>> [e < 1e-8 for e in gradient_errors(lambda: float((p**2).sum()), [p], [2 * p])]
    [True]
    """
    if [p.shape for p in params] != [g.shape for g in grads]:
        raise ValueError(
            f"each gradient must have the shape of its parameter: {[p.shape for p in params]} and {[g.shape for g in grads]}"
        )
    if not h > 0:
        raise ValueError(f"h must be positive, got {h}")
    worst = []
    for p, g in zip(params, grads, strict=True):
        errors = [0.0]
        for place in np.ndindex(p.shape):
            kept = p[place]
            p[place] = kept + h
            above = loss()
            p[place] = kept - h
            slope = (above - loss()) / (2 * h)
            p[place] = kept
            errors.append(
                abs(float(g[place]) - slope) / max(abs(float(g[place])) + abs(slope), 1e-6)
            )
        worst.append(max(errors))
    return worst
