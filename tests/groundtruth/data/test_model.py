"""The line, its loss and its searches against NumPy, scikit-learn, SciPy and hand calculation."""

import numpy as np
import pytest
from groundtruth.data.model import (
    GaussianClasses,
    Line,
    NearestNeighbors,
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
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
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
def test_neighbors_equal_sklearn(noisy, k):
    x, y = noisy
    new = np.linspace(-2, 4, 31)
    reference = KNeighborsRegressor(k).fit(x[:, None], y).predict(new[:, None])
    assert np.allclose(NearestNeighbors(k).fit(x, y).predict(new), reference, atol=1e-12)


@pytest.fixture
def uneven_classes():
    """Classes of unequal size and unequal standard deviation."""
    rng = np.random.default_rng(1)
    y = (rng.random(600) < 0.25).astype(float)
    return rng.normal(2 * y, 1 + y), y


def test_own_standard_deviations_give_naive_bayes(uneven_classes):
    x, y = uneven_classes
    ours = GaussianClasses.fit(x, y, shared=False)
    reference = GaussianNB(var_smoothing=0).fit(x[:, None], y)
    assert np.allclose(ours.posterior(x), reference.predict_proba(x[:, None])[:, 1], atol=1e-12)


def test_a_shared_standard_deviation_gives_linear_discriminant_analysis(uneven_classes):
    x, y = uneven_classes
    ours = GaussianClasses.fit(x, y)
    reference = LinearDiscriminantAnalysis(solver="lsqr").fit(x[:, None], y)
    assert np.allclose(ours.posterior(x), reference.predict_proba(x[:, None])[:, 1], atol=1e-10)


def test_the_boundary_of_uneven_classes_is_where_the_log_odds_are_zero(uneven_classes):
    ours = GaussianClasses.fit(*uneven_classes)
    assert ours.log_odds(np.array([ours.boundary()]))[0] == pytest.approx(0, abs=1e-12)


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
        ([1.0, 2.0], [1.0, np.nan], "NaN"),
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
        lambda x, y: NearestNeighbors().fit(x, y),
        lambda x, y: line_gradient(0, 0, x, y),
    ],
)
def test_bad_data_are_refused_everywhere(use, x, y, message):
    with pytest.raises(ValueError, match=message):
        use(np.array(x), np.array(y))


@pytest.mark.parametrize("value", [2.0, 0.1, 0.3, 1.1])
@pytest.mark.parametrize("n", [3, 6, 10])
def test_equal_inputs_do_not_determine_a_slope(value, n):
    with pytest.raises(ValueError, match=f"all {n} values of x equal {value}"):
        least_squares_line(np.full(n, value), np.arange(float(n)))


def test_a_second_fit_continues_where_the_first_stopped(noisy):
    x, y = noisy
    line = Line()
    parts = [line.fit(x, y, 0.1, 30), line.fit(x, y, 0.1, 20)]
    whole = Line().fit(x, y, 0.1, 50)
    assert np.array_equal(np.concatenate([parts[0], parts[1][1:]]), whole)


def test_a_fit_begins_at_the_given_line(noisy):
    x, y = noisy
    assert Line(0.5, -2.0).fit(x, y, 0.1, 1)[0].tolist() == [0.5, -2.0, mse(0.5 * x - 2.0, y)]


def test_a_fit_that_diverges_leaves_the_line_unchanged():
    line = Line(0.5, 0.25)
    with pytest.raises(FloatingPointError, match="diverged at lr=0.3"):
        line.fit(np.arange(5.0), np.arange(5.0), 0.3, 5000)
    assert (line.w, line.b) == (0.5, 0.25)


def test_a_loss_of_1e99_has_not_diverged_yet():
    history = Line(1e49, 0.0).fit(np.array([0.0, 1.0]), np.zeros(2), 0.1, 1)
    assert history[0, 2] == pytest.approx(5e97)


def test_a_loss_above_1e100_has_diverged():
    with pytest.raises(FloatingPointError, match="diverged at lr=1e\\+20"):
        Line(1e40, 0.0).fit(np.array([0.0, 1.0]), np.zeros(2), 1e20, 1)  # the loss becomes 1e120


@pytest.mark.parametrize(("x", "y"), [([0.0, 1e160], [0.0, 1.0]), ([0.0, 1.0], [0.0, 1e160])])
def test_values_that_cannot_be_squared_are_refused(x, y):
    with pytest.raises(ValueError, match="1e\\+160 are too large"):
        Line().fit(np.array(x), np.array(y), 0.1, 1)


@pytest.mark.parametrize(("lr", "steps"), [(0, 1), (-0.1, 1), (0.1, 0)])
def test_impossible_settings_are_refused(lr, steps):
    with pytest.raises(ValueError, match="lr must be positive and steps at least 1"):
        Line().fit(np.arange(3.0), np.arange(3.0), lr, steps)


@pytest.mark.parametrize("k", [0, 4])
def test_neighbors_need_a_possible_k(k):
    with pytest.raises(ValueError, match="between 1 and the 3"):
        NearestNeighbors(k).fit(np.arange(3.0), np.arange(3.0))


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1.0, 2.0], [0.0, 2.0], "labels"),
        ([1.0, 2.0], [1.0, 1.0], "both must occur"),
        ([1.0, 2.0], [0.0, 1.0], "standard deviation"),
    ],
)
def test_generative_refuses_what_it_cannot_estimate(x, y, message):
    with pytest.raises(ValueError, match=message):
        GaussianClasses.fit(np.array(x), np.array(y))


def test_one_constant_class_has_no_standard_deviation_of_its_own():
    x, y = np.array([1.0, 1.0, 2.0, 4.0]), np.array([0.0, 0.0, 1.0, 1.0])
    with pytest.raises(ValueError, match="standard deviation"):
        GaussianClasses.fit(x, y, shared=False)
    assert GaussianClasses.fit(x, y).std == pytest.approx(np.sqrt(0.5))


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [([0.0, 2.0], [1.0, 3.0], "two boundaries"), ([1.0, 1.0], [1.0, 1.0], "both means are 1")],
)
def test_a_boundary_that_does_not_exist_is_refused(mean, std, message):
    model = GaussianClasses(np.array(mean), np.array(std), np.array([0.5, 0.5]))
    with pytest.raises(ValueError, match=message):
        model.boundary()


@pytest.mark.parametrize("query", [np.nan, np.inf])
def test_a_query_that_is_not_a_number_has_no_neighbor(query):
    model = NearestNeighbors().fit(np.arange(3.0), np.arange(3.0))
    with pytest.raises(ValueError, match="no nearest example"):
        model.predict(np.array([1.0, query]))


@pytest.mark.parametrize("kind", ["int8", "float16", "object"])
def test_numbers_of_any_type_are_computed_as_floats(kind):
    x = np.array([-100.0, 3.0, 77.0, 120.0])
    y = np.array([0.0, 0.0, 1.0, 1.0])
    other = x.astype(kind)
    classes = GaussianClasses.fit(x, y, shared=False)
    assert mse(other, y) == mse(x, y)
    assert mse(y, other) == mse(y, x)
    assert np.array_equal(Line(0.1, 0.2).predict(other), Line(0.1, 0.2).predict(x))
    assert np.array_equal(NearestNeighbors(2).fit(x, y).predict(other), [0.0, 0.5, 1.0, 1.0])
    assert np.array_equal(classes.joint(other), classes.joint(x))
    assert np.array_equal(classes.log_odds(other), classes.log_odds(x))
    assert classes.log_odds(other).dtype == float


@pytest.mark.parametrize("unit", [2.0**-600, 2.0**600])
def test_the_unit_of_x_divides_the_slope_and_leaves_the_intercept(noisy, unit):
    x, y = noisy
    w, b = least_squares_line(x, y)
    assert least_squares_line(unit * x, y) == pytest.approx((w / unit, b), rel=1e-12)


def test_an_offset_of_the_targets_costs_the_slope_no_digits():
    x = np.array([0.0, 1.0, 3.0])  # the mean is no binary fraction, so x - mean does not sum to 0
    w, _ = least_squares_line(x, 3 * x + 2.0**40)
    assert w == pytest.approx(3, rel=1e-12)


def test_x_may_be_as_large_as_its_square_allows():
    y = np.zeros(2)
    history = Line().fit(np.array([0.0, 1e40]), y, 1e-90, 1)
    assert history[:, 2].tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match="1e\\+60 are too large"):
        Line().fit(np.array([0.0, 1e60]), y, 1e-90, 1)


@pytest.mark.filterwarnings("error")
def test_a_square_that_overflows_is_an_error_and_not_a_warning_too():
    with pytest.raises(ValueError, match="too large"):
        Line().fit(np.array([0.0, 1e160]), np.zeros(2), 0.1, 1)


def test_as_many_neighbors_as_examples_give_the_mean(noisy):
    x, y = noisy
    everywhere = NearestNeighbors(x.size).fit(x, y).predict(np.array([-9.0, 0.5]))
    assert everywhere == pytest.approx([y.mean()] * 2)


def test_of_equally_near_examples_the_first_stored_are_taken():
    x = np.tile([1.0, -1.0], 50)
    neighbors = NearestNeighbors(3).fit(x, np.arange(100.0))
    assert neighbors.predict(np.zeros(1)).tolist() == [1.0]
    x = np.tile([2.0, 1.0], 50)
    neighbors = NearestNeighbors(3).fit(x, np.arange(100.0))
    assert neighbors.predict(np.zeros(1)).tolist() == [3.0]  # of 1, 3 and 5
