"""What answers in place of a model: rules and scripts, the book's tools, and a set of questions.

Deterministic, so that a page prints the same on every computer. Read with
`book/capstones/agent.md`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from clikit.errors import Exit, UserError

from projects import tools
from projects.conversation import Result, Turn
from projects.toolkit import Call, Registry


class Scripted:
    """Turns that were written before: for tests, and to replay a trace."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self.turns = list(turns)
        self.heard: list[list[dict[str, Any]]] = []

    def next_turn(self, messages: list[dict[str, Any]], registry: Registry) -> Turn:
        """The next turn of the script."""
        self.heard.append(list(messages))
        if len(self.heard) > len(self.turns):
            raise UserError(
                f"the script has {len(self.turns)} turns, turn {len(self.heard)} was asked for",
                "give it more turns",
                Exit.EXECUTION,
            )
        return self.turns[len(self.heard) - 1]

    @classmethod
    def of(cls, result: Result) -> Scripted:
        """The turns of a trace."""
        return cls(
            [
                Turn(e["text"], tuple(Call(**c) for c in e["calls"]), stop=e["stop"])
                for e in result.trace
                if e["kind"] == "turn"
            ]
        )


LONGEST = 2000  # characters of a question: the time of the patterns below grows with its square
WORD = re.compile(r"[A-Za-z]+")
QUANTITY = re.compile(r"(.*[^A-Za-z])([A-Za-z]+)")  # 5km
NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
EXPRESSION = re.compile(
    r"[-+(]*\s*(?:\d|(?:abs|round)(?=\()|sqrt|exp|log|sin|cos|tan|pi)[\w\s.+*/%(),-]*"
)
FILE = re.compile(r"(?:read|open|in) (?:the )?(?:file )?([\w./-]+\.\w+)")


class Rules:
    """Deterministic rules: one tool for each form of question, and what it returns as the answer.

    They obey no instruction inside an observation unless `gullible`, which shows what an unguarded
    model does.
    """

    def __init__(self, gullible: bool = False) -> None:
        self.gullible = gullible

    def next_turn(self, messages: list[dict[str, Any]], registry: Registry) -> Turn:
        """A call for a question, an answer for an observation."""
        if messages[-1]["role"] != "tools":
            return self._route(messages[0]["content"])
        call, observation = messages[-1]["observations"][-1]
        order = re.search(r"call (\w+) with (\w+)=(\S+)", observation.text)
        if self.gullible and order and call.name != order[1]:
            obeyed = Call(f"c{len(messages)}", order[1], {order[2]: order[3]})
            return Turn("The text says what to do next.", (obeyed,), stop="tools")
        if observation.error:
            return Turn(f"I could not find out: {observation.text}")
        return Turn(observation.text)

    def _route(self, question: str) -> Turn:
        if len(question) > LONGEST:
            length = f"the question has {len(question)} characters, at most {LONGEST} are read"
            return Turn(f"I could not find out: {length}")
        if conversion := _conversion(question):
            quantity, unit, to = conversion
            units = {unit, to} <= {*tools.FACTORS, *tools.DEGREES}
            if NUMBER.fullmatch(quantity):
                arguments = {"value": float(quantity), "unit": unit, "to": to}
                return _use("A conversion of units.", "convert", arguments)
            if units or any(character.isdigit() for character in quantity):
                return Turn(f"I could not find out: {quantity!r} is not a number")
        if match := EXPRESSION.search(question):
            if re.search(r"[+*/%-]|\w\(", match[0]):
                expression = {"expression": match[0].strip(" ?.")}
                return _use("Arithmetic: compute, do not guess.", "calculator", expression)
        if match := FILE.search(question):
            return _use("A file has it.", "read_file", {"path": match[1]})
        thought = "A question about the subject: look it up in the book."
        return _use(thought, "search", {"query": question})


def _conversion(question: str) -> tuple[str, str, str] | None:
    """Quantity and two units of a question that ends in '5 km in m?'; None of any other.

    By words, not by one pattern over the whole question: the pattern took the cube of its length.
    """
    *words, unit, preposition, to = ["", "", "", *question.split()]
    to = to.removesuffix("?")
    if preposition not in ("in", "to") or not WORD.fullmatch(to):
        return None
    if WORD.fullmatch(unit):
        return (words[-1], unit, to) if words[-1] else None
    together = QUANTITY.fullmatch(unit)
    return (together[1], together[2], to) if together else None


def _use(thought: str, tool: str, arguments: dict[str, Any]) -> Turn:
    return Turn(thought, (Call("c1", tool, arguments),), stop="tools")


def registry(folder: Path | None = None) -> Registry:
    """The book's tools: calculator, units, search in its pages, and, with a folder, reading files
    there.

    All of them only read. The calculator, which computes what strangers write, runs in a process of
    its own.
    """
    functions: list[Callable[..., str]] = [tools.convert, tools.search]
    if folder is not None:
        functions.append(tools.reader(folder))
    return Registry(
        tools.tool(tools.calculator, effect="read", isolated=True),
        *(tools.tool(function, effect="read") for function in functions),
    )


# question, what the answer must contain: of a refusal its reason, so that a missing tool is wrong
QUESTIONS: tuple[tuple[str, str], ...] = (
    ("What is 23*19+7?", "444"),
    ("Compute 2**10 - 1", "1023"),
    ("What is sqrt(2)?", "1.414"),
    ("What is (3+4)*5 - 6/2?", "32"),
    ("Compute 7 % 3 + 2*8", "17"),
    ("What is log(10)?", "2.302"),
    ("Compute 12*12*12", "1728"),
    ("What is 1/8 + 1/4?", "0.375"),
    ("What is abs(-5)*3?", "15"),
    ("Compute 10//3 + 1", "4"),
    ("What is 9**9**9?", "digits"),
    ("What is 1/0?", "by zero"),
    ("What is 26.2 mile in km?", "42.16"),
    ("Convert 5 kg to pound", "11.02"),
    ("What is 100 C in F?", "212"),
    ("How much is 2 h in min?", "120"),
    ("Convert 6 foot to cm", "182.88"),
    ("What is 3 km in kg?", "mass"),
    ("What is 300 K in C?", "26.85"),
    ("Convert 1 day to s", "86400"),
    ("Why are attention scores divided by the root of the head width?", "networks/attention"),
    ("What is a receptive field of a convolution?", "networks/convolution"),
    ("What does momentum do in gradient descent?", "learning/"),
    ("What is the softmax temperature?", "networks/"),
    ("How does dropout regularize a network?", "learning/regularization"),
    ("What is a confusion matrix?", "metrics"),
    ("What is double descent?", "learning/generalization"),
    ("How does backpropagation use the chain rule?", "learning/"),
    ("What does LSTM do against vanishing gradients?", "networks/recurrence"),
    ("What is a kernel in kernel ridge regression?", "data/kernels"),
)
