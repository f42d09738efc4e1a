"""Answers to exercises on signals.

Read with book/data/signals.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from groundtruth.answers import Judge, functions, numbers
from groundtruth.arrays import Array
from groundtruth.data.pipeline import hampel_score
from groundtruth.data.signals import savgol_coeffs

UNKNOWN = float("nan")


def _hand() -> Array:
    """Weights of seven samples and order 2."""
    return (7 - np.arange(-3, 4) ** 2) / 21


def _ramp() -> float:
    """Standard deviation of the derivative, per second."""
    return float(0.05 / 0.01 * np.sqrt(np.sum(savgol_coeffs(31, 1, deriv=1, pos=30) ** 2)))


def _gain(ratio: float) -> float:
    """Limit of the gain of the Kalman filter of a random walk, for Q / R."""
    return float((-ratio + np.sqrt(ratio**2 + 4 * ratio)) / 2)


def _flags(values: Array, window: int, k: float) -> NDArray[np.bool_]:
    """What a trailing Hampel test flags; nothing before the window is full."""
    flagged: NDArray[np.bool_] = hampel_score(values, window, causal=True) > k
    flagged[: window - 1] = False
    return flagged


def _judge_stream(stream: Callable[..., Iterable[bool]]) -> str | None:
    values = np.random.default_rng(0).normal(size=300)
    values[[3, 40, 41, 120]] += 30
    values[200:] += 6
    for window, k in ((7, 4.0), (11, 6.0)):
        given = np.array(list(stream(values.tolist(), window, k)), dtype=bool)
        if given.size != values.size:
            return f"yield one flag per value: {values.size} values, {given.size} flags"
        right = _flags(values, window, k)
        if np.array_equal(given, right):
            continue
        if given[: window - 1].any():
            return "a sample is flagged before the window is full"
        half = window // 2
        rows = np.lib.stride_tricks.sliding_window_view(values, window)
        apart = np.abs(rows[:, -1] - rows.mean(1)) > k * rows.std(1)
        if np.array_equal(given[window - 1 :], apart):
            return "these are mean and standard deviation; Hampel's test uses median and MAD"
        loose = _flags(values, window, k / 1.4826022185056018)
        if np.array_equal(given, loose):
            return "the MAD is not multiplied by 1.4826"
        centered = hampel_score(values, window) > k
        if np.array_equal(given[window:-half], centered[window:-half]):
            return "the window is centered: it contains values that have not arrived yet"
        wrong = int(np.flatnonzero(given != right)[0])
        return f"value {wrong} is judged differently with a window of {window} and k = {k:g}"
    return None


def _reports() -> list[tuple[pd.DataFrame, float, str]]:
    """Reports, factors, and what a gate must say."""

    def table(**rmse: float) -> pd.DataFrame:
        rows = {name: (50, value, 0.0) for name, value in rmse.items()}
        return pd.DataFrame(rows.values(), index=list(rows), columns=["count", "rmse", "bias"])

    return [
        (table(cold=1.7, warm=0.1, all=0.3), 2.0, "cold"),
        (table(cold=0.4, warm=0.1, all=0.3), 2.0, "pass"),
        (table(hot=0.5, warm=0.9, cold=UNKNOWN, all=0.4), 2.0, "warm"),
        (table(hot=0.5, warm=0.9, cold=UNKNOWN, all=0.4), 3.0, "pass"),
        (table(a=0.2, b=0.3, all=0.25), 0.5, "b"),
    ]


def _judge_gate(gate: Callable[..., Any]) -> str | None:
    for report, factor, right in _reports():
        given = gate(report.copy(), factor)
        if given == right:
            continue
        if given == "all":
            return 'the row "all" is not a regime: leave it out'
        shown = ", ".join(f"{name} {value:g}" for name, value in report["rmse"].items())
        return f"for the RMSE {shown} and the factor {factor:g} it returns {given!r}, not {right!r}"
    return None


def _left_out(x: Array, m: int, p: int) -> float:
    """Mean squared error of predictions from fits to the other samples, by refitting."""
    k = np.delete(np.arange(m) - m // 2, m // 2)
    powers = k[:, None] ** np.arange(p + 1.0)
    rows = np.lib.stride_tricks.sliding_window_view(x, m)
    others = np.delete(rows, m // 2, axis=1)
    predicted = np.linalg.lstsq(powers, others.T, rcond=None)[0][0]
    return float(np.mean((rows[:, m // 2] - predicted) ** 2))


def _judge_left_out(left_out: Callable[..., Any]) -> str | None:
    x = np.random.default_rng(1).normal(size=80).cumsum()
    for m, p in ((7, 2), (11, 3)):
        given = float(left_out(x.copy(), m, p))
        right = _left_out(x, m, p)
        if np.isclose(given, right, rtol=1e-6):
            continue
        c = savgol_coeffs(m, p)
        residual = x[m // 2 : -(m // 2)] - np.convolve(x, c, "valid")
        if np.isclose(given, np.mean(residual**2), rtol=1e-6):
            return "these residuals are of fits that include the sample: divide each by 1 - c_0"
        if np.isclose(given, np.mean(residual**2) / (1 - c[m // 2]), rtol=1e-6):
            return "each residual is divided by 1 - c_0, so its square by (1 - c_0)^2"
        if np.isclose(given, np.sqrt(right), rtol=1e-6):
            return "return the mean of the squares, not its square root"
        return f"for a window of {m} and order {p} it returns {given:.4g}; refitting gives another"
    return None


ANSWERS: dict[str, Judge] = {
    "ex-signals-hand": numbers(
        [f"weight {k}" for k in range(-3, 4)],
        _hand,
        {
            "divide by 21: the weights must sum to 1": 21 * _hand(),
            "these weights are those of the moving average: the parabola is missing": np.full(
                7, 1 / 7
            ),
            "these are the weights of the derivative; the value at the center is beta_0": (
                np.arange(-3, 4) / 28
            ),
            "these weights give beta_2; the value at the center is beta_0": (
                np.arange(-3, 4) ** 2 - 4
            )
            / 84,
        },
    ),
    "ex-signals-ramp": numbers(
        ("standard deviation",),
        _ramp,
        {
            "this is per sample: divide by 0.01 s": _ramp() * 0.01,
            "this is the variance": _ramp() ** 2,
            "this is the noise of the fitted value, not of its derivative": 0.05
            * np.sqrt(np.sum(savgol_coeffs(31, 1, pos=30) ** 2)),
            "this is the noise of the difference of two neighbors": 0.05 * np.sqrt(2) / 0.01,
        },
        rtol=5e-3,
    ),
    "ex-signals-stream": functions(("stream",), _judge_stream),
    "ex-signals-gate": functions(("gate",), _judge_gate),
    "ex-signals-kalman": numbers(
        ("gain",),
        lambda: _gain(0.25),
        {
            "this is the gain for Q = R": _gain(1.0),
            "this is the gain for R / Q = 0.25": _gain(4.0),
            "this is P + Q over R, before the division by P + Q + R": _gain(0.25) + 0.25,
        },
        rtol=2e-3,
    ),
    "ex-signals-window": functions(("left_out",), _judge_left_out),
}
