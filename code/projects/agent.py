"""agent: a loop around a model that may use tools, with limits, a trace, and an approval step.

The model returns turns with text and tool calls; the loop reads the stop reason, validates and runs
the calls, returns the observations, and always ends with a named outcome. `python -m projects ask`
uses deterministic rules in place of a model; `models.py` has clients of real ones, `mcp_tools.py`
shares the same tools by the Model Context Protocol. Read with `book/capstones/agent.md`. Source:
Yao et al. (2023).
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from clikit.errors import UserError

from projects import isolation
from projects.conversation import (
    OUTCOMES,
    STOPS,
    Model,
    Outcome,
    Result,
    Turn,
    load_trace,
    observation_event,
    turn_event,
)
from projects.rules import QUESTIONS, Rules, Scripted, registry
from projects.toolkit import Call, Confirm, Observation, Registry, deny_all

__all__ = [
    "OUTCOMES",
    "QUESTIONS",
    "Agent",
    "Call",
    "Limits",
    "Model",
    "Outcome",
    "Result",
    "Rules",
    "Scripted",
    "Turn",
    "deny_all",
    "evaluate",
    "load_trace",
    "registry",
]


@dataclass(frozen=True)
class Limits:
    """Where the loop stops whatever the model wants.

    Attributes
    ----------
    steps : int, turns of the model
    tokens : int, read and written; checked before the calls of a turn
    seconds : float, for the whole run: around the model, between calls and inside them
    repeats : int, the same call with the same arguments and the same result
    calls : int, of tools
    """

    steps: int = 8
    tokens: int = 50_000
    seconds: float = 60.0
    repeats: int = 2
    calls: int = 32

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not 0 < value < math.inf:
                raise ValueError(f"{item.name} is {value}; a limit is a finite number above 0")


class _End(Exception):
    """How the run ends; raised wherever the reason is noticed."""

    def __init__(self, outcome: Outcome, answer: str) -> None:
        super().__init__(answer)
        self.outcome = outcome
        self.answer = answer


class Agent:
    """The loop.

    Parameters
    ----------
    model : Model
    registry : Registry
    limits : Limits
    confirm : function of a Call, the approval step of the registry for this agent; by default the
        registry's own, which refuses when it was given none
    """

    def __init__(
        self,
        model: Model,
        registry: Registry,
        limits: Limits | None = None,
        confirm: Confirm | None = None,
    ) -> None:
        self.model = model
        self.registry = registry if confirm is None else registry.confirmed_by(confirm)
        self.limits = limits or Limits()

    def run(self, question: str) -> Result:
        """Answer a question, or say why not: never None, never an endless loop."""
        *trace, end = self.events(question)
        return Result(end["outcome"], end["answer"], trace)

    def events(self, question: str) -> Iterator[dict[str, Any]]:
        """The events of a run, each as soon as it has happened; the last one is the end.

        Raises
        ------
        ValueError
            When the question is empty.
        """
        if not question.strip():
            raise ValueError("the question is empty; ask something")
        return self._events(_Run(question, self.limits))

    def _events(self, run: _Run) -> Iterator[dict[str, Any]]:
        try:
            for step in range(1, self.limits.steps + 1):
                turn = self._turn(run)
                yield turn_event(step, turn)
                run.take(turn)
                observations = []
                for call in turn.calls:
                    run.check(call)
                    observation = self.registry.call(
                        call.name, call.arguments, call.id, run.deadline
                    )
                    run.remember(call, observation)
                    observations.append((call, observation))
                    yield observation_event(step, call, observation)
                # all observations of one turn belong into one message
                run.messages.append({"role": "tools", "observations": observations})
            raise _End("step_limit", f"no answer within {self.limits.steps} steps")
        except _End as end:
            yield {"kind": "end", "outcome": end.outcome, "answer": end.answer}

    def _turn(self, run: _Run) -> Turn:
        """The model's next turn, before the deadline; whatever it raises ends the run."""
        messages = list(run.messages)
        seconds = run.left()
        try:
            turn = isolation.in_thread(
                lambda: self.model.next_turn(messages, self.registry), seconds
            )
        except TimeoutError:
            raise run.late() from None
        except UserError as error:
            raise _End("model_error", str(error)) from None
        except Exception as error:
            raise _End("model_error", f"{type(error).__name__}: {error}") from None
        if not isinstance(turn, Turn):
            raise _End("model_error", f"the model gave a {type(turn).__name__}, not a Turn")
        return turn


class _Run:
    """What one run has used up so far, held against the limits."""

    def __init__(self, question: str, limits: Limits) -> None:
        self.limits = limits
        self.messages: list[dict[str, Any]] = [{"role": "user", "content": question}]
        self.deadline = time.monotonic() + limits.seconds
        self.tokens = 0
        self.calls = 0
        self.results: dict[str, tuple[int, str]] = {}

    def left(self) -> float:
        """Seconds until the deadline; the end of the run when there are none."""
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise self.late()
        return seconds

    def late(self) -> _End:
        """The end by the clock."""
        return _End("timeout", f"more than {self.limits.seconds:g} s")

    def take(self, turn: Turn) -> None:
        """Count a turn; end the run unless its calls are to be made."""
        self.tokens += turn.tokens_in + turn.tokens_out
        _read(turn)
        if self.tokens > self.limits.tokens:
            spent = f"{self.tokens:,} tokens spent, {self.limits.tokens:,} allowed"
            raise _End("budget", spent)
        self.messages.append(
            {"role": "assistant", "content": turn.text, "calls": turn.calls, "raw": turn.raw}
        )

    def check(self, call: Call) -> None:
        """End the run when a call is one too many, too late, or nothing new."""
        self.left()
        self.calls += 1
        if self.calls > self.limits.calls:
            raise _End("call_limit", f"more than {self.limits.calls} calls of tools")
        count, _ = self.results.get(_key(call), (0, ""))
        if count >= self.limits.repeats:
            refused = f"call {count + 1} of {call.name} with the same arguments was refused"
            raise _End("repeated", refused)

    def remember(self, call: Call, observation: Observation) -> None:
        """Count how often a call gave the same result: one that changes is worth asking again."""
        count, text = self.results.get(_key(call), (0, observation.text))
        self.results[_key(call)] = (count + 1 if text == observation.text else 1, observation.text)


def _read(turn: Turn) -> None:
    """End the run by why the model stopped, before anything else in the turn is looked at."""
    if turn.stop not in STOPS:
        raise _End("unknown_stop", f"the model stopped with {turn.stop[:100]!r}: {turn.text}")
    outcome = STOPS[turn.stop]
    if outcome is not None:
        raise _End(outcome, turn.text)
    if turn.stop == "tools" and not turn.calls:
        raise _End("malformed", "the model stopped for tools and named none")
    if turn.stop == "end" and turn.calls:
        names = ", ".join(call.name for call in turn.calls)
        raise _End("malformed", f"the model ended and yet named tools: {names}")
    if len({call.id for call in turn.calls}) < len(turn.calls):
        raise _End("malformed", "two calls of one turn share an id")
    if turn.stop == "end":
        raise _End("answered" if turn.text.strip() else "empty", turn.text)


def _key(call: Call) -> str:
    return json.dumps([call.name, call.arguments], sort_keys=True, default=str)


def states(result: Result, expected: str) -> bool:
    """Whether a run ended with an answer that contains the number or words `expected`.

    An integer is not part of a longer number: "444" is not in "1444" and "444.5", but in "444.0".
    Of a decimal fraction the leading digits are expected: "1.414" is in "1.4142".
    """
    end = "" if "." in expected else r"(?!\d|\.0*[1-9])"
    pattern = rf"(?<![\d.-]){re.escape(expected)}{end}"
    return result.outcome == "answered" and re.search(pattern, result.answer) is not None


def evaluate(
    model: Model, with_tools: Registry, questions: Sequence[tuple[str, str]] = QUESTIONS
) -> dict[str, float]:
    """Success rate over the questions, mean number of turns, and mean number of calls."""
    results = [Agent(model, with_tools).run(question) for question, _ in questions]
    right = [
        states(result, expected) for result, (_, expected) in zip(results, questions, strict=True)
    ]
    calls = [sum(event["kind"] == "observation" for event in r.trace) for r in results]
    return {
        "success": sum(right) / len(results),
        "steps": sum(result.steps for result in results) / len(results),
        "calls": sum(calls) / len(results),
    }
