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
        (lambda: ol.planted_signals(0, 99), ">= 100"),
        (lambda: ol.judge([1.0], [True, False], 0), "one shape"),
        (lambda: ol.judge([1.0, 2.0], [False, False], 0), "at least one spike"),
        (lambda: ol.judge([1.0, np.nan], [True, False], 0), "NaN"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
