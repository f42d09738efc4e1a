"""Filters against SciPy and pandas; polynomials kept, causality, robustness, and bad input."""

import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from groundtruth.data import signals as sg
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import signal as ss
from scipy.stats import median_abs_deviation, norm

series = st.integers(9, 60).flatmap(lambda n: arrays(float, n, elements=st.floats(-50, 50)))
odd = st.integers(1, 4).map(lambda h: 2 * h + 1)
X = np.random.default_rng(0).normal(size=400)


@pytest.mark.parametrize("window", [3, 5, 11, 21])
@pytest.mark.parametrize("order", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("deriv", [0, 1, 2])
def test_coefficients_equal_scipy_at_every_position(window, order, deriv):
    if order >= window:
        return
    for pos in range(window):
        assert np.allclose(
            sg.savgol_coeffs(window, order, deriv, pos),
            ss.savgol_coeffs(window, order, deriv, pos=pos, use="dot"),
            atol=1e-10,
        )


@pytest.mark.parametrize("mode", ["interp", "mirror", "nearest", "constant"])
@pytest.mark.parametrize(
    ("window", "order", "deriv"), [(5, 2, 0), (11, 3, 1), (21, 4, 2), (7, 0, 0)]
)
def test_smoothing_equals_scipy_with_all_edges(mode, window, order, deriv):
    ours = sg.savgol(X, window, order, deriv, dt=0.5, mode=mode)
    assert np.allclose(
        ours, ss.savgol_filter(X, window, order, deriv, delta=0.5, mode=mode), atol=1e-10
    )


@given(odd, st.integers(0, 4), st.lists(st.floats(-3, 3), min_size=5, max_size=5), st.booleans())
def test_polynomials_up_to_the_order_are_kept(window, order, beta, causal):
    order = min(order, window - 1)
    x = np.polynomial.polynomial.polyval(np.linspace(-1, 1, 40), beta[: order + 1])
    y = sg.savgol(x, window, order, causal=causal)
    known = np.isfinite(y)
    assert known.sum() == 40 - (window - 1) * causal
    assert np.allclose(y[known], x[known], atol=1e-8)


def test_a_window_of_one_sample_is_the_signal():
    assert sg.savgol_coeffs(1, 0).tolist() == pytest.approx([1.0])
    for mode in ("interp", "mirror", "nearest", "constant"):
        assert np.allclose(sg.savgol(X, 1, 0, mode=mode), X)
    assert np.allclose(sg.moving_average(X, 1, causal=True), X)


def test_slopes_are_per_sample_or_per_unit_of_time():
    ramp = 3.0 * np.arange(20)
    for causal in (False, True):
        start = 4 * causal
        assert np.allclose(sg.savgol(ramp, 5, 2, 1, causal=causal)[start:], 3)
        assert np.allclose(sg.savgol(ramp, 5, 2, 1, dt=0.5, causal=causal)[start:], 6)
        bent = sg.savgol(ramp**2, 5, 2, 2, dt=0.5, causal=causal)
        assert np.allclose(bent[start:], 2 * 6**2)


@pytest.mark.parametrize(
    "filtered",
    [
        lambda v, window, order: sg.savgol(v, window, order, causal=True),
        lambda v, window, order: sg.ema(v, 0.3),
    ],
    ids=["savgol", "ema"],
)
@given(series, odd, st.integers(0, 2), st.data())
def test_the_causal_filter_never_sees_the_future(filtered, x, window, order, data):
    now = data.draw(st.integers(0, x.size - 1))
    changed = x.copy()
    changed[now + 1 :] += 100.0
    seen = slice(now + 1)
    before = filtered(x, window, order)[seen]
    assert np.array_equal(before, filtered(changed, window, order)[seen], equal_nan=True)


@pytest.mark.parametrize(
    "filtered",
    [
        lambda v, window: sg.savgol(v, window, 2),
        lambda v, window: sg.ema(v, 0.2),
        lambda v, window: sg.moving_average(v, window),
    ],
    ids=["savgol", "ema", "moving average"],
)
@given(series, odd, st.floats(-5, 5), st.floats(-20, 20))
def test_filters_are_linear_and_shift_with_the_level(filtered, x, window, scale, level):
    expected = scale * filtered(x, window) + level
    assert np.allclose(filtered(scale * x + level, window), expected, atol=1e-7)


@pytest.mark.parametrize("alpha", [0.05, 0.3, 1.0])
def test_ema_equals_pandas_with_and_without_debias(alpha):
    assert np.allclose(
        sg.ema(X, alpha), pd.Series(X).ewm(alpha=alpha, adjust=False).mean(), atol=1e-12
    )
    assert np.allclose(
        sg.ema(X, alpha, debias=True), pd.Series(X).ewm(alpha=alpha, adjust=True).mean(), atol=1e-10
    )


def test_ema_that_keeps_nothing_is_the_signal_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(sg.ema(X, 1.0, debias=True), X)


WHOLE = (X * 20 + 100).round()
WHOLE[::40] = 3
DESIGN = np.column_stack([np.arange(400) % 7, np.ones(400)])


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32, object])
@pytest.mark.parametrize(
    "function",
    [
        lambda v, _: sg.savgol(v, 5, 2),
        lambda v, _: sg.ema(v, 0.3),
        lambda v, _: sg.hampel(v, 5)[0],
        lambda v, _: sg.hampel(v, 5)[1],
        lambda v, _: sg.zscore_mask(v),
        lambda v, _: sg.iqr_mask(v),
        lambda v, d: sg.residual_mask(v, d),
    ],
)
def test_samples_of_every_type_are_read_as_floats(function, kind):
    expected = function(WHOLE, DESIGN)
    result = function(WHOLE.astype(kind), DESIGN.astype(kind))
    assert np.array_equal(result, expected)
    assert result.dtype == expected.dtype


def test_some_of_the_samples_are_far_from_their_fit():
    assert sg.residual_mask(WHOLE, DESIGN).any()


@pytest.mark.parametrize("window", [3, 5, 11, 31])
def test_hampel_equals_its_definition(window):
    x = np.where(np.random.default_rng(1).random(400) < 0.05, X + 6, X)
    half = window // 2
    rows = np.lib.stride_tricks.sliding_window_view(np.pad(x, half, "reflect"), window)
    median = np.median(rows, axis=1)
    off = np.abs(x - median) > 3 * median_abs_deviation(rows, axis=1, scale="normal")
    mask, cleaned = sg.hampel(x, window, 3)
    assert np.array_equal(mask, off)
    assert np.array_equal(cleaned, np.where(off, median, x))


def test_hampel_equals_its_definition_across_blocks(monkeypatch):
    whole = sg.hampel(X, 11, 2)
    monkeypatch.setattr(sg, "BLOCK", 37)
    parts = sg.hampel(X, 11, 2)
    assert np.array_equal(whole[0], parts[0])
    assert np.array_equal(whole[1], parts[1])


def test_hampel_sorts_the_window_of_each_sample_once(monkeypatch):
    sorted_at_once = []
    work = sg._median_and_mad
    monkeypatch.setattr(
        sg, "_median_and_mad", lambda rows: sorted_at_once.append(rows.shape) or work(rows)
    )
    monkeypatch.setattr(sg, "BLOCK", 150)
    sg.hampel(X, 11)
    assert sorted_at_once == [(11, 150), (11, 150), (11, 100)]


@pytest.mark.parametrize(("times", "flagged"), [(2.9, False), (3.1, True), (3.9, True)])
def test_hampel_flags_beyond_three_robust_deviations_by_default(times, flagged):
    # around the center the median is 0 and the distances from it are 0, 0, 1, 1, 1, 1 and the spike
    x = [-1.0, 1.0, 0.0, times * 1.4826, 0.0, -1.0, 1.0]
    assert sg.hampel(x, 7)[0][3] == flagged


@given(series, odd, st.floats(0.1, 8), st.integers(-20, 20))
def test_hampel_does_not_depend_on_unit_or_level(x, window, scale, level):
    x = x.round(1) * 8  # so that scaling by powers of two and shifting by integers is exact
    exact = 2.0 ** round(np.log2(scale))
    assert np.array_equal(sg.hampel(x, window)[0], sg.hampel(x * exact, window)[0])
    whole = np.round(x)
    assert np.array_equal(sg.hampel(whole, window)[0], sg.hampel(whole + level, window)[0])


@pytest.mark.parametrize("size", range(1, 34))
def test_the_network_sorts(size):
    rows = np.random.default_rng(size).integers(0, 7, (size, 200)).astype(float)
    expected = np.median(rows, axis=0) if size % 2 else None
    if expected is not None:
        assert np.array_equal(sg._median_and_mad(rows.copy())[0], expected)
    low_high = rows.copy()
    for i, j in sg._network(size):
        low_high[[i, j]] = np.sort(low_high[[i, j]], axis=0)
    assert np.array_equal(low_high, np.sort(rows, axis=0))


def test_masks_equal_their_textbook_forms():
    assert np.array_equal(sg.zscore_mask(X, 2.0), np.abs((X - X.mean()) / X.std()) > 2.0)
    box = pd.Series(X).quantile([0.25, 0.75])
    width = box[0.75] - box[0.25]
    assert np.array_equal(
        sg.iqr_mask(X), (box[0.25] - 1.5 * width > X) | (box[0.75] + 1.5 * width < X)
    )


def test_clean_noise_is_flagged_at_the_normal_rate():
    x = np.random.default_rng(2).normal(size=400_000)
    for mask, rate in (
        (sg.zscore_mask(x), 2 * norm.sf(3)),
        (sg.iqr_mask(x), 2 * norm.sf(4 * norm.ppf(0.75))),
    ):
        assert abs(mask.mean() - rate) < 3 * np.sqrt(rate / x.size)


def test_no_rule_flags_a_sample_at_its_limit():
    assert not sg.zscore_mask([-1.0, 1.0, -1.0, 1.0], 1.0).any()  # mean 0, deviation 1
    assert sg.zscore_mask([-1.0, 1.0, -1.0, 1.0], 0.99).all()
    five = [0.0, 1.0, 2.0, 3.0, 4.0]  # quartiles 1 and 3
    assert not sg.iqr_mask(five, 0.5).any()
    assert sg.iqr_mask(five, 0.49).tolist() == [True, False, False, False, True]
    assert sg.iqr_mask([*five[:4], 3.0], 0.0).tolist() == [True, False, False, False, False]
    ones = np.ones((7, 1))
    for level in (0.0, 5.0, -0.1):
        mask, cleaned = sg.hampel([level] * 7, 5)
        assert not mask.any()
        assert (cleaned == level).all()
        for mask in (sg.zscore_mask([level] * 7), sg.residual_mask([level] * 7, ones)):
            assert mask.tolist() == [False] * 7
            assert mask.dtype == bool


@pytest.mark.parametrize("k", [0.0, 0.25])
def test_a_threshold_may_be_small_or_zero(k):
    x = np.array([-1.0, 0.0, 1.0] * 3)  # mean and median 0; the quartiles are -1 and 1
    assert np.array_equal(sg.hampel(x, 9, k)[0][4:5], [False])
    assert np.array_equal(sg.hampel(x, 3, k)[0][1:-1], (x != 0)[1:-1])
    assert np.array_equal(sg.zscore_mask(x, k), x != 0)
    assert np.array_equal(sg.residual_mask(x, np.ones((9, 1)), k, rounds=1), x != 0)
    assert not sg.iqr_mask(x, k).any()
    assert np.flatnonzero(sg.iqr_mask([*x, 4.0, -4.0], k)).tolist() == [9, 10]


def _by_polyfit(t, x, k, rounds):
    keep = np.full(x.size, True)
    for _ in range(rounds):
        residual = x - np.polyval(np.polyfit(t[keep], x[keep], 1), t)
        off = np.abs(residual - np.median(residual))
        keep = off <= k * median_abs_deviation(residual, scale="normal")
    return ~keep


def test_residuals_equal_their_definition_after_every_round():
    rng = np.random.default_rng(297)
    t = np.arange(40.0)
    x = 0.3 * t + rng.normal(0, 1, 40)
    late = rng.integers(8, 16)
    x[-late:] += np.linspace(1, rng.uniform(6, 40), late)  # spikes that bend the first lines
    design = np.column_stack([t, t**0])
    masks = [_by_polyfit(t, x, 3.0, rounds) for rounds in range(1, 7)]
    for rounds, mask in enumerate(masks, 1):
        assert np.array_equal(sg.residual_mask(x, design, 3.0, rounds), mask)
    assert all((a != b).any() for a, b in pairwise(masks))
    assert np.array_equal(sg.residual_mask(x, design, 3.0), masks[4])  # five rounds by default


@pytest.mark.parametrize(("times", "flagged"), [(3.9, False), (4.1, True), (4.9, True)])
def test_residuals_are_flagged_beyond_four_robust_deviations_by_default(times, flagged):
    x = np.array([-1.0, 0.0, 1.0] * 3 + [times * 1.4826])  # median 0 and MAD 1
    assert sg.residual_mask(x, np.ones((10, 1)))[9] == flagged


def test_residuals_are_measured_from_their_median():
    x = [-1.0, 0.0, 1.0] * 3 + [1000.0]  # the fit of one round is the mean, 100
    found = sg.residual_mask(x, np.ones((10, 1)), rounds=1)
    assert np.flatnonzero(found).tolist() == [9]


@pytest.mark.parametrize("power", [-600, -60, 0, 60, 600])
@pytest.mark.parametrize("column", [0, 1])
def test_residuals_do_not_depend_on_the_unit_of_a_column(power, column):
    rng = np.random.default_rng(3)
    t = np.arange(200.0)
    x = 0.5 * t + 30 + rng.normal(0, 0.3, 200)
    x[[20, 90, 91, 170]] += 5
    design = np.column_stack([t, t**0])
    design[:, column] *= 2.0**power
    assert np.flatnonzero(sg.residual_mask(x, design, 6)).tolist() == [20, 90, 91, 170]


@pytest.mark.parametrize("unit", [1.0, 2.0**40, 2.0**-40])
def test_four_roundings_of_the_largest_sample_per_column_are_no_outlier(unit):
    # most samples are equal, so the MAD is 0; 15/8 has the spacing eps, and four roundings of it
    # are 7.5 spacings
    eps = np.finfo(float).eps
    for columns, inside, outside in ((1, 7, 8), (2, 14, 16)):
        design = np.zeros((20, columns))
        design[:, 0] = 1
        x = np.full(20, 15 / 8)
        x[4] -= inside * eps
        assert not sg.residual_mask(x * unit, design).any()
        x[9] -= outside * eps
        assert np.flatnonzero(sg.residual_mask(x * unit, design)).tolist() == [9]


def test_residuals_find_what_global_rules_miss():
    rng = np.random.default_rng(3)
    t = np.arange(500.0)
    x = 0.5 * t + rng.normal(0, 0.3, 500)
    at = rng.choice(500, 15, replace=False)
    x[at] += 5
    found = np.flatnonzero(sg.residual_mask(x, np.column_stack([t, t**0]), 6))
    assert set(found) == set(at)
    assert not sg.zscore_mask(x).any()


def test_no_z_score_exceeds_its_bound():
    rng = np.random.default_rng(4)
    worst = max(np.abs(x - x.mean()).max() / x.std(ddof=1) for x in rng.standard_cauchy((500, 10)))
    assert worst <= 9 / np.sqrt(10) + 1e-12
    assert worst > 2.8


def test_a_window_of_one_sample_is_that_sample():
    assert sg.savgol_coeffs(1, 0) == pytest.approx([1.0])
    assert np.allclose(sg.savgol(X, 1, 0), X)


@pytest.mark.parametrize("causal", [False, True])
def test_a_slope_is_per_unit_of_time_and_a_step_is_one_unit_by_default(causal):
    ramp = 3.0 * np.arange(9)
    known = slice(4 * causal, None)
    assert np.allclose(sg.savgol(ramp, 5, 1, 1, causal=causal)[known], 3.0)
    assert np.allclose(sg.savgol(ramp, 5, 1, 1, dt=0.5, causal=causal)[known], 6.0)


@pytest.mark.filterwarnings("error")
def test_an_average_that_retains_nothing_is_the_signal():
    assert np.array_equal(sg.ema(X, 1.0, debias=True), X)


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32])
def test_samples_of_any_type_are_filtered_as_doubles(kind):
    x = np.array([7, 5, 6, 5, 200, 6, 7, 4, 6, 0, 5], dtype=kind)
    wide = x.astype(float)
    for ours, expected in zip(sg.hampel(x, 5), sg.hampel(wide, 5), strict=True):
        assert ours.dtype == expected.dtype
        assert np.array_equal(ours, expected)
    assert np.array_equal(sg.zscore_mask(x, 2.0), sg.zscore_mask(wide, 2.0))
    assert np.array_equal(sg.ema(x, 0.3), sg.ema(wide, 0.3))
    design = np.ones((11, 1))
    assert np.array_equal(sg.residual_mask(x, design), sg.residual_mask(wide, design))


def test_hampel_flags_beyond_three_deviations_by_default():
    assert np.array_equal(sg.hampel(X, 11)[0], sg.hampel(X, 11, 3.0)[0])
    assert not np.array_equal(sg.hampel(X, 11, 4.0)[0], sg.hampel(X, 11, 3.0)[0])


def test_equal_samples_are_no_outliers():
    same = np.full(30, 0.1)
    for mask in (
        sg.hampel(same, 5)[0],
        sg.zscore_mask(same),
        sg.iqr_mask(same),
        sg.residual_mask(np.zeros(30), np.ones((30, 1))),
    ):
        assert mask.dtype == bool
        assert mask.shape == (30,)
        assert not mask.any()


def test_a_sample_at_the_threshold_is_no_outlier():
    assert not sg.zscore_mask([-1.0, 1.0], 1.0).any()
    at_the_quartiles = [1.0, 2.0, 3.0, 4.0, 5.0]
    assert sg.iqr_mask(at_the_quartiles, 0.0).tolist() == [True, False, False, False, True]


@pytest.mark.parametrize("k", [0.0, 0.5])
def test_any_threshold_from_zero_is_one(k):
    x = np.array([0.0, 0.0, 1.0, 9.0, 5.0, 4.0, 2.0])
    assert sg.hampel(x, 3, k)[0].astype(int).tolist() == [0, 0, 0, 1, 0, 0, 1]
    assert np.array_equal(sg.zscore_mask(x, k), np.abs(x - 3) > k * np.std(x))
    assert np.array_equal(sg.iqr_mask(x, k), (x < 0.5 - 4 * k) | (x > 4.5 + 4 * k))
    off = np.abs(x - 3 - np.median(x - 3))
    assert np.array_equal(
        sg.residual_mask(x, np.ones((7, 1)), k, rounds=1), off > k * 1.4826 * np.median(off)
    )


def test_hampel_sorts_each_block_once(monkeypatch):
    sizes = []
    whole = sg._median_and_mad
    monkeypatch.setattr(sg, "BLOCK", 150)
    monkeypatch.setattr(
        sg, "_median_and_mad", lambda block: sizes.append(block.shape) or whole(block)
    )
    sg.hampel(X, 5)
    assert sizes == [(5, 150), (5, 150), (5, 100)]


def with_spikes():
    """A line of 300 samples with heavy tails and three spikes, and its design."""
    rng = np.random.default_rng(5)
    t = np.arange(300.0)
    x = 2 + 0.5 * t + rng.standard_t(3, 300)
    x[[40, 150, 250]] += 60
    return x, np.column_stack([t, t**0])


@pytest.mark.parametrize(("options", "rounds"), [({}, 5), ({"rounds": 1}, 1), ({"rounds": 3}, 3)])
def test_the_model_is_fitted_once_a_round_and_five_times_by_default(monkeypatch, options, rounds):
    fits = []
    fit = np.linalg.lstsq
    monkeypatch.setattr(np.linalg, "lstsq", lambda *a, **k: fits.append(1) or fit(*a, **k))
    sg.residual_mask(*with_spikes(), **options)
    assert len(fits) == rounds


def test_residuals_are_flagged_beyond_four_deviations_by_default():
    x, design = with_spikes()
    mask = sg.residual_mask(x, design)
    assert mask[[40, 150, 250]].all()
    assert np.array_equal(mask, sg.residual_mask(x, design, 4.0))
    assert not np.array_equal(mask, sg.residual_mask(x, design, 5.0))


@pytest.mark.parametrize("units", [(1e200, 1.0), (1.0, 1e-200), (1e-200, 1e200), (1.0, 1e18)])
def test_residuals_do_not_depend_on_the_units_of_the_columns(units):
    x, design = with_spikes()
    assert np.array_equal(sg.residual_mask(x, design * units), sg.residual_mask(x, design))


@pytest.mark.parametrize("unit", [2.0**-60, 2.0**60])
def test_residuals_do_not_depend_on_the_unit_of_the_signal(unit):
    x, design = with_spikes()
    assert np.array_equal(sg.residual_mask(unit * x, design), sg.residual_mask(x, design))


def test_a_level_that_the_design_leaves_is_subtracted():
    rng = np.random.default_rng(6)
    t = np.arange(300.0) - 149.5  # leaves a level to the residuals
    x = 100 + 0.5 * t + rng.normal(0, 0.1, 300)
    x[[40, 150, 250]] += 3
    assert np.flatnonzero(sg.residual_mask(x, t[:, None], 8)).tolist() == [40, 150, 250]


def test_what_rounding_leaves_is_no_outlier():
    rng = np.random.default_rng(7)
    for _ in range(20):
        # few rows are large, and with them their rounding
        design = rng.normal(size=(400, 8)) * 10.0 ** rng.uniform(-8, 0, (400, 1))
        assert not sg.residual_mask(design @ rng.normal(size=8), design).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sg.savgol([], 3, 1), "at least 1"),
        (lambda: sg.savgol([[1.0]], 3, 1), r"\(1, 1\)"),
        (lambda: sg.savgol([1.0, np.nan, 2.0], 3, 1), "sample 1 is NaN"),
        (lambda: sg.savgol([1.0, 2.0], 3, 1), "longer than the signal of 2"),
        (lambda: sg.savgol(X, 4, 1), "odd number >= 1.*got 4"),
        (lambda: sg.savgol(X, 5.5, 1), "5.5"),
        (lambda: sg.savgol(X, 5, 5), r"\[0, 5\)"),
        (lambda: sg.savgol(X, 5, -1), "-1"),
        (lambda: sg.savgol(X, 5, 2, deriv=-1), "deriv"),
        (lambda: sg.savgol(X, 5, 2, dt=0), "dt"),
        (lambda: sg.savgol(X, 5, 2, dt=np.inf), "dt"),
        (lambda: sg.zscore_mask(X, -1.0), "k must be"),
        (lambda: sg.iqr_mask(X, -1.0), "k must be"),
        (lambda: sg.residual_mask(X, np.ones((400, 1)), -1.0), "k = -1"),
        (lambda: sg.residual_mask(X, np.ones((400, 1)), rounds=0), "0 rounds"),
        (lambda: sg.savgol(X, 5, 2, mode="wrap"), "'wrap'"),
        (lambda: sg.savgol_coeffs(5, 2, pos=5), r"\[0, 5\)"),
        (lambda: sg.ema([], 0.5), "at least 1"),
        (lambda: sg.ema(X, 0.0), "alpha"),
        (lambda: sg.ema(X, 1.5), "1.5"),
        (lambda: sg.moving_average(X, 2), "odd"),
        (lambda: sg.hampel(X, 1), ">= 3"),
        (lambda: sg.hampel(X, 4), "odd"),
        (lambda: sg.hampel([1.0, 2.0], 3), "longer"),
        (lambda: sg.hampel(X, 3, -1.0), "k must be"),
        (lambda: sg.hampel(X, 3, np.nan), "nan"),
        (lambda: sg.hampel([np.inf] * 5, 3), "sample 0"),
        (lambda: sg.zscore_mask([]), "at least 1"),
        (lambda: sg.iqr_mask([np.nan]), "NaN"),
        (lambda: sg.residual_mask([1.0, 2.0], np.ones((3, 1))), r"\(2, p\)"),
        (lambda: sg.residual_mask([1.0, 2.0], np.ones((2, 2))), "p < 2"),
        (lambda: sg.residual_mask(X, np.ones((400, 1)), k=-1.0), "k = -1"),
        (lambda: sg.residual_mask(X, np.ones((400, 1)), k=np.nan), "k = nan"),
        (lambda: sg.residual_mask(X, np.ones((400, 1)), rounds=0), "0 rounds"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
