"""What a tool of a model is, and the one way to call it.

A tool never raises into the loop: what goes wrong comes back as an observation that says so, for
the model to correct. Whatever changes something is approved first, here, where the call is made.
Read with `book/capstones/agent.md`.
"""

from __future__ import annotations

import copy
import inspect
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from clikit.errors import nearest

from projects import isolation
from projects.isolation import Ended
from projects.schemas import invalid

KINDS: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
SHOWN = 100  # characters of a name in a message
Effect = Literal["read", "write"]


@dataclass(frozen=True)
class Call:
    """A tool that a model wants called; the id ties the observation to it."""

    id: str
    name: str
    arguments: Any


@dataclass(frozen=True)
class Observation:
    """What came back from a call: data, never an instruction."""

    text: str
    error: bool = False


Confirm = Callable[[Call], bool]


def deny_all(call: Call) -> bool:
    """The approval step that refuses every change: right where no person is there to ask."""
    return False


@dataclass(frozen=True)
class Tool:
    """A function a model may call.

    Attributes
    ----------
    name, description : str
    run : the function
    schema : dict, JSON schema of its arguments
    effect : "write" for what changes something outside, which is approved before each call; only
        what is declared as "read" runs without
    timeout_s, limit : seconds a call may take, characters of its result that are passed on
    isolated : bool, run each call in a process of its own, which is killed when its time is over;
        otherwise in a thread, which is given up and ends by itself
    """

    name: str
    description: str
    run: Callable[..., Any]
    schema: dict[str, Any]
    effect: Effect = "write"
    timeout_s: float = 5.0
    limit: int = 2000
    isolated: bool = False

    def __post_init__(self) -> None:
        if self.effect not in get_args(Effect):
            raise ValueError(f"effect of {self.name} is {self.effect!r}; use 'read' or 'write'")
        if not 0 < self.timeout_s < float("inf"):
            raise ValueError(
                f"timeout_s of {self.name} is {self.timeout_s}; use a finite number of seconds "
                "above 0"
            )
        if self.isolated:
            isolation.address(self.run)


def tool(
    function: Callable[..., Any],
    effect: Effect = "write",
    timeout_s: float = 5.0,
    limit: int = 2000,
    isolated: bool = False,
) -> Tool:
    """A tool from a function: its name, the first paragraph of its docstring, and a schema from its
    annotations. `Annotated[str, "what to give"]` describes an argument to the model.

    Raises
    ------
    TypeError
        When an argument has no annotation, or one that has no JSON type here, and for an isolated
        function that no module has.
    ValueError
        For an unknown effect and a time that is not positive and finite.
    """
    hints = get_type_hints(function, include_extras=True)
    fields = {}
    required = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in hints:
            raise TypeError(
                f"argument {name!r} of {function.__name__} has no annotation; a schema cannot be "
                "made"
            )
        fields[name] = _type(function.__name__, name, hints[name])
        if parameter.default is inspect.Parameter.empty:
            required.append(name)
    schema = {
        "type": "object",
        "properties": fields,
        "required": required,
        "additionalProperties": False,
    }
    return Tool(
        function.__name__,
        " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split("\n")),
        function,
        schema,
        effect,
        timeout_s,
        limit,
        isolated,
    )


def _type(function: str, name: str, hint: Any) -> dict[str, Any]:
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        field = _type(function, name, inner)
        described = [note for note in notes if isinstance(note, str)]
        return {**field, "description": described[0]} if described else field
    if get_origin(hint) is Literal:
        return {"type": "string", "enum": list(get_args(hint))}
    if hint not in KINDS:
        raise TypeError(
            f"argument {name!r} of {function} is {hint}; use str, int, float, bool or a Literal of "
            "strings"
        )
    return {"type": KINDS[hint]}


class Registry:
    """The tools a model may use, and the only way to call one.

    Parameters
    ----------
    tools : Tool, each with a name of its own
    confirm : function of a Call, asked before every call of a tool whose effect is "write"; only
        the answer True lets it run, and the default refuses
    """

    def __init__(self, *tools: Tool, confirm: Confirm = deny_all) -> None:
        self._tools = {t.name: t for t in tools}
        if len(self._tools) != len(tools):
            raise ValueError(f"two tools share a name among {', '.join(t.name for t in tools)}")
        self._confirm = confirm

    @property
    def tools(self) -> Mapping[str, Tool]:
        """The tools by name; nobody can exchange one."""
        return MappingProxyType(self._tools)

    def confirmed_by(self, confirm: Confirm) -> Registry:
        """The same tools behind another approval step."""
        return Registry(*self._tools.values(), confirm=confirm)

    def problem(self, name: str, arguments: Any) -> str | None:
        """What is wrong with a call, in one sentence with the fix; None when nothing is.

        The arguments are validated against the tool's JSON schema, whatever its shape: those of
        other people's servers leave out `required`, `properties` or `type`, and use all of JSON
        Schema.
        """
        if name not in self._tools:
            names = ", ".join(self._tools)
            near = nearest(name[:SHOWN], self._tools)
            return f"there is no tool {name[:SHOWN]!r}{near}; the tools are: {names}"
        if not isinstance(arguments, dict):
            return f"the arguments of {name} must be an object, got {type(arguments).__name__}"
        return invalid(name, self._tools[name].schema, arguments)

    def call(
        self, name: str, arguments: Any, call_id: str = "", deadline: float = math.inf
    ) -> Observation:
        """Run a tool within its time and size; whatever happens comes back as an observation.

        Parameters
        ----------
        name : str
        arguments : dict, copied first: what was approved is what runs
        call_id : str, for the approval step
        deadline : float, a time of `time.monotonic` after which nothing may run
        """
        try:
            arguments = copy.deepcopy(arguments)
        except Exception as error:  # nested too deep, or objects that no JSON has
            return Observation(f"the arguments of {name[:SHOWN]} are unusable: {error}", error=True)
        if problem := self.problem(name, arguments):
            return Observation(problem, error=True)
        tool = self._tools[name]
        if tool.effect != "read" and (refusal := self._refusal(call_id, tool, arguments)):
            return Observation(refusal, error=True)
        if time.monotonic() >= deadline:
            return Observation(f"{name} did not run: the time of the run is over", error=True)
        return _run(tool, arguments, deadline)

    def _refusal(self, call_id: str, tool: Tool, arguments: dict[str, Any]) -> str | None:
        """Ask for approval; a sentence when it was not given."""
        try:
            # a copy, so that the approval step cannot change what runs
            answer = self._confirm(Call(call_id, tool.name, copy.deepcopy(arguments)))
        except Exception as error:
            return f"{tool.name} did not run: the approval step failed: {error}"
        if answer is True:
            return None
        return f"{tool.name} was not confirmed and did not run"


def _run(tool: Tool, arguments: dict[str, Any], deadline: float) -> Observation:
    """The call itself, cut to the limits of the tool."""
    seconds = min(tool.timeout_s, deadline - time.monotonic())
    try:
        if tool.isolated:
            ended = isolation.in_process(
                tool.run, arguments, tool.timeout_s, tool.limit, deadline=deadline
            )
        else:
            text = isolation.in_thread(lambda: str(tool.run(**arguments)), seconds)
            ended = Ended(text[: tool.limit], len(text))
    except TimeoutError:
        return Observation(_given_up(tool, seconds), error=True)
    except BaseException as error:  # a tool may raise anything; the loop must continue
        if isinstance(error, KeyboardInterrupt):
            raise
        message = str(error) or type(error).__name__
        ended = Ended(message[: tool.limit], len(message), error=True)
    text = f"{tool.name} failed: {ended.text}" if ended.error else ended.text
    if ended.length > tool.limit:
        text += f" [cut: {ended.length} characters, {tool.limit} are passed on]"
    return Observation(text, ended.error)


def _given_up(tool: Tool, seconds: float) -> str:
    message = f"{tool.name} took longer than {seconds:.3g} s and was given up"
    if tool.effect == "read":
        return message
    return f"{message}; what it does may have happened, so do not repeat it unchecked"
