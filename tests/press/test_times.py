"""The running time of a page is accepted with its outputs, and the same in every build."""

from __future__ import annotations

import json

import pytest
from press import config as project
from press.execute import times

from tests.press import sample_book


@pytest.fixture
def book(tmp_path):
    return project.load(sample_book.make(tmp_path / "b"))


@pytest.mark.parametrize(
    ("seconds", "step"),
    [(0.0, 10), (6.6, 10), (6.7, 20), (19.9, 30), (41, 120), (150, 300), (10_000, 300)],
)
def test_a_limit_leaves_room(seconds, step):
    assert times.limit(seconds) == step


def test_a_limit_moves_when_it_is_wrong_and_not_with_the_weather(book):
    times.accept(book, {"a/one": 8.0})
    for seconds in (8.0, 5.0, 15.0, 19.9):
        times.accept(book, {"a/one": seconds})
        assert times.load(book) == {"a/one": 20}
    times.accept(book, {"a/one": 20.0})
    assert times.load(book) == {"a/one": 60}
    times.accept(book, {"a/one": 1.0})
    assert times.load(book) == {"a/one": 10}


def test_a_page_that_is_gone_loses_its_limit(book):
    times.accept(book, {"a/one": 1.0, "a/two": 1.0})
    book.page("a/two").unlink()
    times.accept(book, {})
    assert times.load(book) == {"a/one": 10}


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '{"a/one": "fast"}', '{"a/one": 7}'])
def test_a_damaged_file_says_nothing_and_is_mended_by_the_next_acceptance(book, text):
    path = book.expected / "seconds.json"
    sample_book.write(path, text)
    assert times.load(book) == {}
    times.accept(book, {"a/one": 3.0})
    assert json.loads(path.read_text()) == {"a/one": 10}
