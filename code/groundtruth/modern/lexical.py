"""Lexical search: an inverted index whose postings hold finished BM25 or TF-IDF weights.

Read with book/modern/retrieval.md.

Shapes: n documents, V terms, P postings. `groundtruth.data.text.bm25` scores every document by the
same formula from a table of counts; here a query reads only the postings of its own terms.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from groundtruth.arrays import Array
from groundtruth.data import text
from groundtruth.data.similarity import top_k

Ids = NDArray[np.intp]


def bm25_weights(counts: csr_array, k1: float, b: float) -> Array:
    """The BM25 weight (P,) of each posting of a table of counts (n, V) (Robertson and Zaragoza,
    2009, with Lucene's idf, which is never negative).
    """
    n, V = counts.shape
    length = np.asarray(counts.sum(axis=1)).ravel()  # (n,)
    norm = k1 * (1 - b + b * length / length.mean())
    df = np.bincount(counts.indices, minlength=V)
    idf = np.log1p((n - df + 0.5) / (df + 0.5))
    rows = np.repeat(np.arange(n), np.diff(counts.indptr))
    tf = counts.data
    return idf[counts.indices] * tf * (k1 + 1) / (tf + norm[rows])


class InvertedIndex:
    """Term -> postings: the documents that hold it, each with a weight computed once.

    Parameters
    ----------
    documents : sequence of n token lists
    weights : {"bm25", "tfidf"}
        TF-IDF weights give, up to the norm of the query, the cosine.
    k1, b : float
        Saturation (>= 0) and normalization by length (in [0, 1]) of BM25.

    Raises
    ------
    ValueError
        For an empty collection, a collection without tokens, or parameters out of range.

    Examples
    --------
    >>> index = InvertedIndex([["red", "fox"], ["red", "red", "hen"], ["dog"]])
    >>> index.search(["hen", "fox", "unknown"], 2)[0].tolist(), index.work
    ([0, 1], 2)
    """

    def __init__(
        self,
        documents: Sequence[Sequence[str]],
        weights: str = "bm25",
        k1: float = 1.2,
        b: float = 0.75,
    ) -> None:
        if weights not in ("bm25", "tfidf"):
            raise ValueError(f"weights must be 'bm25' or 'tfidf', got {weights!r}")
        if not 0 <= k1 < np.inf or not 0 <= b <= 1:
            raise ValueError(f"k1 must be >= 0 and b in [0, 1], got k1 = {k1} and b = {b}")
        if not len(documents):
            raise ValueError("there are no documents to index")
        vocabulary = text.vocabulary_of(documents)
        counts = text.count_matrix(documents, vocabulary)
        self.idf = np.ones(len(vocabulary))  # of a query's terms
        if weights == "bm25":
            counts.data = bm25_weights(counts, k1, b)
        else:
            self.idf = text.idf(counts)
            counts = text.tfidf(counts)
        postings = csc_array(counts)
        self.term = {word: j for j, word in enumerate(vocabulary)}
        self.start = postings.indptr  # (V + 1,)
        self.document = postings.indices  # (P,)
        self.weight = postings.data  # (P,)
        self.size = len(documents)
        self.work = 0
        """Postings read by the last query."""

    def scores(self, query: Sequence[str]) -> Array:
        """Score (n,) of each document; a term counts as often as the query repeats it, terms
        outside the collection count nothing.
        """
        if isinstance(query, str):
            raise TypeError("a query is a list of tokens, got a plain string; tokenize it first")
        total = np.zeros(self.size)
        self.work = 0
        for word in query:
            j = self.term.get(word)
            if j is None:
                continue
            span = slice(self.start[j], self.start[j + 1])
            total[self.document[span]] += self.idf[j] * self.weight[span]
            self.work += int(span.stop - span.start)
        return total

    def search(self, query: Sequence[str], k: int) -> tuple[Ids, Array]:
        """Numbers and scores of the k best documents, best first; equal scores by number.

        Documents without any term of the query are left out, so fewer than k may come back.
        """
        total = self.scores(query)
        ids = top_k(total, min(k, self.size))
        ids = ids[total[ids] > 0]
        return ids, total[ids]


def grep(texts: Sequence[str], words: Sequence[str]) -> Ids:
    """Numbers of the texts that hold every word, anywhere and in any case, in order.

    Examples
    --------
    >>> grep(["Red fox", "red hen"], ["red", "HEN"]).tolist()
    [1]
    """
    if isinstance(words, str):
        raise TypeError("give a list of words, got a plain string; split it first")
    wanted = [word.lower() for word in words]
    hits = [all(word in text_of for word in wanted) for text_of in map(str.lower, texts)]
    return np.flatnonzero(hits)


def agent_search(texts: Sequence[str], query: Sequence[str], limit: int = 10) -> tuple[Ids, int]:
    """Search as an agent with `grep` does: count the texts with each word and drop words without a
    hit, then list the texts with all words, with all but the commonest, and so on, until `limit`
    texts are found.

    Returns
    -------
    ids, calls : numbers of texts, those with the most words first, and calls of grep

    Examples
    --------
    >>> agent_search(["red fox", "red hen", "dog"], ["red", "hen", "owl"])
    (array([1]), 5)
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    lowered = [text_of.lower() for text_of in texts]
    holds = {word.lower(): np.zeros(0, dtype=bool) for word in query}
    for word in holds:
        holds[word] = np.array([word in text_of for text_of in lowered])
    calls = len(holds)
    words = sorted(
        (word for word in holds if holds[word].any()), key=lambda word: (holds[word].sum(), word)
    )
    found: list[int] = []
    while words and len(found) < limit:
        calls += 1
        every = np.flatnonzero(np.logical_and.reduce([holds[word] for word in words]))
        found += [i for i in every.tolist() if i not in found]
        words = words[:-1]
    return np.array(found[:limit], dtype=np.intp), calls
