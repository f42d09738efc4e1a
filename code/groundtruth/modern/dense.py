"""Dense retrieval: latent semantic analysis, a bi-encoder trained with in-batch negatives, and late
interaction.

Read with book/modern/retrieval.md.

Shapes: n documents, V terms, d dimensions of an embedding, B pairs of a batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array
from scipy.sparse.linalg import svds

from groundtruth.arrays import Array
from groundtruth.data import text
from groundtruth.functional import softmax


def unit(X: Array) -> Array:
    """Rows of unit norm; a row of zeros, a text without known words, stays zero."""
    norm = np.linalg.norm(X, axis=-1, keepdims=True)
    return X / np.where(norm > 0, norm, 1.0)


class LSA:
    """Latent semantic analysis: TF-IDF rows projected on the d leading right singular vectors
    (Deerwester et al., 1990).

    Parameters
    ----------
    documents : sequence of n token lists
    d : int
        Dimensions, at least 1 and less than n and V.

    Examples
    --------
    >>> model = LSA([["car", "wheel"], ["auto", "wheel"], ["cat", "fur"], ["dog", "fur"]], 2)
    >>> bool(model.encode([["car"]]) @ model.encode([["auto"]]).T > 0.99)
    True
    """

    def __init__(self, documents: Sequence[Sequence[str]], d: int) -> None:
        self.vocabulary = text.vocabulary_of(documents)
        counts = text.count_matrix(documents, self.vocabulary)
        if not 1 <= d < min(counts.shape):
            raise ValueError(f"d must lie in [1, {min(counts.shape) - 1}], got {d}")
        self.idf = text.idf(counts)
        # a fixed start makes the iteration repeatable
        _, s, Vt = svds(text.tfidf(counts), k=d, v0=np.ones(min(counts.shape)))
        order = np.argsort(-s)
        self.singular_values = s[order]  # (d,)
        self.basis = Vt[order].T  # (V, d)

    def encode(self, documents: Sequence[Sequence[str]], d: int | None = None) -> Array:
        """Unit rows (m, d) of token lists, by the first d dimensions (all by default)."""
        counts = text.count_matrix(documents, self.vocabulary)
        return unit(text.tfidf(counts, self.idf) @ self.basis[:, :d])


class BiEncoder:
    """Two encoders, for queries and documents: the mean of word vectors, normalized.

    The tables start equal, so that a word of the query is at first nearest to itself.

    Parameters
    ----------
    vocabulary : sequence of V words
    d : int
        Dimensions of the embedding.
    """

    def __init__(self, vocabulary: Sequence[str], d: int, rng: np.random.Generator) -> None:
        if d < 1:
            raise ValueError(f"an embedding needs at least one dimension, got {d}")
        self.vocabulary = list(vocabulary)
        self.query_table = rng.normal(size=(len(self.vocabulary), d)) / np.sqrt(d)
        self.document_table = self.query_table.copy()

    def bags(self, documents: Sequence[Sequence[str]]) -> csr_array:
        """Mean-of-words weights (m, V); unknown words are left out, a text without any is zero."""
        counts = text.count_matrix(documents, self.vocabulary)
        total = np.asarray(counts.sum(axis=1)).ravel()
        rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
        counts.data /= np.where(total > 0, total, 1)[rows]
        return counts

    def queries(self, documents: Sequence[Sequence[str]], d: int | None = None) -> Array:
        """Unit embeddings (m, d) of queries."""
        return unit((self.bags(documents) @ self.query_table)[:, :d])

    def documents(self, documents: Sequence[Sequence[str]], d: int | None = None) -> Array:
        """Unit embeddings (m, d) of documents."""
        return unit((self.bags(documents) @ self.document_table)[:, :d])


def in_batch_loss(
    Q: Array, D: Array, temperature: float, dims: Sequence[int] = ()
) -> tuple[float, Array, Array]:
    """InfoNCE with in-batch negatives: loss and its gradients with respect to Q and D (B, d).

    Row i of D answers row i of Q, the other rows are its negatives. Rows are normalized here. With
    `dims`, the loss is the mean over prefixes of these lengths (Matryoshka; Kusupati et al., 2022).

    Raises
    ------
    ValueError
        For tables of different shapes, fewer than two pairs or a temperature that is not positive.
    """
    if Q.ndim != 2 or Q.shape != D.shape or len(Q) < 2 or not temperature > 0:
        raise ValueError(
            f"need two tables (B, d), B >= 2, and a temperature > 0, got {Q.shape}, {D.shape} and"
            f" {temperature}"
        )
    prefixes = list(dims) or [Q.shape[1]]
    loss = 0.0
    dQ = np.zeros_like(Q)
    dD = np.zeros_like(D)
    for m in prefixes:
        q, d = unit(Q[:, :m]), unit(D[:, :m])
        p = softmax(q @ d.T / temperature)  # (B, B)
        loss -= float(np.log(np.maximum(np.diag(p), 1e-300)).mean()) / len(prefixes)
        p[np.diag_indices(len(p))] -= 1
        p /= len(p) * temperature * len(prefixes)
        dQ[:, :m] += _through_unit(Q[:, :m], q, p @ d)
        dD[:, :m] += _through_unit(D[:, :m], d, p.T @ q)
    return loss, dQ, dD


def _through_unit(X: Array, u: Array, g: Array) -> Array:
    """The gradient g with respect to unit rows u as one with respect to the rows X."""
    norm = np.linalg.norm(X, axis=1, keepdims=True)
    return (g - u * (g * u).sum(axis=1, keepdims=True)) / np.where(norm > 0, norm, 1.0)


def train(
    model: BiEncoder,
    queries: Sequence[Sequence[str]],
    documents: Sequence[Sequence[str]],
    rng: np.random.Generator,
    *,
    epochs: int = 20,
    batch: int = 64,
    rate: float = 0.01,
    temperature: float = 0.1,
    dims: Sequence[int] = (),
) -> list[float]:
    """Fit both tables to pairs by Adam on the in-batch loss; the mean loss of each epoch.

    Raises
    ------
    ValueError
        If the lists differ in length, or a batch has fewer than two pairs.
    """
    if len(queries) != len(documents) or not 2 <= batch <= len(queries):
        raise ValueError(
            f"need as many queries as documents and 2 <= batch <= pairs, got {len(queries)},"
            f" {len(documents)} and {batch}"
        )
    bags = model.bags(queries), model.bags(documents)
    tables = model.query_table, model.document_table
    moments = [[np.zeros_like(table), np.zeros_like(table)] for table in tables]
    losses = []
    step = 0
    for _ in range(epochs):
        order = rng.permutation(len(queries))
        values = []
        for start in range(0, len(order) - batch + 1, batch):
            rows = [bag[order[start : start + batch]] for bag in bags]
            embedded = [row @ table for row, table in zip(rows, tables, strict=True)]
            loss, *gradients = in_batch_loss(embedded[0], embedded[1], temperature, dims)
            values.append(loss)
            step += 1
            for row, table, (m, v), g in zip(rows, tables, moments, gradients, strict=True):
                _adam(table, row.T @ g, m, v, step, rate)
        losses.append(float(np.mean(values)))
    return losses


def _adam(table: Array, g: Array, m: Array, v: Array, step: int, rate: float) -> None:
    """One step of Adam in place; g is used up, so that nothing of the size of a table is made."""
    g *= 0.1
    m *= 0.9
    m += g
    g *= g
    g *= 0.1  # 0.001 times the squared gradient
    v *= 0.999
    v += g
    np.divide(v, 1 - 0.999**step, out=g)
    np.sqrt(g, out=g)
    g += 1e-8
    np.divide(m, g, out=g)
    g *= rate / (1 - 0.9**step)
    table -= g


def max_sim(query: ArrayLike, document: ArrayLike) -> float:
    """Late interaction: for each query vector (a, d) the best document vector (b, d), summed
    (Khattab and Zaharia, 2020).

    Examples
    --------
    >>> max_sim([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.6, 0.8]])
    1.8
    """
    q = np.asarray(query, dtype=float)
    d = np.asarray(document, dtype=float)
    if q.ndim != 2 or d.ndim != 2 or q.shape[1] != d.shape[1] or not q.size or not d.size:
        raise ValueError(f"need tables (a, d) and (b, d), got shapes {q.shape} and {d.shape}")
    return float((q @ d.T).max(axis=1).sum())
