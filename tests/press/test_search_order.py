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


def build(folder: Path, pages: tuple[str, ...], documents: list[dict], **more: Any) -> Path:
    """The script that finds these documents."""
    asked = {"pages": [[page, page.title(), "A part", 5] for page in pages], "documents": documents}
    plain = {"synonyms": [], "symptoms": [], "announced": []}
    index = search.node("index", LIBRARY, {**asked, **plain, **more})
    file = folder / "search.js"
    file.write_text(
        search._script(LIBRARY, search.scripts(search.SOURCES), index), encoding="utf-8"
    )
    return file


@pytest.fixture(scope="module")
def script(tmp_path_factory) -> Path:
    more = {"synonyms": [["F1 score", "F1"]], "announced": [FOREST]}
    return build(tmp_path_factory.mktemp("search"), PAGES, DOCUMENTS, **more)


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


# Words that readers type otherwise than the book writes them
SUBJECTS = ("compression", "gates", "depth", "front", "glossary")
WRITTEN = [
    row(0, "", "Quantization and pruning", f"Fewer bits. {FILLER}"),
    row(0, "affine", "Affine quantization", f"A scale and a zero. {FILLER}"),
    row(0, "library", "In the library", "Quantize a model; quantize each model."),
    row(0, "share", "The largest model", "The model of a model."),
    row(1, "gumbel", "The Gumbel-max trick", "A soft max with a max, soft. Soft noise, a max."),
    row(1, "soft", "Softmax and sparsemax", f"A softmax of the scores of a model. {FILLER}"),
    row(1, "batch", "Batch norm", f"Batch norm, in code BatchNorm or batchnorm. {FILLER}"),
    row(1, "regression", "Regression", "The **softmax** of a model.", bold=["softmax"]),
    row(1, "tree", "A pruned tree of gates", f"Pruned once. {FILLER}"),
    row(2, "exploding", "Exploding gradients", f"A gradient explodes in a model. {FILLER}"),
    row(2, "clipping", "Gradient clipping", f"A norm is cut. {FILLER}"),
    row(2, "spike", "Loss spikes", f"A loss that rises. {FILLER}"),
    row(2, "nan", "NaN: what it is", f"Not a number: nan, and how it spreads. {FILLER}"),
    row(3, "table", "Softmax, aloud", "A softmax, softmax.", aside=3),
    *(row(3, f"use-{n}", "A use", f"Quantize a model, {n} times. {FILLER}") for n in range(3)),
    row(
        4,
        "term-softmax",
        "softmax",
        "Scores of a model to shares.",
        names=["softmax"],
        term=True,
        leads=7,
        defined=True,
    ),
]
NAMES = [["lottery ticket", "pruned tree"]]
HELP = {"typed": ["nan", "explode", "blow up"], "means": ["loss spike", "gradient clipping"]}


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    return build(
        tmp_path_factory.mktemp("written"), SUBJECTS, WRITTEN, symptoms=[HELP], synonyms=NAMES
    )


def test_two_words_that_the_book_writes_as_one_are_that_word(written):
    found = answer(written, "soft max")
    anchors = [hit["anchor"] for hit in found["hits"]]
    assert anchors.index("gumbel") > anchors.index("soft")
    assert found["own"] == ["softmax"]
    assert anchors[0] == answer(written, "softmax")["hits"][0]["anchor"]


def test_two_words_that_the_book_also_writes_as_two_stay_two(written):
    found = answer(written, "batch norm")
    assert found["hits"][0]["anchor"] == "batch"
    assert set(found["own"]) >= {"batch", "norm"}


@pytest.mark.parametrize("query", ["quantize model", "quantise a model", "model quantized"])
def test_a_word_on_nearly_every_page_does_not_decide(written, query):
    """The title has the rare word in another form; the model is on every page."""
    hits = answer(written, query)["hits"]
    assert (hits[0]["page"], hits[0]["anchor"]) == ("compression", "")
    assert "affine" in [hit["anchor"] for hit in hits[:4]]


def test_a_title_names_its_subject_in_any_inflection(written):
    """Only here does a subject in a title count more than a heading with the very word."""
    hits = answer(written, "pruned")["hits"]
    assert [hit["anchor"] for hit in hits[:2]] == ["", "tree"]


def test_inflections_are_marked(written):
    own = answer(written, "gradient explodes")["own"]
    assert set(own) == {"gradient", "explode", "exploding"}


def test_inflections_of_other_names_are_not_marked(written):
    terms = answer(written, "lottery ticket")["terms"]
    assert {"pruned", "tree"} <= set(terms)
    assert "pruning" not in terms


def test_what_helps_follows_what_has_the_symptom(written):
    assert anchors(written, "nan")[:3] == ["nan", "clipping", "spike"]
    found = anchors(written, "gradient explodes nan")
    assert found[0] == "exploding"
    assert {"clipping", "spike"} <= set(found[:4])
    assert {"clipping", "spike"} <= set(anchors(written, "blowing up"))


def test_a_query_without_a_symptom_has_no_help(written):
    assert "spike" not in anchors(written, "sparsemax")


def test_the_section_that_defines_a_term_is_first(written):
    """Before a section with the term in its title, and before a table of the front pages."""
    assert anchors(written, "softmax")[:2] == ["regression", "soft"]


def test_a_page_of_the_front_follows_the_chapters(written):
    found = anchors(written, "softmax")
    assert found.index("soft") < found.index("table")
