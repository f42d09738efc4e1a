"""Fused rankings against their definitions, and the reranker against scikit-learn's pipeline."""

from __future__ import annotations

import numpy as np
import pytest
from groundtruth.modern import fusion
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

THIRDS = np.array([1 / 3, 2 / 3, 0.1], dtype=np.float32)


def defined(rankings, k, weights):
    """Reciprocal-rank fusion by its definition, id by id."""
    score = {}
    for ranking, weight in zip(rankings, weights, strict=True):
        for rank, i in enumerate(ranking, start=1):
            score[i] = score.get(i, 0.0) + weight / (k + rank)
    return sorted(score.items(), key=lambda pair: (-pair[1], pair[0]))


@pytest.mark.parametrize("seed", range(5))
def test_rrf_is_its_definition(seed):
    rng = np.random.default_rng(seed)
    rankings = [rng.permutation(9)[:n].tolist() for n in (4, 9, 1)]
    weights = [0.0, 0.5, 3.0]
    ids, scores = fusion.rrf(rankings, 7, weights)
    expected = defined(rankings, 7, weights)
    np.testing.assert_allclose(sorted(scores), sorted(s for _, s in expected), rtol=1e-12)
    assert dict(zip(ids.tolist(), scores.tolist(), strict=True)) == pytest.approx(dict(expected))
    assert (np.diff(scores) <= 0).all()


def test_equal_scores_are_ordered_by_id():
    assert fusion.rrf([[5, 2], [2, 5]])[0].tolist() == [2, 5]


def test_k_of_zero_weighs_by_the_reciprocal_of_the_rank():
    assert fusion.rrf([[4, 7]], 0)[1].tolist() == [1.0, 0.5]


def test_the_ids_of_an_empty_ranking_are_whole_numbers():
    ids, scores = fusion.rrf([[], [3]])
    assert ids.tolist() == [3] and ids.dtype == np.intp
    assert scores.tolist() == [1 / 61]


def test_single_precision_is_blended_in_double():
    expected = (THIRDS.astype(float) - THIRDS.astype(float).min()) / np.ptp(THIRDS.astype(float))
    np.testing.assert_array_equal(fusion.blend([THIRDS], [1.0]), expected)


def test_a_span_below_one_is_stretched_and_equal_scores_count_as_zero():
    blended = fusion.blend([[0.25, 0.5], [7.0, 7.0]], [2.0, 5.0])
    assert blended.tolist() == [0.0, 2.0]


def test_marginal_relevance_is_its_definition():
    rng = np.random.default_rng(3)
    r, points = rng.random(7), rng.normal(size=(7, 3))
    S = points @ points.T
    for balance in (0.0, 0.3, 1.0):
        chosen = [int(np.argmax(r))]
        while len(chosen) < 5:
            rest = [i for i in range(7) if i not in chosen]
            gain = [balance * r[i] - (1 - balance) * max(S[i, j] for j in chosen) for i in rest]
            chosen.append(rest[int(np.argmax(gain))])
        assert fusion.mmr(r, S, 5, balance) == chosen
    assert fusion.mmr(r, S, 1) == [int(np.argmax(r))]
    assert fusion.mmr(r, S, 7, 1.0) == np.argsort(-r).tolist()


def test_marginal_relevance_of_single_precision_is_computed_in_double():
    rng = np.random.default_rng(4)
    for _ in range(300):
        r = rng.integers(0, 8, 6).astype(np.float32) / 7
        S = rng.integers(0, 8, (6, 6)).astype(np.float32) / 7
        exact = fusion.mmr(r.astype(float), S.astype(float), 5, 0.3)
        assert fusion.mmr(r, S, 5, 0.3) == exact
        assert fusion.mmr(r.astype(float), S, 5, 0.3) == exact
        assert fusion.mmr(r, S.astype(float), 5, 0.3) == exact


def test_the_first_choice_is_the_most_relevant_not_the_first():
    assert fusion.mmr([0.1, 0.9], np.eye(2), 1) == [1]


def test_the_reranker_is_a_logistic_regression_on_standardized_features():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(60, 3)) * [0.1, 1.0, 40.0] + [5.0, 0.0, -3.0]
    y = (X[:, 0] * 10 + X[:, 2] / 40 + rng.normal(size=60) > 50).astype(int)
    theirs = make_pipeline(StandardScaler(), LogisticRegression(C=10.0)).fit(X, y)
    ours = fusion.PairScorer().fit(X, y)
    new = rng.normal(size=(8, 3)) * [0.1, 1.0, 40.0]
    np.testing.assert_allclose(ours.scores(new), theirs.decision_function(new), rtol=1e-6)
    assert ours.order(new).tolist() == np.argsort(-theirs.decision_function(new)).tolist()


def test_a_reranker_of_single_precision_is_fitted_in_double():
    X = np.random.default_rng(6).normal(size=(40, 2)).astype(np.float32) * 3 + 1000
    y = np.arange(40) % 3 == 0
    np.testing.assert_array_equal(
        fusion.PairScorer().fit(X, y).scores(X),
        fusion.PairScorer().fit(X.astype(float), y).scores(X.astype(float)),
    )


def test_a_constant_feature_changes_no_score():
    x = np.array([[0.0], [1.0], [0.1], [0.9]])
    both = np.hstack([x, np.full((4, 1), 3.0)])
    y = [0, 1, 0, 1]
    alone = fusion.PairScorer().fit(x, y).scores(x)
    scorer = fusion.PairScorer().fit(both, y)
    np.testing.assert_allclose(scorer.scores(both), alone, rtol=1e-9)
    moved = both + np.array([0.0, 1.0])  # a feature that never varied has no weight
    np.testing.assert_allclose(scorer.scores(moved), alone, rtol=1e-9)


def test_pairs_of_equal_score_keep_their_order():
    scorer = fusion.PairScorer().fit([[0.0], [1.0]], [0, 1])
    features = np.repeat([[1.0], [0.0]], 40, axis=0)
    assert scorer.order(features).tolist() == list(range(80))
    assert scorer.order(features[::-1]).tolist() == [*range(40, 80), *range(40)]


@pytest.mark.parametrize(
    "call",
    [
        lambda: fusion.rrf([]),
        lambda: fusion.rrf([[1]], -0.5),
        lambda: fusion.rrf([[1]], np.inf),
        lambda: fusion.rrf([[1, 1]]),
        lambda: fusion.rrf([[[1]]]),
        lambda: fusion.rrf([[1]], weights=[-0.5]),
        lambda: fusion.rrf([[1]], weights=[np.inf]),
        lambda: fusion.rrf([[1]], weights=[1.0, 1.0]),
        lambda: fusion.blend([], []),
        lambda: fusion.blend([[1.0], [1.0, 2.0]], [1, 1]),
        lambda: fusion.blend([[1.0, 2.0], [1.0], [1.0]], [1, 1, 1]),
        lambda: fusion.blend([[1.0]], [1, 1]),
        lambda: fusion.mmr([[0.5]], np.ones((1, 1)), 1),
        lambda: fusion.mmr([0.5, 0.1], np.ones((1, 1)), 1),
        lambda: fusion.mmr([0.5], np.ones((1, 1)), 0),
        lambda: fusion.mmr([0.5], np.ones((1, 1)), 2),
        lambda: fusion.mmr([0.5], np.ones((1, 1)), 1, -0.1),
        lambda: fusion.mmr([0.5], np.ones((1, 1)), 1, 1.1),
        lambda: fusion.PairScorer().scores([[0.0]]),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(ValueError):
        call()
