"""Cells, folds and broken lines against brute force, NumPy's interpolation and torch."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import torch
from groundtruth.networks import regions
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

SEEDS = st.integers(0, 10**6)


def exact_cells(W: np.ndarray, b: np.ndarray) -> int:
    """Sign patterns that some point shows, each decided by a linear program."""
    found = 0
    for signs in product([-1.0, 1.0], repeat=len(b)):
        s = np.array(signs)
        done = linprog(
            np.zeros(len(W)),
            A_ub=-s[:, None] * W.T,
            b_ub=s * b - 1e-6,
            bounds=[(None, None)] * len(W),
            method="highs",
        )
        found += done.status == 0
    return found


@pytest.mark.parametrize(("n", "d"), [(1, 1), (4, 1), (3, 2), (5, 2), (4, 3), (5, 3), (3, 4)])
def test_the_formula_counts_the_cells_of_planes_in_general_position(n, d):
    rng = np.random.default_rng(n * 10 + d)
    assert exact_cells(rng.normal(size=(d, n)), rng.normal(size=n)) == regions.cells(n, d)


@given(st.integers(0, 12), st.integers(0, 12))
def test_cells_follow_the_recursion_and_reach_two_to_the_n(n, d):
    if n and d:
        assert regions.cells(n, d) == regions.cells(n - 1, d) + regions.cells(n - 1, d - 1)
    assert regions.cells(n, d) <= 2**n
    assert (regions.cells(n, d) == 2**n) == (d >= n)


@settings(max_examples=20)
@given(SEEDS)
def test_patterns_count_the_affine_maps_that_torch_sees(seed):
    layers = regions.random_network((2, 5, 4), seed)
    X = np.random.default_rng(seed).uniform(-4, 4, (150, 2))
    stack = []
    for W, b in layers:
        stack += [torch.nn.Linear(*W.shape).double(), torch.nn.ReLU()]
        stack[-2].weight.data = torch.tensor(W.T)
        stack[-2].bias.data = torch.tensor(b)
    seen = []
    h = torch.tensor(X)
    for module in stack:
        h = module(h)
        if isinstance(module, torch.nn.ReLU):
            seen.append((h > 0).numpy())
    assert regions.patterns(layers, X) == len(
        {tuple(row) for row in np.concatenate(seen, axis=1).tolist()}
    )


def test_more_units_than_a_word_has_bits_are_counted_too():
    rng = np.random.default_rng(0)
    W = rng.normal(size=(2, 70))
    b = rng.normal(size=70)
    X = rng.normal(size=(300, 2))
    assert regions.patterns([(W, b)], X) == len({tuple(row) for row in (X @ W + b > 0).tolist()})


@pytest.mark.parametrize("k", range(9))
def test_each_fold_doubles_the_pieces(k):
    assert regions.pieces(lambda x: regions.folded(x, k), 2**10) == 2**k


def test_the_tent_equals_its_formula():
    x = np.linspace(0, 1, 101)
    np.testing.assert_allclose(regions.tent(x), 1 - np.abs(2 * x - 1), atol=1e-15)


@given(SEEDS, st.integers(2, 15))
def test_a_broken_line_equals_numpys_interpolation(seed, k):
    rng = np.random.default_rng(seed)
    knots = np.cumsum(rng.uniform(0.1, 1, k))
    values = rng.normal(size=k)
    x = np.linspace(knots[0], knots[-1], 57)
    np.testing.assert_allclose(
        regions.run_broken_line(x, *regions.broken_line(knots, values)),
        np.interp(x, knots, values),
        atol=1e-9,
    )


def test_random_networks_have_the_asked_variance():
    W, b = regions.random_network((400, 300), 0, gain=2.0, bias=0.5)[0]
    assert W.shape == (400, 300)
    assert b.shape == (300,)
    assert np.isclose(W.var(), 2 / 400, rtol=0.02)
    assert np.isclose(b.std(), 0.5, rtol=0.1)


def test_no_plane_and_no_dimension_leave_one_part():
    assert regions.cells(0, 3) == 1
    assert regions.cells(3, 0) == 1
    assert regions.cells(3.0, 2.0) == 7


@pytest.mark.parametrize(("n", "d"), [(-1, 2), (2, -1), (0.5, 2), (2, 0.5)])
def test_planes_and_dimensions_are_counted_in_whole_numbers(n, d):
    with pytest.raises(ValueError, match=f"whole numbers >= 0, got {n} and {d}"):
        regions.cells(n, d)


def test_a_unit_at_zero_is_off():
    layers = [(np.array([[1]]), np.array([0]))]
    assert regions.patterns(layers, [[0], [-1]]) == 1
    assert regions.patterns(layers, [[0], [1]]) == 2


def test_a_second_layer_sees_what_the_first_lets_through():
    # the second unit is on where relu(x) > 1/2
    layers = [(np.array([[1.0]]), np.zeros(1)), (np.array([[1.0]]), np.array([-0.5]))]
    assert regions.patterns(layers, [[-3.0], [-0.1], [0.25], [0.5], [0.75], [4.0]]) == 3
    # here the first unit lets only points below 0 through
    layers = [(np.array([[-1.0]]), np.zeros(1)), (np.array([[1.0]]), np.array([-0.5]))]
    assert regions.patterns(layers, [[1.0], [2.0]]) == 1
    assert regions.patterns(layers, [[-1.0], [-2.0], [3.0]]) == 2


@pytest.mark.parametrize("units", [1, 9, 31, 33, 63, 64, 65, 128, 130])
def test_any_number_of_units_is_counted(units):
    # unit j turns on at j, so point j + 1/2 has the units 0 to j on, and none has all off
    layers = [(np.ones((1, units)), -np.arange(units, dtype=float))]
    assert regions.patterns(layers, np.arange(units)[:, None] + 0.5) == units
    assert regions.patterns(layers, np.full((3, 1), units)) == 1


def test_a_line_just_passed_in_single_precision_is_passed():
    W = np.ones((2, 1), dtype=np.float32)
    b = -np.ones(1, dtype=np.float32)
    # 1 + 2^-30 - 1 is above 0, but 0 in single precision
    X = np.array([[1.0, 2.0**-30], [2.0, 0.0]], dtype=np.float32)
    assert regions.patterns([(W, b)], X) == 1


@pytest.mark.parametrize("X", [[1.0, 2.0], np.zeros((0, 1)), 1.0, [[[1.0]]]])
def test_points_are_rows(X):
    layers = [(np.eye(1), np.zeros(1))]
    with pytest.raises(ValueError, match=r"need points \(n, d\), at least one, got shape"):
        regions.patterns(layers, X)


def test_patterns_need_a_layer():
    with pytest.raises(ValueError, match="need at least one layer"):
        regions.patterns([], [[1.0]])


def test_random_networks_have_gain_two_and_bias_one_unless_asked():
    plain = regions.random_network((3, 4, 1), 0)
    same = regions.random_network((3, 4, 1), 0, 2.0, 1.0)
    assert [(W.shape, b.shape) for W, b in plain] == [((3, 4), (4,)), ((4, 1), (1,))]
    for (W, b), (V, c) in zip(plain, same, strict=True):
        assert np.array_equal(W, V)
        assert np.array_equal(b, c)


def test_random_networks_are_centered_and_follow_their_seed():
    W, b = regions.random_network((100, 400), 0)[0]
    # four standard errors
    assert abs(W.mean()) < 4 * np.sqrt(2 / 100 / 40_000)
    assert abs(b.mean()) < 4 / np.sqrt(400)
    assert np.array_equal(regions.random_network((100, 400), 0)[0][0], W)
    assert not np.array_equal(regions.random_network((100, 400), 1)[0][0], W)


@pytest.mark.parametrize("widths", [(2,), (), (2, 0), (0, 2)])
def test_networks_without_a_layer_or_a_unit_are_refused(widths):
    with pytest.raises(ValueError, match="at least two widths, all >= 1, got"):
        regions.random_network(widths, 0)


def test_the_narrowest_network_has_one_weight():
    ((W, b),) = regions.random_network((1, 1), 0)
    assert (W.shape, b.shape) == ((1, 1), (1,))


def test_beyond_its_ends_the_tent_stays_zero_or_falls_on():
    assert regions.tent([-2, -1, 1, 2]).tolist() == [0, 0, 0, -2]


def test_tents_and_folds_of_single_precision_are_double():
    x = np.array([0.1, 0.9], dtype=np.float32)
    assert regions.tent(x).dtype == np.float64
    assert regions.folded(x, 0).dtype == np.float64
    assert np.array_equal(regions.folded(x, 2), regions.folded(x.astype(float), 2))


def test_no_fold_changes_nothing_and_two_are_the_tent_of_the_tent():
    x = np.linspace(0, 1, 33)
    assert np.array_equal(regions.folded(x, 0), x)
    assert np.array_equal(regions.folded(x, 2.0), regions.tent(regions.tent(x)))


@pytest.mark.parametrize("times", [-1, 1.5])
def test_folds_are_counted_in_whole_numbers(times):
    with pytest.raises(ValueError, match=f"whole number >= 0, got {times}"):
        regions.folded([0.1], times)


def test_a_line_is_one_piece_in_spite_of_rounding():
    assert regions.pieces(lambda x: 0.1 + 0.7 * x, 1) == 1
    assert regions.pieces(lambda x: 0.1 + 0.7 * x, 1000) == 1
    assert regions.pieces(lambda x: 0.1 + 0.7 * x, 3.0) == 1


def test_a_small_bend_up_or_down_is_a_corner():
    assert regions.pieces(lambda x: 1e-6 * np.abs(x - 0.25), 64) == 2
    assert regions.pieces(lambda x: -1e-6 * np.abs(x - 0.25), 64) == 2


@pytest.mark.parametrize("at", [0.25, 0.5, 0.75])
def test_the_first_and_the_last_corner_count(at):
    assert regions.pieces(lambda x: np.abs(x - at), 4) == 2


@pytest.mark.parametrize("steps", [0, -1, 1.5])
def test_steps_are_counted_in_whole_numbers(steps):
    with pytest.raises(ValueError, match=f"whole number >= 1, got {steps}"):
        regions.pieces(regions.tent, steps)


def test_a_broken_line_of_whole_numbers_by_hand():
    start, jumps, at = regions.broken_line([0, 2, 3, 5], [1, 0, 3, 3])
    # slopes -1/2, 3 and 0
    assert start == 1.0
    assert type(start) is float
    assert jumps.tolist() == [-0.5, 3.5, -3.0]
    assert at.tolist() == [0.0, 2.0, 3.0]
    # level before the first knot, straight on after the last
    got = regions.run_broken_line([-1, 0, 1, 2, 4, 9], start, jumps, at)
    assert got.tolist() == [1.0, 1.0, 0.5, 0.0, 3.0, 3.0]


def test_a_broken_line_may_be_drawn_at_fractions():
    got = regions.run_broken_line([Fraction(1, 2)], 1.0, np.array([3.0]), np.array([0.0]))
    assert got.dtype == np.float64
    assert got.tolist() == [2.5]


def test_a_broken_line_in_single_precision_is_drawn_in_double():
    t = np.array([0.1, 0.4, 0.9], dtype=np.float32)
    y = np.array([0.3, 0.8, 0.2], dtype=np.float32)
    single = regions.broken_line(t, y)
    double = regions.broken_line(t.astype(float), y.astype(float))
    x = np.array([0.2, 0.7], dtype=np.float32)
    for one, two in zip(single, double, strict=True):
        assert np.array_equal(one, two)
    assert np.array_equal(
        regions.run_broken_line(x, *single), regions.run_broken_line(x.astype(float), *double)
    )


@pytest.mark.parametrize(
    ("knots", "values"),
    [
        ([0.0, 0.0], [1.0, 2.0]),
        ([0.0, 2.0, 1.0], [1.0, 2.0, 3.0]),
        ([0.0], [1.0]),
        ([0.0, 1.0], [1.0]),
        ([0.0, 1.0], [[1.0, 2.0]]),
        ([[0.0, 1.0], [0.0, 1.0]], [[1.0, 2.0], [1.0, 2.0]]),
        ([], []),
    ],
)
def test_knots_that_do_not_rise_or_have_no_value_are_refused(knots, values):
    with pytest.raises(ValueError, match="at least two rising knots and a value for each"):
        regions.broken_line(knots, values)


@pytest.mark.parametrize("x", [[[0.0]], 0.0])
def test_a_broken_line_is_drawn_at_points_in_a_row(x):
    with pytest.raises(ValueError, match=r"need points \(n,\), got shape"):
        regions.run_broken_line(x, 0.0, np.zeros(1), np.zeros(1))
