"""What all optimizers share: parameters, checked gradients, the count of steps, a state.

Read with book/learning/optimizers.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groundtruth.arrays import Array
from groundtruth.learning.blocks import zeros_like


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
        within("lr", lr, 0, np.inf)
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
            When a gradient is not finite, with its position; nothing is changed.
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
        raise NotImplementedError("use a subclass: SGD, AdaGrad, RMSProp, Adam or AdamW")


def within(name: str, value: float, low: float, high: float, closed: bool = False) -> None:
    """Refuse a setting outside the open interval (low, high); `closed` admits low itself."""
    if not (low < value < high or (closed and value == low)):
        raise ValueError(
            f"{name} must lie {'at or ' if closed else ''}above {low:g} and below {high:g}, got"
            f" {value}"
        )


def buffer(state: dict[str, Array], name: str, like: Array) -> Array:
    """The array of this name in the state of a parameter, zeros of its shape at first."""
    if name not in state:
        state[name] = zeros_like(like)
    return state[name]
