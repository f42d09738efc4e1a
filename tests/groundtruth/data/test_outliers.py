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


def test_ranks_worked_by_hand():
    first = ol.judge([3.0, 2.0, 1.0], [True, True, False], 2.5)
    assert (first.precision, first.recall) == (1.0, 0.5)
    both = ol.judge([3.0, 2.0, 1.0], [True, True, False], 1.5)
    assert (both.precision, both.recall) == (1.0, 1.0)
    late = ol.judge([3.0, 2.0, 1.0], [True, False, True], 1.5)
    assert (late.precision, late.recall) == (0.5, 0.5)
    assert late.precisions.tolist() == [1, 1 / 2, 2 / 3]
    assert late.recalls.tolist() == [1 / 2, 1 / 2, 1]
    assert late.average_precision == pytest.approx((1 + 2 / 3) / 2)


def test_a_score_at_the_threshold_is_not_above_it():
    result = ol.judge([3.0, 2.0, 1.0], [True, True, False], 2.0)
    assert (result.precision, result.recall) == (1.0, 0.5)


def test_whole_scores_and_labels_are_judged_as_floats_and_booleans():
    score = np.array([3, 0, 1, 2], dtype=np.uint8)
    result = ol.judge(score, [0, 0, 1, 1], 1)
    assert (result.precision, result.recall) == (0.5, 0.5)
    assert result.precisions.tolist() == [0, 1 / 2, 2 / 3, 1 / 2]
    assert result.average_precision == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_equal_scores_rank_in_the_order_of_the_samples():
    late = np.arange(1000) % 2 == 1  # in each run of equal scores, every second sample is a spike
    result = ol.judge(np.repeat([1.0, 2.0], 500), late, 0.0)
    rank = np.arange(1, 1001)
    assert np.array_equal(result.precisions, rank // 2 / rank)


def test_the_models_leave_noise_and_spikes_only():
    for case, sigma in zip(ol.planted_signals(3).values(), (0.2, 1.0), strict=True):
        clean = ~case.spikes
        beta = np.linalg.lstsq(case.design[clean], case.x[clean], rcond=None)[0]
        residual = case.x - case.design @ beta
        assert residual[clean].std() == pytest.approx(sigma, rel=0.05)
        assert np.abs(residual[case.spikes]).min() > 2 * sigma


def test_planted_signals_are_what_their_formulas_say():
    n = 100_000
    cases = ol.planted_signals(1, n)
    t = np.arange(n)
    wave = 0.001 * t + 4 * np.sin(2 * np.pi * t / 150)
    sides = []
    for name, model, sigma, low, high in (
        ("wave", wave, 0.2, 1.2, 3.0),
        ("level", 10.0, 1.0, 6.0, 9.0),
    ):
        case = cases[name]
        assert case.spikes.sum() == n // 25
        left = case.x - model
        noise = left[~case.spikes]
        assert abs(noise.mean()) < 5 * sigma / np.sqrt(noise.size)
        assert noise.std() == pytest.approx(sigma, rel=0.02)
        spike = left[case.spikes]
        deviation = np.sqrt((high - low) ** 2 / 12 + sigma**2)  # uniform heights and the noise
        for side in (-1, 1):
            height = side * spike[np.sign(spike) == side]
            assert abs(height.size - spike.size / 2) < 5 * np.sqrt(spike.size) / 2
            assert abs(height.mean() - (low + high) / 2) < 5 * deviation / np.sqrt(height.size)
            assert height.std() == pytest.approx(deviation, rel=0.05)
        sides.append(np.sign(spike))
    assert np.array_equal(cases["wave"].spikes, cases["level"].spikes)
    assert np.array_equal(*sides)  # a spike points the same way in both signals
    turn = 2 * np.pi * t / 150
    expected = np.column_stack([t, t**0, np.sin(turn), np.cos(turn)])
    assert np.allclose(cases["wave"].design, expected, atol=1e-8)
    assert np.array_equal(cases["level"].design, np.ones((n, 1)))


def test_a_seed_gives_one_pair_of_signals_of_6000_samples_or_as_many_as_asked():
    for name, case in ol.planted_signals(5).items():
        assert case.x.shape == (6000,)
        assert np.array_equal(case.x, ol.planted_signals(5)[name].x)
        assert not np.array_equal(case.x, ol.planted_signals(6)[name].x)
        assert ol.planted_signals(5, 100)[name].spikes.sum() == 4


def test_before_the_record_the_design_repeats_the_first_sample():
    record = sensors.simulate(0, minutes=4)
    n = record.on.size
    record = replace(record, demand_nm=np.arange(n) + 7.0, on=np.arange(n) % 2 == 0)
    design = ol.demand_design(record)
    for j, steps in enumerate((0, 2, 5, 10, 20)):
        assert (design[:steps, j] == 7).all()
        assert (design[:steps, 5 + j] == 1).all()


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
        (lambda: ol.planted_signals(0, 99), ">= 100"),
        (lambda: ol.judge([1.0], [True, False], 0), "one shape"),
        (lambda: ol.judge([1.0, 2.0], [False, False], 0), "at least one spike"),
        (lambda: ol.judge([1.0, np.nan], [True, False], 0), "NaN"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
