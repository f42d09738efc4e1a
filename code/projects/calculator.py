"""A calculator for other people's expressions: parsed into a tree, every kind of node allowed by
name, sizes bounded.

Nothing is ever evaluated by Python itself. Limits hold before the work is done, so `9**9**9` is
refused at once.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

LONGEST = 500
DEEPEST = 40
LARGEST = 10**60  # characters, nested operations, size of a whole number

Number = int | float
BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
UNARY: dict[type, Callable[[Any], Any]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
FUNCTIONS: dict[str, Callable[..., Number]] = {
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "abs": abs,
    "round": lambda *numbers: _round(*numbers),
    "min": min,
    "max": max,
}
NAMES: dict[str, Number] = {"pi": math.pi, "e": math.e}


DIGITS = 100  # of round, on either side of the point


class CalculatorError(ValueError):
    """Why an expression is not computed, in one sentence."""


def evaluate(expression: str) -> Number:
    """The value of an arithmetic expression.

    Numbers, + - * / // % **, brackets, pi and e, and sqrt exp log sin cos tan abs round min max.

    Raises
    ------
    CalculatorError
        For anything else, for a result that is no finite number, and for expressions or numbers
        beyond the limits.

    Examples
    --------
    >>> evaluate("23*19+7"), evaluate("sqrt(16) / 2")
    (444, 2.0)
    """
    if len(expression) > LONGEST:
        raise CalculatorError(
            f"the expression has {len(expression)} characters, at most {LONGEST} are read"
        )
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise CalculatorError(f"{expression[:40]!r} is not an expression") from None
    try:
        value = _value(tree.body, 0)
    except (ZeroDivisionError, OverflowError, ValueError, TypeError) as error:
        if isinstance(error, CalculatorError):
            raise
        raise CalculatorError(f"it cannot be computed: {error}") from None
    return _bounded(value)


def _value(node: ast.AST, depth: int) -> Number:
    if depth > DEEPEST:
        raise CalculatorError(f"it is nested more than {DEEPEST} deep")
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return _bounded(node.value)
    if isinstance(node, ast.Name) and node.id in NAMES:
        return NAMES[node.id]
    if isinstance(node, ast.UnaryOp) and type(node.op) in UNARY:
        return UNARY[type(node.op)](_value(node.operand, depth + 1))
    if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
        left = _value(node.left, depth + 1)
        right = _value(node.right, depth + 1)
        if isinstance(node.op, ast.Pow):
            _check_power(left, right)
        return _bounded(BINARY[type(node.op)](left, right))
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in FUNCTIONS
        and not node.keywords
    ):
        if not 1 <= len(node.args) <= 20:
            raise CalculatorError(f"{node.func.id} takes 1 to 20 numbers, got {len(node.args)}")
        return _bounded(FUNCTIONS[node.func.id](*(_value(a, depth + 1) for a in node.args)))
    what = (
        getattr(node, "id", None)
        or getattr(getattr(node, "func", None), "id", None)
        or type(node).__name__
    )
    raise CalculatorError(
        f"{what!r} is not arithmetic; allowed are numbers, + - * / // % **, {', '.join(NAMES)} and "
        f"{', '.join(FUNCTIONS)}"
    )


def _round(value: Number, digits: Number | None = None) -> Number:
    """Python's round; it computes 10**digits without releasing the interpreter, hence the limit."""
    if digits is None:
        return round(value)
    if not isinstance(digits, int) or abs(digits) > DIGITS:
        raise CalculatorError(f"round takes a whole number of digits up to {DIGITS}, got {digits}")
    return round(value, digits)


def _check_power(base: Number, exponent: Number) -> None:
    """Refuse before computing: a power has about exponent times log10(base) digits."""
    if (
        isinstance(base, int)
        and isinstance(exponent, int)
        and exponent > 0
        and abs(base) > 1
        and exponent * math.log10(abs(base)) > math.log10(LARGEST)
    ):
        raise CalculatorError(
            f"the power would have {exponent * math.log10(abs(base)):.0f} digits, at most "
            f"{round(math.log10(LARGEST))} are computed"
        )


def _bounded(value: Any) -> Number:
    if isinstance(value, (complex, bool)) or not isinstance(value, (int, float)):
        raise CalculatorError("the result is not a real number")
    if isinstance(value, int) and abs(value) > LARGEST:
        raise CalculatorError(f"a number has more than {round(math.log10(LARGEST))} digits")
    if isinstance(value, float) and not math.isfinite(value):
        raise CalculatorError("the result is not a finite number")
    return value
