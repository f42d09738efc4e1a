"""Tools for a model: a typed function with a schema made from its signature, and guards around
every call.

A tool never raises into the loop: what goes wrong comes back as an observation that says so, for
the model to correct.
"""

from __future__ import annotations

import inspect
import math
import queue
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from clikit.errors import nearest

from projects.calculator import evaluate
from projects.schemas import invalid

BOOK = Path(__file__).resolve().parents[2] / "book"
KINDS: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
LISTED = 20  # names of files in a message
READ = 100_000  # characters of a file
Effect = Literal["read", "write"]


@dataclass(frozen=True)
class Observation:
    """What came back from a call: data, never an instruction."""

    text: str
    error: bool = False


@dataclass(frozen=True)
class Tool:
    """A function a model may call.

    Attributes
    ----------
    name, description : str
    run : the function
    schema : dict, JSON schema of its arguments
    effect : "read", or "write" for what changes something outside: those are confirmed first
    timeout_s, limit : seconds a call may take, characters of its result that are passed on
    """

    name: str
    description: str
    run: Callable[..., Any]
    schema: dict[str, Any]
    effect: Effect = "read"
    timeout_s: float = 5.0
    limit: int = 2000


def tool(
    function: Callable[..., Any], effect: Effect = "read", timeout_s: float = 5.0, limit: int = 2000
) -> Tool:
    """A tool from a function: its name, the first paragraph of its docstring, and a schema from its
    annotations.

    Raises
    ------
    TypeError
        When an argument has no annotation, or one that has no JSON type here.
    """
    hints = get_type_hints(function)
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
    )


def _type(function: str, name: str, hint: Any) -> dict[str, Any]:
    if get_origin(hint) is Literal:
        return {"type": "string", "enum": list(get_args(hint))}
    if hint not in KINDS:
        raise TypeError(
            f"argument {name!r} of {function} is {hint}; use str, int, float, bool or a Literal of "
            "strings"
        )
    return {"type": KINDS[hint]}


class Registry:
    """The tools a model may use, and the only way to call one."""

    def __init__(self, *tools: Tool) -> None:
        self.tools = {t.name: t for t in tools}
        if len(self.tools) != len(tools):
            raise ValueError(f"two tools share a name among {', '.join(t.name for t in tools)}")

    def problem(self, name: str, arguments: Any) -> str | None:
        """What is wrong with a call, in one sentence with the fix; None when nothing is.

        The arguments are validated against the tool's JSON schema, whatever its shape: those of
        other people's servers leave out `required`, `properties` or `type`, and use all of JSON
        Schema.
        """
        if name not in self.tools:
            names = ", ".join(self.tools)
            return f"there is no tool {name!r}{nearest(name, self.tools)}; the tools are: {names}"
        if not isinstance(arguments, dict):
            return f"the arguments of {name} must be an object, got {type(arguments).__name__}"
        return invalid(name, self.tools[name].schema, arguments)

    def call(self, name: str, arguments: Any) -> Observation:
        """Run a tool within its time and size; whatever happens comes back as an observation."""
        if problem := self.problem(name, arguments):
            return Observation(problem, error=True)
        tool = self.tools[name]
        results: queue.Queue[Observation] = queue.Queue()

        def work() -> None:
            try:
                results.put(Observation(str(tool.run(**arguments))))
            except Exception as error:  # a tool may raise anything; the loop must continue
                results.put(Observation(f"{name} failed: {error}", error=True))

        threading.Thread(target=work, daemon=True).start()
        try:
            observation = results.get(timeout=tool.timeout_s)
        except queue.Empty:
            message = f"{name} took longer than {tool.timeout_s:g} s and was given up"
            return Observation(message, error=True)
        length = len(observation.text)
        if length <= tool.limit:
            return observation
        text = observation.text[: tool.limit]
        return Observation(
            f"{text} [cut: {length} characters, {tool.limit} are passed on]", observation.error
        )


# -- the tools of the book ------------------------------------------------------------------------


def calculator(expression: str) -> str:
    """Compute an arithmetic expression, for example 23*19+7."""
    return str(evaluate(expression))


FACTORS = {  # to the unit of each kind: metre, kilogram, second
    "m": ("length", 1.0),
    "km": ("length", 1000.0),
    "cm": ("length", 0.01),
    "mile": ("length", 1609.344),
    "foot": ("length", 0.3048),
    "inch": ("length", 0.0254),
    "kg": ("mass", 1.0),
    "g": ("mass", 0.001),
    "pound": ("mass", 0.45359237),
    "s": ("time", 1.0),
    "min": ("time", 60.0),
    "h": ("time", 3600.0),
    "day": ("time", 86400.0),
}


DEGREES = {  # kelvin in one degree, and absolute zero in degrees
    "C": (1.0, -273.15),
    "F": (5 / 9, -459.67),
    "K": (1.0, 0.0),
}


def convert(value: float, unit: str, to: str) -> str:
    """Convert a value between units of length, mass, time or temperature,
    for example 26.2 mile to km.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    if unit in DEGREES and to in DEGREES:
        size, zero = DEGREES[unit]
        to_size, to_zero = DEGREES[to]
        return f"{((value - zero) * size) / to_size + to_zero:.6g} {to}"
    for name in (unit, to):
        if name not in FACTORS:
            raise ValueError(
                f"there is no unit {name!r}{nearest(name, FACTORS)}; known are "
                f"{', '.join([*FACTORS, *DEGREES])}"
            )
    if FACTORS[unit][0] != FACTORS[to][0]:
        raise ValueError(f"{unit} is a {FACTORS[unit][0]} and {to} a {FACTORS[to][0]}")
    return f"{value * FACTORS[unit][1] / FACTORS[to][1]:.6g} {to}"


@lru_cache(maxsize=4)
def _index(book: Path) -> tuple[list[tuple[str, str]], dict[str, Counter[int]], list[int]]:
    """Sections of the pages as (name, text), the sections each word occurs in, and their lengths in
    words.
    """
    sections: list[tuple[str, str]] = []
    for path in sorted(book.rglob("*.md")):
        text = re.sub(
            r"(?ms)^```\{code-cell\}.*?^```$|^---\n.*?^---$", "", path.read_text(encoding="utf-8")
        )
        for part in re.split(r"(?m)^(?=#{1,3} )", text):
            title = part.split("\n", 1)[0].lstrip("# ").strip()
            if title and len(part) > 80:
                sections.append(
                    (f"{path.relative_to(book).with_suffix('').as_posix()}: {title}", part)
                )
    where: dict[str, Counter[int]] = {}
    lengths = []
    for i, (_, text) in enumerate(sections):
        words = re.findall(r"[a-z]+", text.lower())
        lengths.append(len(words))
        for word, n in Counter(words).items():
            where.setdefault(word, Counter())[i] = n
    return sections, where, lengths


def search(query: str) -> str:
    """Find the sections of this book that fit a question best."""
    return retrieve(query, BOOK)


def retrieve(query: str, book: Path, count: int = 3) -> str:
    """The best sections by BM25 (Robertson and Zaragoza, 2009, with k1 = 1.2 and b = 0.75), each by
    name with its first sentences.
    """
    sections, where, lengths = _index(book)
    scores: dict[int, float] = {}
    mean = sum(lengths) / max(len(lengths), 1)
    for word in set(re.findall(r"[a-z]+", query.lower())):
        counts = where.get(word, Counter())
        rare = math.log(1 + (len(sections) - len(counts) + 0.5) / (len(counts) + 0.5))
        for i, n in counts.items():
            scores[i] = scores.get(i, 0.0) + rare * n * 2.2 / (
                n + 1.2 * (0.25 + 0.75 * lengths[i] / mean)
            )
    if not scores:
        return "nothing in the book has any of these words"
    return "\n".join(
        f"[{sections[i][0]}] {' '.join(sections[i][1].split()[:60])}"
        for i in sorted(scores, key=lambda i: -scores[i])[:count]
    )


def reader(root: Path) -> Callable[[str], str]:
    """A function that reads text files under a folder, and nothing outside of it."""
    base = root.resolve()

    def read_file(path: str) -> str:
        """Read a text file from the folder given to you."""
        file = (base / path).resolve()  # follows links and dots before the check
        if not file.is_relative_to(base):
            raise ValueError(f"{path!r} lies outside the folder")
        if not file.is_file():
            names = sorted(p.name for p in base.iterdir() if p.is_file())
            more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
            raise ValueError(
                f"there is no file {path!r}; files are: {', '.join(names[:LISTED])}{more}"
            )
        with open(file, encoding="utf-8", errors="replace") as handle:
            return handle.read(READ)  # of a file of gigabytes only the beginning

    return read_file
