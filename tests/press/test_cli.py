"""The command line: help, exit codes, and one clear message for every kind of wrong use."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from clikit.errors import Exit, UserError
from press import config as project
from press.cli import main

from tests.conftest import ROOT
from tests.press import sample_book

COMMANDS = (
    "build",
    "check",
    "execute",
    "gather",
    "accept",
    "changes",
    "anchors",
    "audit",
    "drift",
    "profiles",
    "seeds",
    "mutants",
    "dependencies",
    "pdf",
    "epub",
    "status",
)


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    return sample_book.make(
        tmp_path_factory.mktemp("cli"),
        {
            "index": sample_book.chapter("Home", "print(1)"),
            "data/model": sample_book.chapter("Model", "print(2)"),
        },
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    done = subprocess.run(
        [sys.executable, "-m", "press", command, "--help"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0 and len(done.stdout.splitlines()) > 5


def test_the_help_lists_the_commands_and_the_exit_codes():
    done = subprocess.run(
        [sys.executable, "-m", "press", "--help"], capture_output=True, text=True, cwd=ROOT
    )
    assert all(command in done.stdout for command in COMMANDS) and "Exit codes" in done.stdout
    assert list(main.commands) == list(COMMANDS)


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["accept"], 2, "Missing argument"),
        (["accept", "data/modle"], 2, "did you mean 'data/model'"),
        (["build", "--execute-only", "nothing-like-it"], 2, "there is no chapter"),
        (["audit", "spelling"], 2, "there is no audit 'spelling'"),
        (["drift"], 2, "Missing option '--python'"),
        (["drift", "--python", "/no/python"], 2, "cannot be run"),
        (["frobnicate"], 2, "No such command"),
        (["build", "--wrong"], 2, "No such option"),
        (["accept", "data/model"], 3, "has not been executed since"),
        (["execute", "--shard", "5/2"], 2, "not a part of a whole"),
        (["gather"], 2, "Missing argument"),
    ],
)
def test_wrong_use_is_one_message(book, args, code, message):
    done = sample_book.press(book, *args)
    assert done.returncode == code and message in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "args",
    [("status",), ("audit", "spelling"), ("accept", "data/modle"), ("--help",), ("frobnicate",)],
)
def test_a_command_that_starts_warm_says_and_returns_what_a_cold_one_does(book, args):
    """The shortcut of tests/warm.py: an environment of its own makes `sample_book.press`
    start a command in the usual way.
    """
    warm, cold = (
        sample_book.press(book, *args),
        sample_book.press(book, *args, env={"NOTHING": "1"}),
    )
    assert (warm.returncode, warm.stdout, warm.stderr) == (
        cold.returncode,
        cold.stdout,
        cold.stderr,
    ) and warm.stdout + warm.stderr


def test_a_warm_command_has_the_environment_and_the_folder_it_is_given_and_can_run_out_of_time(
    book, tmp_path
):
    from tests import warm

    done = warm.run(
        "press", ["status"], {**os.environ, "PYTHONPATH": str(ROOT / "code")}, cwd=tmp_path
    )
    assert done.returncode == 2 and "no book here" in done.stderr
    with pytest.raises(subprocess.TimeoutExpired):
        warm.run(
            "press",
            ["--root", str(book), "build"],
            {**os.environ, "PYTHONPATH": str(ROOT / "code")},
            timeout=0.2,
        )
    assert warm.run("press", ["--help"]).returncode == 0  # and the next is answered


def test_a_page_without_cells_has_nothing_to_accept():
    done = sample_book.press(ROOT, "accept", "reference/glossary")
    assert (
        done.returncode == 2
        and "has no cells" in done.stderr
        and not (ROOT / "tests" / "expected" / "reference").exists()
    )


def test_outside_a_book_the_press_says_so(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "press", "status"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 2 and "no book here" in done.stderr and "--root" in done.stderr
    done = subprocess.run(
        [sys.executable, "-m", "press", "--root", str(tmp_path), "status"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and "is not a book" in done.stderr


def test_status_says_what_a_build_would_do(book):
    done = sample_book.press(book, "status", "--json")
    assert {row["slug"]: (row["state"], row["expectation"]) for row in json.loads(done.stdout)} == {
        "index": ("never run", False),
        "data/model": ("never run", False),
    }
    assert "never run" in sample_book.press(book, "status").stdout


def test_plain_progress_in_a_log(book):
    done = sample_book.press(book, "check")
    assert done.returncode == 1 and "\r" not in done.stderr and "\x1b" not in done.stderr
    assert re.search(r"ran data/model: 1 cells, [\d.]+ s  \[\d/2\]  elapsed", done.stderr)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("workres = 2", "has no setting 'workres'"),
        ("workers = 0", "not a positive whole number"),
        ('workers = "two"', "not a positive whole number"),
    ],
)
def test_wrong_settings_are_refused(tmp_path, settings, message):
    (tmp_path / "pyproject.toml").write_text(f"[tool.press]\n{settings}\n")
    with pytest.raises(UserError, match=message) as caught:
        project.load(tmp_path)
    assert caught.value.code is Exit.USAGE


@pytest.mark.parametrize(
    ("toc", "message"),
    [
        ("root: nowhere\n", "names nowhere"),
        ("parts: []\n", "cannot be read"),
        ("root: [\n", "cannot be read"),
        ("root: index\nparts:\n- chapters: 3\n", "cannot be read"),
    ],
)
def test_a_wrong_table_of_contents_is_refused(tmp_path, toc, message):
    root = sample_book.make(tmp_path, {"index": sample_book.chapter("Home")})
    (root / "_toc.yml").write_text("format: jb-book\n" + toc)
    done = sample_book.press(root, "status")
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr


def test_a_cell_inside_another_block_is_refused(tmp_path):
    root = sample_book.make(tmp_path, {"index": sample_book.chapter("Home")})
    path = root / "book" / "index.md"
    path.write_text(
        path.read_text() + "\n````{admonition} A\n```{code-cell}\nprint(1)\n```\n````\n"
    )
    done = sample_book.press(root, "check")
    assert "Traceback" not in done.stderr
