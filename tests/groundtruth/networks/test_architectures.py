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


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        # a matrix of 15 x 15
        ("dense", (225, 225, 1, 1, 15)),
        # three taps of 3 x 3, at 5 places; one place further a layer; two columns are kept
        ("convolution", (27, 135, 4, 1, 6)),
        # two matrices of 3 x 3, at 5 places, one after another; the state is kept
        ("recurrence", (18, 90, 4, 5, 3)),
        # 3 . 16 numbers a channel and a matrix of 3 x 3, at 5 places; 2^3 >= 5
        ("state space", (153, 765, 3, 3, 48)),
        # four matrices; 5 . 5 products of 3 numbers, twice; keys and values are kept
        ("attention", (36, 330, 1, 1, 30)),
        # 10 edges carry 3 numbers each, one edge a layer
        ("graph", (9, 75, 4, 1, 15)),
    ],
)
def test_costs_of_five_places_with_three_channels(rule, expected):
    assert ar.cost(rule, 5, 3) == expected
    assert ar.cost(rule, 5, 3, 3, None, 16) == expected
    assert ar.cost(rule, 5, 3, edges=10) == expected


def test_costs_follow_the_edges_the_kernel_and_the_state():
    assert ar.cost("graph", 5, 3, edges=7).multiply_adds == 7 * 3 + 5 * 9
    assert ar.cost("graph", 5, 3, edges=0).multiply_adds == 5 * 9
    assert ar.cost("convolution", 5, 3, k=5) == (45, 225, 2, 1, 12)
    assert ar.cost("convolution", 6, 3, k=5).path == 3
    assert ar.cost("convolution", 6, 3, k=1) == (9, 54, 5, 1, 0)
    assert ar.cost("state space", 5, 3, N=1) == (18, 90, 3, 3, 3)


def test_a_single_place_is_one_step_away():
    assert [ar.cost(rule, 1, 1).path for rule in ar.RULES] == [1] * 6
    assert [ar.cost(rule, 2, 1).path for rule in ar.RULES] == [1] * 6
    assert ar.cost("state space", 1, 1).serial == 1
    assert ar.cost("state space", 3, 1).serial == 2


@pytest.mark.parametrize("wrong", [{"n": 0}, {"d": 0}, {"k": 0}, {"N": 0}, {"edges": -1}])
def test_costs_need_positive_sizes(wrong):
    with pytest.raises(ValueError, match="sizes must be positive, got n="):
        ar.cost(**{"rule": "graph", "n": 4, "d": 2, **wrong})


def test_the_rule_is_named_among_the_known_ones():
    with pytest.raises(ValueError, match=r"rule must be one of \('dense', .*\), got 'magic'"):
        ar.cost("magic", 4, 2)


def test_a_matrix_is_read_off_column_by_column():
    A = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    np.testing.assert_array_equal(ar.mixing_matrix(lambda x: A @ x, 2), A)
    assert ar.mixing_matrix(lambda x: 3 * x, 1).tolist() == [[3.0]]
    single = ar.mixing_matrix(lambda x: (A @ x).astype(np.float32), 2)
    assert single.dtype == np.float64


def shifted(x):
    return x + 1


@pytest.mark.parametrize("layer", [shifted, np.square, np.sort])
def test_a_layer_that_is_not_linear_has_no_matrix(layer):
    with pytest.raises(ValueError, match="not linear on one channel, so no matrix describes it"):
        ar.mixing_matrix(layer, 3)
    with pytest.raises(ValueError, match="need at least one place, got 0"):
        ar.mixing_matrix(layer, 0)


def test_an_error_is_the_largest_difference_over_the_largest_answer():
    def answer(v):
        return v * [1.0, 2.0, -8.0]

    # g reverses: f(g x) = (3, 4, -8), g f(x) = (-24, 4, 1); the largest difference is 27, and the
    # largest entry of f(x) is 24
    assert ar.equivariance_error(answer, lambda v: v[::-1], [1, 2, 3]) == 27 / 24
    assert isinstance(ar.equivariance_error(answer, lambda v: v, [1, 2, 3]), float)


def test_the_function_of_an_error_sees_doubles():
    seen = []

    def noted(v):
        seen.append(v.dtype)
        return v

    for values in ([1, 2], np.array([1, 2], np.float32)):
        assert ar.equivariance_error(noted, lambda v: v, values) == 0.0
    assert set(seen) == {np.dtype(np.float64)}


@pytest.mark.parametrize("width", [np.float32, np.longdouble, np.int64])
def test_parts_of_a_matrix_are_double_precision(width):
    A = np.array([[1, 0], [2, 3]], width)
    for part in (ar.circulant_part, ar.permutation_part):
        told = part(A)
        assert (told.dtype, told.tolist()) == (np.float64, [[2, 1], [1, 2]])


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 2, 2), (0, 0)])
def test_parts_belong_to_a_square_matrix(shape):
    for part in (ar.circulant_part, ar.permutation_part):
        with pytest.raises(ValueError, match="need a square matrix, got the shape"):
            part(np.ones(shape))


def test_butterflies_end_with_the_reversal_of_bits():
    order = ar.butterflies(8)[-1] @ np.arange(8)
    assert order.tolist() == [int(f"{i:03b}"[::-1], 2) for i in range(8)]
    assert len(ar.butterflies(2)) == 2


@pytest.mark.parametrize("n", [0, 1, 3, 6, 12, -4])
def test_butterflies_need_a_power_of_two(n):
    with pytest.raises(ValueError, match=f"a power of two and at least 2, got {n}"):
        ar.butterflies(n)


def test_low_rank_keeps_complex_numbers_and_allows_the_full_rank():
    A = np.array([[1j, 2], [3, 4], [5, 6j]])
    np.testing.assert_allclose(ar.low_rank(A, 2), A, atol=1e-12)
    np.testing.assert_allclose(ar.low_rank(A.T, 2), A.T, atol=1e-12)
    assert np.linalg.matrix_rank(ar.low_rank(A, 1)) == 1
    for wrong, r in ((A, 0), (A, 3), (A.T, 3), (A[0], 1), (A[None], 1)):
        with pytest.raises(ValueError, match="a rank from 1 to its smaller side, got the shape"):
            ar.low_rank(wrong, r)


def test_one_block_is_all_and_as_many_as_rows_is_the_diagonal():
    A = np.arange(1, 10).reshape(3, 3)
    np.testing.assert_array_equal(ar.block_diagonal(A, 1), A)
    np.testing.assert_array_equal(ar.block_diagonal(A, 3), np.diag([1, 5, 9]))
    for wrong, blocks in (
        (A, 2),
        (A, 0),
        (A, -3),
        (A[:2], 1),
        (A[0], 1),
        (A[:, :2], 1),
        (np.ones((2, 2, 2)), 1),
    ):
        with pytest.raises(ValueError, match="a number of blocks that divides its side, got the"):
            ar.block_diagonal(wrong, blocks)


def test_a_single_number_is_its_own_part():
    assert ar.permutation_part([[1e-20]]).tolist() == [[1e-20]]
    assert ar.circulant_part([[1e-20]]).tolist() == [[1e-20]]
