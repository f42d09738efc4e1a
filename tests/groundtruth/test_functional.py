"""Stable functions against SciPy, invariances and limits."""

from fractions import Fraction

import numpy as np
import pytest
import scipy.special as sp
from groundtruth import functional as F
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

scores = st.tuples(st.integers(1, 5), st.integers(1, 6)).flatmap(
    lambda s: arrays(float, s, elements=st.floats(-800, 800))
)


@given(scores)
def test_functions_equal_scipy(z):
    assert np.allclose(F.sigmoid(z), sp.expit(z), atol=1e-15)
    assert np.allclose(F.softplus(z), np.logaddexp(0, z), rtol=1e-12, atol=1e-15)
    assert np.allclose(F.logsumexp(z), sp.logsumexp(z, axis=-1))
    assert np.allclose(F.softmax(z), sp.softmax(z, axis=-1), atol=1e-12)
    assert np.allclose(F.log_softmax(z), sp.log_softmax(z, axis=-1), atol=1e-9)


@given(scores, st.floats(-100, 100))
def test_softmax_has_mass_one_and_ignores_a_shift(z, c):
    p = F.softmax(z, axis=0)
    assert np.allclose(p.sum(0), 1)
    assert np.allclose(p, F.softmax(z + c, axis=0), atol=1e-9)


@given(st.floats(-700, 700))
def test_sigmoid_is_the_slope_of_softplus_and_symmetric(z):
    assert F.sigmoid(z) + F.sigmoid(-z) == pytest.approx(1)
    assert F.softplus(z) - F.softplus(-z) == pytest.approx(z, abs=1e-9)


def test_infinite_scores_are_certain():
    assert F.softmax([np.inf * -1, 0.0]).tolist() == [0.0, 1.0]
    assert F.logsumexp([-np.inf, -np.inf]) == -np.inf


def test_the_sum_of_impossible_scores_is_zero_without_a_warning():
    with np.errstate(all="raise"):
        assert F.logsumexp([[-np.inf, -np.inf], [-np.inf, 2.0]]).tolist() == [-np.inf, 2.0]


@pytest.mark.parametrize("shape", [(3, 1, 4), (1, 3, 1), (3, 1, 1), (2, 3, 4)])
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2])
def test_other_axes_stay_also_those_of_length_one(shape, axis):
    z = np.random.default_rng(0).normal(0, 300, shape)
    assert F.logsumexp(z, axis).shape == sp.logsumexp(z, axis).shape
    assert np.allclose(F.logsumexp(z, axis), sp.logsumexp(z, axis), rtol=1e-12)
    assert np.allclose(F.softmax(z, axis), sp.softmax(z, axis), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "scores",
    [
        np.array([[-128, 3, 127]], np.int8),
        np.array([[12.0, 30.0, -7.5]], np.float16),
        np.array([[0.1, 20.0, 88.0]], np.float32),
        np.array([[0.1, 20.0, 700.0]], np.longdouble),
        [[Fraction(1, 2), Fraction(-3), Fraction(1, 4)]],
    ],
    ids=["int8", "half", "single", "long", "fractions"],
)
@pytest.mark.parametrize("f", [F.sigmoid, F.softplus, F.logsumexp, F.log_softmax, F.softmax])
def test_scores_of_any_type_are_computed_in_double_precision(f, scores):
    out = f(scores)
    assert out.dtype == np.float64
    assert np.array_equal(out, f(np.asarray(scores, dtype=float)))


def test_no_scores_and_nan_are_refused():
    with pytest.raises(ValueError, match="no scores along axis -1"):
        F.logsumexp(np.ones((2, 0)))
    with pytest.raises(ValueError, match=r"no scores along axis -1 of shape \(0, 3\)"):
        F.logsumexp(np.ones((0, 3)))
    with pytest.raises(ValueError, match="NaN"):
        F.sigmoid([np.nan])
