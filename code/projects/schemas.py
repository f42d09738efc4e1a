"""Arguments of a call against the JSON schema of a tool, whoever wrote the schema.

Read with `book/capstones/agent.md`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import referencing
from clikit.errors import nearest
from jsonschema.validators import extend, validator_for

LONGEST = 300  # characters of a message
REFERENCES = 10_000  # that one check may follow: a short schema can double its work with each


def invalid(name: str, schema: Any, arguments: dict[str, Any]) -> str | None:
    """Why `arguments` do not fit the schema of tool `name`, in one sentence; None when they do.

    A schema that cannot be used itself is reported in the same way: the call must not run
    unchecked.

    Examples
    --------
    >>> invalid("add", {"type": "object", "required": ["a"]}, {})
    "add needs 'a'"
    >>> invalid("add", {}, {"anything": 1}) is None
    True
    """
    try:
        kind = _bounded(validator_for(schema, default=jsonschema.Draft202012Validator))
        kind.check_schema(schema)
        # an empty registry: a reference to an address must not open a connection
        validator = kind(schema, registry=referencing.Registry())
        error = next(iter(sorted(validator.iter_errors(arguments), key=_order)), None)
    except jsonschema.SchemaError as error:
        return _cut(f"the schema of {name} is not valid: {error.message}")
    except Exception as error:  # unresolvable references, endless ones, types nobody defined
        return _cut(f"the schema of {name} cannot be used: {type(error).__name__}: {error}")
    return None if error is None else _cut(_explain(name, schema, error))


def _order(error: jsonschema.ValidationError) -> tuple[int, str]:
    order = ("required", "additionalProperties", "type", "enum")
    word = str(error.validator)
    return (order.index(word) if word in order else len(order), error.json_path)


def _bounded(kind: Any) -> Any:
    """A validator that follows a limited number of references and matches no regular expressions.

    Matching one can take forever, and Python cannot interrupt it: patterns are left to the server
    that wrote them.
    """
    followed = 0

    def limited(keyword: str) -> Any:
        follow = kind.VALIDATORS[keyword]

        def check(validator: Any, *rest: Any) -> Iterator[Any]:
            nonlocal followed
            followed += 1
            if followed > REFERENCES:
                raise ValueError(f"checking follows more than {REFERENCES} references")
            yield from follow(validator, *rest) or ()

        return check

    references = [word for word in kind.VALIDATORS if word.endswith(("$ref", "Ref"))]
    return extend(
        kind,
        {
            "pattern": lambda *_: None,
            "patternProperties": lambda *_: None,
            **{word: limited(word) for word in references},
        },
    )


def _explain(name: str, schema: dict[str, Any], error: jsonschema.ValidationError) -> str:
    if error.validator == "required" and not error.path:
        missing = [key for key in error.validator_value if key not in error.instance]
        return f"{name} needs {', '.join(map(repr, missing))}"
    properties = schema.get("properties", {})
    if error.validator == "additionalProperties" and not error.path:
        extra = [key for key in error.instance if key not in properties]
        if extra:
            return f"{name} has no argument {extra[0]!r}{nearest(extra[0], properties)}"
    path = ".".join(str(part) for part in error.path)
    argument = f"argument {path!r} of {name}" if path else f"the arguments of {name}"
    if error.validator == "type" and isinstance(error.validator_value, str):
        return f"{argument} must be a {error.validator_value}, got {error.instance!r}"
    if error.validator == "enum":
        choices = ", ".join(str(choice) for choice in error.validator_value)
        return f"{argument} must be one of {choices}, got {error.instance!r}"
    return f"{argument}: {error.message}"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
