"""Every module says with which page it is read, and the pages' imports agree; every part lists its
modules; what is imported lies on the way from the library to the projects.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import jupytext
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from projects import registry

ROOT = Path(__file__).parents[2]
CODE = ROOT / "code"
LIBRARY = CODE / "groundtruth"
PROJECTS = CODE / "projects"
BOOK = ROOT / "book"
PAGE = r"book/[\w/-]+\.md"
READ_WITH = re.compile(rf"^Read with ({PAGE}(?:(?:,| and) {PAGE})*)\.(?:\s|$)", re.MULTILINE)
ANYWHERE = re.compile(rf"(?:^|[.:] )Read with ({PAGE}(?:(?:,| and) {PAGE})*)\.")
COMMAND = re.compile(r"python -m projects\b(?: run (\w+))?")
# modules that no page imports yet, with the page that is planned for them
PLANNED: dict[str, str] = {}
OTHERS = {"answers", "figures"}  # they name their page in any sentence of the docstring
PARTS = sorted(
    path.parent for path in LIBRARY.glob("*/__init__.py") if path.parent.name not in OTHERS
)
MODULES = sorted(
    path
    for path in LIBRARY.rglob("*.py")
    if path.name != "__init__.py" and not OTHERS & set(path.relative_to(LIBRARY).parts)
)
FIGURES = sorted(set((LIBRARY / "figures").rglob("*.py")) - set(LIBRARY.rglob("__init__.py")))
ANSWERS = sorted(set((LIBRARY / "answers").rglob("*.py")) - set(LIBRARY.rglob("__init__.py")))
OF_PROJECTS = [  # a package that holds code is a module too
    path
    for path in sorted(PROJECTS.rglob("*.py"))
    if path.name != "__init__.py" or path.parent.name == "corpora"
]
# What each package of code/ may import of the others: the way leads from the library to projects.
MAY_IMPORT = {
    "clikit": set(),
    "groundtruth": {"clikit"},
    "press": {"clikit"},
    "projects": {"clikit", "groundtruth"},
}


def dotted(path: Path) -> str:
    """code/groundtruth/data/model.py as groundtruth.data.model; a package by its own name."""
    name = ".".join(path.relative_to(CODE).with_suffix("").parts)
    return name.removesuffix(".__init__")


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
    paths = [*LIBRARY.rglob("*.py"), *PROJECTS.rglob("*.py")]
    return {dotted(path): imports(path.read_text("utf-8")) for path in paths}


def page_imports(page: Path) -> set[str]:
    """What the cells of a page import, read as Jupyter would read them."""
    names: set[str] = set()
    for cell in jupytext.read(page).cells:
        if cell.cell_type == "code":
            names |= imports(TransformerManager().transform_cell(cell.source))
    return names


def reached(modules: set[str], graph: dict[str, set[str]]) -> set[str]:
    """These modules and those that they import, themselves or through others."""
    pending = [name for name in modules if name in graph]
    names: set[str] = set()
    while pending:
        module = pending.pop()
        if module not in names:
            names.add(module)
            pending += [name for name in graph[module] if name in graph]
    return names


def commanded(text: str) -> set[str]:
    """The modules that the commands of a page start."""
    names = {"projects.__main__"} if COMMAND.search(text) else set()
    return names | {f"projects.{name}" for name in COMMAND.findall(text) if name in registry.NAMES}


def readers() -> dict[str, set[str]]:
    """For each module the pages that import it, themselves or through other modules; for one that
    no page imports those that start it by a command.
    """
    graph = library_imports()
    pages: dict[str, set[str]] = {}
    starters: dict[str, set[str]] = {}
    for path in sorted(BOOK.rglob("*.md")):
        page = path.relative_to(ROOT).as_posix()
        for module in reached(page_imports(path), graph):
            pages.setdefault(module, set()).add(page)
        for module in reached(commanded(path.read_text("utf-8")), graph):
            starters.setdefault(module, set()).add(page)
    return starters | pages


def read_with(source: str) -> list[str]:
    """The pages that a module names in the first ten lines of its docstring."""
    docstring = ast.get_docstring(ast.parse(source)) or ""
    line = READ_WITH.search("\n".join(docstring.splitlines()[:10]))
    return re.findall(r"book/[\w/-]+\.md", line[1]) if line else []


def read_with_anywhere(source: str) -> list[str]:
    """The pages that a module names in a sentence of its docstring, whatever its place."""
    docstring = ast.get_docstring(ast.parse(source)) or ""
    for paragraph in docstring.replace("`", "").split("\n\n"):
        if sentence := ANYWHERE.search(" ".join(paragraph.split())):
            return re.findall(PAGE, sentence[1])
    return []


def fault(
    name: str,
    source: str,
    pages: dict[str, set[str]],
    named_by: Callable[[str], list[str]] = read_with,
) -> str | None:
    """What is wrong with the pages that a module names, or None."""
    named = named_by(source)
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


@pytest.mark.parametrize("path", [*FIGURES, *OF_PROJECTS], ids=dotted)
def test_figures_and_projects_name_a_page_that_imports_them(path, pages):
    assert fault(dotted(path), path.read_text("utf-8"), pages, read_with_anywhere) is None


def of_the_same_name(path: Path, room: Path) -> str:
    """The page of a module of answers: answers/data/model.py belongs to book/data/model.md."""
    topic = path.relative_to(room).with_suffix("").as_posix().replace("_", "-")
    return f"book/{topic}.md"


@pytest.mark.parametrize("path", ANSWERS, ids=dotted)
def test_answers_name_the_page_of_their_name(path):
    page = of_the_same_name(path, LIBRARY / "answers")
    assert read_with_anywhere(path.read_text("utf-8")) == [page]
    assert (ROOT / page).exists()


@pytest.mark.parametrize(
    ("docstring", "message"),
    [
        ("Figures.", "no line 'Read with"),
        ("Figures to read with book/data/model.md.", "no line 'Read with"),
        ("Figures. Read with book/data/gone.md.", "book/data/gone.md does not import it"),
        (
            "Figures. Read with `book/data/model.md`\nand book/front/primer.md.",
            "primer.md does not",
        ),
    ],
)
def test_a_wrong_page_of_a_figure_is_noticed(docstring, message, pages):
    source = f'"""{docstring}"""'
    complaint = fault("groundtruth.figures.data.model", source, pages, read_with_anywhere)
    assert message in (complaint or "")


def test_a_module_that_only_a_command_starts_belongs_to_pages_with_the_command(pages):
    assert "book/capstones/runner.md" in pages["projects.runner.cli"]
    assert "book/capstones/agent.md" in pages["projects.chat"]
    assert "book/data/model.md" not in pages["projects.runner.cli"]


def imports_astray(package: str, source: str) -> set[str]:
    """The packages of code/ that a module of a package must not import, and imports."""
    names = {name.split(".")[0] for name in imports(source)}
    return names & (MAY_IMPORT.keys() | {"tests"}) - MAY_IMPORT[package] - {package}


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_imports_go_one_way(package):
    astray = {
        dotted(path): imports_astray(package, path.read_text("utf-8"))
        for path in (CODE / package).rglob("*.py")
    }
    assert {name: packages for name, packages in astray.items() if packages} == {}


def test_every_package_is_on_the_way():
    assert {path.parent.name for path in CODE.glob("*/__init__.py")} == MAY_IMPORT.keys()


@pytest.mark.parametrize(
    ("package", "source", "packages"),
    [
        ("groundtruth", "from projects.gpt import GPT", {"projects"}),
        ("groundtruth", "def f():\n    import press.build", {"press"}),
        ("groundtruth", "from projects import gpt", {"projects"}),
        ("press", "import groundtruth.check as check", {"groundtruth"}),
        ("press", "from projects import agent\nimport groundtruth", {"groundtruth", "projects"}),
        ("projects", "from press import config", {"press"}),
        ("projects", "from tests.press import sample_book", {"tests"}),
        ("clikit", "import press\nfrom projects import web", {"press", "projects"}),
        ("projects", "import numpy\nfrom groundtruth import check\nimport clikit.files", set()),
        ("press", "from . import config\nfrom clikit.files import sha", set()),
    ],
)
def test_an_import_against_the_way_is_noticed(package, source, packages):
    assert imports_astray(package, source) == packages


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
