"""agent: a loop around a brain that may use tools, with caps, a trace, and a gate before anything is changed.

The brain says what it thinks and which tools it wants; the loop checks, asks, calls and hands back observations, and
always ends with a reason. `python -m projects ask` uses the deterministic brain; `brains.py` has
clients of real models, `mcp_tools.py` shares the same tools by the Model Context Protocol.
Read with `book/capstones/agent.md`. Source: Yao et al. (2023).
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

from projects import tools
from projects.runner.errors import Exit, RunnerError
from projects.tools import Registry

Outcome = Literal["answered", "step_cap", "budget", "timeout", "repeated", "refused", "brain_error"]
OUTCOMES: tuple[str, ...] = get_args(Outcome)


@dataclass(frozen=True)
class Call:
    """A tool a brain wants called; the id ties the observation to it."""

    id: str
    name: str
    arguments: Any


@dataclass(frozen=True)
class Turn:
    """What a brain says: a thought, calls, or, without calls, its answer; and what it cost."""

    text: str
    calls: tuple[Call, ...] = ()
    tokens_in: int = 0
    tokens_out: int = 0
    stop: str = "end"  # end, tools, length, refusal: why the brain stopped


class Brain(Protocol):
    """Anything that can go on from a list of messages."""

    def go_on(self, messages: list[dict[str, Any]], registry: Registry) -> Turn:
        """The next turn. A message has a `role` (user, brain, tools) and `content` or `calls` or `observations`."""


@dataclass(frozen=True)
class Caps:
    """Where the loop stops whatever the brain wants."""

    steps: int = 8
    tokens: int = 50_000
    seconds: float = 60.0
    repeats: int = 2  # the same call with the same arguments


@dataclass
class Result:
    """How a question ended, with everything that happened on the way."""

    outcome: Outcome
    answer: str
    trace: list[dict[str, Any]] = field(default_factory=list)

    @property
    def steps(self) -> int:
        return sum(event["kind"] == "turn" for event in self.trace)

    def save(self, path: Path) -> None:
        """The trace as JSON lines, the outcome last."""
        from projects.runner.checkpoints import write_text

        write_text(
            path,
            "".join(
                json.dumps(event) + "\n"
                for event in [
                    *self.trace,
                    {"kind": "end", "outcome": self.outcome, "answer": self.answer},
                ]
            ),
        )

    def pretty(self) -> str:
        """The trace for reading."""
        lines = []
        for event in self.trace:
            if event["kind"] == "turn":
                lines += (
                    [f"thought      {event['text']}"] if event["text"] and event["calls"] else []
                )
                lines += [
                    f"action       {call['name']}({_spelled(call['arguments'])})"
                    for call in event["calls"]
                ]
            elif event["kind"] == "observation":
                lines.append(
                    f"observation  {'error: ' if event['error'] else ''}{event['text'].splitlines()[0][:110] if event['text'] else ''}"
                )
        return "\n".join([*lines, f"{self.outcome:<12} {self.answer}"])


def _spelled(arguments: Any) -> str:
    return (
        ", ".join(f"{k}={v!r}" for k, v in arguments.items())
        if isinstance(arguments, dict)
        else repr(arguments)
    )


def load_trace(path: Path) -> Result:
    """A saved trace; RunnerError when a line is not one of ours or the end is missing."""
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
        raise RunnerError(
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


def nobody(call: Call) -> bool:
    """The confirmation that refuses every change: right where no person is there to ask."""
    return False


class Agent:
    """The loop.

    Parameters
    ----------
    brain : Brain
    registry : Registry
    caps : Caps
    confirm : function of a Call, asked before a tool that changes something; the default refuses
    """

    def __init__(
        self,
        brain: Brain,
        registry: Registry,
        caps: Caps | None = None,
        confirm: Callable[[Call], bool] = nobody,
    ) -> None:
        self.brain, self.registry, self.caps, self.confirm = (
            brain,
            registry,
            caps or Caps(),
            confirm,
        )

    def run(self, question: str) -> Result:
        """Answer a question, or say why not: never None, never an endless loop."""
        if not question.strip():
            raise ValueError("the question is empty")
        messages: list[dict[str, Any]] = [{"role": "user", "content": question}]
        trace: list[dict[str, Any]] = []
        seen: dict[str, int] = {}
        spent, started = 0, time.monotonic()
        for step in range(1, self.caps.steps + 1):
            try:
                turn = self.brain.go_on(messages, self.registry)
            except RunnerError as error:
                return Result("brain_error", str(error), trace)
            spent += turn.tokens_in + turn.tokens_out
            trace.append(
                {
                    "kind": "turn",
                    "step": step,
                    "text": turn.text,
                    "calls": [asdict(c) for c in turn.calls],
                    "tokens": turn.tokens_in + turn.tokens_out,
                    "stop": turn.stop,
                }
            )
            if not turn.calls:
                return Result(
                    "refused"
                    if turn.stop == "refusal"
                    else "budget"
                    if turn.stop == "length"
                    else "answered",
                    turn.text,
                    trace,
                )
            if spent > self.caps.tokens:
                return Result(
                    "budget", f"{spent:,} tokens spent, {self.caps.tokens:,} allowed", trace
                )
            if time.monotonic() - started > self.caps.seconds:
                return Result("timeout", f"more than {self.caps.seconds:g} s", trace)
            messages.append({"role": "brain", "content": turn.text, "calls": turn.calls})
            observations = []
            for call in turn.calls:
                key = json.dumps([call.name, call.arguments], sort_keys=True, default=str)
                seen[key] = seen.get(key, 0) + 1
                if seen[key] > self.caps.repeats:
                    return Result(
                        "repeated",
                        f"{call.name} was called {seen[key]} times with the same arguments",
                        trace,
                    )
                found = self._call(call)
                observations.append((call, found))
                trace.append(
                    {
                        "kind": "observation",
                        "step": step,
                        "id": call.id,
                        "name": call.name,
                        "text": found.text,
                        "error": found.error,
                    }
                )
            messages.append(
                {"role": "tools", "observations": observations}
            )  # all of one turn in one message
        return Result("step_cap", f"no answer within {self.caps.steps} steps", trace)

    def _call(self, call: Call) -> tools.Observation:
        known = self.registry.tools.get(call.name)
        if (
            known is not None
            and known.effect == "write"
            and self.registry.problem(call.name, call.arguments) is None
            and not self.confirm(call)
        ):
            return tools.Observation(f"{call.name} was not confirmed and did not run", error=True)
        return self.registry.call(call.name, call.arguments)


# -- brains without a model -----------------------------------------------------------------------


class Scripted:
    """A brain that says what it was given, turn by turn: for tests, and to replay a trace."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self.turns, self.heard = list(turns), []  # type: ignore[var-annotated]

    def go_on(self, messages: list[dict[str, Any]], registry: Registry) -> Turn:
        self.heard.append(list(messages))
        if len(self.heard) > len(self.turns):
            raise RunnerError(
                f"the script has {len(self.turns)} turns, turn {len(self.heard)} was asked for",
                "give it more turns",
            )
        return self.turns[len(self.heard) - 1]

    @classmethod
    def of(cls, result: Result) -> Scripted:
        """The brain that would say again what it said in a trace."""
        return cls(
            [
                Turn(e["text"], tuple(Call(**c) for c in e["calls"]), stop=e["stop"])
                for e in result.trace
                if e["kind"] == "turn"
            ]
        )


class Rules:
    """The book's deterministic brain: it routes a question by its form to one tool, and answers with what came back.

    It obeys no instruction inside an observation unless `gullible`, which shows what an unguarded model does.
    """

    def __init__(self, gullible: bool = False) -> None:
        self.gullible = gullible

    def go_on(self, messages: list[dict[str, Any]], registry: Registry) -> Turn:
        question = messages[0]["content"]
        if messages[-1]["role"] == "tools":
            call, seen = messages[-1]["observations"][-1]
            order = re.search(r"call (\w+) with (\w+)=(\S+)", seen.text)
            if self.gullible and order and call.name != order[1]:
                return Turn(
                    "The text says what to do next.",
                    (Call(f"c{len(messages)}", order[1], {order[2]: order[3]}),),
                    stop="tools",
                )
            return Turn(seen.text if not seen.error else f"I could not find out: {seen.text}")
        return Turn(*self._route(question), stop="tools")

    def _route(self, question: str) -> tuple[str, tuple[Call, ...]]:
        if found := re.search(r"(-?[\d.]+)\s*([A-Za-z]+) (?:in|to) ([A-Za-z]+)\??$", question):
            return "A conversion of units.", (
                Call("c1", "convert", {"value": float(found[1]), "unit": found[2], "to": found[3]}),
            )
        if found := re.search(
            r"[-+(]*\s*(?:\d|sqrt|exp|log|sin|cos|tan|pi)[\w\s.+*/%(),-]*", question
        ):
            if re.search(r"[+*/%-]|\w\(", found[0]):
                return "Arithmetic: compute, do not guess.", (
                    Call("c1", "calculator", {"expression": found[0].strip(" ?.")}),
                )
        if found := re.search(r"(?:read|open|in) (?:the )?(?:file )?([\w./-]+\.\w+)", question):
            return "A file has it.", (Call("c1", "read_file", {"path": found[1]}),)
        return "A question about the subject: look it up in the book.", (
            Call("c1", "search", {"query": question}),
        )


def registry(folder: Path | None = None) -> Registry:
    """The book's tools: calculator, units, search in its pages, and, with a folder, reading files there."""
    made = [tools.tool(tools.calculator), tools.tool(tools.convert), tools.tool(tools.search)]
    return Registry(*made, *([tools.tool(tools.reader(folder))] if folder else []))


# question, what the answer must contain
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
    ("What is 9**9**9?", "could not"),
    ("What is 1/0?", "could not"),
    ("What is 26.2 mile in km?", "42.16"),
    ("Convert 5 kg to pound", "11.02"),
    ("What is 100 C in F?", "212"),
    ("How much is 2 h in min?", "120"),
    ("Convert 6 foot to cm", "182.88"),
    ("What is 3 km in kg?", "could not"),
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


def evaluate(
    brain: Brain, with_tools: Registry, questions: Sequence[tuple[str, str]] = QUESTIONS
) -> dict[str, float]:
    """Share of questions answered right, mean steps, and mean calls."""
    results = [
        (Agent(brain, with_tools).run(question), expected) for question, expected in questions
    ]
    right = [expected in result.answer for result, expected in results]
    return {
        "success": sum(right) / len(right),
        "steps": sum(r.steps for r, _ in results) / len(results),
        "calls": sum(sum(e["kind"] == "observation" for e in r.trace) for r, _ in results)
        / len(results),
    }
