"""Memories: energies that never rise, recall of what was stored, and the modern step against
torch's attention.
"""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import torch
from groundtruth.check import numeric_grad
from groundtruth.networks import associative as aso
from hypothesis import given
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


class Backwards:
    """A generator whose permutations all run from the last to the first."""

    def permutation(self, n):
        return np.arange(n)[::-1]


def chain(n):
    """Units each bound to its neighbors, to the left one more: a change runs to the right."""
    W = np.zeros((n, n))
    for i in range(n - 1):
        W[i, i + 1] = W[i + 1, i] = n - i
    return W


def test_stored_weights_by_hand():
    W = aso.hopfield_store([[1, 1, -1], [1, -1, -1]])
    # units 0 and 2 differ in both patterns, so -2 of N = 3; the others agree once and differ once
    np.testing.assert_allclose(W, [[0, 0, -2 / 3], [0, 0, 0], [-2 / 3, 0, 0]], atol=1e-15)


@pytest.mark.parametrize(
    "X", [[1.0, -1.0], [[[1.0]]], np.ones((0, 3)), [[1.0, 0.5]], [[1.0, np.nan]]]
)
def test_patterns_are_rows_of_signs(X):
    with pytest.raises(ValueError, match="patterns must be 2-dimensional and hold only -1 and 1"):
        aso.hopfield_store(X)


@pytest.mark.parametrize("s", [[[1.0, -1.0]], [], [1.0, 0.0]])
def test_a_state_is_one_row_of_signs(s):
    with pytest.raises(ValueError, match="a state must be 1-dimensional and hold only -1 and 1"):
        aso.recall(np.zeros((2, 2)), s, np.random.default_rng(0))


def test_the_energy_counts_each_pair_once():
    W = np.array([[0.0, 2.0, -1.0], [2.0, 0.0, 0.5], [-1.0, 0.5, 0.0]])
    s = np.array([1.0, 1.0, -1.0])
    # -(2 * 1 * 1 + -1 * 1 * -1 + 0.5 * 1 * -1)
    assert aso.energy(W, s) == -2.5
    assert type(aso.energy(W, s)) is float


def test_recall_by_hand():
    W = np.array([[0, 1], [1, 0]])
    s, levels = aso.recall(W, [1, -1], Backwards())
    # unit 1 goes first and follows unit 0; the second sweep changes nothing
    assert s.tolist() == [1.0, 1.0]
    assert levels == [1.0, -1.0, -1.0]


def test_weights_and_patterns_may_be_fractions():
    half = Fraction(1, 2)
    s, levels = aso.recall([[0, half], [half, 0]], [1, -1], Backwards())
    assert s.dtype == np.float64
    assert levels == [0.5, -0.5, -0.5]
    assert aso.modern_update([[half, half]], [1.0, 0.0], 1.0).dtype == np.float64


def test_recall_leaves_the_state_that_it_was_given():
    s = np.array([1.0, -1.0])
    aso.recall(np.array([[0.0, 1.0], [1.0, 0.0]]), s, Backwards())
    assert s.tolist() == [1.0, -1.0]


def test_a_unit_that_hears_nothing_turns_on():
    s, levels = aso.recall(np.zeros((3, 3)), [-1, 1, -1], np.random.default_rng(0))
    assert s.tolist() == [1.0, 1.0, 1.0]
    assert levels == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(("asked", "sweeps"), [({}, 20), ({"sweeps": 3}, 3), ({"sweeps": 50}, 29)])
def test_recall_stops_when_nothing_changes_or_after_twenty_sweeps_or_as_many_as_asked(
    asked, sweeps
):
    start = np.repeat([1.0, -1.0], [2, 28])
    s, levels = aso.recall(chain(30), start, Backwards(), **asked)
    # one more unit turns in each sweep, and the 29th sees that none is left
    assert (s == 1).sum() == min(2 + sweeps, 30)
    assert len(levels) == 1 + sweeps
    # the one broken bond moves to the right, where bonds are weaker, until there is none
    broken = [*range(29, 1, -1), 0, 0]
    bonds = sum(range(2, 31))
    assert levels == [2 * bond - bonds for bond in broken[: len(levels)]]


@pytest.mark.parametrize(
    "W",
    [
        [[0.0, 1.0], [0.5, 0.0]],
        [[0.0, 1.0], [1.0, 0.1]],
        [[0.0, 1.0]],
        [0.0, 0.0],
        np.zeros((3, 3)),
        [[0.0, np.nan], [np.nan, 0.0]],
    ],
)
def test_weights_under_which_the_energy_may_rise_are_refused(W):
    with pytest.raises(ValueError, match=r"symmetric \(2, 2\) with a diagonal of zeros"):
        aso.recall(W, [1.0, -1.0], np.random.default_rng(0))


def test_recall_takes_the_order_from_its_generator():
    # two stable pairs: the unit that goes first decides
    W = np.array([[0.0, 1.0], [1.0, 0.0]])
    ends = [tuple(aso.recall(W, [1, -1], np.random.default_rng(k))[0]) for k in range(20)]
    again = [tuple(aso.recall(W, [1, -1], np.random.default_rng(k))[0]) for k in range(20)]
    assert ends == again
    assert set(ends) == {(1.0, 1.0), (-1.0, -1.0)}


def test_the_modern_step_is_a_mean_of_patterns_by_the_powers_of_their_products():
    X = np.array([[1, 0, 2], [0, 1, -1]])
    # products 1 and 0 and beta = ln 3, so the shares are 3/4 and 1/4
    got = aso.modern_update(X, [1, 0, 0], np.log(3))
    np.testing.assert_allclose(got, [0.75, 0.25, 1.25], rtol=1e-14)


def test_the_modern_step_in_single_precision_is_made_in_double():
    X = np.array([[0.1, 0.7], [0.3, -0.2]], dtype=np.float32)
    q = np.array([0.9, 0.4], dtype=np.float32)
    got = aso.modern_update(X, q, 0.3)
    assert got.dtype == np.float64
    assert np.array_equal(got, aso.modern_update(X.astype(float), q.astype(float), 0.3))


def test_one_pattern_is_found_in_one_step():
    assert aso.modern_update([[2.0, 3.0]], [[-1.0, 0.0]], 1e-3).tolist() == [[2.0, 3.0]]


@pytest.mark.parametrize(
    ("X", "q", "beta"),
    [
        (np.ones(3), np.ones(3), 1.0),
        (np.ones((1, 2, 3)), np.ones(2), 1.0),
        (np.ones((0, 3)), np.ones(3), 1.0),
        (np.ones((2, 3)), 1.0, 1.0),
        (np.ones((2, 3)), np.ones((1, 1, 3)), 1.0),
        (np.ones((2, 3)), np.ones((3, 2)), 1.0),
        (np.ones((2, 3)), np.ones(3), 0.0),
        (np.ones((2, 3)), np.ones(3), -1.0),
    ],
)
def test_patterns_states_and_beta_that_do_not_fit_are_refused(X, q, beta):
    with pytest.raises(ValueError, match=r"need patterns \(P, d\), states .* and beta > 0"):
        aso.modern_update(X, q, beta)


@pytest.mark.parametrize("beta", [0.5, 3.0])
def test_the_slope_of_the_modern_energy_is_the_step(beta):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5, 3))
    xi = rng.normal(size=3)
    np.testing.assert_allclose(
        numeric_grad(lambda x: aso.modern_energy(X, x, beta), xi),
        xi - aso.modern_update(X, xi, beta),
        atol=1e-7,
    )


def test_the_modern_energy_by_hand():
    xi = np.array([1.0, 1.0])
    # one pattern: -(2 + 1) + (1 + 1) / 2 for any beta
    one = aso.modern_energy(np.array([[2.0, 1.0]]), xi, 0.7)
    assert one == pytest.approx(-2.0)
    # a second copy doubles the sum, so ln 2 / beta lower
    two = aso.modern_energy(np.array([[2.0, 1.0], [2.0, 1.0]]), xi, 0.5)
    assert two == pytest.approx(-2.0 - 2 * np.log(2))
    assert type(two) is float


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
