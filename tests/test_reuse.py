"""A planted change makes just the tests run again that depend on it; otherwise none does."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.reuse.sources import Tree

DEPENDS = ("tests/reuse/*",)
FILES = {
    "pyproject.toml": """
        [tool.pytest.ini_options]
        testpaths = ["tests", "code"]
        pythonpath = ["code"]
        addopts = "--doctest-modules -p no:cacheprovider"
    """,
    "README.md": "about",
    "book/one.md": "# One",
    "book/two.md": "# Two",
    "book/table.csv": "1,2",
    "_build/html/one.html": "<h1>One</h1>",
    "code/lib/__init__.py": "",
    "code/lib/near.py": """
        from lib.deep import FACTOR

        def double(x):
            '''
            >>> double(2)
            4
            '''
            return FACTOR * x
    """,
    "code/lib/deep.py": "FACTOR = 2",
    "code/lib/words.txt": "a",
    "code/tool/__init__.py": "",
    "code/tool/late.py": "VALUE = 1",
    "code/tool/main.py": """
        def value():
            from tool import late

            return late.VALUE
    """,
    "tests/__init__.py": "",
    "tests/conftest.py": "",
    "tests/helper.py": """
        from functools import cache

        @cache
        def table():
            return open('book/table.csv').read()
    """,
    "tests/lib/__init__.py": "",
    "tests/lib/test_near.py": """
        from lib.near import double

        def test_double():
            assert double(2)
    """,
    "tests/lib/test_late.py": """
        from tool.main import value

        def test_value():
            assert value()
    """,
    "tests/test_pages.py": """
        import pytest

        PAGES = [
            pytest.param(name, marks=pytest.mark.depends(f'book/{name}.md'))
            for name in ('one', 'two')
        ]

        @pytest.mark.parametrize('name', PAGES)
        def test_page(name):
            assert open(f'book/{name}.md').read()
    """,
    "tests/test_site.py": """
        import pytest

        @pytest.mark.depends('_build/html/**')
        def test_site():
            assert open('_build/html/one.html').read()
    """,
    "tests/test_command.py": """
        import subprocess

        def test_command():
            subprocess.run(['true'], check=True)
    """,
    "tests/test_declared.py": """
        import subprocess

        DEPENDS = ('code/tool/**',)

        def test_declared():
            subprocess.run(['true'], check=True)
    """,
    "tests/test_cached.py": """
        from tests.helper import table

        def test_first():
            assert table()

        def test_second():
            assert table()
    """,
    "tests/test_folder.py": """
        from pathlib import Path

        def test_folder():
            assert (Path(__file__).parent / 'helper.py').exists()
    """,
}
# these start a process, read a file or name the project's folder, and declare nothing
UNCERTAIN = {"test_command", "test_first", "test_second", "test_folder"}
EVERY = UNCERTAIN | {
    "test_double",
    "near.double",
    "test_value",
    "test_page[one]",
    "test_page[two]",
    "test_site",
    "test_declared",
}


def run_tests(root: Path, passes: str = "reuse", *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-v", "-p", "tests.reuse.plugin"]
    return subprocess.run(
        [*command, f"--passes={passes}", *options],
        cwd=root,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
    )


def ran(done: subprocess.CompletedProcess[str]) -> set[str]:
    """Names of the tests that passed, from the lines of `pytest -v`."""
    names = re.findall(r"::(\S+) PASSED|PASSED\S* \S+::(\S+)", done.stdout)
    return {(a or b).removeprefix("lib.") for a, b in names}


@pytest.fixture(scope="module")
def proved(tmp_path_factory):
    """A small project whose tests have all passed."""
    root = tmp_path_factory.mktemp("proved") / "project"
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).strip() + "\n", encoding="utf-8")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tests" / "reuse", root / "tests" / "reuse", ignore=ignore)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    (root / ".gitignore").write_text("_build/\n__pycache__/\n", encoding="utf-8")
    done = run_tests(root, "fresh")
    assert ran(done) == EVERY, done.stdout + done.stderr
    return root


@pytest.fixture
def project(proved, tmp_path):
    return shutil.copytree(proved, tmp_path / "project")


def test_nothing_runs_twice_on_the_same_bytes_and_the_end_says_so(project):
    done = run_tests(project)
    assert ran(done) == set()
    assert done.returncode == 0
    assert "    2  tests/test_pages.py" in done.stdout
    assert f"{len(EVERY)}  in all" in done.stdout


def test_workers_leave_out_the_same(project):
    done = run_tests(project, "reuse", "-n", "2")
    assert ran(done) == set()
    assert f"{len(EVERY)}  in all" in done.stdout


def test_a_fresh_run_forgets(project):
    assert ran(run_tests(project, "fresh")) == EVERY


@pytest.mark.parametrize(
    ("name", "dependent"),
    [
        ("README.md", set()),
        ("book/one.md", {"test_page[one]"}),
        ("book/table.csv", set()),
        ("code/lib/deep.py", {"test_double", "near.double"}),
        ("code/lib/words.txt", {"test_double", "near.double"}),
        ("code/tool/late.py", {"test_value", "test_declared"}),
        ("tests/lib/test_near.py", {"test_double"}),
        ("tests/helper.py", set()),
        ("tests/conftest.py", EVERY - {"near.double"}),
        ("tests/reuse/observe.py", EVERY),
        ("pyproject.toml", EVERY),
    ],
)
def test_a_planted_change_runs_the_tests_that_depend_on_it(project, name, dependent):
    with (project / name).open("a", encoding="utf-8") as file:
        file.write("# planted\n" if name.endswith((".py", ".toml")) else "planted\n")
    done = run_tests(project)
    assert ran(done) == dependent | UNCERTAIN, done.stdout


def test_a_changed_site_runs_the_tests_of_the_site(project):
    (project / "_build" / "html" / "one.html").write_text("<h1>1</h1>\n", encoding="utf-8")
    assert ran(run_tests(project)) == {"test_site"} | UNCERTAIN


def test_a_new_file_counts_as_a_change(project):
    (project / "book" / "three.md").write_text("# Three\n", encoding="utf-8")
    assert ran(run_tests(project)) == UNCERTAIN


def test_what_failed_runs_again_and_what_passed_meanwhile_does_not(project):
    (project / "code" / "lib" / "deep.py").write_text("FACTOR = 0\n", encoding="utf-8")
    assert run_tests(project).returncode == 1
    again = run_tests(project)
    assert "2 failed" in again.stdout
    assert ran(again) == set()
    (project / "code" / "lib" / "deep.py").write_text("FACTOR = 2\n", encoding="utf-8")
    assert run_tests(project).returncode == 0


def test_what_was_skipped_is_not_remembered(project):
    name = project / "tests" / "test_skipped.py"
    name.write_text("import pytest\n\n\n@pytest.mark.skip\ndef test_skipped():\n    pass\n")
    assert "1 skipped" in run_tests(project).stdout
    assert "1 skipped" in run_tests(project).stdout


def test_nothing_is_remembered_of_a_project_that_changes_meanwhile(project):
    text = "def test_writes():\n    open('book/one.md', 'w').write('# 1')\n"
    (project / "tests" / "test_writes.py").write_text(text)
    assert "files changed while the tests ran" in run_tests(project).stdout
    assert "test_writes" in ran(run_tests(project))


def test_a_declaration_must_be_a_tuple_of_strings(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text("DEPENDS = 3\n")
    with pytest.raises(ValueError, match="tuple of strings"):
        Tree(tmp_path).scope("tests/test_a.py")


def test_every_declared_pattern_matches_a_file():
    tree = Tree(ROOT)
    tests = [name for name in tree.files if re.fullmatch(r"tests/.*\.py", name)]
    declared = {pattern for name in tests for pattern in tree.module(name).declared or ()}
    assert len(declared) > 5
    assert [pattern for pattern in declared if not tree.matching(pattern)] == []
