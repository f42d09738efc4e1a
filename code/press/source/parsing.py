"""Values out of YAML as the dataclasses that describe them; what does not fit is named.

The fields of a dataclass are the keys that its mapping may have. The type of a field is a
dataclass, `str`, `int`, `bool`, a tuple, a dictionary, a `Literal`, a class with a method `parse`,
one of these or None, or `Annotated[str, "a regular expression that matches the whole"]`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import yaml
from clikit.errors import nearest

NAMES = {str: "a string", int: "a whole number", bool: "true or false"}


class WrongValue(ValueError):
    """A value that is not what its place wants."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.fix = fix


def read_yaml(text: str) -> Any:
    """The value of a YAML text, through the C parser where it is installed. Raises YAMLError."""
    if yaml.__with_libyaml__:
        return yaml.load(text, Loader=yaml.CSafeLoader)
    return yaml.safe_load(text)


def require(valid: bool, place: str, raw: Any, wanted: str) -> None:
    """Refuse `raw` unless it is valid."""
    if not valid:
        raise WrongValue(f"{place} is {raw!r}, not {wanted}", f"write {wanted} there")


def parse(wanted: Any, raw: Any, place: str) -> Any:
    """`raw` as the type `wanted`. Raises WrongValue."""
    origin = get_origin(wanted)
    arguments = get_args(wanted)
    names = isinstance(raw, Mapping) and all(isinstance(key, str) for key in raw)
    if origin is UnionType:
        return parse(arguments[0], raw, place)
    if hasattr(wanted, "parse"):
        return wanted.parse(raw, place)
    if is_dataclass(wanted):
        keys = ", ".join(item.name for item in fields(wanted))
        require(names, place, raw, f"a mapping with some of the keys {keys}")
        return _record(wanted, raw, place)
    if origin is dict:
        require(names, place, raw, "a mapping with names as keys")
        return {key: parse(arguments[1], value, f"{place}, {key}") for key, value in raw.items()}
    if origin is tuple:
        require(isinstance(raw, list), place, raw, "a list")
        return tuple(
            parse(arguments[0], item, f"{place}, item {i}") for i, item in enumerate(raw, 1)
        )
    if origin is Literal:
        require(raw in arguments, place, raw, f"one of {', '.join(arguments)}")
    elif origin is Annotated:
        matches = isinstance(raw, str) and re.fullmatch(arguments[1], raw, re.DOTALL)
        require(bool(matches), place, raw, f"a string that matches {arguments[1]}")
    else:
        require(type(raw) is wanted, place, raw, NAMES[wanted])
    return raw


def _record(wanted: Any, raw: Mapping[str, Any], place: str) -> Any:
    """The mapping `raw` as the dataclass `wanted`."""
    types = get_type_hints(wanted, include_extras=True)
    for key in raw:
        if key not in types:
            what = f"{place} has no key {key!r}{nearest(key, types)}"
            raise WrongValue(what, f"use one of: {', '.join(types)}")
    values = {key: parse(types[key], value, f"{place}, {key}") for key, value in raw.items()}
    try:
        return wanted(**values)
    except TypeError as error:
        raise WrongValue(f"{place} is not complete: {error}", "add what is missing") from error
