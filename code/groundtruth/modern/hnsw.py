"""Hierarchical navigable small-world graphs (HNSW), with deletion by marks.

Read with book/modern/retrieval.md.

A vector lives on layer 0 and, with probability 1 / M each, on the layers above. A search descends
greedily to layer 0 and there keeps a list of the ef best (Malkov and Yashunin, 2020).
"""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array
from groundtruth.modern.vector_index import check_k, query_vector, vectors

Found = list[tuple[float, int]]  # squared distances and ids


class HNSW:
    """A graph index built by inserting the rows of X (n, d) in order.

    Parameters
    ----------
    M : int
        Links per vector and layer; layer 0 has up to 2 M.
    ef_construction : int
        Length of the list of candidates during insertion.
    rng : random generator of the layers

    Examples
    --------
    >>> X = np.arange(40.0)[:, None]
    >>> index = HNSW(X, 4, 20, np.random.default_rng(0))
    >>> index.search([7.2], 2, ef=10)[0].tolist()
    [7, 8]
    """

    def __init__(
        self, X: ArrayLike, M: int, ef_construction: int, rng: np.random.Generator
    ) -> None:
        if M < 2 or ef_construction < 1:
            raise ValueError(f"need M >= 2 and ef_construction >= 1, got {M} and {ef_construction}")
        self.X = vectors(X).astype(float)
        self.M = M
        self.levels = draw_levels(len(self.X), M, rng)
        self.links: list[dict[int, list[int]]] = [{} for _ in range(int(self.levels.max()) + 1)]
        self.deleted: set[int] = set()
        self.work = 0
        """Distances computed since the last reset to zero."""
        self._squares = (self.X**2).sum(axis=1)
        self.entry = -1
        for i in range(len(self.X)):
            self._insert(i, ef_construction)
        self.work = 0

    def _distances(self, q: Array, ids: list[int]) -> list[float]:
        """Squared distances up to the constant |q|^2."""
        self.work += len(ids)
        return (self._squares[ids] - 2 * (self.X[ids] @ q)).tolist()

    def search_layer(self, q: Array, found: Found, ef: int, layer: int) -> Found:
        """The ef nearest that a best-first search from `found` meets on a layer, nearest first."""
        links = self.links[layer]
        seen = {i for _, i in found}
        candidates = list(found)
        heapq.heapify(candidates)
        best = [(-distance, i) for distance, i in found]  # the farthest on top
        heapq.heapify(best)
        while candidates:
            distance, i = heapq.heappop(candidates)
            if distance > -best[0][0] and len(best) >= ef:
                break
            fresh = [j for j in links[i] if j not in seen]
            if not fresh:
                continue
            seen.update(fresh)
            for gap, j in zip(self._distances(q, fresh), fresh, strict=True):
                if len(best) < ef or gap < -best[0][0]:
                    heapq.heappush(candidates, (gap, j))
                    heapq.heappush(best, (-gap, j))
                    if len(best) > ef:
                        heapq.heappop(best)
        return sorted((-distance, i) for distance, i in best)

    def _descend(self, q: Array, layer: int) -> Found:
        """The nearest vector that greedy search finds above a layer."""
        found = [(self._distances(q, [self.entry])[0], self.entry)]
        for above in range(int(self.levels[self.entry]), layer, -1):
            found = self.search_layer(q, found, 1, above)
        return found

    def _insert(self, i: int, ef: int) -> None:
        level = int(self.levels[i])
        for layer in range(level + 1):
            self.links[layer][i] = []
        if self.entry < 0:
            self.entry = i
            return
        q = self.X[i]
        found = self._descend(q, level)
        for layer in range(min(level, int(self.levels[self.entry])), -1, -1):
            found = self.search_layer(q, found, ef, layer)
            limit = 2 * self.M if layer == 0 else self.M
            chosen = self._diverse([j for _, j in found], i, self.M)
            self.links[layer][i] = chosen
            for j in chosen:
                around = self.links[layer][j]
                around.append(i)
                if len(around) > limit:
                    self.links[layer][j] = self._diverse(around, j, limit)
        if level > self.levels[self.entry]:
            self.entry = i

    def _diverse(self, candidates: list[int], i: int, limit: int) -> list[int]:
        """Up to `limit` links of vector i: nearest first, and a candidate only if it is nearer to i
        than to every link chosen so far, so that links point in different directions.
        """
        rows = self.X[candidates]
        to_center = ((rows - self.X[i]) ** 2).sum(axis=1)
        squares = self._squares[candidates]
        between = squares[:, None] - 2 * (rows @ rows.T) + squares
        farther = between > to_center[:, None]  # [a, b]: a is nearer to i than to b
        chosen: list[int] = []
        open_ = np.ones(len(candidates), dtype=bool)
        for a in np.argsort(to_center, kind="stable").tolist():
            if open_[a]:
                chosen.append(a)
                open_ &= farther[:, a]
                if len(chosen) == limit:
                    break
        return [candidates[a] for a in chosen]

    def delete(self, i: int) -> None:
        """Mark a vector: searches pass through it and do not return it."""
        if not 0 <= i < len(self.X):
            raise ValueError(f"there is no vector {i} among {len(self.X)}")
        self.deleted.add(i)

    def search(self, q: ArrayLike, k: int, ef: int) -> tuple[NDArray[np.intp], int]:
        """Ids of up to k nearest of the ef best found, nearest first, and the distances computed.

        Raises
        ------
        ValueError
            If ef < k, or k is not within the size of the index.
        """
        query = query_vector(q, self.X.shape[1])
        check_k(k, len(self.X))
        if ef < k:
            raise ValueError(f"ef must be at least k = {k}, got {ef}")
        before = self.work
        found = self.search_layer(query, self._descend(query, 0), ef, 0)
        ids = [i for _, i in found if i not in self.deleted][:k]
        return np.array(ids, dtype=np.intp), self.work - before


def draw_levels(n: int, M: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The top layer (n,) of each vector: floor(-ln U / ln M), so P(level >= l) = M^-l."""
    return np.floor(-np.log(1 - rng.random(n)) / np.log(M)).astype(np.int64)
