"""Product quantization: vectors as a few bytes, distances from tables.

Read with book/modern/retrieval.md.

Shapes: X (n, d) vectors, m subspaces of d / m dimensions, c centroids in each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array
from groundtruth.modern.vector_index import Ids, assign, check_k, k_means, query_vector, vectors


class ProductQuantizer:
    """Each of m slices of a vector is replaced by the number of its nearest centroid (Jegou et al.,
    2011).

    Parameters
    ----------
    X : (n, d)
        Training vectors, which are also the index.
    m : int
        Subspaces; a divisor of d.
    centroids : int
        Per subspace, from 1 to 256, so that a code is one byte.
    rng : random generator of the clusterings

    Examples
    --------
    >>> X = np.array([[0.0, 0.0], [0.0, 5.0], [4.0, 0.0], [4.0, 5.0]])
    >>> pq = ProductQuantizer(X, 2, 2, np.random.default_rng(0))
    >>> pq.codes.nbytes, pq.search([3.9, 4.8], 1).tolist()
    (8, [3])
    """

    def __init__(self, X: ArrayLike, m: int, centroids: int, rng: np.random.Generator) -> None:
        table = vectors(X).astype(float)
        n, d = table.shape
        if m < 1 or d % m:
            raise ValueError(f"the {d} dimensions must divide into m slices, got m = {m}")
        if not 1 <= centroids <= min(256, n):
            raise ValueError(f"centroids lie in [1, {min(256, n)}], got {centroids}")
        self.m = m
        slices = np.split(table, m, axis=1)
        books = [k_means(part, centroids, rng)[0] for part in slices]
        self.codebooks = np.stack(books)  # (m, c, d / m)
        self.codes = self.encode(table)  # (n, m)

    def encode(self, X: ArrayLike) -> NDArray[np.uint8]:
        """Codes (n, m), one byte per slice."""
        slices = np.split(vectors(X), self.m, axis=1)
        columns = [assign(part, book) for part, book in zip(slices, self.codebooks, strict=True)]
        return np.stack(columns, axis=1).astype(np.uint8)

    def decode(self, codes: NDArray[np.uint8]) -> Array:
        """The vectors (n, d) for which codes stand."""
        parts = [book[codes[:, j]] for j, book in enumerate(self.codebooks)]
        return np.concatenate(parts, axis=1)

    def tables(self, q: ArrayLike) -> Array:
        """Squared distances (m, c) of the slices of a query to all centroids."""
        query = query_vector(q, self.codebooks.shape[0] * self.codebooks.shape[2])
        gap = self.codebooks - query.reshape(self.m, 1, -1)
        return (gap**2).sum(axis=2)

    def distances(self, q: ArrayLike) -> Array:
        """Squared distances (n,) of a query to all decoded vectors: m look-ups and additions each
        (asymmetric distance computation: the query itself is not quantized).
        """
        return self.tables(q)[np.arange(self.m), self.codes].sum(axis=1)

    def search(
        self, q: ArrayLike, k: int, rerank: int = 0, X: Array | None = None
    ) -> NDArray[np.intp]:
        """Ids (k,) of the nearest decoded vectors; with `rerank`, that many are compared by their
        original vectors X (n, d) and the best k returned.
        """
        check_k(k, len(self.codes))
        distances = self.distances(q)
        if not rerank:
            return np.argsort(distances, kind="stable")[:k]
        if X is None or len(X) != len(self.codes) or rerank < k:
            raise ValueError(f"reranking needs the vectors X and at least k = {k}, got {rerank}")
        ids: Ids = np.argsort(distances, kind="stable")[:rerank]
        exact = ((X[ids] - np.asarray(q, dtype=float)) ** 2).sum(axis=1)
        return ids[np.argsort(exact, kind="stable")[:k]]
