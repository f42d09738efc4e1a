"""Intervals against SciPy and simulation; bad input."""

from fractions import Fraction

import numpy as np
import pytest
from groundtruth.learning import intervals as ci
from groundtruth.learning.metrics import auc
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats


@given(st.integers(1, 500), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_equals_scipy(n, data, level):
    hits = data.draw(st.integers(0, n))
    theirs = stats.binomtest(hits, n).proportion_ci(level, method="wilson")
    assert np.allclose(ci.wilson(hits, n, level), [theirs.low, theirs.high], atol=1e-9)


@given(st.integers(1, 500), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_clopper_pearson_equals_scipy(n, data, level):
    hits = data.draw(st.integers(0, n))
    theirs = stats.binomtest(hits, n).proportion_ci(level, method="exact")
    assert np.allclose(ci.clopper_pearson(hits, n, level), [theirs.low, theirs.high], atol=1e-9)


@given(st.integers(1, 500), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_wald_is_the_normal_interval_of_the_estimated_variance(n, data, level):
    hits = data.draw(st.integers(1, n))
    p = hits / n
    expected = stats.norm.interval(level, p, np.sqrt(p * (1 - p) / n) or 1e-300)
    assert np.allclose(ci.wald(hits, n, level), expected, atol=1e-12)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_interval_of_a_mean_equals_scipys_t_test(level):
    x = np.random.default_rng(5).exponential(size=12)
    theirs = stats.ttest_1samp(x, 0.0).confidence_interval(level)
    assert np.allclose(ci.mean_interval(x, level), [theirs.low, theirs.high])


def scored(seed):
    """Labels and scores without ties."""
    rng = np.random.default_rng(seed)
    y = (np.arange(90) < 30).astype(int)
    return y, rng.normal(1.5 * y)


def test_the_plain_auc_interval_is_symmetric_and_as_wide_as_the_standard_error_says():
    y, s = scored(6)
    area, se = ci.delong(y, s)
    low, high = ci.auc_interval(y, s, 0.9, "plain")
    assert (low + high) / 2 == pytest.approx(area)
    assert (high - low) / 2 == pytest.approx(stats.norm.ppf(0.95) * se)


def test_the_logit_auc_interval_is_symmetric_in_log_odds():
    y, s = scored(7)
    area, se = ci.delong(y, s)
    low, high = ci.auc_interval(y, s)
    odds = [np.log(v / (1 - v)) for v in (low, area, high)]
    half = stats.norm.ppf(0.975) * se / (area * (1 - area))
    assert odds[1] - odds[0] == pytest.approx(half)
    assert odds[2] - odds[1] == pytest.approx(half)


@pytest.mark.parametrize("scale", ["logit", "plain"])
def test_perfectly_separated_scores_have_an_interval_of_one_point(scale):
    assert ci.auc_interval([0, 0, 1, 1], [1, 2, 3, 4], scale=scale) == (1.0, 1.0)


def test_the_weighted_bootstrap_of_auc_agrees_with_the_general_one():
    y, s = scored(8)
    fast = ci.bootstrap_auc(y, s, 4000, np.random.default_rng(9))
    slow = ci.bootstrap(auc, y, s, draws=4000, rng=np.random.default_rng(10))
    assert np.allclose(fast, slow, atol=0.01)


def test_bootstrap_of_a_mean_equals_its_standard_error():
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    low, high = ci.bootstrap(np.mean, x, draws=4000, rng=rng)
    assert (high - low) / 2 == pytest.approx(1.96 * x.std() / 20, rel=0.06)
    assert (low + high) / 2 == pytest.approx(x.mean(), abs=0.01)


def test_bootstrap_draws_again_what_the_metric_refuses():
    low, high = ci.bootstrap(
        auc, [0, 0, 0, 1], [0.1, 0.2, 0.3, 0.4], draws=50, rng=np.random.default_rng(1)
    )
    assert (low, high) == (1.0, 1.0)


def test_delong_equals_the_variance_over_repetitions():
    rng = np.random.default_rng(2)
    y = (np.arange(120) < 40).astype(int)
    found = np.array([ci.delong(y, rng.normal(1.2 * y)) for _ in range(800)])
    assert found[:, 1].mean() == pytest.approx(found[:, 0].std(), rel=0.1)
    s = rng.normal(1.2 * y)
    assert ci.delong(y, s)[0] == pytest.approx(auc(y, s))
    assert ci.delong(y, s, s) == (0.0, 0.0)


def test_paired_difference_is_as_certain_as_simulation_says():
    rng = np.random.default_rng(3)
    y = (np.arange(120) < 40).astype(int)
    rows = []
    for _ in range(600):
        a = rng.normal(1.2 * y)
        rows.append(ci.delong(y, a, a + rng.normal(0, 0.5, 120)))
    gap, se = np.array(rows).T
    assert se.mean() == pytest.approx(gap.std(), rel=0.15)


def test_delong_by_hand_divides_each_sample_variance_by_the_size_of_its_class():
    y = np.array([1, 1, 0, 0, 0])
    s = np.array([5.0, 2.0, 4.0, 3.0, 1.0])  # placements 1, 1/3 and 1/2, 1/2, 1
    area, se = ci.delong(y, s)
    assert area == pytest.approx(2 / 3)
    assert se**2 == pytest.approx((2 / 9) / 2 + (1 / 12) / 3)


def test_delong_by_hand_gives_half_a_placement_to_a_tie():
    y = np.array([1, 1, 0, 0])
    s = np.array([2.0, 1.0, 1.0, 0.0])  # placements 1, 3/4 and 3/4, 1
    area, se = ci.delong(y, s)
    assert area == auc(y, s) == 7 / 8
    assert se**2 == pytest.approx((1 / 32) / 2 + (1 / 32) / 2)


def test_wilson_stays_within_zero_and_one_where_all_are_hits_or_none():
    for n in range(1, 300):
        assert ci.wilson(n, n)[1] <= 1.0
        assert ci.wilson(0, n)[0] >= 0.0


def test_the_interval_of_two_values_by_hand():
    # one degree of freedom: the quantiles of the tangent of an angle; standard error 1
    assert np.allclose(ci.mean_interval([0.0, 2.0], 0.5), [0.0, 2.0])
    far = np.tan(np.pi * 0.475)
    assert np.allclose(ci.mean_interval([0.0, 2.0]), [1 - far, 1 + far])


def test_values_of_single_precision_are_computed_in_double():
    x = np.random.default_rng(5).exponential(size=12).astype(np.float32)
    assert np.allclose(ci.mean_interval(x), ci.mean_interval(x.astype(float)), rtol=1e-13, atol=0.0)


def test_scores_may_be_objects_that_are_numbers():
    y, s = scored(12)
    s = s.round(3)
    t = -s
    exact = [Fraction(v) for v in s]
    negated = [Fraction(v) for v in t]
    assert ci.delong(y, exact) == ci.delong(y, s)
    assert ci.delong(y, exact, negated) == ci.delong(y, s, t)
    assert ci.delong(y, exact, t) == ci.delong(y, s, negated) == ci.delong(y, s, t)
    one, two = (
        ci.bootstrap_auc([0, 1, 0], [Fraction(v) for v in given], 20, np.random.default_rng(1))
        for given in ([1, 2, 3], [1.0, 2.0, 3.0])
    )
    assert one == two


def test_resamples_without_a_class_or_with_a_single_pair_are_no_obstacle():
    assert ci.bootstrap_auc([0, 1], [0.1, 0.2], 50, np.random.default_rng(1)) == (1.0, 1.0)
    assert ci.bootstrap_auc([1, 0], [0.1, 0.2], 50, np.random.default_rng(1)) == (0.0, 0.0)


class Refusing:
    """A metric that refuses its first calls."""

    def __init__(self, refused):
        self.refused = refused
        self.calls = 0

    def __call__(self, x):
        self.calls += 1
        if self.calls <= self.refused:
            raise ValueError
        return 3.0


@pytest.mark.parametrize("refused", [0, 7, 100])
def test_as_many_resamples_count_as_draws_beside_ten_times_as_many_that_are_refused(refused):
    metric = Refusing(refused)
    rng = np.random.default_rng(0)
    assert ci.bootstrap(metric, [1.0, 2.0], draws=10, rng=rng) == (3.0, 3.0)
    assert metric.calls == refused + 10


def test_one_refusal_above_ten_times_the_draws_is_an_error():
    with pytest.raises(ValueError, match="nearly every"):
        ci.bootstrap(Refusing(101), [1.0, 2.0], draws=10, rng=np.random.default_rng(0))


RNG = np.random.default_rng(4)


@pytest.mark.parametrize("level", [-0.5, 0, 1, 1.5, np.nan])
@pytest.mark.parametrize(
    "interval",
    [
        lambda level: ci.wald(1, 2, level),
        lambda level: ci.wilson(1, 2, level),
        lambda level: ci.clopper_pearson(1, 2, level),
        lambda level: ci.mean_interval([1.0, 2.0], level),
        lambda level: ci.bootstrap(np.mean, [1.0, 2.0], draws=10, rng=RNG, level=level),
        lambda level: ci.auc_interval([0, 0, 1, 1], [1, 3, 2, 4], level),
        lambda level: ci.bootstrap_auc([0, 1], [0.1, 0.2], 10, RNG, level),
    ],
)
def test_a_level_lies_between_zero_and_one(interval, level):
    with pytest.raises(ValueError, match="level"):
        interval(level)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ci.wilson(3, 2), "hits <= n"),
        (lambda: ci.wilson(1, 2, 1.0), "level"),
        (lambda: ci.wald(-1, 2), "hits <= n"),
        (lambda: ci.clopper_pearson(1, 0), "n >= 1"),
        (lambda: ci.mean_interval([1.0]), "at least two"),
        (lambda: ci.mean_interval([1.0, np.nan]), "finite"),
        (lambda: ci.auc_interval([0, 1], [0.1, 0.2], scale="log"), "'log'"),
        (lambda: ci.bootstrap_auc([1, 1], [0.1, 0.2], 10, RNG), "both classes"),
        (lambda: ci.bootstrap_auc([0, 1], [0.1, 0.1], 10, RNG), "same score"),
        (lambda: ci.bootstrap_auc([0, 1], [0.1, np.nan], 10, RNG), "finite"),
        (lambda: ci.bootstrap_auc([0, 1], [0.1, 0.2], 5, RNG), "draws >= 10"),
        (lambda: ci.bootstrap(np.mean, [1.0], draws=50, rng=RNG), ">= 2"),
        (lambda: ci.bootstrap(np.mean, [1.0, 2.0], draws=5, rng=RNG), "draws >= 10"),
        (lambda: ci.bootstrap(auc, [0, 0], [1.0, 2.0], draws=10, rng=RNG), "nearly every"),
        (lambda: ci.delong([0, 1, 1], [0.1, 0.2, 0.3]), "two rows of each"),
        (lambda: ci.delong([0, 2], [0.1, 0.2]), "0 or 1"),
        (lambda: ci.bootstrap(np.mean, draws=10, rng=RNG), r"got lengths \[\]"),
        (lambda: ci.delong([[0, 0, 1, 1]], [1, 3, 2, 4]), r"\(1, 4\)"),
        (lambda: ci.delong([0, 0, 1, 1, 1], [1, 3, 2, 4]), r"\(5,\)"),
        (lambda: ci.bootstrap_auc([[0, 1]], [[0.1, 0.2]], 10, RNG), r"\(1, 2\)"),
        (lambda: ci.bootstrap_auc([0, 1], [0.1, 0.2, 0.3], 10, RNG), r"\(3,\)"),
        (lambda: ci.bootstrap_auc([0, 1, 1], [0.1, 0.2], 10, RNG), r"\(2,\)"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
