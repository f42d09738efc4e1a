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


def test_a_difference_as_large_as_the_tolerance_is_close():
    assert close([1.5], [1.0], atol=0.5)
    assert not close([1.5], [1.0], atol=0.4999)
    assert close([3.0], [2.0], rtol=0.5, atol=0.0)  # relative to the second
    assert not close([2.0], [3.1], rtol=0.35, atol=0.0)


@pytest.mark.parametrize("name", ["rtol", "atol"])
@pytest.mark.parametrize("value", [-1e-9, np.inf, np.nan])
def test_close_refuses_a_tolerance_that_is_no_size(name, value):
    with pytest.raises(ValueError, match=rf"{name}={value}"):
        close([1.0], [1.0], **{name: value})


def test_close_refuses_what_is_no_number_and_what_is_empty():
    with pytest.raises(TypeError, match="need numbers"):
        close(["a"], ["a"])
    with pytest.raises(TypeError, match="need numbers"):
        close([1, None], [1, None])
    with pytest.raises(ValueError, match=r"both arrays are empty, of shape \(0, 2\)"):
        close(np.zeros((0, 2)), np.zeros((0, 2)))


@pytest.mark.filterwarnings("error")
def test_numbers_that_overflow_are_compared_without_a_warning():
    assert not close([1e308], [-1e308])
    assert not close([np.inf], [-np.inf])
    assert close([np.inf, -np.inf], [np.inf, -np.inf])
    assert close([1e308], [-1e308], rtol=1e300)


@pytest.mark.parametrize("kind", [np.int64, object])
def test_integers_that_are_one_float_are_told_apart(kind):
    large = np.array([2**53, 2**53 + 1, 2**60, 2**60 + 1], dtype=kind)
    assert close(large, large)
    assert not close(large[:1], large[1:2])
    assert not close(large[1:2], large[:1])
    assert not close(large[2:3], large[3:])
    assert close(large[:1], large[1:2], atol=1.0)


def points(method: str, x: float) -> list[complex]:
    """Where a difference quotient evaluates its function."""
    seen: list[complex] = []

    def f(v):
        seen.append(v[0])
        return v[0]

    assert check.numeric_grad(f, [x], method=method) == pytest.approx([1.0], rel=1e-7)
    return seen


@pytest.mark.parametrize("x", [0.25, -8.0, 1e6])
def test_the_default_steps_are_those_of_the_smallest_error(x):
    eps = np.finfo(float).eps
    size = max(1.0, abs(x))
    central = size * eps ** (1 / 3)
    assert np.subtract(points("central", x), x) == pytest.approx([central, -central], rel=1e-9)
    forward = size * eps ** (1 / 2)
    assert np.subtract(points("forward", x), x) == pytest.approx([forward, 0.0], rel=1e-6)
    assert points("complex", x) == [complex(x, 1e-30)]


def test_a_step_that_is_given_is_not_scaled():
    seen = []
    check.numeric_grad(lambda v: seen.append(v[0]) or v[0], [100.0], h=0.5)
    assert seen == [100.5, 99.5]


@pytest.mark.parametrize(
    ("f", "x", "options", "message"),
    [
        (lambda v: v, [1.0, 2.0], {}, r"an array of shape \(2,\)"),
        (lambda v: v[:0], [1.0], {}, r"an array of shape \(0,\)"),
        (lambda v: v[0], [1e9], {"h": 1e-9}, r"x \+ h rounds to x"),
        (lambda v: np.inf * v[0], [1.0], {}, "quotient is not finite"),
        (lambda v: v[0], [1.0], {"h": -0.1}, "h = -0.1"),
    ],
)
def test_a_quotient_that_means_nothing_is_refused(f, x, options, message):
    with pytest.raises(ValueError, match=message):
        check.numeric_grad(f, x, **options)


def test_gradient_errors_step_to_both_sides_and_restore_the_parameter():
    p = np.array([1.0, 2.0])
    seen = []

    def loss():
        seen.append(p.copy())
        return float(p @ p)

    (error,) = check.gradient_errors(loss, [p], [2 * p])
    assert error < 1e-9
    steps = np.array(seen) - [1.0, 2.0]
    assert steps == pytest.approx(1e-5 * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]]), abs=1e-14)
    assert p.tolist() == [1.0, 2.0]


def test_a_loss_that_fails_leaves_the_parameter_as_it_was():
    p = np.array([1.0, 2.0])

    def loss():
        if p[1] != 2.0:
            raise RuntimeError("no loss here")
        return 0.0

    with pytest.raises(RuntimeError):
        check.gradient_errors(loss, [p], [p])
    assert p.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("gradient", "error"), [(1.5, 0.2), (-1.0, 1.0), (0.0, 1.0), (np.nan, np.inf)]
)
def test_the_error_of_an_entry_is_over_the_sum_of_both(gradient, error):
    p = np.array([3.0])
    errors = check.gradient_errors(lambda: float(p[0]), [p], [np.array([gradient])])
    assert errors == pytest.approx([error], rel=1e-9)


def test_errors_below_a_millionth_are_over_a_millionth():
    p = np.array([3.0])
    assert check.gradient_errors(lambda: 1.0, [p], [np.array([1e-9])]) == pytest.approx([1e-3])


@pytest.mark.parametrize(
    ("p", "g", "h", "error", "message"),
    [
        ([1.0], [1.0, 2.0], 1e-5, ValueError, "the shape of its parameter"),
        ([1.0], [1.0], 0.0, ValueError, "h must be positive"),
        ([1.0], [1.0], np.inf, ValueError, "h must be positive"),
        ([1], [1.0], 1e-5, TypeError, "parameter 0 has the type int"),
    ],
)
def test_gradient_errors_refuse_what_they_cannot_check(p, g, h, error, message):
    with pytest.raises(error, match=message):
        check.gradient_errors(lambda: 0.0, [np.array(p)], [np.array(g)], h)


def test_a_step_that_is_rounded_away_is_an_infinite_error():
    p = np.array([1e20])
    assert check.gradient_errors(lambda: float(p[0]), [p], [np.ones(1)]) == [np.inf]


def test_a_parameter_without_entries_has_no_error():
    p = np.zeros((0, 2))
    assert check.gradient_errors(lambda: 0.0, [p], [p]) == [0.0]


@pytest.mark.filterwarnings("error")
def test_complex_numbers_keep_their_imaginary_part():
    assert close([1 + 1j], [1 + 1.0001j], atol=1e-3)
    assert not close([1 + 1j], [1 + 1.0001j], atol=1e-5)
    assert close([2j], [2.1j], rtol=0.1, atol=0.0)
    assert not close([5.0], [complex(1, np.inf)], rtol=1.0)
    assert not close([1j], [1.0])


@pytest.mark.filterwarnings("error")
def test_large_integers_are_compared_with_complex_numbers():
    assert close([2**60], [2**60 + 3j], atol=3.5)
    assert not close([2**60], [2**60 + 3j], atol=2.5)


@pytest.mark.skipif(np.finfo(np.longdouble).eps == np.finfo(float).eps, reason="no long doubles")
def test_long_doubles_are_compared_in_their_own_precision():
    more = np.array([1], dtype=np.longdouble) + np.longdouble(2) ** -60
    assert close(more, more, atol=0.0)
    assert not close(more, np.ones(1, dtype=np.longdouble), atol=0.0)


@pytest.mark.filterwarnings("error")
def test_a_failed_claim_about_numbers_that_overflow_warns_of_nothing():
    with pytest.raises(AssertionError, match="largest difference is inf"):
        parity("x", [1e308], [-1e308])
    with pytest.raises(AssertionError, match=r"largest difference is 1 at \(1,\)"):
        parity("x", [np.inf, 1.0], [np.inf, 2.0])


def test_the_first_of_several_worst_places_is_named():
    with pytest.raises(AssertionError, match=r"inf at \(0,\)"):
        parity("x", [np.inf, np.nan], [0.0, 0.0])


def test_an_integer_is_not_close_to_infinity():
    assert not close([1], [np.inf])


def test_the_tolerance_of_a_claim_is_absolute_and_relative(capsys):
    parity("relative", [1e6 + 1e-7], [1e6])
    derived("absolute", [1e-9], [0.0])
    assert capsys.readouterr().out.count(" ok: ") == 2


def test_a_gradient_at_whole_numbers_is_that_at_floats():
    assert check.numeric_grad(lambda v: (v**2).sum(), [1, 2]) == pytest.approx([2.0, 4.0])


@pytest.mark.parametrize("h", [0.0, np.inf])
def test_a_step_that_is_no_step_is_refused_as_such(h):
    with pytest.raises(ValueError, match="need a positive step"):
        check.numeric_grad(lambda v: v.sum(), [1.0], h)


@pytest.mark.filterwarnings("error")
def test_an_array_of_one_entry_is_one_number():
    assert check.numeric_grad(lambda v: 2 * v[:1], [1.0]) == pytest.approx([2.0])
