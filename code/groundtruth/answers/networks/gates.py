"""Answers to exercises on gates.

Read with book/networks/gates.md.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import binom

from groundtruth.answers import Judge, numbers
from groundtruth.functional import softmax
from groundtruth.networks import gates as ga


def _exclusive_or() -> list[float]:
    """The two formulas at one half."""
    either = ga.soft_or(0.5, 0.5)
    both = ga.soft_and(0.5, 0.5)
    return [float(ga.soft_and(either, ga.soft_not(both))), 0.25 + 0.25]


def _quartic() -> list[float]:
    """Where straight-through stops for (b - 0.45)^4, and the exact gradient there."""
    p = 0.45**3 / (0.45**3 + 0.55**3)
    return [p, p * (1 - p) * (0.55**4 - 0.45**4)]


def _capacity() -> list[float]:
    """The smallest capacity that drops less than 1 %, and the fraction that it drops."""
    count = np.arange(65)
    for capacity in range(16, 65):
        excess = np.maximum(count - capacity, 0) @ binom.pmf(count, 64, 0.25)
        if 4 * excess / 64 < 0.01:
            break
    return [capacity, float(4 * excess / 64)]


def _projection() -> list[float]:
    """|JJ - J| / |J| for the softmax of (1, 0.8, 0.1, -1)."""
    p = softmax(np.array([1.0, 0.8, 0.1, -1.0]))
    J = np.diag(p) - np.outer(p, p)
    return [float(np.linalg.norm(J @ J - J) / np.linalg.norm(J))]


ANSWERS: dict[str, Judge] = {
    "ex-gates-xor": numbers(
        ("first", "second"),
        _exclusive_or,
        {
            "the first is the product of (a or b) and not (a and b), each 3/4": [0.75, np.nan],
            "the two formulas differ between 0 and 1": [0.5, 0.5],
            "the second adds its two sides, it does not use a + b - ab": [0.5625, 0.4375],
        },
    ),
    "ex-gates-quartic": numbers(
        ("p", "exact gradient"),
        _quartic,
        {
            "0.45 is the answer for the square; here f' is a cube": [0.45, np.nan],
            "the derivative at 0 is weighted by 1 - p, that at 1 by p": [0.6461, np.nan],
            "the exact gradient has the factor p (1 - p)": [0.3539, 0.0505],
        },
        rtol=1e-2,
    ),
    "ex-gates-capacity": numbers(
        ("capacity", "fraction"),
        _capacity,
        {
            "try odd capacities too": [22, np.nan],
            "count all four experts: this is the excess of one": [18, np.nan],
            "16 is the mean, and the counts vary around it": [16, np.nan],
        },
        rtol=2e-2,
    ),
    "ex-gates-jacobian": numbers(
        ("ratio",),
        _projection,
        {
            "that is the Jacobian of sparsemax": [0.0],
            "divide by the norm of J": [0.2972],
        },
        rtol=1e-2,
    ),
}
