"""Running a map until it stands still, the gradient through where it stands, weights of a halting
loop, and slerp.

Read with book/networks/gates.md.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array


def fixed_point(
    f: Callable[[Array], Array], z0: ArrayLike, tol: float = 1e-10, max_iter: int = 1000
) -> tuple[Array, int]:
    """Iterate z <- f(z) until no entry moves by more than tol; the point (d,) and the number of
    steps.

    Raises
    ------
    RuntimeError
        The iteration diverges or has not settled; f may still have a fixed point that a root finder
        reaches.
    """
    if not tol > 0 or max_iter < 1:
        raise ValueError(f"need tol > 0 and max_iter >= 1, got {tol} and {max_iter}")
    z = np.asarray(z0, dtype=np.float64)
    for i in range(1, max_iter + 1):
        new = np.asarray(f(z), dtype=np.float64)
        if new.shape != z.shape:
            raise ValueError(f"f must keep the shape {z.shape}, it returned {new.shape}")
        step = float(np.abs(new - z).max(initial=0.0))
        z = new
        if not step < 1e100:
            raise RuntimeError(
                f"the iteration diverged after {i} steps; shrink the map's norm below 1 or use a"
                " root finder"
            )
        if step <= tol:
            return z, i
    raise RuntimeError(
        f"no fixed point within {max_iter} steps, the last step was {step:.3g}; shrink the map's"
        " norm below 1 or use a root finder"
    )


def implicit_vjp(Jz: ArrayLike, Jx: ArrayLike, g: ArrayLike) -> Array:
    """Gradient (m,) with respect to x of a loss at z* = f(z*, x): Jx' (I - Jz')^-1 g, from
    Jz = df/dz (d, d) and Jx = df/dx (d, m) at z*, and g = dloss/dz* (d,).
    """
    A, B, v = (np.asarray(a, dtype=np.float64) for a in (Jz, Jx, g))
    d = v.shape[0] if v.ndim == 1 else -1
    if A.shape != (d, d) or B.ndim != 2 or B.shape[0] != d:
        raise ValueError(
            f"shapes must be (d, d), (d, m) and (d,), got {A.shape}, {B.shape} and {v.shape}"
        )
    return B.T @ np.linalg.solve(np.eye(d) - A.T, v)


def halting_weights(h: ArrayLike, eps: float = 0.01) -> tuple[Array, int]:
    """Weights (n,) of the steps of a loop with halting probabilities h (n,), and the number of
    steps used (Graves, 2016).

    The loop stops at the first step at which the sum of h reaches 1 - eps, or at the last; that
    step gets the remainder.

    Examples
    --------
    >>> halting_weights([0.25, 0.5, 0.5, 0.5])
    (array([0.25, 0.5 , 0.25, 0.  ]), 3)
    """
    p = np.asarray(h, dtype=np.float64)
    if p.ndim != 1 or not p.size or not np.all((p >= 0) & (p <= 1)) or not 0 < eps < 1:
        raise ValueError(
            f"halting probabilities are numbers from 0 to 1 in a row and 0 < eps < 1, got {p!r} and"
            f" {eps}"
        )
    stop = np.flatnonzero(np.cumsum(p) >= 1 - eps)
    n = int(stop[0]) if stop.size else p.size - 1
    w = np.zeros_like(p)
    w[:n] = p[:n]
    w[n] = 1 - w[:n].sum()
    return w, n + 1


def slerp(a: ArrayLike, b: ArrayLike, t: float) -> Array:
    """From a to b (d,) along the arc between their directions: sin((1-t)w)/sin w a + sin(tw)/sin w
    b; the straight line where the angle w is tiny.

    Examples
    --------
    >>> slerp([1.0, 0.0], [0.0, 1.0], 0.5).round(4).tolist()
    [0.7071, 0.7071]
    """
    u = np.asarray(a, dtype=np.float64)
    v = np.asarray(b, dtype=np.float64)
    lengths = np.linalg.norm(u), np.linalg.norm(v)
    if u.ndim != 1 or u.shape != v.shape or min(lengths) == 0:
        raise ValueError(
            f"need two non-zero vectors of one shape, got {u.shape} and {v.shape} of lengths"
            f" {lengths[0]:.3g} and {lengths[1]:.3g}"
        )
    cos = float(np.clip(u @ v / (lengths[0] * lengths[1]), -1, 1))
    w = np.arccos(cos)
    if w < 1e-6:
        return (1 - t) * u + t * v
    if np.pi - w < 1e-6:
        raise ValueError(
            "the vectors are opposite, so no arc between them is the shortest; move one of them"
        )
    return (np.sin((1 - t) * w) * u + np.sin(t * w) * v) / np.sin(w)
