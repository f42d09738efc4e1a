"""The audits width, claims, words and abbreviations: what each rejects and accepts."""

from __future__ import annotations

import pytest
from press.checks import width

from tests.press import sample_book
from tests.press.pages import image, messages, printed

WIDE = "x = " + "1 + " * 18 + "1234"  # 80 columns
FITS = WIDE[:-1]
CELL = sample_book.cell("f()")


def value(text: str) -> dict:
    """An output that is the value of a cell."""
    return {"output_type": "execute_result", "metadata": {}, "data": {"text/plain": text}}


def test_the_samples_are_79_and_80_columns_wide():
    assert [len(FITS), len(WIDE)] == [79, 80]


def test_a_cell_of_79_columns_passes(tmp_path):
    assert messages(tmp_path, "width", sample_book.cell(f"{FITS}\n{FITS}")) == []


def test_each_wider_line_of_a_cell_is_reported(tmp_path):
    reported = messages(tmp_path, "width", sample_book.cell(f"{WIDE}\n{FITS}\n{WIDE}"))
    assert len(reported) == 2
    assert all("has 80 columns, more than 79" in what for what in reported)


@pytest.mark.parametrize(
    "output",
    [
        printed("a" * 79 + "\n"),
        printed("\x1b[31m" + "a" * 79 + "\x1b[0m\n"),
        value("b" * 79),
        image("<svg>" + "c" * 200 + "</svg>"),
    ],
    ids=["print", "colored", "value", "figure"],
)
def test_an_output_of_79_columns_passes(tmp_path, output):
    assert messages(tmp_path, "width", CELL, [[output]]) == []


@pytest.mark.parametrize(
    "output",
    [
        printed("short\n" + "a" * 80 + "\n"),
        printed("a" * 78 + "語"),
        printed("\t" * 9 + "eight col"),
        value("b" * 80),
        {"output_type": "error", "ename": "E", "evalue": "c" * 80, "traceback": []},
    ],
    ids=["print", "a wide character", "tabs", "value", "error"],
)
def test_a_wider_output_is_reported(tmp_path, output):
    (what,) = messages(tmp_path, "width", CELL, [[output]])
    assert "a printed line has 8" in what


@pytest.mark.parametrize(
    ("row", "count"), [("abc", 3), ("é", 1), ("e\u0301", 1), ("語", 2), ("\tx", 9), ("", 0)]
)
def test_columns_are_those_of_a_terminal(row, count):
    assert width.columns(row) == count


@pytest.mark.parametrize(
    "output",
    [
        printed("the loss fell from 2.1 to 0.3, below 0.5\n"),
        printed("Trueness is not a claim\n"),
        printed("param name='True'\n"),
        value("array([1., 0.])"),
    ],
)
def test_an_output_with_a_number_passes(tmp_path, output):
    assert messages(tmp_path, "claims", CELL, [[output]]) == []


@pytest.mark.parametrize(
    "output",
    [
        printed("loss fell: True\n"),
        value("True"),
        value("(False, 3)"),
        value("array([ True])"),
    ],
)
def test_a_bare_boolean_in_an_output_is_reported(tmp_path, output):
    (what,) = messages(tmp_path, "claims", CELL, [[output]])
    assert "a bare True or False is printed" in what


def test_a_boolean_in_a_cell_is_no_claim(tmp_path):
    assert messages(tmp_path, "claims", sample_book.cell("keepdims = True"), [[]]) == []


@pytest.mark.parametrize(
    "line",
    [
        "The backward pass needs the transposed matrices.",
        "Machine learning and support vector machines.",
        "The law of large numbers and the scaling laws.",
        "There is no bound on it.",
        "It is no longer true.",
        "Six operations per parameter.",
        "The variable `way_back` and `colour=3`.",
        "Optimism and specialists are realistic.",
        "A text classifier reads a picture-free page.",
    ],
)
def test_the_words_of_the_field_pass(tmp_path, line):
    assert messages(tmp_path, "words", line) == []


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("On the way back the signal shrinks.", "way back"),
        ("The gradient by the weights is zero.", "gradient by the weights"),
        ("The derivative by $x$ is zero.", "derivative by  maths"),
        ("A rectifier passes the rest.", "rectifier"),
        ("The law of the noise is normal.", "law"),
        ("It costs six operations a parameter.", "operations a parameter"),
        ("Other processors round differently.", "processors"),
        ("On another machine it moved.", "machine"),
        ("The two are neighbours.", "neighbours"),
        ("A loss is minimised.", "minimised"),
        ("Its colour is grey-blue or red.", "colour"),
        ("That is no proof.", "is no"),
        ("Read it as a text.", "a text"),
        ("### The way forward", "way forward"),
    ],
)
def test_a_wording_to_avoid_is_reported(tmp_path, line, word):
    reported = messages(tmp_path, "words", line)
    assert reported == [f"the book does not say {word!r}"]


@pytest.mark.parametrize(("kind", "count"), [("chapter", 0), ("front", 1)])
def test_only_a_section_that_the_kind_asks_for_may_have_any_title(tmp_path, kind, count):
    words = [{"pattern": "the picture", "say": "the figure"}]
    settings = dict(sample_book.SETTINGS, words=words)
    sample_book.write(tmp_path / "book" / "press.yml", sample_book.yaml.safe_dump(settings))
    assert len(messages(tmp_path, "words", "## The picture", kind=kind)) == count


@pytest.mark.parametrize(
    "line",
    [
        "Stochastic gradient descent (SGD) is simple, and SGD is cheap.",
        "SGD (stochastic gradient descent) is simple.",
        "A {term}`SGD` step.",
        "The {term}`SGDs <SGD>` differ.",
        "See {doc}`SGD </index>`.",
        "SGD, short for stochastic gradient descent, is simple.",
        "Run it on the CPU or on GPUs.",
        "The value `SGD` and the matrix $XW$.",
        "PyTorch is in the k-NN family.",
        "Multilayer perceptrons (MLPs) are simple.",
    ],
)
def test_an_abbreviation_that_is_explained_passes(tmp_path, line):
    assert messages(tmp_path, "abbreviations", line) == []


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("SGD is simple.", "SGD"),
        ("SGD is simple.\nStochastic gradient descent (SGD) comes too late.", "SGD"),
        ("Many LSTMs forget.", "LSTM"),
        ("A GPT-2 model.", "GPT"),
        ("The old method (SGD) is simple.", "SGD"),
        ("QLoRA is small.", "QLoRA"),
        ("BM25 ranks documents.", "BM25"),
    ],
)
def test_an_unexplained_abbreviation_is_reported_once(tmp_path, line, name):
    expected = f"the abbreviation {name!r} is neither expanded nor linked at its first use"
    assert messages(tmp_path, "abbreviations", f"{line}\n\nAgain {name}s.") == [expected]
