"""What a trained assistant is asked: calculations and conversions, in many wordings.

Whoever asks a question for a test asks about other numbers than any conversation of the training,
for each operation: `held_out` decides which are for tests. Read with `book/capstones/agent.md`.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

EVERY = 8  # one in so many sets of operands is for tests only
NUMBER = re.compile(r"\d+(?:\.\d+)?")

Numbers = dict[str, int]


@dataclass(frozen=True)
class Question:
    """A question and the call that answers it.

    Attributes
    ----------
    text : str
    tool : str, name of the tool
    arguments : dict of the call
    """

    text: str
    tool: str
    arguments: dict[str, Any]


def held_out(expression: str) -> bool:
    """Whether the numbers of an expression are for tests only, in any order, for its operation.

    The operation is the expression without its numbers: `12*5`, `5*12` and `5 * 12.0` are one case
    of multiplication, and `12*5+7` one of another operation. A hash decides, so that training and
    tests agree without a list.

    Examples
    --------
    >>> held_out("12*5") == held_out("5*12")
    True
    """
    operation = NUMBER.sub("", expression).replace(" ", "")
    operands = sorted(map(float, NUMBER.findall(expression)))
    return zlib.crc32(f"{operation} {operands}".encode()) % EVERY == 0


def _any(rng: random.Random) -> Numbers:
    """Numbers of one to four digits."""
    return {name: rng.randrange(1, 10 ** rng.randrange(1, 5)) for name in "abc"}


def _quotient(rng: random.Random) -> Numbers:
    """a is a multiple of b, so that the quotient is short."""
    b = rng.randrange(2, 100)
    return {"a": b * rng.randrange(2, 100), "b": b}


def _small(rng: random.Random) -> Numbers:
    """A base and an exponent."""
    return {"a": rng.randrange(2, 20), "b": rng.randrange(2, 6)}


def _square(rng: random.Random) -> Numbers:
    """a is a square."""
    return {"a": rng.randrange(2, 100) ** 2}


def by_zero(rng: random.Random) -> Numbers:
    """a has one to four digits, and b is 0."""
    return {**_any(rng), "b": 0}


def six_digits(rng: random.Random) -> Numbers:
    """Numbers of five or six digits, longer than any that is trained on."""
    return {name: rng.randrange(10_000, 1_000_000) for name in "abc"}


@dataclass(frozen=True)
class Wording:
    """A way to ask, and the expression that answers it, both with {a}, {b} and {c} to fill in.

    Attributes
    ----------
    numbers : function of a generator, the values of a, b and c
    """

    question: str
    expression: str
    numbers: Callable[[random.Random], Numbers] = _any


WORDINGS = (
    Wording("What is {a}+{b}?", "{a}+{b}"),
    Wording("What is {a}*{b}?", "{a}*{b}"),
    Wording("What is {a}-{b}?", "{a}-{b}"),
    Wording("What is {a}/{b}?", "{a}/{b}", _quotient),
    Wording("What is {a}*{b}+{c}?", "{a}*{b}+{c}"),
    Wording("Compute {a}-{b}*{c}.", "{a}-{b}*{c}"),
    Wording("Compute ({a}+{b})*{c}.", "({a}+{b})*{c}"),
    Wording("How much is {a}*({b}-{c})?", "{a}*({b}-{c})"),
    Wording("What is {a} plus {b}?", "{a}+{b}"),
    Wording("What is {a} minus {b}?", "{a}-{b}"),
    Wording("What is {a} times {b}?", "{a}*{b}"),
    Wording("What is {a} divided by {b}?", "{a}/{b}", _quotient),
    Wording("Add {a} and {b}.", "{a}+{b}"),
    Wording("Multiply {a} by {b}.", "{a}*{b}"),
    Wording("Subtract {a} from {b}.", "{b}-{a}"),
    Wording("What is {a} squared?", "{a}**2"),
    Wording("What is {a} percent of {b}?", "{b}*{a}/100"),
    Wording("What is the square root of {a}?", "sqrt({a})", _square),
    Wording("What is {a}^{b}?", "{a}**{b}", _small),
    Wording("Compute {a} x {b}.", "{a}*{b}"),
    Wording("Ann has {a} apples and buys {b} more. How many has she?", "{a}+{b}"),
    Wording("Ben had {a} coins and lost {b}. How many are left?", "{a}-{b}"),
    Wording("A box holds {a} eggs. How many are in {b} boxes?", "{a}*{b}"),
    Wording("{a} cards are dealt to {b} players. How many each?", "{a}/{b}", _quotient),
)
UNSEEN = (  # never trained on: how far does the assistant understand, and how far only match?
    Wording("Please multiply {a} and {b}.", "{a}*{b}"),
    Wording("Tell me what {a}+{b} is.", "{a}+{b}"),
    Wording("{a} minus {b}?", "{a}-{b}"),
    Wording("Eve has {a} coins and gets {b} more. How many has she?", "{a}+{b}"),
    Wording("A bag holds {a} nuts. How many are in {b} bags?", "{a}*{b}"),
    Wording("How much is the sum of {a} and {b}?", "{a}+{b}"),
    Wording("Divide {a} by {b}.", "{a}/{b}", _quotient),
    Wording("What remains of {a} when {b} are taken away?", "{a}-{b}"),
)
OUTSIDE = (  # not trained on, and no tool answers them
    "Hi there!",
    "Good evening.",
    "Thanks a lot!",
    "Who made you?",
    "What is the capital of Germany?",
    "Who wrote Faust?",
    "How is your day?",
    "Tell me a story.",
)
GROUPS = (("m", "km", "cm", "mile", "foot", "inch"), ("kg", "g", "pound"), ("s", "min", "h", "day"))
CONVERSIONS = ("How many {to} are {value} {unit}?", "Convert {value} {unit} to {to}.")
TALK = (
    ("Hello!", "Hello! Give me a calculation or a conversion."),
    ("Hi, who are you?", "I am a small model that uses tools."),
    ("What can you do?", "I calculate, and I convert units."),
    ("Thank you!", "You are welcome."),
    ("Good morning.", "Good morning! What shall I calculate?"),
    ("What is the capital of France?", "I do not know: I only calculate and convert."),
    ("Who wrote Hamlet?", "I do not know: I only calculate and convert."),
    ("How is the weather?", "I do not know: I only calculate and convert."),
    ("Tell me a joke.", "I know none: I only calculate and convert."),
)


def calculation(
    wording: Wording,
    rng: random.Random,
    test: bool,
    numbers: Callable[[random.Random], Numbers] | None = None,
) -> Question:
    """A calculation in this wording, about numbers for tests or about others.

    Parameters
    ----------
    numbers : function of a generator, in place of the wording's own
    """
    while True:
        drawn = (numbers or wording.numbers)(rng)
        expression = wording.expression.format(**drawn)
        if held_out(expression) == test:
            text = wording.question.format(**drawn)
            return Question(text, "calculator", {"expression": expression})


def conversion(wording: str, rng: random.Random, test: bool) -> Question:
    """A conversion of units in this wording; a value is for tests with a pair of units."""
    while True:
        unit, to = rng.sample(rng.choice(GROUPS), 2)
        value = rng.choice([rng.randrange(1, 1000), round(rng.uniform(0.1, 100), 1)])
        if held_out(f"{value} {min(unit, to)} {max(unit, to)}") == test:
            text = wording.format(value=value, unit=unit, to=to)
            return Question(text, "convert", {"value": value, "unit": unit, "to": to})


def notation(expression: str) -> str:
    """An expression as people write it and as the calculator refuses it.

    Examples
    --------
    >>> notation("2*3"), notation("2**3"), notation("sqrt(4)")
    ('2 x 3', '2^3', 'root(4)')

    Raises
    ------
    ValueError
        For an expression without an operation.
    """
    for ours, theirs in (
        ("**", "^"),
        ("*", " x "),
        ("/", " : "),
        ("+", " plus "),
        ("-", " minus "),
        ("sqrt", "root"),
    ):
        if ours in expression:
            return expression.replace(ours, theirs)
    raise ValueError(f"{expression!r} contains no operation")
