"""Divergences against SciPy; axioms, bounds and bad input."""

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
