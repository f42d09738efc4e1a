"""Exact search, inverted lists (IVF) and hyperplane hashing (LSH), with their work counted.

Read with book/modern/retrieval.md.

Shapes: X (n, d) indexed vectors, Q (m, d) queries, q (d,). Work is the number of vectors with which
a query is compared, the centroids of IVF and the normals of the hyperplanes of LSH included.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array
from groundtruth.data.similarity import nearest, unit_rows

Ids = NDArray[np.intp]
BLOCK = 4_000_000  # scores that are held at a time


def vectors(X: ArrayLike) -> Array:
    """X (n, d) as finite floats, single precision left as it is; anything else is a ValueError."""
    table = np.asarray(X)
    if table.dtype != np.float32:
        table = table.astype(np.float64)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        raise ValueError(f"need finite vectors (n, d) with n, d >= 1, got shape {table.shape}")
    return table


def query_vector(q: ArrayLike, d: int) -> Array:
    """q (d,) as finite floats."""
    vector = np.asarray(q, dtype=float)
    if vector.shape != (d,) or not np.isfinite(vector).all():
        raise ValueError(f"the query must be a finite vector of {d} numbers, got {vector.shape}")
    return vector


def check_k(k: int, n: int) -> None:
    if not 1 <= k <= n:
        raise ValueError(f"k must lie between 1 and the {n} vectors of the index, got {k}")


def unit_vectors(
    rng: np.random.Generator, n: int = 2000, m: int = 100, d: int = 32, clusters: int = 0
) -> tuple[Array, Array]:
    """Unit vectors (n, d) and queries (m, d) of the same distribution: normal components around
    random centers, or independent components if there are no clusters.

    Examples
    --------
    >>> X, Q = unit_vectors(np.random.default_rng(0), n=5, m=2, d=3)
    >>> X.shape, Q.shape, bool(np.allclose((X**2).sum(1), 1))
    ((5, 3), (2, 3), True)
    """
    if min(n, m, d) < 1 or clusters < 0:
        raise ValueError(f"need n, m, d >= 1 and clusters >= 0, got {n}, {m}, {d} and {clusters}")
    both = rng.normal(size=(n + m, d))
    if clusters:
        centers = 2 * rng.normal(size=(clusters, d))
        both = centers[rng.integers(clusters, size=n + m)] + 0.5 * both
    both = unit_rows(both)
    return both[:n], both[n:]


def largest(scores: Array, k: int) -> Ids:
    """Columns (m, k) of the k largest scores of each row (m, n), largest first, in O(n) per row.

    Of equal scores at the boundary any may come.

    Examples
    --------
    >>> largest(np.array([[0.1, 0.9, 0.3, 0.5]]), 3).tolist()
    [[1, 3, 2]]
    """
    n = scores.shape[1]
    top = np.argpartition(scores, n - k, axis=1)[:, n - k :]  # unsorted
    order = np.argsort(-np.take_along_axis(scores, top, axis=1), axis=1, kind="stable")
    return np.take_along_axis(top, order, axis=1)


class Flat:
    """Exact search by comparison with every vector.

    Parameters
    ----------
    X : (n, d)
    metric : {"ip", "cosine", "l2"}
        Largest inner product, largest cosine, or smallest Euclidean distance.

    Examples
    --------
    >>> X = [[1.0, 0.0], [3.0, 3.0], [0.0, 2.0]]
    >>> [Flat(X, metric).search([[1.0, 0.1]], 1)[0, 0] for metric in ("ip", "cosine", "l2")]
    [np.int64(1), np.int64(0), np.int64(0)]
    """

    def __init__(self, X: ArrayLike, metric: str = "l2") -> None:
        if metric not in ("ip", "cosine", "l2"):
            raise ValueError(f"metric must be 'ip', 'cosine' or 'l2', got {metric!r}")
        self.X = vectors(X)
        self.metric = metric
        if metric == "cosine":
            self.X = unit_rows(self.X).astype(self.X.dtype)

    def search(self, Q: ArrayLike, k: int) -> Ids:
        """Ids (m, k) of the k best vectors for each query (m, d), best first."""
        queries = vectors(Q)
        n, d = self.X.shape
        check_k(k, n)
        if queries.shape[1] != d:
            raise ValueError(f"queries have {queries.shape[1]} dimensions, the index {d}")
        if self.metric == "l2":
            return nearest(queries, self.X, k)[0]
        step = max(1, BLOCK // n)
        blocks = [
            largest(queries[start : start + step] @ self.X.T, k)
            for start in range(0, len(queries), step)
        ]
        return np.concatenate(blocks)


def inner_product_as_distance(X: ArrayLike) -> Array:
    """X (n, d) with one more column, so that all rows have the largest norm R: among them the
    nearest to (q, 0) has the largest inner product with q (Bachrach et al., 2014).

    Examples
    --------
    >>> inner_product_as_distance([[3.0, 4.0], [3.0, 0.0]]).tolist()
    [[3.0, 4.0, 0.0], [3.0, 0.0, 4.0]]
    """
    table = vectors(X).astype(float)
    squares = (table**2).sum(axis=1)
    return np.column_stack([table, np.sqrt(np.maximum(squares.max() - squares, 0))])


def k_means(
    X: Array, k: int, rng: np.random.Generator, steps: int = 15
) -> tuple[Array, NDArray[np.intp]]:
    """Centroids (k, d) and the cell (n,) of each row, by Lloyd's iteration from k random rows; a
    centroid that loses all its rows stays where it is.
    """
    if not 1 <= k <= len(X):
        raise ValueError(f"the number of centroids lies in [1, {len(X)}], got {k}")
    centroids = X[rng.choice(len(X), k, replace=False)].astype(float)
    cell = assign(X, centroids)
    for _ in range(steps):
        count = np.bincount(cell, minlength=k)
        sums = np.stack([np.bincount(cell, x, minlength=k) for x in X.T], axis=1)
        some = count > 0
        centroids[some] = sums[some] / count[some, None]
        cell = assign(X, centroids)
    return centroids, cell


def assign(X: Array, centroids: Array) -> NDArray[np.intp]:
    """The nearest centroid (n,) of each row: |x - c|^2 = |x|^2 - 2 (x.c - |c|^2 / 2)."""
    half = (centroids**2).sum(axis=1) / 2
    return np.argmax(X @ centroids.T - half, axis=1)


class IVF:
    """Inverted file: cells of a k-means clustering; a query reads the nprobe nearest cells.

    Parameters
    ----------
    X : (n, d)
    cells : int
    rng : random generator of the clustering

    Examples
    --------
    >>> index = IVF([[0.0], [0.2], [9.0], [9.3]], 2, np.random.default_rng(0))
    >>> ids, work = index.search([9.1], 1, nprobe=1)
    >>> ids.tolist(), work
    ([2], 4)
    """

    def __init__(self, X: ArrayLike, cells: int, rng: np.random.Generator) -> None:
        self.X = vectors(X).astype(float)
        self.centroids, cell = k_means(self.X, cells, rng)
        order = np.argsort(cell, kind="stable")
        ends = np.cumsum(np.bincount(cell, minlength=cells))
        self.lists = np.split(order, ends[:-1])

    def search(self, q: ArrayLike, k: int, nprobe: int) -> tuple[Ids, int]:
        """Ids of up to k nearest vectors in the probed cells, nearest first, and the work."""
        query = query_vector(q, self.X.shape[1])
        check_k(k, len(self.X))
        if not 1 <= nprobe <= len(self.centroids):
            raise ValueError(f"nprobe lies in [1, {len(self.centroids)}], got {nprobe}")
        probed = np.argsort(((self.centroids - query) ** 2).sum(axis=1))[:nprobe]
        ids = np.concatenate([self.lists[c] for c in probed])
        distance = ((self.X[ids] - query) ** 2).sum(axis=1)
        best = np.argsort(distance, kind="stable")[:k]
        return ids[best], len(self.centroids) + ids.size


class LSH:
    """Random hyperplanes: vectors whose signs agree on all `bits` planes of a table share a bucket
    (Charikar, 2002); a query reads its bucket in each of the tables.

    Examples
    --------
    >>> index = LSH([[1.0, 0.0], [-1.0, 0.1]], bits=2, tables=1, rng=np.random.default_rng(0))
    >>> index.search([2.0, 0.0], 1)
    (array([0]), 3)
    """

    def __init__(self, X: ArrayLike, bits: int, tables: int, rng: np.random.Generator) -> None:
        if not 1 <= bits <= 62 or tables < 1:
            raise ValueError(f"need bits in [1, 62] and tables >= 1, got {bits} and {tables}")
        self.X = unit_rows(vectors(X))
        self.planes = rng.normal(size=(tables, self.X.shape[1], bits))
        self._powers = 1 << np.arange(bits)
        keys = self._keys(self.X)  # (tables, n)
        self.buckets = [_group(row) for row in keys]

    def _keys(self, X: Array) -> NDArray[np.int64]:
        return ((X @ self.planes) > 0) @ self._powers

    def search(self, q: ArrayLike, k: int, tables: int | None = None) -> tuple[Ids, int]:
        """Ids of up to k vectors of the largest cosine in the query's buckets, and the work; the
        first `tables` tables are read, by default all.
        """
        query = query_vector(q, self.X.shape[1])
        check_k(k, len(self.X))
        keys = self._keys(query[None])[:tables, 0]
        buckets = [bucket.get(int(key)) for bucket, key in zip(self.buckets, keys, strict=False)]
        some = [bucket for bucket in buckets if bucket is not None]
        normals = len(keys) * self.planes.shape[2]
        if not some:
            return np.zeros(0, dtype=np.intp), normals
        ids = np.unique(np.concatenate(some))
        best = np.argsort(-(self.X[ids] @ query), kind="stable")[:k]
        return ids[best], normals + ids.size


def _group(keys: NDArray[np.int64]) -> dict[int, Ids]:
    """The positions of each key."""
    order = np.argsort(keys, kind="stable")
    values, start = np.unique(keys[order], return_index=True)
    return dict(zip(values.tolist(), np.split(order, start[1:]), strict=True))


def filtered(
    index: IVF, q: ArrayLike, k: int, nprobe: int, allowed: NDArray[np.bool_], before: bool
) -> Ids:
    """Search under a filter on metadata: before, only allowed vectors compete; after, the k results
    are filtered.

    Parameters
    ----------
    allowed : (n,) bool
    """
    if allowed.shape != (len(index.X),) or allowed.dtype != bool:
        raise ValueError(f"need one Boolean per vector, got {allowed.dtype} {allowed.shape}")
    if not before:
        ids, _ = index.search(q, k, nprobe)
        return ids[allowed[ids]]
    ids, _ = index.search(q, len(index.X), nprobe)
    return ids[allowed[ids]][:k]
