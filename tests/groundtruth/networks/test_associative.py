"""Memories: energies that never rise, recall of what was stored, and the modern step against
torch's attention.
"""

from itertools import pairwise

import numpy as np
import pytest
import torch
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
