"""Filters against SciPy and pandas; polynomials kept, causality, robustness, and bad input."""

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


@given(series, odd, st.integers(0, 2), st.data())
def test_the_causal_filter_never_sees_the_future(x, window, order, data):
    now = data.draw(st.integers(0, x.size - 1))
    changed = x.copy()
    changed[now + 1 :] += 100.0
    for filtered in (lambda v: sg.savgol(v, window, order, causal=True), lambda v: sg.ema(v, 0.3)):
        assert np.array_equal(filtered(x)[: now + 1], filtered(changed)[: now + 1], equal_nan=True)


@given(series, odd, st.floats(-5, 5), st.floats(-20, 20))
def test_filters_are_linear_and_shift_with_the_level(x, window, scale, level):
    for filtered in (
        lambda v: sg.savgol(v, window, 2),
        lambda v: sg.ema(v, 0.2),
        lambda v: sg.moving_average(v, window),
    ):
        assert np.allclose(filtered(scale * x + level), scale * filtered(x) + level, atol=1e-7)


@pytest.mark.parametrize("alpha", [0.05, 0.3, 1.0])
def test_ema_equals_pandas_with_and_without_debias(alpha):
    assert np.allclose(
        sg.ema(X, alpha), pd.Series(X).ewm(alpha=alpha, adjust=False).mean(), atol=1e-12
    )
    assert np.allclose(
        sg.ema(X, alpha, debias=True), pd.Series(X).ewm(alpha=alpha, adjust=True).mean(), atol=1e-10
    )


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
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
