"""Cards follow one schema, ids are unique in the book, and their verifying code holds."""

from __future__ import annotations

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
        ("foundational", "easy", "item 1, level is 'easy', not one of foundational,"),
        ("concept", "trivia", "type is 'trivia', not one of"),
        ("a-b", "A B", "id is 'A B', not a string that matches"),
        ("a-b", '"a-b\\n"', "id is .*, not a string that matches"),
        ("a-b", "7", "id is 7, not a string"),
        ("[x]", "[X]", "tags, item 1 is 'X', not a string that matches"),
        ("[x]", "[]", r"tags is \[\], not a list with names in it"),
        ("[x]", "x", "tags is 'x', not a list"),
        ("  tags: [x]\n", "", "is not complete: .*'tags'"),
        ("  tags: [x]\n", "  tags: [x]\n  hint: y\n", "has no key 'hint'"),
        ("An answer of some forty characters at the least.", "Short.", "answer is 'Short.', not"),
        ("What is the question here?", "What?", "question is 'What[?]', not"),
        (GOOD, GOOD + "  verify: 1\n", "verify is 1, not"),
        (GOOD, GOOD + GOOD, "item 2, id is 'a-b', not an id of its own"),
        (GOOD, "[]", "not a list with cards in it"),
        (GOOD, "a: b", "the file is {'a': 'b'}, not a list"),
        (GOOD, "[a]", "item 1 is 'a', not a mapping"),
        (GOOD, "{", "cannot be read"),
    ],
)
def test_a_bad_card_is_refused_with_its_place(tmp_path, old, new, message):
    path = tmp_path / "c.yml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(ValueError, match=message) as caught:
        cards.load(path)
    assert "c.yml" in str(caught.value)
