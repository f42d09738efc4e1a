"""Scores of ranked lists.

Read with book/learning/metrics.md.

rel (n,): the relevance of the results, best rank first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array


def _list(rel: ArrayLike, k: int | None) -> tuple[Array, int]:
    r = np.asarray(rel, dtype=float)
    if r.ndim != 1 or not r.size or not np.isfinite(r).all() or (r < 0).any():
        raise ValueError(f"need relevances (n,) >= 0 of at least one result, got shape {r.shape}")
    if k is not None and k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    return r, r.size if k is None else k


def precision_at_k(rel: ArrayLike, k: int) -> float:
    """Fraction of the first k ranks that are relevant; ranks beyond the list count as not relevant.

    Examples
    --------
    >>> precision_at_k([1, 0, 1], 2), precision_at_k([1], 4)
    (0.5, 0.25)
    """
    r, k = _list(rel, k)
    return float((r[:k] > 0).sum() / k)


def recall_at_k(rel: ArrayLike, k: int, total: int) -> float:
    """Fraction of all `total` relevant results among the first k ranks.

    Examples
    --------
    >>> recall_at_k([1, 0, 1], 2, total=4)
    0.25
    """
    r, k = _list(rel, k)
    if total < (r > 0).sum() or total < 1:
        raise ValueError(
            "total must be at least 1 and count all relevant results, of which"
            f" {int((r > 0).sum())} are in the list; got {total}"
        )
    return float((r[:k] > 0).sum() / total)


def reciprocal_rank(rel: ArrayLike) -> float:
    """One over the rank of the first relevant result; 0 without one.

    Examples
    --------
    >>> reciprocal_rank([0, 1, 1]), reciprocal_rank([0, 0])
    (0.5, 0.0)
    """
    r, _ = _list(rel, None)
    return float(1 / (1 + np.argmax(r > 0))) if (r > 0).any() else 0.0


def average_precision_at_k(rel: ArrayLike, k: int | None = None, total: int | None = None) -> float:
    """Sum of the precision at each relevant rank among the first k, over the number of all relevant
    results; 0 without one.

    Parameters
    ----------
    rel : (n,)
        Relevances >= 0, best rank first; positive means relevant.
    k : int, optional
        Ranks beyond k contribute nothing; all ranks by default.
    total : int, optional
        Relevant results in the whole collection, those never returned included; by default those of
        the list.

    Examples
    --------
    >>> round(average_precision_at_k([1, 0, 1]), 4), average_precision_at_k([1], total=100)
    (0.8333, 0.01)
    """
    r, k = _list(rel, k)
    relevant = int((r > 0).sum())
    if total is not None and total < max(1, relevant):
        raise ValueError(
            "total must be at least 1 and count all relevant results, of which"
            f" {relevant} are in the list; got {total}"
        )
    everything = relevant if total is None else total
    hit = r[:k] > 0
    precision = np.cumsum(hit) / np.arange(1, hit.size + 1)
    return float(precision[hit].sum() / everything) if everything else 0.0


def dcg(rel: ArrayLike, k: int | None = None, gain: str = "exponential") -> float:
    """Sum of gains over log2(rank + 1); the gain is 2^rel - 1 (Burges et al., 2005) or rel itself.

    Jarvelin and Kekalainen (2002) introduced the sum with linear gains and another discount: none
    up to rank b, log_b(rank) from there on.

    Examples
    --------
    >>> round(dcg([1, 1], gain="linear"), 4)
    1.6309
    """
    r, k = _list(rel, k)
    if gain not in ("exponential", "linear"):
        raise ValueError(f"gain must be 'exponential' or 'linear', got {gain!r}")
    worth = (2.0**r - 1 if gain == "exponential" else r)[:k]
    return float(np.sum(worth / np.log2(np.arange(2, worth.size + 2))))


def ndcg(
    rel: ArrayLike,
    k: int | None = None,
    gain: str = "exponential",
    judged: ArrayLike | None = None,
) -> float:
    """dcg over that of the best order, in [0, 1]; 0 when nothing is relevant.

    Parameters
    ----------
    rel : (n,)
        Relevances of the returned results, best rank first.
    judged : (m,), optional
        Relevances of all judged results, returned or not, from which the best order is made; by
        default those of the list, so that what was not returned costs nothing.

    Examples
    --------
    >>> round(ndcg([3, 2, 0, 1, 2]), 3), round(ndcg([3, 2, 0, 1, 2], gain="linear"), 3)
    (0.969, 0.96)
    >>> round(ndcg([1], k=2, judged=[1, 1]), 3)
    0.613
    """
    pool = np.asarray(rel if judged is None else judged, dtype=float)
    best = dcg(np.sort(pool)[::-1], k, gain)
    value = dcg(rel, k, gain)
    if value > best * (1 + 1e-12):
        raise ValueError(
            f"the list has a gain of {value:g}, more than {best:g} of the best order of the judged"
            " results; judged must contain every result of the list"
        )
    return value / best if best else 0.0
