"""The documents of the search and the words in them; how the site answers is in tests/site."""

from __future__ import annotations

import json

import pytest
from clikit.errors import UserError
from press.site import boxes, relations, search
from press.source import settings

from tests.conftest import ROOT

LIBRARY = ROOT / "node_modules" / "minisearch" / "dist" / "cjs" / "index.cjs"
PAGE = """<html><nav>Contents</nav><article>
<section id="metrics"><span id="old"></span>
<h1><span class="section-number">3.9. </span>Metrics<a class="headerlink" href="#metrics">#</a></h1>
<p class="page-facts">28 min to read</p>
<p>The <strong>recall</strong> of a rule, its mean squared error (MSE), and a formula
<span class="katex"><span class="katex-mathml"><math><mi>x</mi>
<annotation>x_drawn</annotation></math></span>
<span class="katex-html">drawn</span></span>.</p>
<section id="curves"><h2>Curves</h2>
<div class="cell">
<div class="cell_input"><div class="highlight"><pre>nn.LayerNorm(4)</pre></div></div>
<div class="cell_output"><pre>0.25 printed</pre></div></div>
<div class="trap admonition" id="box-tie"><p class="admonition-title">Trap: a tie<a
class="headerlink" href="#box-tie">#</a></p><p>Ties count half.</p></div>
<div class="exercise admonition" id="ex-ties"><p class="admonition-title"><span
class="caption-number">Exercise 3.9.1 </span>(Core: ties)</p><p>Count them.</p></div>
<details class="folded admonition solution" id="ex-ties-solution"><summary
class="admonition-title">Solution to a task</summary></details>
<section id="deeper"><h3>Deeper</h3><p>Below.</p></section>
</section>
<section id="words"><h2>Words</h2><dl class="glossary">
<dt id="term-roc">ROC</dt><dt>operating curve</dt><dd><p>A curve.</p></dd></dl></section>
</section></article></html>"""


@pytest.fixture(scope="module")
def documents() -> dict[str, dict]:
    _, entries, _ = search.sections(PAGE)
    return {entry["heading"]: entry for entry in entries}


def test_each_section_and_each_term_is_a_document_in_the_order_of_the_page(documents):
    assert list(documents) == ["Metrics", "Curves", "Deeper", "Words", "ROC"]


def test_the_top_of_a_page_has_no_anchor(documents):
    assert documents["Metrics"]["anchor"] == ""


def test_a_section_has_its_own_anchor(documents):
    assert documents["Deeper"]["anchor"] == "deeper"


def test_the_text_of_a_section_is_its_own(documents):
    assert "Below" not in documents["Curves"]["text"]


def test_outputs_and_drawn_formulas_are_no_text(documents):
    assert "printed" not in documents["Curves"]["text"]
    assert "drawn" not in documents["Metrics"]["text"]


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        ("<msub><mi>F</mi><mn>1</mn></msub><mo>(</mo><mi>t</mi><mo>)</mo>", "F₁(t)"),
        ("<msub><mi>x</mi><mrow><mn>12</mn></mrow></msub>", "x₁₂"),
        ("<msubsup><mi>w</mi><mn>0</mn><mn>2</mn></msubsup>", "w₀2"),
        ("<msup><mi>R</mi><mn>2</mn></msup>", "R2"),
    ],
)
def test_the_number_of_a_symbol_stays_below_it(formula, shown):
    """It would be found as a word else: the distribution function F₁ for the score F1."""
    text = (
        f"<article><section id='a'><h1>A</h1><p>Let <math>{formula}</math>.</p></section></article>"
    )
    assert search.sections(text)[1][0]["text"] == f"Let {shown}."


def test_what_the_press_adds_to_a_page_is_no_text(documents):
    assert "28 min" not in documents["Metrics"]["text"]


def test_bold_terms_are_kept_apart(documents):
    assert documents["Metrics"]["bold"] == ["recall"]


def test_titles_of_boxes_are_kept_apart_and_solutions_have_none(documents):
    assert documents["Curves"]["names"] == ["Trap: a tie", "(Core: ties)"]
    assert "Trap" not in documents["Curves"]["text"]


def test_boxes_have_their_titles_with_numbers_and_their_places_in_the_text(documents):
    section = documents["Curves"]
    assert [box[:2] for box in section["boxes"]] == [
        ("box-tie", "Trap: a tie"),
        ("ex-ties", "Exercise 3.9.1 (Core: ties)"),
    ]
    texts = [section["text"][start : start + length] for *_, start, length in section["boxes"]]
    assert texts == ["Ties count half.", "Count them."]


def test_a_box_that_stands_on_several_pages_tells_nothing():
    box = ("box-promise", "What you will be able to do", 0, 4)
    own = ("box-own", "Its own title", 5, 4)
    rows = [{"page": page, "boxes": [box, *([own] if page == 1 else [])]} for page in range(3)]
    boxes.keep_distinct(rows)
    assert [row["boxes"] for row in rows] == [[], [own], []]


def test_identifiers_of_cells_are_kept_apart(documents):
    assert documents["Curves"]["code"] == ["nn.LayerNorm"]


def test_an_entry_of_a_glossary_has_all_its_names(documents):
    assert documents["ROC"]["names"] == ["ROC", "operating curve"]
    assert documents["ROC"]["anchor"] == "term-roc"


def test_a_page_without_an_article_has_no_documents():
    assert search.sections("<html><body></body></html>") == ("", [], [])


def test_a_page_names_the_abbreviations_that_it_expands():
    assert search.sections(PAGE)[2] == [("MSE", "mean squared error")]


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        (
            "the receiver operating characteristic (ROC) is",
            ("ROC", "receiver operating characteristic"),
        ),
        ("a root-mean-square error (RMSE)", ("RMSE", "root-mean-square error")),
        ("many false positives (FPs) and", ("FP", "false positives")),
    ],
)
def test_an_abbreviation_is_its_initials(text, pair):
    assert search.expansions(text) == [pair]


def test_brackets_that_spell_nothing_are_no_abbreviation():
    assert search.expansions("as a table (Table) shows, and (CUDA) too") == []


SAME = [
    ("normalization", "normalisation"),
    ("optimizers", "optimiser"),
    ("color", "colours"),
    ("neighbor", "neighbours"),
    ("labeled", "labelled"),
    ("analyze", "analyse"),
    ("center", "centre"),
    ("matrix", "matrices"),
    ("loss", "losses"),
    ("frequency", "frequencies"),
    ("cache", "caches"),
    ("bias", "biases"),
    ("ReLU", "ReLUs"),
    ("kmeans", "k-means"),
    ("KV-cache", "kvcache"),
    ("Lloyd", "Lloyd's"),
    ("naïve", "naive"),
]
APART = [("noise", "noize"), ("basis", "basi"), ("loss", "los"), ("four", "for"), ("F₁", "F1")]


@pytest.fixture(scope="module")
def folded() -> dict[str, list[str]]:
    """The words of each text of the tables here, by node, once."""
    texts = sorted({text for pair in [*SAME, *APART] for text in pair} | set(SPLIT))
    return dict(zip(texts, json.loads(search.node("tokens", LIBRARY, texts)), strict=True))


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_a_word_are_one(folded, one, other):
    assert folded[one][0] == folded[other][0]


@pytest.mark.parametrize(("one", "other"), APART)
def test_other_words_stay_apart(folded, one, other):
    assert folded[one] != folded[other]


STEMS = [
    ("explode", ["explodes", "exploded", "exploding"]),
    ("quantize", ["quantizes", "quantised", "quantizing", "quantization"]),
    ("clip", ["clips", "clipped", "clipping"]),
    ("diverge", ["diverged", "diverging"]),
]
STEMS_APART = [("transformer", "transform"), ("rate", "ratio"), ("function", "functional")]


@pytest.fixture(scope="module")
def stems() -> dict[str, str]:
    """The stem of each folded word of the tables here."""
    forms = {word for one, forms in STEMS for word in (one, *forms)}
    words = sorted(forms | {word for pair in STEMS_APART for word in pair})
    return dict(zip(words, json.loads(search.node("stems", LIBRARY, words)), strict=True))


@pytest.mark.parametrize(("one", "forms"), STEMS)
def test_inflections_have_one_stem(stems, one, forms):
    assert {form: stems[form] for form in forms} == dict.fromkeys(forms, stems[one])


@pytest.mark.parametrize(("one", "other"), STEMS_APART)
def test_other_words_have_other_stems(stems, one, other):
    assert stems[one] != stems[other]


SPLIT = {
    "nn.LayerNorm": ["nn", "layernorm", "layer", "norm"],
    "train_test_split": ["traintestsplit", "train", "test", "split"],
    "cross-entropy": ["crossentropy", "cross", "entropy"],
    "RoPE and LoRA": ["rope", "lora"],
    "F₁(t) or F1": ["f1"],
    "Let R² be": ["let", "r2"],
    "PyTorch": ["pytorch"],
}


@pytest.mark.parametrize("text", SPLIT)
def test_names_of_code_are_found_whole_and_by_their_parts(folded, text):
    assert folded[text] == SPLIT[text]


BOOK = settings.Settings(
    sections=settings.Sections(aside=("Exercises",)),
    parts=(settings.Part("Front", "", numbered=False), settings.Part("Networks", "")),
)


@pytest.mark.parametrize(
    ("heading", "part", "more", "rank"),
    [
        ("Gates", "Networks", {}, 0),
        ("Gates", "Front", {}, 3),
        ("gate", "Front", {"term": True}, 0),
        ("Exercises", "Networks", {}, 1),
        ("Bibliography", "Front", {"references": True}, 2),
    ],
)
def test_sections_of_the_front_do_not_answer_like_chapters(heading, part, more, rank):
    entry = {"heading": heading, "references": False, "term": False, **more}
    assert relations.rank(entry, BOOK, part) == rank


def lead(bold: list[str]) -> list[tuple[int, bool]]:
    """Where two definitions lead, to a section with these words in bold and to nothing."""
    plain = {"page": 0, "anchor": "", "heading": "", "names": [], "bold": [], "leads": ""}
    rows = [
        {**plain, "anchor": "counts", "heading": "Confusion matrix", "bold": bold},
        {
            **plain,
            "page": 1,
            "names": ["F1 score", "F1"],
            "leads": "../learning/metrics.html#counts",
        },
        {**plain, "page": 1, "names": ["bias"], "leads": "../learning/metrics.html#none"},
    ]
    relations.lead(rows, ["learning/metrics", "reference/glossary"])
    return [(row["leads"], row["defined"]) for row in rows]


def test_a_definition_leads_to_a_section_that_may_define_its_term():
    assert lead(["F1"]) == [(-1, False), (0, True), (-1, False)]
    assert lead(["recall"]) == [(-1, False), (0, False), (-1, False)]


def test_what_helps_against_a_symptom_is_not_a_name_of_it():
    names = (("AUC", "ROC AUC"), ("nan", "blow up", "→", "loss spike"))
    given = relations.given(settings.Settings(synonyms=names), [], [])
    assert given["synonyms"] == [["AUC", "ROC AUC"]]
    assert given["symptoms"] == [{"typed": ("nan", "blow up"), "means": ("loss spike",)}]


def test_a_missing_engine_is_named_with_the_fix(tmp_path):
    with pytest.raises(UserError, match="node does not build the index") as caught:
        search.node("index", tmp_path / "index.cjs", {})
    assert "make setup" in caught.value.fix
