"""Calibration against scikit-learn, scipy and torch-free closed forms; identities and bad input."""

from fractions import Fraction

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


def test_there_are_ten_bins_by_default():
    p = (np.arange(100) + 0.5) / 100
    assert cal.reliability(np.ones(100), p)[2].tolist() == [10] * 10
    # both lie below 1/10, and on two sides of 1/11
    assert cal.ece([0, 1], [0.02, 0.095]) == pytest.approx(0.5 - 0.0575)


def test_one_bin_compares_the_mean_probability_with_the_base_rate():
    predicted, observed, count = cal.reliability([0, 1], [0.2, 0.8], bins=1)
    assert (predicted.tolist(), observed.tolist(), count.tolist()) == ([0.5], [0.5], [2])
    assert cal.ece([0, 1], [0.2, 0.8], bins=1) == pytest.approx(0)
    assert cal.ece([0, 1], [0.2, 0.8]) == pytest.approx(0.2)


@pytest.mark.filterwarnings("error")
def test_bins_without_a_probability_are_left_out():
    predicted, observed, count = cal.reliability([0, 1, 1], [0.25, 0.25, 0.45])
    assert predicted.tolist() == [0.25, 0.45]
    assert observed.tolist() == [0.5, 1.0]
    assert count.tolist() == [2, 1]


def test_probabilities_may_be_objects_that_are_numbers():
    p = [Fraction(1, 4), Fraction(1, 2)]
    assert cal.brier([0, 1], p) == (1 / 16 + 1 / 4) / 2
    assert [v.tolist() for v in cal.reliability([0, 1], p)] == [[0.25, 0.5], [0.0, 1.0], [1, 1]]


HAND = np.array([1.0, 1, 1, 1, -1, -1, -1, -1])  # three of four on the right side


@pytest.mark.parametrize("unit", [1e-200, 1 / 2000, 0.01, 1.0, 15.0, 2000.0, 3e4, 1e200])
@pytest.mark.parametrize("kind", [bool, np.uint8, float])
def test_temperature_by_hand_in_any_unit(unit, kind):
    y = np.array([1, 1, 1, 0, 0, 0, 0, 1], dtype=kind)
    # the probability is 3/4 where z / T = ln 3
    assert cal.temperature(y, unit * HAND) == pytest.approx(unit / np.log(3), rel=1e-7)


@pytest.mark.parametrize("kind", [bool, np.uint8, float])
def test_temperature_of_scores_of_one_sign(kind):
    y = np.array([1, 1, 0, 1], dtype=kind)
    assert cal.temperature(y, np.ones(4)) == pytest.approx(1 / np.log(3), rel=1e-7)


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


@pytest.mark.parametrize("power", [-900, -20, -3, 1, 7, 900])
def test_temperature_has_the_unit_of_the_scores_to_the_last_bit(power):
    rng = np.random.default_rng(4)
    y = rng.integers(0, 2, 200)
    z = rng.normal(y, 2.0)
    unit = 2.0**power
    assert cal.temperature(y, unit * z) == unit * cal.temperature(y, z)


@pytest.mark.parametrize("wrong", [0.002, 1e-9, 1e-200])
def test_temperature_of_small_mistakes_beside_large_scores(wrong):
    """Scores of 1 on the right side, tiny ones on the wrong side."""
    y = np.array([1, 0, 1, 0])
    T = cal.temperature(y, [1.0, -1.0, -wrong, wrong])
    # the slope vanishes: sigmoid(-1 / T) = wrong * sigmoid(wrong / T)
    assert sigmoid(-1 / T) == pytest.approx(wrong * sigmoid(wrong / T), rel=1e-9)


def test_temperature_of_scores_that_hardly_tell_the_classes_apart():
    """A millionth more than half of the rows lie on the right side."""
    z = np.r_[np.ones(500_001), -np.ones(499_999)]
    T = cal.temperature(np.ones(len(z)), z)
    assert pytest.approx(np.log(500_001 / 499_999), rel=1e-9) == 1 / T


def test_a_temperature_far_above_the_scores():
    """Two large scores cancel but for a tiny third: tanh(1 / 2T) = tiny * sigmoid(-tiny / T)."""
    tiny = 1e-11
    assert cal.temperature([1, 0, 1], [1.0, 1.0, tiny]) == pytest.approx(1 / tiny, rel=1e-3)


@given(st.lists(st.tuples(st.integers(-5, 5), st.floats(-5, 5)), min_size=1, max_size=30))
def test_isotonic_equals_sklearn_and_rises(data):
    x, y = np.array(data, dtype=float).T
    ours = cal.isotonic(x, y)
    assert np.allclose(ours, IsotonicRegression().fit_transform(x, y), atol=1e-9)
    assert (np.diff(ours[np.argsort(x, kind="stable")]) >= -1e-12).all()
    assert ours.mean() == pytest.approx(y.mean(), abs=1e-9)


def test_isotonic_takes_objects_that_are_numbers():
    x = [Fraction(1, 3), Fraction(1, 2), Fraction(2, 3)]
    y = [Fraction(1), Fraction(3), Fraction(2)]
    assert cal.isotonic(x, [1.0, 3.0, 2.0]).tolist() == [1.0, 2.5, 2.5]
    assert cal.isotonic([1.0, 2.0, 3.0], y).tolist() == [1.0, 2.5, 2.5]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cal.brier([0, 2], [0.1, 0.2]), "labels 0 or 1"),
        (lambda: cal.brier([], []), "length >= 1"),
        (lambda: cal.brier([[1, 0]], [[0.5, 0.5]]), r"\(1, 2\) and \(1, 2\)"),
        (lambda: cal.brier([1], [0.5, 0.5]), r"\(1,\) and \(2,\)"),
        (lambda: cal.brier([1], [1.5]), "sigmoid"),
        (lambda: cal.ece([1], [np.nan]), r"\[0, 1\]"),
        (lambda: cal.reliability([1], [0.5], 0), "at least one bin"),
        (lambda: cal.temperature([0, 1], [-1.0, 1.0]), "temperature is 0"),
        (lambda: cal.temperature([0, 1, 1], [-1.0, 0.0, 1.0]), "temperature is 0"),
        (lambda: cal.temperature([0, 1, 1], [-1.0, -1e-320, 1e10]), "temperature is 0"),
        (lambda: cal.temperature([0, 1], [np.inf, 1.0]), "infinite"),
        (lambda: cal.temperature([0, 1], [0.0, 0.0]), "do not tell the classes apart"),
        (lambda: cal.temperature([0, 1], [1.0, -1.0]), "do not tell the classes apart"),
        (lambda: cal.isotonic([1.0], [1.0, 2.0]), r"\(1,\) and \(2,\)"),
        (lambda: cal.isotonic([np.nan], [1.0]), "finite"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
