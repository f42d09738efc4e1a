"""Answers to exercises on image classification.

Read with book/capstones/cnn.md.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import correlate2d

from groundtruth.answers import Judge, numbers

ROWS = np.array([[-1, -1, -1], [2, 2, 2], [-1, -1, -1]])


def _parameters() -> list[int]:
    """Two convolutions of 8 and 16 filters, and a head on 16 maps of 3 x 3."""
    layers = [8 * 9 + 8, 16 * 8 * 9 + 16, 16 * 3 * 3 * 2 + 2]
    return [*layers, sum(layers)]


def _by_hand() -> list[float]:
    """The largest output on a clean row and column, and the wrong ones without padding."""
    bars = [np.zeros((12, 12)) for _ in range(24)]
    for i in range(12):
        bars[i][i] = 1
        bars[12 + i][:, i] = 1
    largest = [correlate2d(bar, ROWS, "same").max() for bar in bars]
    wrong = 0
    for i, bar in enumerate(bars):
        scores = [correlate2d(bar, kernel, "valid").max() for kernel in (ROWS, ROWS.T)]
        wrong += int(np.argmax(scores) != i // 12)
    return [max(largest[:12]), max(largest[12:]), wrong]


ANSWERS: dict[str, Judge] = {
    "ex-cnn-shapes": numbers(
        ("first convolution", "second convolution", "head", "total"),
        _parameters,
        {
            "each filter and each output has a bias as well": [72, 1152, 288, 1512],
            "a filter of the second layer has nine weights for each of the 8 channels": [
                80,
                160,
                np.nan,
                np.nan,
            ],
            "two poolings leave 3 x 3 of the 12 x 12 positions": [80, 1168, 4610, 5858],
        },
    ),
    "ex-cnn-hand": numbers(
        ("on a row", "on a column", "wrong without padding"),
        _by_hand,
        {
            "at the border the padding hides one of the three columns of the kernel": [6, 0, 2],
            "in a tie the first class is predicted, so the rows at the edge are right": [6, 1, 4],
        },
    ),
}
