"""Answers to exercises on diagnosing training.

Read with book/modern/diagnosing-training.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.answers import Judge, functions, numbers
from groundtruth.modern.training_faults import CAUSES, UNLABELED

_CLUES = {  # what contradicts a wrong name, by the letter of the run
    "A": "its training loss falls to zero, and its validation loss does not",
    "B": "neither loss moves away from ln 10",
    "C": "both losses fall and then stay high, with validation above training",
    "D": "its first window lies far above ln 10",
    "E": "both losses are equal and stop falling well above 1",
    "F": "its training loss falls fast, and validation is far higher in the first windows",
}


def _curves(answer: Any) -> str | None:
    """What is wrong with six names, the first that is."""
    if isinstance(answer, str) or not np.iterable(answer):
        return "give six names, for the runs A to F"
    names = [str(name).strip() for name in answer]
    if len(names) != len(UNLABELED):
        return f"give six names, for the runs A to F; got {len(names)}"
    for (letter, (cause, _)), name in zip(UNLABELED.items(), names, strict=True):
        if name not in CAUSES:
            return f"{letter}: {name!r} is not among the causes; choose from the exercise's list"
        if name != cause:
            return f"{letter} is not {name!r}: {_CLUES[letter]}"
    return None


def _offset(offset: Callable[[ArrayLike, ArrayLike], int]) -> str | None:
    """Shifts of labels of three well separated groups in random order."""
    rng = np.random.default_rng(8)
    y = rng.integers(0, 3, 200)
    X = 5.0 * np.eye(3)[y] + 0.3 * rng.normal(size=(200, 3))
    for shift in (0, -1, 2, -3, 3):
        answer = offset(X.copy(), np.roll(y, shift))
        if answer == shift and shift:
            return "return the shift that repairs the labels; yours is the one that was planted"
        if answer != -shift:
            return f"labels rolled by {shift} are repaired by {-shift}, got {answer}"
    return None


def _worst_wines() -> list[float]:
    """The errors of the worst tercile of proline and of all wines."""
    from sklearn.datasets import load_wine
    from sklearn.model_selection import cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier

    wine = load_wine()
    guess = cross_val_predict(KNeighborsClassifier(5), wine.data, wine.target, cv=10)
    wrong = guess != wine.target
    proline = wine.data[:, 12]
    group = np.digitize(proline, np.quantile(proline, [1 / 3, 2 / 3]))
    return [max(float(wrong[group == g].mean()) for g in range(3)), float(wrong.mean())]


def _ceiling() -> list[float]:
    chance = 0.2 / 9
    return [(0.76 - chance) / (1 - 0.2 - chance), 0.8]


ANSWERS: dict[str, Judge] = {
    "ex-diagnosing-curves": _curves,
    "ex-diagnosing-first": numbers(
        ("first loss", "floor"),
        lambda: [np.log(1000), np.log((np.e + 999) / np.e)],
        {
            "use the natural logarithm: the loss is in nats": [3.0, np.nan],
            "a perfect output of softmax is 1 for one class and 0 for the others": [np.nan, 0.0],
            "the denominator of the second softmax has K terms, one of them e": [
                np.nan,
                np.log((np.e + 1000) / np.e),
            ],
        },
        rtol=1e-4,
    ),
    "ex-diagnosing-ceiling": numbers(
        ("true accuracy", "a perfect model"),
        _ceiling,
        {
            "a wrong answer agrees with a wrong label once in nine times": [0.95, np.nan],
            "a perfect model is counted as wrong on every replaced label": [np.nan, 1.0],
        },
    ),
    "ex-diagnosing-slices": numbers(
        ("worst", "overall"),
        _worst_wines,
        {
            "leave the columns as they are: do not standardize": [np.nan, 0.0337],
        },
        rtol=1e-2,
    ),
    "ex-diagnosing-shifted": functions(("offset",), _offset),
}
