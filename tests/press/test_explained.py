"""A definition of the glossary leads to the section that explains its term."""

from __future__ import annotations

import pytest
from press.site import explained


def section(anchor: str, heading: str, text: str = "", bold: tuple[str, ...] = ()) -> dict:
    return {"anchor": anchor, "heading": heading, "bold": list(bold), "text": text}


METRICS = [
    section("", "Evaluation metrics", "Recall, recall and recall."),
    section("matrix", "Confusion matrix, precision and recall", "Specificity.", ("specificity",)),
    section("nested", "Nested cross-validation: the best of many", "F1 score."),
    section("folds", "Cross-validation, and what its error bar says", "An F1 score, F1 scores."),
    section("variance", "Bias and variance: where error comes from"),
    section("exercises", "Exercises", "Brier scores, Brier scores"),
]


@pytest.mark.parametrize(
    ("names", "anchor"),
    [
        (["recall (metric)", "sensitivity"], "matrix"),  # in a heading, without its bracket
        (["specificity"], "matrix"),  # in bold
        (["cross-validation"], "folds"),  # a heading begins with it
        (["F1 score", "F1"], "folds"),  # where it is used most
        (["bias-variance decomposition"], "variance"),  # most of its words
        (["evaluation metric"], None),  # the page as a whole
        (["Brier score"], None),  # an exercise explains nothing
        (["perplexity"], None),
    ],
)
def test_the_section_of_a_term(names, anchor):
    document = explained.section(names, METRICS, ["Exercises"])
    assert (document and document["anchor"]) == anchor


ENTRY = (
    '<dt id="term-recall">recall (metric)<a class="headerlink" href="#term-recall">#</a></dt>'
    '<dd><p>Of the positives. <a class="reference internal" href="#term-x">x</a></p>'
    '<p>Explained in <a class="reference internal" href="../learning/metrics.html{}">'
    '<span class="doc">Evaluation metrics</span></a>.</p></dd>'
)


def test_a_link_to_a_page_leads_to_the_section():
    text = explained.complete("reference/glossary", ENTRY.format(""), {"learning/metrics": METRICS})
    assert 'href="../learning/metrics.html#matrix"' in text
    assert "Evaluation metrics › Confusion matrix, precision and recall</span>" in text
    assert 'href="#term-x"' in text


@pytest.mark.parametrize("pages", [{}, {"learning/metrics": []}])
def test_a_link_stays_where_nothing_is_known_of_its_page(pages):
    assert explained.complete("reference/glossary", ENTRY.format(""), pages) == ENTRY.format("")


def test_a_link_to_a_section_stays():
    entry = ENTRY.format("#folds")
    assert explained.complete("g", entry, {"learning/metrics": METRICS}) == entry
