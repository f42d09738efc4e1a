"""Judging scores against scikit-learn; planted signals have what they promise."""

from dataclasses import replace

import numpy as np
import pytest
from groundtruth.data import outliers as ol
from groundtruth.data import sensors
from sklearn.metrics import average_precision_score, precision_score, recall_score

RNG = np.random.default_rng(0)
SCORE = RNG.normal(size=500)
SPIKES = RNG.random(500) < 0.1


@pytest.mark.parametrize("k", [-1.0, 0.5, 2.0])
def test_precision_and_recall_equal_sklearn(k):
    result = ol.judge(SCORE, SPIKES, k)
    assert result.precision == pytest.approx(precision_score(SPIKES, k < SCORE))
    assert result.recall == pytest.approx(recall_score(SPIKES, k < SCORE))
    assert result.average_precision == pytest.approx(average_precision_score(SPIKES, SCORE))


def test_curves_end_with_all_samples_flagged():
    result = ol.judge(SCORE, SPIKES, 99.0)
    assert (result.precision, result.recall) == (0.0, 0.0)
    assert result.recalls[-1] == 1
    assert result.precisions[-1] == pytest.approx(SPIKES.mean())
    flagged = np.sort(SCORE)[-40] <= SCORE
    assert result.precisions[39] == pytest.approx(SPIKES[flagged].mean())
    assert result.recalls[39] == pytest.approx(SPIKES[flagged].sum() / SPIKES.sum())


def test_the_models_leave_noise_and_spikes_only():
    for case, sigma in zip(ol.planted_signals(3).values(), (0.2, 1.0), strict=True):
        clean = ~case.spikes
        beta = np.linalg.lstsq(case.design[clean], case.x[clean], rcond=None)[0]
        residual = case.x - case.design @ beta
        assert residual[clean].std() == pytest.approx(sigma, rel=0.05)
        assert np.abs(residual[case.spikes]).min() > 2 * sigma


def test_the_design_holds_the_past_of_torque_and_switch():
    record = sensors.simulate(0, minutes=4)
    design = ol.demand_design(record)
    assert design.shape == (record.on.size, 11)
    for column, source in ((0, record.demand_nm), (5, record.on)):
        for j, steps in enumerate((0, 2, 5, 10, 20)):
            expected = source[: source.size - steps]
            assert np.array_equal(design[steps:, column + j], expected)
    assert (design[:, 10] == 1).all()


def test_before_the_record_torque_and_switch_are_those_of_its_first_sample():
    record = sensors.simulate(0, minutes=4)
    n = record.on.size
    record = replace(record, demand_nm=3.0 + np.arange(n), on=np.arange(n) % 2 == 1)
    design = ol.demand_design(record)
    assert design.dtype == np.float64
    for j, steps in enumerate((0, 2, 5, 10, 20)):
        assert np.array_equal(design[:steps, j], np.full(steps, 3.0))
        assert np.array_equal(design[:steps, 5 + j], np.zeros(steps))


def test_a_seed_plants_the_same_signals_again():
    one, two, other = (ol.planted_signals(seed) for seed in (1, 1, 2))
    for name in one:
        assert one[name].x.shape == (6000,)
        assert np.array_equal(one[name].x, two[name].x)
        assert not np.array_equal(one[name].x, other[name].x)
    assert ol.planted_signals(0, 100)["wave"].spikes.sum() == 4


def test_the_wave_has_a_period_of_150_samples():
    t, one, sine, cosine = ol.planted_signals(0, 600)["wave"].design.T
    assert np.array_equal(t, np.arange(600))
    assert (one == 1).all()
    for column in (sine, cosine):
        np.testing.assert_allclose(column[75:], -column[:-75], atol=1e-12)
    assert (sine[1:75] > 0).all()
    assert (np.diff(cosine[:76]) < 0).all()
    np.testing.assert_allclose(sine**2 + cosine**2, 1)


def test_the_planted_signals_have_their_coefficients_noise_and_spikes():
    """Within about five standard errors."""
    case = ol.planted_signals(5, 60_000)
    expected = {  # coefficients, and mean and deviation of the height of spikes with noise
        "wave": ([0.001, 0, 4, 0], 2.1, np.sqrt(1.8**2 / 12 + 0.2**2)),
        "level": ([10], 7.5, np.sqrt(3**2 / 12 + 1)),
    }
    for name, (beta, mean, deviation) in expected.items():
        x, spikes, design = (getattr(case[name], part) for part in ("x", "spikes", "design"))
        assert design.shape == (60_000, len(beta))
        found = np.linalg.lstsq(design[~spikes], x[~spikes], rcond=None)[0]
        np.testing.assert_allclose(found, beta, atol=0.025)
        height = (x - design @ beta)[spikes]
        assert height.size == 2400
        assert abs(np.sign(height).mean()) < 0.1
        for side in (1, -1):
            one = (side * height)[side * height > 0]
            assert one.mean() == pytest.approx(mean, rel=0.025)
            assert one.std() == pytest.approx(deviation, rel=0.08)


def test_judgments_by_hand():
    first = ol.judge([9.0, 8.0], [True, False], 8.0)  # a score at the threshold is not above it
    assert (first.precision, first.recall) == (1.0, 1.0)
    two = ol.judge([3.0, 2.0, 1.0], [True, True, False], 1.5)
    assert (two.precision, two.recall) == (1.0, 1.0)
    last = ol.judge([3.0, 2.0, 1.0], [True, False, True], 2.5)
    assert (last.precision, last.recall) == (1.0, 0.5)
    assert last.recalls.tolist() == [0.5, 0.5, 1.0]


def test_scores_may_be_unsigned_and_spikes_zeros_and_ones():
    ours = ol.judge(np.array([7, 0, 9], dtype=np.uint8), [0, 0, 1], 8)
    assert (ours.precision, ours.recall, ours.average_precision) == (1.0, 1.0, 1.0)


def test_equal_scores_are_ranked_in_the_order_of_time():
    score = np.tile([0.0, 1.0], 100)
    spikes = np.arange(200) < 100  # the first half of the ones comes first
    assert ol.judge(score, spikes, 0.5).recalls[[49, 99, 149]].tolist() == [0.5, 0.5, 1.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ol.planted_signals(0, 50), ">= 100"),
        (lambda: ol.judge([1.0], [True, False], 0), "one shape"),
        (lambda: ol.judge([1.0, 2.0], [False, False], 0), "at least one spike"),
        (lambda: ol.judge([1.0, np.nan], [True, False], 0), "NaN"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
