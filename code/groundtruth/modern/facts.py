"""A world of people and their cities of birth, to measure what a language model makes up.

Read with book/modern/language-models.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array
from groundtruth.modern.ngrams import KneserNey

PERIOD = 0


@dataclass(frozen=True)
class World:
    """People, each a first and a last name, with a city.

    Attributes
    ----------
    first, last, city : arrays (n,) of token numbers
    mentions : array (n,), how often the training text states the city of each
    text : array of tokens, sentences of first name, last name, city and period
    names, cities : int, number of first names (and of last names), number of cities
    """

    first: NDArray[np.intp]
    last: NDArray[np.intp]
    city: NDArray[np.intp]
    mentions: NDArray[np.intp]
    text: NDArray[np.intp]
    names: int
    cities: int

    @property
    def V(self) -> int:
        """Size of the vocabulary: the period, first names, last names, cities."""
        return 1 + 2 * self.names + self.cities


def world(
    rng: np.random.Generator,
    people: int = 900,
    sentences: int = 1500,
    names: int = 60,
    cities: int = 12,
) -> World:
    """People with random cities; sentences mention them with frequencies like 1 / rank (Zipf).

    Raises
    ------
    ValueError
        If there are more people than pairs of names, or a number is below 1.

    Examples
    --------
    >>> w = world(np.random.default_rng(0), 9, 20, 3, 4)
    >>> w.V, len(w.text), int(w.mentions.sum())
    (11, 80, 20)
    """
    if min(people, sentences, names, cities) < 1 or people > names**2:
        raise ValueError(f"{people} people need as many pairs of {names} names, all at least 1")
    pairs = rng.choice(names**2, people, replace=False)
    first = 1 + pairs // names
    last = 1 + names + pairs % names
    popularity = 1 / np.arange(1, cities + 1)
    city = 1 + 2 * names + rng.choice(cities, people, p=popularity / popularity.sum())
    weight = 1 / np.arange(1, people + 1)
    said = rng.choice(people, sentences, p=weight / weight.sum())
    period = np.full(sentences, PERIOD)
    text = np.stack([first[said], last[said], city[said], period], axis=1).ravel()
    mentions = np.bincount(said, minlength=people)
    return World(first, last, city, mentions, text, names, cities)


def answers(w: World) -> tuple[NDArray[np.intp], Array, Array]:
    """Of a Kneser-Ney model with n = 3: the likeliest token (n,) after each name, its probability
    (n,), and the probability (n,) that the next token is any city.

    Examples
    --------
    >>> token, p, any_city = answers(world(np.random.default_rng(0), 9, 20, 3, 4))
    >>> token.shape, bool((any_city >= p - 1e-12).all())
    ((9,), True)
    """
    model = KneserNey(w.text.tolist(), 3, w.V)
    rows = [
        model.probabilities(pair) for pair in zip(w.first.tolist(), w.last.tolist(), strict=True)
    ]
    table = np.array(rows)  # (n, V)
    cities = table[:, 1 + 2 * w.names :]
    return table.argmax(1), table.max(1), cities.sum(1)


def selective(p: ArrayLike, right: ArrayLike) -> tuple[Array, Array]:
    """Coverage (n,) and accuracy (n,) when the 1, 2, ... n most confident answers are given.

    Raises
    ------
    ValueError
        For no answers, lengths that differ, or a confidence or mark that is NaN.

    Examples
    --------
    >>> coverage, accuracy = selective([0.9, 0.2, 0.5], [True, False, True])
    >>> coverage.round(2).tolist(), accuracy.round(2).tolist()
    ([0.33, 0.67, 1.0], [1.0, 1.0, 0.67])
    """
    confidence, correct = _marked(p, right)
    if confidence.ndim != 1 or not confidence.size:
        raise ValueError("need one mark per confidence, and at least one")
    order = np.argsort(-confidence, kind="stable")
    count = np.arange(1, len(order) + 1)
    return count / len(order), np.cumsum(correct[order]) / count


def score(p: ArrayLike, right: ArrayLike, threshold: float, penalty: float) -> float:
    """Mean score if answers below the threshold are withheld: 1 if right, -penalty if wrong, 0.

    Raises
    ------
    ValueError
        For shapes that differ, a confidence, mark, threshold or penalty that is NaN, or a negative
        penalty.

    Examples
    --------
    >>> score([0.9, 0.2], [True, False], 0.5, 1.0), score([0.9, 0.2], [True, False], 0.0, 1.0)
    (0.5, 0.0)
    """
    confidence, correct = _marked(p, right)
    if np.isnan(threshold) or not penalty >= 0:
        raise ValueError(f"need a threshold and a penalty >= 0, got {threshold} and {penalty}")
    points = np.where(correct != 0, 1.0, -penalty)
    return float(np.where(confidence >= threshold, points, 0.0).mean())


def _marked(p: ArrayLike, right: ArrayLike) -> tuple[Array, Array]:
    """Confidences and marks as floats of one shape, none of them NaN."""
    confidence = np.asarray(p, dtype=float)
    correct = np.asarray(right, dtype=float)
    if confidence.shape != correct.shape:
        raise ValueError("need one mark per confidence")
    if np.isnan(confidence).any() or np.isnan(correct).any():
        raise ValueError("a confidence or a mark is NaN; drop the answers that have none")
    return confidence, correct
