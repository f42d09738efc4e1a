"""Expectations have one minimal form, and whatever else lies in their place is named."""

import json

import pytest
from press import config as project
from press.execute import compare, expectations, records
from press.source import chapter as chapters

from tests.press import sample_book

STREAM = {"output_type": "stream", "name": "stdout", "text": "a\n"}
RESULT = {
    "output_type": "execute_result",
    "execution_count": 1,
    "metadata": {"x": 1},
    "data": {"text/plain": "1", "image/png": "AAAA"},
}


def test_streams_are_merged_and_images_left_out():
    found = expectations.minimal_outputs([STREAM, RESULT, {**STREAM, "text": "b\nc\n"}])
    assert found == [
        {**STREAM, "text": "a\nb\nc\n"},
        {
            "output_type": "execute_result",
            "execution_count": 1,
            "metadata": {},
            "data": {"text/plain": "1"},
        },
    ]


def test_the_minimal_form_is_its_own_minimal_form():
    once = expectations.build(
        ["1"],
        [["raises-exception", "other"]],
        [
            [
                STREAM,
                RESULT,
                {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["t"]},
            ]
        ],
        [1],
    )
    assert expectations.minimal(once) == once and once["cells"][0]["metadata"] == {
        "tags": ["raises-exception"]
    }


def test_an_expectation_is_a_valid_notebook(tmp_path):
    import nbformat

    notebook = expectations.build(["1\n2"], [[]], [[STREAM, RESULT]], [1])
    sample_book.write(tmp_path / "e.ipynb", expectations.dumps(notebook))
    nbformat.validate(nbformat.read(tmp_path / "e.ipynb", as_version=4))
    assert (
        expectations.dumps(expectations.load(tmp_path / "e.ipynb"))
        == (tmp_path / "e.ipynb").read_text()
    )


def test_an_unknown_kind_of_output_is_refused():
    with pytest.raises(ValueError, match="'comm'"):
        expectations.minimal_outputs([{"output_type": "comm"}])


@pytest.fixture
def small(tmp_path):
    """A page with two cells, its expectation and its record, no kernel involved."""
    root = sample_book.make(
        tmp_path, {"index": sample_book.chapter("Home", "print('a')", "print('b')")}
    )
    book = project.load(root)
    page = chapters.read("index", book.page("index"))
    outputs = [[{**STREAM, "text": "a\n"}], [{**STREAM, "text": "b\n"}]]
    record = records.Record("index", "", [c.source for c in page.cells], outputs, [1, 2], 0.1, None)
    text = expectations.dumps(expectations.from_record(page, record))
    sample_book.write(book.expectation("index"), text)
    return book, page, record


def findings(small):
    return compare.chapter_findings(*small)


def test_what_agrees_has_no_findings(small):
    assert findings(small) == []


def change(small, edit):
    path = small[0].expectation("index")
    path.write_text(edit(path.read_text()))
    return findings(small)


BROKEN = {
    "missing": (None, "missing"),
    "not JSON": (lambda t: t[:-20], "not valid JSON"),
    "binary": (lambda t: "\x00\x01", "not valid JSON"),
    "another format": (lambda t: t.replace('"nbformat": 4', '"nbformat": 7'), "nbformat 7, not 4"),
    "empty object": (lambda t: "{}", "not a notebook"),
    "a list": (lambda t: "[]", "not a notebook"),
    "hand-edited metadata": (
        lambda t: t.replace('"metadata": {},', '"metadata": {"edited": true},', 1),
        "edited by hand",
    ),
    "hand-edited spaces": (lambda t: t + "\n", "edited by hand"),
    "another chapter": (lambda t: t.replace("print('a')", "print('z')"), "another cell"),
    "a cell too few": (
        lambda t: json.dumps({**json.loads(t), "cells": json.loads(t)["cells"][:1]}),
        "has 1 cells, the page has 2",
    ),
    "an output of unknown type": (lambda t: t.replace('"stream"', '"strema"', 1), "damaged"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_bad_expectation_is_named_with_a_remedy(small, name):
    edit, message = BROKEN[name]
    path = small[0].expectation("index")
    if edit is None:
        path.unlink()
        found = findings(small)
    else:
        found = change(small, edit)
    assert len(found) == 1 and message in found[0].what and found[0].rule == "pairing"
    assert (
        "make accept CHAPTER=index" in found[0].fix
        and found[0].path == "tests/expected/index.ipynb"
    )


def test_a_hand_edited_output_is_an_output_finding(small):
    found = change(small, lambda t: t.replace('"a\\n"', '"A\\n"'))
    assert (
        [(f.rule, f.cell) for f in found] == [("output", 1)]
        and "-A" in found[0].detail
        and "+a" in found[0].detail
    )


def test_nbval_alone_would_not_see_the_order_of_different_kinds():
    """Why the minimal forms are compared as well."""
    display = {"output_type": "display_data", "metadata": {}, "data": {"text/plain": "x"}}
    assert compare.nbval_agrees([STREAM, display], [display, STREAM])
    assert not compare.same([STREAM, display], [display, STREAM])
