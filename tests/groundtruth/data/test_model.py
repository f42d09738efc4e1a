"""The line, its loss and its searches against NumPy, scikit-learn, SciPy and hand calculation."""

import numpy as np
import pytest
from groundtruth.data.model import (
    GaussianClasses,
    Line,
    NearestNeighbours,
    least_squares_line,
    line_gradient,
    line_hessian,
    mse,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import check_grad
from scipy.stats import norm
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_squared_error
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor

values = arrays(float, st.integers(3, 20), elements=st.floats(-100, 100))


@pytest.fixture
def noisy():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 3, 50)
    return x, 1.5 * x - 0.5 + rng.normal(0, 0.3, 50)


def test_mse_equals_sklearn(noisy):
    x, y = noisy
    assert mse(x, y) == pytest.approx(mean_squared_error(y, x), rel=1e-14)


def test_first_step_by_hand():
    x = np.arange(5.0)
    history = Line().fit(x, 2 * x + 1, lr=0.05, steps=1)
    assert history.tolist()[0] == [0, 0, 33]
    assert history[1] == pytest.approx([1.4, 0.5, 3.61])


def test_descent_reaches_the_closed_form_numpy_and_sklearn(noisy):
    x, y = noisy
    line = Line()
    line.fit(x, y, 0.1, 3000)
    reference = LinearRegression().fit(x[:, None], y)
    for w, b in (
        least_squares_line(x, y),
        np.polyfit(x, y, 1),
        (reference.coef_[0], reference.intercept_),
    ):
        assert (line.w, line.b) == pytest.approx((w, b), abs=1e-9)


def test_gradient_agrees_with_differences(noisy):
    x, y = noisy
    error = check_grad(
        lambda t: mse(t[0] * x + t[1], y),
        lambda t: line_gradient(t[0], t[1], x, y),
        np.array([0.3, -2.0]),
    )
    assert error < 1e-5  # check_grad uses one-sided differences of step 1.5e-8


def test_hessian_is_the_derivative_of_the_gradient(noisy):
    x, y = noisy
    h = 1e-4
    columns = [
        (
            line_gradient(*(np.array([1, 2]) + d), x, y)
            - line_gradient(*(np.array([1, 2]) - d), x, y)
        )
        / (2 * h)
        for d in h * np.eye(2)
    ]
    assert np.allclose(line_hessian(x), np.array(columns).T, atol=1e-9)


@given(values, st.floats(-10, 10), st.floats(-10, 10))
def test_closed_form_recovers_any_exact_line(x, w, b):
    if np.ptp(x) < 1e-3:
        return
    assert least_squares_line(x, w * x + b) == pytest.approx((w, b), abs=1e-6)


@given(values, st.floats(-50, 50))
@settings(max_examples=50)
def test_shifting_the_targets_shifts_only_the_intercept(x, shift):
    if np.ptp(x) < 1e-3:
        return
    y = np.sin(x)
    (w, b), (w2, b2) = least_squares_line(x, y), least_squares_line(x, y + shift)
    assert w2 == pytest.approx(w, abs=1e-8)
    assert b2 == pytest.approx(b + shift, abs=1e-6)


def test_the_stability_limit_is_two_over_the_largest_eigenvalue(noisy):
    x, y = noisy
    limit = 2 / np.linalg.eigvalsh(line_hessian(x))[-1]
    assert Line().fit(x, y, 0.98 * limit, 5000)[-1, 2] == pytest.approx(
        mse(np.polyval(np.polyfit(x, y, 1), x), y), rel=1e-6
    )
    with pytest.raises(FloatingPointError, match=f"{limit:.3g}"):
        Line().fit(x, y, 1.2 * limit, 5000)


@pytest.mark.parametrize("k", [1, 3, 7])
def test_neighbours_equal_sklearn(noisy, k):
    x, y = noisy
    new = np.linspace(-2, 4, 31)
    reference = KNeighborsRegressor(k).fit(x[:, None], y).predict(new[:, None])
    assert np.allclose(NearestNeighbours(k).fit(x, y).predict(new), reference, atol=1e-12)


def test_generative_posterior_equals_naive_bayes_when_the_spreads_agree():
    rng = np.random.default_rng(1)
    base = rng.normal(size=500)
    x = np.concatenate([base, base + 2])
    y = np.repeat([0.0, 1.0], 500)  # equal spreads by construction
    ours = GaussianClasses.fit(x, y)
    reference = GaussianNB(var_smoothing=0).fit(x[:, None], y)
    assert np.allclose(ours.posterior(x), reference.predict_proba(x[:, None])[:, 1], atol=1e-12)


def test_joint_is_density_times_prior_and_the_boundary_is_undecided():
    model = GaussianClasses(np.array([0.0, 3.0]), np.array([1.5, 1.5]), np.array([0.8, 0.2]))
    x = np.linspace(-3, 5, 9)
    assert np.allclose(model.joint(x)[:, 1], 0.2 * norm.pdf(x, 3.0, 1.5), atol=1e-15)
    assert model.posterior(np.array([model.boundary()]))[0] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([], [], "empty"),
        ([1.0, np.nan], [1.0, 2.0], "NaN"),
        ([1.0, np.inf], [1.0, 2.0], "infinity"),
        ([1.0, 2.0], [1.0], r"\(2,\) and \(1,\)"),
        ([[1.0], [2.0]], [1.0, 2.0], "vectors of one length"),
    ],
)
@pytest.mark.parametrize(
    "use",
    [
        mse,
        least_squares_line,
        lambda x, y: Line().fit(x, y, 0.1, 1),
        lambda x, y: NearestNeighbours().fit(x, y),
        lambda x, y: line_gradient(0, 0, x, y),
    ],
)
def test_bad_data_are_refused_everywhere(use, x, y, message):
    with pytest.raises(ValueError, match=message):
        use(np.array(x), np.array(y))


def test_equal_inputs_do_not_determine_a_slope():
    with pytest.raises(ValueError, match="all 3 values of x equal 2.0"):
        least_squares_line(np.full(3, 2.0), np.arange(3.0))


@pytest.mark.parametrize(("lr", "steps"), [(0, 1), (-0.1, 1), (0.1, 0)])
def test_impossible_settings_are_refused(lr, steps):
    with pytest.raises(ValueError, match="lr must be positive and steps at least 1"):
        Line().fit(np.arange(3.0), np.arange(3.0), lr, steps)


@pytest.mark.parametrize("k", [0, 4])
def test_neighbours_need_a_possible_k(k):
    with pytest.raises(ValueError, match="between 1 and the 3"):
        NearestNeighbours(k).fit(np.arange(3.0), np.arange(3.0))


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1.0, 2.0], [0.0, 2.0], "labels"),
        ([1.0, 2.0], [1.0, 1.0], "both must occur"),
        ([1.0, 2.0], [0.0, 1.0], "spread"),
    ],
)
def test_generative_refuses_what_it_cannot_estimate(x, y, message):
    with pytest.raises(ValueError, match=message):
        GaussianClasses.fit(np.array(x), np.array(y))
