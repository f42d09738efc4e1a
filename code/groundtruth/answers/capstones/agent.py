"""Answers to exercises on agents.

Read with book/capstones/agent.md.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, get_type_hints

from groundtruth.answers import Judge, functions, numbers

TEXTS = {"to be or not to be": 6, "": 0, "one  two\nthree ": 3}


def _word_count(count_words: Callable[..., Any]) -> str | None:
    """Whether a function counts words and describes itself to a model."""
    for text, count in TEXTS.items():
        given = count_words(text)
        if given != count:
            return f"{text!r} has {count} words, not {given}: split at any run of white space"
    parameters = list(inspect.signature(count_words).parameters)
    if get_type_hints(count_words).get(parameters[0]) is not str:
        return f"the schema is made from annotations: annotate {parameters[0]!r} as str"
    if not (inspect.getdoc(count_words) or "").strip():
        return "the model reads the docstring as the description of the tool: write one"
    return None


def _call(name: str, **arguments: Any) -> Any:
    return SimpleNamespace(id="c1", name=name, arguments=arguments)


def _approval(make: Callable[..., Any]) -> str | None:
    """Whether an approval step sends a limited number of messages, and only to known people."""
    approve = make({"ann", "bob", "cleo"}, 2)
    answers = [approve(_call("send", to=to)) for to in ("ann", "mallory", "bob", "cleo")]
    if answers[1] is True:
        return "a message to somebody who is not on the list was approved"
    if [bool(answer) for answer in answers[:3]] == [True, False, False]:
        return "a refused message does not count against the limit"
    if answers[3] is True:
        return "a third message was approved, and the limit is two"
    if answers[0] is not True or answers[2] is not True:
        return f"only the answer True approves a call; the first answer was {answers[0]!r}"
    if make({"ann"}, 2)(_call("delete", to="ann")) is True:
        return "a call of another tool was approved: look at call.name"
    return None


def _retries() -> list[float]:
    """Success of 30 steps with and without a retry, and the smallest rate of detection for 0.8."""
    p = 0.97
    n = 30
    chances = [(p + (1 - p) * tenths / 10 * p) ** n for tenths in range(11)]
    smallest = next(tenths for tenths, chance in enumerate(chances) if chance > 0.8) / 10
    return [chances[0], chances[-1], smallest]


COPIES = {  # question and expression: the numbers of the expression alone
    ("What is 2*3?", "2*3"): set(),
    ("What is 2 percent of 3?", "3*2/100"): {"100"},
    ("What is 593915-92745?", "5939-92745"): {"5939"},
    ("What is 12*5?", "125"): {"125"},
    ("How much is 1.5 times 2?", "1.5*5"): {"5"},
    ("What is 7+8?", "9+9"): {"9"},
}


def _foreign(foreign: Callable[..., Any]) -> str | None:
    """Whether a function finds the numbers of an expression that a question does not contain."""
    for (question, expression), expected in COPIES.items():
        given = foreign(question, expression)
        if not isinstance(given, set):
            return f"return a set of strings, not {type(given).__name__}"
        if given != expected:
            return (
                f"of {expression!r} the question {question!r} lacks {sorted(expected)}, "
                f"not {sorted(map(str, given))}: compare whole numbers, fractions included"
            )
    return None


ANSWERS: dict[str, Judge] = {
    "ex-agent-copy": functions(("a function that compares numbers",), _foreign),
    "ex-agent-tool": functions(("the number of words in a text",), _word_count),
    "ex-agent-replay": numbers(
        ("index of the first event that differs",),
        lambda: [1],
        {
            "this event is the model's turn, and the script is the same: look one further": [0],
            "a replayed answer comes from the script, so it does not change": [2],
        },
    ),
    "ex-agent-gate": functions(("a function that makes an approval step",), _approval),
    "ex-agent-retries": numbers(
        ("success without detection", "success with certain detection", "smallest d"),
        _retries,
        {
            "the second attempt may fail too: it succeeds with probability p": [
                0.97**30,
                1.0,
                0.8,
            ],
            "a chain of 30 steps has the 30th power": [0.97, 0.97 + 0.03 * 0.97, 0.0],
        },
        rtol=5e-3,
    ),
}
