"""Which files a piece of Python depends on, through every import, without running it.

Cells are read as IPython would run them: magics, shell lines and help become calls, and what stands
inside those is searched too. What only the run can show is recorded there, see `reads`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from clikit.errors import Exit, UserError

IMPORT = re.compile(r"(?:^|[\s;'\"])(?:from|import)\s+([\w.]+(?:\s*,\s*[\w.]+)*)", re.MULTILINE)
DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
WORD = re.compile(r"[^\s\"'`=;|<>(){}\[\],]+")

VARIABLE = re.compile(  # of the environment, as a cell, a magic or a shell line names it
    r"(?:environb?(?:\.\w+\(|\[)|getenvb?\()\s*b?[\"'](\w+)[\"']"
    r"|[\"'](\w+)[\"']\s+(?:not\s+)?in\s+(?:\w+\.)*environ"
    r"|^\s*%env\s+(\w+)|\$\{?([A-Z_][A-Z0-9_]*)",
    re.MULTILINE,
)


def names(source: str, package: str = "") -> set[str]:
    """Dotted names that `source` imports; relative ones are resolved against `package`."""
    imported: set[str] = set()
    for node in _statements(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: package.count(".") + 2 - node.level]
                base = ".".join([*parents, base] if base else parents)
            # "from a.b import c" may name the module a.b.c as well as an attribute of a.b
            imported.update({base, *(f"{base}.{alias.name}" for alias in node.names)})
    return imported


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Every statement below a node, without the expressions, in which no import can stand."""
    for block in ("body", "orelse", "finalbody", "handlers", "cases"):
        for child in getattr(node, block, ()):
            yield child
            yield from _statements(child)


def cell_names(sources: list[str]) -> set[str]:
    """Names that notebook cells import, inside magics and shell lines as well.

    And strings such as "a.b".
    """
    imported: set[str] = set()
    for source in sources:
        code = as_python(source)
        imported |= _names(code)
        for text in _strings(code):
            if "import" in text:  # what a magic or another interpreter is given
                imported |= _names(as_python(text))
            imported |= {word for word in WORD.findall(text) if DOTTED.fullmatch(word)}
    return imported


def file_names(sources: list[str]) -> set[str]:
    """Every word of every string of the cells, and of every string in those.

    Those that are files of the book are among what a page reads.
    """
    texts = [text for source in sources for text in _strings(as_python(source))]
    texts += [text for outer in texts for text in _strings(outer)]
    words = {word for text in texts for word in (text, *WORD.findall(text))}
    return {word for word in words if 1 < len(word) < 200 and ("." in word or "/" in word)}


def variables(sources: list[str]) -> list[str]:
    """The variables of the environment that cells name.

    >>> variables(["os.environ['A'] + os.getenv('B', '')", "!echo $C", "'D' in os.environ"])
    ['A', 'B', 'C', 'D']
    """
    return sorted({max(names) for source in sources for names in VARIABLE.findall(source)})


def _names(code: str) -> set[str]:
    """What a piece of code imports; a piece that is not Python is searched line by line."""
    try:
        return names(code)
    except (SyntaxError, ValueError):
        lists = IMPORT.findall(code)
        return {name for group in lists for name in re.split(r"\s*,\s*", group)}


def _strings(code: str) -> list[str]:
    """The string constants of a piece of code; none of one that is not Python."""
    try:
        nodes = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant)]
    except (SyntaxError, ValueError):
        return []
    return [node.value for node in nodes if isinstance(node.value, str)]


def as_python(source: str) -> str:
    """A cell as the Python that IPython makes of it; a cell that it cannot read stays as it is."""
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        return TransformerManager().transform_cell(source)
    except (SyntaxError, ValueError):  # the execution will report it
        return source


def of(source: str, package: str) -> list[str]:
    """What a module of `package` imports.

    A module that does not parse imports nothing, and its execution will say so.
    """
    try:
        return sorted(names(source, package))
    except SyntaxError:
        return []


def files(
    roots: set[str],
    code: Path,
    packages: tuple[str, ...],
    parse: Callable[[str, str], list[str]] = of,
) -> set[Path]:
    """Every file of `packages` under `code` that importing `roots` would run.

    `parse` is `of` or something that remembers its results.
    """
    paths: set[Path] = set()
    queue = list(roots)
    visited: set[str] = set()
    while queue:
        name = queue.pop()
        parent = name.rpartition(".")[0]
        if name in visited or name.split(".")[0] not in packages:
            continue
        visited.add(name)
        queue.append(parent)  # importing a.b runs a/__init__.py too
        stem = code.joinpath(*name.split("."))
        for path, package in ((stem.with_suffix(".py"), parent), (stem / "__init__.py", name)):
            if path.is_file():
                paths.add(path)
                queue += parse(_text(path, path.stat().st_mtime_ns), package)
    return paths


@lru_cache(maxsize=4096)
def _text(path: Path, mtime_ns: int) -> str:
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        what = f"{path}:{line}: the module is not UTF-8: byte 0x{raw[error.start]:02x}"
        raise UserError(what, "save it as UTF-8", Exit.FINDINGS) from error
