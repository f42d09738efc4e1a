"""Ranking scores against scikit-learn and by hand; bounds and bad input."""

import numpy as np
import pytest
from groundtruth.learning import ranking as rk
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

lists = st.lists(st.integers(0, 3), min_size=2, max_size=12)


@given(lists, st.integers(1, 12))
def test_ndcg_equals_sklearn_and_lies_between_zero_and_one(rel, k):
    places = -np.arange(len(rel), dtype=float)
    if any(rel):
        assert rk.ndcg(rel, k, "linear") == pytest.approx(sk.ndcg_score([rel], [places], k=k))
    assert 0 <= rk.ndcg(rel, k) <= 1 + 1e-12
    assert rk.ndcg(sorted(rel, reverse=True), k) == pytest.approx(float(any(rel)))


@given(lists)
def test_average_precision_equals_sklearn(rel):
    binary = (np.array(rel) > 0).astype(int)
    if binary.any():
        assert rk.average_precision_at_k(rel) == pytest.approx(
            sk.average_precision_score(binary, -np.arange(len(rel)))
        )


def test_small_lists_by_hand():
    assert rk.precision_at_k([1, 0, 1], 3) == pytest.approx(2 / 3)
    assert rk.recall_at_k([1, 0, 1], 3, 2) == 1
    assert rk.reciprocal_rank([0, 0, 5]) == pytest.approx(1 / 3)
    assert rk.average_precision_at_k([0, 1, 1]) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert rk.average_precision_at_k([0, 0]) == 0
    assert rk.dcg([2, 1]) == pytest.approx(3 + 1 / np.log2(3))


@pytest.mark.parametrize(
    ("rel", "k", "total", "expected"),
    [
        ([1], None, 100, 0.01),  # 99 relevant results were never returned
        ([1, 0, 0, 1], 2, None, 0.5),  # the second one lies beyond the cut-off
        ([1, 0, 1], None, 4, (1 + 2 / 3) / 4),
        ([0, 0], 1, 3, 0.0),
    ],
)
def test_average_precision_divides_by_all_relevant_results(rel, k, total, expected):
    assert rk.average_precision_at_k(rel, k, total) == pytest.approx(expected)


def test_a_single_relevant_result_that_is_returned_first_scores_one():
    assert rk.recall_at_k([1, 0], 1, total=1) == 1
    assert rk.average_precision_at_k([1, 0], total=1) == 1


def test_relevances_of_single_precision_are_computed_in_double():
    rel = np.array([0.1, 0.7, 0.4], dtype=np.float32)
    for gain in ("exponential", "linear"):
        assert rk.dcg(rel, gain=gain) == pytest.approx(rk.dcg(rel.tolist(), gain=gain), rel=1e-14)


@given(lists, st.integers(1, 12), st.integers(0, 3))
def test_a_judged_result_that_was_not_returned_never_raises_ndcg(rel, k, missed):
    assert rk.ndcg(rel, k, judged=[*rel, missed]) <= rk.ndcg(rel, k) + 1e-12


def test_ndcg_with_judged_results_by_hand():
    ideal = 3 + 1 / np.log2(3)
    assert rk.ndcg([1], k=2, judged=[1, 2]) == pytest.approx(1 / ideal)


@given(lists)
def test_moving_a_better_result_up_never_hurts(rel):
    for i in range(len(rel) - 1):
        if rel[i] < rel[i + 1]:
            swapped = [*rel[:i], rel[i + 1], rel[i], *rel[i + 2 :]]
            assert rk.dcg(swapped) >= rk.dcg(rel)
            assert rk.average_precision_at_k(swapped) >= rk.average_precision_at_k(rel) - 1e-12


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rk.precision_at_k([], 1), "at least one result"),
        (lambda: rk.precision_at_k([1], 0), "k must"),
        (lambda: rk.recall_at_k([1, 1], 2, 1), "got 1"),
        (lambda: rk.average_precision_at_k([1, 1], total=1), "got 1"),
        (lambda: rk.average_precision_at_k([0], total=0), "at least 1"),
        (lambda: rk.recall_at_k([0], 1, 0), "at least 1"),
        (lambda: rk.ndcg([2], judged=[1]), "every result"),
        (lambda: rk.ndcg([1, 1], judged=[1]), "every result"),
        (lambda: rk.ndcg([1], judged=[]), "at least one result"),
        (lambda: rk.dcg([-1.0]), ">= 0"),
        (lambda: rk.dcg([1.0], gain="square"), "'square'"),
        (lambda: rk.reciprocal_rank([np.nan]), "relevances"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
