"""Builds end to end on small books: once, only what is stale, the same site after any accident."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from clikit.files import read_json, write_json
from press import config
from press.execute import records
from press.store import Store

from tests.conftest import ROOT
from tests.press import sample_book

DEPENDS = ("code/press/**", "code/clikit/**")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A finished small book; tests that change it take a copy."""
    root = sample_book.accepted(sample_book.make(tmp_path_factory.mktemp("book")))
    done = sample_book.press(root, "build")
    assert done.returncode == 0, done.stdout + done.stderr
    return root


@pytest.fixture
def book(built, tmp_path):
    root = tmp_path / "b"
    shutil.copytree(built, root, symlinks=True)
    return root


def built_from(root: Path) -> str:
    """What the landing page says the site was built from."""
    text = (root / "_build" / "html" / "index.html").read_text(encoding="utf-8")
    match = re.search(r"Built from (.*?) with numpy", text)
    assert match is not None
    return match[1]


def git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_commit_is_named_by_the_next_build_though_no_page_has_changed(tmp_path):
    """The landing page says what the site was built from, before the first commit and after it."""
    counts = sample_book.chapter("Home", "print('home')") + "\n```{press} counts\n```\n"
    root = sample_book.accepted(sample_book.make(tmp_path / "b", {"index": counts}))
    assert sample_book.press(root, "build").returncode == 0
    unversioned = built_from(root)
    git(root, "init", "-q")
    git(root, "add", "book", "code", "tests")
    git(root, "-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "-qm", "first")
    assert executed(root) == []
    assert built_from(root) == git(root, "log", "-1", "--format=%h")
    assert built_from(root) != unversioned
    without_git = sample_book.press(root, "build", env={"PATH": str(tmp_path)})
    assert without_git.returncode == 0, without_git.stderr
    assert built_from(root) == unversioned


def executed(root) -> list[str]:
    return sorted(sample_book.report(sample_book.press(root, "build", "--json"))["executed"])


def test_nothing_to_do_executes_and_renders_nothing(built):
    report = sample_book.report(sample_book.press(built, "build", "--json"))
    assert (
        report["executed"] == []
        and not report["rendered"]
        and report["code"] == 0
        and report["outputs"] == 5
    )


def test_a_changed_function_executes_the_chapters_that_use_it_and_no_other(book):
    deep = book / "code" / "toy" / "deep.py"
    deep.write_text(deep.read_text() + "\n# said otherwise\n")
    assert executed(book) == ["a/one"]


def test_a_changed_module_that_nobody_uses_executes_nothing(book):
    sample_book.write(book / "code" / "toy" / "unused.py", "NOTHING = 1\n")
    assert executed(book) == []


def test_a_changed_sentence_executes_nothing_and_is_rendered(book):
    page = book / "book" / "a" / "two.md"
    page.write_text(page.read_text().replace("The cell with number 1", "The very first cell"))
    report = sample_book.report(sample_book.press(book, "build", "--json"))
    assert report["executed"] == [] and report["rendered"]
    assert "The very first cell" in (book / "_build" / "html" / "a" / "two.html").read_text()


def test_changed_pins_execute_everything(book):
    sample_book.write(book / "requirements.txt", "numpy==1.0\n")
    assert len(executed(book)) == 3


def test_a_changed_data_file_executes_the_page_that_names_it(book):
    sample_book.write(book / "book" / "_assets" / "d.txt", "1")
    page = book / "book" / "a" / "two.md"
    page.write_text(
        page.read_text().replace("print('two')", "open('_assets/d.txt').read(); print('two')")
    )
    sample_book.press(book, "check")
    sample_book.press(book, "accept", "a/two")
    assert executed(book) == []
    sample_book.write(book / "book" / "_assets" / "d.txt", "2")
    assert executed(book) == ["a/two"]


def test_a_changed_text_in_a_package_executes_the_pages_that_import_it(book):
    sample_book.write(book / "code" / "toy" / "words.txt", "one")
    assert executed(book) == ["a/one"]  # it could be read by what this page imports
    sample_book.write(book / "code" / "toy" / "words.txt", "two")
    assert executed(book) == ["a/one"] and executed(book) == []


def test_a_formula_that_katex_refuses_is_named_and_the_site_is_not_touched(book):
    before = sample_book.digest(book / "_build" / "html")
    page = book / "book" / "a" / "two.md"
    lines = [*page.read_text().splitlines(), "", "Half: $\\frac{1}$.", "", "And $\\foo$.", ""]
    sample_book.write(page, "\n".join([*lines, "$$", "x_\\min", "$$", ""]))
    done = sample_book.press(book, "build")
    assert done.returncode == 1
    refused = re.findall(r"two\.md:(\d+): \[render\] KaTeX refuses this formula: (.*)", done.stderr)
    first = len(lines) - 3
    assert [int(line) for line, _ in refused] == [first, first + 2, first + 4]
    assert refused[1][1] == "unknown command \\foo"
    assert sample_book.digest(book / "_build" / "html") == before


def test_a_wrong_output_is_named_and_the_site_is_not_touched(book):
    before = sample_book.digest(book / "_build" / "html")
    sample_book.write(book / "code" / "toy" / "deep.py", "FACTOR = 3\n")
    done = sample_book.press(book, "build")
    assert done.returncode == 1
    assert (
        "book/a/one.md:" in done.stderr
        and "-4" in done.stderr
        and "+6" in done.stderr
        and "make accept CHAPTER=a/one" in done.stderr
    )
    assert sample_book.digest(book / "_build" / "html") == before


def test_a_wrong_output_is_still_wrong_on_the_second_try(book):
    sample_book.write(book / "code" / "toy" / "deep.py", "FACTOR = 3\n")
    assert [sample_book.press(book, "build").returncode for _ in range(2)] == [1, 1]


def test_accept_shows_what_moved_and_is_idempotent(book):
    sample_book.write(book / "code" / "toy" / "deep.py", "FACTOR = 3\n")
    assert sample_book.press(book, "check").returncode == 1
    first = sample_book.press(book, "accept", "a/one")
    assert first.returncode == 0 and "1 cell(s) changed" in first.stdout and "+6" in first.stdout
    text = (book / "tests" / "expected" / "a" / "one.ipynb").read_bytes()
    page = (book / "book" / "a" / "one.md").read_bytes()
    second = sample_book.press(book, "accept", "a/one")
    assert "nothing changed" in second.stdout
    assert (book / "tests" / "expected" / "a" / "one.ipynb").read_bytes() == text and (
        book / "book" / "a" / "one.md"
    ).read_bytes() == page
    report = sample_book.report(sample_book.press(book, "build", "--json"))
    assert (
        report["executed"] == [] and report["code"] == 0
    )  # accepting is not a reason to run again
    assert (
        ">6\n" in (book / "_build" / "html" / "a" / "one.html").read_text()
    )  # the page shows the new output, not Sphinx's memory of the old


def test_accept_refuses_a_failed_run(book):
    page = book / "book" / "a" / "two.md"
    page.write_text(page.read_text().replace("print('two')", "raise ValueError('no')"))
    assert sample_book.press(book, "check").returncode == 3
    before = (book / "tests" / "expected" / "a" / "two.ipynb").read_bytes()
    done = sample_book.press(book, "accept", "a/two")
    assert done.returncode == 3 and "failed in cell 1" in done.stderr
    assert (book / "tests" / "expected" / "a" / "two.ipynb").read_bytes() == before


def test_accept_refuses_a_run_that_is_out_of_date(book):
    page = book / "book" / "a" / "two.md"
    page.write_text(page.read_text().replace("print('two')", "print('three')"))
    done = sample_book.press(book, "accept", "a/two")
    assert done.returncode == 3 and "has not been executed since it changed" in done.stderr
    sample_book.write(book / "code" / "toy" / "deep.py", "FACTOR = 9\n")
    done = sample_book.press(book, "accept", "a/one")
    assert done.returncode == 3 and "changed since its last execution" in done.stderr


def test_two_clean_builds_in_two_folders_are_byte_identical(built, tmp_path):
    other = sample_book.make(tmp_path / "elsewhere" / "deep" / "down")
    shutil.copytree(built / "tests", other / "tests")
    done = sample_book.press(other, "build")
    assert done.returncode == 0, done.stderr
    assert sample_book.digest(other / "_build" / "html") == sample_book.digest(
        built / "_build" / "html"
    )


def test_an_incremental_build_ends_with_the_site_of_a_clean_one(book):
    page = book / "book" / "a" / "two.md"
    original = page.read_text()
    clean = sample_book.digest(book / "_build" / "html")
    page.write_text(original + "\nOne more sentence.\n")
    assert sample_book.press(book, "build").returncode == 0
    assert sample_book.digest(book / "_build" / "html") != clean
    page.write_text(original)
    assert sample_book.press(book, "build").returncode == 0
    assert sample_book.digest(book / "_build" / "html") == clean


def test_a_page_that_was_taken_out_leaves_nothing_behind(book):
    toc = book / "_toc.yml"
    toc.write_text(toc.read_text().replace("  - file: a/two\n", ""))
    (book / "tests" / "expected" / "a" / "two.ipynb").unlink()  # else it is named
    assert sample_book.press(book, "build").returncode == 0
    assert not (book / "_build" / "html" / "a" / "two.html").exists()
    work = Store.of(config.load(book))
    assert records.load(work, "a/one") is not None
    assert records.load(work, "a/two") is None
    assert "a/two" not in (book / "_build" / "html" / "_static" / "search.js").read_text()


def test_a_warning_is_not_forgotten_by_the_next_build(book):
    page = book / "book" / "a" / "two.md"
    page.write_text(page.read_text() + "\nSee {ref}`nowhere`.\n")
    for _ in range(2):
        done = sample_book.press(book, "build")
        assert done.returncode == 1 and "book/a/two.md" in done.stderr and "nowhere" in done.stderr


def record(root: Path) -> Path:
    """The file of the record of a/one."""
    return records.path(Store.of(config.load(root)), "a/one")


def cut(path: Path) -> None:
    """Leave the first half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cut_record(root: Path) -> None:
    cut(record(root))


def change_record(root: Path) -> None:
    text = record(root).read_text(encoding="utf-8")
    assert "1.50" in text
    record(root).write_text(text.replace("1.50", "1.51"), encoding="utf-8")


def cut_store(root: Path) -> None:
    for path in (root / "_build" / "press" / "store").rglob("*"):
        if path.is_file() and path.parent.name != records.NAME:
            cut(path)


def remove_doctrees(root: Path) -> None:
    shutil.rmtree(root / "_build" / "press" / "doctrees")


def cut_environment(root: Path) -> None:
    cut(root / "_build" / "press" / "doctrees" / "environment.pickle")


def cut_doctree(root: Path) -> None:
    cut(root / "_build" / "press" / "doctrees" / "a" / "one.doctree")


def change_raw_page(root: Path) -> None:
    sample_book.write(root / "_build" / "press" / "raw" / "a" / "one.html", "<html>")


def remove_store(root: Path) -> None:
    shutil.rmtree(root / "_build" / "press" / "store")


def change_site_page(root: Path) -> None:
    sample_book.write(root / "_build" / "html" / "a" / "one.html", "x = 9.99")


def remove_site_page(root: Path) -> None:
    (root / "_build" / "html" / "a" / "one.html").unlink()


def add_site_file(root: Path) -> None:
    sample_book.write(root / "_build" / "html" / "stray.html", "stray")


DAMAGE = [
    cut_record,
    change_record,
    cut_store,
    remove_doctrees,
    cut_environment,
    cut_doctree,
    change_raw_page,
    remove_store,
    change_site_page,
    remove_site_page,
    add_site_file,
]


@pytest.fixture(scope="module")
def touched(built, tmp_path_factory):
    """The book with one more sentence on a page."""
    root = tmp_path_factory.mktemp("touched") / "b"
    shutil.copytree(built, root, symlinks=True)
    page = root / "book" / "a" / "two.md"
    sample_book.write(page, page.read_text() + "\nTouched.\n")
    assert sample_book.press(root, "build").returncode == 0
    return root


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_noticed_and_repaired(built, touched, tmp_path, damage):
    """Damage, then the sentence is taken back: the next build leaves the site of a clean one."""
    root = tmp_path / "b"
    shutil.copytree(touched, root, symlinks=True)
    damage(root)
    shutil.copy(built / "book" / "a" / "two.md", root / "book" / "a" / "two.md")
    done = sample_book.press(root, "build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert sample_book.digest(root / "_build" / "html") == sample_book.digest(
        built / "_build" / "html"
    )


def test_what_was_equal_once_is_compared_again_when_its_outputs_change(book):
    path = record(book)
    text = json.dumps(read_json(path))
    assert "1.50" in text
    write_json(path, json.loads(text.replace("1.50", "1.51")))
    done = sample_book.press(book, "check")
    assert done.returncode == 1
    assert "book/a/one.md" in done.stderr
    assert "1.51" in done.stderr


def test_an_edited_sentence_runs_no_comparison(book):
    page = book / "book" / "a" / "two.md"
    sample_book.write(page, page.read_text(encoding="utf-8") + "\nTouched.\n")
    code = (
        "import sys; from press import build, config; from pathlib import Path;"
        "r = build.build(config.load(Path('.').resolve()), quiet=True);"
        "print(r.rendered, 'nbval' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=book,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "code")},
    )
    assert done.stdout.split() == ["True", "False"], done.stdout + done.stderr


def test_an_edited_expectation_is_compared_and_executes_nothing(book):
    path = book / "tests" / "expected" / "a" / "one.ipynb"
    text = path.read_text(encoding="utf-8")
    sample_book.write(path, text.replace('"x = 1.50 m', '"x = 1.51 m'))
    done = sample_book.press(book, "check", "--json")
    report = sample_book.report(done)
    assert report["executed"] == []
    assert report["code"] == 1
    assert "+x = 1.50 m" in report["findings"][0]["detail"]
    sample_book.write(path, text)
    report = sample_book.report(sample_book.press(book, "check", "--json"))
    assert report["executed"] == []
    assert report["code"] == 0


def start(root, *args, **options):
    return subprocess.Popen(
        sample_book.command(root, *args),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "code")},
        start_new_session=True,
        **options,
    )


def children(pid: int) -> list[int]:
    import psutil

    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


@pytest.mark.parametrize("share", [0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 0.95])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_build_that_is_killed_anywhere_is_finished_by_the_next(built, tmp_path, how, share):
    import psutil

    root = sample_book.make(tmp_path / "b", None)
    shutil.copytree(built / "tests", root / "tests")
    process = start(root, "build")
    time.sleep(share * 6.0)
    kernels = children(process.pid) if process.poll() is None else []
    process.send_signal(how)
    _, said = process.communicate(timeout=60)
    if how is signal.SIGINT and process.returncode == 130:
        assert "interrupted" in said and "Traceback" not in said
    parts = [p for p in root.rglob("*.part")]
    assert how is signal.SIGKILL or parts == []
    done = sample_book.press(root, "build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert sample_book.digest(root / "_build" / "html") == sample_book.digest(
        built / "_build" / "html"
    )
    deadline = time.monotonic() + 10
    while (
        any(
            psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
            for pid in kernels
        )
        and time.monotonic() < deadline
    ):
        time.sleep(0.1)
    assert not [
        pid
        for pid in kernels
        if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    ], "a kernel outlived its build"


def test_an_interrupt_right_after_a_file_was_made_leaves_no_part(built, tmp_path):
    """The file is there and nobody has its name yet."""
    root = sample_book.make(tmp_path / "b")
    shutil.copytree(built / "tests", root / "tests")
    sample_book.write(
        tmp_path / "sitecustomize.py",
        """
import tempfile
_make = tempfile.mkstemp
def interrupted(*args, **options):
    handle = _make(*args, **options)
    if options.get("suffix") == ".part":
        raise KeyboardInterrupt
    return handle
tempfile.mkstemp = interrupted
""",
    )
    done = sample_book.press(
        root, "build", env={"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT / 'code'}"}
    )
    assert done.returncode == 130 and "interrupted" in done.stderr, done.stderr
    assert [p for p in root.rglob("*.part")] == []


def test_two_builds_at_once_both_end_with_the_same_site(built, tmp_path):
    root = sample_book.make(tmp_path / "b")
    shutil.copytree(built / "tests", root / "tests")
    first, second = start(root, "build"), start(root, "build")
    said = [p.communicate(timeout=120) for p in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), said
    assert sum("3 of 3 chapters executed" in out for out, _ in said) == 1, (
        "one of them does the work"
    )
    assert any("waiting for it" in err for _, err in said)
    assert sample_book.digest(root / "_build" / "html") == sample_book.digest(
        built / "_build" / "html"
    )


def limited(megabytes: float):
    import resource

    def apply():
        size = int(megabytes * 1e6)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return apply


@pytest.mark.parametrize("megabytes", [0.0005, 0.03, 0.05])
def test_no_room_is_one_message_and_nothing_is_lost(built, tmp_path, megabytes):
    root = sample_book.make(tmp_path / "b")
    shutil.copytree(built / "tests", root / "tests")
    done = sample_book.press(root, "build", preexec_fn=limited(megabytes))
    assert done.returncode == 4, done.stdout + done.stderr
    assert "free some space" in done.stderr and "Traceback" not in done.stderr
    assert not (root / "_build" / "html").exists()
    done = sample_book.press(root, "build")
    assert done.returncode == 0 and sample_book.digest(
        root / "_build" / "html"
    ) == sample_book.digest(built / "_build" / "html")


def test_stock_nbval_passes(built):
    env = {**os.environ, "PYTHONPATH": str(built / "code")}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "--nbval",
            "tests/expected",
            "-q",
            "-p",
            "no:cacheprovider",
        ],
        cwd=built,
        capture_output=True,
        text=True,
        env=env,
    )
    assert done.returncode == 0 and "5 passed" in done.stdout, done.stdout
