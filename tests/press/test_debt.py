"""Counts of departures that older pages may still have: they may only fall."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from clikit.errors import UserError
from press import checks, config
from press.checks import debt
from press.checks.book import Book

from tests.conftest import ROOT
from tests.press import sample_book
from tests.press.pages import book, page, printed

WHEN_INTRODUCED = {  # the most that the list may ever hold, by rule
    "cell-width": 2358,
    "output-width": 358,
    "claims": 506,
    "words": 626,
    "abbreviations": 67,
    "headings": 0,
}
WIDE = "x = " + "1 + " * 20 + "1"


def sample(folder, wide: int, counts: str) -> Book:
    body = page(sample_book.cell("\n".join([WIDE] * wide + ["print(1)"])))
    other = book(folder, {"front/x": body, "front/y": page("Text.")})
    sample_book.write(folder / "book" / "debt.yml", counts)
    return other


def width_messages(folder, wide: int, counts: str) -> list[str]:
    return [str(finding) for finding in checks.run(sample(folder, wide, counts), ("width",))]


def test_the_list_of_the_book_has_not_grown():
    totals = Counter()
    for row in debt.load(ROOT / "book").values():
        totals.update(row)
    grown = {rule: n for rule, n in totals.items() if n > WHEN_INTRODUCED.get(rule, 0)}
    assert grown == {}


def test_the_list_knows_every_counted_rule():
    rules = {rule for audit in checks.ALL.values() for rule in audit.counted}
    assert rules == set(WHEN_INTRODUCED)


def test_a_page_at_its_count_passes(tmp_path):
    assert width_messages(tmp_path, 2, "front/x: {cell-width: 2}\n") == []


def test_a_page_above_its_count_is_reported_with_the_lines(tmp_path):
    (text,) = width_messages(tmp_path, 3, "front/x: {cell-width: 2}\n")
    assert "3 findings, more than the 2 that book/debt.yml allows this page" in text
    assert text.count("has 85 columns") == 3


def test_a_page_without_a_count_is_reported_line_by_line(tmp_path):
    assert len(width_messages(tmp_path, 3, "front/y: {claims: 1}\n")) == 3


def test_a_page_below_its_count_is_told_to_lower_it(tmp_path):
    (text,) = width_messages(tmp_path, 1, "front/x: {cell-width: 2}\n")
    assert "1 findings, fewer than the 2" in text
    assert "python -m press audit --lower" in text


def test_a_page_that_the_book_does_not_have_is_reported(tmp_path):
    (text,) = width_messages(tmp_path, 0, "front/gone: {cell-width: 2}\n")
    assert "book/debt.yml: [cell-width] the book has no page 'front/gone'" in text


def test_lowering_writes_the_counts_and_raises_none(tmp_path):
    counts = "front/x: {cell-width: 5, claims: 2}\nfront/gone: {words: 1}\n"
    other = sample(tmp_path, 3, counts + "front/y: {words: 1}\n")
    assert checks.lower(other) == {"cell-width": 2, "claims": 2, "words": 2}
    assert debt.load(tmp_path / "book") == {"front/x": {"cell-width": 3}}
    assert checks.run(other, ("width", "claims", "words")) == []


def test_lowering_does_not_raise_a_count(tmp_path):
    other = sample(tmp_path, 3, "front/x: {cell-width: 2}\n")
    assert checks.lower(other) == {}
    assert debt.load(tmp_path / "book") == {"front/x": {"cell-width": 2}}


def test_outputs_of_a_stale_page_are_not_judged(tmp_path):
    other = sample(tmp_path, 0, "front/x: {claims: 2}\n")
    stale = Book(other.project, [replace(item, record=None) for item in other.pages])
    assert checks.run(stale, ("claims",)) == []
    assert checks.lower(stale) == {}


def test_outputs_of_a_page_that_ran_are_judged(tmp_path):
    pages = {"front/x": page(sample_book.cell("f()"))}
    other = book(tmp_path, pages, {"front/x": [[printed("True\nFalse\n")]]})
    sample_book.write(tmp_path / "book" / "debt.yml", "front/x: {claims: 1}\n")
    (finding,) = checks.run(other, ("claims",))
    assert "2 findings, more than the 1" in finding.what


@pytest.mark.parametrize("text", ["front/x: 3\n", "[", "front/x: {words: -1}\n", "x: {words: a}\n"])
def test_a_damaged_list_is_refused(tmp_path, text):
    with pytest.raises(UserError, match="book/debt.yml"):
        width_messages(tmp_path, 0, text)


def test_the_command_lowers_the_counts(tmp_path):
    root = sample_book.make(tmp_path, {"index": sample_book.chapter("Home")}, audits=["words"])
    sample_book.write(root / "book" / "debt.yml", "index: {words: 3}\n")
    done = sample_book.press(root, "audit", "--lower")
    assert "words lowered by 3" in done.stderr
    assert debt.load(config.load(root).book) == {}
