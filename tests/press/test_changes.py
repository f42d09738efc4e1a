"""When a printed line last changed: kept by every acceptance, and read out of the history once."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from clikit.errors import UserError
from press import config
from press.execute import changes

from tests.press import sample_book


def printed(*texts):
    """The lines of a page with one cell a text."""
    return [
        (cell, row, line)
        for cell, text in enumerate(texts, 1)
        for row, line in enumerate(text.split("\n"), 1)
    ]


def notebook(*texts):
    """The expectation of a page with one cell a text."""
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {},
            "execution_count": number,
            "source": "",
            "outputs": [{"output_type": "stream", "name": "stdout", "text": text}],
        }
        for number, text in enumerate(texts, 1)
    ]
    values = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(values, indent=1)


@pytest.fixture
def book(tmp_path):
    return config.load(sample_book.make(tmp_path / "b"))


def expect(book, *texts):
    sample_book.write(book.expectation("a/one"), notebook(*texts))


def accept(book, day, *texts):
    """Accept this expectation of a/one on a day."""
    before = {"a/one": changes.expected(book, "a/one")}
    expect(book, *texts)
    changes.accept(book, before, day)


def test_a_new_page_is_dated_whole(book):
    accept(book, "2026-01-01", "a\nb\n", "c\n")
    assert changes.load(book) == {"a/one": {"1": {"2026-01-01": [1, 2]}, "2": {"2026-01-01": [1]}}}


def test_an_acceptance_dates_what_moved_and_only_that(book):
    accept(book, "2026-01-01", "loss 1\nerror 2\n", "c\n")
    accept(book, "2026-02-02", "loss 1\nerror 3\n", "c\n")
    assert changes.load(book)["a/one"] == {
        "1": {"2026-01-01": [1], "2026-02-02": [2]},
        "2": {"2026-01-01": [1]},
    }


def test_an_acceptance_of_what_did_not_move_changes_no_date(book):
    accept(book, "2026-01-01", "a\n")
    accept(book, "2026-02-02", "a\n")
    assert changes.load(book)["a/one"] == {"1": {"2026-01-01": [1]}}


def test_a_line_keeps_its_date_when_a_cell_is_put_before_it():
    before, after = printed("a", "b"), printed("new", "a", "b")
    dates = {(1, 1): "2026-01-01", (2, 1): "2026-01-02"}
    assert changes.advance(before, dates, after, "2026-02-02") == {
        (1, 1): "2026-02-02",
        (2, 1): "2026-01-01",
        (3, 1): "2026-01-02",
    }


def test_a_line_without_a_date_gets_none_while_it_stays_as_it_is():
    lines = printed("a\nb")
    assert changes.advance(lines, {(1, 1): "2026-01-01"}, lines, "2026-02-02") == {
        (1, 1): "2026-01-01"
    }


def test_the_other_pages_keep_their_entries_and_a_page_that_is_gone_loses_its_own(book):
    accept(book, "2026-01-01", "a\n")
    changes.accept(book, {"a/two": []}, "2026-01-02")
    book.page("a/one").unlink()
    changes.accept(book, {}, "2026-01-03")
    assert changes.load(book) == {}
    book.page("a/one").touch()
    accept(book, "2026-01-04", "b\n")
    changes.accept(book, {"a/two": []}, "2026-01-05")
    assert list(changes.load(book)) == ["a/one"]


DAMAGED = [
    "",
    "[1]",
    "{",
    '{"a/one": 3}',
    '{"a/one": {"1": ["2026-01-01"]}}',
    '{"a/one": {"one": {"2026-01-01": [1]}}}',
    '{"a/one": {"1": {"yesterday": [1]}}}',
    '{"a/one": {"1": {"2026-01-01": ["1"]}}}',
    '{"a/one": {"1": {"2026-01-01": 1}}}',
]


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_report_is_refused_by_name(book, text):
    sample_book.write(book.root / changes.FILE, text)
    with pytest.raises(UserError, match=f"{changes.FILE} is damaged"):
        changes.load(book)


def test_a_damaged_expectation_has_no_lines(book):
    sample_book.write(book.expectation("a/one"), "{")
    assert changes.expected(book, "a/one") == []


def commit(book, day):
    """All of the book as it is, committed on a day."""
    stamp = f"{day}T12:00:00Z"
    env = {**os.environ, "GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp}
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for arguments in (("init", "-q"), ("add", "tests"), (*who, "commit", "-qm", day)):
        subprocess.run(["git", *arguments], cwd=book.root, env=env, check=True)


def test_the_history_dates_every_committed_line(book):
    sample_book.write(book.expectation("a/old"), notebook("a\nb\n", "c\n"))
    commit(book, "2026-01-01")
    expect(book, "a\nb 2\n", "c\n")
    book.expectation("a/old").unlink()
    commit(book, "2026-02-02")
    expect(book, "a\nb 2\n", "c\n", "not committed\n")
    assert changes.fill(book, ["a/one", "a/two"]) == 3
    assert changes.load(book) == {
        "a/one": {"1": {"2026-01-01": [1], "2026-02-02": [2]}, "2": {"2026-01-01": [1]}}
    }


def test_a_folder_without_history_is_refused(book, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(book.root.parent))
    with pytest.raises(UserError, match="not a git repository") as refused:
        changes.fill(book, ["a/one"])
    assert "full clone" in refused.value.fix


@pytest.mark.slow
def test_the_command_accept_writes_the_report(tmp_path):
    root = sample_book.accepted(sample_book.make(tmp_path / "b"))
    report = json.loads((root / changes.FILE).read_text())
    assert report["a/one"] == {"1": {changes.today(): [1]}, "2": {changes.today(): [1, 2]}}


def test_every_dated_line_of_the_book_is_printed(root):
    book = config.load(root)
    report = changes.load(book)
    assert report
    for slug in report:
        places = {(cell, row) for cell, row, _ in changes.expected(book, slug)}
        assert changes.dates(report, slug).keys() <= places, f"{slug}: python -m press changes"


def test_a_report_of_profiles_knows_the_lines_that_it_met(book):
    expect(book, "a\n")
    before = changes.version(book, "a/one")
    expect(book, "a\n", "")
    assert changes.version(book, "a/one") != before
    expect(book, "a\n")
    assert changes.version(book, "a/one") == before
