"""Answers to exercises on retrieval.

Read with book/modern/retrieval.md.
"""

from __future__ import annotations

import numpy as np

from groundtruth.answers import Judge, numbers
from groundtruth.learning.intervals import wald, wilson
from groundtruth.modern.fusion import rrf


def _fused() -> list[float]:
    """1,000 times the scores of A, B, C, D in A B C and C D A."""
    ids, scores = rrf([[0, 1, 2], [2, 3, 0]])
    return (1000 * scores[np.argsort(ids)]).tolist()


def _memory() -> list[float]:
    """Megabytes of vectors, codes and codebooks."""
    return [768 * 4, 96, 96 * 256 * 8 * 4 / 1e6]


ANSWERS: dict[str, Judge] = {
    "ex-retrieval-rrf": numbers(
        ("A", "B", "C", "D"),
        _fused,
        {
            "ranks begin at 1, not at 0": [
                1000 / 60 + 1000 / 62,
                1000 / 61,
                1000 / 62 + 1000 / 60,
                1000 / 61,
            ],
            "k = 60 is added to each rank": [1000 * 4 / 3, 500, 1000 * 4 / 3, 500],
            "a document gets nothing from a ranking that does not hold it": [
                1000 / 61 + 1000 / 63,
                1000 / 62 + 1000 / 64,
                1000 / 61 + 1000 / 63,
                1000 / 62 + 1000 / 64,
            ],
            "the scores add up, they are not averaged": [
                500 / 61 + 500 / 63,
                500 / 62,
                500 / 61 + 500 / 63,
                500 / 62,
            ],
        },
    ),
    "ex-retrieval-memory": numbers(
        ("vectors", "codes", "codebooks"),
        _memory,
        {
            "a number in single precision takes 4 bytes, not 8": [6144, 96, 1.572864],
            "there is one codebook per slice, 96 in all": [3072, 96, 256 * 8 * 4 / 1e6],
            "a centroid of a slice has 8 numbers, not 768": [3072, 96, 96 * 256 * 768 * 4 / 1e6],
        },
    ),
    "ex-retrieval-qrels": numbers(
        ("low", "high"),
        lambda: wilson(7, 10),
        {
            "this is Wald's interval, 0.7 -+ 1.96 standard errors": wald(7, 10),
            "these are fractions, not percentages": [100 * end for end in wilson(7, 10)],
        },
        rtol=1e-2,
    ),
}
