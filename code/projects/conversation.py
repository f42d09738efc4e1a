"""What is said between a model and the loop: turns, the events of a trace, how a run ended.

Read with `book/capstones/agent.md`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

from clikit.errors import Exit, UserError

from projects.toolkit import Call, Observation, Registry

Outcome = Literal[
    "answered",
    "empty",  # the model ended without a word
    "truncated",  # its turn was cut at the limit of its length
    "context_full",  # its turn was cut because the conversation is too long
    "refused",
    "paused",  # its server wants to go on later; what it said is not an answer
    "unknown_stop",  # it stopped for a reason that this loop does not know
    "malformed",  # its reason for stopping and its calls contradict each other
    "repeated",
    "step_limit",
    "call_limit",
    "budget",
    "timeout",
    "model_error",
]
OUTCOMES: tuple[str, ...] = get_args(Outcome)
STOPS: dict[str, Outcome | None] = {  # by why the model stopped; None: read on
    "end": None,
    "tools": None,
    "length": "truncated",
    "context": "context_full",
    "refusal": "refused",
    "pause": "paused",
}


@dataclass(frozen=True)
class Turn:
    """One response of a model, with tool calls or with the answer, and what it cost.

    Attributes
    ----------
    text : str
    calls : tuple of Call
    tokens_in, tokens_out : int
    stop : str, why the model stopped: one of `STOPS`, or a word of its server that is not known
    raw : the server's own form of the turn, which its client sends back as it came; not traced
    """

    text: str
    calls: tuple[Call, ...] = ()
    tokens_in: int = 0
    tokens_out: int = 0
    stop: str = "end"
    raw: Any = field(default=None, compare=False)


class Model(Protocol):
    """Anything that can continue a list of messages."""

    def next_turn(self, messages: list[dict[str, Any]], registry: Registry) -> Turn:
        """The next turn.

        A message has a `role` (user, assistant, tools) and `content`, `calls` or `observations`;
        one of an assistant also has the `raw` form of its turn.
        """


@dataclass
class Result:
    """How a question ended, with everything that happened on the way."""

    outcome: Outcome
    answer: str
    trace: list[dict[str, Any]] = field(default_factory=list)

    @property
    def steps(self) -> int:
        return sum(event["kind"] == "turn" for event in self.trace)

    def events(self) -> list[dict[str, Any]]:
        """The trace and, as its last event, the outcome and the answer."""
        end = {"kind": "end", "outcome": self.outcome, "answer": self.answer}
        return [*self.trace, end]

    def save(self, path: Path) -> None:
        """The events as JSON lines."""
        from projects.runner.checkpoints import write_text

        write_text(path, "".join(json.dumps(event) + "\n" for event in self.events()))

    def pretty(self) -> str:
        """The trace for reading."""
        lines: list[str] = []
        for event in self.trace:
            if event["kind"] == "turn":
                if event["text"] and event["calls"]:
                    lines.append(f"thought      {event['text']}")
                for call in event["calls"]:
                    lines.append(f"action       {call['name']}({_spelled(call['arguments'])})")
            elif event["kind"] == "observation":
                first = (event["text"].splitlines() or [""])[0][:110]
                lines.append(f"observation  {'error: ' if event['error'] else ''}{first}")
        return "\n".join([*lines, f"{self.outcome:<12} {self.answer}"])


def _spelled(arguments: Any) -> str:
    return (
        ", ".join(f"{k}={v!r}" for k, v in arguments.items())
        if isinstance(arguments, dict)
        else repr(arguments)
    )


def load_trace(path: Path) -> Result:
    """A saved trace; UserError when a line is not one of ours or the end is missing."""
    try:
        events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        end = events[-1]
        if (
            end["kind"] != "end"
            or end["outcome"] not in OUTCOMES
            or not isinstance(end["answer"], str)
        ):
            raise ValueError("the last line is not an end with an outcome and an answer")
        for event in events[:-1]:
            _check_event(event)
        return Result(end["outcome"], end["answer"], events[:-1])
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise UserError(
            f"{path} is not a whole trace: {error}", "record it again with Result.save", Exit.USAGE
        ) from None


EVENTS: dict[str, dict[str, type]] = {
    "turn": {"step": int, "text": str, "calls": list, "tokens": int, "stop": str},
    "observation": {"step": int, "id": str, "name": str, "text": str, "error": bool},
}


def _check_event(event: Any) -> None:
    """ValueError unless an event of a trace has the fields of its kind and no others."""
    want = EVENTS.get(event["kind"])
    if want is None or set(event) != {"kind", *want}:
        raise ValueError(f"an event of kind {event['kind']!r} has the wrong fields")
    for name, kind in want.items():
        if type(event[name]) is not kind:
            raise ValueError(f"{name} of an event is {event[name]!r}")
    for call in event.get("calls", ()):
        if (
            set(call) != {"id", "name", "arguments"}
            or not isinstance(call["id"], str)
            or not isinstance(call["name"], str)
        ):
            raise ValueError("a call of a turn has the wrong fields")


def turn_event(step: int, turn: Turn) -> dict[str, Any]:
    """A turn as an event of the trace."""
    return {
        "kind": "turn",
        "step": step,
        "text": turn.text,
        "calls": [asdict(call) for call in turn.calls],
        "tokens": turn.tokens_in + turn.tokens_out,
        "stop": turn.stop,
    }


def observation_event(step: int, call: Call, observation: Observation) -> dict[str, Any]:
    """An observation as an event of the trace."""
    return {
        "kind": "observation",
        "step": step,
        "id": call.id,
        "name": call.name,
        "text": observation.text,
        "error": observation.error,
    }
