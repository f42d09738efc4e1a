"""Answers to exercises on numerics.

Read with book/modern/numerics.md.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from groundtruth.answers import Judge, functions, numbers

PREDICTED = [2048, 44, -3, -2, 2, 64, 16, 2048, 1024, 1]
NAMES = [f"result {i}" for i in range(1, 11)]


def _only(position: int, value: float) -> list[float]:
    """Ten numbers of which all but one match anything; positions count from 1."""
    return [value if i == position else np.nan for i in range(1, 11)]


def _logaddexp(f: Callable[..., Any]) -> str | None:
    """What is wrong with a function ln(e^a + e^b)."""
    a = np.array([0.0, 1000.0, -1000.0, 3.0, 0.0, -40.0, 700.0])
    b = np.array([0.0, 1000.0, -1001.0, -2.0, -40.0, 0.0, -700.0])
    with np.errstate(all="ignore"):
        given = np.asarray(f(a, b), dtype=float)
        special = np.asarray(f(np.array([-np.inf, np.inf, np.inf]), np.array([-np.inf, 0, np.inf])))
    if given.shape != a.shape:
        return f"two arrays of shape {a.shape} give an array of this shape, not {given.shape}"
    if not np.isfinite(given[:4]).all():
        return "it overflows or underflows at logits of 1000 or -1000: subtract the larger first"
    wanted = np.logaddexp(a, b)
    if abs(given[0] - np.log(2)) > 1e-12:
        return "f(0, 0) is ln 2"
    if not np.allclose(given, wanted, rtol=1e-13, atol=0):
        small = np.allclose(given, wanted, rtol=1e-13, atol=1e-15)
        hint = "; log(1 + t) loses t where it is small: use log1p" if small else ""
        return f"not equal to ln(e^a + e^b){hint}"
    if not np.array_equal(special, [-np.inf, np.inf, np.inf]):
        return f"of infinities it makes {special.tolist()}: the difference of equal ones is NaN"
    return None


def _first_bad(f: Callable[..., Any]) -> str | None:
    """What is wrong with a search for the first bad state."""
    for n in (1, 2, 3, 7, 8, 9, 100):
        steps: list[int] = []
        tests: list[int] = []

        def step(state: int, steps: list[int] = steps) -> int:
            steps.append(state)
            if len(steps) > 10_000:
                raise RuntimeError("10,000 calls of step")
            return state + 1

        def bad(state: int, n: int = n, tests: list[int] = tests) -> bool:
            tests.append(state)
            return state >= n

        answer = f(0, step, bad)
        if answer != n:
            return f"the state is bad for the first time after {n} steps, not {answer}"
        if len(steps) > 3 * n + 3:
            return f"{len(steps)} calls of step for {n} steps: more than 3n + 3"
        if len(tests) > 2 * np.log2(n) + 4:
            return f"{len(tests)} calls of bad for {n} steps: bisect the last interval"
    return None


def _dot(f: Callable[..., Any]) -> str | None:
    """What is wrong with a dot product of doubled precision."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=100) * 10.0 ** rng.uniform(-8, 8, 100)
    y = rng.normal(size=100)
    x = np.append(x, -(x @ y))  # the exact result is the rounding error of the plain one
    y = np.append(y, 1.0)
    exact = float(sum(Fraction(a) * Fraction(b) for a, b in zip(x, y, strict=True)))
    error = abs(float(f(x, y)) - exact) / abs(exact)
    if error > 0.01:
        plain = abs(float(x @ y) - exact) / abs(exact)
        note = ", as large as that of x @ y" if error > plain / 3 else ""
        return f"on a sum that cancels the relative error is {error:.1g}{note}"
    if error > 1e-6:
        return f"the relative error is {error:.1g}: the errors of the products are missing"
    return None


ANSWERS: dict[str, Judge] = {
    "ex-numerics-predict": numbers(
        NAMES,
        lambda: PREDICTED,
        {
            "(1): beyond 65,504 nothing is finite, but gaps begin much earlier": _only(1, 65504),
            "(1): the implied leading one is a bit too": _only(1, 1024),
            "(2): uint8 wraps around at 256": _only(2, 300),
            "(3): // rounds down, also below zero": _only(3, -2),
            "(4): the cast cuts off toward zero": _only(4, -3),
            "(5): a sum of booleans counts": _only(5, 1),
            "(6): a NumPy scalar is not weak: the result is float64": _only(6, 32),
            "(7): (4,) and (4, 1) broadcast": _only(7, 4),
            "(8): 2,049 is not a float16": _only(8, 2049),
            "(8): a tie goes to the even mantissa": _only(8, 2050),
            "(9): there are 2^10 mantissa codes": _only(9, 1023),
            "(10): argmax returns the position of a NaN": _only(10, 2),
        },
        rtol=0.0,
    ),
    "ex-numerics-logaddexp": functions(("f(a, b)",), _logaddexp),
    "ex-numerics-bisect": functions(("f(state, step, bad)",), _first_bad),
    "ex-numerics-shape": numbers(
        ("perfect", "constant", "half"),
        lambda: [8.0, 4.0, 5.0],
        {
            "that is the loss of equal shapes; here all pairs are compared": [0.0, 4.0, 1.0],
            "perfect predictions vary too: both variances count": [4.0, np.nan, np.nan],
            "half the deviation has a quarter of the variance": [8.0, 4.0, 6.0],
        },
    ),
    "ex-numerics-dot": functions(("f(x, y)",), _dot),
}
