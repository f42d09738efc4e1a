"""The library functions and classes that the cells of a page use, as short listings.

Names are resolved statically, from the imports of the cells to the files of the project; nothing is
imported. A listing leaves out docstrings and the checks of arguments, and keeps comments.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeGuard

from clikit.errors import Exit, UserError, nearest
from clikit.files import sha

from press.config import Project
from press.execute.imports import as_python
from press.site.shortening import Definition, refuses, refuses_only, shortened, start, statements
from press.source import settings
from press.source.chapter import Chapter
from press.store import Store, file_digest

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Listing:
    """One function or class, below the cell that first uses it."""

    cell: int  # 1-based among the code cells of the page
    name: str  # dotted
    path: str  # of its module, from the root of the project
    lines: str  # its first and last line there, as the address of a repository has them
    text: str
    index: int = 0  # of the cell among all cells of the notebook
    test: str = ""  # of the module; empty where there is none
    is_open: bool = False

    @property
    def short(self) -> str:
        """The name without its module."""
        return self.name.rpartition(".")[2]

    @property
    def module(self) -> str:
        """The name of the module."""
        return self.name.rpartition(".")[0]


class Library:
    """The packages below `code` whose functions are listed, without the names in `hidden`.

    An instance reads each file once: make a new one after an edit.
    """

    def __init__(self, code: Path, packages: Collection[str], hidden: Collection[str] = ()) -> None:
        self.code = code
        self.packages = packages
        self.hidden = hidden
        self._module = cache(self._read_module)
        self._listing = cache(self._make_listing)
        self._checkers = cache(self._find_checkers)

    def listings(self, cells: Sequence[str]) -> list[Listing]:
        """What the cells use of the library, each once, in the order of first use.

        Functions that a cell of the page defines itself are left out.
        """
        trees = [_parsed(cell) for cell in cells]
        defined = {node.name for tree in trees for node in tree.body if _is_definition(node)}
        bound: dict[str, str] = {}
        listed: dict[str, Listing] = {}
        for number, tree in enumerate(trees, 1):
            for node in ast.walk(tree):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    bound.update(_bindings(node))
            for name in _uses(tree, bound):
                listing = self._listing(name)
                if listing and listing.short not in defined and listing.name not in listed:
                    listed[listing.name] = replace(listing, cell=number)
        return list(listed.values())

    def _make_listing(self, name: str) -> Listing | None:
        place = self._definition(name)
        if place is None:
            return None
        full, path, node = place
        if any(f"{full}.".startswith(f"{prefix}.") for prefix in self.hidden):
            return None
        source = path.read_text(encoding="utf-8")
        module = full.rpartition(".")[0]
        checkers = self._checkers(module)
        parts = [*self._helpers(module, node), node]
        text = "\n\n".join(shortened(source, part, checkers) for part in parts)
        first = start(node)
        lines = f"L{first}-L{node.end_lineno}"
        relative = path.relative_to(self.code.parent).as_posix()
        return Listing(0, full, relative, lines, text)

    def _read_module(self, name: str) -> tuple[Path, ast.Module] | None:
        if name.partition(".")[0] not in self.packages:
            return None
        stem = self.code.joinpath(*name.split("."))
        for path in (stem.with_suffix(".py"), stem / "__init__.py"):
            if path.is_file():
                return path, _parsed(path.read_text(encoding="utf-8"))
        return None

    def _definition(self, name: str) -> tuple[str, Path, Definition] | None:
        """The full name, the file and the node of a function or class, through re-exports."""
        module, _, attribute = name.rpartition(".")
        place = self._module(module)
        if place is None:
            return None
        path, tree = place
        for node in tree.body:
            if _is_definition(node) and node.name == attribute:
                return name, path, node
            if isinstance(node, ast.ImportFrom) and not node.level:
                target = _bindings(node).get(attribute, name)
                if target != name:
                    return self._definition(target)
        return None

    def _helpers(self, module: str, node: Definition) -> list[Definition]:
        """The private functions of the same module that a function calls and that refuse nothing.

        What a helper checks is not what the page is about; what it computes is.
        """
        place = self._module(module)
        names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        return [
            other
            for other in (place[1].body if place else [])
            if isinstance(other, ast.FunctionDef)
            if other.name in names and other.name.startswith("_") and other is not node
            if not any(map(refuses, statements(other)))
        ]

    def _find_checkers(self, module: str) -> frozenset[str]:
        """The functions that a module defines or imports and that do nothing but refuse values."""
        place = self._module(module)
        if place is None:
            return frozenset()
        names = set()
        for node in place[1].body:
            if isinstance(node, ast.FunctionDef) and refuses_only(node):
                names.add(node.name)
            if isinstance(node, ast.ImportFrom) and not node.level:
                for short, full in _bindings(node).items():
                    origin = self._definition(full)
                    if origin and refuses_only(origin[2]):
                        names.add(short)
        return frozenset(names)


def of(project: Project, pages: Sequence[Chapter], store: Store) -> dict[str, list[Listing]]:
    """The listings of each page; raises UserError for a wrong `open` in a front matter."""
    book = settings.load(project.book)
    library = Library(project.code, project.packages, book.sources.hidden)
    files = [
        path for package in project.packages for path in (project.code / package).rglob("*.py")
    ]
    digest = sha(
        [[path.relative_to(project.code).as_posix(), file_digest(path)] for path in sorted(files)]
    )
    result = {}
    for page in pages:
        cells = [cell.source for cell in page.cells]

        def rows(cells: list[str] = cells) -> list[dict[str, Any]]:
            return [asdict(item) for item in library.listings(cells)]

        listings = [Listing(**row) for row in store.get("listings", [cells, digest], rows)]
        places = [i for i, cell in enumerate(page.source["cells"]) if cell["cell_type"] == "code"]
        listings = [
            replace(item, index=places[item.cell - 1], test=_test(project, item.path))
            for item in listings
        ]
        result[page.slug] = opened(page, listed(page, listings), book.limits.cell_lines)
    return result


def listed(page: Chapter, listings: list[Listing]) -> list[Listing]:
    """The listings of a page without those below the names that its front matter has as `unlisted`:
    what another page shows, or what would make a long page too heavy.
    """
    names = page.source.get("metadata", {}).get("unlisted", [])
    place = f"book/{page.slug}.md"
    if not isinstance(names, list):
        what = f"{place}: unlisted is {names!r}, not a list of names"
        raise UserError(what, "write, for example, unlisted: [package.module]", Exit.FINDINGS)
    dotted = [f"{item.name}." for item in listings]
    for name in names:
        if not any(full.startswith(f"{name}.") for full in dotted):
            what = f"{place}: no listing below a cell is called {name!r}, nor is in it"
            raise UserError(what, "take the name out of unlisted", Exit.FINDINGS)
    out = tuple(f"{name}." for name in names)
    return [item for item, full in zip(listings, dotted, strict=True) if not full.startswith(out)]


def _test(project: Project, path: str) -> str:
    """The test of a module of the project, or nothing."""
    folder, _, name = path.removeprefix("code/").rpartition("/")
    test = f"tests/{folder}/test_{name}"
    return test if (project.root / test).is_file() else ""


def opened(page: Chapter, listings: list[Listing], limit: int) -> list[Listing]:
    """The listings of a page, with those open that its front matter names under `open`."""
    names = page.source.get("metadata", {}).get("open", [])
    lengths = {item.name: item.text.count("\n") + 1 for item in listings}
    place = f"book/{page.slug}.md"
    if not isinstance(names, list):
        what = f"{place}: open is {names!r}, not a list of names"
        raise UserError(what, "write, for example, open: [package.module.function]", Exit.FINDINGS)
    for name in names:
        if name not in lengths:
            what = f"{place}: no listing below a cell is called {name!r}{nearest(name, lengths)}"
            fix = "name a function of the library that a cell of the page calls"
            raise UserError(what, fix, Exit.FINDINGS)
        if lengths[name] > limit:
            what = f"{place}: the listing {name} has {lengths[name]} lines, more than {limit}"
            raise UserError(what, "let a shorter function stand open", Exit.FINDINGS)
    return [replace(item, is_open=item.name in names) for item in listings]


def _is_definition(node: ast.AST) -> TypeGuard[Definition]:
    return isinstance(node, DEFINITIONS)


def _bindings(node: ast.Import | ast.ImportFrom) -> dict[str, str]:
    """The names that an import binds, and what each stands for."""
    if isinstance(node, ast.ImportFrom):
        return {item.asname or item.name: f"{node.module}.{item.name}" for item in node.names}
    return {
        item.asname or item.name.partition(".")[0]: item.name
        if item.asname
        else item.name.partition(".")[0]
        for item in node.names
    }


def _uses(tree: ast.Module, bound: dict[str, str]) -> list[str]:
    """The dotted names that a cell reads, with its imports resolved, in the order of the text."""
    places: list[tuple[int, int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
            head, dot, rest = _dotted(node).partition(".")
            if head in bound:
                places.append((node.lineno, node.col_offset, bound[head] + dot + rest))
    return [name for _, _, name in sorted(places)]


def _dotted(node: ast.expr) -> str:
    """A name with its attributes, as `a.b.c`; nothing for attributes of anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _parsed(source: str) -> ast.Module:
    """The tree of a module or a cell; an empty one where that is not Python."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        pass
    try:
        return ast.parse(as_python(source))
    except (SyntaxError, ValueError):
        return ast.Module([], [])
