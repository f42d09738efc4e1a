"""Cards follow one schema, ids are unique in the book, and their verifying code holds."""

from __future__ import annotations

from dataclasses import fields

import pytest
from press.source import cards

from tests.conftest import ROOT

DEPENDS = ("book/**", "code/**")

BANK = cards.bank(ROOT / "book")
ALL = [(page, card) for page, group in BANK.items() for card in group]


def test_every_card_file_belongs_to_a_page():
    assert len(BANK) > 30
    assert [page for page in BANK if not (ROOT / "book" / f"{page}.md").is_file()] == []


def test_ids_are_unique_in_the_book():
    ids = [card.id for _, card in ALL]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("page", "card"), ALL, ids=[card.id for _, card in ALL])
def test_an_answer_is_complete_and_its_code_holds(page, card):
    assert (
        2
        <= sum(card.answer.count(mark) for mark in (". ", ".\n", "?")) + card.answer.endswith(".")
        <= 9
    ), "two to six sentences"
    if card.verify:
        exec(compile(card.verify, f"{page}:{card.id}", "exec"), {})  # noqa: S102 (our own cards)


def test_the_schema_and_the_class_have_the_same_fields():
    names = [field.name for field in fields(cards.Card)]
    assert list(cards.SCHEMA["items"]["properties"]) == names


GOOD = """\
- id: a-b
  level: foundational
  type: concept
  tags: [x]
  question: What is the question here?
  answer: An answer of some forty characters at the least.
"""


def test_a_good_card_passes(tmp_path):
    (tmp_path / "c.yml").write_text(GOOD)
    assert cards.load(tmp_path / "c.yml")[0].id == "a-b"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("foundational", "easy", "'easy' is not one of"),
        ("concept", "trivia", "'trivia' is not one of"),
        ("a-b", "A B", "does not match"),
        ("[x]", "[]", "non-empty"),
        ("  tags: [x]\n", "", "'tags' is a required property"),
        ("  tags: [x]\n", "  tags: [x]\n  hint: y\n", "Additional properties"),
        ("An answer of some forty characters at the least.", "Short.", "too short"),
        (GOOD, GOOD + GOOD, "is a duplicate"),
        (GOOD, "[]", "non-empty"),
        (GOOD, "{", "cannot be read"),
    ],
)
def test_a_bad_card_is_refused_with_its_place(tmp_path, old, new, message):
    path = tmp_path / "c.yml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(ValueError, match=message) as caught:
        cards.load(path)
    assert "c.yml" in str(caught.value)
