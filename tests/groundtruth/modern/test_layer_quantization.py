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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lq.output_error(W, W, A[:, :3]), "need W"),
        (lambda: lq.output_error(W, W * np.nan, A), "finite"),
        (lambda: lq.second_moment(A, 0.0), "damping"),
        (lambda: lq.gptq(W, np.eye(15), 4), "need H"),
        (lambda: lq.gptq(W, np.eye(16), 4, 5), "divides"),
        (lambda: lq.smoothing_scales(W, A, 1.5), "strength"),
        (lambda: lq.hadamard(12), "power of two"),
        (lambda: lq.hadamard(0), "power of two"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
