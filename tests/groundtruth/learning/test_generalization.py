"""Error taken apart, leave-one-out by brute force, shortest solutions, double descent; bad
input.
"""

import numpy as np
import pytest
from groundtruth.learning import generalization as gz
from hypothesis import given
from hypothesis import strategies as st
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import LeaveOneOut, cross_val_predict

seeds = st.integers(0, 10_000)


@pytest.mark.parametrize("degree", [0, 1, 3, 6])
def test_bias_variance_and_noise_add_up_to_the_error(degree):
    parts = gz.bias_variance(
        gz.polynomial(degree),
        lambda x: np.sin(np.pi * x),
        np.linspace(-1, 1, 15),
        0.3,
        6000,
        np.random.default_rng(1),
    )
    assert np.isclose(parts.bias2 + parts.variance + parts.noise, parts.error, rtol=0.03)


def test_the_variance_of_least_squares_is_noise_times_parameters_over_n():
    parts = gz.bias_variance(
        gz.polynomial(4), lambda x: x, np.linspace(-1, 1, 25), 0.5, 8000, np.random.default_rng(2)
    )
    assert np.isclose(parts.variance, 0.25 * 5 / 25, rtol=0.03)
    assert parts.bias2 < 1e-3


@given(seeds, st.integers(0, 6))
def test_polynomial_equals_numpys_fit(seed, degree):
    rng = np.random.default_rng(seed)
    x = np.linspace(-1, 1, 12)
    y = rng.normal(size=12)
    at = rng.uniform(-1, 1, 5)
    assert np.allclose(
        gz.polynomial(degree)(x, y)(at), np.polynomial.Polynomial.fit(x, y, degree)(at), atol=1e-8
    )


@given(seeds, st.integers(1, 6))
def test_press_equals_leaving_each_row_out(seed, d):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(20, d))
    y = rng.normal(size=20)
    brute = y - cross_val_predict(LinearRegression(fit_intercept=False), X, y, cv=LeaveOneOut())
    assert np.allclose(gz.press(X, y), brute, atol=1e-10)


@given(seeds, st.integers(1, 30))
def test_min_norm_equals_the_pseudo_inverse(seed, p):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(12, p))
    y = rng.normal(size=12)
    assert np.allclose(gz.min_norm(A, y), np.linalg.pinv(A) @ y, atol=1e-7)


@given(seeds, st.integers(1, 30), st.floats(1e-3, 100))
def test_both_ridge_systems_equal_scikit_learn(seed, p, lam):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(12, p))
    y = rng.normal(size=12)
    w = gz.min_norm(A, y, ridge=lam)
    assert np.allclose(w, Ridge(alpha=lam, fit_intercept=False).fit(A, y).coef_, atol=1e-7)
    assert np.allclose(A @ w, KernelRidge(alpha=lam).fit(A, y).predict(A), atol=1e-7)


def test_the_error_peaks_where_features_meet_examples_and_ridge_removes_the_peak():
    bare, damped = (
        gz.double_descent([20, 60, 400], 5, n=60, d=10, ridge=lam) for lam in (0.0, 1.0)
    )
    assert bare[60] > 3 * max(bare[20], bare[400])
    assert damped[60] < 2 * max(damped[20], damped[400])


def test_random_features_by_hand():
    assert np.allclose(
        gz.random_features([[3.0, 4.0]], [[1.0, -1.0], [0.0, 0.0]]), [[3 / np.sqrt(2), 0.0]]
    )


@given(seeds)
def test_rademacher_lies_below_its_bound_and_scales_with_the_radius(seed):
    X = np.random.default_rng(seed).normal(size=(30, 4))
    one = gz.rademacher(X, 1.0, 400, np.random.default_rng(0))
    # Jensen: E|sum| is at most the root of the sum of squares; 5 % for 400 draws
    assert one <= np.linalg.norm(X) / 30 * 1.05
    assert np.isclose(gz.rademacher(X, 3.0, 400, np.random.default_rng(0)), 3 * one)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: gz.bias_variance(
                gz.polynomial(1), np.sin, [], 0.1, 5, np.random.default_rng(0)
            ),
            "inputs",
        ),
        (
            lambda: gz.bias_variance(
                gz.polynomial(1), np.sin, [1.0], -1, 5, np.random.default_rng(0)
            ),
            "sigma",
        ),
        (lambda: gz.polynomial(-1), "degree"),
        (lambda: gz.press(np.ones((2, 2)), [1.0, 2.0]), "more rows"),
        (lambda: gz.press(np.ones((4, 2)), np.zeros(4)), "depend"),
        (lambda: gz.press(np.eye(3)[:, :2], np.zeros(3)), "leverage 1"),
        (lambda: gz.random_features(np.ones((2, 3)), np.ones((2, 3))), r"\(2, 3\)"),
        (lambda: gz.min_norm(np.ones((2, 2)), [1.0]), "y"),
        (lambda: gz.min_norm(np.ones((2, 2)), [1.0, 1.0], ridge=-1), "ridge"),
        (lambda: gz.double_descent([], 1), "widths"),
        (lambda: gz.rademacher(np.ones((2, 2)), 0.0, 1, np.random.default_rng(0)), "radius"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
