"""Regressions against NumPy, statsmodels' formulas and scikit-learn; invariances, bounds and bad
input.
"""

from fractions import Fraction

import numpy as np
import pytest
from groundtruth.functional import softmax
from groundtruth.learning import linear_models as lm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = 1 + X @ [2.0, -1.0, 0.5] + RNG.normal(size=60)
LABEL = (RNG.random(60) < 1 / (1 + np.exp(-X @ [1.0, -1.0, 0.0]))).astype(int)
seeds = st.integers(0, 10_000)


@given(seeds)
def test_ols_equals_lstsq_and_its_residual_is_orthogonal(seed):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(20, 4))
    y = rng.normal(size=20)
    w = lm.ols(A, y)
    assert np.allclose(w, np.linalg.lstsq(lm.design(A), y, rcond=None)[0], atol=1e-9)
    assert np.allclose(lm.design(A).T @ (y - lm.design(A) @ w), 0, atol=1e-9)


@given(seeds, st.floats(0.1, 10), st.floats(-5, 5))
def test_predictions_do_not_depend_on_units(seed, factor, shift):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(15, 2))
    y = rng.normal(size=15)
    moved = A * [factor, 1.0] + shift
    assert np.allclose(lm.design(A) @ lm.ols(A, y), lm.design(moved) @ lm.ols(moved, y), atol=1e-8)


def test_summary_equals_the_textbook():
    s = lm.ols_summary(X, Y)
    A = lm.design(X)
    inverse = np.linalg.inv(A.T @ A)
    e = Y - A @ s.coef
    variance = e @ e / 56
    assert np.allclose(s.se, np.sqrt(variance * np.diag(inverse)))
    assert np.allclose(s.high - s.coef, stats.t.ppf(0.975, 56) * s.se)
    assert s.sigma == pytest.approx(np.sqrt(variance))
    assert s.r2 == pytest.approx(LinearRegression().fit(X, Y).score(X, Y))
    assert np.allclose(s.leverage, np.diag(A @ inverse @ A.T))
    assert s.leverage.sum() == pytest.approx(4)


def test_one_column_equals_scipy_linregress():
    s = lm.ols_summary(X[:, :1], Y)
    theirs = stats.linregress(X[:, 0], Y)
    assert np.allclose(
        [s.coef[1], s.coef[0], s.se[1], s.se[0]],
        [theirs.slope, theirs.intercept, theirs.stderr, theirs.intercept_stderr],
    )


def test_cook_distance_is_the_shift_of_all_predictions():
    s = lm.ols_summary(X, Y)
    A = lm.design(X)
    i = 7
    rest = np.arange(60) != i
    shift = A @ s.coef - A @ lm.ols(X[rest], Y[rest])
    assert s.cook[i] == pytest.approx(shift @ shift / (4 * s.sigma**2))


def test_vif_equals_its_definition():
    Z = np.column_stack([X, X[:, 0] + 0.3 * X[:, 1] + 0.1 * RNG.normal(size=60)])
    r2 = [
        LinearRegression().fit(np.delete(Z, j, 1), Z[:, j]).score(np.delete(Z, j, 1), Z[:, j])
        for j in range(4)
    ]
    assert np.allclose(lm.vif(Z), 1 / (1 - np.array(r2)))


@pytest.mark.parametrize("l2", [0.0, 0.01, 1.0])
def test_irls_equals_sklearn_and_has_zero_gradient(l2):
    w, steps = lm.logistic_irls(X, LABEL, l2)
    theirs = LogisticRegression(
        C=np.inf if l2 == 0 else 1 / (l2 * 60), tol=1e-10, max_iter=10_000
    ).fit(X, LABEL)
    assert np.allclose(w, np.append(theirs.intercept_, theirs.coef_), atol=1e-4)
    assert steps <= 15
    assert np.abs(lm.logistic_loss(w, lm.design(X), LABEL, l2)[1]).max() < 1e-9


def test_descent_reaches_the_same_weights():
    assert np.allclose(
        lm.logistic_gd(X, LABEL, 0.5, 5000, 0.1), lm.logistic_irls(X, LABEL, 0.1)[0], atol=1e-8
    )


@given(seeds)
def test_the_gradient_equals_differences_and_the_loss_is_convex(seed):
    rng = np.random.default_rng(seed)
    A = lm.design(rng.normal(size=(10, 2)))
    y = rng.integers(0, 2, 10)
    v = rng.normal(size=3)
    w = rng.normal(size=3)
    h = 1e-6

    def loss(u):
        return lm.logistic_loss(u, A, y, 0.1)[0]

    assert np.allclose(
        lm.logistic_loss(w, A, y, 0.1)[1],
        [(loss(w + e) - loss(w - e)) / (2 * h) for e in h * np.eye(3)],
        atol=1e-7,
    )
    assert loss((v + w) / 2) <= (loss(v) + loss(w)) / 2 + 1e-12


def test_the_loss_of_extreme_scores_is_finite():
    value, gradient = lm.logistic_loss([0.0, 1e4], lm.design([[1.0], [-1.0]]), [0, 1])
    assert value == pytest.approx(1e4)
    assert np.isfinite(gradient).all()


def test_separable_labels_are_named_and_newton_survives_a_hard_problem():
    with pytest.raises(ValueError, match="separates"):
        lm.logistic_irls(np.arange(8.0)[:, None], np.arange(8) > 3)
    Z, y = load_breast_cancer(return_X_y=True)
    w, steps = lm.logistic_irls((Z - Z.mean(0)) / Z.std(0), y, 0.01)
    assert steps <= 15
    assert np.isfinite(w).all()


def test_softmax_regression_equals_sklearn_and_two_classes_equal_the_sigmoid():
    Z, y = load_iris(return_X_y=True)
    W = lm.softmax_regression(Z, y, 3, 0.05)
    theirs = LogisticRegression(C=1 / (0.05 * 150), tol=1e-10, max_iter=10_000).fit(Z, y)
    assert np.allclose(W[1:], theirs.coef_.T, atol=1e-4)
    assert np.allclose(softmax(lm.design(Z) @ W), theirs.predict_proba(Z), atol=1e-5)
    two = lm.softmax_regression(X, LABEL, 2, 0.1)
    assert np.allclose(two.sum(1), 0, atol=1e-5)
    assert np.allclose(two[1:, 1] - two[1:, 0], lm.logistic_irls(X, LABEL, 0.05)[0][1:], atol=1e-4)


@settings(max_examples=30)
@given(seeds)
def test_the_perceptron_stops_within_its_bound_and_equals_sklearn(seed):
    rng = np.random.default_rng(seed)
    star = rng.normal(size=3)
    Z = rng.normal(size=(40, 2))
    score = lm.design(Z) @ star
    Z = Z[np.abs(score) > 0.3]
    sign = np.sign(score[np.abs(score) > 0.3])
    if len(set(sign)) < 2:
        return
    w, mistakes, done = lm.perceptron(Z, sign, 10_000)
    gamma = (sign * (lm.design(Z) @ star)).min() / np.linalg.norm(star)
    R = np.linalg.norm(lm.design(Z), axis=1).max()
    assert done
    assert mistakes <= (R / gamma) ** 2
    assert (sign * (lm.design(Z) @ w) > 0).all()
    theirs = Perceptron(shuffle=False, tol=None, max_iter=7).fit(Z, sign)
    assert np.allclose(lm.perceptron(Z, sign, 7)[0], np.append(theirs.intercept_, theirs.coef_))


TWO = [[0.0], [1.0]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lm.design([1.0]), r"X\[:, None\]"),
        (lambda: lm.design([]), "need a table"),
        (lambda: lm.design([[np.nan]]), "NaN"),
        (lambda: lm.ols(TWO, [1.0]), r"\(2,\), got \(1,\)"),
        (lambda: lm.ols(TWO, [1.0, np.inf]), "finite"),
        (lambda: lm.ols([[1.0, 2.0]], [1.0]), "3 coefficients"),
        (lambda: lm.ols([[1.0], [1.0], [1.0]], [1.0, 2.0, 3.0]), "column 1"),
        (lambda: lm.ols_summary(TWO, [0.0, 1.0]), "more than 2 rows"),
        (lambda: lm.ols_summary(X, Y, level=1.0), "level"),
        (lambda: lm.vif([[1.0], [2.0]]), "two columns"),
        (lambda: lm.vif([[1.0, 2.0], [1.0, 3.0]]), "constant"),
        (lambda: lm.logistic_gd(TWO, [0, 2], 0.1, 1), "0 or 1"),
        (lambda: lm.logistic_gd(TWO, [0], 0.1, 1), r"\(2,\)"),
        (lambda: lm.logistic_gd(TWO, [0, 1], 0.0, 1), "lr > 0"),
        (lambda: lm.logistic_irls(TWO, [0, 1], -1.0), "l2"),
        (lambda: lm.logistic_irls(TWO, ["a", "b"]), "could not convert"),
        (lambda: lm.softmax_regression(TWO, [0, 3], 3, 0.1), r"\[0, 3\)"),
        (lambda: lm.softmax_regression(TWO, [0.0, 1.0], 2, 0.1), "whole numbers"),
        (lambda: lm.softmax_regression(TWO, [0, 1], 2, 0.0), "not unique"),
        (lambda: lm.perceptron(TWO, [0, 1], 5), "-1 or"),
        (lambda: lm.perceptron(TWO, [1, -1], 0), "epochs"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_exact_numbers_become_floating_ones():
    half = Fraction(1, 2)
    assert lm.design([[half], [1]]).tolist() == [[1.0, 0.5], [1.0, 1.0]]
    assert lm.design([[half], [1]]).dtype == float
    assert np.allclose(lm.ols([[half], [1], [2]], [half, 1, 2]), [0, 1])
    assert np.allclose(lm.ols_summary([[half], [1], [2]], [half, 1, 2]).coef, [0, 1], atol=1e-12)
    assert lm.logistic_gd([[-1], [1]], [Fraction(0), Fraction(1)], 1.0, 1).tolist() == [0.0, 0.5]
    w, mistakes, done = lm.perceptron([[1], [-1]], [Fraction(1), Fraction(-1)], 9)
    assert (w.dtype, w.tolist(), mistakes, done) == (float, [0.0, 2.0], 2, True)
    value, gradient = lm.logistic_loss([0, half], lm.design([[2]]), [half])
    # z = 1: ln(1 + e) - 1/2
    assert np.isclose(value, np.log1p(np.e) - 0.5)
    assert np.allclose(gradient, np.array([1, 2]) * (1 / (1 + np.exp(-1)) - 0.5))
    assert gradient.dtype == float
    assert lm.logistic_loss([0, half], lm.design([[2]]), [1], 0.5)[1].dtype == float
    assert lm.logistic_loss([0, 1.0], lm.design([[2]]), [half], 0.5)[1].dtype == float


@pytest.mark.parametrize("X", [[1.0], np.ones((2, 2, 2)), np.ones((0, 2)), np.ones((2, 0)), 3.0])
def test_only_a_table_has_a_design(X):
    with pytest.raises(ValueError, match=r"need a table \(n, d\) with n, d >= 1"):
        lm.design(X)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(wrong):
    with pytest.raises(ValueError, match="table holds NaN or infinity"):
        lm.design([[1.0, 2.0], [3.0, wrong]])
    with pytest.raises(ValueError, match="one finite target per row"):
        lm.ols([[1.0], [2.0]], [1.0, wrong])
    with pytest.raises(ValueError, match=r"shape \(2,\), got \(2, 1\)"):
        lm.ols([[1.0], [2.0]], [[1.0], [2.0]])


def test_as_many_rows_as_coefficients_are_met_exactly():
    assert np.allclose(lm.ols([[1.0], [3.0]], [5.0, 9.0]), [3.0, 2.0])
    with pytest.raises(ValueError, match="2 coefficients need at least as many rows, got 1"):
        lm.ols([[1.0]], [5.0])


def exact_line(x, y):
    """Intercept and slope in fractions."""
    x = [Fraction(v) for v in x]
    y = [Fraction(v) for v in y]
    a = sum(x) / len(x)
    b = sum(y) / len(y)
    top = sum((u - a) * (v - b) for u, v in zip(x, y, strict=True))
    slope = top / sum((u - a) ** 2 for u in x)
    return [float(b - slope * a), float(slope)]


@pytest.mark.parametrize("offset", [0.0, 900.0, 2e3, 1e5, 1e9, -1e9, 1e12])
@pytest.mark.parametrize("unit", [1.0, 1e-9, 1e9])
def test_a_line_keeps_its_digits_beside_any_offset(offset, unit):
    x = unit * (offset + np.array([0.0, 0.5, 1.0, 2.0]))
    y = [1.0, -1.0, 2.0, 4.0]
    ours = lm.ols(x[:, None], y)
    assert np.allclose(ours[1], exact_line(x, y)[1], rtol=1e-9)
    assert np.allclose(ours[0], exact_line(x, y)[0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("columns", "which"),
    [
        ([[0.0, 0.0, 0.0, 0.0]], 1),
        ([[1.0, 2.0, 4.0, 5.0], [0.1, 0.1, 0.1, 0.1]], 2),
        ([[1.0, 2.0, 4.0, 5.0], [3.0, 5.0, 9.0, 11.0]], 2),
        ([[3.0, 3.0, 3.0, 3.0], [1.0, 2.0, 4.0, 5.0]], 1),
    ],
)
def test_the_column_that_says_nothing_new_is_named(columns, which):
    with pytest.raises(ValueError, match=rf"column {which} of \[1, X\] depends on those before"):
        lm.ols(np.transpose(columns), [1.0, 2.0, 3.0, 5.0])


def test_a_column_nearly_like_another_is_kept():
    x = np.array([1.0, -1.0, 2.0, -2.0, 0.5])
    more = np.array([1.0, 1.0, -1.0, -1.0, 0.0])
    X = np.column_stack([x, x + 2.0**-36 * more])
    # y = 3 + x + 2^36 (second - first)
    w = lm.ols(X, 3 + x + more)
    assert np.allclose(w[2], 2.0**36, rtol=1e-4)
    assert np.allclose(w[0], 3.0, atol=1e-3)


def test_coefficients_are_reported_with_their_limits():
    s = lm.ols_summary(X, Y)
    assert np.allclose(s.t, s.coef / s.se)
    assert np.allclose(s.coef - s.low, s.high - s.coef)
    assert np.array_equal(s.low, lm.ols_summary(X, Y, level=0.95).low)
    narrow = lm.ols_summary(X, Y, level=0.5)
    assert np.allclose(narrow.high - narrow.coef, stats.t.ppf(0.75, 56) * s.se)
    assert np.allclose(s.coef, lm.ols(X, Y))
    assert isinstance(s.sigma, float)
    assert isinstance(s.r2, float)


def test_every_cook_distance_is_the_shift_of_all_predictions_without_its_row():
    s = lm.ols_summary(X[:9], Y[:9])
    A = lm.design(X[:9])
    for i in range(9):
        shift = A @ (s.coef - lm.ols(np.delete(X[:9], i, 0), np.delete(Y[:9], i)))
        assert np.isclose(s.cook[i], shift @ shift / (4 * s.sigma**2))


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, 95.0, np.nan])
def test_a_level_outside_of_0_and_1_is_refused(level):
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        lm.ols_summary(X, Y, level=level)


def test_one_row_more_than_coefficients_has_standard_errors():
    # y = x^2 at -1, 0, 1: mean 2/3, slope 0; residuals 1/3, -2/3, 1/3, variance 2/3
    s = lm.ols_summary([[-1.0], [0.0], [1.0]], [1.0, 0.0, 1.0])
    assert np.allclose(s.coef, [2 / 3, 0], atol=1e-12)
    assert np.allclose(s.se, np.sqrt([2 / 9, 1 / 3]))
    assert np.isclose(s.sigma, np.sqrt(2 / 3))
    assert np.isclose(s.r2, 0.0, atol=1e-12)


@pytest.mark.filterwarnings("error")
def test_a_perfect_fit_has_no_warning():
    s = lm.ols_summary([[1.0], [2.0], [3.0]], [0.0, 0.0, 0.0])
    assert np.isnan(s.r2)
    assert s.sigma == 0.0
    assert np.isnan(s.t).all()
    assert np.isnan(s.cook).all()
    for n, x in ((6, 5.0), (11, 1.0), (11, 2.0)):
        s = lm.ols_summary([[0.0]] * (n - 1) + [[x]], np.arange(n) ** 1.5)
        assert np.isclose(s.leverage[-1], 1.0)  # the last row decides its own prediction


@pytest.mark.parametrize("value", [0.1, 0.3, 1e9 + 0.1])
def test_targets_that_do_not_vary_have_no_r2(value):
    assert np.isnan(lm.ols_summary(X[:7], np.full(7, value)).r2)
    assert lm.ols_summary([[0.0], [1.0], [3.0]], [value, value, value + 1]).r2 > 0.5


@pytest.mark.parametrize("unit", [1e-200, 1e-100, 1e100, 1e200])
def test_standard_errors_stay_in_range_in_any_unit(unit):
    plain = lm.ols_summary(X, Y)
    s = lm.ols_summary(X * unit, Y)
    assert np.allclose(s.se[1:] * unit, plain.se[1:], rtol=1e-9)
    assert np.allclose(s.se[0], plain.se[0], rtol=1e-9)


def test_inflation_of_two_columns_by_hand():
    # r^2 = 2^2 / (2 * 4) = 1/2, for both
    x = np.array([1.0, 0.0, -1.0, 0.0])
    z = np.array([1.0, 1.0, -1.0, -1.0])
    assert np.allclose(lm.vif(np.column_stack([x, z])), 2.0)
    assert np.allclose(lm.vif(np.column_stack([x + 7, 100 - 3 * z])), 2.0)


def test_inflation_is_never_below_one():
    rng = np.random.default_rng(1)
    for _ in range(50):
        Q = np.linalg.qr(rng.normal(size=(9, 4)) - 0.5)[0]
        assert (lm.vif(Q - Q.mean(0)) >= 1.0).all()
    hadamard = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    assert np.allclose(lm.vif(hadamard), 1.0)


@pytest.mark.filterwarnings("error")
def test_an_exact_combination_inflates_without_bound_and_without_a_warning():
    x = np.array([1.0, 2.0, 4.0, 7.0])
    z = np.array([1.0, -1.0, 1.0, 3.0])
    other = np.array([1.0, -1.0, -1.0, 1.0])
    inflation = lm.vif(np.column_stack([x, 2 * x + 1, other]))
    assert np.isinf(inflation[:2]).all()
    assert np.isfinite(inflation[2])
    assert np.isinf(lm.vif(np.column_stack([x, z, x - z]))).all()


@pytest.mark.parametrize("X", [[[1.0], [2.0]], [[1.0, 5.0], [2.0, 5.0]], [[0.1, 1.0], [0.1, 2.0]]])
def test_inflation_needs_two_columns_that_vary(X):
    with pytest.raises(ValueError, match="at least two columns, none of them constant"):
        lm.vif(X)


@pytest.mark.parametrize("y", [[0, 0.5], [0, -1], [[0, 1]], [0, 1, 1], [0, np.nan]])
def test_labels_are_0_or_1_one_per_row(y):
    with pytest.raises(ValueError, match=r"labels must be 0 or 1, one per row: shape \(2,\)"):
        lm.logistic_gd([[1.0], [2.0]], y, 0.1, 1)
    with pytest.raises(ValueError, match=r"labels must be 0 or 1, one per row: shape \(2,\)"):
        lm.logistic_irls([[1.0], [2.0]], y)


def test_the_loss_by_hand():
    # z = 1 + 2 x = (3, -1): softplus(3) - 3, softplus(-1); penalty 0.3 / 2 * 2^2 without intercept
    A = lm.design([[1.0], [-1.0]])
    value, gradient = lm.logistic_loss([1.0, 2.0], A, [1, 0], 0.3)
    assert np.isclose(value, (np.log1p(np.exp(-3)) + np.log1p(np.exp(-1))) / 2 + 0.6)
    p = 1 / (1 + np.exp([-3.0, 1.0]))
    assert np.allclose(gradient, [(p[0] - 1 + p[1]) / 2, (p[0] - 1 - p[1]) / 2 + 0.6])
    assert isinstance(value, float)
    plain, slope = lm.logistic_loss([1.0, 2.0], A, [1, 0])
    assert np.isclose(plain, value - 0.6)
    assert np.allclose(slope, gradient - [0, 0.6])


def test_each_step_of_descent_follows_the_gradient():
    w = np.zeros(4)
    for steps in range(4):
        assert np.allclose(lm.logistic_gd(X, LABEL, 0.7, steps, 0.2), w, atol=1e-12)
        w = w - 0.7 * lm.logistic_loss(w, lm.design(X), LABEL, 0.2)[1]
    assert np.array_equal(lm.logistic_gd(X, LABEL, 0.7, 3), lm.logistic_gd(X, LABEL, 0.7, 3, 0.0))


@pytest.mark.parametrize(
    ("lr", "steps", "l2"),
    [
        (0.0, 1, 0.0),
        (-0.1, 1, 0.0),
        (np.inf, 1, 0.0),
        (np.nan, 1, 0.0),
        (0.1, -1, 0.0),
        (0.1, 1, -0.1),
        (0.1, 1, np.inf),
        (0.1, 1, np.nan),
    ],
)
def test_rates_steps_and_penalties_that_are_none_are_refused(lr, steps, l2):
    with pytest.raises(ValueError, match=f"got {lr}, {steps} and {l2}"):
        lm.logistic_gd(TWO, [0, 1], lr, steps, l2)


@pytest.mark.parametrize("l2", [-0.1, np.inf, np.nan])
def test_a_penalty_of_newton_must_be_finite_and_not_negative(l2):
    with pytest.raises(ValueError, match="l2 must be >= 0"):
        lm.logistic_irls(TWO, [0, 1], l2)


def test_newton_has_no_penalty_by_default_and_stops_at_its_tolerance():
    w, steps = lm.logistic_irls(X, LABEL)
    same, count = lm.logistic_irls(X, LABEL, 0.0, 1e-10)
    assert np.array_equal(w, same)
    assert steps == count
    assert np.abs(lm.logistic_loss(w, lm.design(X), LABEL)[1]).max() < 1e-10
    _, rough = lm.logistic_irls(X, LABEL, tol=1e-3)
    assert rough < steps
    # at zero the gradient is (1/2 - 1/2, ...): equal halves of labels at the same places
    assert lm.logistic_irls([[1.0], [1.0], [2.0], [2.0]], [0, 1, 0, 1])[1] == 1


def test_a_newton_step_by_hand():
    # x = +-1, 3 of 4 labels agree with the sign: p = 3/4 at x = 1, w = (0, ln 3)
    w, _ = lm.logistic_irls([[1.0]] * 4 + [[-1.0]] * 4, [1, 1, 1, 0, 0, 0, 0, 1])
    assert np.allclose(w, [0, np.log(3)], atol=1e-12)
    # first step from zero: gradient -1/4 in w1, curvature 1/4: w1 = 1
    w, steps = lm.logistic_irls([[1.0]] * 4 + [[-1.0]] * 4, [1, 1, 1, 0, 0, 0, 0, 1], tol=0.02)
    assert steps == 1
    assert np.allclose(w, [0, 1], atol=1e-12)


@pytest.mark.parametrize("seed", [9, 25, 36, 65, 87])
def test_few_rows_in_many_columns_converge_with_a_small_penalty(seed):
    # near the optimum losses differ by rounding only, which must not halve the steps
    Z = np.random.default_rng(seed).normal(size=(12, 6))
    label = np.repeat([0.0, 1.0], 6)
    w, steps = lm.logistic_irls(Z, label, 1e-3)
    assert steps <= 15
    assert np.abs(lm.logistic_loss(w, lm.design(Z), label, 1e-3)[1]).max() < 1e-9


@pytest.mark.parametrize("offset", [0.0, 5e2, 1e4, 1e6])
def test_a_penalty_leaves_the_intercept_to_any_offset(offset):
    w, steps = lm.logistic_irls(X, LABEL, 0.01)
    moved, count = lm.logistic_irls(X + offset, LABEL, 0.01)
    assert np.allclose(moved[1:], w[1:], rtol=1e-6)
    assert np.isclose(moved[0], w[0] - offset * w[1:].sum(), rtol=1e-6, atol=1e-6)
    assert abs(steps - count) <= 1


@pytest.mark.parametrize("unit", [1e-6, 1e-3, 1.0, 1e3, 1e6])
def test_a_penalty_belongs_to_the_weights_of_the_columns_as_they_are(unit):
    w, _ = lm.logistic_irls(X, LABEL, 0.1)
    scaled, _ = lm.logistic_irls(X * unit, LABEL, 0.1 * unit**2)
    assert np.allclose(scaled[1:] * unit, w[1:], rtol=1e-7)
    assert np.isclose(scaled[0], w[0], rtol=1e-7)
    W = lm.softmax_regression(X, LABEL, 2, 0.1)
    V = lm.softmax_regression(X * unit, LABEL, 2, 0.1 * unit**2)
    assert np.allclose(V[1:] * unit, W[1:], atol=1e-5)


@pytest.mark.parametrize(
    ("labels", "K"),
    [([0, 3], 3), ([-1, 0], 3), ([0.0, 1.0], 2), ([0], 2), ([[0, 1]], 2), ([True, False], 2)],
)
def test_classes_are_whole_numbers_below_K(labels, K):
    with pytest.raises(ValueError, match=rf"labels must be whole numbers in \[0, {K}\)"):
        lm.softmax_regression(TWO, labels, K, 0.1)


@pytest.mark.parametrize("l2", [0.0, -0.1, np.inf, np.nan])
def test_the_penalty_of_classes_must_be_positive_and_finite(l2):
    with pytest.raises(ValueError, match="l2 must be positive"):
        lm.softmax_regression(TWO, [0, 1], 2, l2)


def test_weights_and_intercepts_of_classes_sum_to_zero_and_have_no_gradient():
    Z, y = load_iris(return_X_y=True)
    W = lm.softmax_regression(Z, y, 4, 0.05)  # no example has the last class
    assert W.shape == (5, 4)
    assert abs(W[0].sum()) < 1e-12
    assert np.allclose(W.sum(1), 0, atol=1e-4)
    three = lm.softmax_regression(Z, y, 3, 0.05)
    A = lm.design(Z)
    gradient = A.T @ (softmax(A @ three) - np.eye(3)[y]) / 150
    gradient[1:] += 0.05 * three[1:]
    assert np.abs(gradient).max() < 1e-5


def test_the_perceptron_by_hand():
    # rows (1, 2) then (1, 1) for labels +1, -1: w = (1, 2); 3 > 0 is a mistake, w = (0, 1);
    # second epoch: 2 right; 1 > 0 is a mistake, w = (-1, 0); third: -1, w = (0, 2); -> (-1, 1)
    w, mistakes, done = lm.perceptron([[2.0], [1.0]], [1, -1], 3)
    assert (w.tolist(), mistakes, done) == ([-1.0, 1.0], 5, False)
    assert lm.perceptron([[2.0], [1.0]], [1, -1], 1)[1:] == (2, False)
    assert lm.perceptron([[2.0]], [1], 1)[1:] == (1, False)
    assert lm.perceptron([[2.0]], [1], 2)[1:] == (1, True)


@pytest.mark.parametrize("y", [[0, 1], [1, 2], [1], [[1, -1]], [1, np.nan]])
def test_signs_are_minus_or_plus_one_one_per_row(y):
    with pytest.raises(ValueError, match=r"labels must be -1 or \+1, one per row: shape \(2,\)"):
        lm.perceptron(TWO, y, 5)


def test_offsets_of_opposite_signs_cost_no_digits():
    # offsets and entries are multiples of 2^-10, so the moved table is exact
    Z = np.round(X[:9, :2] * 1024) / 1024
    moved = Z + np.array([2.0**30, -(2.0**30)])
    assert np.allclose(lm.ols(moved, Y[:9])[1:], lm.ols(Z, Y[:9])[1:], rtol=1e-12)


def newton(X, y, l2, tol, divisor=1.0):
    """The definition: full steps, halved while they raise the loss, until no entry of the gradient
    in the units of the columns over the divisor is larger than tol.
    """
    A = lm.design(X)
    d = A.shape[1] - 1
    w = np.zeros(d + 1)
    for step in range(1, 101):
        p = expit(A @ w)
        loss, gradient = lm.logistic_loss(w, A, y, l2)
        H = sum(q * (1 - q) * np.outer(a, a) for q, a in zip(p, A, strict=True)) / len(A)
        move = np.linalg.solve(H + l2 * np.diag([0.0, *np.ones(d)]), gradient)
        while lm.logistic_loss(w - move, A, y, l2)[0] > loss * (1 + 1e-12):
            move = move / 2
        w = w - move
        gradient = lm.logistic_loss(w, A, y, l2)[1] / np.append(1.0, np.full(d, divisor))
        if np.abs(gradient).max() < tol:
            return w, step
    raise AssertionError("no convergence")


@pytest.mark.parametrize("tol", [3e-1, 1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 1e-4, 1e-6])
@pytest.mark.parametrize("power", [-14, -11, -10, -3, 0, 3, 10, 11, 14])
def test_newton_stops_at_its_tolerance_in_units_between_a_thousandth_and_a_thousand(power, tol):
    # beyond 2^-10 and 2^10 columns are divided by their power of two
    unit = 2.0**power
    Z = np.array([[1.0, -0.5], [0.25, 1.0], [-1.0, 0.5], [0.5, 0.75], [-0.25, -1.0], [0.5, 0.25]])
    y = [1, 0, 0, 1, 0, 1]
    divisor = unit if abs(power) > 10 else 1.0
    w, steps = lm.logistic_irls(Z * unit, y, 0.01 * unit**2, tol)
    want, count = newton(Z * unit, y, 0.01 * unit**2, tol, divisor)
    assert steps == count
    assert np.allclose(w, want, rtol=1e-6)


@pytest.mark.parametrize(("seed", "l2"), [(108, 1e-6), (108, 1e-4), (108, 1e-3), (361, 1e-4)])
def test_newton_halves_steps_that_would_raise_the_loss(seed, l2):
    rng = np.random.default_rng(seed)
    Z = np.exp(2 * rng.normal(size=(20, 4)))  # on a few far rows the full steps go too far
    y = (rng.random(20) < 0.3).astype(float)
    w, steps = lm.logistic_irls(Z, y, l2)
    want, count = newton(Z, y, l2, 1e-10)
    assert steps == count
    assert np.allclose(w, want, rtol=1e-5)


def test_inflation_keeps_its_digits_beside_a_large_offset():
    offset = np.array([2.0**40, -(2.0**40), 2.0**30])
    moved = X[:11] + offset
    Z = moved - offset  # exact
    # 1 / (1 - R2) is the diagonal of the inverse covariance times the variance
    want = np.var(Z, axis=0, ddof=1) * np.diag(np.linalg.inv(np.cov(Z.T)))
    assert np.allclose(lm.vif(moved), want, rtol=1e-12, atol=0)


def test_inflation_of_nearly_equal_columns_by_hand():
    # the second column leaves 2^-25 z of the first, |x|^2 = |z|^2 = 4, x'z = 0
    x = np.array([1.0, 1.0, -1.0, -1.0])
    z = np.array([1.0, -1.0, 1.0, -1.0])
    assert np.allclose(lm.vif(np.column_stack([x, x + 2.0**-25 * z])), 2.0**50, rtol=1e-6)


def test_one_row_has_weights_of_classes():
    W = lm.softmax_regression([[2.0]], [1], 2, 0.1)
    A = lm.design([[2.0]])
    gradient = A.T @ (softmax(A @ W) - [[0.0, 1.0]])
    gradient[1] += 0.1 * W[1]
    assert np.abs(gradient).max() < 1e-4


@pytest.mark.filterwarnings("error")
def test_softmax_regression_is_quiet():
    W = lm.softmax_regression(X, LABEL, 2, 0.1)
    assert np.isfinite(W).all()


def test_columns_on_which_the_search_does_not_converge_are_named():
    rng = np.random.default_rng(3)
    Z = rng.normal([500.0, 300.0, -200.0, 1.0, 90.0], [0.05, 300.0, 0.1, 100.0, 1.0], size=(30, 5))
    with pytest.raises(FloatingPointError, match="in 5000 steps .* standardize the columns"):
        lm.softmax_regression(Z, rng.integers(0, 4, 30), 4, 1e-4)


@pytest.mark.parametrize("tol", [3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 1e-3, 1e-4, 1e-5, 1e-6])
def test_a_column_far_from_zero_is_measured_from_its_first_value(tol):
    Z = np.round(1024 * X) / 16  # multiples of 1/16 between -200 and 200
    w, steps = lm.logistic_irls(Z + 2.0**26, LABEL, 1.0, tol)
    want, count = newton(Z - Z[0], LABEL, 1.0, tol)
    assert steps == count
    assert np.allclose(w[1:], want[1:], rtol=1e-6, atol=0)


def test_newton_says_when_rounding_keeps_it_from_its_tolerance():
    with pytest.raises(FloatingPointError, match="no convergence in 100 steps: standardize"):
        lm.logistic_irls(X, LABEL, 0.01, tol=0.0)
