"""Penalties against scikit-learn, their conditions, their paths and their invariances; bad
input.
"""

import numpy as np
import pytest
from groundtruth.learning import regularization as reg
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import ElasticNet, Lasso, Ridge, lars_path, lasso_path

seeds = st.integers(0, 10_000)
lams = st.floats(1e-3, 10)


def problem(seed, n=30, d=6):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)
    return X, X @ rng.normal(size=d) + rng.normal(size=n) + 3


def round_problem(seed, n=30, d=6):
    """As `problem`, with columns drawn apart: the path goes down to no penalty at all, where
    near-collinear columns lose digits.
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) + rng.normal(size=d)
    return X, X @ rng.normal(size=d) + rng.normal(size=n) + 3


@given(seeds, st.floats(0, 100), st.sampled_from([(30, 6), (5, 8)]))
def test_ridge_equals_scikit_learn(seed, lam, size):
    X, y = problem(seed, *size)
    w, b = reg.ridge(X, y, lam + 1e-6)
    want = Ridge(alpha=lam + 1e-6, solver="svd").fit(X, y)
    assert np.allclose(w, want.coef_, atol=1e-6, rtol=1e-5)
    assert np.isclose(b, want.intercept_, atol=1e-5)


@given(seeds, lams)
def test_ridge_is_least_squares_on_more_rows_and_its_trace_is_its_degrees_of_freedom(seed, lam):
    X, y = problem(seed)
    A = X - X.mean(0)
    t = y - y.mean()
    more = np.linalg.lstsq(
        np.vstack([A, np.sqrt(lam) * np.eye(6)]), np.concatenate([t, np.zeros(6)]), rcond=None
    )[0]
    assert np.allclose(reg.ridge(X, y, lam)[0], more, atol=1e-7)
    assert np.isclose(
        reg.ridge_df(X, lam),
        np.trace(A @ np.linalg.solve(A.T @ A + lam * np.eye(6), A.T)),
        atol=1e-8,
    )


def test_no_penalty_is_least_squares_also_for_dependent_columns():
    X, y = problem(1)
    twice = np.column_stack([X, X[:, 0]])
    assert np.allclose(
        reg.ridge(twice, y, 0.0)[0],
        np.linalg.pinv(twice - twice.mean(0)) @ (y - y.mean()),
        atol=1e-8,
    )


@given(seeds, st.floats(0.01, 3), st.floats(0.05, 1))
def test_the_elastic_net_equals_scikit_learn_and_meets_its_conditions(seed, lam, mix):
    X, y = problem(seed)
    w, b = reg.elastic_net(X, y, lam, mix)
    want = ElasticNet(alpha=lam, l1_ratio=mix, tol=1e-12, max_iter=200_000).fit(X, y)
    assert np.allclose(w, want.coef_, atol=1e-5)
    assert np.isclose(b, want.intercept_, atol=1e-4)
    assert reg.kkt_gap(X, y, w, lam, mix) < 1e-7


@given(seeds)
def test_the_lasso_is_zero_from_the_largest_correlation_on(seed):
    X, y = problem(seed)
    top = np.abs((X - X.mean(0)).T @ (y - y.mean())).max() / len(X)
    assert (reg.elastic_net(X, y, top * 1.0001)[0] == 0).all()
    assert (reg.elastic_net(X, y, top * 0.99)[0] != 0).sum() >= 1


@given(seeds, st.sampled_from([(30, 6), (40, 15), (8, 12)]))
def test_the_path_equals_scikit_learns_two(seed, size):
    X, y = round_problem(seed, *size)
    A = X - X.mean(0)
    t = y - y.mean()
    corners, W = reg.lasso_corners(X, y)
    assert (np.diff(corners) <= 0).all()
    for lam, w in zip(corners[:-1], W[:-1], strict=True):
        assert reg.kkt_gap(X, y, w, lam) < 1e-6 * max(corners[0], 1)
    grid = np.geomspace(corners[0], corners[0] * 0.05, 12)
    _, want, _ = lasso_path(A, t, alphas=grid, tol=1e-12, max_iter=300_000)
    assert np.allclose(reg.lasso_path(X, y, grid), want.T, atol=1e-4 * max(1, np.abs(want).max()))


def test_the_corners_equal_least_angle_regression_on_diabetes():
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True)
    corners, W = reg.lasso_corners(X, y)
    alphas, _, want = lars_path(X - X.mean(0), y - y.mean(), method="lasso")
    assert len(alphas) == len(corners)
    assert np.allclose(alphas, corners, atol=1e-6)
    assert np.allclose(want.T, W, atol=1e-4)


def test_ista_reaches_the_lasso_with_exact_zeros():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(100, 20))
    y = X[:, :3] @ [2.0, -1.0, 1.0] + 0.5 * rng.normal(size=100)
    w, b = reg.ista(X, y, 0.2, 2000)
    want = Lasso(alpha=0.2, tol=1e-12).fit(X, y)
    assert np.allclose(w, want.coef_, atol=1e-8)
    assert np.isclose(b, want.intercept_)
    assert np.array_equal(w == 0, want.coef_ == 0)


@given(st.floats(-10, 10), st.floats(0, 5))
def test_soft_threshold_minimises_its_objective(z, t):
    w = float(reg.soft_threshold(z, t))

    def f(v):
        return (v - z) ** 2 / 2 + t * abs(v)

    assert all(f(w) <= f(w + h) + 1e-12 for h in (-1e-3, 1e-3, -1.0, 1.0))


@given(seeds, st.floats(-5, 5))
def test_a_shift_of_targets_or_columns_moves_the_intercept_only(seed, shift):
    X, y = round_problem(seed)  # columns drawn apart, so that coordinate descent converges
    w, b = reg.elastic_net(X, y, 0.1)
    moved, c = reg.elastic_net(X + shift, y + shift, 0.1)
    assert np.allclose(w, moved, atol=1e-6)
    assert np.isclose(c, b + shift - shift * w.sum(), atol=1e-5)


ONE = np.ones((3, 1))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: reg.ridge([], [], 1.0), ValueError, "at least one row"),
        (lambda: reg.ridge(ONE, [1.0], 1.0), ValueError, r"\(3, 1\)"),
        (lambda: reg.ridge([[np.nan]], [1.0], 1.0), ValueError, "finite"),
        (lambda: reg.ridge(ONE, np.ones(3), -1), ValueError, "penalty"),
        (lambda: reg.ridge_df(ONE, np.inf), ValueError, "penalty"),
        (lambda: reg.soft_threshold(1.0, -1.0), ValueError, "threshold"),
        (lambda: reg.elastic_net(ONE, np.ones(3), 1.0, mix=2.0), ValueError, "mix"),
        (lambda: reg.elastic_net(*problem(0), 1e-9, max_sweeps=1), FloatingPointError, "1 sweeps"),
        (lambda: reg.ista(ONE, np.ones(3), 1.0, -1), ValueError, "steps"),
        (
            lambda: reg.kkt_gap(ONE, np.ones(3), [1.0, 2.0], 1.0),
            ValueError,
            "one weight per column",
        ),
        (lambda: reg.lasso_path(ONE, np.ones(3), []), ValueError, "penalties"),
        (lambda: reg.lasso_path(ONE, np.ones(3), [-1.0]), ValueError, "penalties"),
    ],
)
def test_bad_input_is_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_columns_without_spread_get_no_weight():
    X, y = problem(3)
    wide = np.column_stack([X, np.full(30, 7.0)])
    assert reg.elastic_net(wide, y, 0.1)[0][-1] == 0
    assert reg.ridge(wide, y, 0.1)[0][-1] == 0
    assert (reg.lasso_corners(wide, y)[1][:, -1] == 0).all()


@given(seeds)
def test_of_twin_columns_one_is_kept_and_the_fit_is_still_optimal(seed):
    X, y = round_problem(seed, d=4)
    twins = np.column_stack([X, X[:, 0]])
    corners, W = reg.lasso_corners(twins, y)
    assert all(
        reg.kkt_gap(twins, y, w, lam) < 1e-6 * max(corners[0], 1)
        for lam, w in zip(corners[:-1], W[:-1], strict=True)
    )
    assert not ((W[:, 0] != 0) & (W[:, 4] != 0)).any()


def test_a_constant_target_has_an_empty_path():
    corners, W = reg.lasso_corners(np.random.default_rng(0).normal(size=(5, 2)), np.ones(5))
    assert corners.tolist() == [0.0]
    assert (W == 0).all()
    assert (reg.lasso_path(np.eye(3), np.ones(3), [0.5, 0.1]) == 0).all()
