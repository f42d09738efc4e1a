"""Coverage of intervals against closed forms and simulation; bad input."""

import warnings
from fractions import Fraction

import numpy as np
import pytest
from groundtruth.learning import coverage as cov
from groundtruth.learning import intervals as ci
from groundtruth.learning import paired
from scipy import stats


def test_exact_coverage_equals_a_simulation_of_the_experiment():
    p = np.array([0.03, 0.4, 0.9])
    exact = cov.binomial_coverage(ci.wilson, 30, p)
    hits = np.random.default_rng(0).binomial(30, p, size=(20_000, 3))
    ends = np.array([ci.wilson(k, 30) for k in range(31)])[hits]
    simulated = np.mean((ends[..., 0] <= p) & (p <= ends[..., 1]), axis=0)
    assert np.allclose(exact, simulated, atol=4 * np.sqrt(0.25 / 20_000))


def test_the_referees_values_of_wilson_and_wald_at_30_examples():
    """Computed by a reader with binomial sums of their own."""
    assert cov.binomial_coverage(ci.wilson, 30, [0.9943])[0] == pytest.approx(0.843, abs=1e-3)
    assert cov.binomial_coverage(ci.wilson, 30, [0.9])[0] == pytest.approx(0.974, abs=1e-3)
    assert cov.binomial_coverage(ci.wald, 30, [0.9])[0] == pytest.approx(0.809, abs=1e-3)


@pytest.mark.parametrize("n", [1, 7, 30])
def test_clopper_pearson_covers_at_least_its_level(n):
    p = np.linspace(0, 1, 301)
    assert cov.binomial_coverage(ci.clopper_pearson, n, p).min() >= 0.95 - 1e-9


def test_coverage_is_one_or_zero_for_intervals_of_everything_or_nothing():
    p = np.array([0.0, 0.3, 1.0])
    everything = cov.binomial_coverage(lambda hits, n: (0.0, 1.0), 5, p)
    nothing = cov.binomial_coverage(lambda hits, n: (2.0, 3.0), 5, p)
    assert np.allclose(everything, 1)
    assert np.allclose(nothing, 0)


def test_probabilities_may_be_fractions():
    coverage = cov.binomial_coverage(ci.wilson, 30, [Fraction(1, 3), Fraction(1)])
    assert np.array_equal(coverage, cov.binomial_coverage(ci.wilson, 30, [1 / 3, 1.0]))


def test_simulated_coverage_of_students_interval_is_its_level_for_normal_data():
    rng = np.random.default_rng(1)
    share = cov.simulated_coverage(
        lambda rng: (rng.normal(3.0, 2.0, size=5),), ci.mean_interval, 3.0, 4000, rng
    )
    assert share == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / 4000))


def test_simulated_coverage_counts_misses_on_both_sides():
    rng = np.random.default_rng(2)
    share = cov.simulated_coverage(
        lambda rng: (rng.normal(),), lambda x: (x - 1.0, x + 0.5), 0.0, 4000, rng
    )
    assert share == pytest.approx(stats.norm.cdf(1.0) - stats.norm.cdf(-0.5), abs=0.03)


@pytest.mark.parametrize("ends", [(0.5, 1.0), (0.0, 0.5), (0.5, 0.5)])
def test_a_simulated_interval_that_ends_at_the_truth_contains_it(ends):
    one = cov.simulated_coverage(lambda rng: (), lambda: ends, 0.5, 1, np.random.default_rng(0))
    assert one == 1


def test_intervals_beside_the_truth_have_no_coverage_at_all():
    rng = np.random.default_rng(0)
    assert cov.simulated_coverage(lambda rng: (), lambda: (2.0, 3.0), 0.5, 8, rng) == 0


@pytest.mark.parametrize(("b", "c"), [(0.02, 0.01), (0.1, 0.0), (0.3, 0.7)])
def test_exact_paired_coverage_equals_a_simulation_of_the_experiment(b, c):
    exact = cov.paired_coverage(paired.difference_interval, 40, b, c)
    drawn = np.random.default_rng(4).multinomial(40, [b, c, 1 - b - c], size=20_000)
    low, high = paired.difference_interval(drawn[:, 0], drawn[:, 1], 40)
    simulated = np.mean((low <= b - c) & (b - c <= high))
    assert exact == pytest.approx(simulated, abs=4 * np.sqrt(0.25 / 20_000))


@pytest.mark.parametrize(("b", "c"), [(0.2, 0.3), (0.25, 0.25), (0.0, 0.0), (0.3, 0.7)])
def test_paired_coverage_of_everything_is_one(b, c):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # SciPy warns of probabilities that do not add up to 1
        everything = cov.paired_coverage(lambda b, c, n: (0 * b - 1, 0 * b + 1), 7, b, c)
    assert everything == pytest.approx(1)


@pytest.mark.parametrize("ends", [(0, 1), (-1, 0), (0, 0)])
def test_a_paired_interval_that_ends_at_the_difference_contains_it(ends):
    low, high = ends
    touching = cov.paired_coverage(lambda b, c, n: (0 * b + low, 0 * b + high), 5, 0.25, 0.25)
    assert touching == pytest.approx(1)


RNG = np.random.default_rng(3)


@pytest.mark.parametrize("p", [[-0.1], [1.1], [np.nan], 0.5])
def test_probabilities_outside_the_unit_interval_are_refused(p):
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        cov.binomial_coverage(ci.wald, 5, p)


def test_no_trials_are_refused():
    with pytest.raises(ValueError, match="n >= 1"):
        cov.binomial_coverage(ci.wald, 0, [0.5])


@pytest.mark.parametrize(("n", "b", "c"), [(0, 0.1, 0.1), (5, -0.1, 0.1), (5, 0.6, 0.6)])
def test_impossible_pairs_are_refused(n, b, c):
    with pytest.raises(ValueError, match="probabilities of sum <= 1"):
        cov.paired_coverage(paired.difference_interval, n, b, c)


@pytest.mark.parametrize(("truth", "repeats"), [(np.nan, 5), (0.5, 0)])
def test_a_simulation_without_truth_or_repeats_is_refused(truth, repeats):
    with pytest.raises(ValueError, match="repeats >= 1"):
        cov.simulated_coverage(lambda rng: (1.0,), lambda x: (x, x), truth, repeats, RNG)
