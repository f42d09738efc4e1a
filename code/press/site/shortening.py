"""A function or a class without what a reader of its idea can skip: docstrings and checks."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
REFUSALS = ("ValueError", "TypeError")


def shortened(source: str, node: Definition, checkers: frozenset[str] = frozenset()) -> str:
    """The lines of a definition without docstrings and checks of arguments, at the left margin.

    >>> text = 'def f(x):\\n    "Double."\\n    if x < 0:\\n        raise ValueError\\n    return x'
    >>> print(shortened(text, ast.parse(text).body[0]))
    def f(x):
        return x
    """
    rows = source.splitlines()
    removed: set[int] = set()
    for part in _dispensable(node, checkers):
        removed.update(range(part.lineno, (part.end_lineno or part.lineno) + 1))
    first = start(node)
    lines: list[str] = []
    for number in range(first, (node.end_lineno or first) + 1):
        row = rows[number - 1]
        # a blank line between two statements stays, one beside something removed goes
        if number in removed or (not row.strip() and (number - 1 in removed or not lines[-1])):
            continue
        lines.append(row.rstrip())
    return textwrap.dedent("\n".join(lines)).strip("\n")


def start(node: Definition) -> int:
    """The first line of a definition, its decorators included."""
    return min([node.lineno, *(item.lineno for item in node.decorator_list)])


def _dispensable(node: ast.AST, checkers: frozenset[str]) -> Iterator[ast.stmt]:
    """Docstrings and checks below a node; a body is never left without a statement."""
    for field in ("body", "orelse", "finalbody"):
        body = getattr(node, field, [])
        if not isinstance(body, list):
            continue
        parts = [item for item in body if _is_check(item, checkers)]
        parts += [item for item in body if _is_text(item)]
        if len(parts) < len(body):
            yield from parts
        for item in body:
            if item not in parts:
                yield from _dispensable(item, checkers)


def _is_text(node: ast.stmt) -> bool:
    """Whether a statement is a docstring, of a function or below a field."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_check(node: ast.stmt, checkers: frozenset[str]) -> bool:
    """Whether a statement does nothing but refuse values."""
    if isinstance(node, ast.If | ast.For) and not node.orelse:
        return all(refuses(item) or _is_check(item, checkers) for item in node.body)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return ast.unparse(node.value.func) in checkers
    return False


def refuses(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Raise) or node.exc is None:
        return False
    error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    return isinstance(error, ast.Name) and error.id in REFUSALS


def refuses_only(node: Definition) -> bool:
    """Whether a function can raise and returns nothing: it is called to check its arguments."""
    inner = statements(node)
    returns = [part for part in inner if isinstance(part, ast.Return) and part.value is not None]
    is_function = isinstance(node, ast.FunctionDef)
    return is_function and not returns and any(map(refuses, inner))


def statements(node: ast.AST) -> list[ast.stmt]:
    return [part for part in ast.walk(node) if isinstance(part, ast.stmt)]
