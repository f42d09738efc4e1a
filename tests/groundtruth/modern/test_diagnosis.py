"""Features of curves and the ranking of causes: cases worked by hand, invariants, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from groundtruth.modern.diagnosis import curve_features, diagnose, initial_loss_ok
from groundtruth.modern.training_faults import Curves, Pipeline, Setting

LN10 = np.log(10)


def curves(train, val, accuracy=None, first=LN10, noise=0.0):
    train = np.asarray(train, float)
    batches = np.repeat(train, 25)
    batches[::2] += noise
    batches[1::2] -= noise
    if accuracy is None:
        accuracy = np.full(len(train), 0.5)
    return Curves(first, batches, train, np.asarray(val, float), np.asarray(accuracy, float))


@pytest.mark.parametrize(
    ("loss", "classes", "tolerance", "ok"),
    [
        (LN10, 10, 0.25, True),
        (1.24 * LN10, 10, 0.25, True),
        (1.26 * LN10, 10, 0.25, False),
        (0.74 * LN10, 10, 0.25, False),
        (0.76 * LN10, 10, 0.25, True),
        (np.log(2), 2, 0.01, True),
        (2 * LN10, 10, 1.0, True),  # exactly at the tolerance
        (np.nan, 10, 0.25, False),
    ],
)
def test_the_first_loss_is_compared_with_ln_k(loss, classes, tolerance, ok):
    assert initial_loss_ok(loss, classes, tolerance) is ok


@pytest.mark.parametrize(("classes", "tolerance"), [(1, 0.25), (10, 0.0), (10, -1.0)])
def test_bad_checks_of_the_first_loss_are_refused(classes, tolerance):
    with pytest.raises(ValueError, match="two classes"):
        initial_loss_ok(2.3, classes, tolerance)


def test_features_worked_by_hand():
    train = LN10 * np.array([1.0, 0.6, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1])
    val = LN10 * np.array([1.0, 0.7, 0.6, 0.5, 0.4, 0.5, 0.6, 0.7])
    f = curve_features(curves(train, val, first=1.1 * LN10))
    expected = {
        "not finite": 0.0,
        "start": 1.1,
        "first window": 1.0,
        "fall": 0.9,
        "early": 0.4 / 0.9,
        "end": 0.1,
        "log end": -1.0,
        "gap": 0.6,
        "log gap": np.log10(7),
        "rise": 0.3,
        "accuracy": 0.5,
    }
    for name, value in expected.items():
        assert f[name] == pytest.approx(value), name
    last = np.repeat(train[-2:], 25)
    assert f["roughness"] == pytest.approx(last.std() / last.mean())


def test_roughness_is_that_of_the_last_two_windows():
    flat = np.full(6, LN10)
    rough = curve_features(curves(flat, flat, noise=0.5 * LN10))["roughness"]
    assert rough == pytest.approx(0.5)


def test_what_is_not_finite_is_capped():
    train = np.array([2.3, 2.4, np.nan, np.nan])
    f = curve_features(curves(train, train, first=np.nan))
    assert f["not finite"] == 0.5
    assert f["start"] == 3.0
    assert f["end"] == 3.0
    assert all(np.isfinite(v) for v in f.values())
    assert all(-3 <= v <= 3 for v in f.values())


def test_features_are_those_of_the_last_window():
    falling = LN10 * np.array([1.0, 0.8, 0.6, 0.4])
    val = LN10 * np.array([1.0, 0.5, 0.7, 0.9])
    f = curve_features(curves(falling, val, accuracy=[0.1, 0.2, 0.3, 0.4]))
    assert f["gap"] == pytest.approx(0.9 - 0.4)
    assert f["log gap"] == pytest.approx(np.log10(0.9 / 0.4))
    assert f["rise"] == pytest.approx(0.9 - 0.5)
    assert f["accuracy"] == 0.4


def test_the_early_part_of_a_run_is_its_first_quarter():
    train = np.full(20, LN10)
    train[4] = 0.5 * LN10  # the last of the first five windows
    train[-1] = 0.0
    assert curve_features(curves(train, train))["early"] == pytest.approx(0.5)


def test_what_is_not_finite_and_what_is_huge_counts_as_a_million():
    train = np.array([LN10, LN10, np.nan, 5e6])
    for last in (np.nan, np.inf, 1e6, 1e7):
        f = curve_features(curves(train, [LN10, LN10, LN10, last]))
        assert f["gap"] == pytest.approx(0.0)
        assert f["log gap"] == pytest.approx(0.0)
        assert f["rise"] == 3.0
    assert curve_features(curves([LN10, LN10, 1e6, np.nan], train))["roughness"] < 1e-9


def test_one_batch_without_a_finite_loss_makes_a_run_rough():
    # one value far above 49 equal ones has a standard deviation of 7 means
    c = curves(np.full(4, LN10), np.full(4, LN10))
    c.batches[-10] = np.nan
    assert curve_features(c)["roughness"] == 3.0


def test_a_loss_below_zero_counts_as_zero():
    train = LN10 * np.array([1.0, 0.8, 0.8, 0.8, -np.inf, 0.5, 0.5, 0.5])
    val = LN10 * np.array([1.0, 0.7, -np.inf, 0.7, 0.7, 0.7, 0.7, 0.7])
    c = curves(train, val)
    c.batches[-50::2] = -np.inf
    c.batches[-49::2] = LN10
    f = curve_features(c)
    assert f["early"] == pytest.approx(0.2)
    assert f["rise"] == pytest.approx(0.7)
    assert f["roughness"] == pytest.approx(1.0)  # of zeros and ones in equal numbers


def test_the_mean_that_roughness_is_divided_by_is_at_least_a_thousandth():
    # zeros and thousandths in turn: mean and standard deviation are half a thousandth
    c = curves(np.full(4, LN10), np.full(4, LN10))
    c.batches[-50::2] = 0.0
    c.batches[-49::2] = 1e-3 * LN10
    assert curve_features(c)["roughness"] == pytest.approx(0.5)


def test_a_validation_loss_far_below_the_training_loss_is_capped():
    train = LN10 * np.array([1.0, 1.0, 5.0, 9.0])
    assert curve_features(curves(train, LN10 * np.ones(4)))["gap"] == -3.0


def test_features_of_another_number_of_classes_are_in_its_units():
    flat = np.full(5, np.log(2))
    assert curve_features(curves(flat, flat), classes=2)["end"] == pytest.approx(1.0)


@pytest.mark.parametrize(("train", "val"), [([1, 1, 1], [1, 1, 1]), ([1, 1, 1, 1], [1, 1, 1])])
def test_short_or_unequal_curves_are_refused(train, val):
    with pytest.raises(ValueError, match="four windows"):
        curve_features(curves(train, val, np.full(len(train), 0.1)))


GALLERY = [
    ("a", {"x": 0.0, "y": 0.0}),
    ("a", {"x": 0.0, "y": 1.0}),
    ("b", {"x": 1.0, "y": 0.0}),
    ("b", {"x": 1.0, "y": 1.0}),
]


def test_a_feature_counts_by_how_little_it_varies_within_a_cause():
    # x never varies within a cause (scale 0.05), y has the standard deviation 0.5
    ranking = diagnose({"x": 0.9, "y": 3.0}, GALLERY)
    assert [cause for cause, _ in ranking] == ["b", "a"]
    assert ranking[0][1] == pytest.approx(np.hypot(0.1 / 0.05, 2 / 0.5))
    assert ranking[1][1] == pytest.approx(np.hypot(0.9 / 0.05, 2 / 0.5))


def test_the_scale_of_a_feature_is_its_mean_spread_within_the_causes():
    # the standard deviations are 1.5 for a and 0 for b and c: their mean is 0.5
    gallery = [("a", {"x": 0.0}), ("a", {"x": 3.0}), ("b", {"x": 8.0}), ("c", {"x": 20.0})]
    ranking = diagnose({"x": 10.0}, gallery)
    assert ranking == [("b", 4.0), ("a", 14.0), ("c", 20.0)]


def test_a_run_of_the_gallery_is_its_own_nearest():
    runs = [
        (c, curve_features(Pipeline(Setting(c, windows=4)).run()))
        for c in ("healthy", "dead ReLUs")
    ]
    assert diagnose(runs[1][1], runs)[0] == ("dead ReLUs", 0.0)


def test_an_empty_or_different_gallery_is_refused():
    with pytest.raises(ValueError, match="empty"):
        diagnose({"x": 1.0}, [])
    with pytest.raises(ValueError, match="features"):
        diagnose({"x": 1.0}, GALLERY)
