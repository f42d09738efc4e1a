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


def test_influence_on_a_signal_without_values_is_none():
    nothing = np.full(LENGTH, NAN)
    assert pl.influence(lambda record: nothing, RECORD, 300.0) == (0.0, 0.0)


def test_influence_sees_a_scale_estimated_after_the_split():
    def scaled(record, end):
        channels = np.column_stack([smoothed(record), record.true_c])
        return channels / np.nanstd(channels[:end], axis=0)

    assert pl.influence(lambda r: scaled(r, 3000), RECORD, 300.0) == (0.0, 0.0)
    # of the two channels, only the current depends on the readings
    fraction = pl.influence(lambda r: scaled(r, LENGTH), RECORD, 300.0)[1]
    assert 0.4 < fraction <= 0.5


def test_a_reading_and_a_sample_at_the_time_itself_are_not_later():
    grid = np.arange(LENGTH) * se.DT_S
    when = float(RECORD.t_s[3000])
    lasting = replace(RECORD, t_s=RECORD.t_s[:3002], current_a=RECORD.current_a[:3002])
    assert RECORD.t_s[3001] > when

    def sums(record):
        y = np.zeros(LENGTH)
        y[0] = record.current_a[3000]  # at the time
        y[1] = record.current_a[3001]  # later
        return y

    change, fraction = pl.influence(sums, lasting, when)
    assert change == pytest.approx(1.0)
    assert fraction == pytest.approx(1 / (grid <= when).sum())

    def at_300(record):
        return np.where(grid == grid[3000], record.current_a[-1], 0.0)

    assert pl.influence(at_300, RECORD, float(grid[3000]))[0] == pytest.approx(1.0)


def log(current, missing=()):
    """A record of four minutes with these currents, read at the times of the grid."""
    record = se.simulate(0, minutes=4)
    t = np.arange(record.on.size) * se.DT_S
    present = ~np.isin(np.arange(t.size), missing)
    return replace(record, t_s=t[present], current_a=np.asarray(current, float)[present])


WIGGLE = np.random.default_rng(9).normal(0, 0.05, 2400)  # no two equal neighbors


def lengths(stage, start=100, stop=1300):
    """The lengths of runs of missing samples between two steps."""
    hole = np.isnan(stage[start:stop])
    edges = np.flatnonzero(np.diff(np.concatenate([[0], hole.astype(int), [0]])))
    return (edges[1::2] - edges[::2]).tolist()


def test_hindsight_interpolates_one_lost_sample_and_hides_more_until_they_are_filled():
    lost = [200, *range(300, 302), *range(400, 410), *range(500, 511)]
    stages = pl.prepare(log(WIGGLE, lost))
    assert lengths(stages["aligned"]) == [2, 10, 11]
    assert lengths(stages["filled"]) == [11]
    assert lengths(stages["smoothed"]) == [11]
    causal = pl.prepare_causal(log(WIGGLE, lost))
    # the last sample stands in for two steps, and is held for ten more
    assert lengths(causal["aligned"]) == [8, 9]
    assert lengths(causal["filled"]) == []
    longer = pl.prepare_causal(log(WIGGLE, range(500, 513)))
    assert lengths(longer["aligned"]) == [11]
    assert lengths(longer["filled"]) == [1]


def test_a_sensor_that_repeats_itself_nine_times_hangs():
    current = WIGGLE.copy()
    current[300:308] = 0.5  # eight times
    current[400:409] = 0.5
    assert lengths(pl.prepare(log(current))["validated"]) == [8]
    assert lengths(pl.prepare_causal(log(current))["validated"]) == [1]
    current[600:612] = 0.496 + 7e-4 * np.arange(12)  # equal to two decimals, not to three
    assert lengths(pl.prepare(log(current))["validated"]) == [8, 11]


def test_a_spike_on_a_slope_is_replaced_by_the_median_around_it():
    current = 0.1 * WIGGLE + np.interp(np.arange(2400), [300, 900, 1500], [0, 60, 0])
    current[600] += 50
    # the spike is the largest of eleven: the median is the next value of the slope, 0.1 higher
    assert pl.prepare(log(current))["cleaned"][600] == pytest.approx(30.1, abs=0.04)
    # of the last five, the median is the reading two steps before
    assert pl.prepare_causal(log(current))["cleaned"][600] == pytest.approx(29.8, abs=0.04)


def test_the_past_alone_takes_a_step_for_a_spike_until_most_of_the_window_is_behind_it():
    current = 0.1 * WIGGLE
    current[600:1000] += 5
    stages = pl.prepare_causal(log(current))
    assert stages["cleaned"][598:604] == pytest.approx([0, 0, 0, 0, 5, 5], abs=0.1)
    hindsight = pl.prepare(log(current))
    assert hindsight["cleaned"][598:604] == pytest.approx([0, 0, 5, 5, 5, 5], abs=0.1)


@pytest.mark.parametrize("name", ["prepare", "prepare_causal"])
def test_five_stages_have_the_names_of_the_steps(name):
    stages = getattr(pl, name)(log(WIGGLE))
    assert list(stages) == ["aligned", "validated", "cleaned", "filled", "smoothed"]
    assert all(stage.shape == (2400,) for stage in stages.values())


def test_a_line_passes_the_causal_steps_unchanged():
    record = log(np.linspace(0, 24, 2400))
    never_off = replace(record, on=np.ones(2400, dtype=bool))
    stages = pl.prepare_causal(never_off)
    np.testing.assert_allclose(stages["smoothed"][4:], never_off.current_a[4:], atol=1e-9)
    assert np.isnan(stages["smoothed"][:4]).all()


def test_the_causal_floor_spares_steps_of_a_coarse_sensor():
    # in a window of 0.00 and 0.01 alone, the MAD is 0.02 instead of 0: 0.2 is 6.7 deviations
    current = 0.01 * (np.arange(2400) % 2)
    current[[700, 800]] = [0.2, 0.35]
    stages = pl.prepare_causal(replace(log(current), on=np.ones(2400, dtype=bool)))
    assert stages["cleaned"][700] == 0.2
    assert stages["cleaned"][800] < 0.02


DEFAULTS = [
    ("prepare", {"window": 11, "order": 2, "k": 8.0}),
    ("prepare_causal", {"window": 5, "order": 1, "k": 10.0}),
]


@pytest.mark.parametrize(("name", "settings"), DEFAULTS)
def test_settings_are_those_of_the_page(name, settings):
    steps = getattr(pl, name)
    default = steps(RECORD)
    for stage, values in steps(RECORD, **settings).items():
        np.testing.assert_array_equal(values, default[stage])


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


@pytest.mark.filterwarnings("error")
def test_a_constant_signal_has_the_score_zero_without_a_warning():
    assert pl.hampel_score(np.full(9, 3.0), 3).tolist() == [0.0] * 9
    assert pl.hampel_score([3.0, 3.0, 3.0], 3, causal=True, floor=0.0).tolist() == [0.0] * 3
    step = pl.hampel_score([0, 0, 0, 1, 0, 0, 0], 5)
    assert step.tolist() == [0.0, 0.0, 0.0, np.inf, 0.0, 0.0, 0.0]
    assert np.isnan(pl.hampel_score([NAN] * 7, 3)).all()


def test_the_score_by_hand_in_windows_that_are_cut_at_the_ends():
    # windows (1, 2), (1, 2, 6), (2, 6): medians 1.5, 2 and 4, deviations 0.5, 1 and 2
    score = pl.hampel_score([1, 2, 6], 3)
    assert score * 1.4826022 == pytest.approx([1.0, 0.0, 1.0], rel=1e-6)
    # windows that end at the sample: (1), (1, 2), (1, 2, 6)
    causal = pl.hampel_score([1, 2, 6], 3, causal=True)
    assert causal * 1.4826022 == pytest.approx([0.0, 1.0, 4.0], rel=1e-6)


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


def test_a_score_of_the_limit_is_no_spike_and_a_median_may_be_a_fraction():
    x = np.array([1, 50, 4])
    score = np.array([0.0, 9.0, 2.0])
    assert pl.replace_spikes(x, score, 2, 2, 0).tolist() == [1.0, 25.5, 4.0]
    assert pl.replace_spikes(x, score, 2, 2, 1).tolist() == [1.0, 27.0, 4.0]
    assert pl.replace_spikes(x, score, 9, 2, 1).tolist() == [1.0, 50.0, 4.0]
    assert x.tolist() == [1, 50, 4]


def test_the_latest_sample_counts_at_its_own_time_and_until_it_is_too_old():
    assert pl.latest([1, 2], [5, 7], [0, 1, 2, 4, 4.5], 2).tolist() == pytest.approx(
        [NAN, 5, 7, 7, NAN], nan_ok=True
    )
    # of two samples of one time, the one that arrived last
    assert pl.latest([1, 1], [5, 7], [1], 0).tolist() == [7.0]


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


def test_holding_by_hand():
    x = [NAN, 1, NAN, NAN, NAN, 2, NAN]
    for longest, expected in (
        (0, [NAN, 1, NAN, NAN, NAN, 2, NAN]),
        (1, [NAN, 1, 1, NAN, NAN, 2, 2]),
        (2, [NAN, 1, 1, 1, NAN, 2, 2]),
        (9, [NAN, 1, 1, 1, 1, 2, 2]),
    ):
        np.testing.assert_array_equal(pl.hold(x, longest), expected)


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
    newest = [0.0, 0.1, 0.2, 0.9, 0.9, 0.9, 0.4, 0.4]
    assert pl.latest_zero(x, off.astype(float), 1) == pytest.approx(newest)


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
