"""Check a reader's answer to an exercise, offline, and say what is wrong with it.

Read with book/front/how-to-read.md. Every page with exercises may use `check`, which
`groundtruth.check` exports. `answers/<part>/<topic>.py` holds one judge per exercise.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

Judge = Callable[[Any], str | None]  # what is wrong with an answer, or None if it is right
LABEL = re.compile(r"ex-([a-z0-9]+)-[a-z0-9-]+")
PARTS = tuple(sorted(part.name for part in pkgutil.iter_modules(__path__) if part.ispkg))
TOPICS = {  # abbreviations in labels
    "attn": "attention",
    "diagnosing": "diagnosing_training",
    "diff": "diffusion",
    "language": "language_models",
    "training": "training_in_practice",
}
CLOSE = 0.01  # relative error up to which an answer counts as rounded


class WrongAnswer(AssertionError):
    """What is wrong with an answer. Jupyter shows the message without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def check(label: str, answer: Any) -> None:
    """Print one line if the answer to an exercise is right; otherwise say what is wrong.

    Parameters
    ----------
    label : str
        The label of the exercise, such as "ex-backprop-four".
    answer : number, sequence of numbers, array or function
        What the exercise asks for, in the order in which it asks.

    Raises
    ------
    WrongAnswer
        If the answer is not right; the message says in which respect, and names the mistake where
        it is a known one.
    LookupError
        If no exercise with this label can be checked.

    Examples
    --------
    >>> check("ex-backprop-four", [64, 32])
    answer ok: ex-backprop-four
    """
    judges = _judges(label)
    if label not in judges:
        near = difflib.get_close_matches(label, judges, 1, 0.0)
        other = f"; did you mean {near[0]!r}?" if near else ""
        raise LookupError(f"no exercise {label!r} can be checked{other}")
    complaint = judges[label](answer)
    if complaint is not None:
        raise WrongAnswer(f"not yet: {label}: {complaint}")
    print(f"answer ok: {label}")


def _judges(label: str) -> Mapping[str, Judge]:
    """All judges of the topic that a label names; none if there is no such topic."""
    match = LABEL.fullmatch(label)
    if not match:
        return {}
    topic = TOPICS.get(match[1], match[1])
    names = [f"{__name__}.{part}.{topic}" for part in PARTS]
    # find_spec and not a listing: a new topic must not make every page that checks stale
    existing = [name for name in names if find_spec(name)]
    return importlib.import_module(existing[0]).ANSWERS if existing else {}


def numbers(
    names: Sequence[str],
    right: Callable[[], ArrayLike],
    mistakes: Mapping[str, ArrayLike],
    rtol: float = 1e-3,
) -> Judge:
    """A judge of one or several numbers.

    Parameters
    ----------
    names : sequence of str
        What each number is, in the order of the answer.
    right : function without arguments
        Computes the right answer, shape (len(names),), when it is needed.
    mistakes : mapping from an explanation to the numbers, shape (len(names),), it leads to
        Entries that are NaN match anything.
    rtol : float
        Relative tolerance of each number; for a right answer of zero, absolute.
    """

    def judge(answer: Any) -> str | None:
        given, complaint = _read(answer, names)
        if given is None:
            return complaint
        wanted = np.asarray(right(), float).ravel()
        wrong = np.flatnonzero(~_near(given, wanted, rtol))
        if not wrong.size:
            return None
        for explanation, values in mistakes.items():
            expected = np.asarray(values, float).ravel()
            if np.all(np.isnan(expected) | _near(given, expected, rtol)):
                return explanation
        return _difference(names[wrong[0]], given[wrong[0]], wanted[wrong[0]])

    return judge


def _read(answer: Any, names: Sequence[str]) -> tuple[np.ndarray | None, str]:
    """The answer as finite numbers, one for each name, or what prevents that."""
    asked = f"give {len(names)} number{'s' * (len(names) > 1)}: {', '.join(names)}"
    try:
        given = np.asarray(answer, float).ravel()
    except (TypeError, ValueError):
        return None, f"{asked}; got {type(answer).__name__} {answer!r:.60}"
    if given.size != len(names):
        return None, f"{asked}; got {given.size}"
    if not np.all(np.isfinite(given)):
        return None, f"{names[int(np.argmin(np.isfinite(given)))]} is not a finite number"
    return given, ""


def _near(a: np.ndarray, b: np.ndarray, rtol: float) -> np.ndarray:
    """Where a agrees with b to a relative tolerance, absolute where b is zero."""
    return np.abs(a - b) <= rtol * np.where(b == 0, 1.0, np.abs(b))


def _difference(name: str, given: float, wanted: float) -> str:
    """In what way one number is wrong, without giving the right one away."""
    if given == -wanted:
        return f"{name} has the wrong sign"
    if wanted and abs(given / wanted - 1) < CLOSE:
        return f"{name} is right to a few digits only: give more of them"
    size = "small" if given < wanted else "large"
    return f"{name} is wrong: {given:g} is too {size}"


def functions(names: Sequence[str], test: Callable[..., str | None]) -> Judge:
    """A judge of one or several functions of the reader's.

    Parameters
    ----------
    names : sequence of str
        What each function computes, in the order of the answer.
    test : function of the answer's functions
        What is wrong with them, or None. An exception in them counts as a complaint.
    """

    def judge(answer: Any) -> str | None:
        given = [answer]
        if not callable(answer):
            given = list(answer) if np.iterable(answer) else []
        if len(given) != len(names) or not all(callable(item) for item in given):
            return f"give {len(names)} function{'s' * (len(names) > 1)}: {', '.join(names)}"
        try:
            return test(*given)
        except Exception as error:  # the reader's own code may raise anything
            return f"the answer raised {type(error).__name__}: {error}"

    return judge
