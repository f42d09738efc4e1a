"""Routing of examples to experts: top-k choice, load balance, capacity.

Read with book/networks/gates.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array
from groundtruth.functional import softmax


def _logits(logits: ArrayLike) -> Array:
    z = np.asarray(logits, dtype=np.float64)
    if z.ndim != 2 or min(z.shape) < 1 or not np.isfinite(z).all():
        raise ValueError(
            f"router scores are a finite table (rows, experts), got the shape {z.shape}"
        )
    return z


def top_k_route(logits: ArrayLike, k: int) -> tuple[NDArray[np.int64], Array]:
    """For each row of logits (n, E) the k best experts (n, k), best first, and weights (n, k): a
    softmax over those k alone.

    Examples
    --------
    >>> ids, w = top_k_route([[2.0, 0.0, 1.0]], 2)
    >>> ids.tolist(), w.round(3).tolist()
    ([[0, 2]], [[0.731, 0.269]])
    """
    z = _logits(logits)
    if not 1 <= k <= z.shape[1]:
        raise ValueError(f"k must be from 1 to {z.shape[1]}, the number of experts, got {k}")
    ids = np.argsort(-z, axis=1, kind="stable")[:, :k]
    return ids, softmax(np.take_along_axis(z, ids, 1))


def load_balance(logits: ArrayLike, k: int = 1) -> float:
    """E sum_e f_e P_e: fraction of the examples sent to e times mean probability of e; 1 for even
    use, E for collapse (Fedus et al., 2022).
    """
    z = _logits(logits)
    ids, _ = top_k_route(z, k)
    share = np.bincount(ids.ravel(), minlength=z.shape[1]) / ids.size
    return float(z.shape[1] * share @ softmax(z).mean(0))


def within_capacity(ids: ArrayLike, E: int, capacity: int) -> NDArray[np.bool_]:
    """Which of the choices ids (n, k) find a place when every expert takes `capacity` rows, first
    choices first and then in order.
    """
    chosen = np.asarray(ids)
    if (
        chosen.ndim != 2
        or chosen.dtype.kind not in "iu"
        or (chosen.size and not (chosen.min() >= 0 and chosen.max() < E))
    ):
        raise ValueError(
            f"choices are whole numbers from 0 to {E - 1} in a table (rows, k), got {chosen!r}"
        )
    if capacity < 1:
        raise ValueError(f"an expert must take at least one row, got a capacity of {capacity}")
    accepted = np.zeros(chosen.shape, dtype=bool)
    taken = np.zeros(E, dtype=int)
    for j in range(chosen.shape[1]):
        for i, e in enumerate(chosen[:, j]):
            accepted[i, j] = taken[e] < capacity
            taken[e] += accepted[i, j]
    return accepted


def usage_entropy(ids: ArrayLike, E: int) -> float:
    """Entropy of the use of E experts over ln E: 1 when all are used alike, 0 when one takes
    all.
    """
    share = np.bincount(np.asarray(ids).ravel(), minlength=E) / np.asarray(ids).size
    if E < 2 or len(share) > E:
        raise ValueError(f"need at least two experts and ids below their number, got {E}")
    some = share[share > 0]
    return float(-(some * np.log(some)).sum() / np.log(E))
