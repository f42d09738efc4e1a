"""Measures of several queries against the definitions of each, and groups ranked by their best."""

from __future__ import annotations

import numpy as np
import pytest
from groundtruth.modern import retrieval_metrics as metrics

RANKINGS = [[7, 1, 4, 2, 9], [3, 8, 5]]
RELEVANT = [{1, 9}, {6}]


@pytest.mark.parametrize(
    ("measure", "k", "values"),
    [
        ("recall", 2, [0.5, 0.0]),
        ("recall", 5, [1.0, 0.0]),
        ("precision", 4, [0.25, 0.0]),
        ("hit", 1, [0.0, 0.0]),
        ("hit", 2, [1.0, 0.0]),
        ("mrr", 1, [0.0, 0.0]),
        ("mrr", 2, [0.5, 0.0]),
        ("map", 5, [(1 / 2 + 2 / 5) / 2, 0.0]),
        ("ndcg", 2, [1 / np.log2(3) / (1 + 1 / np.log2(3)), 0.0]),
        ("ndcg", 5, [(1 / np.log2(3) + 1 / np.log2(6)) / (1 + 1 / np.log2(3)), 0.0]),
    ],
)
def test_measures_by_hand(measure, k, values):
    assert metrics.per_query(measure, RANKINGS, RELEVANT, k) == pytest.approx(values)


@pytest.mark.parametrize("measure", sorted(metrics.MEASURES))
def test_results_beyond_the_depth_count_for_nothing(measure):
    short = metrics.per_query(measure, [[5, 1, 2]], [{1, 3}], 3)
    assert metrics.per_query(measure, [[5, 1, 2, 3, 4]], [{1, 3}], 3) == pytest.approx(short)


@pytest.mark.parametrize("measure", sorted(metrics.MEASURES))
def test_no_result_at_all_scores_zero(measure):
    assert metrics.per_query(measure, [np.array([], dtype=int)], [{4}], 3).tolist() == [0.0]


def test_many_groups_of_equal_score_keep_their_order():
    groups = np.arange(60)
    assert metrics.rank_of(np.ones(60), groups, 60).tolist() == list(range(60))
    scores = np.where(groups < 30, 0.0, 1.0)
    assert metrics.rank_of(scores, groups, 60).tolist() == [*range(30, 60), *range(30)]


def test_a_group_without_items_is_last():
    assert metrics.rank_of([-5.0, -7.0], np.array([2, 0]), 3).tolist() == [2, 0, 1]


def test_the_depth_is_passed_to_the_measure():
    # of three results one is relevant, but precision is per place asked for
    assert metrics.per_query("precision", [[5, 1, 2]], [{1}], 10).tolist() == [0.1]
    assert metrics.per_query("map", [[5, 1, 2, 3]], [{1, 3}], 2).tolist() == [0.25]


def test_neighbors_found_by_hand():
    assert metrics.neighbor_recall([[1, 2], [3, 9]], [[2, 1], [3, 4]]) == 0.75


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.per_query("f1", [[1]], [{1}], 1),
        lambda: metrics.per_query("hit", [[1]], [{1}], 0),
        lambda: metrics.per_query("hit", [], [], 1),
        lambda: metrics.per_query("hit", [[1]], [{1}, {2}], 1),
        lambda: metrics.per_query("hit", [[1, 1]], [{1}], 1),
        lambda: metrics.per_query("hit", [[1]], [set()], 1),
        lambda: metrics.neighbor_recall([], []),
        lambda: metrics.neighbor_recall([[1]], [[1], [2]]),
        lambda: metrics.rank_of([], np.array([], dtype=int), 1),
        lambda: metrics.rank_of([1.0, 2.0], np.array([0]), 1),
    ],
)
@pytest.mark.filterwarnings("error")
def test_bad_input_is_refused(call):
    with pytest.raises(ValueError):
        call()
