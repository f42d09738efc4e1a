"""Costs counted in torch; matrices read off layers; symmetries by brute force; factorisations
against SciPy and NumPy.
"""

from itertools import permutations

import numpy as np
import pytest
from groundtruth.networks import architectures as ar
from groundtruth.networks.convolution import conv1d, toeplitz
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import circulant
from torch import nn

SEEDS = st.integers(0, 10**6)


def weights(layer):
    return sum(p.numel() for name, p in layer.named_parameters() if "bias" not in name)


@given(st.integers(2, 6), st.integers(1, 8), st.sampled_from([1, 3, 5]))
def test_weights_are_those_of_torch(n, d, k):
    assert ar.cost("dense", n, d).weights == weights(nn.Linear(n * d, n * d))
    assert ar.cost("convolution", n, d, k).weights == weights(nn.Conv1d(d, d, k))
    assert ar.cost("recurrence", n, d).weights == weights(nn.RNN(d, d))
    assert ar.cost("attention", n, d).weights == weights(nn.MultiheadAttention(d, 1))


def test_attention_overtakes_and_recurrence_is_serial():
    assert (
        ar.cost("attention", 100, 64).multiply_adds
        < ar.cost("attention", 100, 64).multiply_adds * 2
        < ar.cost("attention", 1000, 64).multiply_adds
    )
    assert ar.cost("recurrence", 500, 4).serial == 500
    assert ar.cost("attention", 500, 4).path == 1
    assert ar.cost("convolution", 101, 4, 3).path == 100
    assert ar.cost("state space", 1024, 4).serial == 10


@given(SEEDS, st.integers(1, 5))
def test_the_matrix_of_a_convolution_is_toeplitz(seed, k):
    w = np.random.default_rng(seed).normal(size=k)
    np.testing.assert_allclose(
        ar.mixing_matrix(lambda x: conv1d(x[None, None], w[None, None])[0, 0], 9),
        toeplitz(w, 9),
        atol=1e-12,
    )


@given(SEEDS, st.integers(1, 7))
def test_the_circulant_part_commutes_with_shifts_and_is_closest(seed, n):
    A = np.random.default_rng(seed).normal(size=(n, n))
    C = ar.circulant_part(A)
    np.testing.assert_allclose(C, circulant(C[:, 0]), atol=1e-12)
    np.testing.assert_allclose(np.roll(C, 1, 0), np.roll(C, -1, 1), atol=1e-12)
    np.testing.assert_allclose(ar.circulant_part(C), C, atol=1e-12)
    # a projection: the rest is orthogonal
    assert abs(((A - C) * C).sum()) < 1e-9 * max(1, (A * A).sum())


@given(SEEDS, st.integers(1, 4))
def test_the_permutation_part_is_the_mean_over_all_permutations(seed, n):
    A = np.random.default_rng(seed).normal(size=(n, n))
    mean = np.mean([A[np.ix_(p, p)] for p in permutations(range(n))], axis=0)
    np.testing.assert_allclose(ar.permutation_part(A), mean, atol=1e-12)


@pytest.mark.parametrize("n", [2, 4, 8, 32])
def test_butterflies_multiply_to_the_fourier_matrix(n):
    factors = ar.butterflies(n)
    assert len(factors) == np.log2(n) + 1
    assert all((np.abs(f) > 0).sum() == 2 * n for f in factors[:-1])
    product = factors[0]
    for f in factors[1:]:
        product = product @ f
    np.testing.assert_allclose(product, np.fft.fft(np.eye(n)), atol=1e-10)


@given(SEEDS, st.integers(1, 5))
def test_the_error_of_low_rank_is_what_is_left_of_the_singular_values(seed, r):
    A = np.random.default_rng(seed).normal(size=(6, 5))
    s = np.linalg.svd(A, compute_uv=False)
    assert abs(np.linalg.norm(A - ar.low_rank(A, r)) - np.sqrt((s[r:] ** 2).sum())) < 1e-9
    assert np.linalg.matrix_rank(ar.low_rank(A, r)) == r


def test_block_diagonal_keeps_the_blocks():
    A = np.arange(16.0).reshape(4, 4)
    assert ar.block_diagonal(A, 2).tolist() == [
        [0, 1, 0, 0],
        [4, 5, 0, 0],
        [0, 0, 10, 11],
        [0, 0, 14, 15],
    ]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: ar.cost("magic", 4, 2), "rule must be"),
        (lambda: ar.cost("dense", 0, 2), "positive"),
        (lambda: ar.mixing_matrix(np.tanh, 3), "not linear"),
        (lambda: ar.mixing_matrix(np.cumsum, 0), "at least one"),
        (lambda: ar.circulant_part(np.ones((2, 3))), "square"),
        (lambda: ar.permutation_part(np.ones(3)), "square"),
        (lambda: ar.butterflies(6), "power of two"),
        (lambda: ar.low_rank(np.eye(2), 3), "rank from 1"),
        (lambda: ar.block_diagonal(np.eye(4), 3), "divides"),
    ],
)
def test_bad_input_is_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()
