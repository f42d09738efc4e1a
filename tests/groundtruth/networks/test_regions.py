"""Cells, folds and broken lines against brute force, NumPy's interpolation and torch."""

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
