"""Every module says with which page it is read, and the pages' imports agree; every part lists its
modules.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import jupytext
import pytest
from IPython.core.inputtransformer2 import TransformerManager

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "code" / "groundtruth"
BOOK = ROOT / "book"
READ_WITH = re.compile(
    r"^Read with (book/\S+\.md(?:(?:,| and) book/\S+\.md)*)\.(?:\s|$)", re.MULTILINE
)
# modules that no page imports yet, with the page that is planned for them
PLANNED: dict[str, str] = {}
OTHERS = {"answers", "figures"}  # rooms with tests of their own
PARTS = sorted(
    path.parent for path in LIBRARY.glob("*/__init__.py") if path.parent.name not in OTHERS
)
MODULES = sorted(
    path
    for path in LIBRARY.rglob("*.py")
    if path.name != "__init__.py" and not OTHERS & set(path.relative_to(LIBRARY).parts)
)


def dotted(path: Path) -> str:
    """code/groundtruth/data/model.py as groundtruth.data.model."""
    return ".".join(path.relative_to(LIBRARY.parent).with_suffix("").parts)


def imports(source: str) -> set[str]:
    """What a piece of code imports, module by module; `from a import b` counts as a and a.b."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def library_imports() -> dict[str, set[str]]:
    """For each module of the library and of the projects the modules that it imports."""
    code = LIBRARY.parent
    paths = [*LIBRARY.rglob("*.py"), *(code / "projects").rglob("*.py")]
    return {dotted(path): imports(path.read_text("utf-8")) for path in paths}


def page_imports(page: Path) -> set[str]:
    """What the cells of a page import, read as Jupyter would read them."""
    names: set[str] = set()
    for cell in jupytext.read(page).cells:
        if cell.cell_type == "code":
            names |= imports(TransformerManager().transform_cell(cell.source))
    return names


def readers() -> dict[str, set[str]]:
    """For each module the pages that import it, themselves or through other modules."""
    graph = library_imports()
    pages: dict[str, set[str]] = {}
    for page in sorted(BOOK.rglob("*.md")):
        pending = [name for name in page_imports(page) if name in graph]
        reached: set[str] = set()
        while pending:
            module = pending.pop()
            if module not in reached:
                reached.add(module)
                pending += [name for name in graph[module] if name in graph]
        for module in reached:
            pages.setdefault(module, set()).add(page.relative_to(ROOT).as_posix())
    return pages


def read_with(source: str) -> list[str]:
    """The pages that a module names in the first ten lines of its docstring."""
    docstring = ast.get_docstring(ast.parse(source)) or ""
    line = READ_WITH.search("\n".join(docstring.splitlines()[:10]))
    return re.findall(r"book/[\w/-]+\.md", line[1]) if line else []


def fault(name: str, source: str, pages: dict[str, set[str]]) -> str | None:
    """What is wrong with the pages that a module names, or None."""
    named = read_with(source)
    if not named:
        return f"{name}: no line 'Read with book/<part>/<topic>.md.' in its docstring"
    planned = PLANNED.get(name)
    for page in named:
        if page == planned and not (ROOT / page).exists():
            continue
        if page not in pages.get(name, set()):
            return f"{name}: {page} does not import it; {sorted(pages.get(name, set()))} do"
    return None


@pytest.fixture(scope="module")
def pages():
    return readers()


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_every_module_names_a_page_that_imports_it(path, pages):
    assert fault(dotted(path), path.read_text("utf-8"), pages) is None


@pytest.mark.parametrize(
    ("docstring", "message"),
    [
        ("What it does.", "no line 'Read with"),
        ("What it does.\n\nRead with book/data/gone.md.", "book/data/gone.md does not import it"),
        ("What it does.\n\nRead with book/front/primer.md.", "primer.md does not import it"),
        ("Read with book/data/similarity.md and more.", "no line 'Read with"),
    ],
)
def test_a_wrong_page_is_noticed(docstring, message, pages):
    assert message in (fault("groundtruth.data.similarity", f'"""{docstring}"""', pages) or "")


def test_imports_are_followed_through_other_modules(pages):
    assert "book/learning/optimizers.md" in pages["groundtruth.learning.blocks"]


def listed(part: Path) -> list[str]:
    """The modules that the docstring of a part lists, one a line: name, two spaces, what it is."""
    docstring = ast.get_docstring(ast.parse((part / "__init__.py").read_text("utf-8"))) or ""
    return re.findall(r"^(\w+)  +\S.*$", docstring, re.MULTILINE)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_every_part_lists_its_modules(part):
    modules = [path.stem for path in part.glob("*.py") if path.stem != "__init__"]
    assert listed(part) == sorted(modules)
