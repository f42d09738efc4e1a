"""Claims of groundtruth.modern.retrieval_synthetic: what stands in planted passages and queries."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from groundtruth.data.text import tokenize
from groundtruth.modern import rag
from groundtruth.modern import retrieval_synthetic as synthetic
from hypothesis import given, settings
from hypothesis import strategies as st

TABLES = (synthetic.OBJECTS, synthetic.ACTIONS, synthetic.QUALITIES)
EVERY = len(synthetic.OBJECTS) * len(synthetic.ACTIONS) * len(synthetic.QUALITIES)
ID = r"Item (\d{6}) is stored on shelf (\d\d) of the depot\."
ASKED_ID = r"On which shelf of the depot is item (\d{6}) stored\?"
TEAM = r"The (\w+) (\w+) was (\w+) by team (\d\d); its log mentions (\w+), (\w+) and (\w+)\."
ASKED_TEAM = r"By whom was the (\w+) (\w+) (\w+)\?"
LEADS = r"(\w+ \w+) leads the project (\w+)\."
HALL = r"The project (\w+) is located in hall (\d\d)\."
ASKED_HALL = r"In which hall is the project that (\w+ \w+) leads\?"


def fields(pattern: str, text: str) -> tuple[str, ...]:
    match = re.fullmatch(pattern, text)
    assert match, text
    return match.groups()


def concepts(text: str) -> tuple[int, ...]:
    """Rows of the tables whose first two words hold a word of a passage or query."""
    words = tokenize(text.split(";")[0])
    found = [[i for i, row in enumerate(t) if set(row[:2]) & set(words)] for t in TABLES]
    return tuple(row[0] for row in found if row)


class Ends:
    """A generator that draws the first and the last of what it may."""

    def __init__(self, last: bool):
        self.last = last

    def integers(self, low, high):
        return high - 1 if self.last else low

    def choice(self, values, count, replace):
        assert count == 1
        assert not replace
        return values[-1:] if self.last else values[:1]


@given(st.integers(0, 50))
@settings(max_examples=15, deadline=None)
def test_planted_queries_are_answered_by_their_passages(seed):
    world = synthetic.planted(seed, 8, 12, 5)
    assert len(world.passages) == 8 + 12 + 10
    for query in world.queries:
        last = world.passages[query.relevant[-1]]
        assert rag.extract(query.text, last) == query.answer
        shared = set(tokenize(query.text)) & set(tokenize(world.passages[query.relevant[0]]))
        if query.kind == "id":
            assert any(word.isdigit() for word in shared)
        if query.kind == "paraphrase":
            words = {word for table in TABLES for row in table for word in row[:2]}
            assert len(shared & words) == 1
        if query.kind == "two-hop":
            first = set(tokenize(world.passages[query.relevant[0]]))
            project = set(tokenize(last)) & first & {p.lower() for p in synthetic.PROJECTS}
            assert len(project) == 1
            assert not project & set(tokenize(query.text))


def test_a_fact_of_an_id_says_the_same_number_and_answer():
    world = synthetic.planted(2, 30, 0, 0)
    for query in world.queries:
        number, shelf = fields(ID, world.passages[query.relevant[0]])
        assert fields(ASKED_ID, query.text) == (number,)
        assert (query.kind, query.relevant[1:], query.answer) == ("id", (), int(shelf))


def test_a_paraphrase_asks_for_the_same_three_concepts():
    world = synthetic.planted(2, 0, 60, 0)
    for query in world.queries:
        quality, thing, action, team, *extra = fields(TEAM, world.passages[query.relevant[0]])
        asked_quality, asked_thing, asked_action = fields(ASKED_TEAM, query.text)
        said = (thing, action, quality)
        asked = (asked_thing, asked_action, asked_quality)
        assert (query.kind, query.relevant[1:], query.answer) == ("paraphrase", (), int(team))
        for table, one, other, third in zip(TABLES, said, asked, extra, strict=True):
            (row,) = (row for row in table if one in row[:2])
            assert other in row[:2]
            assert third in row[2:]


def test_a_two_hop_query_names_the_person_of_the_first_and_asks_for_the_hall_of_the_second():
    world = synthetic.planted(2, 0, 0, 40)
    for query in world.queries:
        person, project = fields(LEADS, world.passages[query.relevant[0]])
        same, hall = fields(HALL, world.passages[query.relevant[1]])
        assert same == project
        assert fields(ASKED_HALL, query.text) == (person,)
        assert (query.kind, query.relevant[2:], query.answer) == ("two-hop", (), int(hall))


@pytest.mark.parametrize(("last", "number", "answer"), [(False, 100_000, 10), (True, 999_999, 99)])
def test_ids_have_six_digits_and_answers_two(last, number, answer):
    ((text, question, value),) = synthetic._id_passages(Ends(last), 1)
    assert fields(ID, text) == (str(number), str(answer))
    assert fields(ASKED_ID, question) == (str(number),)
    assert value == answer
    assert type(value) is int


def test_ids_never_repeat():
    world = synthetic.planted(0, 5000, 0, 0)
    assert len({fields(ID, passage)[0] for passage in world.passages}) == 5000


def test_every_combination_of_concepts_is_drawn_at_most_once():
    world = synthetic.planted(0, 0, EVERY, 0)
    assert len({concepts(passage) for passage in world.passages}) == EVERY


def test_words_of_concepts_are_drawn_evenly():
    world = synthetic.planted(5, 0, EVERY, 0)
    said: Counter[tuple[int, int]] = Counter()
    mentioned: Counter[tuple[int, int]] = Counter()
    shared: Counter[int] = Counter()
    for query in world.queries:
        passage = world.passages[query.relevant[0]]
        quality, thing, action, _, *extra = fields(TEAM, passage)
        asked_quality, asked_thing, asked_action = fields(ASKED_TEAM, query.text)
        words = (thing, action, quality)
        asked = (asked_thing, asked_action, asked_quality)
        for k, table in enumerate(TABLES):
            (row,) = (row for row in table if words[k] in row[:2])
            said[k, row.index(words[k])] += 1
            mentioned[k, row.index(extra[k])] += 1
            shared[k] += words[k] == asked[k]
    # of 768 draws; the bounds are five standard deviations away
    assert all(abs(said[k, i] - 384) < 70 for k in range(3) for i in (0, 1))
    assert all(abs(mentioned[k, i] - 384) < 70 for k in range(3) for i in (2, 3))
    assert all(abs(shared[k] - 256) < 66 for k in range(3))


def test_neither_people_nor_projects_repeat_and_all_occur():
    people: set[str] = set()
    for seed in range(30):
        pairs = [
            fields(LEADS, passage)
            for passage in synthetic.planted(seed, 0, 0, 40).passages
            if " leads " in passage
        ]
        assert len({person for person, _ in pairs}) == 40
        assert {project for _, project in pairs} == set(synthetic.PROJECTS)
        people |= {person for person, _ in pairs}
    assert people == {f"{a} {b}" for a in synthetic.FIRST for b in synthetic.LAST}


def test_a_collection_has_110_facts_of_one_passage_and_40_of_two_by_default():
    world = synthetic.planted(0)
    kinds = Counter(query.kind for query in world.queries)
    assert kinds == {"id": 110, "paraphrase": 110, "two-hop": 40}
    assert len(world.passages) == 110 + 110 + 2 * 40


def test_every_passage_is_the_target_of_exactly_one_query():
    world = synthetic.planted(3, 5, 6, 7)
    targets = [i for query in world.queries for i in query.relevant]
    assert sorted(targets) == list(range(5 + 6 + 14))


def test_passages_are_in_random_order_and_queries_in_the_order_of_their_kinds():
    world = synthetic.planted(3, 30, 30, 30)
    first = [query.relevant[0] for query in world.queries]
    assert first != sorted(first)
    assert [query.kind for query in world.queries] == (
        ["id"] * 30 + ["paraphrase"] * 30 + ["two-hop"] * 30
    )
    # the halves of the collection hold about as many two-hop passages
    held = [" project " in passage for passage in world.passages]
    assert abs(sum(held[:60]) - 30) < 15


def test_planted_collections_differ_by_seed_and_repeat():
    assert synthetic.planted(1) == synthetic.planted(1)
    assert synthetic.planted(1) != synthetic.planted(2)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ((900_001, 0, 0), r"kind id lies in \[0, 900000\]: 900001"),
        ((0, EVERY + 1, 0), rf"kind paraphrase lies in \[0, {EVERY}\]: {EVERY + 1}"),
        ((0, 0, 41), r"kind two-hop lies in \[0, 40\]: 41"),
        ((-1, 1, 1), "kind id lies"),
        ((1, -1, 1), "kind paraphrase lies"),
        ((1, 1, -1), "kind two-hop lies"),
        ((0, 0, 0), "at least one fact"),
    ],
)
def test_numbers_of_facts_out_of_range_are_refused(counts, message):
    with pytest.raises(ValueError, match=message):
        synthetic.planted(0, *counts)


@pytest.mark.parametrize(
    "counts", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1)]
)
def test_one_fact_is_enough(counts):
    ids, paraphrases, two_hops = counts
    world = synthetic.planted(0, ids, paraphrases, two_hops)
    assert len(world.queries) == ids + paraphrases + two_hops
    assert len(world.passages) == ids + paraphrases + 2 * two_hops


def test_ids_of_unanswerable_queries_are_in_no_passage():
    world = synthetic.planted(0)
    queries = synthetic.unanswerable(1, 50, world)
    assert len(queries) == 50
    everything = " ".join(world.passages)
    assert not any(fields(ASKED_ID, q.text)[0] in everything for q in queries)
    assert {(q.kind, q.relevant, q.answer) for q in queries} == {("id", (), None)}


@pytest.mark.parametrize("kind", synthetic.KINDS)
def test_unanswerable_queries_share_no_subject_with_a_passage(kind):
    world = synthetic.planted(0)
    queries = synthetic.unanswerable(1, 60, world, kind)
    assert len(queries) == 60
    assert {(q.kind, q.relevant, q.answer) for q in queries} == {(kind, (), None)}
    asked = {q.text for q in world.queries}
    assert not asked & {q.text for q in queries}
    if kind == "two-hop":
        names = [fields(ASKED_HALL, q.text)[0] for q in queries]
        assert not any(name in " ".join(world.passages) for name in names)


def test_concepts_of_unanswerable_paraphrases_are_together_in_no_passage():
    world = synthetic.planted(0)
    known = {concepts(passage) for passage in world.passages}
    queries = synthetic.unanswerable(3, 100, world, "paraphrase")
    assert all(len(concepts(q.text)) == 3 for q in queries)
    assert not known & {concepts(q.text) for q in queries}


def test_what_the_collection_holds_is_left_out_and_more_is_drawn():
    numbers = [
        text.split()[1] for text, _, _ in synthetic._id_passages(np.random.default_rng(4), 3)
    ]
    held = synthetic.Planted((f"Item {numbers[1]} is stored on shelf 10 of the depot.",), ())
    asked = [fields(ASKED_ID, q.text)[0] for q in synthetic.unanswerable(4, 3, held)]
    assert asked[:2] == [numbers[0], numbers[2]]
    assert len(set(asked)) == 3


@pytest.mark.parametrize(("kind", "size"), [("id", 45), ("paraphrase", 100), ("two-hop", 40)])
def test_unanswerable_queries_are_asked_as_those_of_a_collection_are(kind, size):
    makers = {
        "id": synthetic._id_passages,
        "paraphrase": synthetic._paraphrases,
        "two-hop": synthetic._two_hops,
    }
    facts = makers[kind](np.random.default_rng(9), size)
    nothing = synthetic.Planted(("Nothing here.",), ())
    queries = synthetic.unanswerable(9, 45, nothing, kind)
    expected = [fact[-2] for fact in facts]
    assert [q.text for q in queries[:40]] == expected[:40]


def test_unanswerable_queries_repeat_with_the_seed():
    world = synthetic.planted(0)
    assert synthetic.unanswerable(1, 20, world) == synthetic.unanswerable(1, 20, world)
    assert synthetic.unanswerable(1, 20, world) != synthetic.unanswerable(2, 20, world)


def test_no_query_is_unanswerable_where_every_combination_is_held():
    full = synthetic.planted(0, 1, EVERY, 1)
    with pytest.raises(ValueError, match="every combination"):
        synthetic.unanswerable(0, 1, full, "paraphrase")
    assert len(synthetic.unanswerable(0, 1, full, "id")) == 1
    missing = synthetic.Planted(
        tuple(p for p in full.passages if concepts(p) != (15, 7, 5) or " by team " not in p), ()
    )
    (query,) = synthetic.unanswerable(0, 1, missing, "paraphrase")
    assert concepts(query.text) == (15, 7, 5)


def test_unknown_kinds_are_refused():
    world = synthetic.planted(0, 1, 1, 1)
    with pytest.raises(ValueError, match="'paraphrase', 'two-hop'.*, got 'other'"):
        synthetic.unanswerable(1, 5, world, "other")


@pytest.mark.parametrize(
    ("passage", "subject"),
    [
        ("Item 482193 is stored on shelf 17 of the depot.", ("Item", "482193")),
        ("Mara Lind leads the project Heron.", ("Mara", "Lind")),
        ("The project Heron is located in hall 12.", ("The", "project")),
        ("A sofa was fixed by team 12.", ("A", "sofa")),
        ("The odd couch was fixed by team 12; its log mentions water.", (1, 0, 4)),
        ("The large automobile was selected by team 12; old shop.", (0, 7, 0)),
        ("The odd couch by the wheel was fixed by team 12; its log is lost.", (1, 0, 4)),
    ],
)
def test_a_passage_is_about_its_concepts_or_its_first_two_words(passage, subject):
    assert synthetic._subject(passage) == subject


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Item 482193 fits", ["item", "48", "21", "93", "fits"]),
        ("12345", ["12", "34", "5"]),
        ("B52 and 52", ["b52", "and", "52"]),
        ("", []),
    ],
)
def test_numbers_fall_into_pairs_of_digits(text, pieces):
    assert synthetic.subwords(text) == pieces
