"""The order of the answers of the search, on a book of a few sections; no site is built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from press.site import search

from tests.conftest import ROOT

LIBRARY = ROOT / "node_modules" / "minisearch" / "dist" / "cjs" / "index.cjs"
PAGES = ("metrics", "gates", "glossary")
FILLER = "Many other words stand in this section and say nothing of it. " * 4
FOREST = {"part": "Classical methods", "names": ["random forest", "random forests"]}


def row(page: int, anchor: str, heading: str, text: str, **more: Any) -> dict[str, Any]:
    """A document as the press gives it to the engine."""
    plain = {"names": [], "bold": [], "code": [], "aside": 0, "term": False, "leads": -1}
    return {**plain, "page": page, "anchor": anchor, "heading": heading, "text": text, **more}


DOCUMENTS = [
    row(0, "", "Metrics", "How good a rule is."),
    row(0, "matrix", "The mathematics", f"The F1 score of a rule. {FILLER}"),
    row(0, "tuning", "Tuning", f"A grid in a search. {FILLER * 4}"),
    row(1, "search", "Search spaces and search budgets", "The search, a search."),
    row(0, "brier", "Calibration", f"A score by Brier. {FILLER}"),
    row(1, "score", "Score function and score matching", "The score, a score."),
    row(1, "random", "Random features", f"Features are random. {FILLER}"),
    row(1, "trees", "Baselines", f"A random forest does as well. {FILLER}"),
    row(
        1,
        "ridges",
        "Ridge traps",
        "A ridge in a text. A scale left out. Scale first, then a ridge.",
        boxes=[
            ["box-trap-scale", "Trap: ridge and scale", 19, 17],
            ["ex-ridge", "Exercise 2.3.1 (Core: scale, then a ridge)", 37, 26],
        ],
    ),
    row(0, "ridge-a", "Ridge regression", "A ridge."),
    row(0, "ridge-b", "Ridge and lasso", "A ridge, a lasso."),
    row(0, "ridge-c", "The ridge path", "Along a ridge."),
    row(2, "term-F1", "F1 score", "A mean.", names=["F1 score", "F1"], term=True, leads=1),
]


@pytest.fixture(scope="module")
def script(tmp_path_factory) -> Path:
    table = [[page, page.title(), "A part", 5] for page in PAGES]
    asked = {"pages": table, "documents": DOCUMENTS, "synonyms": [["F1 score", "F1"]]}
    index = search.node("index", LIBRARY, {**asked, "announced": [FOREST]})
    sources = search.scripts(search.SOURCES)
    file = tmp_path_factory.mktemp("search") / "search.js"
    file.write_text(search._script(LIBRARY, sources, index), encoding="utf-8")
    return file


def answer(script: Path, query: str) -> dict[str, Any]:
    (found,) = json.loads(search.node("rank", script, [query]))
    return found


def anchors(script: Path, query: str) -> list[str]:
    return [hit["anchor"] for hit in answer(script, query)["hits"]]


def test_the_section_that_explains_a_term_comes_before_its_definition(script):
    assert anchors(script, "f1 score")[:2] == ["matrix", "term-F1"]
    assert anchors(script, "f1")[:2] == ["matrix", "term-F1"]


def test_a_hit_with_one_of_two_words_comes_after_all_with_both(script):
    assert anchors(script, "grid search") == ["tuning", "search"]


def test_under_a_notice_only_hits_with_the_whole_words_remain(script):
    found = answer(script, "random forest")
    assert found["announced"] == [{"part": "Classical methods", "name": "random forest"}]
    assert [hit["anchor"] for hit in found["hits"]] == ["trees"]


def test_a_notice_for_a_part_of_a_query_drops_nothing(script):
    found = answer(script, "random forest features")
    assert found["announced"]
    assert "random" in [hit["anchor"] for hit in found["hits"]]


def test_a_box_follows_the_first_three_sections_if_the_query_is_much_of_its_title(script):
    assert anchors(script, "ridge").index("box-trap-scale") == 3
    assert "ex-ridge" not in anchors(script, "ridge")


def test_a_query_with_the_kind_or_the_number_of_a_box_asks_for_it(script):
    assert anchors(script, "ridge trap")[0] == "box-trap-scale"
    assert anchors(script, "exercise ridge")[0] == "ex-ridge"
    for query in ("2.3.1", "exercise 2.3.1", "solution of exercise 2.3.1"):
        assert anchors(script, query)[0] == "ex-ridge"
    assert "ex-ridge" not in anchors(script, "exercise 3.2.1")


def test_a_box_is_listed_only_for_words_of_its_title(script):
    assert "ex-ridge" not in anchors(script, "ridge lasso")


def test_a_box_says_which_part_of_its_section_it_is(script):
    (hit,) = [
        hit for hit in answer(script, "ridge trap")["hits"] if hit["anchor"] == "box-trap-scale"
    ]
    start, end = hit["span"]
    assert DOCUMENTS[hit["id"]]["text"][start:end] == "A scale left out."
    assert (hit["page"], hit["heading"]) == ("gates", "Trap: ridge and scale")
