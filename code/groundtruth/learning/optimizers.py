"""Optimizers that update arrays in place: SGD with momentum, AdaGrad, RMSProp, Adam and AdamW.

Read with book/learning/optimizers.md.

Each equals its torch.optim counterpart step for step; the names of settings are torch's. LARS and
LAMB are in `layerwise`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np

from groundtruth.arrays import Array
from groundtruth.learning.blocks import in_blocks
from groundtruth.learning.clipping import clip_norm, clip_value
from groundtruth.learning.optimizer_base import Optimizer, buffer, within

__all__ = ["SGD", "AdaGrad", "Adam", "AdamW", "Optimizer", "RMSProp", "clip_norm", "clip_value"]


class SGD(Optimizer):
    """Gradient descent with momentum: v <- momentum v + (1 - dampening) g, p <- p - lr v (Polyak,
    1964).

    With `nesterov` the step uses g + momentum v: Nesterov's method with the gradient at the
    parameters (Bengio, Boulanger-Lewandowski and Pascanu, 2013).
    `weight_decay` adds that multiple of p to the gradient: the L2 penalty.

    Examples
    --------
    >>> p = np.array([1.0])
    >>> opt = SGD([p], lr=0.1, momentum=0.9)
    >>> for _ in range(2):
    ...     opt.step([np.array([1.0])])
    >>> round(float(p[0]), 2)
    0.71
    """

    def __init__(
        self,
        params: Sequence[Array],
        lr: float,
        momentum: float = 0.0,
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr)
        within("momentum", momentum, 0, 1, closed=True)
        within("dampening", dampening, 0, 1, closed=True)
        within("weight_decay", weight_decay, 0, np.inf, closed=True)
        if nesterov and (momentum == 0 or dampening != 0):
            raise ValueError("Nesterov's step needs a momentum above 0 and a dampening of 0")
        self.momentum = momentum
        self.dampening = dampening
        self.nesterov = nesterov
        self.weight_decay = weight_decay

    def _update(self, p: Array, g: Array, state: dict[str, Array]) -> None:
        if self.weight_decay:
            g = g + self.weight_decay * p
        if self.momentum:
            if "v" not in state:
                state["v"] = g.copy()  # torch starts the buffer with the first gradient, undampened
            else:
                state["v"] *= self.momentum
                state["v"] += (1 - self.dampening) * g
            g = g + self.momentum * state["v"] if self.nesterov else state["v"]
        p -= self.lr * g


class AdaGrad(Optimizer):
    """p <- p - lr g / (sqrt(sum of all g^2) + eps): rates that only fall (Duchi, Hazan and Singer,
    2011).
    """

    def __init__(self, params: Sequence[Array], lr: float, eps: float = 1e-10) -> None:
        super().__init__(params, lr)
        within("eps", eps, 0, np.inf, closed=True)
        self.eps = eps

    def _update(self, p: Array, g: Array, state: dict[str, Array]) -> None:
        total = buffer(state, "sum", p)
        total += g * g
        p -= self.lr * g / (np.sqrt(total) + self.eps)


class RMSProp(Optimizer):
    """As AdaGrad with a decaying average of g^2, alpha of the past; optional momentum on the scaled
    step (Hinton, 2012).
    """

    def __init__(
        self,
        params: Sequence[Array],
        lr: float,
        alpha: float = 0.99,
        eps: float = 1e-8,
        momentum: float = 0.0,
    ) -> None:
        super().__init__(params, lr)
        within("alpha", alpha, 0, 1, closed=True)
        within("momentum", momentum, 0, 1, closed=True)
        within("eps", eps, 0, np.inf, closed=True)
        self.alpha = alpha
        self.eps = eps
        self.momentum = momentum

    def _update(self, p: Array, g: Array, state: dict[str, Array]) -> None:
        v = buffer(state, "v", p)
        v *= self.alpha
        v += (1 - self.alpha) * g * g
        step = g / (np.sqrt(v) + self.eps)
        if self.momentum:
            velocity = buffer(state, "velocity", p)
            velocity *= self.momentum
            velocity += step
            step = velocity
        p -= self.lr * step


class Adam(Optimizer):
    """Averages of g and of g^2, both corrected for their start at zero (Kingma and Ba, 2015,
    algorithm 1).

    m <- b1 m + (1 - b1) g,  v <- b2 v + (1 - b2) g^2,  p <- p - lr mhat / (sqrt(vhat) + eps),
    with mhat = m / (1 - b1^t) and vhat = v / (1 - b2^t). `weight_decay` is added to the gradient
    (L2) and so is divided by sqrt(vhat) as well; `AdamW` takes it from the parameter itself.
    `amsgrad` divides by the largest v so far.

    Examples
    --------
    >>> p = np.array([1.0, 1.0])
    >>> Adam([p], lr=0.1).step([np.array([1e-3, -1e3])])
    >>> p.round(3).tolist()
    [0.9, 1.1]
    """

    decoupled = False
    sums = True  # whether the state holds sums, without the factors 1 - beta
    _betas: tuple[float, float]

    def __init__(
        self,
        params: Sequence[Array],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(params, lr)
        within("eps", eps, 0, np.inf, closed=True)
        within("weight_decay", weight_decay, 0, np.inf, closed=True)
        self.betas = betas
        self.eps = eps
        self.weight_decay = weight_decay
        self.amsgrad = amsgrad

    @property
    def betas(self) -> tuple[float, float]:
        """Factors of the two averages; they may be changed between steps, as one-cycle does."""
        return self._betas

    @betas.setter
    def betas(self, betas: tuple[float, float]) -> None:
        for name, beta in zip(("betas[0]", "betas[1]"), betas, strict=True):
            within(name, beta, 0, 1, closed=True)
        if self.sums and any(self.state):
            # m (1 - b1) and v (1 - b2) are the averages: these must not jump with the betas
            first, second = [
                (1 - old) / (1 - new) for old, new in zip(self._betas, betas, strict=True)
            ]
            for state in self.state:
                state["m"] *= first
                state["v"] *= second
                if "vmax" in state:
                    state["vmax"] *= second
        self._betas = betas

    def _update(self, p: Array, g: Array, state: dict[str, Array]) -> None:
        arrays = [p, g, buffer(state, "m", p), buffer(state, "v", p)] + (
            [buffer(state, "vmax", p)] if self.amsgrad else []
        )
        in_blocks(self._block, [a.reshape(-1) for a in arrays])

    def _block(
        self, scratch: Array, p: Array, g: Array, m: Array, v: Array, vmax: Array | None = None
    ) -> None:
        # m and v are kept as sums, without (1 - b1) and (1 - b2): two passes less; `scale` puts the
        # factors back.
        # All factors are Python floats: a NumPy scalar would turn float32 into float64.
        (b1, b2), t = self.betas, self.t
        root = sqrt((1 - b2**t) / (1 - b2))
        scale = self.lr * root * (1 - b1) / (1 - b1**t)
        if self.decoupled:
            p *= 1 - self.lr * self.weight_decay
        elif self.weight_decay:
            g = g + self.weight_decay * p
        m *= b1
        m += g
        np.multiply(g, g, out=scratch)
        v *= b2
        v += scratch
        if vmax is not None:
            np.maximum(vmax, v, out=vmax)
        np.sqrt(v if vmax is None else vmax, out=scratch)
        scratch += self.eps * root
        np.divide(m, scratch, out=scratch)
        scratch *= scale
        p -= scratch


class AdamW(Adam):
    """Adam whose decay shrinks the parameter by 1 - lr weight_decay, apart from the gradient
    (Loshchilov and Hutter, 2019).
    """

    decoupled = True

    def __init__(
        self,
        params: Sequence[Array],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad)
