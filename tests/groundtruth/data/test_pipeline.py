"""Steps with hindsight and from the past only: each equals its definition, and only the second
kind is causal.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from groundtruth.data import pipeline as pl
from groundtruth.data import sensors as se
from groundtruth.data.signals import hampel
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import median_abs_deviation

RECORD = se.simulate(0)
NAN = float("nan")
X = np.random.default_rng(0).normal(size=300)
holed = st.lists(st.one_of(st.integers(-5, 5).map(float), st.just(NAN)), min_size=1, max_size=30)


def error(x):
    return np.sqrt(np.nanmean((x - RECORD.true_a) ** 2))


def test_every_step_lowers_the_error_and_the_long_gap_stays():
    stages = pl.prepare(RECORD)
    errors = [error(x) for x in stages.values()]
    assert errors[0] > errors[1] > errors[2] >= 0.98 * errors[3] > errors[4]
    assert errors[4] < errors[0] / 6
    missing = [int(np.isnan(x).sum()) for x in stages.values()]
    assert missing[1] > missing[0]
    assert missing[3] < missing[2]
    assert missing[4] == missing[3] >= 59


def test_the_causal_steps_clean_too_at_a_price():
    hindsight = pl.prepare(RECORD)
    live = pl.prepare_causal(RECORD)
    assert error(live["cleaned"]) < 0.6 * error(live["aligned"])
    assert error(live["smoothed"]) > 1.5 * error(hindsight["smoothed"])


LENGTH = RECORD.on.size
EVENTS = [*np.flatnonzero(RECORD.spikes), LENGTH // 5 + 2, LENGTH // 2 + 3]  # and inside two gaps
OTHER = np.random.default_rng(5).normal(size=RECORD.t_s.size)


def smoothed(record):
    return pl.prepare_causal(record)["smoothed"]


@pytest.mark.parametrize("shift", [1.0, OTHER], ids=["raised", "other values"])
@pytest.mark.parametrize("event", EVENTS)
def test_no_later_reading_changes_the_causal_current_beside_a_spike_or_in_a_gap(event, shift):
    assert pl.influence(smoothed, RECORD, 0.1 * event, shift) == (0.0, 0.0)


def test_the_causal_zero_is_the_median_of_200_readings():
    valid = pl.latest(RECORD.t_s, RECORD.current_a, np.arange(LENGTH) * se.DT_S, 2.5 * se.DT_S)
    valid = np.where(pl.repeats(valid) >= 8, np.nan, valid)
    expected = valid - pl.latest_zero(valid, ~RECORD.on, 200)
    assert np.array_equal(pl.prepare_causal(RECORD)["validated"], expected, equal_nan=True)


def test_influence_sees_a_peek_of_one_sample():
    grid = np.arange(LENGTH) * se.DT_S

    def peek(record):
        return np.interp(grid + se.DT_S, record.t_s, record.current_a)

    change, fraction = pl.influence(peek, RECORD, 250.05)
    assert change > 0.5
    assert 0 < fraction <= 2.1 / 2501


@pytest.mark.parametrize("when", [30.0, 151.0, 200.05, 420.0, 580.0])
def test_no_later_reading_changes_a_causal_stage(when):
    for stage in pl.prepare_causal(RECORD):
        assert pl.influence(lambda r, name=stage: pl.prepare_causal(r)[name], RECORD, when) == (
            0.0,
            0.0,
        )


def test_no_lost_reading_changes_a_causal_stage_before():
    present = RECORD.t_s <= 300.0
    shorter = replace(RECORD, t_s=RECORD.t_s[present], current_a=RECORD.current_a[present])
    before = np.arange(RECORD.on.size) * se.DT_S <= 300.0
    whole = pl.prepare_causal(RECORD)["smoothed"][before]
    part = pl.prepare_causal(shorter)["smoothed"][before]
    assert np.array_equal(whole, part, equal_nan=True)


def test_influence_shows_that_hindsight_leaks():
    change, fraction = pl.influence(lambda r: pl.prepare(r)["smoothed"], RECORD, 420.0)
    assert change > 0.3
    assert fraction > 0.9


def test_influence_counts_changed_samples_before_only():
    n = RECORD.on.size
    grid = np.arange(n) * se.DT_S

    def three_samples(record):
        y = np.zeros(n)
        y[:3] = record.current_a[-1]
        y[grid > 300] = record.current_a[-1]
        return y

    change, fraction = pl.influence(three_samples, RECORD, 300.0, shift=2.0)
    assert change == pytest.approx(2.0)
    assert fraction == pytest.approx(3 / 3001)


def test_influence_counts_samples_that_become_missing():
    grid = np.arange(LENGTH) * se.DT_S

    def dropping(record):
        y = np.ones(grid.size)
        y[0] = NAN if record.current_a[-1] > RECORD.current_a[-1] else 1.0
        return y

    assert pl.influence(dropping, RECORD, 300.0) == (0.0, pytest.approx(1 / 3001))


def test_influence_sees_a_scale_estimated_after_the_split():
    def scaled(record, end):
        channels = np.column_stack([smoothed(record), record.true_c])
        return channels / np.nanstd(channels[:end], axis=0)

    assert pl.influence(lambda r: scaled(r, 3000), RECORD, 300.0) == (0.0, 0.0)
    # of the two channels, only the current depends on the readings
    fraction = pl.influence(lambda r: scaled(r, LENGTH), RECORD, 300.0)[1]
    assert 0.4 < fraction <= 0.5


@pytest.mark.parametrize("window", [3, 5, 11, 31])
def test_centered_scores_equal_their_definition(window):
    half = window // 2
    rows = np.lib.stride_tricks.sliding_window_view(X, window)
    distance = np.abs(X[half:-half] - np.median(rows, axis=1))
    expected = distance / median_abs_deviation(rows, axis=1, scale="normal")
    assert np.allclose(pl.hampel_score(X, window)[half:-half], expected, rtol=1e-6)
    mask = hampel(X, window, 3)[0]
    assert np.array_equal((pl.hampel_score(X, window) > 3)[half:-half], mask[half:-half])


def test_causal_scores_are_centered_scores_read_later():
    centered = pl.hampel_score(X, 11)
    rows = np.lib.stride_tricks.sliding_window_view(X, 11)
    expected = np.abs(rows[:, -1] - np.median(rows, axis=1)) / median_abs_deviation(
        rows, axis=1, scale="normal"
    )
    assert np.allclose(pl.hampel_score(X, 11, causal=True)[10:], expected, rtol=1e-6)
    assert not np.allclose(centered[10:], expected)


def test_missing_samples_do_not_count_and_do_not_join_what_they_separate():
    x = np.concatenate([np.zeros(20), [NAN] * 20, np.full(20, 9.0)])
    x += np.random.default_rng(1).normal(0, 0.1, 60)
    score = pl.hampel_score(x, 11)
    assert np.isnan(score[20:40]).all()
    assert np.nanmax(score) < 20


def test_the_floor_bounds_the_mad():
    coarse = np.zeros(50)
    coarse[::9] = 0.1
    assert np.isinf(pl.hampel_score(coarse, 11)[9])
    expected = 0.1 / (1.4826022 * 0.1)
    assert pl.hampel_score(coarse, 11, floor=0.1)[9] == pytest.approx(expected)


def test_spikes_are_replaced_by_the_median_of_their_window():
    x = np.array([1.0, 2.0, 50.0, 4.0, 3.0])
    score = np.array([0.0, 0.0, 9.0, 0.0, 5.0])
    assert pl.replace_spikes(x, score, 5, 5, 2).tolist() == [1.0, 2.0, 3.0, 4.0, 3.0]
    assert pl.replace_spikes(x, score, 5, 3, 0).tolist() == [1.0, 2.0, 2.0, 4.0, 3.0]


def test_latest_equals_pandas_merge():
    t = np.sort(np.random.default_rng(2).uniform(0, 20, 60))
    grid = np.arange(0, 20, 0.25)
    left = pd.DataFrame({"t": grid})
    right = pd.DataFrame({"t": t, "x": X[:60]})
    theirs = pd.merge_asof(left, right, on="t", tolerance=0.5)["x"].to_numpy()
    assert np.array_equal(pl.latest(t, X[:60], grid, 0.5), theirs, equal_nan=True)


@given(st.lists(st.integers(0, 2).map(float), min_size=1, max_size=30))
def test_repeats_are_counted_as_by_hand(values):
    expected = []
    for i, value in enumerate(values):
        same = i > 0 and values[i - 1] == value
        expected.append(expected[-1] + 1 if same else 0)
    assert pl.repeats(values).tolist() == expected


@given(holed, st.integers(0, 6))
def test_holding_equals_pandas(values, longest):
    expected = pd.Series(values).ffill(limit=longest) if longest else pd.Series(values)
    assert np.array_equal(pl.hold(values, longest), expected.to_numpy(), equal_nan=True)


def test_the_zero_is_the_median_of_the_latest_readings_with_the_motor_off():
    x = np.array([7.0, 0.1, 0.2, 0.9, 7.0, NAN, 0.4, 7.0])
    off = np.array([False, True, True, True, False, True, True, False])
    expected = [0.0, 0.1, 0.15, 0.2, 0.2, 0.2, 0.4, 0.4]
    assert pl.latest_zero(x, off, 3) == pytest.approx(expected)
    assert pl.latest_zero(x, np.zeros(8, bool), 3).tolist() == [0.0] * 8


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pl.hampel_score([], 3), r"\(0,\)"),
        (lambda: pl.hampel_score(X, 4), "odd"),
        (lambda: pl.hampel_score(X, 1), "got 1"),
        (lambda: pl.hampel_score(X[:5], 7), r"\[3, 5\]"),
        (lambda: pl.hampel_score(X, 5, floor=-1.0), "floor"),
        (lambda: pl.replace_spikes(X, X, 1, 5, 5), r"\[0, 5\)"),
        (lambda: pl.latest([0.0, 1.0], [1.0], [0.0], 1.0), "as many"),
        (lambda: pl.latest([1.0, 0.0], [1.0, 1.0], [0.0], 1.0), "not decrease"),
        (lambda: pl.repeats([[1.0]]), r"\(1, 1\)"),
        (lambda: pl.latest_zero(X, X > 0, 0), "window"),
        (lambda: pl.hold(X, -1), "longest"),
        (lambda: pl.influence(lambda r: r.true_a, RECORD, 1e6), "before and after"),
        (lambda: pl.influence(lambda r: r.true_a, RECORD, -1.0), "before and after"),
        (lambda: pl.influence(lambda r: r.true_a, RECORD, 300.0, [1.0]), "shape"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
