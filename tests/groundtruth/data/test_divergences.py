"""Divergences against SciPy; axioms, bounds and bad input."""

import math
from fractions import Fraction

import numpy as np
import pytest
from groundtruth.data import divergences as dv
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import distance

weights = st.lists(st.floats(0.01, 1), min_size=2, max_size=8)


def normal(w):
    return np.array(w) / np.sum(w)


@given(weights, st.randoms())
def test_kl_and_js_equal_scipy(w, random):
    p = normal(w)
    q = normal(random.sample(w, len(w)))
    assert dv.kl(p, q) == pytest.approx(stats.entropy(p, q), abs=1e-12)
    assert dv.js(p, q) == pytest.approx(distance.jensenshannon(p, q) ** 2, abs=1e-9)


@given(weights, st.randoms())
def test_kl_is_not_negative_and_js_is_symmetric_and_bounded(w, random):
    p = normal(w)
    q = normal(random.sample(w, len(w)))
    assert dv.kl(p, q) >= -1e-12
    assert dv.js(p, q) == pytest.approx(dv.js(q, p))
    assert 0 <= dv.js(p, q) <= np.log(2) + 1e-12


def test_kl_is_not_symmetric_and_infinite_without_support():
    assert dv.kl([0.9, 0.1], [0.5, 0.5]) != pytest.approx(dv.kl([0.5, 0.5], [0.9, 0.1]))
    assert dv.kl([0.5, 0.5], [0.0, 1.0]) == np.inf


@given(
    st.lists(st.floats(-50, 50), min_size=1, max_size=20),
    st.lists(st.floats(-50, 50), min_size=1, max_size=20),
    st.floats(-9, 9),
)
def test_wasserstein_equals_scipy_and_moves_with_a_shift(a, b, shift):
    assert dv.wasserstein(a, b) == pytest.approx(stats.wasserstein_distance(a, b), abs=1e-9)
    assert dv.wasserstein(a, np.array(a) + shift) == pytest.approx(abs(shift), abs=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dv.kl([1.0], [0.5, 0.5]), r"\(1,\) and \(2,\)"),
        (lambda: dv.kl([], []), "same outcomes"),
        (lambda: dv.js([0.5, 0.6], [0.5, 0.5]), "sums to 1.1"),
        (lambda: dv.kl([1.5, -0.5], [0.5, 0.5]), "smallest entry -0.5"),
        (lambda: dv.kl([np.nan, 1.0], [0.5, 0.5]), "nan"),
        (lambda: dv.wasserstein([], [1.0]), "at least one"),
        (lambda: dv.wasserstein([np.inf], [1.0]), "finite"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


MEASURES = [dv.kl, dv.js]


@pytest.mark.parametrize("measure", MEASURES)
def test_probabilities_of_any_kind_of_numbers(measure):
    half = [Fraction(1, 2), Fraction(1, 2)]
    skew = [Fraction(1, 4), Fraction(3, 4)]
    expected = measure([0.5, 0.5], [0.25, 0.75])
    assert measure(half, [0.25, 0.75]) == measure([0.5, 0.5], skew) == expected


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    "bad", [[0.5, 0.4], [0.6, 0.5], [1.5, -0.5], [np.nan, 1.0], [0.5, 0.5 + 1e-8]]
)
def test_either_distribution_must_be_one(measure, bad):
    with pytest.raises(ValueError, match="must be >= 0 and sum to 1"):
        measure(bad, [0.5, 0.5])
    with pytest.raises(ValueError, match="must be >= 0 and sum to 1"):
        measure([0.5, 0.5], bad)


@pytest.mark.parametrize("measure", MEASURES)
def test_rounding_in_the_sum_of_probabilities_is_allowed(measure):
    assert measure([0.5, 0.5 + 5e-10], [0.5, 0.5 - 5e-10]) == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("shape", [(0,), (1, 1)])
def test_outcomes_are_a_list(measure, shape):
    with pytest.raises(ValueError, match="two distributions over the same outcomes"):
        measure(np.ones(shape), np.ones(shape))


def test_a_single_outcome_has_no_divergence():
    assert dv.kl([1.0], [1.0]) == 0
    assert dv.js([1.0], [1.0]) == 0


def test_outcomes_without_probability_count_nothing():
    """Half of each: ln 2; js: the average is 3/4, 1/4, so ln(4/3) / 2 + (ln(2/3) + ln 2) / 4."""
    assert dv.kl([1.0, 0.0], [0.5, 0.5]) == pytest.approx(math.log(2))
    assert dv.kl([1.0, 0.0, 0.0], [0.5, 0.5, 0.0]) == pytest.approx(math.log(2))
    expected = math.log(4 / 3) / 2 + (math.log(2 / 3) + math.log(2)) / 4
    assert dv.js([1.0, 0.0], [0.5, 0.5]) == pytest.approx(expected)
    assert dv.js([1.0, 0.0, 0.0], [0.5, 0.5, 0.0]) == pytest.approx(expected)
    assert dv.js([1.0, 0.0], [0.0, 1.0]) == pytest.approx(math.log(2))


@pytest.mark.filterwarnings("error")
def test_a_ratio_beyond_the_largest_float_has_a_logarithm():
    """The ratio 0.5 / 5e-324 overflows; the other half costs ln(1/2) / 2."""
    expected = 0.5 * (math.log(0.5) - math.log(5e-324)) + 0.5 * math.log(0.5)
    assert dv.kl([0.5, 0.5], [5e-324, 1.0]) == pytest.approx(expected, rel=1e-14)


@pytest.mark.filterwarnings("error")
def test_the_smallest_probabilities_count_in_the_average():
    assert dv.js([5e-324, 1.0], [0.0, 1.0]) == pytest.approx(0, abs=1e-300)
    assert dv.js([5e-324, 1.0], [1.0, 0.0]) == pytest.approx(math.log(2), rel=1e-14)


def test_rounding_never_makes_a_divergence_negative():
    rng = np.random.default_rng(0)
    for p in rng.dirichlet(np.ones(5), 200):
        q = p * (1 + 1e-12 * rng.normal(size=5))
        assert 0 <= dv.js(p, q) < 1e-15


def test_transport_by_hand():
    """Sorted 0, 1, 4 to 2, 3, 3: 2 + 2 + 1 over 3; one sample at 1 to 0, 4: (1 + 3) / 2."""
    assert dv.wasserstein([4.0, 0.0, 1.0], [3.0, 2.0, 3.0]) == pytest.approx(5 / 3)
    assert dv.wasserstein([1.0], [4.0, 0.0]) == pytest.approx(2)
    assert dv.wasserstein([4.0, 0.0], [1.0]) == pytest.approx(2)
    assert dv.wasserstein([7.0], [7.0]) == 0


def test_samples_of_any_kind_of_numbers():
    assert dv.wasserstein([Fraction(1, 2)], [1.0, 2.0]) == pytest.approx(1)
    assert dv.wasserstein([1.0, 2.0], [Fraction(1, 2)]) == pytest.approx(1)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("unit", [5e-300, 1.7e308])
def test_transport_of_huge_and_of_tiny_samples(unit):
    """Half of the mass goes from -1 to 0.5, half stays at 1: 0.75 units."""
    found = dv.wasserstein([-unit, unit], [0.5 * unit, unit])
    assert found / unit == pytest.approx(0.75, rel=1e-12)


@pytest.mark.parametrize("bad", [[], [[1.0]], [np.nan], [np.inf, 1.0]])
def test_either_sample_must_be_a_list_of_finite_values(bad):
    with pytest.raises(ValueError, match="two samples of at least one finite value"):
        dv.wasserstein(bad, [1.0])
    with pytest.raises(ValueError, match="two samples of at least one finite value"):
        dv.wasserstein([1.0], bad)
