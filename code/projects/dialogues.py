"""Synthetic conversations to train an assistant on: questions, calls of tools, results, answers.

A conversation is a list of messages. Each is one character for its role, its text and `END`, so
that a model reads and writes the whole as one text. The role characters are private ones of
Unicode: a text from outside that contains one could pass for a message of another role, and is
refused. What the assistant says is learned, except a wrong call: it stands in the conversation with
its error, so that the call after it is learned and the mistake is not. The tools' schemas are in no
conversation: these two tools are learned from examples, and no others can be called. The questions
are in `questions.py`. Read with `book/capstones/agent.md`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from projects import questions, tools
from projects.questions import (
    CONVERSIONS,
    OUTSIDE,
    TALK,
    UNSEEN,
    WORDINGS,
    Question,
    Wording,
    notation,
)
from projects.server_answers import read_arguments
from projects.toolkit import Registry, tool

USER = "\ue000"
CALL = "\ue001"
RESULT = "\ue002"
ANSWER = "\ue003"
END = "\ue004"
ROLES = {USER: "user", CALL: "call", RESULT: "result", ANSWER: "answer"}
ALPHABET = "".join(chr(code) for code in range(32, 127)) + "".join(ROLES) + END
SHOWN = 64  # characters of a result that the assistant reads
CUT = " [cut]"  # the end of a longer one
UNDEFINED = "That is undefined: division by zero."
UNTRAINED = (  # errors that no conversation of the training contains, nor one that starts like them
    "timeout after 5 s",
    "service unavailable, try again",
    "connection refused",
    "rate limit reached, wait 10 s",
    "error 503",
    "out of memory",
    "permission denied",
    "no response",
)


@dataclass(frozen=True)
class Message:
    """One message: a role character and its text; a call may be a wrong one."""

    role: str
    text: str
    wrong: bool = False

    def __str__(self) -> str:
        return f"{self.role}{self.text}{END}"

    @property
    def learned(self) -> bool:
        """Whether a model learns to write it: the assistant's answers, and calls not wrong."""
        return self.role in (CALL, ANSWER) and not self.wrong


@dataclass(frozen=True)
class Dialogue:
    """A conversation about one question.

    Attributes
    ----------
    question : str
    messages : tuple of Message, the question first, the answer last
    expected : str, number or word that a right answer contains, of a conversion the number without
        its unit; empty: a right answer contains no number, and no tool is called for it
    mistake : str, the wrong call before the right one; empty: none
    error : str, what the loop is to say of it in a test; empty: what it says by itself
    """

    question: str
    messages: tuple[Message, ...]
    expected: str = ""
    mistake: str = ""
    error: str = ""


def toolbox(isolated: bool = True) -> Registry:
    """The tools of the conversations; `isolated` runs each calculation in a process of its own."""
    return Registry(tool(tools.calculator, "read", isolated=isolated), tool(tools.convert, "read"))


quick_toolbox = cache(lambda: toolbox(isolated=False))


RUN: dict[str, Callable[..., str]] = {"calculator": tools.calculator, "convert": tools.convert}


def observed(name: str, arguments: dict[str, Any]) -> tuple[str, bool]:
    """What the loop of the agent would pass on from a valid call, and whether the call failed."""
    try:
        return RUN[name](**arguments), False
    except ValueError as error:
        return f"{name} failed: {error}", True


def refused(mistake: str) -> str:
    """What the loop of the agent would pass on from a wrong call."""
    name, arguments = read_call(mistake)
    try:
        return observed(name, arguments)[0]
    except (KeyError, TypeError):  # another name, or arguments that the schema does not allow
        return quick_toolbox().problem(name, arguments) or ""


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
    """What the assistant reads of a result, in printable characters of ASCII.

    A longer one than `SHOWN` ends with `CUT`.
    """
    if len(result) > SHOWN:
        result = result[: SHOWN - len(CUT)] + CUT
    return "".join(c if " " <= c <= "~" else "?" for c in result)


# -- wrong calls ----------------------------------------------------------------------------------


def mistakes(question: Question) -> list[str]:
    """Wrong calls for a question, as an assistant might write them; the loop refuses each."""
    name, arguments = question.tool, question.arguments
    values = " ".join(map(str, arguments.values()))
    calls = [spelled({"calculator": "calculater", "convert": "converter"}[name], arguments)]
    calls.append(f"{name} {json.dumps(values)}")  # a string, not an object
    if name == "calculator":
        expression = arguments["expression"]
        changed = ({"expression": notation(expression)}, {"expression": expression + "+"})
        return [*calls, *(spelled(name, c) for c in (*changed, {"expr": expression}))]
    value, unit, to = arguments.values()
    changes = (
        {"value": str(value), "unit": unit, "to": to},
        {"value": value, "unit": f"{unit}s" if unit != "s" else "sec", "to": to},
        {"value": value, "from": unit, "to": to},
    )
    return [*calls, *(spelled(name, c) for c in changes)]


# -- conversations --------------------------------------------------------------------------------


def conversation(
    question: Question, with_tools: bool = True, mistake: str = "", error: str = ""
) -> Dialogue:
    """The whole conversation about a question, with a wrong call first if one is given."""
    messages = [Message(USER, question.text)]
    text, failed = observed(question.tool, question.arguments)
    if with_tools:
        if mistake:
            messages.append(Message(CALL, mistake, wrong=True))
            messages.append(Message(RESULT, shown(error or refused(mistake))))
        messages.append(Message(CALL, spelled(question.tool, question.arguments)))
        messages.append(Message(RESULT, shown(text)))
    messages.append(Message(ANSWER, UNDEFINED if failed else f"It is {text}."))
    expected = "undefined" if failed else text.partition(" ")[0]
    return Dialogue(question.text, tuple(messages), expected, mistake, error)


def drawn(rng: random.Random, with_tools: bool = True, test: bool = False) -> Dialogue:
    """A conversation to learn from, or, for a test, one about other numbers.

    Of the questions, some are talk, some divide by zero, and a fifth of the rest are conversions.
    A quarter of the conversations with a right result contain a wrong call before it.
    """
    kind = rng.random()
    if kind < 0.04:
        text, answer = rng.choice(TALK)
        return Dialogue(text, (Message(USER, text), Message(ANSWER, answer)))
    if kind < 0.08:
        return conversation(_zero(rng, test), with_tools)
    wordings: Sequence[Wording | str] = CONVERSIONS if kind < 0.24 else WORDINGS
    wording = rng.choice(wordings)
    question = _question(wording, rng, test)
    wrong = with_tools and rng.random() < 0.25
    return conversation(question, with_tools, rng.choice(mistakes(question)) if wrong else "")


def _question(wording: Wording | str, rng: random.Random, test: bool) -> Question:
    if isinstance(wording, str):
        return questions.conversion(wording, rng, test)
    return questions.calculation(wording, rng, test)


DIVISIONS = tuple(w for w in WORDINGS if w.expression == "{a}/{b}")


def _zero(rng: random.Random, test: bool) -> Question:
    return questions.calculation(rng.choice(DIVISIONS), rng, test, questions.by_zero)


# -- questions to test an assistant with ----------------------------------------------------------

FREE = tuple(w for w in WORDINGS if w.numbers is WORDINGS[0].numbers)


def _long(rng: random.Random, i: int) -> Dialogue:
    """Numbers longer than any that is trained on."""
    wording = FREE[i % len(FREE)]
    return conversation(questions.calculation(wording, rng, True, questions.six_digits))


def _mistaken(rng: random.Random, i: int, error: str = "") -> Dialogue:
    """A known calculation after a wrong call, with the loop's own error or this one."""
    question = _question(WORDINGS[i % len(WORDINGS)], rng, True)
    return conversation(question, True, rng.choice(mistakes(question)), error)


def untrained(i: int) -> str:
    """The i-th error: all of them in turn, in another order each time.

    An order of their own keeps an error from always meeting the same wordings.
    """
    turn, place = divmod(i, len(UNTRAINED))
    return random.Random(turn).sample(UNTRAINED, len(UNTRAINED))[place]


def _spoken(text: str) -> Dialogue:
    """A question for which no tool is called; what is said in return is not compared."""
    return Dialogue(text, (Message(USER, text),))


KINDS: dict[str, Callable[[random.Random, int], Dialogue]] = {  # the i-th question; see `cases`
    "known": lambda rng, i: conversation(_question(WORDINGS[i % len(WORDINGS)], rng, True)),
    "convert": lambda rng, i: conversation(_question(CONVERSIONS[i % len(CONVERSIONS)], rng, True)),
    "zero": lambda rng, i: conversation(_zero(rng, True)),
    "long": _long,
    "unseen": lambda rng, i: conversation(_question(UNSEEN[i % len(UNSEEN)], rng, True)),
    "talk": lambda rng, i: _spoken(TALK[i % len(TALK)][0]),
    "outside": lambda rng, i: _spoken(OUTSIDE[i % len(OUTSIDE)]),
    "error": _mistaken,
    "new_error": lambda rng, i: _mistaken(rng, i, untrained(i)),
}
TRIES = 20  # draws for each question, on average
FEW = {"talk": len(TALK), "outside": len(OUTSIDE)}  # questions without numbers: so many there are


def cases(kind: str, count: int, seed: int | str) -> list[Dialogue]:
    """Different questions of a kind, every wording in turn.

    known      calculations in wordings of the training
    convert    conversions in wordings of the training
    zero       divisions by zero
    long       numbers longer than any of the training
    unseen     calculations in other wordings
    talk       what is said in the training and needs no tool, at most nine
    outside    the same, not in the training, at most eight
    error      calculations in wordings of the training, after a wrong call and its error
    new_error  the same with errors that are in no conversation of the training

    All are about numbers that are in no conversation of the training with the same operation.

    Raises
    ------
    ValueError
        For another kind, and for more questions than there are different ones.
    """
    if kind not in KINDS:
        raise ValueError(f"there is no kind {kind!r} of questions; the kinds are {list(KINDS)}")
    rng = random.Random(f"{seed} {kind}")
    drawn: dict[str, Dialogue] = {}
    for _ in range(TRIES * count):
        if len(drawn) == min(count, FEW.get(kind, count)):
            return list(drawn.values())
        case = KINDS[kind](rng, len(drawn))
        drawn.setdefault(case.question, case)
    raise ValueError(f"there are no {count} different questions of the kind {kind}")


def text_of(messages: Iterable[Message]) -> str:
    """The messages as one text."""
    return "".join(map(str, messages))


def learned_mask(messages: Sequence[Message], mistakes: bool = False) -> list[bool]:
    """For each character of `text_of(messages)`, whether it is learned: the assistant's own.

    With `mistakes`, for comparison, wrong calls are learned too.
    """
    return [m.learned or (mistakes and m.wrong) for m in messages for _ in str(m)]
