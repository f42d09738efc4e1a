"""Quantization of one layer with its inputs in mind."""

from __future__ import annotations

import numpy as np
import pytest
from groundtruth.modern import layer_quantization as lq
from groundtruth.modern.quantization import rounded, rounded_groups
from scipy import linalg

RNG = np.random.default_rng(0)
MIX = RNG.normal(size=(16, 16))
A = RNG.normal(size=(500, 16)) @ MIX
B = RNG.normal(size=(500, 16)) @ MIX
W = RNG.normal(size=(6, 16))


def brute_force(W, H, bits):
    """Round a column, then minimize the error over the columns behind it, by least squares."""
    top = 2 ** (bits - 1) - 1
    scale = np.abs(W).max(1) / top
    current = W.copy()
    for j in range(W.shape[1]):
        current[:, j] = scale * np.clip(np.round(current[:, j] / scale), -top, top)
        fixed = current[:, : j + 1] - W[:, : j + 1]
        if j + 1 < W.shape[1]:
            shift = np.linalg.solve(H[j + 1 :, j + 1 :], H[j + 1 :, : j + 1] @ fixed.T).T
            current[:, j + 1 :] = W[:, j + 1 :] - shift
    return current


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_gptq_is_the_column_by_column_optimum(bits):
    H = lq.second_moment(A)
    assert np.allclose(lq.gptq(W, H, bits), brute_force(W, H, bits))


def test_the_scale_of_a_group_is_chosen_after_the_earlier_columns_have_changed_it():
    H = lq.second_moment(A)
    whole = lq.gptq(W, H, 4, 8)
    error = whole[:, :8] - W[:, :8]
    shift = np.linalg.solve(H[8:, 8:], H[8:, :8] @ error.T).T
    rest = W[:, 8:] - shift
    scale = np.abs(rest).max(1, keepdims=True) / 7
    steps = whole[:, 8:] / scale
    assert np.allclose(steps, np.round(steps), atol=1e-9)
    assert (scale[:, 0] != np.abs(W[:, 8:]).max(1) / 7).any()


def test_gptq_with_uncorrelated_inputs_is_rounding_to_nearest():
    assert np.allclose(lq.gptq(W, np.diag(np.arange(1.0, 17)), 4), rounded(W, 4, 0))
    assert np.allclose(lq.gptq(W, np.eye(16), 4, 8), rounded_groups(W, 4, 8))


def test_gptq_reduces_the_error_on_other_data():
    H = lq.second_moment(A)
    ours = lq.output_error(W, lq.gptq(W, H, 3), B)
    assert ours < 0.7 * lq.output_error(W, rounded(W, 3, 0), B)


def test_gptq_leaves_its_input_alone_and_zero_rows_zero():
    weights = W.copy()
    weights[2] = 0
    before = weights.copy()
    result = lq.gptq(weights, lq.second_moment(A), 4)
    assert (weights == before).all()
    assert not result[2].any()


def test_second_moment_by_hand():
    H = lq.second_moment([[1.0, 2.0], [3.0, 0.0]], damping=0.5)
    assert np.allclose(H, [[5 + 1.75, 1], [1, 2 + 1.75]])


def test_smoothing_changes_no_output_and_balances_ranges():
    t = lq.smoothing_scales(W, A)
    assert np.allclose((A / t) @ (W * t).T, A @ W.T)
    assert np.allclose(np.abs(A / t).max(0), np.abs(W * t).max(0))
    assert np.allclose(lq.smoothing_scales(W, A, 1.0), np.abs(A).max(0))


def test_awq_is_at_least_as_good_as_rounding_on_its_data():
    X = A.copy()
    X[:, 3] *= 30
    candidate, exponent = lq.awq(W, X, 4, 8)
    plain = lq.output_error(W, rounded_groups(W, 4, 8), X)
    assert lq.output_error(W, candidate, X) < 0.8 * plain
    assert 0 < exponent < 1


def test_awq_tries_every_twentieth_as_exponent():
    X = A.copy()
    X[:, 3] *= 30
    s = np.abs(X).mean(0)

    def error(a):
        return lq.output_error(W, rounded_groups(W * s**a, 4, 8) / s**a, X)

    errors = [error(a) for a in np.arange(20) / 20]
    candidate, exponent = lq.awq(W, X, 4, 8)
    assert lq.output_error(W, candidate, X) == pytest.approx(min(errors))
    assert exponent == np.argmin(errors) / 20


def test_awq_without_outliers_is_rounding():
    X = np.tile([1.0, -1.0], (4, 8))
    assert np.allclose(lq.awq(W, X, 4, 8)[0], rounded_groups(W, 4, 8))


@pytest.mark.parametrize("n", [1, 2, 8, 64])
def test_hadamard_matrices_are_those_of_scipy(n):
    assert np.allclose(lq.hadamard(n) * n**0.5, linalg.hadamard(n))


def test_a_rotation_is_orthogonal_and_spreads_an_outlier():
    Q = lq.rotation(64, np.random.default_rng(1))
    assert np.allclose(Q @ Q.T, np.eye(64))
    assert np.allclose(np.abs(np.eye(64)[5] @ Q), 1 / 8)
    assert 10 < (Q[:, 0] < 0).sum() < 54


def test_columns_by_activation():
    assert lq.by_activation(np.diag([1.0, 3.0, 2.0])).tolist() == [1, 2, 0]


def test_the_error_of_outputs_is_that_of_the_definition():
    X = A[:7]
    other = W + 0.1 * B[:6]
    lost = sum(((W[k] - other[k]) @ x) ** 2 for k in range(6) for x in X)
    size = sum((W[k] @ x) ** 2 for k in range(6) for x in X)
    assert lq.output_error(W, other, X) == pytest.approx(lost / size)
    assert lq.output_error(W, other.tolist(), X.tolist()) == pytest.approx(lost / size)
    assert isinstance(lq.output_error(W, other, X), float)


def test_single_precision_is_taken_as_double():
    single, X = W.astype(np.float32), A.astype(np.float32)
    double, inputs = single.astype(float), X.astype(float)
    other = np.round(single, 1)
    H = lq.second_moment(inputs)
    assert lq.output_error(single, other, X) == lq.output_error(double, other.astype(float), inputs)
    assert np.array_equal(lq.second_moment(X), H)
    assert np.array_equal(lq.gptq(single, H, 4), lq.gptq(double, H, 4))
    assert np.array_equal(lq.smoothing_scales(single, X), lq.smoothing_scales(double, inputs))
    ours, theirs = lq.awq(single, X, 4, 8), lq.awq(double, inputs, 4, 8)
    assert np.array_equal(ours[0], theirs[0])
    assert ours[1] == theirs[1]


def test_short_integers_do_not_wrap_around():
    X = np.int8([[100, -100], [50, 100]])
    # (10,000 + 2,500) / 2 and so on, and a hundredth of the mean diagonal, 81.25, by default
    expected = [[6250 + 81.25, -2500], [-2500, 10000 + 81.25]]
    assert np.allclose(lq.second_moment(X), expected)
    assert lq.output_error(X, np.zeros((2, 2)), X) == 1.0
    assert np.array_equal(lq.gptq(X, np.eye(2), 8), lq.gptq(X.astype(float), np.eye(2), 8))


def test_one_scale_for_each_row_unless_a_size_is_given():
    w = np.array([[1.0, 3.5, 7.0, 70.0], [0.1, 7.0, 0.0, 0.0]])
    assert np.allclose(lq.gptq(w, np.eye(4), 4), [[0, 0, 10, 70], [0, 7, 0, 0]])
    assert np.allclose(lq.gptq(w, np.eye(4), 4, 2), [[1, 3.5, 10, 70], [0, 7, 0, 0]])
    assert np.allclose(lq.gptq(w, np.eye(4), 4, 1), w)


@pytest.mark.parametrize("size", [0, -4, 3, 32])
def test_a_size_that_does_not_divide_the_columns_is_refused(size):
    with pytest.raises(ValueError, match=f"a size that divides 16, got {size}"):
        lq.gptq(W, np.eye(16), 4, size)


def test_the_next_weight_takes_over_the_error_of_the_first():
    H = linalg.block_diag([[2.0, 1.0], [1.0, 2.0]], 1.0)
    # the scale is 7 / 7 = 1; 2.4 becomes 2, and the next moves by 1 / 2 of 0.4, from 3.4 to 3.6
    assert np.allclose(lq.gptq([[2.4, 3.4, 7.0]], H, 4), [[2.0, 4.0, 7.0]])
    H[0, 1] = H[1, 0] = -1.0  # it moves the other way, from 3.6 to 3.4
    assert np.allclose(lq.gptq([[2.4, 3.6, 7.0]], H, 4), [[2.0, 3.0, 7.0]])


def test_a_weight_that_is_moved_beyond_the_highest_level_is_clipped():
    H = np.eye(5)
    H[4, :4] = H[:4, 4] = 0.45
    # four weights become 1, each 0.4 off; the last moves by 4 * 0.45 * 0.4 = 0.72, from 7 to 7.72
    weights = np.array([[1.4, 1.4, 1.4, 1.4, 7.0]])
    assert np.allclose(lq.gptq(weights, H, 4), [[1, 1, 1, 1, 7]])
    assert np.allclose(lq.gptq(-weights, H, 4), [[-1, -1, -1, -1, -7]])


def test_ranges_of_activations_and_weights_by_hand():
    weights = [[1.0, -4.0, 0.0], [-2.0, 1.0, 0.0]]  # largest sizes 2, 4, 0
    inputs = [[8.0, 1.0, 0.0], [-32.0, -1.0, 0.0], [0.0, 0.0, 1.0]]  # largest sizes 32, 1, 1
    assert np.allclose(lq.smoothing_scales(weights, inputs), [4.0, 0.5, 1e4])  # 32 / 2, 1 / 4
    assert np.allclose(lq.smoothing_scales(weights, inputs, 0.0), [1 / 2, 1 / 4, 1e8])
    assert np.allclose(lq.smoothing_scales(weights, inputs, 1.0), [32.0, 1.0, 1.0])
    inputs[2][2] = 0.0  # a column that is never used
    assert np.allclose(lq.smoothing_scales(weights, inputs, 1.0), [32.0, 1.0, 1e-8])
    assert np.allclose(lq.smoothing_scales(weights, inputs, 0.25)[2], 1e-8**0.25 / 1e-8**0.75)


def test_awq_takes_the_first_of_equal_exponents():
    X = np.tile([1.0, -1.0], (4, 8))  # all columns have the size 1, and s is 1 for every exponent
    assert lq.awq(W, X, 4, 8)[1] == 0.0


def test_exponents_of_awq_stay_below_one():
    size = 2.0 ** np.arange(8)
    X = np.vstack([size, -size])
    weights = np.array([[7.0, 3, -5, 1, 2, -7, 4, 6]]) / size  # exact at the exponent 1
    _, exponent = lq.awq(weights, X, 4, 8)
    assert 0.5 < exponent <= 0.95


def test_awq_with_a_column_that_is_never_used():
    X = A.copy()
    X[:, 5] = 0.0
    candidate, exponent = lq.awq(W, X, 4, 8)
    s = np.append(np.abs(A[:, :5]).mean(0), [1e-8, *np.abs(A[:, 6:]).mean(0)]) ** exponent
    assert np.allclose(candidate, rounded_groups(W * s, 4, 8) / s)
    assert exponent < 1


def test_rows_of_a_rotation_have_the_signs_of_its_generator():
    Q = lq.rotation(8, np.random.default_rng(3))
    signs = Q[:, 0] * 8**0.5  # the first column of the Hadamard matrix is positive
    assert set(np.round(signs, 12)) == {-1.0, 1.0}
    assert np.allclose(Q, signs[:, None] * lq.hadamard(8))
    assert np.array_equal(Q, lq.rotation(8, np.random.default_rng(3)))
    others = [lq.rotation(8, np.random.default_rng(seed)) for seed in range(4, 9)]
    assert any((other != Q).any() for other in others)


def test_columns_of_equal_activation_keep_their_order():
    diagonal = np.tile([1.0, 2.0], 60)
    order = lq.by_activation(np.diag(diagonal)).tolist()
    assert order == list(range(1, 120, 2)) + list(range(0, 120, 2))
    assert lq.by_activation([[1.0, 9.0], [9.0, 2.0]]).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("weights", "inputs"),
    [
        (W[0], A),
        (W, A[0]),
        (W[None], A),
        (W, A[None]),
        (W[:, :3], A),
    ],
)
def test_a_layer_is_two_matrices_that_fit(weights, inputs):
    with pytest.raises(ValueError, match="need W"):
        lq.smoothing_scales(weights, inputs)
    with pytest.raises(ValueError, match="need W"):
        lq.awq(weights, inputs, 4, 8)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_and_inputs_are_finite(bad):
    for place in (0, 1):
        pair = [W.copy(), A.copy()]
        pair[place][2, 3] = bad
        with pytest.raises(ValueError, match="finite"):
            lq.smoothing_scales(*pair)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lq.output_error(W, W, A[:, :3]), "need W"),
        (lambda: lq.output_error(W, W * np.nan, A), "finite"),
        (lambda: lq.second_moment(A, 0.0), "damping"),
        (lambda: lq.gptq(W, np.eye(15), 4), "need H"),
        (lambda: lq.gptq(W, np.eye(16), 4, 5), "divides"),
        (lambda: lq.second_moment(A, -0.5), "damping"),
        (lambda: lq.gptq(W, np.ones(16), 4), "need H"),
        (lambda: lq.smoothing_scales(W, A, 1.5), "strength"),
        (lambda: lq.smoothing_scales(W, A, -0.5), "strength"),
        (lambda: lq.hadamard(12), "power of two"),
        (lambda: lq.hadamard(0), "power of two"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
