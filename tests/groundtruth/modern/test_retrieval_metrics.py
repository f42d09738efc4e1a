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
