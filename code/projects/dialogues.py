"""Synthetic conversations to train an assistant on: questions, calls of tools, results, answers.

A conversation is a list of messages. Each is one character for its role, its text and `END`, so
that a model reads and writes the whole as one text. The role characters are private ones of
Unicode: a text from outside that contains one could pass for a message of another role, and is
refused. What the assistant says is learned, a call that fails and its correction included.
Read with `book/capstones/agent.md`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from projects import tools
from projects.server_answers import read_arguments
from projects.toolkit import Registry, tool

USER = "\ue000"
CALL = "\ue001"
RESULT = "\ue002"
ANSWER = "\ue003"
END = "\ue004"
ROLES = {USER: "user", CALL: "call", RESULT: "result", ANSWER: "answer"}
ALPHABET = "".join(chr(code) for code in range(32, 127)) + "".join(ROLES) + END
SHOWN = 48  # characters of a result that the assistant reads


@dataclass(frozen=True)
class Message:
    """One message: a role character and its text."""

    role: str
    text: str

    def __str__(self) -> str:
        return f"{self.role}{self.text}{END}"

    @property
    def learned(self) -> bool:
        """Whether a model learns to write it: the assistant's calls and answers."""
        return self.role in (CALL, ANSWER)


@dataclass(frozen=True)
class Dialogue:
    """A conversation about one question.

    Attributes
    ----------
    question : str
    messages : tuple of Message, the question first, the answer last
    expected : str, the number that a right answer contains; empty where no tool is needed
    """

    question: str
    messages: tuple[Message, ...]
    expected: str = ""


@dataclass(frozen=True)
class Wording:
    """A way to ask, and the expression that answers it, both with {a}, {b} and {c} to fill in.

    Attributes
    ----------
    slip : str, the expression as the question spells it, where the calculator refuses that
    numbers : function of a generator, the values of a, b and c
    """

    question: str
    expression: str
    slip: str = ""
    numbers: Callable[[random.Random], dict[str, int]] | None = None


def _any(rng: random.Random) -> dict[str, int]:
    """Numbers of one to four digits."""
    return {name: rng.randrange(1, 10 ** rng.randrange(1, 5)) for name in "abc"}


def _quotient(rng: random.Random) -> dict[str, int]:
    """a is a multiple of b, so that the quotient is short."""
    b = rng.randrange(2, 100)
    return {"a": b * rng.randrange(2, 100), "b": b}


def _small(rng: random.Random) -> dict[str, int]:
    """A base and an exponent."""
    return {"a": rng.randrange(2, 20), "b": rng.randrange(2, 6)}


def _square(rng: random.Random) -> dict[str, int]:
    """a is a square."""
    return {"a": rng.randrange(2, 100) ** 2}


WORDINGS = (
    Wording("What is {a}+{b}?", "{a}+{b}"),
    Wording("What is {a}*{b}?", "{a}*{b}"),
    Wording("What is {a}-{b}?", "{a}-{b}"),
    Wording("What is {a}/{b}?", "{a}/{b}", numbers=_quotient),
    Wording("What is {a}*{b}+{c}?", "{a}*{b}+{c}"),
    Wording("Compute {a}-{b}*{c}.", "{a}-{b}*{c}"),
    Wording("Compute ({a}+{b})*{c}.", "({a}+{b})*{c}"),
    Wording("How much is {a}*({b}-{c})?", "{a}*({b}-{c})"),
    Wording("What is {a} plus {b}?", "{a}+{b}"),
    Wording("What is {a} minus {b}?", "{a}-{b}"),
    Wording("What is {a} times {b}?", "{a}*{b}"),
    Wording("What is {a} divided by {b}?", "{a}/{b}", numbers=_quotient),
    Wording("Add {a} and {b}.", "{a}+{b}"),
    Wording("Multiply {a} by {b}.", "{a}*{b}"),
    Wording("Subtract {a} from {b}.", "{b}-{a}"),
    Wording("What is {a} squared?", "{a}**2"),
    Wording("What is {a} percent of {b}?", "{b}*{a}/100"),
    Wording("What is the square root of {a}?", "sqrt({a})", numbers=_square),
    Wording("What is {a}^{b}?", "{a}**{b}", "{a}^{b}", _small),
    Wording("Compute {a} x {b}.", "{a}*{b}", "{a} x {b}"),
    Wording("Ann has {a} apples and buys {b} more. How many has she?", "{a}+{b}"),
    Wording("Ben had {a} coins and lost {b}. How many are left?", "{a}-{b}"),
    Wording("A box holds {a} eggs. How many are in {b} boxes?", "{a}*{b}"),
    Wording("{a} cards are dealt to {b} players. How many each?", "{a}/{b}", numbers=_quotient),
)
UNSEEN = (  # never trained on: how far does the assistant understand, and how far only match?
    Wording("Please multiply {a} and {b}.", "{a}*{b}"),
    Wording("Tell me what {a}+{b} is.", "{a}+{b}"),
    Wording("{a} minus {b}?", "{a}-{b}"),
    Wording("Eve has {a} coins and gets {b} more. How many has she?", "{a}+{b}"),
    Wording("A bag holds {a} nuts. How many are in {b} bags?", "{a}*{b}"),
    Wording("How much is the sum of {a} and {b}?", "{a}+{b}"),
    Wording("Divide {a} by {b}.", "{a}/{b}", numbers=_quotient),
    Wording("What remains of {a} when {b} are taken away?", "{a}-{b}"),
)
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
GROUPS = (("m", "km", "cm", "mile", "foot", "inch"), ("kg", "g", "pound"), ("s", "min", "h", "day"))
CONVERSIONS = ("How many {to} are {value} {unit}?", "Convert {value} {unit} to {to}.")


def toolbox(isolated: bool = True) -> Registry:
    """The tools of the conversations; `isolated` runs each calculation in a process of its own."""
    return Registry(tool(tools.calculator, "read", isolated=isolated), tool(tools.convert, "read"))


def observed(name: str, arguments: dict[str, Any]) -> tuple[str, bool]:
    """What the loop of the agent would pass on from a call, and whether the call failed."""
    run: Callable[..., str] = tools.calculator if name == "calculator" else tools.convert
    try:
        return run(**arguments), False
    except ValueError as error:
        return f"{name} failed: {error}", True


def spelled(name: str, arguments: Any) -> str:
    """A call as the assistant writes it: the name, and its arguments as JSON."""
    return f"{name} {json.dumps(arguments)}"


def read_call(text: str) -> tuple[str, Any]:
    """Name and arguments of a call as the assistant wrote it.

    What is not JSON stays a string, which the loop answers with an error.

    Examples
    --------
    >>> read_call('calculator {"expression": "2+3"}')
    ('calculator', {'expression': '2+3'})
    """
    name, _, arguments = text.partition(" ")
    return name, read_arguments(arguments)


def clean(text: str) -> str:
    """A text from outside, fit to stand in a message.

    Raises
    ------
    ValueError
        When it contains a character that the alphabet lacks, a role character above all.
    """
    for position, character in enumerate(text):
        if not " " <= character <= "~":
            raise ValueError(
                f"{character!r} at position {position} is not a printable ASCII character; "
                "remove it"
            )
    return text


def shown(result: str) -> str:
    """What the assistant reads of a result: its beginning, in printable characters of ASCII."""
    return "".join(c if " " <= c <= "~" else "?" for c in result[:SHOWN])


def arithmetic(wording: Wording, rng: random.Random, with_tools: bool = True) -> Dialogue:
    """A conversation about a calculation, in this wording."""
    numbers = (wording.numbers or _any)(rng)
    question = wording.question.format(**numbers)
    tries = [text.format(**numbers) for text in (wording.slip, wording.expression) if text]
    return _dialogue(question, [("calculator", {"expression": e}) for e in tries], with_tools)


def conversion(rng: random.Random, with_tools: bool = True) -> Dialogue:
    """A conversation about a conversion of units."""
    unit, to = rng.sample(rng.choice(GROUPS), 2)
    value = rng.choice([rng.randrange(1, 1000), round(rng.uniform(0.1, 100), 1)])
    question = rng.choice(CONVERSIONS).format(value=value, unit=unit, to=to)
    arguments = {"value": value, "unit": unit, "to": to}
    return _dialogue(question, [("convert", arguments)], with_tools)


def _dialogue(question: str, calls: list[tuple[str, dict[str, Any]]], with_tools: bool) -> Dialogue:
    """The whole conversation; all calls but the last one fail."""
    messages = [Message(USER, question)]
    text = ""
    failed = False
    for name, arguments in calls:
        text, failed = observed(name, arguments)
        if with_tools:
            messages.append(Message(CALL, spelled(name, arguments)))
            messages.append(Message(RESULT, shown(text)))
    answer = "That cannot be computed." if failed else f"It is {text}."
    messages.append(Message(ANSWER, answer))
    return Dialogue(question, tuple(messages), "" if failed else text.partition(" ")[0])


def drawn(rng: random.Random, with_tools: bool = True) -> Dialogue:
    """A conversation to learn from: four calculations for each conversion and some talk."""
    kind = rng.random()
    if kind < 0.06:
        question, answer = rng.choice(TALK)
        return Dialogue(question, (Message(USER, question), Message(ANSWER, answer)))
    if kind < 0.24:
        return conversion(rng, with_tools)
    return arithmetic(rng.choice(WORDINGS), rng, with_tools)


def _long(rng: random.Random) -> Dialogue:
    """Numbers of five or six digits, longer than any that is trained on."""
    wording = rng.choice([w for w in WORDINGS if w.numbers is None and not w.slip])
    return arithmetic(replace(wording, numbers=_six_digits), rng)


def _six_digits(rng: random.Random) -> dict[str, int]:
    return {name: rng.randrange(10_000, 1_000_000) for name in "abc"}


def _known(rng: random.Random) -> Dialogue:
    """A calculation without a slip, or a conversion."""
    if rng.random() < 0.2:
        return conversion(rng)
    return arithmetic(rng.choice([w for w in WORDINGS if not w.slip]), rng)


KINDS: dict[str, Callable[[random.Random], Dialogue]] = {  # of questions to test an assistant with
    "known": _known,
    "slip": lambda rng: arithmetic(rng.choice([w for w in WORDINGS if w.slip]), rng),
    "long": _long,
    "unseen": lambda rng: arithmetic(rng.choice(UNSEEN), rng),
}


def text_of(messages: Iterable[Message]) -> str:
    """The messages as one text."""
    return "".join(map(str, messages))


def learned_mask(messages: Sequence[Message]) -> list[bool]:
    """For each character of `text_of(messages)`, whether it is learned: the assistant's own."""
    return [message.learned for message in messages for _ in str(message)]
