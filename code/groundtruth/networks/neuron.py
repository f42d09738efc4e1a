"""One unit: a direction, a threshold and a bend, and what a row of such units can tell apart.

Read with book/networks/neuron.md.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linprog

from groundtruth.arrays import Array


def _rows(X: ArrayLike, w: ArrayLike) -> tuple[Array, Array]:
    rows = np.asarray(X, dtype=float)
    weight = np.asarray(w, dtype=float)
    if rows.ndim != 2 or weight.shape != (rows.shape[1],):
        raise ValueError(
            f"need rows X (n, d) and one weight per column, w (d,); got {rows.shape} and"
            f" {weight.shape}"
        )
    return rows, weight


def unit(X: ArrayLike, w: ArrayLike, b: float, f: Callable[[Array], Array]) -> Array:
    """a = f(X w + b): the answer of one unit to every row.

    Parameters
    ----------
    X : array_like (n, d)
    w : array_like (d,)
    b : float
    f : callable
        The activation, entry by entry.

    Examples
    --------
    >>> unit([[1.0, 2.0], [3.0, -1.0]], [1.0, 1.0], -2.5, lambda z: np.maximum(z, 0)).tolist()
    [0.5, 0.0]
    """
    rows, weight = _rows(X, w)
    return f(rows @ weight + b)


def signed_distance(X: ArrayLike, w: ArrayLike, b: float) -> Array:
    """(w.x + b) / ||w||: how far each row (n, d) lies from the boundary, positive on the side w
    points to.

    Examples
    --------
    >>> signed_distance([[3.0, 4.0], [0.0, 0.0]], [3.0, 4.0], -10.0).tolist()
    [3.0, -2.0]
    """
    rows, weight = _rows(X, w)
    length = float(np.linalg.norm(weight))
    if not length:
        raise ValueError("w is zero: the unit has no boundary, its score is b everywhere")
    return (rows @ weight + b) / length


def separable(X: ArrayLike, y: ArrayLike) -> bool:
    """Whether some w, b have y (w.x + b) >= 1 on every row; decided exactly by a linear program.

    Parameters
    ----------
    X : array_like (n, d)
    y : array_like (n,)
        Labels -1 and +1.

    Examples
    --------
    >>> corners = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> separable(corners, [-1, -1, -1, 1]), separable(corners, [-1, 1, 1, -1])
    (True, False)
    """
    rows = np.asarray(X, dtype=float)
    sign = np.asarray(y, dtype=float)
    if (
        rows.ndim != 2
        or not len(rows)
        or sign.shape != (len(rows),)
        or not np.isin(sign, (-1.0, 1.0)).all()
    ):
        raise ValueError(
            f"need rows X (n, d) and a label -1 or +1 for each; got shapes {rows.shape} and"
            f" {sign.shape}, labels {np.unique(sign)[:5]}"
        )
    A = -sign[:, None] * np.column_stack([rows, np.ones(len(rows))])  # (n, d + 1): A v <= -1
    done = linprog(
        np.zeros(A.shape[1]),
        A_ub=A,
        b_ub=-np.ones(len(A)),
        bounds=[(None, None)] * A.shape[1],
        method="highs",
    )
    return bool(done.status == 0)


def boolean_functions(d: int) -> tuple[int, int]:
    """How many of the 2^(2^d) functions of d bits one unit can compute, and how many there are.

    Examples
    --------
    >>> boolean_functions(1)
    (4, 4)
    """
    if d not in (1, 2, 3):
        raise ValueError(
            f"d must be 1, 2 or 3, got {d}; for 4 bits there are 65,536 functions to try"
        )
    corners = np.array(list(product([0.0, 1.0], repeat=d)))  # (2^d, d)
    labels = product([-1.0, 1.0], repeat=len(corners))
    return sum(separable(corners, y) for y in labels), 2 ** len(corners)


def mistake_bound(X: ArrayLike, y: ArrayLike, v: ArrayLike) -> float:
    """(R / gamma)^2: no order of rows makes the perceptron err more often (Novikoff, 1962).

    Parameters
    ----------
    X : array_like (n, d)
    y : array_like (n,)
        Labels -1 and +1.
    v : array_like (d + 1,)
        Any weights, bias first, that separate the rows; the better they do, the smaller the bound.

    Examples
    --------
    >>> round(mistake_bound([[1.0], [-1.0]], [1, -1], [0.0, 2.0]), 12)
    2.0
    """
    rows = np.asarray(X, dtype=float)
    sign = np.asarray(y, dtype=float)
    weight = np.asarray(v, dtype=float)
    if rows.ndim != 2 or sign.shape != (len(rows),) or weight.shape != (rows.shape[1] + 1,):
        raise ValueError(
            f"need X (n, d), y (n,) and v (d + 1,); got {rows.shape}, {sign.shape} and"
            f" {weight.shape}"
        )
    A = np.column_stack([np.ones(len(rows)), rows])  # (n, d + 1)
    gamma = float((sign * (A @ weight)).min() / np.linalg.norm(weight)) if weight.any() else 0.0
    if gamma <= 0:
        raise ValueError("v does not separate the rows, so it bounds nothing")
    return float((A**2).sum(1).max() / gamma**2)


def dead(Z: ArrayLike) -> NDArray[np.bool_]:
    """Which units have a score <= 0 on every row: Z (n, h) to booleans (h,). A ReLU there
    passes no gradient.

    Examples
    --------
    >>> dead([[-1.0, -1.0], [-2.0, 3.0]]).tolist()
    [True, False]
    """
    score = np.asarray(Z, dtype=float)
    if score.ndim != 2 or not len(score):
        raise ValueError(f"need scores Z (n, h) of at least one row, got shape {score.shape}")
    return np.asarray((score <= 0).all(axis=0))


def polarizers(degrees: ArrayLike) -> float:
    """Share of the light behind the first filter that passes a row of polarizing filters: the
    product of cos^2 of their turns.

    Examples
    --------
    >>> round(polarizers([0, 90]), 12), round(polarizers([0, 45, 90]), 12)
    (0.0, 0.25)
    """
    angle = np.deg2rad(np.asarray(degrees, dtype=float))
    if angle.ndim != 1 or not angle.size:
        raise ValueError(f"need a row of angles in degrees, got shape {angle.shape}")
    return float(np.prod(np.cos(np.diff(angle)) ** 2))
