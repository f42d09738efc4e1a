"""Stock nbval passes on the expectations of all pages that take less than ten seconds.

This is what somebody does who knows only nbval, with kernels that the press has not started, and
whose CPU has no AVX. That the configuration is one is shown first, and that nbval runs with it can
fail is shown by a planted output. What the longer pages print on such a CPU is in
press/test_real_book.py, judged by nbval's own comparison; the weekly workflow runs stock nbval on
every page.
"""

from __future__ import annotations

import ast
import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest
from press import config as project
from press.execute import times
from press.machines import profiles

from tests import nbval_warm
from tests.conftest import ROOT
from tests.reuse.sources import Tree

DEPENDS = ("tests/nbval_warm.py", "tests/warm_imports.py")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000)]
BOOK = project.load(ROOT)
OLDER = profiles.ALL["sse"]
LIMITS_S = times.load(BOOK)
LONGEST_S = float(os.environ.get("NBVAL_SECONDS", times.STEPS_S[0]))
NOTEBOOKS = sorted(
    BOOK.rel(BOOK.expectation(slug)) for slug, limit_s in LIMITS_S.items() if limit_s <= LONGEST_S
)
GROUPS = 2
UNUSUAL = re.compile(r"^\s*[%!]|\?\s*$|importlib|__import__|exec\(|subprocess", re.MULTILINE)
# the state of a project that a notebook may depend on besides its modules
DATA = ("book/_assets/**",)


def environment() -> dict[str, str]:
    """One thread, the library of this project and the instructions of an older CPU."""
    threads = dict.fromkeys(project.THREAD_KNOBS, "1")
    return {**os.environ, **threads, "PYTHONPATH": str(ROOT / "code"), **OLDER.env}


def dependencies(tree: Tree, notebook: str) -> tuple[str, ...]:
    """The notebook, data and the modules its cells import; all code if that is uncertain."""
    cells = json.loads((tree.root / notebook).read_text(encoding="utf-8"))["cells"]
    source = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    uncertain = UNUSUAL.search(source)
    try:
        ast.parse(source)
    except SyntaxError:
        uncertain = True
    modules = ("code/**",) if uncertain else tuple(sorted(tree.imported(source)))
    return (notebook, *DATA, *modules)


def parameters():
    tree = Tree(ROOT)
    for number, notebook in enumerate(NOTEBOOKS):
        group = pytest.mark.xdist_group(f"nbval-{number % GROUPS}")
        depends = pytest.mark.depends(*dependencies(tree, notebook))
        name = notebook.removeprefix("tests/expected/").removesuffix(".ipynb")
        yield pytest.param(notebook, marks=[group, depends], id=name)


def nbval(notebooks: list[str], folder: Path = ROOT) -> str:
    """What `pytest --nbval -v` prints about notebooks."""
    command = [sys.executable, "-m", "tests.nbval_warm", *notebooks]
    env = environment()
    env["PYTHONPATH"] += f"{os.pathsep}{ROOT}"
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def problems(output: str, notebook: str) -> str:
    """What nbval reports about one notebook; empty if each of its code cells passed."""
    cells = json.loads((ROOT / notebook).read_text(encoding="utf-8"))["cells"]
    count = sum(cell["cell_type"] == "code" for cell in cells)
    stem = re.escape(notebook.removesuffix(".ipynb"))
    verdicts = re.findall(rf"^{stem}\W+ipynb::Cell \d+ ([A-Z]+)", output, re.MULTILINE)
    if verdicts == ["PASSED"] * count:
        return ""
    details = output[max(output.find("= FAILURES ="), 0) :]
    return f"{notebook}: {verdicts.count('PASSED')} of {count} cells passed\n{details[:6000]}"


@pytest.fixture(scope="module")
def results(request):
    """The output of nbval for a notebook; all of a group that are selected run together."""
    outputs: dict[str, str] = {}

    def result(notebook: str) -> str:
        group = NOTEBOOKS.index(notebook) % GROUPS
        if notebook not in outputs:
            selected = {
                item.callspec.params["notebook"]
                for item in request.session.items
                if getattr(item, "module", None) is request.module and hasattr(item, "callspec")
            }
            chosen = [name for name in NOTEBOOKS[group::GROUPS] if name in selected]
            outputs.update(dict.fromkeys(chosen, nbval(chosen)))
        return outputs[notebook]

    return result


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the profile is one of x86")
def test_the_profile_changes_what_the_cpu_computes():
    plain = project.kernel_env(BOOK)
    older = profiles.facts(BOOK, {**plain, **OLDER.env})
    unchanged = profiles.unmoved(OLDER, profiles.facts(BOOK, plain), older)
    assert set(OLDER.moves) & {"numpy", "aten", "onednn", "mkl"} - set(unchanged)


@pytest.mark.parametrize("notebook", parameters())
def test_stock_nbval_passes_as_on_an_older_cpu(results, notebook):
    assert problems(results(notebook), notebook) == ""


def test_most_pages_that_are_read_first_are_run_by_nbval_itself():
    parts = {Path(notebook).parent.name for notebook in NOTEBOOKS}
    assert len(NOTEBOOKS) >= 10
    assert {"front", "data", "learning", "networks"} <= parts


def test_a_page_with_a_time_limit_of_its_own_has_it_here(monkeypatch):
    notebook = "tests/expected/front/primer.ipynb"
    usual_s = nbval_warm.time_limit([notebook])
    assert usual_s == 2 * BOOK.cell_timeout_s
    monkeypatch.setattr(nbval_warm.chapter.Chapter, "settings", {"timeout_s": 1000})
    assert nbval_warm.time_limit([notebook]) == 2000


def test_nbval_finds_a_planted_output_and_a_cell_that_does_not_run(tmp_path):
    """The control of the test above."""
    name = "tests/expected/front/primer.ipynb"
    notebook = json.loads((ROOT / name).read_text(encoding="utf-8"))
    printing = [cell for cell in notebook["cells"] if cell.get("outputs")]
    printing[0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "planted\n"}]
    printing[-1]["source"] = "raise RuntimeError('planted')"
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    report = problems(nbval([name], tmp_path), name)
    count = sum(cell["cell_type"] == "code" for cell in notebook["cells"])
    assert f"{count - 2} of {count} cells passed" in report
