"""Top-k routing against torch, and the bounds of balance and capacity."""

import numpy as np
import pytest
import torch
from groundtruth.functional import softmax
from groundtruth.networks import routing as rt
from hypothesis import given
from hypothesis import strategies as st

SEEDS = st.integers(0, 10**6)


@given(SEEDS, st.integers(1, 5))
def test_the_chosen_and_their_weights_equal_torch(seed, k):
    z = np.random.default_rng(seed).normal(size=(7, 5))
    ids, w = rt.top_k_route(z, k)
    top, theirs = torch.tensor(z).topk(k, dim=1)
    assert np.array_equal(ids, theirs.numpy())
    np.testing.assert_allclose(w, torch.softmax(top, 1).numpy(), atol=1e-12)


def test_scores_of_unsigned_bytes_are_ranked_as_numbers():
    ids, w = rt.top_k_route(np.array([[0, 1, 2]], np.uint8), 2)
    assert ids.tolist() == [[2, 1]]
    np.testing.assert_allclose(w, [[1 / (1 + np.exp(-1)), 1 / (1 + np.e)]], atol=1e-12)


def test_among_equal_experts_the_first_are_chosen():
    z = np.random.default_rng(0).integers(0, 2, (3, 500))
    ids, w = rt.top_k_route(z, 300)
    for row, chosen in zip(z, ids, strict=True):
        best, rest = np.flatnonzero(row == 1), np.flatnonzero(row == 0)
        assert chosen.tolist() == [*best, *rest][:300]
    assert w.shape == (3, 300)


def test_balance_is_one_for_even_use_and_the_number_of_experts_for_collapse():
    even = 50 * np.eye(4)
    assert abs(rt.load_balance(even) - 1) < 1e-9
    assert abs(rt.load_balance(np.tile([50.0, 0, 0, 0], (9, 1))) - 4) < 1e-9
    assert rt.usage_entropy(np.arange(4), 4) == pytest.approx(1)
    assert rt.usage_entropy(np.zeros(9, int), 4) == 0


def test_the_entropy_of_two_experts_worked_by_hand():
    # ln 2 for even use; shares 1/4 and 3/4 give (2 ln 2 - 3/4 ln 3) / ln 2
    assert rt.usage_entropy([0, 1], 2) == pytest.approx(1)
    assert rt.usage_entropy([1, 1, 0, 1], 2) == pytest.approx(2 - 0.75 * np.log2(3))


@pytest.mark.parametrize("k", [1, 2])
def test_balance_is_use_times_mean_probability(k):
    z = np.random.default_rng(0).normal(size=(50, 4))
    chosen = np.argsort(-z, axis=1)[:, :k]
    use = np.array([(chosen == e).mean() for e in range(4)])
    assert rt.load_balance(z, k) == pytest.approx(4 * use @ softmax(z).mean(0))


@given(SEEDS, st.integers(1, 20))
def test_no_expert_takes_more_than_its_capacity_and_none_turns_away_while_it_has_room(
    seed, capacity
):
    ids = np.random.default_rng(seed).integers(0, 3, (20, 2))
    kept = rt.within_capacity(ids, 3, capacity)
    asked = np.bincount(ids.ravel(), minlength=3)
    taken = np.bincount(ids[kept], minlength=3)
    assert np.array_equal(taken, np.minimum(asked, capacity))


def test_first_choices_come_before_second_ones():
    kept = rt.within_capacity(np.array([[1, 0], [0, 1]]), 2, 1)
    assert kept.tolist() == [[True, False], [True, False]]


def test_unsigned_scores_are_ranked_by_size():
    assert rt.top_k_route(np.array([[0, 3, 1]], dtype=np.uint8), 3)[0].tolist() == [[1, 2, 0]]


def test_of_equal_scores_the_first_experts_are_chosen():
    z = np.tile([0.0, 1.0], (2, 100))
    assert np.array_equal(rt.top_k_route(z, 100)[0], np.tile(np.arange(1, 200, 2), (2, 1)))


def test_two_experts_that_are_used_alike_have_the_entropy_one():
    assert rt.usage_entropy([0, 1], 2) == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: rt.top_k_route([1.0, 2.0], 1), "shape"),
        (lambda: rt.top_k_route([[1.0, 2.0]], 3), "from 1 to 2"),
        (lambda: rt.load_balance([[np.nan, 1.0]]), "finite"),
        (lambda: rt.within_capacity([[0, 5]], 3, 1), "from 0 to 2"),
        (lambda: rt.within_capacity([[0, 3]], 3, 1), "from 0 to 2"),
        (lambda: rt.within_capacity([0, 1], 3, 1), "in a table"),
        (lambda: rt.within_capacity([[0.0, 1.0]], 3, 1), "whole numbers"),
        (lambda: rt.within_capacity([[0, 1]], 3, 0), "at least one row"),
        (lambda: rt.usage_entropy([0, 1], 1), "two experts"),
        (lambda: rt.usage_entropy([0, 0], 1), "two experts"),
        (lambda: rt.usage_entropy([0, 2], 2), "below their number"),
        (lambda: rt.usage_entropy([0, 3], 3), "below their number"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()
