"""What mutmut leaves behind: a file with every mutant of a module, and the exit code of each.

Mutants that change no behavior are left out: texts of errors and warnings, `strict=` of a `zip`
whose lengths always agree, annotations, the methods that print an object.
"""

from __future__ import annotations

import ast
import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CLASS = "ǁ"  # mutmut names a mutant of Optimizer.step xǁOptimizerǁstep__mutmut_3
MARK = "__mutmut_"
PRINTING = ("__repr__", "__str__", "_repr_html_")
# exit codes of mutmut, or of the signal that ended pytest
SURVIVED = 0
UNTESTED = (5, 33)
UNTRIED = (None, 2)
TIMEOUT = (36, 24, -24, 152, 255)


@dataclass(frozen=True)
class Mutant:
    """One change to one function, and what the tests said."""

    name: str  # mutmut's, the same until the source changes
    function: str  # Optimizer.step
    line: int  # of the source, where the change begins
    old: str  # the lines that went
    new: str  # the lines that came
    outcome: str  # caught, timeout, survived, untested


def read(folder: Path, source: str, original: Path) -> list[Mutant]:
    """The mutants of a module after a run of mutmut in `folder`, in the order of the source."""
    path = folder / "mutants" / "src" / source
    text = path.read_text(encoding="utf-8")
    codes = json.loads(path.with_name(f"{path.name}.meta").read_text(encoding="utf-8"))
    functions = dict(_functions(ast.parse(text)))
    lines = dict(_functions(ast.parse(original.read_text(encoding="utf-8"))))
    mutants = []
    for key, code in codes["exit_code_by_key"].items():
        name = key.rpartition(".")[2]
        stem = name.partition(MARK)[0]
        function = stem.removeprefix("x_").removeprefix("x" + CLASS).replace(CLASS, ".")
        before = functions[f"{stem}{MARK}orig"]
        after = functions[name]
        if function.rpartition(".")[2] in PRINTING or _behavior(before) == _behavior(after):
            continue
        offset, old, new = _difference(_lines(text, before), _lines(text, after))
        line = lines[function].lineno + offset
        mutants.append(Mutant(key, function, line, old, new, _outcome(code)))
    return sorted(mutants, key=lambda mutant: mutant.line)


def _outcome(code: int | None) -> str:
    """What an exit code says."""
    if code in UNTESTED:
        return "untested"
    if code in UNTRIED:
        return "untried"
    if code in TIMEOUT:
        return "timeout"
    return "survived" if code == SURVIVED else "caught"


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Functions of a module and methods of its classes; originals by their qualified names."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    name = inner.name if MARK in inner.name else f"{node.name}.{inner.name}"
                    yield name, inner


class _Bare(ast.NodeTransformer):
    """Removes what is no behavior."""

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if isinstance(node.exc, ast.Call):
            node.exc = node.exc.func
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        node.keywords = [word for word in node.keywords if word.arg not in ("strict", "stacklevel")]
        if isinstance(node.func, ast.Attribute) and node.func.attr == "warn":
            node.args = []
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        node.annotation = ast.Constant(None)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else self.generic_visit(node)


def _behavior(function: ast.FunctionDef) -> str:
    """A function without its name, its annotations and its texts for people."""
    copy = ast.parse(ast.unparse(function)).body[0]
    assert isinstance(copy, ast.FunctionDef)
    copy.name = ""
    copy.returns = None
    copy.decorator_list = []
    return ast.dump(_Bare().visit(copy))


def _lines(text: str, function: ast.FunctionDef) -> list[str]:
    """The lines of a function below its decorators, under one name for all mutants."""
    lines = text.splitlines()[function.lineno - 1 : function.end_lineno]
    return [lines[0].replace(function.name, "_", 1), *lines[1:]]


def _difference(before: list[str], after: list[str]) -> tuple[int, str, str]:
    """Number of equal lines at the start, the lines that went, and those that came."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    blocks = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    first, last = blocks[0], blocks[-1]
    old = before[first[1] : last[2]]
    new = after[first[3] : last[4]]
    return first[1], "\n".join(map(str.strip, old)), "\n".join(map(str.strip, new))
