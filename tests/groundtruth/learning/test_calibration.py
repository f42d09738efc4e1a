"""Calibration against scikit-learn, scipy and torch-free closed forms; identities and bad input."""

import numpy as np
import pytest
from groundtruth.functional import sigmoid
from groundtruth.learning import calibration as cal
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression

rows = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 10)), min_size=1, max_size=40)


@given(rows)
def test_brier_equals_sklearn_and_its_parts_add_up(data):
    y, p = np.array(data).T
    p = p / 10
    reliability, resolution, uncertainty = cal.brier_parts(y, p)
    assert (
        cal.brier(y, p)
        == pytest.approx(np.mean((p - y) ** 2), abs=1e-12)
        == pytest.approx(reliability - resolution + uncertainty, abs=1e-12)
    )
    if len(set(y)) == 2:
        assert cal.brier(y, p) == pytest.approx(sk.brier_score_loss(y, p))


def test_reliability_equals_sklearn_and_calibrated_probabilities_have_a_small_error():
    rng = np.random.default_rng(0)
    p = rng.random(20_000) * 0.999
    y = (rng.random(20_000) < p).astype(int)
    observed, predicted = calibration_curve(y, p, n_bins=15)
    ours = cal.reliability(y, p, 15)
    assert np.allclose(ours[0], predicted)
    assert np.allclose(ours[1], observed)
    assert ours[2].sum() == 20_000
    assert cal.ece(y, p) < 0.02 < 0.1 < cal.ece(y, p**3)


def test_a_bin_contains_its_left_edge_and_the_last_one_also_its_right_edge():
    predicted, observed, count = cal.reliability([0, 1, 1, 0], [0.0, 0.5, 0.75, 1.0], bins=2)
    assert predicted.tolist() == [0.0, 0.75]
    assert count.tolist() == [1, 3]
    assert observed == pytest.approx([0, 2 / 3])


def test_the_calibration_error_weights_each_bin_by_its_count():
    y = [0, 0, 0, 1]
    p = [0.1, 0.1, 0.1, 0.6]
    assert cal.ece(y, p, bins=2) == pytest.approx((3 * 0.1 + 0.4) / 4)


@pytest.mark.parametrize("true", [0.25, 1.0, 4.0])
def test_temperature_recovers_the_scale_and_is_the_minimum(true):
    rng = np.random.default_rng(1)
    z = rng.normal(0, 2, 40_000)
    y = (rng.random(40_000) < sigmoid(z)).astype(int)
    T = cal.temperature(y, true * z)
    assert pytest.approx(true, rel=0.05) == T

    def loss(t):
        return sk.log_loss(y, sigmoid(true * z / t))

    assert loss(T) <= minimize_scalar(loss, bounds=(0.05, 20), method="bounded").fun + 1e-7


@given(st.lists(st.tuples(st.integers(-5, 5), st.floats(-5, 5)), min_size=1, max_size=30))
def test_isotonic_equals_sklearn_and_rises(data):
    x, y = np.array(data, dtype=float).T
    ours = cal.isotonic(x, y)
    assert np.allclose(ours, IsotonicRegression().fit_transform(x, y), atol=1e-9)
    assert (np.diff(ours[np.argsort(x, kind="stable")]) >= -1e-12).all()
    assert ours.mean() == pytest.approx(y.mean(), abs=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cal.brier([0, 2], [0.1, 0.2]), "labels 0 or 1"),
        (lambda: cal.brier([], []), "length >= 1"),
        (lambda: cal.brier([1], [1.5]), "sigmoid"),
        (lambda: cal.ece([1], [np.nan]), r"\[0, 1\]"),
        (lambda: cal.reliability([1], [0.5], 0), "at least one bin"),
        (lambda: cal.temperature([0, 1], [-1.0, 1.0]), "temperature is 0"),
        (lambda: cal.temperature([0, 1], [np.inf, 1.0]), "infinite"),
        (lambda: cal.isotonic([1.0], [1.0, 2.0]), r"\(1,\) and \(2,\)"),
        (lambda: cal.isotonic([np.nan], [1.0]), "finite"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
