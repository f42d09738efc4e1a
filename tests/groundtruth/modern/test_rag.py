"""Claims of groundtruth.modern.rag: chunks, both searches, the reranker, the reader, its hops."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from groundtruth.data import text
from groundtruth.data.text import tokenize
from groundtruth.modern import dense, rag
from groundtruth.modern import retrieval_synthetic as synthetic
from groundtruth.modern.fusion import PairScorer
from hypothesis import given
from hypothesis import strategies as st

SHORT = [
    "red fox eats hens",
    "red hens eat corn",
    "corn grows in rows",
    "a fox and a red, red hen",
    "rows of item 17",
]


class Coverage:
    """A scorer whose log-odds are the first feature, and that counts the pairs it has seen."""

    def __init__(self):
        self.seen = 0

    def scores(self, features):
        self.seen = len(features)
        return features[:, 0]


def searching(passages):
    """A retriever over the passages whose encoder knows their words and is not trained."""
    words = text.vocabulary_of([synthetic.subwords(passage) for passage in passages])
    return rag.Retriever(passages, dense.BiEncoder(words, 6, np.random.default_rng(0)))


@given(st.integers(1, 60), st.integers(1, 12), st.integers(0, 11))
def test_chunks_cover_everything_and_overlap(n, size, overlap):
    words = [str(i) for i in range(n)]
    if overlap >= size:
        with pytest.raises(ValueError, match="overlap"):
            rag.chunk(words, size, overlap)
        return
    parts = rag.chunk(words, size, overlap)
    assert parts[0] + [w for part in parts[1:] for w in part[overlap:]] == words
    assert all(len(part) == size for part in parts[:-1])
    assert all(not set(a) >= set(b) for a, b in pairwise(parts))


def test_chunks_do_not_overlap_by_default():
    assert rag.chunk(("a", "b", "c"), 2) == [["a", "b"], ["c"]]


def test_a_single_word_is_a_single_chunk():
    assert rag.chunk(["a"], 1) == [["a"]]
    assert rag.chunk(["a"], 5, 4) == [["a"]]


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (2, 2), (2, 3), (3, -1)])
def test_chunks_need_an_overlap_smaller_than_their_size(size, overlap):
    with pytest.raises(ValueError, match=f"got size {size} and overlap {overlap}"):
        rag.chunk(["a", "b", "c"], size, overlap)


def test_a_plain_string_is_no_list_of_words():
    with pytest.raises(TypeError, match="plain string"):
        rag.chunk("a b", 2)


def test_semantic_chunks_are_cut_at_the_smallest_cosines():
    angle = np.array([0.0, 0.1, 1.5, 1.55, 2.6])
    rows = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    sentences = ["a.", "b.", "c.", "d.", "e."]
    assert rag.semantic_chunks(sentences, rows, 1) == ["a. b. c. d. e."]
    assert rag.semantic_chunks(sentences, rows, 2) == ["a. b.", "c. d. e."]
    assert rag.semantic_chunks(sentences, rows, 3) == ["a. b.", "c. d.", "e."]
    assert rag.semantic_chunks(sentences, rows, 5) == sentences
    for count, table in ((0, rows), (6, rows), (2, rows[:3])):
        with pytest.raises(ValueError, match="sentence"):
            rag.semantic_chunks(sentences, table, count)


def test_of_equal_cosines_the_first_are_cut():
    # pairs of equal sentences: the cosines alternate between 1 and 0
    rows = np.repeat(np.tile(np.eye(3)[:2], (60, 1)), 2, axis=0)
    sentences = [str(i) for i in range(240)]
    parts = rag.semantic_chunks(sentences, rows, 4)
    assert parts[:3] == ["0 1", "2 3", "4 5"]
    assert parts[3] == " ".join(sentences[6:])


@pytest.mark.parametrize(
    ("size", "overlap", "answer"), [(10, 0, 4), (10, 3, 6), (7, 5, 6), (4, 3, 4), (5, 0, 1)]
)
def test_the_probability_of_a_cut_is_that_of_a_count(size, overlap, answer):
    words = [str(i) for i in range(5000)]
    parts = [set(part) for part in rag.chunk(words, size, overlap)]
    step = size - overlap
    begins = range(100, 100 + 20 * step)
    cut = [not any(set(words[i : i + answer]) <= part for part in parts[:400]) for i in begins]
    assert np.mean(cut) == pytest.approx(rag.cut_probability(size, overlap, answer))


def test_an_answer_longer_than_a_chunk_is_always_cut():
    assert rag.cut_probability(10, 0, 11) == 1
    assert rag.cut_probability(10, 4, 40) == 1


@pytest.mark.parametrize(("size", "overlap", "answer"), [(10, 0, 0), (10, 10, 2), (10, -1, 2)])
def test_a_cut_needs_an_answer_and_an_overlap_smaller_than_the_size(size, overlap, answer):
    with pytest.raises(ValueError, match=f"got {size}, {overlap} and {answer}"):
        rag.cut_probability(size, overlap, answer)


def test_a_retriever_keeps_a_list_of_its_passages_and_the_encoder():
    encoder = dense.BiEncoder(["fox", "hen"], 3, np.random.default_rng(0))
    retriever = rag.Retriever(tuple(SHORT), encoder)
    assert retriever.passages == SHORT
    assert retriever.encoder is encoder
    with pytest.raises(ValueError, match="no passages"):
        rag.Retriever([], encoder)


def test_lexical_scores_are_bm25_of_the_words():
    retriever = searching(SHORT)
    docs = [tokenize(passage) for passage in SHORT]
    words = text.vocabulary_of(docs)
    columns = [words.index(word) for word in ("red", "fox", "rows")]
    expected = text.bm25(text.count_matrix(docs, words), columns)
    np.testing.assert_allclose(retriever.scores("Red fox, rows?", "lexical"), expected)


def test_dense_scores_are_cosines_of_the_mean_vectors_of_subwords():
    retriever = searching(["item 482193 here", "fox"])
    encoder = retriever.encoder
    encoder.query_table = encoder.query_table * 2 + 1  # so that both tables differ
    place = {word: j for j, word in enumerate(encoder.vocabulary)}
    q = encoder.query_table[[place["item"], place["48"], place["21"]]].mean(axis=0)
    d = encoder.document_table[[place[w] for w in ("item", "48", "21", "93", "here")]].mean(axis=0)
    seen = retriever.scores("item 4821", "dense")
    assert seen.shape == (2,)
    assert seen[0] == pytest.approx(q @ d / np.linalg.norm(q) / np.linalg.norm(d))


def test_unknown_searches_are_refused():
    with pytest.raises(ValueError, match="'lexical' or 'dense', got 'sparse'"):
        searching(SHORT).scores("red", "sparse")


def test_a_ranking_is_best_first_and_equal_scores_stay_in_order():
    passages = ["red fox", "corn"] * 80
    retriever = searching(passages)
    order = retriever.ranking("fox", "lexical")
    assert order.tolist() == [*range(0, 160, 2), *range(1, 160, 2)]
    allowed = np.arange(160) >= 79
    kept = retriever.ranking("fox", "lexical", allowed)
    assert kept.tolist() == [*range(80, 160, 2), *range(79, 160, 2)]


@pytest.mark.parametrize("depth", [None, 3, 50])
def test_the_hybrid_fuses_both_rankings_down_to_a_depth(depth):
    rng = np.random.default_rng(3)
    words = ["fox", "hen", "corn", "rows", "red", "barn"]
    passages = [" ".join(rng.choice(words, rng.integers(1, 9))) for _ in range(90)]
    retriever = searching(passages)
    allowed = np.arange(90) % 7 > 0
    given_depth = {} if depth is None else {"depth": depth}
    seen = retriever.hybrid("red fox barn", 100, allowed=allowed, **given_depth)
    cut = 50 if depth is None else depth
    score: dict[int, float] = {}
    for kind in ("lexical", "dense"):
        values = retriever.scores("red fox barn", kind)
        ranked = sorted(np.flatnonzero(allowed), key=lambda i: (-values[i], i))
        for rank, i in enumerate(ranked[:cut], 1):
            score[int(i)] = score.get(int(i), 0.0) + 1 / (60 + rank)
    expected = sorted(score, key=lambda i: (-score[i], i))
    assert seen.tolist() == expected
    assert (
        retriever.hybrid("red fox barn", 2, allowed=allowed, **given_depth).tolist()
        == (expected[:2])
    )


def test_the_hybrid_searches_all_passages_by_default():
    assert sorted(searching(SHORT).hybrid("red", 5).tolist()) == [0, 1, 2, 3, 4]


def test_idf_is_that_of_bm25_also_for_words_no_passage_holds():
    retriever = searching(SHORT)
    for word in ("red", "fox", "in", "17", "unseen"):
        df = sum(word in tokenize(passage) for passage in SHORT)
        expected = np.log(1 + (5 - df + 0.5) / (df + 0.5))
        assert retriever.idf(word) == pytest.approx(expected)
        assert type(retriever.idf(word)) is float


def test_features_are_the_fraction_of_the_idf_the_cosine_and_the_product():
    retriever = searching(SHORT)
    query = "Red, red fox of Paris"
    ids = np.array([3, 0, 4])
    features = retriever.features(query, ids)
    assert features.shape == (3, 3)
    total = sum(retriever.idf(word) for word in ("red", "fox", "of", "paris"))
    held = [("red", "fox"), ("red", "fox"), ("of",)]
    for row, i, words in zip(features, ids, held, strict=True):
        assert row[0] == pytest.approx(sum(retriever.idf(word) for word in words) / total)
        assert row[1] == pytest.approx(retriever.scores(query, "dense")[i])
        assert row[2] == pytest.approx(row[0] * row[1])


def test_features_of_a_query_without_a_word_are_refused():
    with pytest.raises(ValueError, match=r"'a \?' holds no word"):
        searching(SHORT).features("a ?", np.array([0]))


@pytest.mark.parametrize("depth", [None, 2, 20])
def test_candidates_of_the_reranker_are_the_first_of_both_rankings(depth):
    rng = np.random.default_rng(4)
    words = ["fox", "hen", "corn", "rows", "red", "barn"]
    retriever = searching([" ".join(rng.choice(words, rng.integers(1, 9))) for _ in range(200)])
    allowed = np.arange(200) % 5 > 0
    given_depth = {} if depth is None else {"depth": depth}
    scorer = Coverage()
    ids, odds = retriever.reranked("red fox", scorer, 200, allowed=allowed, **given_depth)
    cut = 20 if depth is None else depth
    expected = set()
    for kind in ("lexical", "dense"):
        expected |= set(retriever.ranking("red fox", kind, allowed)[:cut].tolist())
    assert scorer.seen == len(expected) == len(ids)
    assert set(ids.tolist()) == expected
    np.testing.assert_allclose(odds, retriever.features("red fox", ids)[:, 0])
    assert (np.diff(odds) <= 0).all()
    best, _ = retriever.reranked("red fox", scorer, 3, allowed=allowed, **given_depth)
    assert best.tolist() == ids[:3].tolist()


def test_equal_odds_are_reranked_by_number():
    retriever = searching(["red fox", "corn"] * 80)
    ids, odds = retriever.reranked("fox", Coverage(), 160, depth=160)
    assert ids.tolist() == [*range(0, 160, 2), *range(1, 160, 2)]
    assert odds.tolist() == [1.0] * 80 + [0.0] * 80


def test_nothing_is_reranked_where_nothing_is_allowed():
    ids, odds = searching(SHORT).reranked("fox", Coverage(), 3, allowed=np.zeros(5, dtype=bool))
    assert ids.size == odds.size == 0


def test_training_pairs_are_each_query_and_its_first_relevant_passage():
    worlds = [synthetic.planted(seed, 2, 2, 2) for seed in range(2)]
    queries, documents = rag.training_pairs(worlds)
    asked = [query for world in worlds for query in world.queries]
    assert queries == [synthetic.subwords(query.text) for query in asked]
    first = [world.passages[query.relevant[0]] for world in worlds for query in world.queries]
    assert documents == [synthetic.subwords(passage) for passage in first]


@pytest.mark.parametrize("depth", [None, 3])
def test_the_scorer_is_fitted_to_the_candidates_of_every_query(depth):
    world = synthetic.planted(1, 12, 12, 3)
    retriever = searching(world.passages)
    given_depth = {} if depth is None else {"depth": depth}
    fitted = rag.fit_scorer(retriever, world, **given_depth)
    features = []
    relevant = []
    for query in world.queries:
        candidates: set[int] = set()
        for kind in ("lexical", "dense"):
            candidates |= set(retriever.ranking(query.text, kind)[: depth or 10].tolist())
        for i in sorted(candidates):
            features.append(retriever.features(query.text, np.array([i]))[0])
            relevant.append(i == query.relevant[0])
    reference = PairScorer().fit(features, relevant)
    np.testing.assert_allclose(fitted.scores(features), reference.scores(features), rtol=1e-6)


@pytest.mark.parametrize(
    ("query", "passage", "number"),
    [
        ("Where is item 482193?", "Item 482193 is on shelf 17, not 18.", 17),
        ("Where is it?", "On shelf 5 of 9.", 5),
        ("Where is item 48?", "Item 48 is lost.", None),
        ("Where is item 48?", "", None),
        ("Where is item 4?", "Item 4 is on shelf 41.", 41),
    ],
)
def test_the_reader_copies_the_first_number_that_the_query_does_not_hold(query, passage, number):
    assert rag.extract(query, passage) == number


CHAIN = [
    "Otto leads Falcon",
    "Mara leads Heron",
    "Falcon lies in hall 44",
    "Heron moved to Basel",
    "Basel lies in hall 31",
]


@pytest.mark.parametrize(
    ("hops", "number", "read"),
    [(1, None, [1]), (2, None, [1, 3]), (3, 31, [1, 3, 4]), (4, 31, [1, 3, 4])],
)
def test_each_hop_asks_with_what_the_last_passage_adds(hops, number, read):
    # the second query is "heron", the third "heron moved to basel"
    answer = rag.answer(searching(CHAIN), "Who is Mara that leads?", Coverage(), hops=hops)
    assert answer == (number, read)


def test_one_hop_is_the_default():
    assert rag.answer(searching(CHAIN), "Mara leads what?", Coverage()) == (None, [1])


def test_a_number_of_the_query_is_no_answer_of_a_later_hop():
    passages = ["item 482193 has label zebra", "zebra is 482193 in hall 12", "other words"]
    answer = rag.answer(searching(passages), "item 482193 label?", Coverage(), hops=2)
    assert answer == (12, [0, 1])


def test_forbidden_passages_are_skipped_in_every_hop():
    retriever = searching([*CHAIN, "Heron is 77"])
    allowed = np.ones(6, dtype=bool)
    ask = "Mara that leads"
    assert rag.answer(retriever, ask, Coverage(), hops=2) == (77, [1, 5])
    allowed[5] = False
    assert rag.answer(retriever, ask, Coverage(), hops=2, allowed=allowed) == (None, [1, 3])
    allowed[1] = False
    assert rag.answer(retriever, ask, Coverage(), hops=1, allowed=allowed) == (None, [0])


def test_odds_equal_to_the_threshold_are_enough():
    retriever = searching(["fox on shelf 3", "hen"])
    # the first passage holds one of the two words, so its odds are less than 1
    odds = float(retriever.reranked("fox cage", Coverage(), 1)[1][0])
    assert rag.answer(retriever, "fox cage", Coverage(), threshold=odds) == (3, [0])
    above = np.nextafter(odds, 1)
    assert rag.answer(retriever, "fox cage", Coverage(), threshold=above) == (None, [])


def test_without_a_threshold_the_best_passage_is_read_however_bad():
    retriever = searching(["hen on shelf 3"])
    assert rag.answer(retriever, "fox", Coverage()) == (3, [0])


def test_where_nothing_is_allowed_there_is_no_answer():
    nothing = np.zeros(5, dtype=bool)
    assert rag.answer(searching(CHAIN), "Mara", Coverage(), allowed=nothing) == (None, [])


def test_hops_end_when_every_passage_is_read():
    retriever = searching(["fox saw hen", "hen saw corn"])
    assert rag.answer(retriever, "the fox", Coverage(), hops=9) == (None, [0, 1])


def test_hops_end_at_a_passage_that_adds_nothing_to_the_query():
    retriever = searching(["Mara leads", "hall 31"])
    assert rag.answer(retriever, "Who is it that Mara leads", Coverage(), hops=2) == (None, [0])


@pytest.mark.parametrize("hops", [0, -1])
def test_at_least_one_hop_is_needed(hops):
    with pytest.raises(ValueError, match=f"at least one hop, got {hops}"):
        rag.answer(searching(SHORT), "fox", Coverage(), hops=hops)


def test_answers_of_a_trained_system_need_the_second_hop():
    worlds = [synthetic.planted(seed, 40, 60, 15) for seed in range(5)]
    queries, documents = rag.training_pairs(worlds[1:4])
    encoder = dense.BiEncoder(text.vocabulary_of(queries + documents), 12, np.random.default_rng(0))
    dense.train(encoder, queries, documents, np.random.default_rng(0))
    retriever = rag.Retriever(worlds[0].passages, encoder)
    scorer = rag.fit_scorer(rag.Retriever(worlds[4].passages, encoder), worlds[4])
    two = [q for q in worlds[0].queries if q.kind == "two-hop"]
    one = [rag.answer(retriever, q.text, scorer)[0] == q.answer for q in two]
    both = [rag.answer(retriever, q.text, scorer, hops=2) for q in two]
    assert np.mean(one) < 0.2
    assert np.mean([a == q.answer for (a, _), q in zip(both, two, strict=True)]) > 0.9
    assert both[0][1] == list(two[0].relevant)
