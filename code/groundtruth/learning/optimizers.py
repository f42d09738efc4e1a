"""Optimizers that move lists of arrays in place: SGD with momentum, AdaGrad, RMSProp, Adam, AdamW,
LARS, LAMB; clipping.

Read with book/learning/optimizers.md.

Each equals its torch.optim counterpart step for step; the names of settings are torch's.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np

from groundtruth.arrays import Array
from groundtruth.learning.blocks import in_blocks, zeros_like


class Optimizer:
    """Parameters, their learning rate, the count of steps, and a state per parameter.

    `params` are float arrays, changed in place by `step`; a schedule writes `lr` before each step.

    Raises
    ------
    ValueError, TypeError
        For an empty list, arrays that are not writable floats, a rate that is not positive.
    """

    def __init__(self, params: Sequence[Array], lr: float) -> None:
        if not len(params):
            raise ValueError("there are no parameters to optimize")
        for i, p in enumerate(params):
            if (
                not isinstance(p, np.ndarray)
                or not np.issubdtype(p.dtype, np.floating)
                or not p.flags.writeable
                or not p.flags.c_contiguous
            ):
                raise TypeError(
                    f"parameter {i} must be a writable, contiguous array of floats: it is changed"
                    " in place; np.array(x, dtype=float) makes one"
                )
        for i, p in enumerate(params):
            if p.dtype == np.float16:
                raise TypeError(
                    f"parameter {i} is in half precision, where the usual eps of 1e-8 is zero; keep"
                    " a float32 copy of it and update that"
                )
        _within("lr", lr, 0, np.inf)
        self.params = list(params)
        self.lr = lr
        self.t = 0
        self.state: list[dict[str, Array]] = [{} for _ in self.params]

    def step(self, grads: Sequence[Array], check: bool = True) -> None:
        """One update from gradients in the shapes of the parameters.

        `check=False` does not look whether they are finite, which for many parameters is a fifth of
        a step.

        Raises
        ------
        ValueError
            When a gradient is missing or has another shape; nothing is changed.
        FloatingPointError
            When a gradient is not finite, with its place; nothing is changed.
        """
        if len(grads) != len(self.params):
            raise ValueError(
                f"{len(self.params)} parameters need as many gradients, got {len(grads)}"
            )
        for i, (p, g) in enumerate(zip(self.params, grads, strict=True)):
            if np.shape(g) != p.shape:
                raise ValueError(
                    f"gradient {i} has the shape {np.shape(g)}, its parameter {p.shape}"
                )
            if not check:
                continue
            flat = np.asarray(g).ravel()
            with np.errstate(over="ignore", invalid="ignore"):
                # one fast pass; only when this is not finite is each entry looked at
                square = flat @ flat
            if not np.isfinite(square) and not np.isfinite(flat).all():
                raise FloatingPointError(
                    f"gradient {i} is not finite at step {self.t + 1}; lower the learning rate"
                    f" {self.lr:g}, clip, or look at the batch"
                )
        self.t += 1
        for p, g, state in zip(self.params, grads, self.state, strict=True):
            self._update(p, np.asarray(g, dtype=p.dtype), state)

    def _update(self, p: Array, g: Array, state: dict[str, Array]) -> None:
        raise NotImplementedError(
            "use a subclass: SGD, AdaGrad, RMSProp, Adam, AdamW, LARS or LAMB"
        )


def _within(name: str, value: float, low: float, high: float, closed: bool = False) -> None:
    if not (low < value < high or (closed and value == low)):
        raise ValueError(
            f"{name} must lie {'at or ' if closed else ''}above {low:g} and below {high:g}, got"
            f" {value}"
        )


def _buffer(state: dict[str, Array], name: str, like: Array) -> Array:
    if name not in state:
        state[name] = zeros_like(like)
    return state[name]


class SGD(Optimizer):
    """Gradient descent with momentum: v <- momentum v + (1 - dampening) g, p <- p - lr v (Polyak,
    1964).

    With `nesterov` the step uses g + momentum v, the look-ahead form (Sutskever et al., 2013).
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
        _within("momentum", momentum, 0, 1, closed=True)
        _within("weight_decay", weight_decay, 0, np.inf, closed=True)
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
        _within("eps", eps, 0, np.inf, closed=True)
        self.eps = eps

    def _update(self, p: Array, g: Array, state: dict[str, Array]) -> None:
        total = _buffer(state, "sum", p)
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
        _within("alpha", alpha, 0, 1, closed=True)
        _within("momentum", momentum, 0, 1, closed=True)
        _within("eps", eps, 0, np.inf, closed=True)
        self.alpha = alpha
        self.eps = eps
        self.momentum = momentum

    def _update(self, p: Array, g: Array, state: dict[str, Array]) -> None:
        v = _buffer(state, "v", p)
        v *= self.alpha
        v += (1 - self.alpha) * g * g
        step = g / (np.sqrt(v) + self.eps)
        if self.momentum:
            buffer = _buffer(state, "buffer", p)
            buffer *= self.momentum
            buffer += step
            step = buffer
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
        for name, beta in zip(("betas[0]", "betas[1]"), betas, strict=True):
            _within(name, beta, 0, 1, closed=True)
        _within("eps", eps, 0, np.inf, closed=True)
        _within("weight_decay", weight_decay, 0, np.inf, closed=True)
        self.betas = betas
        self.eps = eps
        self.weight_decay = weight_decay
        self.amsgrad = amsgrad

    def _update(self, p: Array, g: Array, state: dict[str, Array]) -> None:
        arrays = [p, g, _buffer(state, "m", p), _buffer(state, "v", p)] + (
            [_buffer(state, "vmax", p)] if self.amsgrad else []
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


def _norm(x: Array) -> float:
    flat = x.ravel()
    if flat.dtype == np.float16:  # whose squares end at 65504
        flat = flat.astype(np.float32)
    return float(np.linalg.norm(flat))


class LARS(Optimizer):
    """Momentum whose rate is scaled per layer by trust ||p|| / (||g|| + weight_decay ||p||) (You,
    Gitman and Ginsburg, 2017).

    A layer of zeros, or one without a gradient, is moved at the plain rate.
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
        _within("momentum", momentum, 0, 1, closed=True)
        _within("weight_decay", weight_decay, 0, np.inf, closed=True)
        _within("trust", trust, 0, np.inf)
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.trust = trust

    def _update(self, p: Array, g: Array, state: dict[str, Array]) -> None:
        size = _norm(p)
        slope = _norm(g)
        local = self.trust * size / (slope + self.weight_decay * size) if size and slope else 1.0
        v = _buffer(state, "v", p)
        v *= self.momentum
        v += self.lr * local * (g + self.weight_decay * p)
        p -= v


class LAMB(Adam):
    """AdamW's direction, made as long as the layer times the rate: trust ||p|| / ||r|| (You et al.,
    2020, algorithm 2).
    """

    def _update(self, p: Array, g: Array, state: dict[str, Array]) -> None:
        b1, b2 = self.betas
        m = _buffer(state, "m", p)
        v = _buffer(state, "v", p)
        m += (1 - b1) * (g - m)
        v += (1 - b2) * (g * g - v)
        r = (m / (1 - b1**self.t)) / (
            np.sqrt(v / (1 - b2**self.t)) + self.eps
        ) + self.weight_decay * p
        size = _norm(p)
        length = _norm(r)
        p -= self.lr * (size / length if size and length else 1.0) * r


def clip_norm(grads: Sequence[Array], limit: float) -> tuple[list[Array], float]:
    """All gradients times min(1, limit / norm), and their joint norm before (Pascanu, Mikolov and
    Bengio, 2013).

    Examples
    --------
    >>> clipped, norm = clip_norm([np.array([3.0]), np.array([4.0])], 1.0)
    >>> norm, [round(float(c[0]), 3) for c in clipped]
    (5.0, [0.6, 0.8])
    """
    _within("limit", limit, 0, np.inf)
    norm = float(np.sqrt(sum(_norm(np.asarray(g)) ** 2 for g in grads)))
    if not np.isfinite(norm):
        raise FloatingPointError(
            f"the norm of the gradients is {norm}; clipping cannot fix it: skip the batch and look"
            " at it"
        )
    factor = min(1.0, limit / (norm + 1e-6))  # the same small term as torch
    return [np.asarray(g) * factor for g in grads], norm


def clip_value(grads: Sequence[Array], limit: float) -> list[Array]:
    """Every entry cut to [-limit, limit]; the direction changes when only some are cut.

    Examples
    --------
    >>> clip_value([np.array([3.0, -0.5])], 1.0)[0].tolist()
    [1.0, -0.5]
    """
    _within("limit", limit, 0, np.inf)
    return [np.clip(g, -limit, limit) for g in grads]
