"""The sigmoid against SciPy over the whole range, its slope by complex step, and the small diff."""

import numpy as np
import pytest
from groundtruth.front.reading import show_diff, sigmoid, sigmoid_derivative
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit


@given(st.floats(allow_nan=False))
def test_sigmoid_equals_scipy_for_every_float(z):
    with np.errstate(all="raise", under="ignore"):
        ours = sigmoid(z)
    assert float(ours) == pytest.approx(float(expit(z)), rel=1e-14, abs=1e-300)


@given(st.floats(-30, 30))
def test_slope_equals_the_complex_step(z):
    """Im f(z + ih) / h has no cancellation: exact to rounding (Squire and Trapp, 1998)."""
    h = 1e-20
    assert float(sigmoid_derivative(z)) == pytest.approx(
        (1 / (1 + np.exp(-(z + 1j * h)))).imag / h, rel=1e-9, abs=1e-15
    )


@given(st.floats(-500, 500))
def test_sigmoid_is_symmetric(z):
    assert float(sigmoid(z) + sigmoid(-z)) == pytest.approx(1.0, abs=1e-15)


def test_nan_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        sigmoid([0.0, np.nan])


def test_equal_texts_have_no_diff():
    assert show_diff("a\nb", "a\nb") == ""


def test_a_missing_line_shows():
    assert show_diff("a\nb", "a") == "- b"
