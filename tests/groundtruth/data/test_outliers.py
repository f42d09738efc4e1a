"""Judging scores against scikit-learn; planted signals have what they promise."""

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
