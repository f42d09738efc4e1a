"""Answers to exercises on optimizers.

Read with book/learning/optimizers.md.
"""

from __future__ import annotations

import numpy as np

from groundtruth.answers import Judge, numbers
from groundtruth.learning import optimizers as opt


def _two_steps() -> list[float]:
    """The parameter after each of two steps of Adam with the gradients 2 and -1."""
    p = np.zeros(1)
    adam = opt.Adam([p], 0.1)
    positions = []
    for g in (2.0, -1.0):
        adam.step([np.array([g])])
        positions.append(float(p[0]))
    return positions


def _decays() -> list[float]:
    """What is left of 1 after 300 steps: L2 in the velocity, and decay outside of it."""
    p = np.ones(1)
    sgd = opt.SGD([p], 0.01, momentum=0.9, weight_decay=0.1)
    for _ in range(300):
        sgd.step([np.zeros(1)])
    return [float(p[0]), (1 - 0.01 * 0.1) ** 300]


ANSWERS: dict[str, Judge] = {
    "ex-optimizers-hand": numbers(
        ("position after step 1", "position after step 2"),
        _two_steps,
        {
            "these steps are not corrected for the start at zero": [-0.31623, -0.42941],
            "the second step is not the sign of the second gradient: average both": [-0.1, 0.0],
            "each step goes against the gradient": [0.1, 0.1266],
        },
        rtol=2e-3,
    ),
    "ex-optimizers-decay": numbers(
        ("left by L2", "left by decay"),
        _decays,
        {
            "without momentum both would be the same; the velocity amplifies L2": [0.741, 0.741],
            "these are the two in the other order": [0.741, 0.0393],
        },
        rtol=2e-2,
    ),
}
