"""Combine rankings: reciprocal-rank fusion, score fusion, diversity, and a trained reranker.

Read with book/modern/retrieval.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression

from groundtruth.arrays import Array

Ids = NDArray[np.intp]


def rrf(
    rankings: Sequence[ArrayLike], k: float = 60, weights: Sequence[float] | None = None
) -> tuple[Ids, Array]:
    """Reciprocal-rank fusion (Cormack et al., 2009): ids and scores, sum of weight / (k + rank),
    best first; equal scores by id.

    An id that a ranking does not hold gets nothing from it. All weights are 1 by default.

    Raises
    ------
    ValueError
        Without a ranking, for k < 0, for an id that a ranking holds twice, or without one weight
        >= 0 per ranking.

    Examples
    --------
    >>> ids, scores = rrf([[1, 2], [2, 3]])
    >>> ids.tolist(), round(float(scores[0]) * 61 * 62, 6)
    ([2, 1, 3], 123.0)
    """
    lists = [np.asarray(ranking, dtype=np.intp) for ranking in rankings]
    if not lists or not 0 <= k < np.inf:
        raise ValueError(f"need at least one ranking and k >= 0, got {len(lists)} and {k}")
    for ids in lists:
        if ids.ndim != 1 or np.unique(ids).size != ids.size:
            raise ValueError("a ranking is a list of ids, each once; remove duplicates first")
    factors = np.ones(len(lists)) if weights is None else np.asarray(weights, dtype=float)
    if factors.shape != (len(lists),) or not ((factors >= 0) & (factors < np.inf)).all():
        raise ValueError(f"need one weight >= 0 per ranking, got {weights}")
    ids, place = np.unique(np.concatenate(lists), return_inverse=True)
    ranks = np.concatenate([np.arange(1, one.size + 1) for one in lists])
    factor = np.repeat(factors, [one.size for one in lists])
    scores = np.bincount(place, factor / (k + ranks), minlength=ids.size)
    order = np.lexsort((ids, -scores))
    return ids[order], scores[order]


def blend(tables: Sequence[ArrayLike], weights: Sequence[float]) -> Array:
    """Score fusion: the weighted sum (n,) of score tables (n,), each scaled to [0, 1] by its
    smallest and largest score; a table of equal scores counts as zero.

    Examples
    --------
    >>> blend([[0.0, 5.0, 10.0], [1.0, 0.0, 0.0]], [0.25, 0.75]).tolist()
    [0.75, 0.125, 0.25]
    """
    rows = [np.asarray(table, dtype=float) for table in tables]
    if not rows or len(rows) != len(weights) or any(row.shape != rows[0].shape for row in rows):
        raise ValueError(
            f"need tables of one shape and a weight for each, got shapes"
            f" {[row.shape for row in rows]} and {len(weights)} weights"
        )
    total = np.zeros(rows[0].shape)
    for row, weight in zip(rows, weights, strict=True):
        span = row.max() - row.min()
        total += weight * (row - row.min()) / (span if span > 0 else 1.0)
    return total


def mmr(relevance: ArrayLike, similarity: ArrayLike, k: int, balance: float = 0.5) -> list[int]:
    """Maximal marginal relevance (Carbonell and Goldstein, 1998): k positions, each the largest
    balance * relevance - (1 - balance) * similarity to what was chosen before.

    Parameters
    ----------
    relevance : (n,)
    similarity : (n, n)
        In the same unit as the relevance.
    balance : float in [0, 1]
        1 is the plain ranking.

    Examples
    --------
    >>> mmr([0.9, 0.89, 0.5], [[1, 1, 0], [1, 1, 0], [0, 0, 1]], 2)
    [0, 2]
    """
    r = np.asarray(relevance, dtype=float)
    S = np.asarray(similarity, dtype=float)
    if r.ndim != 1 or S.shape != (r.size, r.size) or not 1 <= k <= r.size:
        raise ValueError(
            f"need (n,), (n, n) and k in [1, n], got shapes {r.shape}, {S.shape} and k = {k}"
        )
    if not 0 <= balance <= 1:
        raise ValueError(f"the balance lies in [0, 1], got {balance}")
    chosen = [int(np.argmax(r))]
    while len(chosen) < k:
        gain = balance * r - (1 - balance) * S[:, chosen].max(axis=1)
        gain[chosen] = -np.inf
        chosen.append(int(np.argmax(gain)))
    return chosen


class PairScorer:
    """A reranker: logistic regression on features of a pair of query and document.

    The scores of a pair see query and document together, as those of a cross-encoder do; its
    features are given here, those of a cross-encoder are learned.

    Examples
    --------
    >>> scorer = PairScorer().fit([[0.0], [1.0], [0.1], [0.9]], [0, 1, 0, 1])
    >>> scorer.order([[0.2], [0.8]]).tolist()
    [1, 0]
    """

    def __init__(self) -> None:
        self._model = LogisticRegression(C=10.0)
        self._mean: Array | None = None
        self._scale: Array | None = None

    def fit(self, features: ArrayLike, relevant: ArrayLike) -> PairScorer:
        """Learn from features (m, f) of pairs and whether each is relevant (m,)."""
        X = np.asarray(features, dtype=float)
        self._mean = X.mean(axis=0)
        deviation = X.std(axis=0)
        self._scale = np.where(deviation > 0, deviation, 1.0)
        self._model.fit((X - self._mean) / self._scale, np.asarray(relevant))
        return self

    def scores(self, features: ArrayLike) -> Array:
        """Log-odds (m,) that each pair is relevant."""
        if self._mean is None or self._scale is None:
            raise ValueError("the scorer has not been fitted; call fit first")
        X = (np.asarray(features, dtype=float) - self._mean) / self._scale
        return np.asarray(self._model.decision_function(X))

    def order(self, features: ArrayLike) -> Ids:
        """Positions (m,) of the pairs, the most relevant first."""
        return np.argsort(-self.scores(features), kind="stable")
