"""Retrieval-augmented answers from end to end: chunks, candidates, reranking, an extractive reader,
abstention and access control.

Read with book/modern/retrieval.md.

The reader copies a number from a passage; it is a program and not a language model, so that every
mistake can be attributed to a stage.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from groundtruth.arrays import Array
from groundtruth.data.text import tokenize
from groundtruth.modern.dense import BiEncoder
from groundtruth.modern.fusion import PairScorer, rrf
from groundtruth.modern.lexical import Ids, InvertedIndex
from groundtruth.modern.retrieval_synthetic import Planted, subwords

NUMBER = re.compile(r"\b\d+\b")


def chunk(words: Sequence[str], size: int, overlap: int = 0) -> list[list[str]]:
    """Windows of `size` words, each beginning size - overlap words after the one before; the last
    may be shorter and is no part of the one before it.

    Examples
    --------
    >>> chunk("a b c d e".split(), 3, 1)
    [['a', 'b', 'c'], ['c', 'd', 'e']]
    """
    if isinstance(words, str):
        raise TypeError("give a list of words, got a plain string; split it first")
    if not 0 <= overlap < size:
        raise ValueError(f"need 0 <= overlap < size, got size {size} and overlap {overlap}")
    step = size - overlap
    starts = range(0, max(1, len(words) - overlap), step)
    return [list(words[start : start + size]) for start in starts]


def semantic_chunks(sentences: Sequence[str], embeddings: Array, count: int) -> list[str]:
    """A document in `count` chunks, cut where the cosine of neighboring sentences is smallest.

    Parameters
    ----------
    embeddings : (s, d)
        Unit rows, one per sentence.

    Examples
    --------
    >>> semantic_chunks(["A.", "B.", "C."], np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), 2)
    ['A. B.', 'C.']
    """
    if len(sentences) != len(embeddings) or not 1 <= count <= len(sentences):
        raise ValueError(
            f"need a row per sentence and 1 <= count <= sentences, got {len(sentences)},"
            f" {len(embeddings)} and {count}"
        )
    cosine = (embeddings[:-1] * embeddings[1:]).sum(axis=1)  # (s - 1,)
    cuts = np.sort(np.argsort(cosine, kind="stable")[: count - 1]) + 1
    ends = [0, *cuts.tolist(), len(sentences)]
    return [" ".join(sentences[a:b]) for a, b in pairwise(ends)]


def cut_probability(size: int, overlap: int, answer: int) -> float:
    """Probability that no chunk holds all of an answer of that many words, which begins anywhere
    with equal probability: max(0, answer - 1 - overlap) / (size - overlap), at most 1.

    Examples
    --------
    >>> cut_probability(200, 0, 30), cut_probability(200, 29, 30)
    (0.145, 0.0)
    """
    if not 0 <= overlap < size or answer < 1:
        raise ValueError(
            f"need 0 <= overlap < size and an answer of a word or more, got {size}, {overlap} and"
            f" {answer}"
        )
    return min(1.0, max(0, answer - 1 - overlap) / (size - overlap))


class Retriever:
    """Lexical and dense search over one collection, and the features of a reranker.

    Parameters
    ----------
    passages : n texts
    encoder : BiEncoder
        Trained on other passages.
    """

    def __init__(self, passages: Sequence[str], encoder: BiEncoder) -> None:
        if not len(passages):
            raise ValueError("there are no passages to search")
        self.passages = list(passages)
        self.encoder = encoder
        self.tokens = [frozenset(tokenize(passage)) for passage in self.passages]
        self.index = InvertedIndex([tokenize(passage) for passage in self.passages])
        self.embeddings = encoder.documents([subwords(passage) for passage in self.passages])
        df = np.diff(self.index.start)
        self._idf = np.log1p((self.index.size - df + 0.5) / (df + 0.5))
        self._unseen = float(np.log1p((self.index.size + 0.5) / 0.5))

    def scores(self, query: str, kind: str) -> Array:
        """Scores (n,) of all passages: BM25 ("lexical") or the cosine ("dense")."""
        if kind == "lexical":
            return self.index.scores(tokenize(query))
        if kind == "dense":
            return self.embeddings @ self.encoder.queries([subwords(query)])[0]
        raise ValueError(f"kind must be 'lexical' or 'dense', got {kind!r}")

    def ranking(self, query: str, kind: str, allowed: NDArray[np.bool_] | None = None) -> Ids:
        """All allowed passages, best first."""
        scores = self.scores(query, kind)
        order = np.argsort(-scores, kind="stable")
        return order if allowed is None else order[allowed[order]]

    def hybrid(
        self, query: str, k: int, depth: int = 50, allowed: NDArray[np.bool_] | None = None
    ) -> Ids:
        """The k best of the fusion of both rankings, each cut at a depth."""
        rankings = [self.ranking(query, kind, allowed)[:depth] for kind in ("lexical", "dense")]
        return rrf(rankings)[0][:k]

    def idf(self, word: str) -> float:
        """The rarity of a word; of a word that no passage holds, that of none in n."""
        j = self.index.term.get(word)
        return self._unseen if j is None else float(self._idf[j])

    def features(self, query: str, ids: Ids) -> Array:
        """Features (m, 3) of pairs: fraction of the query's idf that the passage holds, cosine,
        their product.
        """
        words = sorted(set(tokenize(query)))
        if not words:
            raise ValueError(f"the query {query!r} holds no word of two characters or more")
        weight = np.array([self.idf(word) for word in words])
        held = np.array([[word in self.tokens[i] for word in words] for i in ids.tolist()])
        coverage = held @ weight / weight.sum()
        cosine = self.scores(query, "dense")[ids]
        return np.column_stack([coverage, cosine, coverage * cosine])

    def reranked(
        self,
        query: str,
        scorer: PairScorer,
        k: int,
        depth: int = 20,
        allowed: NDArray[np.bool_] | None = None,
    ) -> tuple[Ids, Array]:
        """The k best of the first `depth` of both rankings by a trained scorer, with log-odds."""
        rankings = [self.ranking(query, kind, allowed)[:depth] for kind in ("lexical", "dense")]
        ids = np.unique(np.concatenate(rankings))
        if not ids.size:
            return ids, np.zeros(0)
        odds = scorer.scores(self.features(query, ids))
        order = np.argsort(-odds, kind="stable")[:k]
        return ids[order], odds[order]


def training_pairs(collections: Sequence[Planted]) -> tuple[list[list[str]], list[list[str]]]:
    """Queries and their first relevant passages, as subwords, for `dense.train`."""
    pairs = [(q.text, c.passages[q.relevant[0]]) for c in collections for q in c.queries]
    return [subwords(q) for q, _ in pairs], [subwords(p) for _, p in pairs]


def fit_scorer(retriever: Retriever, collection: Planted, depth: int = 10) -> PairScorer:
    """A reranker from the judged candidates of a collection that is not tested on."""
    features = []
    labels: list[bool] = []
    for query in collection.queries:
        rankings = [retriever.ranking(query.text, kind)[:depth] for kind in ("lexical", "dense")]
        ids = np.unique(np.concatenate(rankings))
        features.append(retriever.features(query.text, ids))
        labels += [i == query.relevant[0] for i in ids.tolist()]
    return PairScorer().fit(np.concatenate(features), labels)


def extract(query: str, passage: str) -> int | None:
    """The first number of a passage that the query does not hold.

    Examples
    --------
    >>> extract("Where is item 482193?", "Item 482193 is on shelf 17.")
    17
    """
    asked = set(NUMBER.findall(query))
    numbers = [number for number in NUMBER.findall(passage) if number not in asked]
    return int(numbers[0]) if numbers else None


def answer(
    retriever: Retriever,
    query: str,
    scorer: PairScorer,
    *,
    hops: int = 1,
    threshold: float = -np.inf,
    allowed: NDArray[np.bool_] | None = None,
) -> tuple[int | None, list[int]]:
    """The number read from the best passage, and the passages that were read.

    None, an abstention, if the log-odds of the best passage are below the threshold or there is
    nothing left to read. A passage without a number is the bridge to a second query, made of what
    it adds to the first.
    """
    if hops < 1:
        raise ValueError(f"need at least one hop, got {hops}")
    read: list[int] = []
    question = query
    for hop in range(hops):
        if hop:
            ranked = retriever.ranking(question, "lexical", allowed)
            ids = ranked[~np.isin(ranked, read)][:1]
        else:
            ids, odds = retriever.reranked(question, scorer, 1, allowed=allowed)
            ids = ids[odds >= threshold]
        if not ids.size:
            return None, read
        read.append(int(ids[0]))
        number = extract(query, retriever.passages[ids[0]])
        if number is not None:
            return number, read
        fresh = [w for w in tokenize(retriever.passages[ids[0]]) if w not in set(tokenize(query))]
        if not fresh:
            return None, read
        question = " ".join(fresh)
    return None, read
