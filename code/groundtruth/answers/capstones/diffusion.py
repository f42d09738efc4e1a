"""Answers to exercises on diffusion models.

Read with book/capstones/diffusion.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from groundtruth.answers import Judge, functions, numbers
from groundtruth.arrays import Array

T = 50  # noise levels of the page


def _beta(kind: str) -> Array:
    """Variances of the noise added at each level, (T,), of the two schedules of the page."""
    if kind == "linear":
        return np.linspace(1e-4 * 1000 / T, 0.02 * 1000 / T, T)
    t = np.arange(T + 1) / T
    abar = np.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2
    return np.minimum(1 - abar[1:] / abar[:-1], 0.999)


def _abar(kind: str) -> Array:
    return np.cumprod(1 - _beta(kind))


def _crossings() -> list[int]:
    """The first level at which the signal-to-noise ratio is below 1."""
    return [int(np.argmax(_abar(kind) < 0.5)) for kind in ("linear", "cosine")]


def _factors() -> list[float]:
    """By how much an error of the noise is multiplied in the data, at the last level."""
    return [math.sqrt(1 / _abar(kind)[-1] - 1) for kind in ("linear", "cosine")]


def _circle(x: Array, s: float) -> tuple[Array, Array]:
    """Means of x_0 and eps given x_s = (1 - s) eps + s x_0, by a sum over 2,000 points."""
    angle = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
    points = np.stack([np.cos(angle), np.sin(angle)], 1)
    gap = ((x[:, None] - s * points) ** 2).sum(-1) / (2 * (1 - s) ** 2)
    weights = np.exp(gap.min(1, keepdims=True) - gap)
    x0 = weights @ points / weights.sum(1, keepdims=True)
    return x0, (x - s * x0) / (1 - s)


def _flow(flow: Callable[..., Any]) -> str | None:
    """Whether a function returns E[x_0 - eps | x_s] on the ring."""
    x = np.array([[0.3, -0.2], [-0.9, 0.4], [0.1, 1.2]])
    for s in (0.3, 0.7):
        given = np.asarray(flow(x, s), float)
        if given.shape != x.shape:
            return f"the shape is {given.shape}, not {x.shape}"
        x0, eps = _circle(x, s)
        if np.allclose(given, x0 - eps, atol=1e-6):
            continue
        if np.allclose(given, eps - x0, atol=1e-6):
            return "the target is x_0 - eps; yours has the opposite sign"
        if np.allclose(given, x0, atol=1e-6) or np.allclose(given, eps, atol=1e-6):
            return "this is one of the two means; the target is the difference x_0 - eps"
        return (
            f"at s = {s} the values are not E[x_0 - eps | x_s]; did you divide x_s by the norm of "
            "(s, 1 - s) before calling circle_noise?"
        )
    return None


ANSWERS: dict[str, Judge] = {
    "ex-diff-snr": numbers(
        ("level of the linear schedule", "level of the cosine schedule"),
        _crossings,
        {
            "levels are counted from 0": [14, 25],
            "the ratio is of variances: compare abar with 1 - abar, not their square roots": [
                np.argmax(np.sqrt(_abar("linear")) < 0.5),
                np.argmax(np.sqrt(_abar("cosine")) < 0.5),
            ],
            "this is the last level above 1; the first below comes next": [12, 23],
        },
    ),
    "ex-diff-last": numbers(
        ("standard deviation of the radius",),
        lambda: [math.sqrt(_beta("linear")[0])],
        {
            "this is the variance of the noise; take the square root": [_beta("linear")[0]],
            "only the component along the radius changes it to first order": [
                math.sqrt(2 * _beta("linear")[0])
            ],
            "the schedule is scaled: beta_0 is 0.0001 times 1000 / T": [0.01],
        },
        rtol=0.03,
    ),
    "ex-diff-v": numbers(
        ("factor of the linear schedule", "factor of the cosine schedule"),
        _factors,
        {
            "the factor is sqrt(1 - abar) / sqrt(abar): take the square roots": [
                value**2 for value in _factors()
            ],
            "this is the factor by which an error is divided": [1 / value for value in _factors()],
        },
        rtol=0.02,
    ),
    "ex-diff-inpaint": numbers(
        ("median size of the second coordinate", "fraction above zero"),
        lambda: [0.8, 0.5],
        {
            "the second coordinate has both signs: take the size before the median": [0.0, 0.5],
            "all samples have one sign: start from the noise, and keep the second coordinate": [
                np.nan,
                1.0,
            ],
            "the known coordinate was not used: on the whole circle the median size is 0.71": [
                math.sqrt(0.5),
                np.nan,
            ],
        },
        rtol=0.08,
    ),
    "ex-diff-flow": functions(("flow(x, s)",), _flow),
}
