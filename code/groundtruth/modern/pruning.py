"""Pruning: which weights to remove, what their removal costs, and how many bytes remain.

Read with book/modern/compression.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array

Mask = NDArray[np.bool_]


def lowest_mask(scores: ArrayLike, fraction: float) -> Mask:
    """True where a weight stays: the given fraction with the lowest scores is removed.

    Raises
    ------
    ValueError
        If the fraction is not in [0, 1), or a score is not finite.

    Examples
    --------
    >>> lowest_mask([[0.1, -3.0], [2.0, 0.5]], 0.5).tolist()
    [[False, False], [True, True]]
    """
    values = np.asarray(scores, dtype=np.float64)
    if not 0 <= fraction < 1 or not np.isfinite(values).all():
        raise ValueError(f"need finite scores and a fraction in [0, 1), got {fraction}")
    mask = np.ones(values.size, dtype=bool)
    mask[np.argsort(values.ravel(), kind="stable")[: round(fraction * values.size)]] = False
    return mask.reshape(values.shape)


def prune_scores(scores: Sequence[ArrayLike], fraction: float, scope: str = "global") -> list[Mask]:
    """Masks of several layers, with one threshold for all (global) or one for each (layer).

    Examples
    --------
    >>> [m.tolist() for m in prune_scores([[1.0, 2.0], [3.0, 4.0]], 0.5)]
    [[False, False], [True, True]]
    """
    arrays = [np.asarray(s, dtype=np.float64) for s in scores]
    if scope == "layer":
        return [lowest_mask(a, fraction) for a in arrays]
    if scope != "global":
        raise ValueError(f"the scope is 'global' or 'layer', got {scope!r}")
    flat = lowest_mask(np.concatenate([a.ravel() for a in arrays]), fraction)
    parts = np.split(flat, np.cumsum([a.size for a in arrays])[:-1])
    return [part.reshape(a.shape) for part, a in zip(parts, arrays, strict=True)]


def prune_magnitude(
    weights: Sequence[ArrayLike], fraction: float, scope: str = "global"
) -> list[Mask]:
    """Masks that remove the weights of smallest absolute value."""
    return prune_scores([np.abs(np.asarray(w)) for w in weights], fraction, scope)


def taylor_saliency(w: ArrayLike, gradient: ArrayLike) -> Array:
    """|w g|: the first-order change of the loss when w becomes zero."""
    weights = np.asarray(w, dtype=np.float64)
    g = np.asarray(gradient, dtype=np.float64)
    if weights.shape != g.shape:
        raise ValueError(f"weights have the shape {weights.shape}, gradients {g.shape}")
    return np.abs(weights * g)


def obd_saliency(w: ArrayLike, diagonal: ArrayLike) -> Array:
    """h w^2 / 2 at a minimum, with the diagonal h of the Hessian (LeCun et al., 1990)."""
    return np.asarray(diagonal) * np.square(np.asarray(w, dtype=np.float64)) / 2


def obs_saliency(w: ArrayLike, inverse: ArrayLike) -> Array:
    """w_q^2 / (2 [H^-1]_qq): the loss after the others have adapted (Hassibi & Stork, 1993)."""
    return np.square(np.asarray(w, dtype=np.float64)) / (2 * np.diag(np.asarray(inverse)))


def obs_remove(w: ArrayLike, inverse: ArrayLike, q: int) -> Array:
    """The weights (d,) after weight q is removed and the others have compensated.

    Examples
    --------
    >>> obs_remove([1.0, 1.0], np.linalg.inv([[2.0, 1.0], [1.0, 2.0]]), 0).round(6).tolist()
    [0.0, 1.5]
    """
    weights = np.asarray(w, dtype=np.float64)
    H_inv = np.asarray(inverse, dtype=np.float64)
    if not 0 <= q < weights.size:
        raise ValueError(f"there is no weight {q} among {weights.size}")
    result = weights - weights[q] / H_inv[q, q] * H_inv[:, q]
    result[q] = 0.0
    return result


def n_m_mask(scores: ArrayLike, n: int = 2, m: int = 4) -> Mask:
    """True for the n highest of every m neighbors of the last axis.

    Raises
    ------
    ValueError
        If m does not divide the last axis, or n is not from 1 to m.

    Examples
    --------
    >>> n_m_mask([1.0, -4.0, 3.0, 2.0]).tolist()
    [False, False, True, True]
    """
    values = np.asarray(scores, dtype=np.float64)
    if not 1 <= n <= m or values.shape[-1] % m:
        raise ValueError(f"{n}:{m} does not fit a last axis of {values.shape[-1]} entries")
    blocks = values.reshape(-1, m)
    rank = np.argsort(np.argsort(-blocks, axis=1, kind="stable"), axis=1)
    return (rank < n).reshape(values.shape)


def storage_bytes(
    shape: tuple[int, int], fraction: float, layout: str, bits: int = 32, index_bits: int = 32
) -> int:
    """Bytes of a matrix (rows, columns) of which a fraction is zero.

    Parameters
    ----------
    layout : {"dense", "csr", "bitmap", "2:4", "rows"}
        csr stores a column for each value and an offset for each row; bitmap one bit for each
        entry; 2:4 half of the values and two bits for each, whatever the fraction; rows the rows
        that remain, and nothing else.

    Raises
    ------
    ValueError
        An unknown layout, or a fraction outside [0, 1].

    Examples
    --------
    >>> [storage_bytes((100, 100), 0.5, layout) for layout in ("dense", "csr", "2:4", "rows")]
    [40000, 40404, 21250, 20000]
    """
    rows, columns = shape
    if not 0 <= fraction <= 1 or min(shape) < 1:
        raise ValueError(f"need a shape and a fraction in [0, 1], got {shape} and {fraction}")
    n = rows * columns
    stored = n - round(fraction * n)
    total = {
        "dense": n * bits,
        "csr": stored * (bits + index_bits) + (rows + 1) * index_bits,
        "bitmap": stored * bits + n,
        "2:4": n // 2 * (bits + 2),
        "rows": (rows - round(fraction * rows)) * columns * bits,
    }
    if layout not in total:
        raise ValueError(f"the layout is one of {', '.join(total)}, got {layout!r}")
    return ceil(total[layout] / 8)


def prune_neurons(
    incoming: ArrayLike, bias: ArrayLike, outgoing: ArrayLike, fraction: float
) -> tuple[Array, Array, Array]:
    """A hidden layer without its weakest units: |incoming weights| times |outgoing weights|.

    Parameters
    ----------
    incoming : (H, d), bias : (H,), outgoing : (k, H)
    fraction : float, in [0, 1)

    Returns
    -------
    arrays (H', d), (H',), (k, H')
    """
    first = np.asarray(incoming)
    second = np.asarray(outgoing)
    if first.shape[0] != second.shape[1] or np.shape(bias) != (first.shape[0],):
        raise ValueError(
            f"the layers do not fit: {first.shape}, bias {np.shape(bias)}, {second.shape}"
        )
    strength = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=0)
    stays = lowest_mask(strength, fraction)
    return first[stays], np.asarray(bias)[stays], second[:, stays]
