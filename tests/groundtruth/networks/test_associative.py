"""Memories: energies that never rise, recall of what was stored, and the modern step against
torch's attention.
"""

from itertools import pairwise

import numpy as np
import pytest
import torch
from groundtruth.networks import associative as aso
from hypothesis import given, settings
from hypothesis import strategies as st

SEEDS = st.integers(0, 10**6)


@given(SEEDS, st.integers(1, 12))
def test_recall_never_raises_the_energy_and_ends_where_no_unit_wants_to_change(seed, P):
    rng = np.random.default_rng(seed)
    X = rng.choice([-1.0, 1.0], (P, 24))
    W = aso.hopfield_store(X)
    s, levels = aso.recall(W, rng.choice([-1.0, 1.0], 24), rng, sweeps=200)
    assert all(b <= a + 1e-9 for a, b in pairwise(levels))
    assert (s * (W @ s) >= -1e-9).all()
    assert levels[-1] == pytest.approx(aso.energy(W, s))


def test_few_patterns_are_recalled_from_damage():
    rng = np.random.default_rng(0)
    X = rng.choice([-1.0, 1.0], (5, 200))
    damaged = X[0] * rng.choice([1, -1], 200, p=[0.8, 0.2])
    assert np.array_equal(aso.recall(aso.hopfield_store(X), damaged, rng)[0], X[0])


@given(SEEDS)
def test_the_modern_step_equals_attention_and_lowers_its_energy(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(7, 4))
    q = rng.normal(size=(3, 4))
    tq = torch.tensor(q)[None]
    tx = torch.tensor(X)[None]
    np.testing.assert_allclose(
        aso.modern_update(X, q, 0.5),
        torch.nn.functional.scaled_dot_product_attention(tq, tx, tx)[0].numpy(),
        atol=1e-12,
    )
    assert (
        aso.modern_energy(X, aso.modern_update(X, q[0], 2.0), 2.0)
        <= aso.modern_energy(X, q[0], 2.0) + 1e-12
    )


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: aso.hopfield_store([[0, 1]]), "2 b - 1"),
        (lambda: aso.recall(np.ones((2, 2)), [1, -1], np.random.default_rng(0)), "diagonal"),
        (lambda: aso.recall(np.zeros((3, 3)), [1, -1], np.random.default_rng(0)), "symmetric"),
        (lambda: aso.modern_update(np.ones((2, 3)), np.ones(2), 1.0), "patterns"),
        (lambda: aso.modern_update(np.ones((2, 3)), np.ones(3), 0.0), "beta"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()


def test_stored_weights_are_mean_products_of_signs_without_the_diagonal():
    # (1, 1, -1) and (1, -1, -1): products of columns 0 and 1 cancel, of 0 and 2 add up to -2
    W = aso.hopfield_store([[1, 1, -1], [1, -1, -1]])
    assert W.dtype == np.float64
    np.testing.assert_allclose(W, np.array([[0, 0, -2], [0, 0, 0], [-2, 0, 0]]) / 3)


def test_the_energy_counts_every_pair_once():
    W = np.array([[0.0, 2.0, -1.0], [2.0, 0.0, 4.0], [-1.0, 4.0, 0.0]])
    # -(2 . 1 - 1 . 1 . (-1) + 4 . 1 . (-1)) = -(2 + 1 - 4)
    assert aso.energy(W, np.array([1.0, 1.0, -1.0])) == 1.0


@pytest.mark.parametrize("wrong", [[1.0, -1.0], [[]], [[0.0, 1.0]], [[2.0, 1.0]], [[[1.0]]]])
def test_patterns_are_rows_of_signs(wrong):
    with pytest.raises(ValueError, match="^patterns must be 2-dimensional and hold only -1 and 1"):
        aso.hopfield_store(wrong)


@pytest.mark.parametrize("wrong", [[[1.0, -1.0]], [], [0.0, 1.0], 1.0])
def test_a_state_is_a_row_of_signs(wrong):
    with pytest.raises(ValueError, match=r"^a state must be 1-dimensional .*; map bits b to 2 b"):
        aso.recall(np.zeros((2, 2)), wrong, np.random.default_rng(0))


@pytest.mark.parametrize(
    "W",
    [
        np.zeros((3, 3)),
        np.zeros((2, 3)),
        np.zeros(2),
        np.array([[0.0, 1.0], [2.0, 0.0]]),
        np.array([[0.0, 1.0], [1.0, 0.5]]),
    ],
)
def test_weights_are_symmetric_without_a_diagonal(W):
    with pytest.raises(ValueError, match=r"symmetric \(2, 2\) with a diagonal of zeros, got the"):
        aso.recall(W, [1, -1], np.random.default_rng(0))


@settings(max_examples=25)
@given(SEEDS)
def test_recall_equals_its_definition(seed):
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.integers(-3, 4, (9, 9)), 1)
    W = upper + upper.T
    start = rng.choice([-1, 1], 9)
    got, told = aso.recall(W, start, np.random.default_rng(seed + 1))
    s = start.copy()
    levels = [-s @ W @ s / 2]
    order = np.random.default_rng(seed + 1)
    changed = True
    while changed:
        changed = False
        for i in order.permutation(9):
            new = 1 if W[i] @ s >= 0 else -1
            changed = changed or new != s[i]
            s[i] = new
        levels.append(-s @ W @ s / 2)
    assert got.tolist() == s.tolist()
    assert told == levels


def test_recall_leaves_its_start_alone():
    start = np.array([1.0, -1.0])
    W = np.array([[0.0, 1.0], [1.0, 0.0]])
    s, _ = aso.recall(W, start, np.random.default_rng(0))
    assert s[0] == s[1]
    assert start.tolist() == [1, -1]


def test_a_unit_that_hears_nothing_turns_on():
    s, levels = aso.recall(np.zeros((2, 2)), [-1, -1], np.random.default_rng(0))
    assert (s.tolist(), levels) == ([1, 1], [0, 0, 0])


def test_a_state_that_stays_ends_after_one_sweep():
    W = np.array([[0.0, 1.0], [1.0, 0.0]])
    s, levels = aso.recall(W, [-1, -1], np.random.default_rng(0))
    assert (s.tolist(), levels) == ([-1, -1], [-1, -1])


def test_twenty_sweeps_are_made_unless_told():
    # a chain whose links weaken from its free end on: the first unit turns the second, and so on;
    # in random order a wall moves less than three places a sweep
    n = 90
    links = np.diag(np.arange(n - 1, 0, -1.0), 1)
    W = links + links.T
    start = -np.ones(n)
    start[0] = 1
    W[0, 1] = W[1, 0] = 2 * n
    turned = {}
    for sweeps in (0, 1, 20, 21, None):
        rng = np.random.default_rng(0)
        more = {} if sweeps is None else {"sweeps": sweeps}
        _, levels = aso.recall(W, start, rng, **more)
        turned[sweeps] = len(levels) - 1
    assert turned == {0: 0, 1: 1, 20: 20, 21: 21, None: 20}


def test_the_modern_step_of_one_state_and_of_two():
    X = np.array([[1, 0], [0, 1], [1, 1]])
    q = np.array([[1, 0], [2, -1]])
    expected = []
    for state in q:
        weights = np.exp(2 * np.array([state @ x for x in X]))
        expected.append(weights @ X / weights.sum())
    np.testing.assert_allclose(aso.modern_update(X, q, 2), expected, rtol=1e-14)
    np.testing.assert_allclose(aso.modern_update(X, q[1], 2), expected[1], rtol=1e-14)


@pytest.mark.parametrize("width", [np.float32, np.longdouble, np.int64])
def test_memories_are_computed_in_double_precision(width):
    X = np.array([[1, 0], [0, 1]])
    q = np.array([1, 2])
    for args in ((X.astype(width), q), (X, q.astype(width))):
        assert aso.modern_update(*args, 1.0).dtype == np.float64
    W = np.array([[0, 1], [1, 0]])
    s, _ = aso.recall(W.astype(width), np.array([1, -1], width), np.random.default_rng(0))
    assert s.dtype == np.float64
    assert aso.hopfield_store(np.array([[1, -1]], width)).dtype == np.float64


@pytest.mark.parametrize(
    ("X", "q", "beta"),
    [
        (np.ones(2), np.ones(2), 1.0),
        (np.ones((2, 3, 3)), np.ones(3), 1.0),
        (np.ones((0, 3)), np.ones(3), 1.0),
        (np.ones((2, 3)), np.ones(2), 1.0),
        (np.ones((2, 3)), np.ones((1, 1, 3)), 1.0),
        (np.ones((2, 3)), 1.0, 1.0),
        (np.ones((2, 3)), np.ones(3), 0.0),
        (np.ones((2, 3)), np.ones(3), np.nan),
    ],
)
def test_the_modern_step_needs_patterns_states_and_a_positive_beta(X, q, beta):
    with pytest.raises(ValueError, match=r"need patterns \(P, d\), states \(d,\) or \(n, d\) and"):
        aso.modern_update(X, q, beta)


def test_the_modern_energy_by_its_definition():
    X = np.array([[1.0, 0.0], [0.0, 3.0]])
    # products 2 and -3, times 2: -ln(e^4 + e^-6) / 2 + (4 + 1) / 2
    expected = -np.log(np.exp(4) + np.exp(-6)) / 2 + 2.5
    told = aso.modern_energy(X, np.array([2.0, -1.0]), 2.0)
    assert told == pytest.approx(expected, rel=1e-14)
    assert isinstance(told, float)
