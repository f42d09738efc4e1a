"""Fits recover a known law; the compute-optimal size is the smallest loss."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from groundtruth.modern import scaling_laws as sl

LAW = sl.Law(1.2, 60.0, 0.55, 20.0, 0.32)
PAIRS = np.array(list(itertools.product(np.geomspace(1e3, 1e5, 6), np.geomspace(1e4, 1e6, 6))))
N, D = PAIRS.T


def test_a_law_without_noise_is_recovered():
    fitted = sl.fit(N, D, LAW(N, D))
    assert np.allclose(fitted, LAW, rtol=1e-3)


def test_by_hand():
    assert sl.Law(1.0, 10.0, 1.0, 30.0, 0.5)(5, 9) == pytest.approx(1 + 2 + 10)
    assert sl.Law(1.0, 10.0, 0.5, 30.0, 0.25).compute_exponent == pytest.approx(1 / 3)


def test_the_optimal_size_has_the_smallest_loss_at_its_operations():
    C = 1e13
    best = LAW.optimal(C)
    for factor in (0.9, 1.1):
        n = best * factor
        assert LAW(n, C / (6 * n)) > LAW(best, C / (6 * best))


def test_exchanging_parameters_and_examples_exchanges_the_constants():
    fitted = sl.fit(D, N, LAW(N, D))
    assert fitted.alpha == pytest.approx(LAW.beta, rel=1e-3)
    assert pytest.approx(LAW.A, rel=1e-2) == fitted.B


def test_bootstrap_intervals_grow_with_the_noise_and_contain_the_truth():
    widths = []
    for noise in (0.001, 0.01):
        rng = np.random.default_rng(0)
        noisy = LAW(N, D) * np.exp(noise * rng.normal(size=len(N)))
        draws = [law.beta for law in sl.bootstrap(N, D, noisy, 40, rng)]
        low, high = np.quantile(draws, (0.025, 0.975))
        assert low < LAW.beta < high
        widths.append(high - low)
    assert widths[1] > 5 * widths[0]


def test_resampled_residuals_are_enlarged_for_the_five_fitted_constants(monkeypatch):
    """Of seven runs: sqrt(7 / 2)."""
    rng = np.random.default_rng(0)
    noisy = LAW(N, D)[:7] * np.exp(0.01 * rng.normal(size=7))
    resampled = []

    def fit(n, d, losses, start=None):
        resampled.append(np.asarray(losses))
        return LAW

    monkeypatch.setattr(sl, "fit", fit)
    sl.bootstrap(N[:7], D[:7], noisy, 30, rng)
    model = LAW(N[:7], D[:7])
    largest = np.abs(np.log(np.array(resampled[1:]) / model)).max()
    assert largest == pytest.approx(np.abs(np.log(noisy / model)).max() * 3.5**0.5)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((N[:5], D[:5], D[:5]), "six runs"),
        ((N, D, D[:-1]), "six runs"),
        ((N, D, -LAW(N, D)), "positive"),
        ((N, 0 * D, LAW(N, D)), "positive"),
    ],
)
def test_bad_input(arguments, says):
    with pytest.raises(ValueError, match=says):
        sl.fit(*arguments)


def test_no_draws():
    with pytest.raises(ValueError, match="at least 1"):
        sl.bootstrap(N, D, LAW(N, D), 0, np.random.default_rng(0))
