"""How ReLUs cut their input into pieces: cells of lines, folds of a sheet, broken lines of any
shape.

Read with book/networks/neuron.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array

Layer = tuple[Array, Array]  # W (d_in, d_out) and b (d_out,)


def cells(n: int, d: int) -> int:
    """The most parts into which n hyperplanes cut d dimensions: sum over k <= d of n choose k
    (Zaslavsky, 1975).

    Examples
    --------
    >>> [cells(n, 2) for n in (1, 2, 3, 4, 6, 10)], cells(3, 3) == 2**3
    ([2, 4, 7, 11, 22, 56], True)
    """
    if n < 0 or d < 0 or n != int(n) or d != int(d):
        raise ValueError(f"n and d must be whole numbers >= 0, got {n} and {d}")
    return sum(comb(int(n), k) for k in range(int(d) + 1))


def _points(X: ArrayLike) -> Array:
    points = np.asarray(X, dtype=float)
    if points.ndim != 2 or not len(points):
        raise ValueError(f"need points (n, d), at least one, got shape {points.shape}")
    return points


def patterns(layers: Sequence[Layer], X: ArrayLike) -> int:
    """How many on-off patterns the units of a network of ReLUs show over points X (n, d).

    Points of one pattern see one and the same affine map, so this counts the linear regions that
    the points hit.

    Examples
    --------
    >>> one = (np.array([[1.0]]), np.array([0.0]))
    >>> patterns([one], [[-2.0], [-1.0], [3.0]])
    2
    """
    h = _points(X)
    signs = []
    if not layers:
        raise ValueError("need at least one layer (W, b)")
    for W, b in layers:
        z = h @ W + b  # (n, d_out)
        signs.append(z > 0)
        h = np.maximum(z, 0.0)
    on = np.concatenate(signs, axis=1)  # (n, units)
    words = np.packbits(np.pad(on, ((0, 0), (0, -on.shape[1] % 64))), axis=1).view(np.uint64)
    return len(np.unique(words.ravel() if words.shape[1] == 1 else words, axis=0))


def random_network(
    widths: Sequence[int], seed: int, gain: float = 2.0, bias: float = 1.0
) -> list[Layer]:
    """Layers of widths (d_in, h, ..., h): normal weights of variance gain / d_in, normal biases of
    standard deviation `bias`.
    """
    if len(widths) < 2 or min(widths) < 1:
        raise ValueError(f"need at least two widths, all >= 1, got {list(widths)}")
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(0, np.sqrt(gain / a), (a, b)), rng.normal(0, bias, b))
        for a, b in pairwise(widths)
    ]


def tent(x: ArrayLike) -> Array:
    """2 relu(x) - 4 relu(x - 1/2): up to 1 and down again over [0, 1], from two units (Telgarsky,
    2016).

    Examples
    --------
    >>> tent([0.0, 0.25, 0.5, 1.0]).tolist()
    [0.0, 0.5, 1.0, 0.0]
    """
    at = np.asarray(x, dtype=float)
    return 2 * np.maximum(at, 0) - 4 * np.maximum(at - 0.5, 0)


def folded(x: ArrayLike, times: int) -> Array:
    """The tent applied `times` times: a sawtooth of 2^times straight pieces over [0, 1]."""
    if times < 0 or times != int(times):
        raise ValueError(f"times must be a whole number >= 0, got {times}")
    y = np.asarray(x, dtype=float)
    for _ in range(int(times)):
        y = tent(y)
    return y


def pieces(f: Callable[[Array], Array], steps: int) -> int:
    """Straight pieces of f over [0, 1] when all its corners lie on multiples of 1/steps.

    Examples
    --------
    >>> pieces(tent, 8), pieces(lambda x: folded(x, 3), 64)
    (2, 8)
    """
    if steps < 1 or steps != int(steps):
        raise ValueError(f"steps must be a whole number >= 1, got {steps}")
    slopes = np.diff(f(np.arange(steps + 1) / steps)) * steps
    return 1 + int((np.abs(np.diff(slopes)) > 1e-9).sum())


def broken_line(knots: ArrayLike, values: ArrayLike) -> tuple[float, Array, Array]:
    """Weights of one hidden layer that passes through the values (k,) at rising knots (k,): start,
    jumps (k-1,), knots (k-1,).

    f(x) = start + sum_j jump_j relu(x - knot_j), straight between neighboring knots.

    Examples
    --------
    >>> start, jumps, at = broken_line([0.0, 1.0, 2.0], [0.0, 1.0, 0.0])
    >>> start, jumps.tolist(), at.tolist()
    (0.0, [1.0, -2.0], [0.0, 1.0])
    """
    t = np.asarray(knots, dtype=float)
    y = np.asarray(values, dtype=float)
    if t.ndim != 1 or t.shape != y.shape or t.size < 2 or (np.diff(t) <= 0).any():
        raise ValueError(
            f"need at least two rising knots and a value for each, got shapes {t.shape} and"
            f" {y.shape}"
        )
    slopes = np.diff(y) / np.diff(t)  # (k - 1,)
    return float(y[0]), np.diff(slopes, prepend=0.0), t[:-1]


def run_broken_line(x: ArrayLike, start: float, jumps: Array, knots: Array) -> Array:
    """The network of `broken_line` at points x (n,)."""
    at = np.asarray(x, dtype=float)
    if at.ndim != 1:
        raise ValueError(f"need points (n,), got shape {at.shape}")
    return start + np.maximum(at[:, None] - knots, 0.0) @ jumps
