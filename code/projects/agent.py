"""agent: a loop around a model that may use tools, with caps, a trace, and an approval step.

The model says what it thinks and which tools it wants; the loop checks, asks for approval, calls,
hands back observations, and always ends with a reason. `python -m projects ask` uses deterministic
rules in place of a model; `models.py` has clients of real ones, `mcp_tools.py` shares the same
tools by the Model Context Protocol. Read with `book/capstones/agent.md`. Source: Yao et al. (2023).
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

from clikit.errors import Exit, UserError

from projects import tools
from projects.tools import Registry

Outcome = Literal["answered", "step_cap", "budget", "timeout", "repeated", "refused", "model_error"]
OUTCOMES: tuple[str, ...] = get_args(Outcome)
ENDS: dict[str, Outcome] = {"refusal": "refused", "length": "budget"}  # by why the model stopped


@dataclass(frozen=True)
class Call:
    """A tool that a model wants called; the id ties the observation to it."""

    id: str
    name: str
    arguments: Any


@dataclass(frozen=True)
class Turn:
    """What a model says: a thought, calls, or, without calls, its answer; and what it cost."""

    text: str
    calls: tuple[Call, ...] = ()
    tokens_in: int = 0
    tokens_out: int = 0
    stop: str = "end"  # end, tools, length, refusal: why the model stopped


class Model(Protocol):
    """Anything that can continue a list of messages."""

    def next_turn(self, messages: list[dict[str, Any]], registry: Registry) -> Turn:
        """The next turn.

        A message has a `role` (user, assistant, tools) and `content`, `calls` or `observations`.
        """


@dataclass(frozen=True)
class Caps:
    """Where the loop stops whatever the model wants."""

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


def deny_all(call: Call) -> bool:
    """The approval step that refuses every change: right where no person is there to ask."""
    return False


class Agent:
    """The loop.

    Parameters
    ----------
    model : Model
    registry : Registry
    caps : Caps
    confirm : function of a Call, asked before a tool that changes something; the default refuses
    """

    def __init__(
        self,
        model: Model,
        registry: Registry,
        caps: Caps | None = None,
        confirm: Callable[[Call], bool] = deny_all,
    ) -> None:
        self.model = model
        self.registry = registry
        self.caps = caps or Caps()
        self.confirm = confirm

    def run(self, question: str) -> Result:
        """Answer a question, or say why not: never None, never an endless loop."""
        if not question.strip():
            raise ValueError("the question is empty")
        messages: list[dict[str, Any]] = [{"role": "user", "content": question}]
        trace: list[dict[str, Any]] = []
        repeats: Counter[str] = Counter()
        tokens = 0
        start = time.monotonic()
        for step in range(1, self.caps.steps + 1):
            try:
                turn = self.model.next_turn(messages, self.registry)
            except UserError as error:
                return Result("model_error", str(error), trace)
            tokens += turn.tokens_in + turn.tokens_out
            trace.append(_turn_event(step, turn))
            if not turn.calls:
                return Result(ENDS.get(turn.stop, "answered"), turn.text, trace)
            if tokens > self.caps.tokens:
                spent = f"{tokens:,} tokens spent, {self.caps.tokens:,} allowed"
                return Result("budget", spent, trace)
            if time.monotonic() - start > self.caps.seconds:
                return Result("timeout", f"more than {self.caps.seconds:g} s", trace)
            messages.append({"role": "assistant", "content": turn.text, "calls": turn.calls})
            observations = []
            for call in turn.calls:
                repeated = self._repeated(call, repeats)
                if repeated:
                    return Result("repeated", repeated, trace)
                observation = self._call(call)
                observations.append((call, observation))
                trace.append(_observation_event(step, call, observation))
            # all observations of one turn belong into one message
            messages.append({"role": "tools", "observations": observations})
        return Result("step_cap", f"no answer within {self.caps.steps} steps", trace)

    def _repeated(self, call: Call, repeats: Counter[str]) -> str | None:
        """Count a call; a sentence when it was made too often."""
        key = json.dumps([call.name, call.arguments], sort_keys=True, default=str)
        repeats[key] += 1
        if repeats[key] <= self.caps.repeats:
            return None
        return f"{call.name} was called {repeats[key]} times with the same arguments"

    def _call(self, call: Call) -> tools.Observation:
        tool = self.registry.tools.get(call.name)
        if (
            tool is not None
            and tool.effect == "write"
            and self.registry.problem(call.name, call.arguments) is None
            and not self.confirm(call)
        ):
            return tools.Observation(f"{call.name} was not confirmed and did not run", error=True)
        return self.registry.call(call.name, call.arguments)


def _turn_event(step: int, turn: Turn) -> dict[str, Any]:
    return {
        "kind": "turn",
        "step": step,
        "text": turn.text,
        "calls": [asdict(call) for call in turn.calls],
        "tokens": turn.tokens_in + turn.tokens_out,
        "stop": turn.stop,
    }


def _observation_event(step: int, call: Call, observation: tools.Observation) -> dict[str, Any]:
    return {
        "kind": "observation",
        "step": step,
        "id": call.id,
        "name": call.name,
        "text": observation.text,
        "error": observation.error,
    }


# -- without a model ------------------------------------------------------------------------------


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


CONVERSION = re.compile(r"(\S+?)\s*([A-Za-z]+) (?:in|to) ([A-Za-z]+)\??$")
NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
EXPRESSION = re.compile(r"[-+(]*\s*(?:\d|sqrt|exp|log|sin|cos|tan|pi)[\w\s.+*/%(),-]*")
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
        if match := CONVERSION.search(question):
            quantity, unit, to = match.groups()
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


def _use(thought: str, tool: str, arguments: dict[str, Any]) -> Turn:
    return Turn(thought, (Call("c1", tool, arguments),), stop="tools")


def registry(folder: Path | None = None) -> Registry:
    """The book's tools: calculator, units, search in its pages, and, with a folder, reading files
    there.
    """
    functions: list[Callable[..., str]] = [tools.calculator, tools.convert, tools.search]
    if folder is not None:
        functions.append(tools.reader(folder))
    return Registry(*(tools.tool(function) for function in functions))


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
    model: Model, with_tools: Registry, questions: Sequence[tuple[str, str]] = QUESTIONS
) -> dict[str, float]:
    """Share of questions answered right, mean steps, and mean calls."""
    results = [Agent(model, with_tools).run(question) for question, _ in questions]
    right = [
        expected in result.answer for result, (_, expected) in zip(results, questions, strict=True)
    ]
    calls = [sum(event["kind"] == "observation" for event in r.trace) for r in results]
    return {
        "success": sum(right) / len(results),
        "steps": sum(result.steps for result in results) / len(results),
        "calls": sum(calls) / len(results),
    }
