"""What a sentence says about a result, as a check that can fail.

Read with book/front/how-to-read.md. Every page uses `claim`; `groundtruth.check` exports it.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

REPORT = "GROUNDTRUTH_CLAIMS"  # "report": a claim that fails is printed and the page continues
BOUNDS = ("above", "below", "between", "equal", "ordering")
DIRECTIONS = {"increasing": "<", "decreasing": ">"}


def claim(
    statement: str,
    value: Any,
    *,
    above: float | None = None,
    below: float | None = None,
    between: tuple[float, float] | None = None,
    equal: Any = None,
    ordering: str | None = None,
    margin: float = 0.0,
    digits: int = 2,
) -> None:
    """Assert what a sentence says about a computed value, and print one line with the value.

    Parameters
    ----------
    statement : str
        What the sentence says, in words.
    value : number, string, or for `ordering` a mapping from names to numbers or a sequence
        What was computed. An array is refused: say which of its minimum, mean, ... is meant.
    above, below : float
        value > above + margin, or value < below - margin.
    between : (low, high)
        low + margin <= value <= high - margin.
    equal : number or string
        value == equal; with a margin, |value - equal| <= margin.
    ordering : {"increasing", "decreasing"}
        Each entry differs from the one before in this direction, by more than the margin.
    margin : float, >= 0
        The room that the claim keeps to its bound, in the unit of the value.
    digits : int, >= 1
        Significant digits of the printed value; more are printed where the line would otherwise
        read as false.

    Raises
    ------
    AssertionError
        If the claim does not hold, or the value is not finite. With GROUNDTRUTH_CLAIMS=report in
        the environment, the line `claim failed: ...` is printed instead.
    ValueError
        If there is not exactly one bound, or a bound, the margin or the digits make no sense.
    TypeError
        If the value is not of the kind that the bound compares.

    Examples
    --------
    >>> claim("most of the weight is on one key", 0.9046, above=0.5)
    claim ok: most of the weight is on one key (0.9 > 0.5)
    >>> claim("Adam is ahead", {"SGD": 0.42, "Adam": 0.871}, ordering="increasing", margin=0.1)
    claim ok: Adam is ahead (SGD 0.42 < Adam 0.87)
    """
    bounds = {"above": above, "below": below, "between": between}
    bounds |= {"equal": equal, "ordering": ordering}
    given = [name for name, bound in bounds.items() if bound is not None]
    if len(given) != 1:
        raise ValueError(f"give exactly one of {', '.join(BOUNDS)}; got {given or 'none'}")
    if not statement.strip() or "\n" in statement:
        raise ValueError(f"the statement must be one line of words, got {statement!r}")
    if not 0 <= margin < math.inf:
        raise ValueError(f"the margin must be finite and >= 0, got {margin}")
    if digits < 1:
        raise ValueError(f"digits must be at least 1, got {digits}")
    if ordering is not None:
        holds, line = _ordered(value, ordering, margin, digits)
    elif isinstance(equal, str):
        holds, line = _same_text(value, equal)
    else:
        holds, line = _bounded(_number(value), given[0], bounds[given[0]], margin, digits)
    if holds:
        print(f"claim ok: {statement} ({line})")
        return
    text = f"claim failed: {statement} (not {line})"
    if os.environ.get(REPORT) != "report":
        raise AssertionError(text)
    print(text)


def _number(value: Any) -> float:
    """A real number of any type; arrays of several entries and other things are refused."""
    if isinstance(value, str) or np.ndim(value) or (not np.isscalar(value) and np.size(value) != 1):
        raise TypeError(
            f"a claim compares one number, got {type(value).__name__} of shape {np.shape(value)};"
            " take its minimum, its mean or one entry"
        )
    return float(value)


def _bounded(value: float, kind: str, bound: Any, margin: float, digits: int) -> tuple[bool, str]:
    """Whether a number keeps its bound, and the comparison as it is printed."""
    if kind == "between":
        low, high = (float(end) for end in bound)
        if not low < high:
            raise ValueError(f"between needs low < high, got ({low:g}, {high:g})")
        holds = low + margin <= value <= high - margin
        shown = _shown(value, digits, lambda v: low <= v <= high)
        return holds, f"{low:g} <= {shown} <= {high:g}"
    limit = float(bound)
    if math.isnan(limit):
        raise ValueError(f"the bound of a claim must be a number, got {bound}")
    if kind == "above":
        shown = _shown(value, digits, lambda v: v > limit)
        return value > limit + margin, f"{shown} > {limit:g}"
    if kind == "below":
        shown = _shown(value, digits, lambda v: v < limit)
        return value < limit - margin, f"{shown} < {limit:g}"
    if margin:
        shown = _shown(value, digits, lambda v: abs(v - limit) <= margin)
        return abs(value - limit) <= margin, f"{shown} = {limit:g} within {margin:g}"
    return value == limit, f"{value:.12g} = {limit:.12g}"


def _same_text(value: Any, equal: str) -> tuple[bool, str]:
    if not isinstance(value, str):
        raise TypeError(f"equal={equal!r} compares strings, got {type(value).__name__}")
    return value == equal, f"{value!r} = {equal!r}"


def _ordered(
    values: Mapping[str, float] | Sequence[float], direction: str, margin: float, digits: int
) -> tuple[bool, str]:
    """Whether the values rise or fall throughout, and the chain as it is printed."""
    if direction not in DIRECTIONS:
        raise ValueError(f"ordering must be one of {sorted(DIRECTIONS)}, got {direction!r}")
    if isinstance(values, Mapping):
        names = [f"{name} " for name in values]
        numbers = [_number(value) for value in values.values()]
    else:
        numbers = [_number(value) for value in values]
        names = [""] * len(numbers)
    if len(numbers) < 2:
        raise ValueError(f"an ordering needs at least two values, got {len(numbers)}")
    sign = 1.0 if direction == "increasing" else -1.0
    steps = [sign * (b - a) for a, b in itertools.pairwise(numbers)]
    holds = all(step > margin for step in steps)
    places = digits
    while places < 12 and len({f"{n:.{places}g}" for n in numbers}) < len(set(numbers)):
        places += 1
    chain = [f"{name}{number:.{places}g}" for name, number in zip(names, numbers, strict=True)]
    return holds, f" {DIRECTIONS[direction]} ".join(chain)


def _shown(value: float, digits: int, true: Any) -> str:
    """The value in as few digits, from `digits` up, as leave the printed line as true as it is."""
    for places in range(digits, 17):
        text = f"{value:.{places}g}"
        if bool(true(float(text))) == bool(true(value)):
            return text
    return f"{value:.17g}"
