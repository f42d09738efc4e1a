"""Cells, folds and broken lines against brute force, NumPy's interpolation and torch."""

from decimal import Decimal
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


def test_bad_input_is_refused():
    for call in (
        lambda: regions.cells(-1, 2),
        lambda: regions.cells(2, 0.5),
        lambda: regions.patterns([], [[1.0]]),
        lambda: regions.patterns([(np.eye(1), np.zeros(1))], np.zeros((0, 1))),
        lambda: regions.random_network((2,), 0),
        lambda: regions.random_network((2, 0), 0),
        lambda: regions.folded([0.1], -1),
        lambda: regions.pieces(regions.tent, 0),
        lambda: regions.broken_line([0.0, 0.0], [1.0, 2.0]),
        lambda: regions.broken_line([0.0], [1.0]),
        lambda: regions.run_broken_line([[0.0]], 0.0, np.zeros(1), np.zeros(1)),
    ):
        with pytest.raises(ValueError):
            call()


@pytest.mark.parametrize(("n", "d"), [(-1, 2), (2, -1), (0.5, 2), (2, 0.5)])
def test_numbers_of_planes_and_axes_are_whole(n, d):
    with pytest.raises(ValueError, match="n and d must be whole numbers >= 0, got"):
        regions.cells(n, d)


def test_whole_numbers_may_be_floats_and_no_plane_cuts_nothing():
    assert regions.cells(3.0, 2.0) == 7
    assert regions.cells(0, 3) == regions.cells(3, 0) == 1


@pytest.mark.parametrize("shape", [(0, 1), (2,), (2, 1, 1)])
def test_points_are_rows_and_at_least_one(shape):
    with pytest.raises(ValueError, match=r"need points \(n, d\), at least one, got shape"):
        regions.patterns([(np.eye(1), np.zeros(1))], np.zeros(shape))


def test_patterns_need_a_layer():
    with pytest.raises(ValueError, match=r"need at least one layer \(W, b\)"):
        regions.patterns([], [[1.0]])


def test_a_unit_at_zero_is_off():
    one = (np.array([[1.0]]), np.array([0.0]))
    assert regions.patterns([one], [[-1.0], [0.0]]) == 1
    assert regions.patterns([one], [[0], [1]]) == 2
    # the second layer sees what the first lets through: 0, 0, 1 and 2, less 1
    two = (np.array([[1.0]]), np.array([-1.0]))
    assert regions.patterns([one, two], [[-5.0], [0.0], [1.0], [2.0]]) == 3


@pytest.mark.parametrize("units", [1, 7, 8, 9, 63, 64, 65, 128, 129])
def test_patterns_of_any_number_of_units_are_told_apart(units):
    # a ladder: the point k + 1/2 switches the first k + 1 units on
    layer = np.ones((1, units)), -np.arange(units, dtype=float)
    points = np.arange(-1, units)[:, None] + 0.5
    assert regions.patterns([layer], points) == units + 1


@pytest.mark.parametrize("width", [np.float32, np.longdouble, np.int64])
def test_functions_of_points_are_computed_in_double_precision(width):
    x = np.array([-1, 0, 1, 2], width)
    assert (regions.tent(x).dtype, regions.tent(x).tolist()) == (np.float64, [0, 0, 0, -2])
    for times in (0, 1):
        assert regions.folded(x, times).dtype == np.float64
    knots = np.array([0, 1, 3])
    values = np.array([1, 2, 0])
    for args in ((knots.astype(width), values), (knots, values.astype(width))):
        start, jumps, at = regions.broken_line(*args)
        assert (type(start), jumps.dtype) == (float, np.float64)
        # slopes 1 and -1
        assert (start, jumps.tolist(), at.tolist()) == (1, [1, -2], [0, 1])
    y = regions.run_broken_line(x, 1.0, np.array([1.0, -2.0]), np.array([0.0, 1.0]))
    assert (y.dtype, y.tolist()) == (np.float64, [1, 1, 2, 1])
    assert regions.patterns([(np.eye(1) / 3, -np.ones(1) / 3)], x[:, None]) == 2


def test_knots_of_whole_numbers_become_doubles():
    at = regions.broken_line([0, 1], [0, 1])[2]
    assert at.dtype == np.float64


def test_random_networks_have_variance_two_over_inputs_and_unit_biases_unless_told():
    layers = regions.random_network((100, 300, 400), 7)
    assert [W.shape for W, _ in layers] == [(100, 300), (300, 400)]
    for W, b in layers:
        assert W.std() == pytest.approx(np.sqrt(2 / len(W)), rel=0.02)
        assert abs(W.mean()) < 0.01
        assert b.std() == pytest.approx(1, rel=0.12)
        assert abs(b.mean()) < 0.2
    told = regions.random_network((100, 300, 400), 7, 2.0, 1.0)
    other = regions.random_network((100, 300, 400), 8)
    np.testing.assert_array_equal(layers[1][0], told[1][0])
    np.testing.assert_array_equal(layers[1][1], told[1][1])
    assert not np.array_equal(layers[0][0], other[0][0])


@pytest.mark.parametrize("widths", [(), (2,), (2, 0), (0, 2)])
def test_random_networks_have_two_widths_of_at_least_one(widths):
    with pytest.raises(ValueError, match="need at least two widths, all >= 1"):
        regions.random_network(widths, 0)
    assert len(regions.random_network((1, 1), 0)) == 1


@pytest.mark.parametrize("times", [-1, 0.5])
def test_folds_are_counted_by_whole_numbers(times):
    with pytest.raises(ValueError, match="times must be a whole number >= 0, got"):
        regions.folded([0.1], times)
    assert regions.folded([0.25], 2.0).tolist() == [1.0]
    assert regions.folded([0.3], 0).tolist() == [0.3]


@pytest.mark.parametrize("steps", [0, -1, 1.5])
def test_steps_are_counted_by_whole_numbers(steps):
    with pytest.raises(ValueError, match="steps must be a whole number >= 1, got"):
        regions.pieces(regions.tent, steps)
    assert regions.pieces(regions.tent, 1) == 1
    assert regions.pieces(regions.tent, 2.0) == 2


@pytest.mark.parametrize("bend", [1e-3, 0.5, 3.0])
def test_a_slight_bend_is_a_corner_and_rounding_is_not(bend):
    def bent(x):
        return x / 3 + bend * np.maximum(x - 0.5, 0)

    assert regions.pieces(bent, 2000) == 2
    assert regions.pieces(lambda x: x / 3, 2000) == 1


@pytest.mark.parametrize(
    ("knots", "values"),
    [
        ([0.0], [1.0]),
        ([0.0, 0.0], [1.0, 2.0]),
        ([1.0, 0.0], [1.0, 2.0]),
        ([0.0, 1.0], [1.0]),
        ([0.0, 1.0], [[1.0], [2.0]]),
        ([[0.0, 1.0]], [[1.0, 2.0]]),
        (0.0, 1.0),
    ],
)
def test_a_broken_line_has_two_rising_knots_with_a_value_each(knots, values):
    with pytest.raises(ValueError, match="at least two rising knots and a value for each"):
        regions.broken_line(knots, values)


def test_a_broken_line_of_two_knots_is_flat_before_and_straight_after():
    line = regions.broken_line([1.0, 3.0], [2.0, 1.0])
    assert regions.run_broken_line([0.0, 1.0, 3.0, 5.0], *line).tolist() == [2, 2, 1, 0]


@pytest.mark.parametrize("shape", [(), (1, 1)])
def test_a_broken_line_runs_at_points_in_a_row(shape):
    with pytest.raises(ValueError, match=r"need points \(n,\), got shape"):
        regions.run_broken_line(np.zeros(shape), 0.0, np.zeros(1), np.zeros(1))


def test_patterns_of_64_units_that_differ_in_one_are_two():
    # all units but the first are on beyond 0, the first beyond 1
    layer = np.ones((1, 64)), np.zeros(64)
    layer[1][0] = -1
    assert regions.patterns([layer], [[0.5], [2.0]]) == 2


def test_points_may_be_decimal_numbers():
    line = (np.array([[1.0]]), np.array([-1.0]))
    assert regions.patterns([line], [[Decimal("0.5")], [Decimal("1.5")]]) == 2
