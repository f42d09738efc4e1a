"""What an interactive figure must show: positions of its controls, references, comparison."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from groundtruth.figures.vega import Interactive

from tests.groundtruth.figures.runtime import Marks

# for each mark, for each of its fields, the values of its items in their order
Expected = Mapping[str, Mapping[str, Any]]

EXACT = 1e-9  # absolute and relative: the arithmetic of two languages
HUNDREDTHS = 0.0051  # of data that a figure carries with two decimals
THOUSANDTHS = 0.00051
MOST_POSITIONS = 600


@dataclass(frozen=True)
class Reference:
    """A figure, and what its marks must show at given values of its controls."""

    name: str
    figure: Callable[[], Interactive]
    expected: Callable[[SimpleNamespace], Expected]
    tolerance: float


REFERENCES: dict[str, Reference] = {}


def reference(function: Callable[..., Interactive], *args: Any, tolerance: float = EXACT) -> Any:
    """Enter the decorated function as the reference of an interactive figure."""
    name = full_name(function)

    def enter(expected: Callable[[SimpleNamespace], Expected]) -> Any:
        if name in REFERENCES:
            raise ValueError(f"{name} has two references")
        REFERENCES[name] = Reference(name, lambda: function(*args), expected, tolerance)
        return expected

    return enter


def full_name(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__name__}"


def parameters(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All controls of a figure, wherever Altair has put them."""
    controls = {p["name"]: p for p in spec.get("params", []) if "bind" in p}
    for key in ("layer", "hconcat", "vconcat"):
        for child in spec.get(key, []):
            controls |= {p["name"]: p for p in parameters(child)}
    return list(controls.values())


def positions(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Where a figure is evaluated: as it opens, then every option of every menu with both ends and
    the middle of every slider.

    All combinations, unless there are more than 600: then, for every combination of the menus, each
    slider alone at both ends and in the middle, and all of them at one end together.
    """
    controls = parameters(spec)
    start = {p["name"]: p["value"] for p in controls}
    menus = {p["name"]: p["bind"]["options"] for p in controls if "options" in p["bind"]}
    sliders = {p["name"]: _stops(p["bind"]) for p in controls if "options" not in p["bind"]}
    if math.prod(map(len, [*menus.values(), *sliders.values()])) <= MOST_POSITIONS:
        chosen = list(_products({**menus, **sliders}))
    else:
        settings = [{name: stop} for name, stops in sliders.items() for stop in stops]
        settings += [{name: stops[i] for name, stops in sliders.items()} for i in range(3)]
        chosen = [{**menu, **setting} for menu in _products(menus) for setting in settings]
    return [start, *({**start, **position} for position in chosen)]


def _products(options: Mapping[str, Iterable[Any]]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*options.values()):
        yield dict(zip(options, values, strict=True))


def _stops(bind: Mapping[str, float]) -> list[float]:
    """Both ends and the middle of a slider, as a browser would step to them."""
    low = bind["min"]
    step = bind["step"]
    count = math.floor((bind["max"] - low) / step + 1e-9)
    return [round(low + step * i, 10) for i in (0, count // 2, count)]


@dataclass(frozen=True)
class Unit:
    """One mark of a figure: its name in Vega and what Vega-Lite was told about it."""

    mark: str
    transforms: tuple[Mapping[str, Any], ...]
    encoding: Mapping[str, Any]

    def derived(self) -> set[str]:
        """Fields that a formula, an aggregate or another transform computes."""
        fields: set[str] = set()
        for transform in self.transforms:
            names = transform.get("as", [])
            fields |= {names} if isinstance(names, str) else set(names)
            for key in ("aggregate", "joinaggregate", "window"):
                fields |= {part["as"] for part in transform.get(key, [])}
        return fields

    def drawn(self) -> set[str]:
        """Fields that can be seen: as a position, a color, a text, or in a condition."""
        fields = {channel["field"] for channel in self.encoding.values() if "field" in channel}
        conditions = str([channel.get("condition") for channel in self.encoding.values()])
        return fields | set(re.findall(r"datum\.(\w+)", conditions))

    def follows(self, control: str) -> bool:
        """Does a transform of this mark name a control?"""
        return re.search(rf"\b{control}\b", str(self.transforms)) is not None


def units(spec: Mapping[str, Any], path: str = "", above: tuple[Any, ...] = ()) -> list[Unit]:
    """The marks of a figure in the order and under the names that Vega-Lite gives them."""
    transforms = (*above, *spec.get("transform", []))
    if "spec" in spec:
        return units(spec["spec"], f"{path}child_", transforms)
    for key, word in (("layer", "layer"), ("hconcat", "concat"), ("vconcat", "concat")):
        if key in spec:
            children = enumerate(spec[key])
            return [
                unit for i, c in children for unit in units(c, f"{path}{word}_{i}_", transforms)
            ]
    overlaid = spec["mark"].get("point", False)  # a line and its points: two marks of one unit
    names = ["layer_0_marks", "layer_1_marks"] if overlaid else ["marks"]
    return [Unit(path + name, transforms, spec["encoding"]) for name in names]


def without_reference(spec: Mapping[str, Any], expected: Expected) -> list[str]:
    """Marks that a control moves, and drawn fields that a transform computes, without reference."""
    missing = []
    for unit in units(spec):
        fields = expected.get(_short(unit.mark), {})
        moved = any(unit.follows(p["name"]) for p in parameters(spec))
        if moved and not fields:
            missing.append(unit.mark)
        computed = unit.derived() & unit.drawn()
        missing += [f"{unit.mark}: {field}" for field in sorted(computed - set(fields))]
    return missing


def _short(mark: str) -> str:
    return mark if mark == "marks" else mark.removesuffix("_marks")


def differences(marks: Marks, expected: Expected, tolerance: float) -> list[str]:
    """Where a figure shows something else than its reference, each with both values."""
    faults = []
    for mark, fields in expected.items():
        name = "marks" if mark == "marks" else f"{mark}_marks"
        if name not in marks:
            faults.append(f"there is no mark {name}; there are {', '.join(marks)}")
            continue
        rows = marks[name]
        for field, values in fields.items():
            wanted = list(np.atleast_1d(np.asarray(values, dtype=object)))
            if len(rows) != len(wanted):
                faults.append(f"{mark}.{field}: {len(rows)} items are drawn, not {len(wanted)}")
                continue
            for i, (row, value) in enumerate(zip(rows, wanted, strict=True)):
                if not agree(row.get(field), value, tolerance):
                    faults.append(f"{mark}.{field}[{i}]: {row.get(field)!r}, not {value!r}")
    return faults


def agree(shown: Any, value: Any, tolerance: float) -> bool:
    """Equal up to the tolerance; two strings agree if their words and, as printed, numbers do."""
    if isinstance(value, str):
        return isinstance(shown, str) and _same_text(shown, value, tolerance)
    if isinstance(value, bool | np.bool_):
        return shown is bool(value)
    if isinstance(shown, bool) or not isinstance(shown, int | float):
        return False
    return bool(np.isclose(float(shown), float(value), rtol=tolerance, atol=tolerance))


NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def _same_text(shown: str, value: str, tolerance: float) -> bool:
    shown = shown.replace("\N{MINUS SIGN}", "-")
    if NUMBER.sub("#", shown) != NUMBER.sub("#", value):
        return False
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(value), strict=True)
    return all(_same_digits(a, b, tolerance) for a, b in pairs)


def _same_digits(shown: str, value: str, tolerance: float) -> bool:
    """The same number of decimals; the last may differ by one, where a tie was rounded."""
    decimals = len(shown.partition(".")[2])
    if decimals != len(value.partition(".")[2]):
        return False
    last = 10.0**-decimals if decimals else 0.0
    return abs(float(shown) - float(value)) <= 1.01 * last + tolerance * (tolerance > EXACT)
