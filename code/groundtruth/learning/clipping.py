"""Clipping of gradients by their joint norm or entry by entry.

Read with book/learning/optimizers.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groundtruth.arrays import Array


def norm2(x: Array) -> float:
    """The Euclidean norm of all entries, in float32 where squares of float16 would overflow.

    Examples
    --------
    >>> norm2(np.array([[3.0, 4.0]]))
    5.0
    """
    flat = x.ravel()
    if flat.dtype == np.float16:  # whose squares end at 65504
        flat = flat.astype(np.float32)
    return float(np.linalg.norm(flat))


def _positive(limit: float) -> None:
    if not 0 < limit < np.inf:
        raise ValueError(f"limit must be positive and finite, got {limit}")


def clip_norm(grads: Sequence[Array], limit: float) -> tuple[list[Array], float]:
    """All gradients times min(1, limit / norm), and their joint norm before (Pascanu, Mikolov and
    Bengio, 2013).

    Examples
    --------
    >>> clipped, norm = clip_norm([np.array([3.0]), np.array([4.0])], 1.0)
    >>> norm, [round(float(c[0]), 3) for c in clipped]
    (5.0, [0.6, 0.8])
    """
    _positive(limit)
    norm = float(np.sqrt(sum(norm2(np.asarray(g)) ** 2 for g in grads)))
    if not np.isfinite(norm):
        raise FloatingPointError(
            f"the norm of the gradients is {norm}; clipping cannot fix it: skip the batch and look"
            " at it"
        )
    factor = min(1.0, limit / (norm + 1e-6))  # the same small term as torch
    return [np.asarray(g) * factor for g in grads], norm


def clip_value(grads: Sequence[Array], limit: float) -> list[Array]:
    """Every entry cut to [-limit, limit]; the direction changes when only some are cut.

    Examples
    --------
    >>> clip_value([np.array([3.0, -0.5])], 1.0)[0].tolist()
    [1.0, -0.5]
    """
    _positive(limit)
    return [np.clip(g, -limit, limit) for g in grads]
