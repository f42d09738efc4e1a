"""The simulated motor obeys its physics and has its faults; each step of the pipeline does what it
says.
"""

import numpy as np
import pandas as pd
import pytest
from groundtruth.data import sensors as se
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

N = 6000  # steps of ten minutes
NAN = float("nan")
holed = st.lists(
    st.one_of(st.integers(-5, 5).map(float), st.just(NAN)), min_size=1, max_size=30
).filter(lambda v: not all(np.isnan(v)))


@pytest.fixture(scope="module")
def record():
    return se.simulate(0)


@pytest.fixture(scope="module")
def at(record):
    """The step of each sample of the fast sensor."""
    return np.rint(record.t_s / se.DT_S).astype(int)


def test_a_record_repeats_with_its_seed_and_differs_with_another(record):
    again = se.simulate(0)
    other = se.simulate(1)
    assert np.array_equal(again.current_a, record.current_a)
    assert not np.array_equal(other.true_a, record.true_a)


def test_the_current_is_zero_when_off_and_the_motor_warms_and_cools(record):
    assert (record.true_a[~record.on] == 0).all()
    assert (record.true_a[record.on][50:] > 0).all()
    off = np.flatnonzero(~record.on)
    assert (np.diff(record.true_c)[off[:-1]] <= 0).all()
    assert record.true_c.max() > 15 > record.true_c.min() == se.AMBIENT_C


def test_energy_is_conserved(record):
    """Heat produced = heat stored + heat given off, summed over the record."""
    c = record.true_c
    a = record.true_a
    produced = np.sum(se.OHM * (1 + 0.0039 * (c[:-1] - 20)) * a[1:] ** 2) * se.DT_S
    given_off = np.sum(se.COOLING_W_K * (c[:-1] - se.AMBIENT_C)) * se.DT_S
    assert produced == pytest.approx(given_off + se.HEAT_CAPACITY_J_K * (c[-1] - c[0]), rel=1e-9)


def test_a_record_has_every_fault(record):
    gaps = np.diff(record.t_s)
    assert gaps.min() == 0
    assert gaps.max() > 5
    assert (np.diff(record.t_s) >= 0).all()
    assert record.spikes.sum() == 40
    assert record.stuck.sum() == 39


def test_friction_by_hand():
    # 0.15 + 0.5 e^0 and 0.15 + 0.5 / e
    assert se.friction_nm([0, 15]) == pytest.approx([0.65, 0.15 + 0.5 / np.e], rel=1e-12)


def test_friction_of_single_precision_is_computed_in_double_precision():
    celsius = np.array([1.1, 20.3], dtype=np.float32)
    assert np.array_equal(se.friction_nm(celsius), se.friction_nm(celsius.astype(float)))


def test_the_drive_is_off_in_every_fourth_phase_of_50_seconds(record):
    assert N == 6000
    phase = record.on.reshape(12, 500)
    assert (phase == phase[:, :1]).all()
    assert phase[:, 0].tolist() == [True, True, True, False] * 3


def test_the_demand_is_a_level_with_a_ripple(record):
    phases = record.demand_nm.reshape(12, 500)[record.on[::500]]
    level = phases.mean(axis=1, keepdims=True)  # over 20 whole periods of the ripple
    assert 0.4 <= level.min() < 0.6
    assert 1.4 < level.max() <= 1.6
    ripple = 0.1 * np.sin(2 * np.pi * 0.4 * np.arange(500) * se.DT_S)
    np.testing.assert_allclose(phases - level, np.broadcast_to(ripple, phases.shape), atol=1e-9)
    assert not record.demand_nm[~record.on].any()


def test_the_current_approaches_the_demanded_torque_within_half_a_second(record):
    c = record.true_c[:-1]
    target = (record.demand_nm[1:] + 0.15 + 0.5 * np.exp(-c / 15)) / se.TORQUE_PER_A
    left = (target - record.true_a[1:]) / (target - record.true_a[:-1])
    np.testing.assert_allclose(left[record.on[1:]], np.exp(-0.1 / 0.5), rtol=1e-6)
    assert record.true_a[0] == 0


def test_a_reading_is_the_current_with_drift_noise_and_two_decimals(record, at):
    error = record.current_a - (record.true_a + 0.4 * np.linspace(0, 1, N))[at]
    assert record.drift_a == 0.4
    plain = error[~(record.spikes | record.stuck)[at]]
    assert plain.mean() == pytest.approx(0, abs=0.005)  # five standard errors
    assert plain.std() == pytest.approx(0.08, abs=0.004)
    np.testing.assert_allclose(record.current_a, record.current_a.round(2), atol=1e-12)
    assert (record.current_a != record.current_a.round(1)).mean() > 0.8


@pytest.mark.parametrize("seed", range(3))
def test_spikes_have_either_sign_and_a_height_from_one_and_a_half_to_five(seed):
    record = se.simulate(seed)
    at = np.rint(record.t_s / se.DT_S).astype(int)
    error = record.current_a - (record.true_a + 0.4 * np.linspace(0, 1, N))[at]
    height = error[(record.spikes & ~record.stuck)[at]]
    assert 1.5 - 0.35 < np.abs(height).min() < 2
    assert 4.5 < np.abs(height).max() < 5 + 0.35
    assert np.abs(height).mean() == pytest.approx(3.25, abs=0.7)
    assert 8 <= (height > 0).sum() <= height.size - 8
    assert 8 <= (np.abs(height) > 3.25).sum() <= height.size - 8


def test_the_sensor_hangs_after_a_third_of_the_record(record, at):
    assert np.flatnonzero(record.stuck).tolist() == list(range(2001, 2040))
    hung = record.current_a[(at >= 2000) & (at < 2040)]
    assert np.unique(hung).size == 1
    assert np.unique(record.current_a[(at >= 2040) & (at < 2080)]).size > 10


def test_three_gaps_and_one_in_a_hundred_samples_are_missing(at):
    present = np.zeros(N, dtype=bool)
    present[at] = True
    gap = np.zeros(N, dtype=bool)
    for start, length in ((1200, 6), (3000, 8), (4500, 60)):
        gap[start : start + length] = True
        assert present[[start - 1, start + length]].all()
    assert not present[gap].any()
    lost = ~present[~gap]
    assert 30 <= lost.sum() <= 90
    assert 0.3 < np.flatnonzero(lost).mean() / lost.size < 0.7


def test_one_in_three_hundred_samples_arrives_twice_with_its_time(record, at):
    assert record.t_s.size - np.unique(at).size == N // 300
    again = np.flatnonzero(np.diff(at) == 0)
    assert (record.t_s[again] == record.t_s[again + 1]).all()
    assert (record.current_a[again] == record.current_a[again + 1]).all()
    assert again.min() < N / 3
    assert again.max() > 2 * N / 3


def test_the_clock_is_unsteady_by_milliseconds(record, at):
    jitter = record.t_s - at * se.DT_S
    assert np.abs(jitter).max() <= 0.02 + 1e-9
    assert jitter.mean() == pytest.approx(0, abs=3e-4)
    assert jitter.std() == pytest.approx(0.004, abs=2e-4)


class Loud(np.random.Generator):
    """Normal numbers ten times as large."""

    def normal(self, loc, scale, size):
        return super().normal(loc, 10 * scale, size)


def test_the_clock_is_never_wrong_by_more_than_twenty_milliseconds():
    record = se.simulate(Loud(np.random.PCG64(0)), minutes=4)
    jitter = record.t_s - np.rint(record.t_s / se.DT_S) * se.DT_S
    assert jitter.max() == pytest.approx(0.02, abs=1e-9)
    assert jitter.min() == pytest.approx(-0.02, abs=1e-9)


def test_the_thermometer_reads_once_a_second_with_noise(record):
    np.testing.assert_allclose(record.slow_s, np.arange(600), atol=1e-9)
    error = record.slow_c - record.true_c[::10]
    assert error.mean() == pytest.approx(0, abs=0.02)
    assert error.std() == pytest.approx(0.1, abs=0.015)


@pytest.mark.parametrize("seed", [0, 7])
def test_the_shortest_record_has_four_minutes_and_an_off_phase(seed):
    record = se.simulate(seed, minutes=4)
    assert record.on.size == 2400
    assert (~record.on).sum() == 500
    assert record.spikes.sum() == 2400 // 150  # no two at one sample, which seed 7 would draw


@given(st.integers(4, 40), st.floats(0.05, 1.0))
def test_resampling_a_straight_line_is_exact(n, dt):
    t = np.sort(np.random.default_rng(n).uniform(0, 10, n))
    grid = np.arange(t[0], t[-1], dt)
    assert np.allclose(se.resample(t, 3 * t - 1, grid, 100.0), 3 * grid - 1, atol=1e-9)


def test_resampling_equals_numpy_outside_gaps_and_is_nan_inside():
    t = np.array([0.0, 1.0, 2.0, 8.0, 9.0])
    x = np.array([0.0, 5.0, 1.0, 7.0, 3.0])
    grid = np.arange(-1, 11, 0.5)
    made = se.resample(t, x, grid, 1.5)
    hidden = ((grid > 2) & (grid < 8)) | (grid < 0) | (grid > 9)
    assert np.isnan(made[hidden]).all()
    assert np.array_equal(made[~hidden], np.interp(grid, t, x)[~hidden])


@pytest.mark.parametrize(("t", "inside"), [([0, 5, 6], 2.5), ([0, 1, 6], 4.0)])
def test_gaps_in_the_first_and_in_the_last_interval_are_missing(t, inside):
    assert np.isnan(se.resample(t, [1, 2, 3], [inside], 2.0)).all()
    assert se.resample(t, [1, 2, 3], t, 2.0).tolist() == [1, 2, 3]  # samples are in no gap


def test_two_samples_are_enough_and_a_gap_of_the_limit_is_filled():
    assert se.resample([0, 2], [4, 8], [0.5, 2], 2.0).tolist() == [5.0, 8.0]


def test_repeated_times_keep_the_first_sample():
    assert se.resample([0.0, 1.0, 1.0, 2.0], [0.0, 1.0, 9.0, 2.0], [1.0], 5.0).tolist() == [1.0]


@given(arrays(float, st.integers(1, 30), elements=st.integers(0, 2).map(float)), st.integers(1, 5))
def test_runs_are_flagged_as_by_hand(x, longest):
    expected = []
    i = 0
    while i < x.size:
        j = i
        while j < x.size and x[j] == x[i]:
            j += 1
        expected += [False] + [j - i > longest] * (j - i - 1)
        i = j
    assert se.stuck_mask(x, longest).tolist() == expected


def test_no_samples_and_missing_samples_are_not_stuck():
    assert se.stuck_mask([], 2).shape == (0,)
    assert not se.stuck_mask([NAN] * 5, 2).any()


def test_runs_by_hand():
    x = [1, 1, 1, 2, 3, 3, 3, 3]
    assert np.flatnonzero(se.stuck_mask(x, 2)).tolist() == [1, 2, 5, 6, 7]
    assert np.flatnonzero(se.stuck_mask(x, 3)).tolist() == [5, 6, 7]
    assert np.flatnonzero(se.stuck_mask(x, 1)).tolist() == [1, 2, 5, 6, 7]
    assert not se.stuck_mask(x, 4).any()


def test_filling_by_hand():
    x = [NAN, 0, NAN, 2, NAN, NAN, 8, 9, NAN, NAN]
    for longest, inner in ((1, [1, 2, NAN, NAN]), (2, [1, 2, 4, 6]), (0, [NAN, 2, NAN, NAN])):
        expected = [NAN, 0, *inner, 8, 9, NAN, NAN]
        np.testing.assert_array_equal(se.fill_short_gaps(x, longest), expected)


@given(holed, st.integers(1, 6))
def test_filling_equals_pandas_on_short_gaps_and_leaves_long_ones(values, longest):
    filled = se.fill_short_gaps(values, longest)
    s = pd.Series(values)
    theirs = s.interpolate(limit_area="inside").to_numpy()
    hole = s.isna()
    length = hole.groupby((hole != hole.shift()).cumsum()).transform("size").to_numpy()
    long_gap = hole.to_numpy() & (length > longest)
    assert np.isnan(filled[long_gap]).all()
    assert np.allclose(filled[~long_gap], theirs[~long_gap], equal_nan=True)


def test_windows_share_memory_and_equal_slices():
    x = np.arange(60.0).reshape(20, 3)
    W = se.windows(x, 5, 4)
    assert W.shape == (4, 5, 3)
    assert np.shares_memory(W, x)
    assert all(np.array_equal(W[i], x[4 * i : 4 * i + 5]) for i in range(4))


@pytest.mark.parametrize(("length", "stride"), [(1, 1), (4, 1), (3, 1), (4, 3)])
def test_windows_of_any_length_and_stride(length, stride):
    x = np.arange(8).reshape(4, 2)
    W = se.windows(x, length, stride)
    expected = [x[i : i + length] for i in range(0, 4 - length + 1, stride)]
    np.testing.assert_array_equal(W, expected)
    assert W.dtype == float


def test_the_report_equals_pandas_and_the_total_is_the_weighted_mean():
    rng = np.random.default_rng(0)
    y = rng.normal(size=300)
    p = rng.normal(size=300)
    r = rng.choice(["a", "b", "c"], 300)
    report = se.regime_report(y, p, r)
    theirs = (
        pd.DataFrame({"e": p - y, "r": r})
        .groupby("r")["e"]
        .agg(rmse=lambda e: np.sqrt(np.mean(e**2)), bias="mean", count="size")
    )
    assert np.allclose(
        report.drop(index="all")[["rmse", "bias", "count"]], theirs[["rmse", "bias", "count"]]
    )
    part = report.drop(index="all")
    assert report.loc["all", "rmse"] ** 2 == pytest.approx(
        np.average(part["rmse"] ** 2, weights=part["count"])
    )


def test_too_few_rows_are_not_judged():
    report = se.regime_report([0.0, 0.0, 1.0], [0.0, 0.0, 9.0], ["a", "a", "b"], least=2)
    assert np.isnan(report.loc["b", "rmse"])
    assert report.loc["b", "count"] == 1
    assert report.loc["a", "rmse"] == 0
    assert se.regime_report([1.0], [9.0], ["b"]).loc["b", "rmse"] == 8  # by default, one is enough


def test_the_drift_is_found_in_spite_of_spikes():
    t = np.arange(500) * 0.1
    x = 0.02 * t + 0.3 + np.random.default_rng(1).normal(0, 0.05, 500)
    x[::50] += 9
    assert np.allclose(se.zero_drift(t, x, np.ones(500, bool)), 0.02 * t + 0.3, atol=0.03)


@pytest.mark.parametrize("as_type", [bool, int])
def test_the_zero_needs_ten_readings_and_ignores_missing_ones(as_type):
    t = np.arange(14)
    x = 2.0 * t + 1
    x[[0, 13]] = NAN
    x[12] = 500  # the drive is on
    off = np.array([1] * 11 + [0, 0, 1], dtype=as_type)
    np.testing.assert_allclose(se.zero_drift(t, x, off), 2.0 * t + 1, rtol=1e-9)


def test_a_stretch_as_long_as_the_window_is_smoothed():
    # the line through 0, 3, 0 is the constant 1, that through 0, 1, 0 is 1/3
    smoothed = se.smooth_stretches([0, 3, 0, NAN, 3, 0], 3, 1)
    np.testing.assert_allclose(smoothed, [1, 1, 1, NAN, 3, 0], atol=1e-12)
    np.testing.assert_allclose(se.smooth_stretches([0, 1, 0], 3, 1), [1 / 3] * 3)


@given(st.integers(0, 50))
def test_smoothing_stretches_does_not_reach_across_a_gap(jump):
    x = np.concatenate([np.zeros(20), [NAN] * 3, np.full(20, float(jump)), [NAN], [5.0]])
    made = se.smooth_stretches(x, 7, 2)
    assert np.allclose(made[:20], 0, atol=1e-12)
    assert np.allclose(made[23:43], jump)
    assert made[-1] == 5.0
    assert np.isnan(made[[20, 21, 22, 43]]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: se.simulate(0, minutes=2), "4 minutes"),
        (lambda: se.resample([0.0], [1.0], [0.0], 1.0), "length >= 2"),
        (lambda: se.resample([0.0, 1.0], [1.0], [0.0], 1.0), r"\(2,\) and \(1,\)"),
        (lambda: se.resample([1.0, 0.0], [1.0, 2.0], [0.0], 1.0), "sample 1 is earlier"),
        (lambda: se.resample([0.0, 1.0], [1.0, NAN], [0.0], 1.0), "NaN"),
        (lambda: se.resample([0.0, NAN], [1.0, 2.0], [0.0], 1.0), "NaN"),
        (lambda: se.resample([0.0, 1.0], [1.0, 2.0], [NAN], 1.0), "NaN"),
        (lambda: se.resample(np.uint8([1, 0]), [1.0, 2.0], [0.0], 1.0), "sample 1 is earlier"),
        (lambda: se.resample([[0.0, 1.0]], [[1.0, 2.0]], [0.0], 1.0), "length >= 2"),
        (lambda: se.stuck_mask([[1.0]], 2), r"\(1, 1\)"),
        (lambda: se.stuck_mask([1.0], 0), "longest"),
        (lambda: se.fill_short_gaps([NAN], 1), "at least one value"),
        (lambda: se.fill_short_gaps([[1.0]], 1), r"\(1, 1\)"),
        (lambda: se.windows(np.ones((3, 1)), 0, 1), "length 0"),
        (lambda: se.windows([1.0, 2.0], 1, 1), r"\(2,\)"),
        (lambda: se.windows(np.ones((3, 1)), 4, 1), "length 4"),
        (lambda: se.windows(np.ones((3, 1)), 2, 0), "stride 0"),
        (lambda: se.regime_report([1.0], [1.0, 2.0], ["a"]), "one length"),
        (lambda: se.regime_report([], [], []), ">= 1"),
        (lambda: se.regime_report([[1.0]], [[1.0]], ["a"]), "one length"),
        (lambda: se.regime_report([1.0], [1.0], ["a", "b"]), "one length"),
        (lambda: se.regime_report([1.0], [np.inf], ["a"]), "count them"),
        (lambda: se.regime_report([NAN], [1.0], ["a"]), "count them"),
        (lambda: se.zero_drift(np.arange(9.0), np.ones(9), np.ones(9, bool)), "10 readings"),
        (lambda: se.zero_drift(np.arange(5.0), np.ones(5), np.ones(5, bool)), "10 readings"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
