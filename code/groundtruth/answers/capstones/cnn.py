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


def _noise() -> list[float]:
    """The statistic of a clean row and column, and the deviation of the mean of 12 values."""
    row = np.zeros((12, 12))
    row[0] = 1
    statistic = [bar.mean(1).var(ddof=1) - bar.mean(0).var(ddof=1) for bar in (row, row.T)]
    return [*statistic, 1 / np.sqrt(12)]


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
    "ex-cnn-noise": numbers(
        ("of a row", "of a column", "standard deviation"),
        _noise,
        {
            "divide by 11, as `var` does, and not by 12": [11 / 144, -11 / 144, np.nan],
            "the column means of a row are all equal, so only one variance remains": [0, 0, np.nan],
            "this is the variance of the mean of twelve values": [1 / 12, -1 / 12, 1 / 12],
        },
    ),
    "ex-cnn-augment": numbers(
        ("without shifts", "with shifts"),
        lambda: [2 * 10, 2 * 12],
        {"rows and columns are different bars": [10, 12]},
    ),
    "ex-cnn-fonts": numbers(
        ("pairs of look-alikes", "fraction"),
        lambda: [2 * 3 * 2, 12 / (62 * 61)],
        {
            "taking I for l and l for I are two pairs": [6, np.nan],
            "there are 62 times 61 ordered pairs of different characters": [12, 12 / 62**2],
        },
    ),
    "ex-cnn-smooth": numbers(
        ("confidence",),
        lambda: [0.9 + 0.1 / 10],
        {"the uniform distribution gives the true class its part of the 0.1 as well": [0.9]},
    ),
}
