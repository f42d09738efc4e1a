"""Regressions against NumPy, statsmodels' formulas and scikit-learn; invariances, bounds and bad
input.
"""

import numpy as np
import pytest
from groundtruth.functional import softmax
from groundtruth.learning import linear_models as lm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
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
