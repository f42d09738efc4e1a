"""Accuracy by a judge that errs: prediction-powered inference.

Read with book/modern/retrieval.md.

Shapes: N answers that only the judge marked, n answers that a person marked as well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from groundtruth.arrays import Array


def marks(values: ArrayLike, name: str) -> Array:
    """Marks (n,) in [0, 1], at least two."""
    table = np.asarray(values, dtype=float)
    if table.ndim != 1 or table.size < 2 or not ((table >= 0) & (table <= 1)).all():
        raise ValueError(f"{name} must be at least two marks in [0, 1], got shape {table.shape}")
    return table


def prediction_powered(
    judge: ArrayLike,
    judge_checked: ArrayLike,
    person_checked: ArrayLike,
    level: float = 0.95,
    weight: float = 1.0,
) -> tuple[float, float, float]:
    """Mean mark by people, estimated from many marks of a judge (N,) and few pairs (n,):
    weight * mean(judge) + mean(person - weight * judge), with a normal interval (Angelopoulos et
    al., 2023).

    Weight 0 is the mean of the person's marks alone. The estimate is unbiased for every weight that
    does not depend on the data, whatever the judge's errors, if the checked answers were drawn at
    random.

    Returns
    -------
    estimate, low, high

    Examples
    --------
    >>> round(prediction_powered([1, 1, 1, 0], [1, 1], [1, 0])[0], 3)
    0.25
    """
    many = marks(judge, "judge")
    few = marks(judge_checked, "judge_checked")
    truth = marks(person_checked, "person_checked")
    if few.size != truth.size:
        raise ValueError(f"checked answers come in pairs, got {few.size} and {truth.size} marks")
    if not 0 < level < 1 or not np.isfinite(weight):
        raise ValueError(f"need a level in (0, 1) and a finite weight, got {level} and {weight}")
    error = truth - weight * few
    estimate = weight * many.mean() + error.mean()
    variance = weight**2 * many.var(ddof=1) / many.size + error.var(ddof=1) / error.size
    half = norm.ppf((1 + level) / 2) * np.sqrt(variance)
    return float(estimate), float(estimate - half), float(estimate + half)


def best_weight(judge_checked: ArrayLike, person_checked: ArrayLike, many: int) -> float:
    """The weight of least variance: cov(person, judge) / (var(judge) (1 + n / N)), the tuning of
    PPI++; 0 for a judge that always gives the same mark.
    """
    few = marks(judge_checked, "judge_checked")
    truth = marks(person_checked, "person_checked")
    if few.size != truth.size or many < 1:
        raise ValueError(
            f"need pairs and many >= 1, got {few.size} and {truth.size} marks, many = {many}"
        )
    covariance = np.cov(truth, few)
    if covariance[1, 1] == 0:
        return 0.0
    return float(covariance[0, 1] / (covariance[1, 1] * (1 + few.size / many)))


def simulate(
    rng: np.random.Generator, n: int, accuracy: float, sensitivity: float, specificity: float
) -> tuple[Array, Array]:
    """True marks (n,) and the marks of a judge that accepts right answers with probability
    `sensitivity` and rejects wrong ones with probability `specificity`.
    """
    for name, p in (
        ("accuracy", accuracy),
        ("sensitivity", sensitivity),
        ("specificity", specificity),
    ):
        if not 0 <= p <= 1:
            raise ValueError(f"{name} is a probability, got {p}")
    right = rng.random(n) < accuracy
    accepted = rng.random(n) < np.where(right, sensitivity, 1 - specificity)
    return right.astype(float), accepted.astype(float)
