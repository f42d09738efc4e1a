"""Learning rates over time, as functions of the step t = 0, 1, 2, ...; reduction on a plateau.

Read with book/learning/optimizers.md.

`base` is the rate the optimizer was given.
"""

from __future__ import annotations

from math import cos, pi, sqrt

import numpy as np


def _check(t: float, base: float, **lengths: float) -> None:
    if not 0 <= t < np.inf or not 0 < base < np.inf:
        raise ValueError(f"need a step t >= 0 and a positive rate, got t = {t} and base = {base}")
    for name, length in lengths.items():
        if not 1 <= length < np.inf:
            raise ValueError(f"{name} must be at least one step, got {length}")


def step(t: int, base: float, every: int, gamma: float = 0.1) -> float:
    """base gamma^floor(t / every): torch's StepLR.

    Examples
    --------
    >>> [round(step(t, 1.0, 2), 3) for t in range(5)]
    [1.0, 1.0, 0.1, 0.1, 0.01]
    """
    _check(t, base, every=every)
    return base * gamma ** (t // every)


def exponential(t: int, base: float, gamma: float) -> float:
    """base gamma^t: torch's ExponentialLR.

    Examples
    --------
    >>> exponential(2, 1.0, 0.5)
    0.25
    """
    _check(t, base)
    return base * gamma**t


def linear(t: int, base: float, total: int, start: float = 0.0, end: float = 1.0) -> float:
    """From start base to end base in `total` steps, then constant: torch's LinearLR.

    Examples
    --------
    >>> [linear(t, 1.0, 4) for t in (0, 1, 4, 9)]
    [0.0, 0.25, 1.0, 1.0]
    """
    _check(t, base, total=total)
    return base * (start + (end - start) * min(t, total) / total)


def cosine(t: int, base: float, total: int, low: float = 0.0) -> float:
    """Half a cosine from base to low: low + (base - low)(1 + cos(pi t / total)) / 2, then low.

    Up to `total` this is torch's CosineAnnealingLR, which rises again afterwards.

    Examples
    --------
    >>> [round(cosine(t, 1.0, 4), 3) for t in (0, 2, 4)]
    [1.0, 0.5, 0.0]
    """
    _check(t, base, total=total)
    return low + (base - low) * (1 + cos(pi * min(t, total) / total)) / 2


def warmup_cosine(t: int, base: float, warmup: int, total: int, low: float = 0.0) -> float:
    """Up in a line to base at t = warmup, then half a cosine down to low at t = total.

    The rate of the first step, t = 0, is zero; call it with t + 1 to use every step.

    Examples
    --------
    >>> [round(warmup_cosine(t, 1.0, 2, 6), 3) for t in (0, 1, 2, 4, 6)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    _check(t, base, warmup=warmup)
    if total <= warmup:
        raise ValueError(f"total must exceed the warm-up, got {total} and {warmup}")
    return linear(t, base, warmup) if t < warmup else cosine(t - warmup, base, total - warmup, low)


def inverse_sqrt(t: int, base: float, warmup: int) -> float:
    """Up in a line, then base sqrt(warmup / t) (Vaswani et al., 2017, equation 3, up to its
    constant).

    Examples
    --------
    >>> [inverse_sqrt(t, 1.0, 4) for t in (2, 4, 16)]
    [0.5, 1.0, 0.5]
    """
    _check(t, base, warmup=warmup)
    return linear(t, base, warmup) if t < warmup else base * sqrt(warmup / t)


def wsd(t: int, base: float, warmup: int, decay: int, total: int) -> float:
    """Warm up, stay, decay: a line up, a plateau, and a line down to zero in the last `decay` steps
    (Hu et al., 2024).

    Examples
    --------
    >>> [wsd(t, 1.0, 2, 4, 10) for t in (1, 5, 8, 10)]
    [0.5, 1.0, 0.5, 0.0]
    """
    _check(t, base, warmup=warmup, decay=decay)
    if warmup + decay > total:
        raise ValueError(f"warm-up {warmup} and decay {decay} do not fit in {total} steps")
    return min(linear(t, base, warmup), base * max(0.0, min(1.0, (total - t) / decay)))


def sgdr(t: int, base: float, first: int, mult: int = 1, low: float = 0.0) -> float:
    """Cosines that start again at base, each `mult` times as long as the last (Loshchilov and
    Hutter, 2017).

    Examples
    --------
    >>> [round(sgdr(t, 1.0, 2, 2), 3) for t in (0, 1, 2, 4, 6)]
    [1.0, 0.5, 1.0, 0.5, 1.0]
    """
    _check(t, base, first=first, mult=mult)
    length = first
    while t >= length:
        t = t - length
        length = length * mult
    return low + (base - low) * (1 + cos(pi * t / length)) / 2


def one_cycle(
    t: int,
    top: float,
    total: int,
    rise: float = 0.3,
    div: float = 25.0,
    final_div: float = 1e4,
    momenta: tuple[float, float] = (0.85, 0.95),
) -> tuple[float, float]:
    """Rate and momentum of one cycle: up to top in `rise` of the steps, down to top / (div
    final_div); momentum the other way (Smith and Topin, 2019; the cosines and the two phases are
    those of torch's OneCycleLR).

    Examples
    --------
    >>> one_cycle(3, 1.0, 10, rise=0.4)
    (1.0, 0.85)
    """
    _check(t, top, total=total)
    if not (0 < div < np.inf and 0 < final_div < np.inf):
        raise ValueError(f"need positive divisors, got div = {div} and final_div = {final_div}")
    if not 0 < rise < 1 or t > total - 1:
        raise ValueError(
            f"rise must lie between 0 and 1 and t below total, got rise = {rise}, t = {t}, total ="
            f" {total}"
        )
    peak = rise * total - 1
    end = total - 1
    start = top / div
    if t <= peak:
        part = t / peak if peak > 0 else 1.0  # a rise of a single step begins at the top
        ends = ((start, top), (momenta[1], momenta[0]))
    else:
        part = (t - peak) / (end - peak)
        ends = ((top, start / final_div), momenta)
    down = (1 + cos(pi * part)) / 2
    return tuple(b + (a - b) * down for a, b in ends)  # type: ignore[return-value]


class Plateau:
    """Multiply the rate by `factor` after more than `patience` reports without improvement: torch's
    ReduceLROnPlateau.

    A report is an improvement if it is below the best so far by more than threshold times its
    absolute value; after a cut, `cooldown` reports are not counted. The rate stays at or above
    `low`.

    Examples
    --------
    >>> plateau = Plateau(1.0, factor=0.5, patience=1)
    >>> [plateau.report(loss) for loss in (3, 2, 2, 2, 1)]
    [1.0, 1.0, 1.0, 0.5, 0.5]
    """

    def __init__(
        self,
        base: float,
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        cooldown: int = 0,
        low: float = 0.0,
    ) -> None:
        _check(0, base)
        if not 0 < factor < 1 or patience < 0 or cooldown < 0:
            raise ValueError(
                f"need a factor between 0 and 1, patience and cooldown of at least 0, got {factor},"
                f" {patience}, {cooldown}"
            )
        if not (0 <= threshold < np.inf and 0 <= low < np.inf):
            raise ValueError(
                f"need a finite threshold and lowest rate of at least 0, got {threshold} and {low}"
            )
        self.lr = base
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.cooldown = cooldown
        self.low = low
        self.best = np.inf
        self.bad = 0
        self.rest = 0

    def report(self, loss: float) -> float:
        """Count a validation loss, and return the rate for the steps that follow."""
        if np.isnan(loss):
            raise ValueError(
                "the reported loss is NaN; stop the run and look at its last good step"
            )
        # for losses below zero the margin lies on the same side
        margin = self.threshold * abs(self.best) if np.isfinite(self.best) else 0.0
        if loss < self.best - margin:
            self.best = loss
            self.bad = 0
        else:
            self.bad += 1
        if self.rest:
            self.rest = self.rest - 1
            self.bad = 0
        if self.bad > self.patience:
            self.lr = max(self.lr * self.factor, self.low)
            self.rest = self.cooldown
            self.bad = 0
        return self.lr
