"""Low-pass filters, cutoffs and decimation against SciPy; gains by hand, and bad input."""

import numpy as np
import pytest
from groundtruth.data import filters as fl
from groundtruth.data.signals import savgol_coeffs
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal as ss
from scipy.optimize import brentq

X = np.random.default_rng(0).normal(size=3000)


@pytest.mark.parametrize("cutoff", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("half", [1, 20, 100])
def test_low_pass_equals_scipy(cutoff, half):
    theirs = ss.firwin(2 * half + 1, 2 * cutoff, window="hamming")
    assert np.allclose(fl.low_pass(cutoff, half), theirs, atol=1e-12)


def test_low_pass_passes_below_its_cutoff_and_stops_above():
    weights = fl.low_pass(0.1, 50)
    assert np.allclose(fl.gain(weights, [0.0, 0.05, 0.08]), 1, atol=0.01)
    assert fl.gain(weights, [0.1])[0] == pytest.approx(0.5, abs=0.01)
    assert fl.gain(weights, [0.13, 0.3, 0.5]).max() < 0.005


@given(st.integers(1, 40), st.floats(0, 0.5))
def test_gain_equals_the_size_of_a_filtered_wave(half, frequency):
    weights = np.random.default_rng(half).normal(size=2 * half + 1)
    wave = np.exp(2j * np.pi * frequency * np.arange(200))
    filtered = np.correlate(wave, weights, "valid")
    assert np.allclose(np.abs(filtered), fl.gain(weights, [frequency])[0], atol=1e-9)


def test_gain_of_single_precision_is_computed_in_double_precision():
    frequency = np.linspace(0, 0.5, 7, dtype=np.float32)
    gains = fl.gain([0.2, 0.5, 0.3], frequency)
    assert np.array_equal(gains, fl.gain([0.2, 0.5, 0.3], frequency.astype(float)))


@pytest.mark.parametrize("scale", [1, 3, -0.25])
def test_half_power_of_a_mean_of_two_does_not_depend_on_its_scale(scale):
    # the gain |cos(pi f)| is 1/sqrt(2) at 1/4, which is a point of the grid
    assert fl.half_power([0.5 * scale, 0.5 * scale]) == pytest.approx(0.25, rel=1e-10)


def test_half_power_of_a_long_mean_is_that_of_sinc():
    fall = brentq(lambda x: np.sinc(x) - 2**-0.5, 0.1, 0.9)
    assert fl.half_power(np.full(501, 1 / 501)) == pytest.approx(fall / 501, rel=2e-3)


def test_half_power_at_the_nyquist_frequency():
    # a + b = 3 and a - b = 3 / sqrt(2): both are exact in floats
    target = 3 * 2**-0.5
    assert fl.half_power([(3 + target) / 2, (3 - target) / 2]) == pytest.approx(0.5, rel=1e-12)


@pytest.mark.parametrize(("window", "order"), [(11, 2), (51, 2), (51, 4), (101, 0)])
def test_half_power_equals_scipy_response(window, order):
    weights = savgol_coeffs(window, order)
    cutoff = fl.half_power(weights)
    _, response = ss.freqz(weights, worN=[2 * np.pi * cutoff])
    assert np.abs(response[0]) == pytest.approx(2**-0.5, abs=1e-4)
    below = fl.gain(weights, np.linspace(0, 0.99 * cutoff, 50))
    assert below.min() > 2**-0.5


@pytest.mark.parametrize("half", [25, 40, 60, 100])
@pytest.mark.parametrize("order", [2, 4, 6])
def test_schafer_cutoff_is_within_an_eighth(half, order):
    measured = fl.half_power(savgol_coeffs(2 * half + 1, order))
    assert fl.savgol_cutoff(half, order) == pytest.approx(measured, rel=0.12)


def test_the_formula_of_the_cutoff_by_hand():
    # h = 48 and p = 2: 3.2 * 48 - 4.6 = 149, and (p + 1) / 149 of the Nyquist frequency 1/2
    assert fl.savgol_cutoff(48, 2) == pytest.approx(1.5 / 149, rel=1e-12)
    # the least half and order: 3.2 * 2 - 4.6 = 1.8
    assert fl.savgol_cutoff(2, 0) == pytest.approx(0.5 / 1.8, rel=1e-12)


@pytest.mark.parametrize("factor", [2, 5, 10])
def test_decimation_keeps_slow_waves_and_removes_fast_ones(factor):
    t = np.arange(4000)
    slow = np.sin(2 * np.pi * t * 0.1 / factor)
    fast = np.sin(2 * np.pi * t * 0.9 / factor)
    inner = slice(30, -30)
    assert np.allclose(fl.decimate(slow, factor)[inner], slow[::factor][inner], atol=0.005)
    assert np.abs(fl.decimate(fast, factor)[inner]).max() < 0.005


def test_decimation_equals_scipy_filter_and_slice():
    weights = ss.firwin(81, 0.2, window="hamming")
    theirs = ss.convolve(X, weights, "same")[::4]
    assert np.allclose(fl.decimate(X, 4)[11:-11], theirs[11:-11], atol=1e-12)
    assert fl.decimate(X, 4).size == theirs.size


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fl.low_pass(0.0, 5), r"\(0, 0.5\)"),
        (lambda: fl.low_pass(0.5, 5), "0.5"),
        (lambda: fl.low_pass(0.1, 0), "half must be an integer >= 1, got 0"),
        (lambda: fl.low_pass(0.1, 2.5), "2.5"),
        (lambda: fl.gain([], [0.1]), "finite weights"),
        (lambda: fl.gain([1.0], [np.nan]), "finite frequencies"),
        (lambda: fl.gain([1.0], 0.1), "finite frequencies"),
        (lambda: fl.half_power([1.0]), "never falls"),
        (lambda: fl.half_power([0.0, 0.0]), "never falls"),
        (lambda: fl.savgol_cutoff(1, 0), "half >= 2"),
        (lambda: fl.savgol_cutoff(10, 10), "order < half"),
        (lambda: fl.savgol_cutoff(10, -1), "-1"),
        (lambda: fl.decimate(X, 1), ">= 2, got 1"),
        (lambda: fl.decimate(X, 2.5), "2.5"),
        (lambda: fl.decimate([1.0, np.inf], 2), "finite samples"),
        (lambda: fl.decimate(X[:100], 10), "too short for a filter of 201"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
