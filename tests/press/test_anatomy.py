"""The audit of how pages are built: kinds, sections, lengths, sentences, exercises, entries."""

from __future__ import annotations

import pytest
from press import checks
from press.source import settings

from tests.conftest import ROOT
from tests.press import sample_book
from tests.press.pages import book, messages, page, printed


@pytest.mark.parametrize(
    "line",
    [
        "One sentence, e.g. this one.",
        "It is by Dr. Smith.",
        "Why? because.",
        "1. A list item.",
        "See Fig. 3 for it.",
        "x != y holds.",
        "A sentence.\n<!-- given: 2 -->\nAnother one.",
        "A row with a leverage of 0.98.",
    ],
)
def test_good_sentences_pass(tmp_path, line):
    assert messages(tmp_path, "anatomy", line) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Two. Sentences.", "two sentences"),
        ("<!-- given: 2 --> A sentence.", "as it is typed"),
        ("Is it? Yes.", "two sentences"),
        ("Great!", "exclamation"),
        ("Let's dive in.", "filler"),
        ("This is crucial.", "filler"),
        ("We can leverage this.", "filler"),
        ("Networks leverage depth.", "filler"),
        ("A trick worth leveraging.", "filler"),
        ("Obviously so.", "filler"),
    ],
)
def test_a_bad_sentence_is_reported(tmp_path, line, message):
    (what,) = messages(tmp_path, "anatomy", line)
    assert message in what


EXERCISE = "```{exercise-start} Core: do it\n:label: ex-a\n```\n\nDo.\n\n```{exercise-end}\n```\n"
RUNS = sample_book.cell("print(1)")
SOLUTION = (
    f"```{{solution-start}} ex-a\n:class: dropdown\n```\n\n{RUNS}\n```{{solution-end}}\n```\n"
)


def test_an_exercise_with_an_executed_solution_passes(tmp_path):
    assert messages(tmp_path, "anatomy", f"{EXERCISE}\n{SOLUTION}") == []


HINT = "```{admonition} Hint\n:class: hint dropdown\nTry.\n```\n"


def test_a_hint_between_an_exercise_and_its_solution_passes(tmp_path):
    assert messages(tmp_path, "anatomy", f"{EXERCISE}\n{HINT}\n{SOLUTION}") == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (f"{EXERCISE}\n{SOLUTION}\n{HINT}", "the hint does not follow an exercise directly"),
        (f"{HINT}\n{EXERCISE}\n{SOLUTION}", "the hint does not follow an exercise directly"),
        (EXERCISE, "has no solution"),
        (f"{EXERCISE}\n{SOLUTION.replace(RUNS, 'Words.')}", "no cell that runs"),
        (f"{EXERCISE.replace('Core: ', '')}\n{SOLUTION}", "no grade"),
        (f"{EXERCISE.replace(':label: ex-a', '')}\n{SOLUTION}", "no label"),
        ("## A\n\n# Second title", "exactly one first-level heading"),
        (sample_book.cell("\n".join(f"x = {i}" for i in range(26))), "26 lines"),
        (sample_book.cell("x = 1\nx;"), "semicolon"),
        ("## What to keep\n\n" + "\n".join(f"- Line {i}." for i in "abcdef"), "more than 5 lines"),
    ],
)
def test_a_departure_from_the_anatomy_is_reported(tmp_path, body, message):
    reported = messages(tmp_path, "anatomy", body)
    assert any(message in what for what in reported)


TWO_CELLS = f"{sample_book.cell('print(1)')}\n{sample_book.cell('print(2)')}"
TWO_OUTPUTS = [[printed("1\n")], [printed("2\n")]]


def test_an_output_that_no_sentence_explains_is_reported(tmp_path):
    (what,) = messages(tmp_path, "anatomy", TWO_CELLS, TWO_OUTPUTS)
    assert what == "no sentence after cell 1 explains its output"


def test_an_output_that_a_sentence_explains_passes(tmp_path):
    body = TWO_CELLS.replace("\n\n", "\n\nIt says one.\n\n", 1)
    assert messages(tmp_path, "anatomy", body, TWO_OUTPUTS) == []


def test_a_warning_on_a_page_is_reported(tmp_path):
    text = "/tmp/x.py:1: UserWarning: beware\n"
    warning = {"output_type": "stream", "name": "stderr", "text": text}
    (what,) = messages(tmp_path, "anatomy", sample_book.cell("warn()"), [[warning]])
    assert what == "the cell writes to stderr: /tmp/x.py:1: UserWarning: beware"


def test_a_printed_line_is_no_warning(tmp_path):
    assert messages(tmp_path, "anatomy", sample_book.cell("warn()"), [[printed("fine\n")]]) == []


@pytest.mark.parametrize(
    "message",
    [
        "'The picture' comes before 'Traps'",
        "'Exercises' is missing",
        "the promise is missing",
        "words, outside 1,500 to 3,500",
        "cells, outside 12 to 30",
        "exercises, not 4 to 6",
    ],
)
def test_a_chapter_is_held_to_the_rules_of_its_kind(tmp_path, message):
    body = "## Traps\n\nA.\n\n## The picture\n\nB."
    reported = messages(tmp_path, "anatomy", body, slug="data/x", kind="chapter")
    assert any(message in what for what in reported)


def test_the_limits_of_a_chapter_are_those_of_the_house_style():
    chapter = settings.load(ROOT / "book").kinds["chapter"]
    assert chapter.words == (1500, 3500)
    assert chapter.cells == (12, 30)
    assert chapter.exercises == (4, 6)
    assert settings.load(ROOT / "book").limits == settings.Limits(79, 25, 5)


def test_the_kind_comes_from_the_front_matter_and_not_from_the_folder(tmp_path):
    assert messages(tmp_path, "anatomy", "Text.", slug="data/x", kind="reference") == []


@pytest.mark.parametrize(
    ("front", "message"),
    [
        ("kind: chaptre", "there is no kind of page 'chaptre'; did you mean 'chapter'?"),
        ("kind: [front]", "there is no kind of page ['front']; did you mean 'front'?"),
        ("description: x", "the page has no kind"),
        ("kind: front\npaths: [depe-learning]", "did you mean 'deep-learning'?"),
    ],
)
def test_wrong_front_matter_is_reported(tmp_path, front, message):
    sample = book(tmp_path, {"front/x": page("Text.").replace("kind: front", front)})
    (finding,) = checks.run(sample, ("anatomy",))
    assert message in finding.what


ANSWER = (
    "```{admonition} Answer\n:class: answer dropdown\nBecause a sum of many small terms is "
    "exactly what the rule measures, and nothing else in the model can measure it as well.\n```\n"
)
QUESTIONS = ("Why does a sum grow?", "What is measured?", "When does it fail?")
BANK = (
    "\n".join(f"## {question}\n\n{ANSWER}" for question in QUESTIONS)
    + "\n## Check yourself\n\n```{cards}\n```\n"
)
CARDS = "".join(
    f"- id: card-{i}\n  level: foundational\n  type: concept\n  tags: [x]\n"
    f"  question: {question}\n  answer: An answer of some forty characters at the least.\n"
    for i, question in enumerate(QUESTIONS)
)


def bank_messages(folder, body: str = BANK, bank: str = CARDS) -> list[str]:
    sample_book.write(folder / "book" / "_assets" / "cards" / "interview" / "x.yml", bank)
    return messages(folder, "anatomy", body, slug="interview/x", kind="bank")


def test_a_bank_of_three_questions_with_cards_and_answers_passes(tmp_path):
    assert bank_messages(tmp_path) == []


@pytest.mark.parametrize(
    ("body", "bank", "message"),
    [
        (BANK.replace("## What is measured?", "## Measured"), CARDS, "form of an entry"),
        (BANK.replace(ANSWER, "Words.\n", 1), CARDS, "has no box of class answer"),
        (BANK.replace(ANSWER, "", 1), CARDS, "has 0 words, outside 20 to 600"),
        (BANK.replace("## Check yourself", "## Why not?"), CARDS, "'Check yourself' is missing"),
        (BANK.replace(f"## {QUESTIONS[0]}\n\n{ANSWER}", ""), CARDS, "2 entries, fewer than 3"),
        (BANK, CARDS.replace("What is measured?", "What else is it?"), "has no card"),
        (BANK, "{", "has no card"),
    ],
)
def test_a_planted_fault_in_a_bank_is_reported(tmp_path, body, bank, message):
    reported = bank_messages(tmp_path, body, bank)
    assert any(message in what for what in reported)


USE = (
    "Use this when the table has more rows than fit, and read the first column before "
    "you trust the second one."
)


def recipe(title: str, source: str) -> str:
    return f"## {title}\n\n{USE}\n\n{sample_book.cell(source)}\n"


ENTRIES = ("Read a table", "Split a table", "Save a table")
RECIPES = "\n".join(recipe(title, f"print({i})") for i, title in enumerate(ENTRIES))


def test_a_recipe_page_of_three_entries_passes(tmp_path):
    reported = messages(tmp_path, "anatomy", RECIPES, slug="reference/recipes", kind="recipe")
    assert reported == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (RECIPES.replace(sample_book.cell("print(1)"), ""), "has 0 cells, outside 1 to 4"),
        (RECIPES.replace(USE, "Use this.", 1), "has 2 words, outside 20 to 400"),
        (RECIPES.replace(recipe(ENTRIES[2], "print(2)"), ""), "2 entries, fewer than 3"),
        (RECIPES + recipe("Long one", "1") + "word " * 400, "words, outside 20 to 400"),
        (RECIPES.replace("## Split a table", "### Split a table"), "2 entries, fewer than 3"),
    ],
)
def test_a_planted_fault_in_a_recipe_page_is_reported(tmp_path, body, message):
    reported = messages(tmp_path, "anatomy", body, slug="reference/recipes", kind="recipe")
    assert any(message in what for what in reported)


@pytest.mark.parametrize("count", ["has 3 words", "has 1 cells"])
def test_words_and_cells_of_exercises_do_not_count(tmp_path, count):
    body = f"One two.\n\n{RUNS}\n## Exercises\n\n{'word ' * 2000}\n\n{sample_book.cell('print(2)')}"
    reported = messages(tmp_path, "anatomy", body, slug="data/x", kind="chapter")
    assert any(f"the page {count}, outside" in what for what in reported)
