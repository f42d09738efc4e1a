"""A file of the book that cannot be read ends a command with its name and a fix."""

from __future__ import annotations

import shutil

import pytest

from tests.press import sample_book

DEPENDS = ("code/press/**", "_config.yml")
LATIN = "# caf\xe9\n".encode("latin-1")
CITED = sample_book.chapter("One", "print(1)") + "\nSee {cite}`gauss`.\n\n```{bibliography}\n```\n"
ENTRY = b"@book{gauss, title={Theoria}, author={Gauss, C.}, publisher={Perthes}, year={1809}}\n"
DAMAGED = {
    "a configuration that is a list": (
        "_config.yml",
        b"- a\n",
        "_config.yml cannot be read: it is",
    ),
    "a configuration in Latin-1": ("_config.yml", LATIN, "_config.yml cannot be read: 'utf-8'"),
    "a configuration with a list inside": (
        "_config.yml",
        b"title: A\nhtml: [a]\n",
        "_config.yml cannot be read: html is not a mapping",
    ),
    "a bibliography in Latin-1": (
        "book/references.bib",
        LATIN,
        "book/references.bib cannot be read: 'utf-8' codec",
    ),
    "a bibliography that was cut": (
        "book/references.bib",
        ENTRY[:40],
        "book/references.bib cannot be read: ",
    ),
    "published addresses": (
        "book/_assets/anchors.json",
        b'{"a/one": 3}',
        "anchors.json is damaged",
    ),
    "counts of the tests": ("book/_assets/reports/tests.json", b'"x"', "tests.json is damaged"),
    "dates of lines": ("book/_assets/reports/changes.json", b"[]", "changes.json is damaged"),
    "dates of pages": (
        "book/_assets/reports/dates.json",
        b'{"a/one": null}',
        "dates.json is damaged",
    ),
}


@pytest.fixture(scope="module")
def accepted(tmp_path_factory):
    pages = {"index": sample_book.chapter("Home", "print('home')"), "a/one": CITED}
    root = sample_book.make(tmp_path_factory.mktemp("damaged") / "book", pages)
    (root / "book" / "references.bib").write_bytes(ENTRY)
    sample_book.accepted(root)
    done = sample_book.press(root, "build")
    assert done.returncode == 0, done.stdout + done.stderr
    return root


@pytest.mark.slow
@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_named(accepted, tmp_path, name):
    file, content, message = DAMAGED[name]
    root = shutil.copytree(accepted, tmp_path / "book", symlinks=True)
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_bytes(content)
    before = sample_book.digest(root / "_build" / "html")
    done = sample_book.press(root, "build")
    assert message in done.stderr
    assert "fix: " in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode in (1, 2)
    assert sample_book.digest(root / "_build" / "html") == before


@pytest.mark.slow
@pytest.mark.parametrize("command", ["status", "check", "build"])
def test_a_module_that_is_not_utf_8_is_named(tmp_path, command):
    root = sample_book.make(tmp_path / "book")
    (root / "code" / "toy" / "deep.py").write_bytes(b"FACTOR = 2\n" + LATIN)
    done = sample_book.press(root, command)
    assert "code/toy/deep.py:2: the module is not UTF-8: byte 0xe9" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 1
