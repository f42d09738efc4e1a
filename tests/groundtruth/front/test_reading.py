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


def test_the_slope_is_a_quarter_at_zero_and_symmetric():
    assert sigmoid_derivative(0) == 0.25
    z = np.linspace(-5, 5, 11)
    assert np.allclose(sigmoid_derivative(z), sigmoid_derivative(-z), rtol=1e-12)
    assert sigmoid_derivative(z).max() == 0.25


def test_changed_lines_show_in_order_without_those_in_common():
    """Lines that mark single letters (?) and lines in common are left out."""
    expected = "w = 2.0\nloss = 0.10\ndone\n- a list"
    computed = "w = 2.0\nloss = 0.12\ndone\n- a list\n? more"
    assert show_diff(expected, computed) == "- loss = 0.10\n+ loss = 0.12\n+ ? more"


def test_a_new_line_shows():
    assert show_diff("", "a\nb") == "+ a\n+ b"
