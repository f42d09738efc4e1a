"""A value is returned only for what it was computed from; what is damaged is computed again."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from press import config, store
from press.execute import fingerprint
from press.store import Store

from tests.conftest import ROOT
from tests.press import sample_book

PRESS = ROOT / "code" / "press"
SUFFIXES = sorted({path.suffix for path in PRESS.rglob("*") if path.is_file()} - {".pyc", ""})


class Count:
    """A function that counts its calls."""

    def __init__(self, value: object) -> None:
        self.value = value
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return self.value


@pytest.fixture
def values(tmp_path) -> Store:
    return Store(tmp_path / "store", "base")


@pytest.fixture
def book(tmp_path) -> config.Project:
    return config.load(sample_book.make(tmp_path / "book"))


@pytest.fixture
def press_copy(tmp_path, monkeypatch) -> Path:
    """A copy of the press, whose files the digests then read."""
    copy = tmp_path / "code" / "press"
    shutil.copytree(PRESS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PRESS.with_name("clikit"), copy.with_name("clikit"))
    monkeypatch.setattr(store, "__file__", str(copy / "store.py"))
    monkeypatch.setattr(fingerprint, "__file__", str(copy / "execute" / "fingerprint.py"))
    return copy


def test_a_value_is_computed_once(values):
    make = Count({"a": [1, None, "ü"]})
    assert values.get("name", ["key"], make) == make.value
    assert values.get("name", ["key"], make) == make.value
    assert make.calls == 1


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}])
def test_an_empty_value_is_a_value(values, value):
    make = Count(value)
    assert [values.get("name", "key", make) for _ in range(2)] == [value, value]
    assert make.calls == 1


@pytest.mark.parametrize(
    ("base", "name", "key"),
    [("other", "name", ["key"]), ("base", "other", ["key"]), ("base", "name", ["other"])],
)
def test_another_base_name_or_key_is_another_value(values, base, name, key):
    values.save("name", ["key"], 1)
    assert values.load("name", ["key"]) == 1
    assert values.with_base(base).load(name, key) is None


def test_a_damaged_value_is_computed_again(values):
    values.save("name", "key", 1)
    path = values.path("name", "key")
    path.write_text(path.read_text(encoding="utf-8").replace("[1]", "[2]"), encoding="utf-8")
    assert values.load("name", "key") is None
    assert values.get("name", "key", Count(3)) == 3


@pytest.mark.parametrize("damage", [b"", b"other", None])
def test_a_damaged_file_is_written_again(values, damage):
    make = Count(b"bytes")
    path = values.file("name", "key", ".svg", make)
    assert values.file("name", "key", ".svg", make) == path
    assert make.calls == 1
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    assert values.file("name", "key", ".svg", make).read_bytes() == b"bytes"


def test_pruning_leaves_what_was_asked_for_and_nothing_else(tmp_path):
    before = Store(tmp_path, "base")
    before.save("old", 1, 1)
    before.file("old", 2, ".svg", Count(b"old"))
    after = Store(tmp_path, "base")
    after.with_base("other").save("new", 1, 1)
    used = after.file("new", 2, ".svg", Count(b"new"))
    after.prune()
    names = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert before.load("old", 1) is None
    assert len(names) == 3
    assert used.name in names


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_digest_of_the_press_holds_every_kind_of_its_files(press_copy, suffix):
    before = store.press_digest()
    path = next(path for path in sorted(press_copy.rglob(f"*{suffix}")) if path.is_file())
    path.write_bytes(path.read_bytes() + b"\n")
    assert store.press_digest() != before


def test_the_digest_of_the_press_is_that_of_a_copy_without_compiled_files(press_copy):
    digest = store.press_digest()
    sample_book.write(press_copy / "__pycache__" / "cli.pyc", "compiled")
    assert store.press_digest() == digest


@pytest.mark.parametrize("edit", ["_config.yml", "book/press.yml", "setting"])
def test_another_configuration_is_another_store(book, edit):
    before = Store.of(book).base
    if edit == "setting":
        path = book.root / "pyproject.toml"
        path.write_text(path.read_text(encoding="utf-8").replace("workers = 2", "workers = 1"))
    else:
        with open(book.root / edit, "a", encoding="utf-8") as handle:
            handle.write("# edited\n")
    assert Store.of(config.load(book.root)).base != before


def test_the_store_does_not_depend_on_the_folder_of_the_book(tmp_path):
    roots = [sample_book.make(tmp_path / name) for name in ("a", "b")]
    assert len({Store.of(config.load(root)).base for root in roots}) == 1


def test_an_installed_version_is_another_store(book, tmp_path, monkeypatch):
    before = Store.of(book).base
    (tmp_path / "site" / "numpy-9.9.dist-info").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    after = Store.of(book).base
    assert after != before
    (tmp_path / "site" / "numpy-9.9.dist-info").rename(tmp_path / "site" / "numpy-9.8.dist-info")
    assert Store.of(book).base not in (before, after)


@pytest.mark.parametrize(
    "name", ["execute/kernels.py", "execute/run.py", "execute/preload.py", "config.py"]
)
def test_what_executes_a_page_is_in_its_fingerprint(press_copy, values, name):
    before = fingerprint.execution_digest(values)
    path = press_copy / name
    path.write_text(path.read_text(encoding="utf-8") + "\n# edited\n", encoding="utf-8")
    assert fingerprint.execution_digest(values) != before


@pytest.mark.parametrize(
    "name",
    ["site/pictures.py", "site/render.py", "execute/compare.py", "checks/links.py", "cli.py"],
)
def test_what_does_not_execute_is_not_in_a_fingerprint(press_copy, values, name):
    before = fingerprint.execution_digest(values)
    path = press_copy / name
    path.write_text(path.read_text(encoding="utf-8") + "\n# edited\n", encoding="utf-8")
    assert fingerprint.execution_digest(values) == before


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("book/press.yml", "GROUNDTRUTH_FIGURES: svg", "GROUNDTRUTH_FIGURES: png"),
        ("pyproject.toml", "cell_timeout_s = 20", "cell_timeout_s = 30"),
        ("requirements.txt", "", "numpy==9.9"),
        ("code/toy/deep.py", "FACTOR = 2", "FACTOR = 3"),
        ("book/a/one.md", "double(2)", "double(3)"),
        ("book/a/one.md", "kind: ", "press: {timeout_s: 300}\nkind: "),
    ],
)
def test_what_an_execution_depends_on_is_in_its_fingerprint(book, path, before, after):
    old = fingerprint.Fingerprints(book, Store.of(book)).of("a/one")
    file = book.root / path
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    assert before in text
    sample_book.write(file, text.replace(before, after, 1) if before else after)
    edited = config.load(book.root)
    assert fingerprint.Fingerprints(edited, Store.of(edited)).of("a/one") != old


def test_an_expectation_is_not_in_a_fingerprint(book):
    before = fingerprint.Fingerprints(book, Store.of(book)).of("a/one")
    sample_book.write(book.expectation("a/one"), "{}")
    assert fingerprint.Fingerprints(book, Store.of(book)).of("a/one") == before
