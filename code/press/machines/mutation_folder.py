"""The folder in which mutmut works: a copy of the packages, one module to mutate, its own tests.

mutmut wants sources below `src/`, so the packages of `code/` are copied there. The tests of a
module are the file of its name below `tests/`, the files beside the folders of the parts that
import it, and the examples of its docstrings. Where no file has its name, every file of its package
that imports it. Examples run from a file of their own: mutmut copies each function, docstring
included, once per mutant, and pytest would run them all.
"""

from __future__ import annotations

import ast
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from clikit.errors import Exit, UserError, nearest

from press.config import THREAD_KNOBS, Project
from press.execute import imports

PLUGIN = Path(__file__).with_name("mutation_plugin.py")
EXAMPLES = "tests/test_examples_of_docstrings.py"
TEMPLATE = '''"""The examples of one module, from its source before it was mutated."""

import doctest
import importlib

import pytest

MODULE = importlib.import_module({module!r})


@pytest.mark.parametrize(("name", "text"), {examples!r})
def test_examples(name, text):
    test = doctest.DocTestParser().get_doctest(text, dict(vars(MODULE)), name, None, 0)
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(test)
    assert runner.failures == 0
'''
# a line of `raise` holds a message; the plugin limits the processor time, so that the limit on the
# wall is only for what waits
SETTINGS = """[mutmut]
source_paths=src/
only_mutate={source}
do_not_mutate_patterns=^\\s*raise\\b
also_copy=
    pytest.ini
    conftest.py
process_isolation=forkserver
timeout_multiplier=10.0
timeout_constant=60.0
use_git_change_detection=false
pytest_add_cli_args=
{plugins}
pytest_add_cli_args_test_selection=
{tests}
"""
# of pytest, not needed here; the first would collect garbage after every mutant
WITHOUT = ("unraisableexception", "threadexception", "cacheprovider")
PYTEST = """[pytest]
addopts = -q
filterwarnings =
    ignore::DeprecationWarning
    ignore::pytest.PytestUnknownMarkWarning
"""


@dataclass(frozen=True)
class Module:
    """A module to mutate, with the files of its own tests."""

    name: str  # package.part.topic
    source: str  # of `code/`: package/part/topic.py
    tests: tuple[str, ...]  # of the project


def modules(project: Project, names: tuple[str, ...]) -> list[Module]:
    """The modules of these names, in the order given.

    A name is dotted or a path, with or without its package: `part/topic`,
    `package.part.topic`, `code/package/part/topic.py`.

    Raises
    ------
    UserError
        When no package has the module, or no test imports it.
    """
    listed = {name: source for name, source in _sources(project)}
    return [_module(project, _full_name(project, name, list(listed)), listed) for name in names]


def _sources(project: Project) -> Iterator[tuple[str, str]]:
    """Dotted name and path of every module of the packages."""
    for package in project.packages:
        for path in sorted((project.code / package).rglob("*.py")):
            if path.name not in ("__init__.py", "__main__.py"):
                source = path.relative_to(project.code).as_posix()
                yield source.removesuffix(".py").replace("/", "."), source


def _full_name(project: Project, name: str, listed: list[str]) -> str:
    dotted = name.removeprefix("code/").removesuffix(".py").strip("/").replace("/", ".")
    for candidate in (dotted, *(f"{package}.{dotted}" for package in project.packages)):
        if candidate in listed:
            return candidate
    short = [full.partition(".")[2] for full in listed]
    raise UserError(
        f"there is no module {name!r}{nearest(dotted, [*listed, *short])}",
        "name it as its page is named, for example: data/model",
        Exit.USAGE,
    )


def _module(project: Project, name: str, listed: dict[str, str]) -> Module:
    source = listed[name]
    package, _, topic = source.removesuffix(".py").rpartition("/")
    folder = project.root / "tests" / name.partition(".")[0]
    named = project.root / "tests" / package / f"test_{topic}.py"
    if named.is_file():
        tests = [named, *(path for path in _importers(folder, name, "*.py") if path != named)]
    else:
        tests = _importers(folder, name, "**/*.py")
    examples = list(docstrings(project.code / source))
    if not tests and not examples:
        what = f"no test below {project.rel(folder)} imports {name}, and it has no examples"
        raise UserError(what, f"write {project.rel(named)}", Exit.FINDINGS)
    return Module(name, source, tuple(project.rel(path) for path in tests))


def _importers(folder: Path, name: str, pattern: str) -> list[Path]:
    """Files of tests that import the module by its name."""
    files = (path for path in sorted(folder.glob(pattern)) if path.name.startswith("test_"))
    return [path for path in files if name in imports.names(path.read_text(encoding="utf-8"))]


def docstrings(path: Path) -> Iterator[tuple[str, str]]:
    """Name and docstring of everything in a module whose docstring has an example."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text = ast.get_docstring(node) or ""
            if ">>>" in text:
                yield getattr(node, "name", path.stem), text


def fill(project: Project, module: Module, folder: Path) -> None:
    """Make `folder` what mutmut needs to mutate the module."""
    skip = shutil.ignore_patterns("__pycache__", "*.ipynb")
    for package in project.packages:
        shutil.copytree(project.code / package, folder / "src" / package, ignore=skip)
    tests = folder / "tests"
    package = module.name.partition(".")[0]
    shutil.copytree(project.root / "tests" / package, tests / package, ignore=skip)
    for name in ("__init__.py", "conftest.py"):
        if (path := project.root / "tests" / name).is_file():
            shutil.copy(path, tests / name)
    examples = list(docstrings(project.code / module.source))
    text = TEMPLATE.format(module=module.name, examples=examples)
    (folder / EXAMPLES).write_text(text, encoding="utf-8")
    selection = [*module.tests, *([EXAMPLES] if examples else [])]
    settings = SETTINGS.format(
        source=f"src/{module.source}",
        plugins=_indented(f"-pno:{name}" for name in WITHOUT),
        tests=_indented(selection),
    )
    (folder / "setup.cfg").write_text(settings, encoding="utf-8")
    (folder / "pytest.ini").write_text(PYTEST, encoding="utf-8")
    shutil.copy(PLUGIN, folder / "conftest.py")
    (folder / "mutants").mkdir()
    for name in ("book", "code"):  # tests may read result cards, or a source
        (folder / "mutants" / name).symlink_to(project.root / name)


def foreign(project: Project, module: Module) -> list[str]:
    """Names of packages of others that the module and its tests import, to be loaded only once:
    mutmut runs the tests four times, each in a fork of its first process.
    """
    paths = [project.code / module.source, *(project.root / test for test in module.tests)]
    names = {name for path in paths for name in imports.names(path.read_text(encoding="utf-8"))}
    ours = (*project.packages, "tests", "__future__", "")
    return sorted(name for name in names if name.partition(".")[0] not in ours)


def _indented(values: Iterable[str]) -> str:
    """The lines of a list in a file of settings."""
    return "\n".join(f"    {value}" for value in values)


def environment(project: Project) -> dict[str, str]:
    """The environment of mutmut: one thread, the same examples of hypothesis for every mutant, and
    no `code/` on the path, from which the original would be imported.
    """
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    others = [path for path in paths if path and Path(path).resolve() != project.code]
    return {
        **os.environ,
        **dict.fromkeys(THREAD_KNOBS, "1"),
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(others),
        "MPLBACKEND": "agg",
        "CI": "true",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
