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

RECORD = se.simulate(0)
NAN = float("nan")
holed = st.lists(
    st.one_of(st.integers(-5, 5).map(float), st.just(NAN)), min_size=1, max_size=30
).filter(lambda v: not all(np.isnan(v)))


def test_a_record_repeats_with_its_seed_and_differs_with_another():
    again = se.simulate(0)
    other = se.simulate(1)
    assert np.array_equal(again.current_a, RECORD.current_a)
    assert not np.array_equal(other.true_a, RECORD.true_a)


def test_the_current_is_zero_when_off_and_the_motor_warms_and_cools():
    assert (RECORD.true_a[~RECORD.on] == 0).all()
    assert (RECORD.true_a[RECORD.on][50:] > 0).all()
    off = np.flatnonzero(~RECORD.on)
    assert (np.diff(RECORD.true_c)[off[:-1]] <= 0).all()
    assert RECORD.true_c.max() > 15 > RECORD.true_c.min() == se.AMBIENT_C


def test_energy_is_conserved():
    """Heat produced = heat stored + heat given off, summed over the record."""
    c = RECORD.true_c
    a = RECORD.true_a
    produced = np.sum(se.OHM * (1 + 0.0039 * (c[:-1] - 20)) * a[1:] ** 2) * se.DT_S
    given_off = np.sum(se.COOLING_W_K * (c[:-1] - se.AMBIENT_C)) * se.DT_S
    assert produced == pytest.approx(given_off + se.HEAT_CAPACITY_J_K * (c[-1] - c[0]), rel=1e-9)


def test_a_record_has_every_fault():
    gaps = np.diff(RECORD.t_s)
    assert gaps.min() == 0
    assert gaps.max() > 5
    assert (np.diff(RECORD.t_s) >= 0).all()
    assert RECORD.spikes.sum() == 40
    assert RECORD.stuck.sum() == 39


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


def test_the_drift_is_found_in_spite_of_spikes():
    t = np.arange(500) * 0.1
    x = 0.02 * t + 0.3 + np.random.default_rng(1).normal(0, 0.05, 500)
    x[::50] += 9
    assert np.allclose(se.zero_drift(t, x, np.ones(500, bool)), 0.02 * t + 0.3, atol=0.03)


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
        (lambda: se.stuck_mask([[1.0]], 2), r"\(1, 1\)"),
        (lambda: se.stuck_mask([1.0], 0), "longest"),
        (lambda: se.fill_short_gaps([NAN], 1), "at least one value"),
        (lambda: se.windows([1.0, 2.0], 1, 1), r"\(2,\)"),
        (lambda: se.windows(np.ones((3, 1)), 4, 1), "length 4"),
        (lambda: se.windows(np.ones((3, 1)), 2, 0), "stride 0"),
        (lambda: se.regime_report([1.0], [1.0, 2.0], ["a"]), "one length"),
        (lambda: se.regime_report([], [], []), ">= 1"),
        (lambda: se.regime_report([NAN], [1.0], ["a"]), "count them"),
        (lambda: se.zero_drift(np.arange(5.0), np.ones(5), np.ones(5, bool)), "10 readings"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
