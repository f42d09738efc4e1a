"""The checks of the book refuse what is false and say where it is false."""

import numpy as np
import pytest
from groundtruth import check
from groundtruth.check import close, derived, parity
from hypothesis import given
from hypothesis import strategies as st


@given(st.floats(-1e6, 1e6), st.floats(0, 1e-3), st.floats(0, 1e-3))
def test_close_agrees_with_numpy(a, rtol, atol):
    for b in (a, a * (1 + rtol / 2), a + atol * 2, a + 1.0):
        assert close([a], [b], rtol, atol) == np.allclose([a], [b], rtol=rtol, atol=atol)


def test_close_is_false_for_nan_even_against_nan():
    assert not close([np.nan], [np.nan])


def test_close_refuses_shapes_that_would_broadcast():
    with pytest.raises(ValueError, match=r"\(2, 1\).*\(2,\)"):
        close(np.zeros((2, 1)), np.zeros(2))


def test_close_refuses_negative_tolerances():
    with pytest.raises(ValueError, match=">= 0"):
        close([1.0], [1.0], rtol=-1.0)


@pytest.mark.parametrize("claim", [parity, derived])
def test_a_claim_that_holds_prints_one_line(claim, capsys):
    claim("x = x", np.ones(3), np.ones(3))
    assert (
        capsys.readouterr().out
        == f"{claim.__name__} ok: x = x (within {1e-12 if claim is parity else 1e-8:g})\n"
    )


@pytest.mark.parametrize("claim", [parity, derived])
def test_a_claim_that_fails_names_size_and_place(claim, capsys):
    with pytest.raises(
        AssertionError, match=r"failed: x = y: the largest difference is 0.5 at \(1, 0\)"
    ):
        claim("x = y", np.zeros((2, 2)), np.array([[0.0, 0.1], [0.5, 0.2]]))
    assert capsys.readouterr().out == ""


def test_a_claim_about_nan_fails():
    with pytest.raises(AssertionError, match=r"nan at \(1,\)"):
        parity("nan", [1.0, np.nan], [1.0, 2.0])


@pytest.mark.parametrize(
    ("method", "tol"), [("central", 1e-7), ("forward", 1e-5), ("complex", 1e-14)]
)
def test_numeric_gradients_equal_the_derivative_in_any_shape(method, tol):
    x = np.random.default_rng(0).normal(size=(2, 3))
    found = check.numeric_grad(lambda v: (np.sin(v) * v**2).sum(), x, method=method)
    assert found.shape == (2, 3)
    assert np.allclose(found, np.cos(x) * x**2 + 2 * x * np.sin(x), atol=tol)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"method": "backward"}, "'backward'"), ({"h": 0.0}, "h = 0"), ({"h": np.inf}, "inf")],
)
def test_impossible_nudges_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        check.numeric_grad(lambda v: v.sum(), [1.0], **options)
    with pytest.raises(ValueError, match="finite x"):
        check.numeric_grad(lambda v: v.sum(), [np.nan])
