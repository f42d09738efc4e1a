"""Drift names what another interpreter prints differently, and changes nothing."""

from __future__ import annotations

import json
import os
import stat
import sys

import pytest
from clikit.errors import UserError
from press import config
from press.machines import runs
from press.machines.drift import worst
from press.source import chapter

from tests.press import sample_book

DEPENDS = ("code/press/**", "code/clikit/**")

pytestmark = pytest.mark.slow


@pytest.fixture
def book(tmp_path):
    pages = {
        "index": sample_book.chapter(
            "Home", "import os\nprint('x =', 1.0 + float(os.environ.get('SHIFT', 0)))"
        ),
        "a/words": sample_book.chapter(
            "Words", "import os\nprint(os.environ.get('WORD', 'same'))", "print('steady')"
        ),
        "a/steady": sample_book.chapter("Steady", "print(1)"),
    }
    return sample_book.accepted(sample_book.make(tmp_path / "b", pages))


def other(tmp_path, **env):
    """An interpreter that is ours with another environment."""
    path = tmp_path / "python-other"
    path.write_text(
        "#!/bin/sh\n"
        + "".join(f"export {k}={v}\n" for k, v in env.items())
        + f'exec "{sys.executable}" "$@"\n'
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def snapshot(root):
    return {
        p: (p.read_bytes(), os.stat(p).st_mtime_ns)
        for p in root.rglob("*")
        if p.is_file() and "lock" not in p.name
    }


def test_the_same_interpreter_does_not_drift(book):
    done = sample_book.press(book, "drift", "--python", sys.executable)
    assert done.returncode == 0
    assert "3 chapters run, 0 differ" in done.stdout


def test_what_moved_is_named_with_its_size_and_nothing_is_changed(book, tmp_path):
    before = snapshot(book)
    done = sample_book.press(
        book,
        "drift",
        "--python",
        other(tmp_path, SHIFT="0.25", WORD="other"),
        "--json",
        "--markdown",
        str(tmp_path / "report.md"),
    )
    assert done.returncode == 1
    chapters = {c["slug"]: c for c in json.loads(done.stdout)["chapters"]}
    [number] = chapters["index"]["cells"]
    assert number["cell"] == 1
    assert number["worst_relative"] == pytest.approx(0.2)
    [word] = chapters["a/words"]["cells"]
    assert word["cell"] == 1
    assert word["worst_relative"] is None
    assert chapters["a/steady"]["cells"] == []
    text = (tmp_path / "report.md").read_text()
    assert "largest relative difference 2.0e-01" in text
    assert "the words differ" in text
    assert "book/index.md:" in text
    assert "```diff" in text
    assert snapshot(book) == before


def test_one_chapter_can_be_chosen(book):
    assert (
        "1 chapters run"
        in sample_book.press(book, "drift", "--python", sys.executable, "a/steady").stdout
    )


@pytest.mark.parametrize(
    ("python", "message"),
    [("/no/such/python", "cannot be run"), ("/bin/false", "cannot start a kernel")],
)
def test_an_interpreter_that_cannot_run_is_refused(book, python, message):
    done = sample_book.press(book, "drift", "--python", python)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_an_interpreter_without_ipykernel_is_refused_with_what_to_install(book, tmp_path):
    path = tmp_path / "bare"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -I "$@"\n')
    path.chmod(0o755)
    done = sample_book.press(book, "drift", "--python", str(path))
    assert done.returncode == 2
    assert "pip install ipykernel" in done.stderr


def test_a_page_without_an_expectation_is_refused(tmp_path):
    root = sample_book.make(tmp_path / "b", {"index": sample_book.chapter("Home", "print(1)")})
    project = config.load(root)
    page = chapter.read("index", project.page("index"))
    with pytest.raises(UserError, match="index: the expectation is missing") as caught:
        runs.expectation(project, page)
    assert caught.value.fix == "make accept CHAPTER=index"


def test_a_program_that_fails_is_named_with_its_last_words(tmp_path):
    program = tmp_path / "facts.py"
    program.write_text("raise SystemExit('no facts')")
    with pytest.raises(UserError, match=r"facts\.py failed: \['no facts'\]") as caught:
        runs.facts(program, dict(os.environ))
    assert str(program) in caught.value.fix


@pytest.mark.parametrize(
    ("before", "after", "size"),
    [
        ("a 1.0", "a 1.0", 0.0),
        ("a 1.0 b 2", "a 1.0 b 4", 0.5),
        ("a 1", "b 1", None),
        ("1", "1 2", None),
        ("x 1,000", "x 1,001", 1 / 1001),
    ],
)
def test_the_size_of_a_difference(before, after, size):
    assert worst(before, after) == (None if size is None else pytest.approx(size))
