"""Answers to exercises on models.

Read with book/data/model.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import ndtr

from groundtruth.answers import Judge, functions, numbers
from groundtruth.arrays import Array
from groundtruth.data.model import line_hessian

UNKNOWN = float("nan")
DAYS = np.arange(5.0)
CURVATURES = np.linalg.eigvalsh(line_hessian(DAYS))  # along and across the valley, ascending


def _few() -> Array:
    """Fraction of separable sets, and what LDA adds to the Bayes error in percentage points."""
    rng = np.random.default_rng(0)
    zero = rng.normal(0, 1, (50_000, 5))
    one = rng.normal(2, 1, (50_000, 5))
    separable = np.mean(zero.max(1) < one.min(1))
    middle = (zero.mean(1) + one.mean(1)) / 2
    side = np.sign(one.mean(1) - zero.mean(1))
    error = (ndtr(-side * middle) + ndtr(side * (middle - 2))) / 2
    return np.array([separable, 100 * np.mean(error - ndtr(-1))])


def _distances() -> Array:
    """Median squared differences from r, (2, 2): r a line or a sine; fitted line or neighbors."""
    rng = np.random.default_rng(0)
    at = (np.arange(100) + 0.5) / 25
    x = rng.uniform(0, 4, (1000, 30))
    noise = rng.normal(size=x.shape)
    nearest = np.argsort(np.abs(at[:, None] - x[:, None, :]), axis=2)[:, :, :5]
    centered = x - x.mean(1, keepdims=True)
    rows = []
    for r in (lambda v: 2 * v + 1, lambda v: 3 * np.sin(2 * v)):
        y = r(x) + noise
        slope = (centered * y).sum(1) / (centered**2).sum(1)
        line = y.mean(1)[:, None] + slope[:, None] * (at - x.mean(1)[:, None])
        neighbors = np.take_along_axis(y[:, None, :], nearest, axis=2).mean(2)
        rows.append([np.median(np.mean((f - r(at)) ** 2, axis=1)) for f in (line, neighbors)])
    return np.array(rows)


def _judge_ratios(answer: Any) -> str | None:
    line, neighbors = _distances().T
    judge = numbers(
        ("ratio for the line", "ratio for the sine"),
        lambda: neighbors / line,
        {
            "this is line / neighbors: divide the other way": line / neighbors,
            "these are ratios of roots; compare the mean squares": np.sqrt(neighbors / line),
            "these are errors against noisy targets: compare with r itself": (
                (1 + neighbors) / (1 + line)
            ),
        },
        rtol=0.25,
    )
    return judge(answer)


def _quadratic(x: Array, y: Array, powers: tuple[int, ...] = (2, 1, 0)) -> Array:
    """Least-squares coefficients of the given powers of x."""
    coefficients: Array = np.linalg.lstsq(x[:, None] ** np.array(powers), y, rcond=None)[0]
    return coefficients


def _judge_quadratic(fit: Callable[..., Any]) -> str | None:
    rng = np.random.default_rng(0)
    for n in (3, 12):
        x = rng.uniform(0, 4, n)
        y = rng.normal(size=n) + x**2 - 3 * x
        given = np.asarray(fit(x.copy(), y.copy()), float).ravel()
        right = _quadratic(x, y)
        if given.size != 3:
            return f"return three numbers, a, w and b; got {given.size}"
        if np.allclose(given, right, rtol=1e-4, atol=1e-6):
            continue
        if np.allclose(given, right[::-1], rtol=1e-4, atol=1e-6):
            return "the order is a, w, b; yours is reversed"
        if np.allclose(given, [*_quadratic(x, y, (2, 1)), 0], rtol=1e-4, atol=1e-6):
            return "the intercept is missing: add a column of ones"
        line = _quadratic(x, y, (1, 0))
        if np.allclose(given[1:], line, rtol=1e-4, atol=1e-6):
            return "w and b are those of the line: all three must be fitted together"
        return f"for {n} examples the loss of {given.round(3).tolist()} is not the smallest"
    return None


ANSWERS: dict[str, Judge] = {
    "ex-model-step": numbers(
        ("w", "b"),
        lambda: [1.4, 0.5],
        {
            "this step goes up: subtract the gradient": [-1.4, -0.5],
            "the derivative of the square has a factor 2": [0.7, 0.25],
            "this is the gradient: multiply it by the rate and subtract it": [-28, -10],
            "w and b are exchanged": [0.5, 1.4],
            "the loss is a mean: divide the sums by 5": [7, 2.5],
        },
    ),
    "ex-model-few": numbers(
        ("fraction of separable sets", "percentage points that LDA adds"),
        _few,
        {
            "this is the fraction of the sets that overlap": [0.61, UNKNOWN],
            "this is the error rate of LDA: subtract the Bayes error": [UNKNOWN, 17.1],
            "give percentage points, not a fraction": [UNKNOWN, 0.0125],
        },
        rtol=0.35,
    ),
    "ex-model-quadratic": functions(("quadratic fit",), _judge_quadratic),
    "ex-model-neighbors": _judge_ratios,
    "ex-model-rate": numbers(
        ("largest stable rate",),
        lambda: 2 / CURVATURES[-1],
        {
            "from this rate on the path zigzags, but it still converges": 1 / CURVATURES[-1],
            "this is the rate that converges fastest": 2 / CURVATURES.sum(),
            "at this rate the loss grows, but slowly: take more steps": 0.15,
            "the Hessian of the mean of the squares has a factor 2": 4 / CURVATURES[-1],
        },
        rtol=4e-3,
    ),
    "ex-model-random": numbers(
        ("exponent of d",),
        lambda: [1.0],
        {
            "the cosine falls like the root of d, but a step gains its square": 0.5,
            "this is the growth of the steps of gradient descent": 0.0,
            "this is the growth of the operations: an evaluation takes some n d": 3.0,
        },
        rtol=0.3,
    ),
}
