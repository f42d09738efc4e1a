"""Distances between distributions on a line or a finite set.

Read with book/data/similarity.md.

p, q (k,): probabilities of the same k outcomes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array, binary_scale


def _distributions(p: ArrayLike, q: ArrayLike) -> tuple[Array, Array]:
    u = np.asarray(p, dtype=float)
    v = np.asarray(q, dtype=float)
    if u.ndim != 1 or u.shape != v.shape or not u.size:
        raise ValueError(
            f"need two distributions over the same outcomes, got shapes {u.shape} and {v.shape}"
        )
    for w in (u, v):
        if not np.isfinite(w).all() or (w < 0).any() or abs(w.sum() - 1) > 1e-9:
            raise ValueError(
                f"probabilities must be >= 0 and sum to 1, this one sums to {w.sum():g} with"
                f" smallest entry {w.min():g}; divide by the sum"
            )
    return u, v


def kl(p: ArrayLike, q: ArrayLike) -> float:
    """Kullback-Leibler divergence in nats: the mean under p of ln(p/q); infinite where q is zero
    and p is not.

    Not symmetric, and not a metric (Kullback and Leibler, 1951).

    Examples
    --------
    >>> round(kl([0.5, 0.5], [0.25, 0.75]), 4), kl([0.5, 0.5], [1.0, 0.0])
    (0.1438, inf)
    """
    u, v = _distributions(p, q)
    used = u > 0
    if (v[used] == 0).any():
        return float("inf")
    with np.errstate(over="ignore"):
        ratio = u[used] / v[used]
    # a ratio beyond the largest float still has a logarithm
    logs = np.where(np.isinf(ratio), np.log(u[used]) - np.log(v[used]), np.log(ratio))
    return float(np.sum(u[used] * logs))


def js(p: ArrayLike, q: ArrayLike) -> float:
    """Jensen-Shannon divergence in nats, in [0, ln 2]: the mean divergence of p and q from their
    average.

    Symmetric and always finite; its square root is a metric (Endres and Schindelin, 2003).

    Examples
    --------
    >>> round(js([1.0, 0.0], [0.0, 1.0]), 4), js([0.5, 0.5], [0.5, 0.5])
    (0.6931, 0.0)
    """
    u, v = _distributions(p, q)
    total = u + v
    halves = [
        # w / mean with the mean never formed: half of the smallest number is zero
        np.sum(w[w > 0] * np.log(2 * (w[w > 0] / total[w > 0])))
        for w in (u, v)
    ]
    return max(0.0, float(sum(halves) / 2))


def wasserstein(a: ArrayLike, b: ArrayLike) -> float:
    """Least total transport from samples a (n,) to samples b (m,) on a line, each of total mass
    one, in the unit of the values.

    On a line the best plan keeps the order, so it is the area between the two distribution
    functions.

    Examples
    --------
    >>> wasserstein([0.0, 1.0], [5.0, 6.0]), wasserstein([0.0], [0.0, 2.0])
    (5.0, 1.0)
    """
    u = np.sort(np.asarray(a, dtype=float))
    v = np.sort(np.asarray(b, dtype=float))
    if (
        u.ndim != 1
        or v.ndim != 1
        or not u.size
        or not v.size
        or not (np.isfinite(u).all() and np.isfinite(v).all())
    ):
        raise ValueError(
            f"need two samples of at least one finite value each, got shapes {u.shape} and"
            f" {v.shape}"
        )
    places = np.sort(np.concatenate([u, v]))
    left = places[:-1]
    scale = float(binary_scale(places))  # differences of huge values stay finite
    F = np.searchsorted(u, left, side="right") / u.size
    G = np.searchsorted(v, left, side="right") / v.size
    return float(np.sum(np.abs(F - G) * np.diff(places / scale)) * scale)
