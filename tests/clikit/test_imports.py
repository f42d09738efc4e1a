"""clikit imports neither the press nor the packages that use it."""

import ast
from pathlib import Path

import clikit
import pytest

MODULES = sorted(Path(clikit.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=[path.stem for path in MODULES])
def test_nothing_of_this_repository_is_imported_but_clikit(path):
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    assert not names & {"press", "projects", "groundtruth", "tests"}
