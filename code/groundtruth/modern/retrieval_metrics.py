"""Scores of many queries: lists of ids and sets of relevant ids to the measures of
`groundtruth.learning.ranking`.

Read with book/modern/retrieval.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array
from groundtruth.learning import ranking

MEASURES: dict[str, Callable[[Array, int, int], float]] = {
    "recall": lambda rel, k, total: ranking.recall_at_k(rel, k, total),
    "precision": lambda rel, k, total: ranking.precision_at_k(rel, k),
    "hit": lambda rel, k, total: float((rel[:k] > 0).any()),
    "mrr": lambda rel, k, total: ranking.reciprocal_rank(rel[:k]),
    "map": lambda rel, k, total: ranking.average_precision_at_k(rel, k, total),
    "ndcg": lambda rel, k, total: ranking.ndcg(rel, k, judged=np.ones(total)),
}


def per_query(
    measure: str, rankings: Sequence[ArrayLike], relevant: Sequence[Collection[int]], k: int
) -> Array:
    """A measure (q,) of each query at depth k, for relevance of zero or one.

    Parameters
    ----------
    measure : {"recall", "precision", "hit", "mrr", "map", "ndcg"}
        "hit" is 1 if any relevant id is among the first k.
    rankings : q sequences of ids, best first, each id once
    relevant : q collections of at least one relevant id

    Raises
    ------
    ValueError
        For an unknown measure, k < 1, lists of different lengths, a repeated id or a query without
        a relevant id.

    Examples
    --------
    >>> per_query("recall", [[3, 1], [2]], [{1}, {2, 4}], 2).tolist()
    [1.0, 0.5]
    """
    if measure not in MEASURES:
        raise ValueError(f"measure must be one of {sorted(MEASURES)}, got {measure!r}")
    if k < 1 or not len(rankings) or len(rankings) != len(relevant):
        raise ValueError(
            f"need k >= 1 and as many rankings as judged queries, got k = {k}, {len(rankings)} and"
            f" {len(relevant)}"
        )
    values = []
    for ids, wanted in zip(rankings, relevant, strict=True):
        rel = _relevances(np.asarray(ids), set(wanted), k)
        values.append(MEASURES[measure](rel, k, len(set(wanted))))
    return np.array(values)


def _relevances(ids: NDArray, wanted: set[int], k: int) -> Array:
    """Zeros and ones (at least 1,) of the first k results."""
    if not wanted:
        raise ValueError("a query has no relevant id, so recall is not defined; leave it out")
    if len(set(ids.tolist())) != ids.size:
        raise ValueError("a ranking holds an id twice; remove duplicates before it is scored")
    hits = [float(i in wanted) for i in ids[:k].tolist()]
    return np.array(hits or [0.0])


def neighbor_recall(found: Sequence[ArrayLike], exact: Sequence[ArrayLike]) -> float:
    """Mean fraction of the exact k nearest neighbors that a search returned.

    Examples
    --------
    >>> neighbor_recall([[4, 1], [2, 9]], [[1, 4], [2, 3]])
    0.75
    """
    if not len(found) or len(found) != len(exact):
        raise ValueError(f"need as many results as queries, got {len(found)} and {len(exact)}")
    fractions = [np.isin(b, a).mean() for a, b in zip(found, exact, strict=True)]
    return float(np.mean(fractions))


def rank_of(scores: ArrayLike, groups: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Groups ranked by their best item: from scores (n,) and the group of each item to the numbers
    of the `count` groups, best first.

    Examples
    --------
    >>> rank_of([0.1, 0.9, 0.5], np.array([0, 1, 0]), 2).tolist()
    [1, 0]
    """
    s = np.asarray(scores, dtype=float)
    if s.shape != groups.shape or not s.size:
        raise ValueError(f"need one group per score, got shapes {s.shape} and {groups.shape}")
    best = np.full(count, -np.inf)
    np.maximum.at(best, groups, s)
    return np.argsort(-best, kind="stable")
