"""Answers to exercises on embeddings.

Read with book/networks/embeddings.md.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from groundtruth.answers import Judge, numbers

UNKNOWN = float("nan")
PMI = math.log(40 * 10_000 / (200 * 500))
OTHER = math.log(40 / (5 * 200 * 0.03))

ALIGNED = 0.95  # least fraction of right answers once the rotation is right
FRACTIONS = numbers(
    ("mixed", "aligned"),
    lambda: [0.4, 1.0],  # between 0.27 and 0.47 for other seeds, choices and texts
    {
        "give fractions of the 72 questions, not counts": [0.4 * 72, 72],
        "draw the table of each word by itself; one table alone answers every question": [1, 1],
    },
    rtol=0.5,
)


def alignment(answer: Any) -> str | None:
    """What is wrong with the fractions [mixed, aligned], or None."""
    complaint = FRACTIONS(answer)
    if complaint is None and np.ravel(answer)[1] < ALIGNED:
        return "the rotation is not the best one: rotate unit vectors A by P Qt, where A'B = P S Qt"
    return complaint


ANSWERS: dict[str, Judge] = {
    "ex-embeddings-rows": numbers(
        tuple(f"row {i}" for i in range(8)),
        lambda: [1, 0, 0, 2, 0, 1, 0, 0],
        {
            "row 3 was used twice: contributions are added, not overwritten": [
                1,
                0,
                0,
                1,
                0,
                1,
                0,
                0,
            ],
            "these are sums; nothing divides by the four positions": [
                0.25,
                0,
                0,
                0.5,
                0,
                0.25,
                0,
                0,
            ],
            "rows that were not looked up have the gradient 0": [1, 1, 1, 2, 1, 1, 1, 1],
        },
    ),
    "ex-embeddings-score": numbers(
        ("PMI", "score, noise by frequency", "score, other noise"),
        lambda: [PMI, PMI - math.log(5), OTHER],
        {
            "the score at the minimum is PMI minus ln K, not PMI itself": [PMI, PMI, UNKNOWN],
            "ln K is subtracted, not added: more noise makes scores smaller": [
                PMI,
                PMI + math.log(5),
                UNKNOWN,
            ],
            "subtract ln K, not K": [PMI, PMI - 5, UNKNOWN],
            "PMI uses natural logarithms here, not base 2": [
                PMI / math.log(2),
                UNKNOWN,
                UNKNOWN,
            ],
            "PMI divides by both frequencies; this is ln p(dark | night)": [
                math.log(40 / 200),
                UNKNOWN,
                UNKNOWN,
            ],
            "the other noise has q = 0.03 in place of 500 / 10000": [
                PMI,
                PMI - math.log(5),
                PMI - math.log(5),
            ],
        },
        rtol=5e-3,
    ),
    "ex-embeddings-window": numbers(
        ("window of 2", "window of 4", "window of 8"),
        lambda: [3, 5, -2],
        {
            "subtract the answers of the neighbor; these are those with the offset": [3, 8, 13],
            "exclude a, a* and b from the answers (the field `excluding`)": [0, -3, -14],
            "subtract the neighbor from the offset, not the other way around": [-3, -5, 2],
            "multiply the fractions by the 84 questions": [3 / 84, 5 / 84, -2 / 84],
        },
        rtol=0.1,
    ),
    "ex-embeddings-bias": numbers(
        ("word vectors", "context vectors"),
        lambda: [8, 0],
        {
            "in the word vectors this direction has almost no part in the gender of the people": [
                0,
                0,
            ],
            "remove the difference of the context vectors from the word vectors of the people": [
                8,
                8,
            ],
            "these are the direction of the context vectors first": [0, 8],
        },
    ),
    "ex-embeddings-align": alignment,
    "ex-embeddings-sae": numbers(
        ("random directions", "active 70 %", "active 10 %"),
        lambda: [0.76, 0.79, 1.0],  # 0.73 to 0.79, 0.76 to 0.83, and 1.00 for other seeds
        {
            "the activity of 10 % comes last": [
                UNKNOWN,
                1.0,
                0.79,
            ],
            "for each feature take the largest cosine over the centers, not the reverse": [
                UNKNOWN,
                UNKNOWN,
                0.89,
            ],
        },
        rtol=0.08,
    ),
}
