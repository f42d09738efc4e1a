"""Tests of word vectors on a text whose meanings nobody wrote down: the vocabulary of documents,
pairs of inflected words, and analogies between pronouns.

Read with book/networks/embeddings.md.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.networks.embeddings import analogy

WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
PRONOUNS = (
    ("i", "me", "my", "mine"),
    ("thou", "thee", "thy", "thine"),
    ("he", "him", "his", None),
    ("they", "them", "their", None),
)


def vocabulary(documents: Sequence[str], at_least: int) -> tuple[list[str], list[list[int]]]:
    """The words that occur often enough, most frequent first, and the documents as their indices.

    Examples
    --------
    >>> vocabulary(["To be or not to be", "That is"], 2)
    (['to', 'be'], [[0, 1, 0, 1], []])
    """
    if at_least < 1:
        raise ValueError(f"at_least must be >= 1, got {at_least}")
    tokens = [WORD.findall(document.lower()) for document in documents]
    frequency = Counter(word for document in tokens for word in document)
    words = [word for word, count in frequency.most_common() if count >= at_least]
    if not words:
        raise ValueError(f"no word occurs {at_least} times; lower at_least")
    index = {word: i for i, word in enumerate(words)}
    return words, [[index[w] for w in document if w in index] for document in tokens]


def inflections(words: Sequence[str]) -> NDArray[np.int64]:
    """Indices (P, 2) of all words of three letters or more with their forms in -s, -es and -'s.

    Examples
    --------
    >>> inflections(["eye", "eyes", "rose", "eye's", "i", "is"]).tolist()
    [[0, 1], [0, 3]]
    """
    index = {word: i for i, word in enumerate(words)}
    pairs = [
        (i, index[word + ending])
        for i, word in enumerate(words)
        for ending in ("s", "es", "'s")
        if len(word) >= 3 and word + ending in index
    ]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def pronoun_questions(words: Sequence[str]) -> list[tuple[int, int, int, int]]:
    """Analogies a : a* = b : b*, such as i : me = thou : thee, between the forms of pronouns.

    Examples
    --------
    >>> len(
    ...     pronoun_questions("i me my mine thou thee thy thine he him his they them their".split())
    ... )
    84
    """
    index = {word: i for i, word in enumerate(words)}
    questions = []
    for one, other in permutations(PRONOUNS, 2):
        for k, m in permutations(range(4), 2):
            asked = (one[k], one[m], other[k], other[m])
            if all(word in index for word in asked):
                a, a_star, b, b_star = (index[word] for word in asked if word is not None)
                questions.append((a, a_star, b, b_star))
    return questions


def relative_ranks(W: ArrayLike, pairs: ArrayLike) -> NDArray[np.float64]:
    """For each pair, both ways round, the fraction of other words that are nearer by cosine, (2P,).

    Examples
    --------
    >>> relative_ranks([[1, 0], [1, 0.1], [0, 1], [-1, 0.0]], [[0, 1]]).tolist()
    [0.0, 0.0]
    """
    table = np.asarray(W, dtype=float)
    both = np.asarray(pairs)
    norms = np.linalg.norm(table, axis=1, keepdims=True)
    if not len(both) or not (norms > 0).all():
        raise ValueError("need at least one pair, and no word vector that is zero")
    unit = table / norms
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    both = np.concatenate([both, both[:, ::-1]])
    partner = cosines[both[:, 0], both[:, 1]]
    return np.asarray((cosines[both[:, 0]] > partner[:, None]).sum(1) / (len(table) - 2))


class AnalogyScores(NamedTuple):
    """Fractions of all questions a : a* = b : b*."""

    excluding: float
    """answered correctly when a, a* and b are excluded from the answers"""
    including: float
    """answered correctly when they are allowed"""
    returns_b: float
    """answered with b itself when it is allowed"""
    nearest_to_b: float
    """answered correctly by the word nearest to b, other than a and a*, without an offset"""


def analogy_scores(W: ArrayLike, questions: Sequence[tuple[int, int, int, int]]) -> AnalogyScores:
    """Analogies by vector offset with their two controls (Linzen, 2016)."""
    table = np.asarray(W, dtype=float)
    if not questions:
        raise ValueError("need at least one question")
    rows = []
    for a, a_star, b, b_star in questions:
        answer = analogy(table, a, a_star, b)
        allowed = analogy(table, a, a_star, b, exclude=False)
        cosines = table @ table[b] / np.linalg.norm(table, axis=1)
        cosines[[a, a_star, b]] = -np.inf
        neighbor = cosines.argmax()
        rows.append(
            (answer == b_star, allowed == b_star, allowed == b, neighbor == b_star),
        )
    return AnalogyScores(*np.mean(rows, axis=0).tolist())
