"""What the check lines of a page depend on, as one digest: a report of seeds says which it tried.

The cells, every module of `code/` that they import (transitively), the texts and tables in those
packages and the files that the cells name. Comments and docstrings compute nothing and are left
out, and so is what is installed: the digest is the same on every computer.
"""

from __future__ import annotations

import ast
import io
import tokenize
from functools import cache
from pathlib import Path

from clikit.files import sha

from press.config import Project
from press.execute import fingerprint, imports, reads
from press.execute.records import Record
from press.source.chapter import Chapter
from press.store import Store, file_digest


def without_remarks(source: str) -> str:
    """Python without its comments, docstrings and empty lines; anything else as it is."""
    try:
        dropped = _docstring_lines(source)
        comments = _comments(source)
    except (SyntaxError, ValueError, tokenize.TokenError):  # a cell with magics
        return source
    lines = enumerate(source.split("\n"), 1)
    kept = [text[: comments.get(row)].rstrip() for row, text in lines if row not in dropped]
    return "\n".join(filter(None, kept))


def _docstring_lines(source: str) -> set[int]:
    """The lines that hold a docstring and nothing else."""
    rows: set[int] = set()
    lines = source.split("\n")
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if ast.get_docstring(node, clean=False) is None:
            continue
        text, *rest = node.body
        last = text.end_lineno or text.lineno
        begins = not lines[text.lineno - 1].encode()[: text.col_offset].strip()
        if begins and not any(following.lineno == last for following in rest[:1]):
            rows.update(range(text.lineno, last + 1))
    return rows


def _comments(source: str) -> dict[int, int]:
    """The column at which the comment of a line begins."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.start[1] for token in tokens if token.type == tokenize.COMMENT}


class Digests:
    """Computes digests; what a page names and what a module holds is remembered by its content."""

    def __init__(self, project: Project, store: Store) -> None:
        self.project = project
        self.store = store
        self._imports = fingerprint.remembered_imports(store)
        self._module = cache(self._module_digest)

    def of(self, page: Chapter) -> str:
        """The digest of a page."""

        def parse() -> dict:
            sources = [cell.source for cell in page.cells]
            cells = [[without_remarks(cell.source), cell.execution_tags] for cell in page.cells]
            return {
                "cells": sha(cells),
                "imports": sorted(imports.cell_names(sources)),
                "files": sorted(imports.file_names(sources)),
            }

        about = self.store.get("dependence", [page.slug, page.text], parse)
        names = set(about["imports"])
        modules = imports.files(names, self.project.code, self.project.packages, self._imports)
        parts = {self.project.rel(path): self._module(path) for path in modules}
        parts |= reads.named(self.project, about["files"])
        return sha([about["cells"], parts])[:16]

    def remembered(self, page: Chapter, record: Record) -> str:
        """The digest of a page that is executed: it is the same while its record is."""
        key = [page.slug, record.fingerprint, record.reads]
        return self.store.get("dependence of", key, lambda: self.of(page))

    def _module_digest(self, path: Path) -> str:
        """The digest of a module, and of the data beside that of a package."""
        source = path.read_text(encoding="utf-8")
        code = self.store.get("code", source, lambda: sha(without_remarks(source)))
        if path.name != "__init__.py":
            return code
        data = {
            file.name: file_digest(file)
            for file in path.parent.iterdir()
            if file.suffix in fingerprint.DATA_SUFFIXES
        }
        return sha([code, data])
