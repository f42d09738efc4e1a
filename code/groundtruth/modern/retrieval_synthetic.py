"""Short passages with planted facts, and queries whose relevant passages and answers are known.

Read with book/modern/retrieval.md.

Three kinds of query: "id" names a six-digit number that stands in one passage, "paraphrase" uses
other words than its passage for each of three concepts, and "two-hop" needs one passage to find
the other. Every answer is a number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product

import numpy as np

from groundtruth.data.text import tokenize

KINDS = ("id", "paraphrase", "two-hop")
# two words for a concept, then two words that its passages use in either case
OBJECTS = (
    ("automobile", "car", "wheel", "engine"),
    ("sofa", "couch", "cushion", "fabric"),
    ("physician", "doctor", "clinic", "patient"),
    ("film", "movie", "screen", "scene"),
    ("infant", "baby", "crib", "bottle"),
    ("lawyer", "attorney", "court", "brief"),
    ("purse", "handbag", "leather", "strap"),
    ("rock", "stone", "quarry", "cliff"),
    ("boat", "ship", "harbor", "sail"),
    ("road", "street", "asphalt", "lane"),
    ("house", "home", "roof", "door"),
    ("shop", "store", "counter", "receipt"),
    ("forest", "woods", "oak", "moss"),
    ("garbage", "trash", "bin", "bag"),
    ("photo", "picture", "lens", "frame"),
    ("sickness", "illness", "fever", "cough"),
)
ACTIONS = (
    ("repaired", "fixed", "spanner", "bolts"),
    ("purchased", "bought", "price", "invoice"),
    ("hidden", "concealed", "cover", "shadow"),
    ("damaged", "broken", "crack", "accident"),
    ("cleaned", "washed", "soap", "water"),
    ("examined", "inspected", "checklist", "lamp"),
    ("moved", "shifted", "crane", "truck"),
    ("chosen", "selected", "ballot", "jury"),
)
QUALITIES = (
    ("large", "big", "meters", "weight"),
    ("small", "little", "pocket", "grams"),
    ("ancient", "old", "museum", "century"),
    ("rapid", "fast", "hurry", "minutes"),
    ("strange", "odd", "rumor", "puzzle"),
    ("silent", "quiet", "night", "whisper"),
)
TABLES = (OBJECTS, ACTIONS, QUALITIES)
FIRST = [
    "Mara",
    "Jonas",
    "Lena",
    "Oskar",
    "Ida",
    "Felix",
    "Nora",
    "Emil",
    "Clara",
    "Anton",
    "Greta",
    "Hugo",
]
LAST = [
    "Lind",
    "Berger",
    "Novak",
    "Moreau",
    "Rossi",
    "Tanaka",
    "Okafor",
    "Silva",
    "Jensen",
    "Popov",
    "Haddad",
    "Kim",
]
PROJECTS = [
    "Heron",
    "Falcon",
    "Osprey",
    "Plover",
    "Curlew",
    "Dunlin",
    "Bittern",
    "Gannet",
    "Petrel",
    "Merlin",
    "Siskin",
    "Linnet",
    "Wren",
    "Robin",
    "Kestrel",
    "Avocet",
    "Grebe",
    "Godwit",
    "Harrier",
    "Kite",
    "Lapwing",
    "Marten",
    "Nuthatch",
    "Oriole",
    "Pipit",
    "Quail",
    "Raven",
    "Shrike",
    "Starling",
    "Swift",
    "Teal",
    "Tern",
    "Thrush",
    "Turnstone",
    "Wagtail",
    "Warbler",
    "Whimbrel",
    "Wigeon",
    "Woodcock",
    "Yellowhammer",
]


@dataclass(frozen=True)
class Query:
    """A question, its kind, the numbers of its relevant passages in order, and its answer."""

    text: str
    kind: str
    relevant: tuple[int, ...]
    answer: int | None


@dataclass(frozen=True)
class Planted:
    """Passages (n,) and the queries whose truth is known."""

    passages: tuple[str, ...]
    queries: tuple[Query, ...]


def _answer(rng: np.random.Generator) -> int:
    return int(rng.integers(10, 100))


def _id_passages(rng: np.random.Generator, count: int) -> list[tuple[str, str, int]]:
    numbers = rng.choice(np.arange(100_000, 1_000_000), count, replace=False)
    items = []
    for number in numbers.tolist():
        answer = _answer(rng)
        items.append(
            (
                f"Item {number} is stored on shelf {answer} of the depot.",
                f"On which shelf of the depot is item {number} stored?",
                answer,
            )
        )
    return items


def _paraphrases(rng: np.random.Generator, count: int) -> list[tuple[str, str, int]]:
    shape = (len(OBJECTS), len(ACTIONS), len(QUALITIES))
    triples = rng.choice(np.prod(shape), count, replace=False)
    items = []
    for concepts in np.stack(np.unravel_index(triples, shape), axis=1).tolist():
        thing, action, quality = (
            table[i] for table, i in zip((OBJECTS, ACTIONS, QUALITIES), concepts, strict=True)
        )
        wording = rng.integers(0, 2, 3)  # of the passage
        asking = 1 - wording
        asking[rng.integers(0, 3)] ^= 1  # the query shares one of the three words
        extra = [words[2 + rng.integers(0, 2)] for words in (thing, action, quality)]
        answer = _answer(rng)
        said = [words[w] for words, w in zip((thing, action, quality), wording, strict=True)]
        asked = [words[w] for words, w in zip((thing, action, quality), asking, strict=True)]
        items.append(
            (
                f"The {said[2]} {said[0]} was {said[1]} by team {answer};"
                f" its log mentions {extra[0]}, {extra[1]} and {extra[2]}.",
                f"By whom was the {asked[2]} {asked[0]} {asked[1]}?",
                answer,
            )
        )
    return items


def _two_hops(rng: np.random.Generator, count: int) -> list[tuple[str, str, str, int]]:
    people = rng.choice(len(FIRST) * len(LAST), count, replace=False)
    projects = rng.choice(len(PROJECTS), count, replace=False)
    items = []
    for person, project in zip(people.tolist(), projects.tolist(), strict=True):
        name = f"{FIRST[person // len(LAST)]} {LAST[person % len(LAST)]}"
        answer = _answer(rng)
        items.append(
            (
                f"{name} leads the project {PROJECTS[project]}.",
                f"The project {PROJECTS[project]} is located in hall {answer}.",
                f"In which hall is the project that {name} leads?",
                answer,
            )
        )
    return items


def planted(seed: int, ids: int = 110, paraphrases: int = 110, two_hops: int = 40) -> Planted:
    """A collection in which every passage is the target of a query, in random order.

    Parameters
    ----------
    ids, paraphrases, two_hops : int
        Facts of each kind; a two-hop fact has two passages. At most 40 two-hop facts.

    Examples
    --------
    >>> collection = planted(0, ids=1, paraphrases=0, two_hops=0)
    >>> [collection.queries[0].kind, collection.queries[0].relevant, len(collection.passages)]
    ['id', (0,), 1]
    """
    limits = (900_000, len(OBJECTS) * len(ACTIONS) * len(QUALITIES), len(PROJECTS))
    for name, count, limit in zip(KINDS, (ids, paraphrases, two_hops), limits, strict=True):
        if not 0 <= count <= limit:
            raise ValueError(f"the number of facts of kind {name} lies in [0, {limit}]: {count}")
    if ids + paraphrases + two_hops == 0:
        raise ValueError("a collection needs at least one fact")
    rng = np.random.default_rng(seed)
    passages: list[str] = []
    queries: list[Query] = []
    for kind, maker, count in (
        ("id", _id_passages, ids),
        ("paraphrase", _paraphrases, paraphrases),
        ("two-hop", _two_hops, two_hops),
    ):
        for *texts, question, answer in maker(rng, count):
            first = len(passages)
            passages += [str(text) for text in texts]
            queries.append(
                Query(str(question), kind, tuple(range(first, len(passages))), int(answer))
            )
    order = rng.permutation(len(passages))
    place = np.argsort(order)
    moved = [
        Query(q.text, q.kind, tuple(int(place[i]) for i in q.relevant), q.answer) for q in queries
    ]
    return Planted(tuple(passages[i] for i in order), tuple(moved))


def unanswerable(seed: int, count: int, present: Planted, kind: str = "id") -> list[Query]:
    """Queries of a kind that no passage of a collection answers: about an id, a combination of
    concepts or a person that it does not hold.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {KINDS}, got {kind!r}")
    known = {_subject(passage) for passage in present.passages}
    if kind == "paraphrase" and known.issuperset(product(*(range(len(t)) for t in TABLES))):
        raise ValueError("the collection holds every combination of concepts; ask of a smaller one")
    queries: list[Query] = []
    rng = np.random.default_rng(seed)
    while len(queries) < count:
        if kind == "id":
            items = [(text, question) for text, question, _ in _id_passages(rng, count)]
        elif kind == "paraphrase":
            items = [(text, question) for text, question, _ in _paraphrases(rng, 100)]
        else:
            items = [(text, question) for text, _, question, _ in _two_hops(rng, 40)]
        queries += [Query(q, kind, (), None) for text, q in items if _subject(text) not in known]
    return queries[:count]


def _subject(passage: str) -> tuple[str | int, ...]:
    """What a passage is about: the numbers of its concepts, or its first two words."""
    if not passage.startswith("The ") or " by team " not in passage:
        return tuple(passage.split()[:2])
    words = set(tokenize(passage.split(";")[0]))
    return tuple(i for table in TABLES for i, row in enumerate(table) if words & set(row[:2]))


def subwords(text: str) -> list[str]:
    """Words as an encoder with a small vocabulary sees them: numbers fall into pairs of digits.

    Examples
    --------
    >>> subwords("Item 482193 fits")
    ['item', '48', '21', '93', 'fits']
    """
    pieces: list[str] = []
    for word in tokenize(text):
        pieces += re.findall(r"\d{1,2}", word) if word.isdigit() else [word]
    return pieces
