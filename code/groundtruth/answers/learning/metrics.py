"""Answers to exercises on evaluation metrics.

Read with book/learning/metrics.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from groundtruth.answers import Judge, numbers
from groundtruth.learning import intervals as ci

UNKNOWN = float("nan")


def _matrix() -> ArrayLike:
    """Accuracy, precision, recall, F1 and Wilson's interval of recall for 50, 10, 25, 915."""
    low, high = ci.wilson(50, 75)
    return [965 / 1000, 50 / 60, 50 / 75, 100 / 135, low, high]


def _crossing() -> NDArray[np.float64]:
    """Recall of A and B at 1 % false positives, and false positive rates at 90 % recall."""
    recall = []
    false_positives = []
    for sigma in (1.0, 3.0):
        mu = norm.ppf(0.85) * np.sqrt(1 + sigma**2)
        recall.append(norm.cdf((mu + norm.ppf(0.01)) / sigma))
        false_positives.append(norm.sf(mu + sigma * norm.ppf(0.1)))
    return np.array(recall + false_positives)


def _crossing_with(mu_of_sigma: dict[float, float]) -> NDArray[np.float64]:
    """The same four rates for other means of the positives."""
    recall = [norm.cdf((mu + norm.ppf(0.01)) / sigma) for sigma, mu in mu_of_sigma.items()]
    wrong = [norm.sf(mu + sigma * norm.ppf(0.1)) for sigma, mu in mu_of_sigma.items()]
    return np.array(recall + wrong)


SHIFT = float(norm.ppf(0.85))
ANSWERS: dict[str, Judge] = {
    "ex-metrics-matrix": numbers(
        ("accuracy", "precision", "recall", "F1", "lower end", "upper end"),
        _matrix,
        {
            "precision and recall are exchanged: precision divides by the predicted positives": [
                965 / 1000,
                50 / 75,
                50 / 60,
                100 / 135,
                UNKNOWN,
                UNKNOWN,
            ],
            "F1 is the harmonic mean of precision and recall, not their arithmetic mean": [
                965 / 1000,
                50 / 60,
                50 / 75,
                (50 / 60 + 50 / 75) / 2,
                UNKNOWN,
                UNKNOWN,
            ],
            "this interval is not Wilson's: recall -+ 1.96 standard errors is Wald's": [
                965 / 1000,
                50 / 60,
                50 / 75,
                100 / 135,
                *ci.wald(50, 75),
            ],
            "the interval of recall has n = 75, the positives, not all 1000 examples": [
                965 / 1000,
                50 / 60,
                50 / 75,
                100 / 135,
                *ci.wilson(667, 1000),
            ],
        },
        rtol=2e-3,
    ),
    "ex-metrics-crossing": numbers(
        (
            "recall of A at 1 % false positives",
            "recall of B at 1 % false positives",
            "false positive rate of A at recall 90 %",
            "false positive rate of B at recall 90 %",
        ),
        _crossing,
        {
            "the difference of two scores has the variance 1 + sigma^2, not 1": _crossing_with(
                {1.0: SHIFT, 3.0: SHIFT}
            ),
            "the standard deviation of the difference is sqrt(1 + sigma^2), not 1 + sigma": (
                _crossing_with({1.0: 2 * SHIFT, 3.0: 4 * SHIFT})
            ),
            "A and B are exchanged": _crossing()[[1, 0, 3, 2]],
        },
        rtol=1e-2,
    ),
}
