"""Claims of groundtruth.modern.lexical, retrieval_metrics and fusion."""

from __future__ import annotations

import numpy as np
import pytest
from groundtruth.data import text
from groundtruth.learning import ranking
from groundtruth.modern import fusion, lexical
from groundtruth.modern import retrieval_metrics as rm
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

DOCS = [["red", "fox", "fox"], ["red", "hen"], ["dog", "red", "red", "sun"], ["sun"]]
documents = st.lists(
    st.lists(st.sampled_from("abcdef"), min_size=1, max_size=9), min_size=1, max_size=8
)


def test_bm25_is_that_of_bm25s():
    bm25s = pytest.importorskip("bm25s")
    theirs = bm25s.BM25(k1=0.9, b=0.4, method="lucene")
    theirs.index(DOCS, show_progress=False)
    ours = lexical.InvertedIndex(DOCS, k1=0.9, b=0.4)
    for query in (["fox"], ["red", "sun"], ["hen", "dog", "red"]):
        assert np.allclose(ours.scores(query), 1.9 * theirs.get_scores(query), rtol=1e-5)


def test_tfidf_scores_rank_as_the_cosine_of_scikit_learn():
    vectorizer = TfidfVectorizer(analyzer=lambda words: words)
    X = vectorizer.fit_transform(DOCS)
    index = lexical.InvertedIndex(DOCS, "tfidf")
    query = ["fox", "red", "red"]
    v = vectorizer.transform([query]).toarray()[0]
    ours = index.scores(query)
    assert np.allclose(ours / np.linalg.norm(ours), X @ v / np.linalg.norm(X @ v))


@given(documents, st.lists(st.sampled_from("abcdefz"), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_postings_and_the_table_of_counts_agree(docs, query):
    vocabulary = text.vocabulary_of(docs)
    counts = text.count_matrix(docs, vocabulary)
    known = [vocabulary.index(word) for word in query if word in vocabulary]
    index = lexical.InvertedIndex(docs)
    expected = text.bm25(counts, known) if known else np.zeros(len(docs))
    assert np.allclose(index.scores(query), expected)
    assert index.work == sum(sum(word in doc for doc in docs) for word in query)


def test_bm25_by_hand():
    # fox: df 1 of 4, f 2, length 3, mean 10/4; idf ln(1 + 3.5/1.5)
    norm = 1.2 * (0.25 + 0.75 * 3 / 2.5)
    expected = np.log(1 + 3.5 / 1.5) * 2 * 2.2 / (2 + norm)
    assert lexical.InvertedIndex(DOCS).scores(["fox"])[0] == pytest.approx(expected)


def test_search_leaves_out_documents_without_a_term():
    ids, scores = lexical.InvertedIndex(DOCS).search(["red", "hen"], 4)
    assert ids[0] == 1
    assert set(ids) == {0, 1, 2}
    assert (np.diff(scores) <= 0).all()


def test_an_unknown_query_finds_nothing():
    index = lexical.InvertedIndex(DOCS)
    ids, _ = index.search(["unknown"], 3)
    assert ids.size == 0
    assert index.work == 0


def test_a_longer_document_scores_less_and_repetition_saturates():
    index = lexical.InvertedIndex([["a"], ["a", "x", "y"], ["a"] * 50, ["z"]])
    scores = index.scores(["a"])
    assert scores[0] > scores[1]
    without_length = lexical.InvertedIndex([["a"], ["a"] * 50, ["z"]], b=0.0).scores(["a"])
    assert 1 < without_length[1] / without_length[0] < 2.2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": "bm26"}, "bm25"),
        ({"k1": -1.0}, "k1"),
        ({"b": 1.5}, "b in"),
        ({"k1": float("nan")}, "k1"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        lexical.InvertedIndex(DOCS, **options)


def test_an_empty_collection_and_a_plain_string_are_refused():
    with pytest.raises(ValueError, match="no documents"):
        lexical.InvertedIndex([])
    with pytest.raises(ValueError, match="no token"):
        lexical.InvertedIndex([[], []])
    with pytest.raises(TypeError, match="plain string"):
        lexical.InvertedIndex(DOCS).scores("red fox")


def test_grep_needs_every_word():
    assert lexical.grep(["a red FOX", "red", "fox red"], ["red", "fox"]).tolist() == [0, 2]
    with pytest.raises(TypeError, match="plain string"):
        lexical.grep(["a"], "a")


def test_an_agent_drops_words_without_hits_and_then_the_commonest():
    texts = ["red fox", "red hen", "Red sun", "sun"]
    ids, calls = lexical.agent_search(texts, ["red", "fox", "hen", "owl"])
    # four counts; fox, hen and red: none; fox and hen: none; fox: text 0
    assert ids.tolist() == [0]
    assert calls == 7
    ids, calls = lexical.agent_search(texts, ["RED", "sun", "sun"])
    # two counts; sun and red: text 2; sun: text 3 as well
    assert ids.tolist() == [2, 3]
    assert calls == 4
    ids, calls = lexical.agent_search(texts, ["red"], limit=2)
    assert ids.tolist() == [0, 1]
    assert calls == 2
    ids, calls = lexical.agent_search(texts, ["owl"])
    assert ids.size == 0
    assert calls == 1
    with pytest.raises(ValueError, match="limit"):
        lexical.agent_search(texts, ["red"], limit=0)


def test_blended_scores_by_hand():
    tables = [[0.0, 5.0, 10.0], [3.0, 1.0, 1.0]]
    assert fusion.blend(tables, [0.25, 0.75]).tolist() == [0.75, 0.125, 0.25]
    shifted = [np.array(tables[0]) * 7 - 3, np.array(tables[1]) + 100]
    np.testing.assert_allclose(fusion.blend(shifted, [0.25, 0.75]), [0.75, 0.125, 0.25])
    assert fusion.blend([[2.0, 2.0], [0.0, 1.0]], [0.5, 0.5]).tolist() == [0.0, 0.5]
    for bad, weights in (([], []), (tables, [1.0]), ([[1.0], [1.0, 2.0]], [1.0, 1.0])):
        with pytest.raises(ValueError, match="tables"):
            fusion.blend(bad, weights)


RANKINGS = [[3, 1, 2], [5], [9, 8, 7, 6]]
RELEVANT = [{1, 2, 4}, {6}, {9}]


def test_measures_by_hand():
    values = {m: rm.per_query(m, RANKINGS, RELEVANT, 3).tolist() for m in rm.MEASURES}
    assert values["recall"] == pytest.approx([2 / 3, 0, 1])
    assert values["precision"] == pytest.approx([2 / 3, 0, 1 / 3])
    assert values["hit"] == [1, 0, 1]
    assert values["mrr"] == [0.5, 0, 1]
    assert values["map"] == pytest.approx([(1 / 2 + 2 / 3) / 3, 0, 1])
    ideal = 1 + 1 / np.log2(3) + 1 / 2
    assert values["ndcg"] == pytest.approx([(1 / np.log2(3) + 1 / 2) / ideal, 0, 1])


@given(st.permutations(range(6)), st.sets(st.integers(0, 8), min_size=1), st.integers(1, 8))
@settings(max_examples=80, deadline=None)
def test_ndcg_is_that_of_the_definition(order, wanted, k):
    gains = [i in wanted for i in order[:k]]
    best = sum(1 / np.log2(r + 2) for r in range(min(k, len(wanted))))
    expected = sum(g / np.log2(r + 2) for r, g in enumerate(gains)) / best
    assert rm.per_query("ndcg", [order], [wanted], k)[0] == pytest.approx(expected)


def test_measures_are_those_of_the_ranking_module():
    rel = [0, 1, 1]
    assert rm.per_query("map", RANKINGS[:1], RELEVANT[:1], 3)[0] == ranking.average_precision_at_k(
        rel, 3, 3
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("f1", RANKINGS, RELEVANT, 3), "measure"),
        (("recall", RANKINGS, RELEVANT, 0), "k >= 1"),
        (("recall", RANKINGS[:2], RELEVANT, 3), "as many"),
        (("recall", [[1, 1]], [{1}], 3), "twice"),
        (("recall", [[1]], [set()], 3), "no relevant"),
    ],
)
def test_bad_judgments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        rm.per_query(*arguments)


def test_groups_are_ranked_by_their_best_item():
    assert rm.rank_of([1.0, 5.0, 3.0, 4.0], np.array([0, 2, 0, 1]), 4).tolist() == [2, 1, 0, 3]
    with pytest.raises(ValueError, match="one group"):
        rm.rank_of([1.0], np.array([0, 1]), 2)


def test_groups_of_equal_score_stay_in_the_order_of_their_numbers():
    groups = np.arange(200)
    ranked = rm.rank_of(groups % 2, groups, 200)
    assert ranked.tolist() == [*range(1, 200, 2), *range(0, 200, 2)]


@pytest.mark.parametrize("measure", rm.MEASURES)
def test_an_empty_ranking_has_found_nothing(measure):
    assert rm.per_query(measure, [[]], [{1, 2}], 3).tolist() == [0.0]


@pytest.mark.parametrize("measure", rm.MEASURES)
def test_what_stands_below_depth_k_changes_no_measure(measure):
    head = [9, 1, 8]
    short = rm.per_query(measure, [head], [{1, 2, 4}], 3)
    assert rm.per_query(measure, [[*head, 2, 4]], [{1, 2, 4}], 3).tolist() == short.tolist()


def test_neighbor_recall_ignores_order_and_counts_what_is_missing():
    assert rm.neighbor_recall([[2, 1], []], [[1, 2], [3, 4]]) == 0.5
    with pytest.raises(ValueError, match="as many"):
        rm.neighbor_recall([[1]], [])


def test_rrf_by_hand():
    ids, scores = fusion.rrf([[4, 2], [2, 7]], k=1)
    assert ids.tolist() == [2, 4, 7]
    assert np.allclose(scores, [1 / 3 + 1 / 2, 1 / 2, 1 / 3])


@given(st.lists(st.permutations(range(5)), min_size=1, max_size=4))
def test_rrf_does_not_depend_on_the_order_of_the_rankings(rankings):
    ids, scores = fusion.rrf(rankings)
    other, same = fusion.rrf(rankings[::-1])
    assert np.allclose(scores[np.argsort(ids)], same[np.argsort(other)])
    assert scores.sum() == pytest.approx(len(rankings) * sum(1 / (60 + r) for r in range(1, 6)))


def test_weights_of_rrf_multiply_the_terms_of_their_rankings():
    ids, scores = fusion.rrf([[4, 2, 5], [2, 7]], k=1, weights=(3, 1))
    by_id = dict(zip(ids.tolist(), scores.tolist(), strict=True))
    assert by_id == pytest.approx({4: 3 / 2, 2: 3 / 3 + 1 / 2, 5: 3 / 4, 7: 1 / 3})


@pytest.mark.parametrize("weights", [(1,), (1, -1), (1, np.nan), (1, np.inf)])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(ValueError, match="one weight >= 0 per ranking"):
        fusion.rrf([[1], [2]], weights=weights)


@pytest.mark.parametrize("rankings", [[], [[1, 1]], [[[1], [2]]]])
def test_rankings_that_are_none_are_refused(rankings):
    with pytest.raises(ValueError, match="ranking"):
        fusion.rrf(rankings)
    with pytest.raises(ValueError, match="k >= 0"):
        fusion.rrf([[1]], k=-1)


def test_mmr_is_the_ranking_at_balance_one_and_avoids_copies_below():
    r = np.array([0.9, 0.8, 0.7])
    S = np.array([[1, 1, 0.1], [1, 1, 0.1], [0.1, 0.1, 1]])
    assert fusion.mmr(r, S, 3, balance=1.0) == [0, 1, 2]
    assert fusion.mmr(r, S, 2) == [0, 2]
    # 0.5 * 0.8 - 0.5 * 1 = -0.1 and 0.5 * 0.7 - 0.5 * 0.1 = 0.3
    with pytest.raises(ValueError, match="balance"):
        fusion.mmr(r, S, 2, balance=2.0)
    with pytest.raises(ValueError, match="k in"):
        fusion.mmr(r, S, 4)
    with pytest.raises(ValueError, match="shapes"):
        fusion.mmr(r, S[:2], 2)


def test_mmr_compares_with_the_most_similar_chosen_item():
    # item 2 is a copy of item 0 and far from item 1; item 3 is halfway to both
    S = np.array([[1, 0, 1, 0.6], [0, 1, 0, 0.6], [1, 0, 1, 0.6], [0.6, 0.6, 0.6, 1]])
    assert fusion.mmr([1.0, 0.9, 0.8, 0.8], S, 3) == [0, 1, 3]


def test_a_pair_scorer_learns_and_refuses_before():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2)) * [100.0, 1.0]
    scorer = fusion.PairScorer().fit(X, X[:, 0] > 0)
    assert ((scorer.scores(X) > 0) == (X[:, 0] > 0)).mean() > 0.95
    assert scorer.order(X[:5]).tolist() == np.argsort(-scorer.scores(X[:5])).tolist()
    with pytest.raises(ValueError, match="fitted"):
        fusion.PairScorer().scores(X)


def test_a_rank_fusion_counts_ranks_from_one_where_k_is_zero():
    ids, scores = fusion.rrf([[4, 2]], k=0)
    assert dict(zip(ids.tolist(), scores.tolist(), strict=True)) == {4: 1.0, 2: 0.5}
    with pytest.raises(ValueError, match="k >= 0"):
        fusion.rrf([[1]], k=np.inf)


def test_a_ranking_of_weight_zero_adds_ids_but_no_score():
    ids, scores = fusion.rrf([[4, 2], [7]], weights=[1, 0])
    assert ids.tolist() == [4, 2, 7]
    assert scores[2] == 0.0


def test_ids_of_equal_fused_score_come_in_their_own_order():
    ids, _ = fusion.rrf([[i] for i in range(100, 0, -1)])
    assert ids.tolist() == list(range(1, 101))


def test_a_blend_does_not_depend_on_the_unit_of_a_table():
    table = np.array([0.3, 0.1, 0.2])
    small = fusion.blend([table * 0.01, [0.0, 1.0, 0.0]], [0.5, 0.5])
    assert np.allclose(small, fusion.blend([table * 50, [0.0, 1.0, 0.0]], [0.5, 0.5]))
    assert small.tolist() == pytest.approx([0.5, 0.5, 0.25])


def test_mmr_at_balance_zero_seeks_what_is_least_similar():
    S = np.array([[1, 0.6, 0.2, 0.4], [0.6, 1, 0.9, 0.5], [0.2, 0.9, 1, 0.8], [0.4, 0.5, 0.8, 1]])
    # 3 is 0.8 similar to 2 and 1 is 0.9 similar to it, more than either is to 0
    assert fusion.mmr([1.0, 0.9, 0.1, 0.8], S, 4, balance=0.0) == [0, 2, 3, 1]
    assert fusion.mmr([0.1, 0.9, 0.2, 0.3], S, 1) == [1]
    for k, balance in ((0, 0.5), (2, -0.1), (2, 1.01)):
        with pytest.raises(ValueError, match=r"k in|balance"):
            fusion.mmr(np.ones(4), S, k, balance)
    with pytest.raises(ValueError, match="shapes"):
        fusion.mmr(np.ones((4, 1)), S, 2)


def test_the_pull_of_ten_times_the_loss_on_a_pair_scorer_is_its_weights():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 2)) * [0.02, 3.0] + [5.0, -1.0]
    y = rng.random(60) < 1 / (1 + np.exp(-(X - [5, -1]) @ [80.0, 0.3]))
    scores = fusion.PairScorer().fit(X, y).scores(X)
    Z = (X - X.mean(0)) / X.std(0)
    weights = np.linalg.lstsq(np.c_[np.ones(60), Z], scores, rcond=None)[0][1:]
    residual = y - 1 / (1 + np.exp(-scores))
    # the solver stops at a mean gradient of 1e-4, times 10 and 60 examples
    assert 10 * residual.sum() == pytest.approx(0, abs=0.06)
    assert 10 * Z.T @ residual == pytest.approx(weights, abs=0.06)


def test_the_scores_of_pairs_do_not_depend_on_units_nor_on_a_constant_feature():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(50, 2))
    y = X @ [1.0, -2.0] + rng.normal(size=50) > 0
    plain = fusion.PairScorer().fit(X, y).scores(X)
    other = np.c_[X * [0.001, 40.0] + 7, np.full(50, 3.0)]
    assert np.allclose(fusion.PairScorer().fit(other, y).scores(other), plain, rtol=1e-3, atol=1e-3)


def test_pairs_of_equal_score_stay_in_their_order():
    scorer = fusion.PairScorer().fit([[0.0], [1.0], [0.1], [0.9]], [0, 1, 0, 1])
    pairs = (np.arange(200) % 2)[:, None]
    assert scorer.order(pairs).tolist() == [*range(1, 200, 2), *range(0, 200, 2)]


def test_an_empty_ranking_and_a_single_table_change_nothing():
    ids, scores = fusion.rrf([[], [2, 4]])
    assert ids.dtype == np.intp
    assert ids.tolist() == [2, 4]
    assert scores.tolist() == fusion.rrf([[2, 4]])[1].tolist()
    assert fusion.blend([[2.0, 4.0, 3.0]], [1.0]).tolist() == [0.0, 1.0, 0.5]


def test_blends_and_pairs_of_single_precision_are_computed_in_double():
    single = np.random.default_rng(3).random((40, 3)).astype(np.float32)
    double = single.astype(float)
    assert np.allclose(
        fusion.blend([single[:, 0]], [0.3]), fusion.blend([double[:, 0]], [0.3]), 1e-12
    )
    y = double.sum(1) > 1.5
    scores = fusion.PairScorer().fit(single, y).scores(single)
    assert np.allclose(scores, fusion.PairScorer().fit(double, y).scores(double), rtol=1e-12)


def test_mmr_ranks_what_differs_in_the_last_bit_of_single_precision():
    # 0.7 times neighbors between 1.5 and 2 is rounded to fewer numbers than there are neighbors
    close = (1.5 + np.arange(12) * 2.0**-23).astype(np.float32)
    backwards = list(range(11, -1, -1))
    assert fusion.mmr(close, np.zeros((12, 12)), 12, balance=0.7) == backwards
    S = np.zeros((13, 13), dtype=np.float32)
    S[0, 1:] = S[1:, 0] = close[::-1]
    equal = np.r_[2.0, np.ones(12)]
    assert fusion.mmr(equal, S, 13, balance=0.3) == [0, *range(12, 0, -1)]


def test_the_ends_of_the_parameters_of_bm25():
    docs = [["a"], ["a", "a", "x"], ["y"] * 8]
    for k1, b in ((0.0, 0.75), (1.2, 1.0), (1.2, 0.0)):
        scores = lexical.InvertedIndex(docs, k1=k1, b=b).scores(["a"])
        length = np.array([1, 3, 8])
        tf = np.array([1, 2, 0])
        idf = np.log1p((3 - 2 + 0.5) / 2.5)
        norm = k1 * (1 - b + b * length / 4)
        expected = [
            idf * t * (k1 + 1) / (t + m) if t else 0.0 for t, m in zip(tf, norm, strict=True)
        ]
        assert scores.tolist() == pytest.approx(expected)
    with pytest.raises(ValueError, match="k1 must be >= 0"):
        lexical.InvertedIndex(docs, k1=np.inf)


def test_no_posting_has_been_read_before_the_first_query():
    assert lexical.InvertedIndex(DOCS).work == 0


def test_an_agent_stops_at_ten_texts_and_calls_no_more_than_it_needs():
    texts = ["red"] * 15
    ids, calls = lexical.agent_search(texts, ["red"])
    assert (ids.tolist(), calls) == (list(range(10)), 2)
    texts = ["red hen", "red", "red"]
    ids, calls = lexical.agent_search(texts, ["red", "hen"], limit=1)
    assert (ids.tolist(), calls) == ([0], 3)  # a second listing is not needed
    ids, _ = lexical.agent_search(texts, ["owl"], limit=1)
    assert ids.tolist() == [] and ids.dtype == np.intp
    ids, calls = lexical.agent_search([], ["owl"])
    assert (ids.tolist(), calls) == ([], 1)
