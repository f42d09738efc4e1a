"""Optimizers that scale the step of each layer to the norm of its weights: LARS and LAMB.

Read with book/learning/optimizers.md.

Neither is in torch; the tests compare them with the algorithms of the two papers, written out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groundtruth.arrays import Array
from groundtruth.learning.clipping import norm2
from groundtruth.learning.optimizer_base import Optimizer, buffer, within
from groundtruth.learning.optimizers import Adam


class LARS(Optimizer):
    """Momentum with a learning rate for each layer (You, Gitman and Ginsburg, 2017, algorithm 1).

    local = trust ||p|| / (||g|| + weight_decay ||p||),
    v <- momentum v + lr local (g + weight_decay p),  p <- p - v.

    A layer of zeros, or one with a zero gradient, has local = 1.

    Examples
    --------
    >>> p = np.array([3.0, 4.0])
    >>> LARS([p], lr=1.0, trust=0.1).step([np.array([0.0, 2.0])])
    >>> p.tolist()
    [3.0, 3.5]
    """

    def __init__(
        self,
        params: Sequence[Array],
        lr: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        trust: float = 1e-3,
    ) -> None:
        super().__init__(params, lr)
        within("momentum", momentum, 0, 1, closed=True)
        within("weight_decay", weight_decay, 0, np.inf, closed=True)
        within("trust", trust, 0, np.inf)
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.trust = trust

    def _update(self, p: Array, g: Array, state: dict[str, Array]) -> None:
        weight_norm = norm2(p)
        gradient_norm = norm2(g)
        local = 1.0
        if weight_norm and gradient_norm:
            local = self.trust * weight_norm / (gradient_norm + self.weight_decay * weight_norm)
        v = buffer(state, "v", p)
        v *= self.momentum
        v += self.lr * local * (g + self.weight_decay * p)
        p -= v


class LAMB(Adam):
    """AdamW's direction, rescaled to the norm of the layer (You et al., 2020, algorithm 2).

    u = mhat / (sqrt(vhat) + eps) + weight_decay p,  p <- p - lr (||p|| / ||u||) u, with the ratio 1
    for a layer of zeros or a zero direction.

    Examples
    --------
    >>> p = np.array([3.0, 4.0])
    >>> LAMB([p], lr=0.1).step([np.array([0.0, 2.0])])
    >>> p.round(3).tolist()
    [3.0, 3.5]
    """

    sums = False

    def _update(self, p: Array, g: Array, state: dict[str, Array]) -> None:
        b1, b2 = self.betas
        m = buffer(state, "m", p)
        v = buffer(state, "v", p)
        m += (1 - b1) * (g - m)
        v += (1 - b2) * (g * g - v)
        m_hat = m / (1 - b1**self.t)
        v_hat = v / (1 - b2**self.t)
        u = m_hat / (np.sqrt(v_hat) + self.eps) + self.weight_decay * p
        weight_norm = norm2(p)
        step_norm = norm2(u)
        ratio = weight_norm / step_norm if weight_norm and step_norm else 1.0
        p -= self.lr * ratio * u
