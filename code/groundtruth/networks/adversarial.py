"""The smallest game of a generator and a discriminator, and the discriminator that is best.

Read with book/networks/learning-rules.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array
from groundtruth.functional import sigmoid


def best_discriminator(p: ArrayLike, q: ArrayLike) -> Array:
    """p / (p + q) for densities of the data and of the generator at the same points (Goodfellow et
    al., 2014).
    """
    a = np.asarray(p, dtype=np.float64)
    b = np.asarray(q, dtype=np.float64)
    if a.shape != b.shape or np.any(a < 0) or np.any(b < 0) or np.any(a + b == 0):
        raise ValueError(
            f"need densities >= 0 of one shape, not both zero at a point, got {a.shape} and"
            f" {b.shape}"
        )
    return a / (a + b)


def dirac_gan(theta: float, psi: float, steps: int, lr: float = 0.1, penalty: float = 0.0) -> Array:
    """Path (steps + 1, 2) of a generator at theta and a discriminator D(x) = sigmoid(psi x) against
    data at 0, both moving at once (Mescheder et al., 2018).

    The discriminator climbs ln D(0) + ln(1 - D(theta)) - penalty / 2 psi^2, and the generator
    descends ln(1 - D(theta)).
    """
    if steps < 1 or not lr > 0 or penalty < 0:
        raise ValueError(
            f"need steps >= 1, lr > 0 and penalty >= 0, got {steps}, {lr} and {penalty}"
        )
    path = np.empty((steps + 1, 2))
    path[0] = theta, psi
    for i in range(steps):
        t, w = path[i]
        s = float(sigmoid(w * t))
        path[i + 1] = t + lr * s * w, w + lr * (-s * t - penalty * w)
    return path
