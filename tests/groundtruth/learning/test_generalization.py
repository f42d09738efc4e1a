"""Error taken apart, leave-one-out by brute force, shortest solutions, double descent; bad
input.
"""

from fractions import Fraction

import numpy as np
import pytest
from groundtruth.learning import generalization as gz
from hypothesis import given
from hypothesis import strategies as st
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import LeaveOneOut, cross_val_predict

seeds = st.integers(0, 10_000)


@pytest.mark.parametrize("degree", [0, 1, 3, 6])
def test_bias_variance_and_noise_add_up_to_the_error(degree):
    parts = gz.bias_variance(
        gz.polynomial(degree),
        lambda x: np.sin(np.pi * x),
        np.linspace(-1, 1, 15),
        0.3,
        6000,
        np.random.default_rng(1),
    )
    assert np.isclose(parts.bias2 + parts.variance + parts.noise, parts.error, rtol=0.03)


def test_the_variance_of_least_squares_is_noise_times_parameters_over_n():
    parts = gz.bias_variance(
        gz.polynomial(4), lambda x: x, np.linspace(-1, 1, 25), 0.5, 8000, np.random.default_rng(2)
    )
    assert np.isclose(parts.variance, 0.25 * 5 / 25, rtol=0.03)
    assert parts.bias2 < 1e-3


@given(seeds, st.integers(0, 6))
def test_polynomial_equals_numpys_fit(seed, degree):
    rng = np.random.default_rng(seed)
    x = np.linspace(-1, 1, 12)
    y = rng.normal(size=12)
    at = rng.uniform(-1, 1, 5)
    assert np.allclose(
        gz.polynomial(degree)(x, y)(at), np.polynomial.Polynomial.fit(x, y, degree)(at), atol=1e-8
    )


@given(seeds, st.integers(1, 6))
def test_press_equals_leaving_each_row_out(seed, d):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(20, d))
    y = rng.normal(size=20)
    brute = y - cross_val_predict(LinearRegression(fit_intercept=False), X, y, cv=LeaveOneOut())
    assert np.allclose(gz.press(X, y), brute, atol=1e-10)


@given(seeds, st.integers(1, 30))
def test_min_norm_equals_the_pseudo_inverse(seed, p):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(12, p))
    y = rng.normal(size=12)
    assert np.allclose(gz.min_norm(A, y), np.linalg.pinv(A) @ y, atol=1e-7)


@given(seeds, st.integers(1, 30), st.floats(1e-3, 100))
def test_both_ridge_systems_equal_scikit_learn(seed, p, lam):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(12, p))
    y = rng.normal(size=12)
    w = gz.min_norm(A, y, ridge=lam)
    assert np.allclose(w, Ridge(alpha=lam, fit_intercept=False).fit(A, y).coef_, atol=1e-7)
    assert np.allclose(A @ w, KernelRidge(alpha=lam).fit(A, y).predict(A), atol=1e-7)


def test_the_error_peaks_where_features_meet_examples_and_ridge_removes_the_peak():
    bare, damped = (
        gz.double_descent([20, 60, 400], 5, n=60, d=10, ridge=lam) for lam in (0.0, 1.0)
    )
    assert bare[60] > 3 * max(bare[20], bare[400])
    assert damped[60] < 2 * max(damped[20], damped[400])


def test_random_features_by_hand():
    assert np.allclose(
        gz.random_features([[3.0, 4.0]], [[1.0, -1.0], [0.0, 0.0]]), [[3 / np.sqrt(2), 0.0]]
    )


@given(seeds)
def test_rademacher_lies_below_its_bound_and_scales_with_the_radius(seed):
    X = np.random.default_rng(seed).normal(size=(30, 4))
    one = gz.rademacher(X, 1.0, 400, np.random.default_rng(0))
    # Jensen: E|sum| is at most the root of the sum of squares; 5 % for 400 draws
    assert one <= np.linalg.norm(X) / 30 * 1.05
    assert np.isclose(gz.rademacher(X, 3.0, 400, np.random.default_rng(0)), 3 * one)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: gz.bias_variance(
                gz.polynomial(1), np.sin, [], 0.1, 5, np.random.default_rng(0)
            ),
            "inputs",
        ),
        (
            lambda: gz.bias_variance(
                gz.polynomial(1), np.sin, [1.0], -1, 5, np.random.default_rng(0)
            ),
            "sigma",
        ),
        (lambda: gz.polynomial(-1), "degree"),
        (lambda: gz.press(np.ones((2, 2)), [1.0, 2.0]), "more rows"),
        (lambda: gz.press(np.ones((4, 2)), np.zeros(4)), "depend"),
        (lambda: gz.press(np.eye(3)[:, :2], np.zeros(3)), "leverage 1"),
        (lambda: gz.random_features(np.ones((2, 3)), np.ones((2, 3))), r"\(2, 3\)"),
        (lambda: gz.min_norm(np.ones((2, 2)), [1.0]), "y"),
        (lambda: gz.min_norm(np.ones((2, 2)), [1.0, 1.0], ridge=-1), "ridge"),
        (lambda: gz.double_descent([], 1), "widths"),
        (lambda: gz.rademacher(np.ones((2, 2)), 0.0, 1, np.random.default_rng(0)), "radius"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_parts_are_those_of_the_predictions_that_were_made():
    noises = []
    answers = []
    places = []

    def fit(x, y):
        noises.append(y - x**2)
        answers.append(np.random.default_rng(len(answers)).normal(size=3))
        drawn = answers[-1]

        def predict(at):
            places.append(at)
            return drawn

        return predict

    parts = gz.bias_variance(fit, np.square, [1, 2, 4], 0.0, 5, np.random.default_rng(0))
    assert parts == (parts.bias2, parts.variance, parts.noise, parts.error)
    truth = np.array([1.0, 4.0, 16.0])
    columns = np.array(answers).T  # the five predictions at each of the three inputs
    assert np.isclose(parts.bias2, np.mean((columns.mean(1) - truth) ** 2))
    assert np.isclose(parts.variance, np.mean([np.mean((c - c.mean()) ** 2) for c in columns]))
    assert parts.noise == 0.0
    assert np.isclose(parts.error, np.mean((columns - truth[:, None]) ** 2))
    assert len(noises) == 5
    assert (np.array(noises) == 0).all()  # targets without noise
    assert all(at.dtype == float and at.tolist() == [1, 2, 4] for at in places)


def test_every_fit_sees_noise_of_its_own_around_the_truth():
    targets = []

    def fit(x, y):
        targets.append(y)
        return lambda at: np.zeros(len(at))

    parts = gz.bias_variance(fit, lambda x: x, np.full(40, 7.0), 3.0, 50, np.random.default_rng(0))
    noise = np.array(targets) - 7.0
    assert noise.shape == (50, 40)
    assert len(np.unique(noise)) == 2000
    assert abs(noise.mean()) < 4 * 3 / np.sqrt(2000)  # four standard errors
    assert np.isclose(noise.std(), 3.0, rtol=0.06)
    assert parts.noise == 9.0
    assert parts.bias2 == 49.0
    assert parts.variance == 0.0
    assert np.isclose(parts.error, 49 + 9, rtol=0.06)  # of fresh targets 7 + noise
    drawn = np.random.default_rng(0)
    assert np.allclose(targets, [7 + drawn.normal(0, 3, 40) for _ in range(50)])
    assert np.isclose(parts.error, np.mean((7 + drawn.normal(0, 3, (50, 40))) ** 2))


def constant(x, y):
    return lambda at: np.full(len(at), y.mean())


def test_the_generator_decides_and_two_repetitions_are_enough():
    def parts(seed):
        return gz.bias_variance(constant, np.sin, [0.0, 1.0], 0.5, 2, np.random.default_rng(seed))

    assert parts(1) == parts(1)
    assert parts(1).error != parts(2).error


@pytest.mark.parametrize(
    ("x", "sigma", "reps"),
    [([[1.0, 2.0]], 0.1, 5), ([], 0.1, 5), ([1.0], -0.1, 5), ([1.0], 0.1, 1)],
)
def test_what_cannot_be_taken_apart_is_refused(x, sigma, reps):
    with pytest.raises(ValueError, match="sigma >= 0 and at least two repetitions"):
        gz.bias_variance(constant, np.sin, x, sigma, reps, np.random.default_rng(0))


def test_a_polynomial_of_degree_zero_is_the_mean():
    predict = gz.polynomial(0)(np.array([-1.0, 0.0, 1.0]), np.array([1.0, 2.0, 6.0]))
    assert np.allclose(predict(np.array([0.3, 0.9])), 3.0)


@pytest.mark.parametrize("units", [(1.0, 1e200), (1e-7, 1.0), (1e200, 1e-200)])
def test_leaving_one_out_does_not_depend_on_the_units_of_the_columns(units):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(9, 2))
    y = rng.normal(size=9)
    assert np.allclose(gz.press(X * units, y), gz.press(X, y), rtol=1e-9)


def test_one_more_row_than_columns_can_be_left_out():
    # y = x w through the origin: without row i, w = y_j / x_j
    assert np.allclose(gz.press([[1.0], [2.0]], [3.0, 4.0]), [3 - 1 * 2, 4 - 2 * 3])


def test_a_row_with_nearly_all_leverage_is_left_out_all_the_same():
    # without the last row w = 1, whose residual there is 0 - 1e4
    assert np.allclose(gz.press([[1.0], [1.0], [1e4]], [1.0, 1.0, 0.0])[2], -1e4)


def test_single_precision_is_computed_in_double():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(8, 3)).astype(np.float32)
    y = rng.normal(size=8).astype(np.float32)
    Z = X.astype(float)
    t = y.astype(float)
    generators = [np.random.default_rng(0), np.random.default_rng(0)]
    for ours, want in (
        (gz.press(X, y), gz.press(Z, t)),
        (gz.random_features(X, X.T), gz.random_features(Z, Z.T)),
        (gz.random_features(Z, X.T), gz.random_features(Z, Z.T)),
        (gz.min_norm(X, y), gz.min_norm(Z, t)),
        (gz.min_norm(X, y, 0.5), gz.min_norm(Z, t, 0.5)),
        (gz.min_norm(X.T, y[:3], 0.5), gz.min_norm(Z.T, t[:3], 0.5)),
        (gz.rademacher(X, 1.0, 20, generators[0]), gz.rademacher(Z, 1.0, 20, generators[1])),
    ):
        assert np.allclose(ours, want, rtol=1e-12, atol=1e-15)


def test_exact_numbers_become_floating_ones():
    half = Fraction(1, 2)
    assert np.allclose(gz.press([[half], [half]], [half, 1]), [-0.5, 0.5])
    assert gz.random_features([[half]], [[2.0]]).dtype == float
    assert gz.random_features([[0.5]], [[Fraction(2)]]).tolist() == [[1.0]]
    assert gz.random_features([[0.5]], [[Fraction(2)]]).dtype == float
    assert np.allclose(gz.min_norm([[half]], [half]), 1.0)
    assert np.allclose(gz.min_norm([[0.5]], [half], 0.25), 0.5)
    assert gz.rademacher([[half]], 1.0, 3, np.random.default_rng(0)) == 0.5


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.ones(3), np.ones(3), "more rows than columns"),
        (np.ones((3, 2)), np.ones(4), r"\(3, 2\) and \(4,\)"),
        (np.ones((3, 1)), np.ones((3, 1)), r"\(3, 1\) and \(3, 1\)"),
        (np.ones((2, 2)), np.ones(2), "more rows than columns"),
        ([[1.0], [np.inf]], [1.0, 2.0], "finite"),
        ([[1.0], [2.0]], [1.0, np.nan], "finite"),
        ([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]], [1.0, 2.0, 4.0], "depend on each other"),
        ([[1.0, 1.0], [1.0, 1.0], [1.0, 5.0]], [1.0, 2.0, 4.0], "row 2 decides"),
    ],
)
def test_rows_that_cannot_be_left_out_are_refused(X, y, message):
    with pytest.raises(ValueError, match=message):
        gz.press(X, y)


@pytest.mark.parametrize(
    ("X", "W"),
    [
        (np.ones(3), np.ones((3, 2))),
        (np.ones((2, 3)), np.ones(3)),
        (np.ones((2, 3)), np.ones((2, 3))),
        (np.ones((1, 2, 3)), np.ones((2, 3))),
    ],
)
def test_features_need_as_many_weights_as_columns(X, W):
    with pytest.raises(ValueError, match=r"need X \(n, d\) and W \(d, p\)"):
        gz.random_features(X, W)


@pytest.mark.parametrize(
    ("A", "y", "ridge", "message"),
    [
        (np.ones(3), np.ones(3), 0.0, r"need A \(n, p\)"),
        (np.ones((3, 2)), np.ones(2), 0.0, r"\(3, 2\), \(2,\)"),
        (np.ones((0, 2)), np.ones(0), 0.0, r"need A \(n, p\)"),
        (np.ones((2, 0)), np.ones(2), 0.0, r"need A \(n, p\)"),
        (np.ones((2, 2)), np.ones(2), -0.1, "ridge >= 0"),
        (np.ones((2, 2)), np.ones(2), np.inf, "ridge >= 0"),
        (np.ones((2, 2)), np.ones(2), np.nan, "ridge >= 0"),
        ([[1.0], [np.inf]], [1.0, 2.0], 0.0, "finite"),
        ([[1.0], [2.0]], [1.0, np.nan], 0.0, "finite"),
    ],
)
def test_systems_that_are_none_are_refused(A, y, ridge, message):
    with pytest.raises(ValueError, match=message):
        gz.min_norm(A, y, ridge)


def test_a_ridge_of_one_by_hand():
    # (A'A + I) w = A'y: w = 2 / (1 + 1); two equal columns share 2 * 3 / (2 + 1)
    assert np.allclose(gz.min_norm([[1.0]], [2.0], 1.0), [1.0])
    assert np.allclose(gz.min_norm([[1.0, 1.0]], [3.0], 1.0), [1.0, 1.0])


def test_double_descent_has_stated_defaults_and_seeds():
    plain = gz.double_descent([3, 7], 2)
    full = gz.double_descent([3, 7], 2, n=100, d=20, noise=0.3, ridge=0.0)
    assert plain == full
    assert list(plain) == [3, 7]
    assert all(np.isfinite(error) for error in plain.values())


def test_the_median_over_seeds_lies_between_their_errors():
    one, two, three = (gz.double_descent([5], seeds, n=20, d=4)[5] for seeds in (1, 2, 3))
    other = 2 * two - one  # two seeds: the median is the mean
    assert not np.isclose(one, other)
    assert min(one, other) <= three <= max(one, other)


def test_with_all_weights_at_zero_the_error_is_the_variance_of_the_target():
    error = gz.double_descent([2], 5, n=3, d=300, ridge=1e12)[2]
    assert np.isclose(error, 1.0, rtol=0.15)  # |beta|^2 is 1 +- 0.08


def test_enough_features_and_examples_learn_a_target_without_noise():
    assert gz.double_descent([60], 1, n=300, d=2, noise=0.0)[60] < 1e-2


def test_noise_in_the_targets_costs_noise_variance_times_features_over_examples():
    # least squares on p features: excess error about noise^2 p / (n - p - 1), here 4 * 5 / 194
    quiet = gz.double_descent([5], 15, n=200, d=1, noise=0.0)[5]
    noisy = gz.double_descent([5], 15, n=200, d=1, noise=2.0)[5]
    assert 0.02 < noisy - quiet < 0.3


@pytest.mark.parametrize(("widths", "seeds"), [([], 1), ([3, 0], 1), ([3], 0)])
def test_widths_and_seeds_below_one_are_refused(widths, seeds):
    with pytest.raises(ValueError, match="widths and seeds of at least one"):
        gz.double_descent(widths, seeds)


def test_width_one_is_allowed():
    assert list(gz.double_descent([1], 1, n=5, d=2)) == [1]


def test_signs_do_not_matter_for_rows_at_right_angles():
    # |s1 (3, 0) + s2 (0, 4)| = 5 for all signs: 2 * 5 / 2
    assert gz.rademacher([[3, 0], [0, 4]], 2.0, 1, np.random.default_rng(0)) == 5.0


def test_the_complexity_of_equal_rows_is_that_of_a_walk_of_signs():
    # |s1 + s2 + s3| is 3 for 2 of 8 signs and 1 for 6: 1.5 on average, over n = 3
    value = gz.rademacher(np.ones((3, 1)), 1.0, 20_000, np.random.default_rng(0))
    assert np.isclose(value, 0.5, rtol=0.02)


@pytest.mark.parametrize(
    ("X", "radius", "draws"),
    [
        (np.ones(3), 1.0, 5),
        (np.ones((0, 2)), 1.0, 5),
        (np.ones((2, 2)), 0.0, 5),
        (np.ones((2, 2)), 1.0, 0),
    ],
)
def test_a_complexity_needs_rows_a_radius_and_draws(X, radius, draws):
    with pytest.raises(ValueError, match="a positive radius and draws"):
        gz.rademacher(X, radius, draws, np.random.default_rng(0))


def test_double_descent_equals_scikit_learn_on_the_same_draws():
    rng = np.random.default_rng(0)
    beta = rng.normal(size=4) / 2
    X, X_new = rng.normal(size=(30, 4)), rng.normal(size=(1000, 4))
    y = X @ beta + 0.5 * rng.normal(size=30)
    W = rng.normal(size=(4, 6))
    model = Ridge(alpha=0.1, fit_intercept=False).fit(np.maximum(X @ W / 2, 0), y)
    want = np.mean((model.predict(np.maximum(X_new @ W / 2, 0)) - X_new @ beta) ** 2)
    ours = gz.double_descent([6], 1, n=30, d=4, noise=0.5, ridge=0.1)
    assert np.isclose(ours[6], want, rtol=1e-9)
