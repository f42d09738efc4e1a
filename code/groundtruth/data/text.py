"""Texts to rows: tokens, counts, TF-IDF, hashing and BM25, in sparse matrices.

Read with book/data/features.md.

Shapes: n documents, V words, m buckets; matrices are SciPy CSR (n, V).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import chain, pairwise, repeat

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

TOKEN = re.compile(r"\b\w\w+\b")  # two characters or more, as scikit-learn's default


def tokenize(text: str) -> list[str]:
    """Lower-case words of at least two characters.

    Examples
    --------
    >>> tokenize("The cat, a CAT!")
    ['the', 'cat', 'cat']
    """
    return TOKEN.findall(text.lower())


def bigrams(tokens: Sequence[str]) -> list[str]:
    """Neighboring pairs of tokens, joined by a space.

    Examples
    --------
    >>> bigrams(["new", "york", "city"])
    ['new york', 'york city']
    """
    return [" ".join(pair) for pair in pairwise(tokens)]


def vocabulary_of(docs: Iterable[Sequence[str]]) -> list[str]:
    """All different tokens of the training documents, sorted.

    Examples
    --------
    >>> vocabulary_of([["b", "a"], ["a", "c"]])
    ['a', 'b', 'c']
    """
    words = sorted(set(chain.from_iterable(docs)))
    if not words:
        raise ValueError("the documents hold no token at all; check the tokenizer and the input")
    return words


def count_matrix(docs: Sequence[Sequence[str]], vocabulary: Sequence[str]) -> csr_array:
    """How often each word of the vocabulary (V,) stands in each tokenized document: (n, V), words
    outside are dropped.

    Examples
    --------
    >>> count_matrix([["a", "b", "a"], ["z"]], ["a", "b"]).toarray().tolist()
    [[2.0, 1.0], [0.0, 0.0]]
    """
    index = {word: j for j, word in enumerate(vocabulary)}
    if not index or len(index) != len(vocabulary):
        raise ValueError(
            "the vocabulary must be non-empty and without repeats; make it with"
            " vocabulary_of(training documents)"
        )
    lengths = _lengths(docs)
    tokens = chain.from_iterable(docs)
    columns = np.fromiter(
        map(index.get, tokens, repeat(-1)), dtype=np.int64, count=int(lengths.sum())
    )
    rows = np.repeat(np.arange(len(docs)), lengths)[columns >= 0]
    return _tally(rows, columns[columns >= 0], np.ones(rows.size), (len(docs), len(index)))


def _lengths(docs: Sequence[Sequence[str]]) -> NDArray[np.intp]:
    """Tokens per document (n,)."""
    if isinstance(docs, str) or any(isinstance(doc, str) for doc in docs):
        raise TypeError("documents must be lists of tokens, got a plain string; tokenize it first")
    return np.fromiter(map(len, docs), dtype=np.intp, count=len(docs))


def _tally(rows: NDArray, columns: NDArray, weights: NDArray, shape: tuple[int, int]) -> csr_array:
    """Weights summed per (row, column)."""
    table = csr_array((weights, (rows, columns)), shape=shape)
    table.sum_duplicates()
    return table


def idf(counts: csr_array) -> NDArray[np.float64]:
    """Inverse document frequency (V,), smoothed: ln((1 + n) / (1 + df)) + 1, so a word of every
    document has 1.

    df is the number of documents that hold the word (Sparck Jones, 1972; the smoothing is
    scikit-learn's).

    Examples
    --------
    >>> idf(count_matrix([["a", "b"], ["a"]], ["a", "b"])).round(3).tolist()
    [1.0, 1.405]
    """
    table = _canonical(counts)
    n, V = table.shape
    if n == 0:
        raise ValueError("cannot count documents: there are none")
    df = np.bincount(table.indices[table.data > 0], minlength=V)
    return np.log((1 + n) / (1 + df)) + 1


def _canonical(counts: csr_array) -> csr_array:
    """The counts as CSR with one entry per document and word; the argument is left as it is."""
    table = csr_array(counts, dtype=float)
    if not table.has_canonical_format:
        table = table.copy()
        table.sum_duplicates()
    if not np.isfinite(table.data).all() or (table.data < 0).any():
        raise ValueError("counts must be finite and >= 0; count words with count_matrix")
    return table


def tfidf(counts: csr_array, weights: ArrayLike | None = None) -> csr_array:
    """Counts (n, V) times the idf (V,), each row divided by its length; an empty row stays zero.

    Parameters
    ----------
    weights : (V,), optional
        The idf of the training documents. Without it the documents at hand are the training
        documents.

    Examples
    --------
    >>> tfidf(count_matrix([["a", "b"], ["a"]], ["a", "b"])).toarray().round(3).tolist()
    [[0.58, 0.815], [1.0, 0.0]]
    """
    counts = _canonical(counts)
    weight = idf(counts) if weights is None else np.asarray(weights, dtype=float)
    if weight.shape != (counts.shape[1],) or not np.isfinite(weight).all():
        raise ValueError(
            f"need one finite weight per word: shape ({counts.shape[1]},), got {weight.shape}; take"
            " idf of the training counts"
        )
    table = csr_array(
        (counts.data * weight[counts.indices], counts.indices, counts.indptr), shape=counts.shape
    )
    rows = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr))
    lengths = np.sqrt(np.bincount(rows, table.data**2, minlength=table.shape[0]))
    table.data /= np.where(lengths > 0, lengths, 1.0)[rows]
    return table


def hash_vectorize(docs: Sequence[Sequence[str]], m: int) -> csr_array:
    """Signed counts in m buckets (n, m), no vocabulary: a digest picks the bucket, one of its bits
    the sign.

    With random signs a collision adds noise of mean zero to inner products instead of a bias
    (Weinberger et al., 2009). The digest is BLAKE2: equal on every machine, unlike Python's `hash`,
    and without structure, unlike a checksum, which spreads `item 1`, `item 2`, ... too evenly.
    """
    if m < 1:
        raise ValueError(f"need at least one bucket, got m = {m}")
    lengths = _lengths(docs)
    digests = b"".join(
        blake2b(token.encode(), digest_size=8).digest() for token in chain.from_iterable(docs)
    )
    code = np.frombuffer(digests, dtype="<u8")
    columns = ((code >> 1) % m).astype(np.int64)
    signs = np.where(code & 1, 1.0, -1.0)
    return _tally(np.repeat(np.arange(len(docs)), lengths), columns, signs, (len(docs), m))


def bm25(
    counts: csr_array, query: Sequence[int], k1: float = 1.2, b: float = 0.75
) -> NDArray[np.float64]:
    """Score (n,) of each document for the words of a query, given as columns of counts (n, V).

    A word's weight saturates with its count at the rate k1 and is held against the document's
    length by b in [0, 1] (Robertson and Zaragoza, 2009); idf is ln(1 + (n - df + 0.5) / (df +
    0.5)), never negative.
    """
    counts = _canonical(counts)
    n, V = counts.shape
    if not n or not counts.data.any():
        raise ValueError("there is no document with a word in it")
    if not 0 <= k1 < np.inf or not 0 <= b <= 1:
        raise ValueError(f"k1 must be >= 0 and b in [0, 1], got k1 = {k1} and b = {b}")
    if any(not 0 <= word < V for word in query):
        raise ValueError(
            f"a query word is a column number in [0, {V}), got {list(query)}; drop words outside"
            " the vocabulary"
        )
    length = np.asarray(counts.sum(axis=1)).ravel()  # (n,)
    norm = k1 * (1 - b + b * length / length.mean())
    tf = counts[:, list(query)].toarray()  # (n, q)
    df = (tf > 0).sum(axis=0)
    weight = np.log1p((n - df + 0.5) / (df + 0.5))
    rising = np.divide(tf * (k1 + 1), tf + norm[:, None], out=np.zeros_like(tf), where=tf > 0)
    return rising @ weight
