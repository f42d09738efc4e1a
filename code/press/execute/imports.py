"""Which files of `code/` a piece of Python depends on, through every import, without running it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path


def names(source: str, package: str = "") -> set[str]:
    """Dotted names that `source` imports; relative ones are resolved against `package`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, base] if base else parents)
            # "from a.b import c" may name the module a.b.c as well as an attribute of a.b
            found.update({base, *(f"{base}.{alias.name}" for alias in node.names)})
    return found


def cell_names(sources: list[str]) -> set[str]:
    """Names imported by notebook cells; IPython magics and broken cells are passed over."""
    found: set[str] = set()
    for source in sources:
        plain = "\n".join(
            "" if line.lstrip().startswith(("%", "!")) else line for line in source.split("\n")
        )
        try:
            found |= names(plain)
        except SyntaxError:
            continue  # the execution will report it
    return found


def files(
    roots: set[str],
    code: Path,
    packages: tuple[str, ...],
    parse: Callable[[str, str], list[str]] | None = None,
) -> set[Path]:
    """Every file of `packages` under `code` that importing `roots` would run.

    `parse` is `of` or something that remembers what `of` found.
    """
    found: set[Path] = set()
    queue = list(roots)
    seen: set[str] = set()
    while queue:
        name = queue.pop()
        if name in seen or name.split(".")[0] not in packages:
            continue
        seen.add(name)
        if "." in name:
            queue.append(name.rpartition(".")[0])  # importing a.b runs a/__init__.py too
        stem = code.joinpath(*name.split("."))
        for path, package in (
            (stem.with_suffix(".py"), name.rpartition(".")[0]),
            (stem / "__init__.py", name),
        ):
            if path.is_file():
                found.add(path)
                queue += (parse or of)(_text(path, path.stat().st_mtime_ns), package)
    return found


def of(source: str, package: str) -> list[str]:
    """What a module of `package` imports; a module that does not parse imports nothing, and its execution will say so."""
    try:
        return sorted(names(source, package))
    except SyntaxError:
        return []


@lru_cache(maxsize=4096)
def _text(path: Path, mtime_ns: int) -> str:
    return path.read_text(encoding="utf-8")
