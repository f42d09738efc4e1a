"""The form of code and tests: one thing in a statement, tables of cases in `parametrize`, functions
that fit on a page.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted([*(ROOT / "code").rglob("*.py"), *(ROOT / "tests").rglob("*.py"), ROOT / "setup.py"])
NAMES = [path.relative_to(ROOT).as_posix() for path in FILES]
LINES = 60  # of a function, without its docstring

# Assignments of the library, which is not changed for its form alone: each change makes the
# mutants of its module stale.
UNRELATED = {
    "code/groundtruth/data/model.py": {"self.w, self.b"},  # a pair
    "code/groundtruth/modern/retrieval_corpus.py": {"top, heading"},
}
# Tables that code is built from: a name on the left, what it computes on the right.
TABLES = {
    "code/groundtruth/answers/data/model.py": {"_distances"},  # the two functions of an exercise
    "code/groundtruth/figures/learning/optimizers.py": {"KINDS", "gallery"},  # curves by name
    "code/groundtruth/figures/networks/initialization_and_normalization.py": {"NORMS"},
    "code/groundtruth/modern/retrieval_metrics.py": {"MEASURES"},  # one signature for six
    "code/projects/corpora/__init__.py": {"READERS"},  # a new corpus is one line
    "code/projects/dialogues.py": {"KINDS"},  # one line for each kind of question
    "code/projects/schemas.py": {"_bounded"},  # keywords that jsonschema is told to skip
}
# Figures that are longer, with their lengths: a length may only fall.
LONG = {
    "code/groundtruth/figures/learning/backprop.py": {"explorer": 61},
    "code/groundtruth/figures/learning/linear_models.py": {"explorer": 63},
    "code/groundtruth/figures/modern/language_models.py": {"cache_stepper": 77},
    "code/groundtruth/figures/modern/retrieval.py": {"probes": 68},
    "code/groundtruth/figures/networks/attention.py": {"wheel": 66},
    "code/projects/figures/agent.py": {"patterns": 68},
    "code/projects/figures/gpt.py": {"blocks": 115},
    "code/projects/figures/runner.py": {"states": 65},
}


@cache
def parsed(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text(encoding="utf-8"))


# -- what is looked for ---------------------------------------------------------------------------


def nested_conditionals(tree: ast.AST) -> Iterator[str]:
    """Lines of conditional expressions that hold another one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.IfExp):
            inner = [part for part in ast.walk(node) if isinstance(part, ast.IfExp)]
            if len(inner) > 1:
                yield f"line {node.lineno}"


def unrelated(tree: ast.AST) -> Iterator[str]:
    """The targets of assignments of several values that have no name in common.

    `x, y = points[:, 0], points[:, 1]` is one thing, `n, name = 4, "a"` are two. So is a literal
    beside a literal: nothing says that they belong together. An exchange is one thing.
    """
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Tuple):
            continue
        values = node.value.elts
        for target in node.targets:
            if not isinstance(target, ast.Tuple):
                continue
            exchanged = {*map(ast.unparse, target.elts)} & {*map(ast.unparse, values)}
            if not exchanged and not set.intersection(*map(_names, values)):
                yield ", ".join(map(ast.unparse, target.elts))


def _names(node: ast.AST) -> set[str]:
    """Variables, functions and attributes of an expression."""
    parts = list(ast.walk(node))
    variables = {part.id for part in parts if isinstance(part, ast.Name)}
    return variables | {part.attr for part in parts if isinstance(part, ast.Attribute)}


def tables_of_lambdas(tree: ast.Module) -> Iterator[str]:
    """Functions, or else variables, with a display of two lambdas or more that no `parametrize`
    takes, in its place or by the name.
    """
    taken = set()
    for node in ast.walk(tree):
        if _is_parametrize(node):
            taken |= _names(node)
    for statement in tree.body:
        owner = _owner(statement)
        if owner not in taken and any(True for _ in _tables(statement)):
            yield owner


def _is_parametrize(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    return node.func.attr == "parametrize"


def _owner(statement: ast.stmt) -> str:
    """The function, class or first variable that a statement defines."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return statement.name
    if isinstance(statement, ast.Assign):
        return ast.unparse(statement.targets[0])
    if isinstance(statement, ast.AnnAssign):
        return ast.unparse(statement.target)
    return f"line {statement.lineno}"


def _tables(node: ast.AST) -> Iterator[ast.AST]:
    """The displays below a node with two lambdas or more, in it or in its entries."""
    if _is_parametrize(node):
        return
    if isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Dict):
        entries = node.values if isinstance(node, ast.Dict) else node.elts
        rows = [
            part
            for entry in entries
            for part in (entry.elts if isinstance(entry, ast.List | ast.Tuple) else [entry])
        ]
        if sum(isinstance(part, ast.Lambda) for part in rows) > 1:
            yield node
    for child in ast.iter_child_nodes(node):
        yield from _tables(child)


def long_functions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Functions with more lines than are allowed, and how many they have."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node, clean=False) or ""
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            lines -= len(docstring.splitlines())
            if lines > LINES:
                yield node.name, lines


def unformatted(source: str) -> Iterator[str]:
    """Comments that keep the formatter away."""
    if "fmt:" not in source:
        return
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and re.search(r"\bfmt:\s*(skip|off)", token.string):
            yield f"line {token.start[0]}"


# -- what is so -----------------------------------------------------------------------------------


def findings(rule: Callable[[ast.Module], Iterator[object]], part: str = "") -> dict[str, set]:
    """For each file below a folder what a rule finds in it, where it finds something."""
    faults = {name: set(rule(parsed(name))) for name in NAMES if name.startswith(part)}
    return {name: fault for name, fault in faults.items() if fault}


def test_no_conditional_expression_holds_another():
    assert findings(nested_conditionals) == {}


def test_values_that_are_assigned_together_belong_together():
    assert findings(unrelated) == UNRELATED


def test_tables_of_lambdas_are_parametrized():
    assert findings(tables_of_lambdas) == TABLES


def test_functions_have_at_most_sixty_lines_and_long_ones_only_shrink():
    assert findings(long_functions, "code/") == {
        name: set(lengths.items()) for name, lengths in LONG.items()
    }


def test_the_formatter_decides():
    for name in NAMES:
        assert not list(unformatted((ROOT / name).read_text(encoding="utf-8"))), name


# -- a planted fault is found ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "source", "faults"),
    [
        (nested_conditionals, "x = 1 if a else 2 if b else 3", ["line 1"]),
        (nested_conditionals, "x = (1 if a else 2) if b else 3", ["line 1"]),
        (nested_conditionals, "x = 1 if (a if b else c) else 3", ["line 1"]),
        (nested_conditionals, "x = f'{1 if a else 2}' if b else ''", ["line 1"]),
        (nested_conditionals, "x = (1 if a else 2) + (3 if b else 4)", []),
        (unrelated, "n, name = 4, 'a'", ["n, name"]),
        (unrelated, "runs, errors = {}, []", ["runs, errors"]),
        (unrelated, "x, y = 2.0, 3.0", ["x, y"]),
        (unrelated, "a.x, b = f(u), g(v)", ["a.x, b"]),
        (unrelated, "(a, b), c = pair, other", ["(a, b), c"]),
        (unrelated, "x, y = f(u), f(v)", []),
        (unrelated, "x, y = table.x, table.y", []),
        (unrelated, "x, y = y, x", []),
        (unrelated, "row[i], spare = spare, row[i]", []),
        (unrelated, "x, y = f()", []),
        (tables_of_lambdas, "def f():\n    for g in (lambda: 1, lambda: 2):\n        g()", ["f"]),
        (tables_of_lambdas, "T = {'a': lambda: 1, 'b': lambda: 2}", ["T"]),
        (tables_of_lambdas, "T: dict = {'a': (lambda: 1, 'x'), 'b': (lambda: 2, 'y')}", ["T"]),
        (tables_of_lambdas, "f([lambda: 1, lambda: 2])", ["line 1"]),
        (tables_of_lambdas, "T = [lambda: 1]", []),
        (
            tables_of_lambdas,
            "@pytest.mark.parametrize('f', [lambda: 1, lambda: 2])\ndef test(f): ...",
            [],
        ),
        (
            tables_of_lambdas,
            "T = {'a': lambda: 1, 'b': lambda: 2}\n"
            "@pytest.mark.parametrize('f', T)\ndef test(f): ...",
            [],
        ),
        (long_functions, "def f():\n" + "    x = 1\n" * 60, [("f", 61)]),
        (long_functions, "def f():\n    '''a\n    b'''\n" + "    x = 1\n" * 59, []),
    ],
)
def test_a_fault_of_form_is_found(
    rule: Callable[[ast.Module], Iterator[object]], source: str, faults: list[object]
):
    assert list(rule(ast.parse(source))) == faults


@pytest.mark.parametrize(
    ("source", "faults"),
    [
        ("x = 1  # fmt: skip", ["line 1"]),
        ("# fmt: off\nx = 1", ["line 1"]),
        ("x = '# fmt: skip'", []),
    ],
)
def test_a_block_that_is_not_formatted_is_found(source, faults):
    assert list(unformatted(source)) == faults
