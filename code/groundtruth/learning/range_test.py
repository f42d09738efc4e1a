"""The learning-rate range test: one short run with a rate that grows from step to step.

Read with book/learning/optimizers.md.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array

LEAST = 10  # points below which the smoothed curve says nothing


def range_test(
    train: Callable[[float], float],
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
    smooth: float = 0.9,
    factor: float = 4.0,
) -> tuple[Array, Array]:
    """Train with a rate that grows by a constant factor each step; stop when the loss explodes.

    Parameters
    ----------
    train : callable
        Makes one training step at the given rate and returns the loss before it. It changes the
        model: give it a copy.
    low, high : float
        The first and the last learning rate.
    smooth : float in [0, 1)
        Weight of the past in the average of the losses, which is corrected for its start.
    factor : float > 1
        The run stops when the averaged loss exceeds its smallest value by this factor.

    Returns
    -------
    rates, losses : arrays (S,)
        The rates used and the averaged losses, all finite: a loss that is not finite ends the run
        and is left out (Smith, 2017).

    Raises
    ------
    ValueError
        For settings out of range, or a first loss that is not finite.

    Examples
    --------
    >>> x = [1.0]
    >>> def train(lr):
    ...     loss = x[0] ** 2
    ...     x[0] -= lr * 2 * x[0]
    ...     return loss
    >>> rates, losses = range_test(train, 1e-3, 100.0, 60)
    >>> bool(rates[-1] > 1.0), bool(losses.argmin() > 20)
    (True, True)
    """
    if not 0 < low < high or steps < 2 or not 0 <= smooth < 1 or not factor > 1:
        raise ValueError(
            "need 0 < low < high, at least two steps, smooth in [0, 1) and a factor above 1, got"
            f" {low}, {high}, {steps}, {smooth}, {factor}"
        )
    rates = np.geomspace(low, high, steps)
    losses: list[float] = []
    average = 0.0
    for i, rate in enumerate(rates):
        loss = float(train(float(rate)))
        if not np.isfinite(loss):
            break
        average = smooth * average + (1 - smooth) * loss
        losses.append(average / (1 - smooth ** (i + 1)))
        best = min(losses)
        # for losses below zero the margin lies on the same side
        if losses[-1] > best + (factor - 1) * abs(best):
            break
    if not losses:
        raise ValueError("the first loss is not finite; look at the model and its first batch")
    return rates[: len(losses)], np.array(losses)


def steepest(rates: ArrayLike, losses: ArrayLike, skip: float = 0.1) -> float:
    """The rate at which the loss falls fastest per factor of the rate, from `range_test`.

    The first tenth of the curve is skipped: there the average consists of a few noisy batches.

    Parameters
    ----------
    rates, losses : arrays (S,)
        S >= 10, the rates above 0 and rising, all of them finite.
    skip : float in [0, 1)
        The fraction of the curve that is not searched.

    Raises
    ------
    ValueError
        For fewer than ten points, lengths that differ, rates that are not finite, not above 0 or
        do not rise, losses that are not finite, or a loss that falls nowhere.

    Examples
    --------
    >>> rates = 10.0 ** np.arange(-6, 4)
    >>> steepest(rates, np.array([3.0, 3, 3, 3, 3, 2.9, 2.5, 1.0, 1.1, 5.0])).item()
    10.0
    """
    rate = np.asarray(rates, dtype=float)
    loss = np.asarray(losses, dtype=float)
    if len(rate) < LEAST or len(rate) != len(loss):
        raise ValueError(
            f"need at least {LEAST} rates with their losses, got {len(rate)} and {len(loss)};"
            " start from a smaller rate or use more steps"
        )
    if not np.isfinite(rate).all() or rate[0] <= 0 or (np.diff(rate) <= 0).any():
        raise ValueError("the rates must be finite, above 0 and rise from step to step")
    if not np.isfinite(loss).all():
        raise ValueError("the losses must be finite; leave out the end where they are not")
    if not 0 <= skip < 1:
        raise ValueError(f"skip must be a fraction below 1, got {skip}")
    start = int(skip * len(rate))
    speed = np.diff(loss)[start:] / np.diff(np.log(rate))[start:]
    if not speed.size or speed.min() >= 0:
        raise ValueError("the loss falls nowhere; start from a smaller rate")
    return rate[start + 1 :][np.argmin(speed)]
