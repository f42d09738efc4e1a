"""Stable forms against SciPy, torch and exact arithmetic, at sizes where plain forms fail."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from groundtruth.modern import stable_functions as sf
from scipy import special

Z = np.array([-1000.0, -700.0, -37.0, -1.0, -1e-20, 0.0, 1e-20, 0.5, 37.0, 700.0, 1000.0])


def test_log_sigmoid_is_that_of_scipy_and_torch():
    ours = sf.log_sigmoid(Z)
    np.testing.assert_allclose(ours, special.log_expit(Z), rtol=1e-14)
    theirs = torch.nn.functional.logsigmoid(torch.tensor(Z)).numpy()
    np.testing.assert_allclose(ours, theirs, rtol=1e-14, atol=1e-16)


def test_scores_without_a_sign_have_negatives():
    scores = np.array([0, 3, 200], dtype=np.uint8)
    np.testing.assert_allclose(sf.log_sigmoid(scores), special.log_expit([0.0, 3, 200]), rtol=1e-14)
    loss = sf.logit_cross_entropy(scores, [1, 1, 1])
    np.testing.assert_allclose(loss, -special.log_expit([0.0, 3, 200]), rtol=1e-14)


def test_labels_of_single_precision_are_used_in_double_precision():
    labels = np.array([0.1, 0.3, 0.6, 0.7], dtype=np.float32)
    single = sf.logit_cross_entropy(np.full(4, 2.5), labels)
    double = labels.astype(float)
    exact = [(1 - y) * np.logaddexp(0, 2.5) + y * np.logaddexp(0, -2.5) for y in double]
    np.testing.assert_allclose(single, exact, rtol=1e-14)


@pytest.mark.parametrize("label", [0.0, 1.0, 0.3])
def test_cross_entropy_is_that_of_torch(label):
    y = np.full_like(Z, label)
    theirs = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.tensor(Z), torch.tensor(y), reduction="none"
    )
    # torch loses a loss below its rounding error, at z = -37 and the label 0
    np.testing.assert_allclose(sf.logit_cross_entropy(Z, y), theirs, rtol=1e-13, atol=1e-16)


def test_cross_entropy_of_a_right_and_certain_example_keeps_its_digits():
    assert sf.logit_cross_entropy([40.0], [1.0])[0] == pytest.approx(
        np.exp(-40.0), rel=1e-12, abs=0
    )


def test_masked_logsumexp_is_that_of_the_selected_entries():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(20, 7)) * 300
    mask = rng.random((20, 7)) < 0.6
    mask[:, 0] = True
    wanted = [special.logsumexp(row[keep]) for row, keep in zip(z, mask, strict=True)]
    z[~mask] = np.nan
    np.testing.assert_allclose(sf.masked_logsumexp(z, mask), wanted, rtol=1e-13)
    np.testing.assert_allclose(sf.masked_logsumexp(z.T, mask.T, axis=0), wanted, rtol=1e-13)


def test_an_empty_mask_is_the_logarithm_of_zero():
    assert sf.masked_logsumexp([1.0, 2.0], [False, False]) == -np.inf


@pytest.mark.parametrize("b", [1e8, -1e8, 3.0, -3.0, 12345.678])
def test_roots_solve_the_equation(b):
    large, small = sf.quadratic_roots(1.0, b, 1.0)
    assert abs(large) >= abs(small)
    for root in (large, small):
        x = Fraction(root)
        value = x * x + Fraction(b) * x + 1
        slope = abs(2 * x + Fraction(b))
        # the distance to the exact root, to first order, in units of the root
        assert abs(value / slope / x) < 1e-15


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e160, 1e300])
def test_roots_of_scaled_equations_are_the_same(size):
    assert sf.quadratic_roots(2 * size, -2 * size, -12 * size) == pytest.approx((3, -2), rel=1e-15)
    assert sf.quadratic_roots(size, 0.0, -4 * size) == (-2.0, 2.0)


@pytest.mark.parametrize(
    ("coefficients", "roots"),
    [
        ((1.0, 1e200, 1.0), (-1e200, -1e-200)),
        ((1.0, -1e-200, 0.0), (1e-200, 0.0)),
        ((1.0, -1e-310, 0.0), (1e-310, 0.0)),
        ((1e-200, 1e100, 1e200), (-1e300, -1e100)),
    ],
)
def test_roots_whose_squares_overflow_or_underflow(coefficients, roots):
    assert sf.quadratic_roots(*coefficients) == pytest.approx(roots, rel=1e-15, abs=0)


def test_roots_by_hand():
    assert sf.quadratic_roots(2.0, -2.0, -12.0) == (3.0, -2.0)
    assert sf.quadratic_roots(1.0, 0.0, 0.0) == (0.0, 0.0)
    assert sf.quadratic_roots(1.0, 0.0, -4.0) == (-2.0, 2.0)
    assert sf.quadratic_roots(-1.0, 2.0, -1.0) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sf.log_sigmoid([np.nan]), "NaN"),
        (lambda: sf.logit_cross_entropy([0.0], [[0.0]]), "shapes differ"),
        (lambda: sf.logit_cross_entropy([np.inf], [1.0]), "not finite"),
        (lambda: sf.logit_cross_entropy([0.0], [1.5]), "between 0 and 1"),
        (lambda: sf.logit_cross_entropy([0.0], [np.nan]), "between 0 and 1"),
        (lambda: sf.masked_logsumexp([0.0, 1.0], [True]), "shapes differ"),
        (lambda: sf.masked_logsumexp([np.nan, 1.0], [True, True]), "NaN"),
        (lambda: sf.quadratic_roots(0.0, 1.0, 1.0), "a != 0"),
        (lambda: sf.quadratic_roots(1.0, np.inf, 1.0), "finite"),
        (lambda: sf.quadratic_roots(1.0, 1.0, 1.0), "not real"),
    ],
)
def test_documented_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
