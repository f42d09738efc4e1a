"""Fits recover a known law; the compute-optimal size is the smallest loss."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from groundtruth.modern import scaling_laws as sl
from scipy.optimize import minimize_scalar

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


def test_whole_numbers_and_lists_are_computed_in_double_precision():
    law = sl.Law(1.0, 10.0, 1.0, 30.0, 0.5)
    assert law([5, 10], [9, 36]).tolist() == pytest.approx([1 + 2 + 10, 1 + 1 + 5])
    single = law(np.array([3], np.float32), np.array([7], np.float32))
    assert single.dtype == np.float64
    assert single[0] == pytest.approx(1 + 10 / 3 + 30 / 7**0.5, rel=1e-14)


@pytest.mark.parametrize("law", [LAW, sl.Law(0.5, 3.0, 0.9, 400.0, 0.2)])
@pytest.mark.parametrize("C", [1e9, 1e15])
def test_the_optimal_size_is_that_of_a_search(law, C):
    def loss(ln_n):
        n = np.exp(ln_n)
        return float(law(n, C / (6 * n)))

    found = minimize_scalar(loss, bracket=(5.0, 10.0), tol=1e-12).x
    optimal = law.optimal(C)
    assert isinstance(optimal, float)
    assert np.log(optimal) == pytest.approx(found, abs=1e-4)
    growth = law.optimal(10 * C) / optimal
    assert growth == pytest.approx(10**law.compute_exponent)


def test_terms_by_hand():
    """exp(ln 2), 3 / n and 5 / sqrt(d)."""
    p = np.array([np.log(2), np.log(3), 1.0, np.log(5), 0.5])
    terms = sl._terms(p, np.array([1.0, 6.0]), np.array([25.0, 100.0]))
    assert np.allclose(terms, [[2, 2], [3, 0.5], [1, 0.5]])


def test_searches_begin_at_two_floors_and_two_of_each_exponent_with_terms_of_one():
    """At the mean sizes A / n^alpha and B / d^beta are 1."""
    n, d, losses = np.array([100.0, 300.0]), np.array([1e4, 3e4]), np.array([2.5, 2.0])
    guesses = sl._guesses(n, d, losses)
    assert len(guesses) == 8
    combinations = set()
    for e, a, alpha, b, beta in guesses:
        combinations.add((round(float(np.exp(e)) / 2.0, 9), alpha, beta))
        _, first, second = sl._terms(np.array([e, a, alpha, b, beta]), n[:1] * 2, d[:1] * 2)
        assert first == pytest.approx(1)
        assert second == pytest.approx(1)
    assert combinations == set(itertools.product((0.3, 0.8), (0.3, 0.7), (0.3, 0.7)))


def noted_searches(monkeypatch):
    """Notes where each search begins, and checks its derivatives there and at its end."""
    begins = []
    ends = []
    search = sl.least_squares

    def noting(residuals, start, jacobian, **settings):
        begins.append(np.array(start))
        result = search(residuals, start, jacobian, **settings)
        ends.append(result)
        for p in (np.array(start), result.x):
            steps = 1e-6 * np.eye(5)
            numeric = [(residuals(p + h) - residuals(p - h)) / 2e-6 for h in steps]
            assert np.allclose(jacobian(p), np.stack(numeric, 1), atol=1e-5)
        return result

    monkeypatch.setattr(sl, "least_squares", noting)
    return begins, ends


def test_the_best_of_eight_searches_is_taken_with_its_exact_derivatives(monkeypatch):
    begins, ends = noted_searches(monkeypatch)
    rng = np.random.default_rng(0)
    losses = LAW(N, D) * np.exp(0.02 * rng.normal(size=len(N)))
    law = sl.fit(N, D, losses)
    assert len(begins) == 8
    cost = 0.5 * np.sum(np.log(law(N, D) / losses) ** 2)
    assert cost == pytest.approx(min(end.cost for end in ends))
    assert all(isinstance(value, float) for value in law)


def test_a_start_is_where_the_one_search_begins(monkeypatch):
    begins, _ = noted_searches(monkeypatch)
    start = sl.Law(1.0, 50.0, 0.5, 25.0, 0.3)
    law = sl.fit(N, D, LAW(N, D), start)
    assert len(begins) == 1
    assert begins[0] == pytest.approx([0, np.log(50), 0.5, np.log(25), 0.3])
    assert np.allclose(law, LAW, rtol=1e-5)


def test_searches_go_on_until_the_constants_are_known():
    """Without noise, all are found to many digits from any of the starts."""
    for start in (None, sl.Law(1.0, 50.0, 0.5, 25.0, 0.3)):
        assert np.allclose(sl.fit(N, D, LAW(N, D), start), LAW, rtol=1e-6)


@pytest.mark.parametrize(
    "law",
    [
        sl.Law(np.exp(4.5), np.exp(38.0), 2.9, np.exp(38.0), 2.9),
        sl.Law(np.exp(-9.5), np.exp(-5.0), 0.05, np.exp(-7.0), 0.3),
        sl.Law(np.exp(-9.0), np.exp(-18.0), 0.1, np.exp(-17.0), 0.9),
    ],
)
def test_large_and_small_constants_are_found(law):
    """A search that begins near them and is not held back by a limit ends there."""
    n = 2 + N / 1e3
    d = 2 + D / 1e4
    n, d = np.exp(np.log(n) * 3), np.exp(np.log(d) * 3)
    start = sl.Law(*(0.97 * value for value in law))
    fitted = sl.fit(n, d, law(n, d), start)
    assert np.allclose(np.log(fitted(n, d)), np.log(law(n, d)), atol=1e-6)


def test_six_runs_are_enough():
    law = sl.fit(N[::6], D[::6] + N[::6], LAW(N[::6], D[::6] + N[::6]), LAW)
    assert np.allclose(law, LAW, rtol=1e-6)


def test_whole_numbers_of_runs_are_fitted_in_double_precision():
    n, d = N.astype(int), D.astype(int)
    losses = LAW(n, d)
    assert np.allclose(sl.fit(n.tolist(), d.tolist(), losses.tolist()), LAW, rtol=1e-3)


def test_runs_are_in_a_row():
    losses = LAW(N, D)
    for table in ((N.reshape(6, 6), D.reshape(6, 6), losses.reshape(6, 6)), (N[:-1], D, losses)):
        with pytest.raises(ValueError, match="need six runs or more, got shapes"):
            sl.fit(*table)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("k", [0, 1, 2])
def test_every_number_is_positive_and_finite(k, bad):
    """A run that diverged has a loss that is not a number."""
    runs = [N.copy(), D.copy(), LAW(N, D)]
    runs[k][3] = bad
    with pytest.raises(ValueError, match="examples and losses must be positive and finite"):
        sl.fit(*runs)


def test_numbers_below_one_are_positive():
    scale = 1e-6
    law = sl.fit(scale * N, scale * D, LAW(N, D))
    assert np.allclose(law(scale * N, scale * D), LAW(N, D), rtol=1e-6)


def test_a_bootstrap_fits_each_draw_from_the_best_law(monkeypatch):
    """Each of its losses is the model times one of the enlarged residuals."""
    rng = np.random.default_rng(0)
    noisy = LAW(N, D)[:7] * np.exp(0.01 * rng.normal(size=7))
    calls = []

    def fit(n, d, losses, start=None):
        calls.append((n, d, np.asarray(losses), start))
        return LAW if start is None else sl.Law(*(len(calls) + np.arange(5.0)))

    monkeypatch.setattr(sl, "fit", fit)
    laws = sl.bootstrap(N[:7], D[:7], noisy.tolist(), 4, np.random.default_rng(3))
    assert len(laws) == 4
    assert len({law.E for law in laws}) == 4
    assert [start for *_, start in calls] == [None] + [LAW] * 4
    model = LAW(N[:7], D[:7])
    enlarged = np.log(noisy / model) * 3.5**0.5
    drawn = []
    for n, d, losses, _ in calls[1:]:
        assert np.array_equal(n, N[:7])
        assert np.array_equal(d, D[:7])
        assert losses.shape == (7,)
        gaps = np.abs(np.log(losses / model)[:, None] - enlarged)
        assert gaps.min(1).max() < 1e-12
        drawn.append(tuple(gaps.argmin(1)))
    assert len(set(drawn)) == 4
    assert any(len(set(indices)) < 7 for indices in drawn)  # with replacement


def test_one_draw_is_allowed_and_the_generator_determines_it():
    rng = np.random.default_rng(0)
    noisy = LAW(N, D) * np.exp(0.01 * rng.normal(size=len(N)))
    first, same, other = (
        sl.bootstrap(N, D, noisy, 1, np.random.default_rng(seed))[0] for seed in (1, 1, 2)
    )
    assert first == same != other


def test_numbers_of_single_precision_are_fitted_as_the_same_numbers_of_double_precision():
    rng = np.random.default_rng(0)
    losses = LAW(N, D) * np.exp(0.01 * rng.normal(size=len(N)))
    single = [v.astype(np.float32) for v in (N, D, losses)]
    double = [v.astype(float) for v in single]
    assert sl.fit(*single) == sl.fit(*double)
    draws = [sl.bootstrap(*runs, 2, np.random.default_rng(1)) for runs in (single, double)]
    assert draws[0] == draws[1]


def test_the_squared_error_of_ln_L_has_no_slope_at_the_law():
    rng = np.random.default_rng(0)
    losses = LAW(N, D) * np.exp(0.2 * rng.normal(size=len(N)))
    E, A, alpha, B, beta = law = sl.fit(N, D, losses)
    loss = law(N, D)
    gaps = np.log(loss / losses)
    # changes of the loss when E, A and B grow by a small fraction, and alpha and beta by a number
    changes = [E, A / N**alpha, -np.log(N) * A / N**alpha, B / D**beta, -np.log(D) * B / D**beta]
    slopes = [float(np.sum(2 * gaps * change / loss)) for change in changes]
    assert np.abs(slopes).max() < 3e-6


@pytest.mark.parametrize("unit", [1e-6, 1e-3, 1e3, 1e6])
def test_the_unit_of_the_losses_does_not_matter(unit):
    """Perplexities may be in the thousands, squared errors in the millionths."""
    E, A, alpha, B, beta = sl.fit(N, D, unit * LAW(N, D))
    assert np.allclose([E / unit, A / unit, alpha, B / unit, beta], LAW, rtol=1e-5)


def test_constants_stay_finite_where_a_term_is_not_in_the_data():
    """The loss rises with the examples: without limits the exponent of their term would too."""
    law = sl.fit(N, D, 2 + 60 / N**0.5 + 0.001 * D**0.3)
    assert 0 < law.alpha < 5
    assert 0 < law.beta < 5


def test_a_search_may_be_asked_to_begin_where_no_law_is_sought():
    start = LAW._replace(E=1e-6, alpha=7.0)
    assert np.allclose(sl.fit(N, D, LAW(N, D), start), LAW, rtol=1e-5)
