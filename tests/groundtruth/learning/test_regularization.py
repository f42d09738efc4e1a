"""Penalties against scikit-learn, their conditions, their paths and their invariances; bad
input.
"""

from fractions import Fraction

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


def exact_ridge(X, y, lam):
    """Weights of two columns from the normal equations, in fractions."""
    n = len(y)
    X = [[Fraction(v) for v in row] for row in X]
    y = [Fraction(v) for v in y]
    means = [sum(row[j] for row in X) / n for j in range(2)]
    A = [[row[j] - means[j] for j in range(2)] for row in X]
    t = [v - sum(y) / n for v in y]
    p = sum(a * a for a, _ in A) + Fraction(lam)
    q = sum(a * b for a, b in A)
    r = sum(b * b for _, b in A) + Fraction(lam)
    u = sum(row[0] * v for row, v in zip(A, t, strict=True))
    v = sum(row[1] * v for row, v in zip(A, t, strict=True))
    det = p * r - q * q
    return [float((r * u - q * v) / det), float((p * v - q * u) / det)]


def test_a_small_penalty_still_tells_nearly_equal_columns_apart():
    e = 2.0**-40
    X = [[1.0, 1.0 + e], [-1.0, -1.0], [0.5, 0.5 - e], [-0.5, -0.5]]
    y = [1.0, 2.0, -1.0, 0.0]
    lam = 2.0**-66
    assert np.allclose(reg.ridge(X, y, lam)[0], exact_ridge(X, y, lam), rtol=1e-2)


def test_without_a_penalty_columns_equal_to_rounding_share_one_weight():
    # the second singular value is about 2e-12 of the first, below 1e-12 times the 4 rows
    e = 2.0**-39
    column = np.array([1.0, -1.0, 0.5, -0.5])
    X = np.column_stack([column, column + e * np.array([1.0, 1.0, -1.0, -1.0])])
    y = [1.0, -1.0, 1.0, 0.0]
    w, _ = reg.ridge(X, y, 0.0)
    one, _ = reg.ridge(column[:, None], y, 0.0)
    assert np.allclose(w, one[0] / 2, rtol=1e-6)


def test_without_a_penalty_columns_that_differ_by_more_are_both_used():
    e = 2.0**-30
    column = np.array([1.0, -1.0, 0.5, -0.5])
    X = np.column_stack([column, column + e * np.array([1.0, 1.0, -1.0, -1.0])])
    y = [1.0, -1.0, 1.0, 0.0]
    assert np.allclose(reg.ridge(X, y, 0.0)[0], exact_ridge(X, y, 0), rtol=1e-4)


@pytest.mark.parametrize("lam", [0.0, 0.5])
def test_a_table_without_spread_leaves_the_mean(lam):
    w, b = reg.ridge(np.full((4, 2), 0.3), [1.0, 2.0, 3.0, 6.0], lam)
    assert w.tolist() == [0.0, 0.0]
    assert b == 3.0
    assert reg.ridge_df(np.full((4, 2), 0.3), lam) == 0.0


@pytest.mark.parametrize("value", [0.1, 0.3, 1 / 3, 1e9 + 0.1])
def test_equal_numbers_are_no_column_and_no_target_at_all(value):
    # their mean differs from them by rounding
    X, y = problem(5, n=11, d=2)
    wide = np.column_stack([X, np.full(11, value)])
    assert reg.ridge(wide, y, 0.0)[0][2] == 0.0
    w, b = reg.ridge(X, np.full(11, value), 1e-3)
    assert w.tolist() == [0.0, 0.0]
    assert b == value


def test_one_row_is_its_own_mean():
    for w, b in (
        reg.ridge([[2.0, 5.0]], [3.0], 1.0),
        reg.elastic_net([[2.0, 5.0]], [3.0], 1.0),
        reg.ista([[2.0, 5.0]], [3.0], 1.0, 3),
    ):
        assert w.tolist() == [0.0, 0.0]
        assert b == 3.0


def all_results(X, y):
    return [
        *reg.ridge(X, y, 0.7),
        *reg.ridge(X * np.float32([1, 2.0**-30, 1]), y, 0.7),  # badly scaled
        *reg.elastic_net(X, y, 0.1, 0.5),
        *reg.ista(X, y, 0.1, 20),
        reg.lasso_path(X, y, [0.5, 0.1]),
        reg.kkt_gap(X, y, [1, 2, 3], 0.1, 0.5),
        reg.ridge_df(X, 0.7),
    ]


def test_single_precision_data_are_computed_in_double():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(12, 3)).astype(np.float32)
    y = rng.normal(size=12).astype(np.float32)
    wants = all_results(X.astype(float), y.astype(float))
    for ours, want in zip(all_results(X, y), wants, strict=True):
        assert np.allclose(ours, want, rtol=1e-12, atol=0)


@pytest.mark.parametrize("unit", [(1.0, 1e-7), (1e180, 1e160), (1e-200, 1e-170)])
def test_ridge_without_a_penalty_follows_units_far_apart(unit):
    X, y = round_problem(7, d=2)
    plain, _ = reg.ridge(X, y, 0.0)
    w, _ = reg.ridge(X * unit, y, 0.0)
    assert np.allclose(w * unit, plain, rtol=1e-8)


def test_columns_far_apart_in_size_that_depend_on_each_other_are_refused_without_a_penalty():
    X, y = round_problem(8, d=2)
    X = X * [1.0, 1e-9]
    for more in (X[:, :1] * 2 - X[:, 1:], np.full((30, 1), 3.0)):
        wide = np.column_stack([X, more])
        with pytest.raises(ValueError, match="differ in size by more than 1e5"):
            reg.ridge(wide, y, 0.0)
        w, _ = reg.ridge(wide, y, 1e-3)  # a penalty decides
        assert np.isfinite(w).all()


def test_a_column_without_spread_beside_others_needs_no_penalty():
    X, y = round_problem(9, d=2)
    wide = np.column_stack([X, np.full(30, 4.0)])
    w, b = reg.ridge(wide, y, 0.0)
    plain, c = reg.ridge(X, y, 0.0)
    assert np.allclose(w, [*plain, 0.0], rtol=1e-9)
    assert np.isclose(b, c)


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_degrees_of_freedom_without_a_penalty_are_the_rank(size):
    X, _ = round_problem(10, d=3)
    assert reg.ridge_df(size * X, 0.0) == 3.0
    assert reg.ridge_df(size * np.column_stack([X, X[:, 0] + X[:, 1]]), 0.0) == 3.0
    assert reg.ridge_df(size * X[:, :1], 0.0) == 1.0


def test_degrees_of_freedom_by_hand():
    # centered already, columns orthogonal: s^2 = 2 and 8; 2 / (2 + 1) + 8 / (8 + 1)
    X = [[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0]]
    assert np.isclose(reg.ridge_df(X, 1.0), 2 / 3 + 8 / 9)
    # badly scaled: 2 / 3 + 2e-14 / (2e-14 + 1)
    X = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1e-7], [0.0, -1e-7]]
    assert np.isclose(reg.ridge_df(X, 1.0), 2 / 3, rtol=1e-12)
    assert np.isclose(reg.ridge_df(X, 2e-14), 1 + 1 / 2, rtol=1e-9)


def test_a_threshold_of_zero_changes_nothing_and_no_zero_has_a_sign():
    z = np.array([3.0, 0.0, -2.0])
    assert reg.soft_threshold(z, 0.0).tolist() == z.tolist()
    assert not np.signbit(reg.soft_threshold([-0.5, -0.0, 0.5], 1.0)).any()


def test_each_entry_may_have_its_own_threshold():
    assert reg.soft_threshold([3.0, 3.0, -3.0], [1.0, 4.0, 2.0]).tolist() == [2.0, 0.0, -1.0]
    with pytest.raises(ValueError, match="threshold must be at least 0"):
        reg.soft_threshold([1.0, 1.0], [1.0, -1.0])


@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_the_elastic_net_follows_the_unit_of_the_targets(unit):
    X, y = round_problem(11)
    w, b = reg.elastic_net(X, y, 0.1)
    scaled, c = reg.elastic_net(X, unit * y, unit * 0.1)
    assert np.allclose(scaled, unit * w, rtol=1e-8, atol=0)
    assert np.isclose(c, unit * b, rtol=1e-8)


@pytest.mark.parametrize("unit", [1e-5, 1e5])
def test_the_lasso_follows_the_unit_of_all_columns(unit):
    X, y = round_problem(12)
    w, _ = reg.elastic_net(X, y, 0.1)
    scaled, _ = reg.elastic_net(unit * X, y, unit * 0.1)
    assert np.allclose(unit * scaled, w, rtol=1e-7, atol=0)


def test_the_elastic_net_without_lasso_is_ridge():
    X, y = round_problem(13)
    w, b = reg.elastic_net(X, y, 0.2, mix=0.0)
    want, c = reg.ridge(X, y, 0.2 * 30)  # n lam
    assert np.allclose(w, want, atol=1e-8)
    assert np.isclose(b, c)


def test_the_elastic_net_is_the_lasso_by_default():
    X, y = round_problem(14)
    assert np.array_equal(reg.elastic_net(X, y, 0.3)[0], reg.elastic_net(X, y, 0.3, mix=1.0)[0])
    w = np.arange(6.0)
    assert reg.kkt_gap(X, y, w, 0.3) == reg.kkt_gap(X, y, w, 0.3, mix=1.0)


def test_a_tolerance_of_zero_waits_until_nothing_moves():
    assert reg.elastic_net([[-1.0], [1.0]], [-1.0, 1.0], 0.25, tol=0.0)[0].tolist() == [0.75]


def test_columns_that_nearly_agree_need_more_sweeps_than_there_are_by_default():
    x = np.array([1.0, -1.0, 0.5, -0.5])
    X = np.column_stack([x, x + 1e-4 * np.array([1.0, 1.0, -1.0, -1.0])])
    with pytest.raises(FloatingPointError, match="in 10000 sweeps.*than 1e-10"):
        reg.elastic_net(X, [1.0, -1.0, 1.0, 0.0], 0.0)


def test_ista_by_hand():
    # L = |A|^2 / n = 4; w1 = soft(0 + (2 * 2 + 2 * 2) / (2 * 4), 1 / 4) = 3/4 is the optimum
    X = [[-2.0], [2.0]]
    y = [-2.0, 2.0]
    assert np.allclose(reg.ista(X, y, 1.0, 1)[0], 0.75)
    w, b = reg.ista(X, [0.0, 4.0], 1.0, 0)
    assert w.tolist() == [0.0]
    assert b == 2.0


def test_each_ista_step_is_a_gradient_step_and_a_threshold():
    X, y = problem(15, n=9, d=3)
    A = X - X.mean(0)
    t = y - y.mean()
    L = np.linalg.eigvalsh(A.T @ A / 9)[-1]
    w = np.zeros(3)
    for steps in range(4):
        assert np.allclose(reg.ista(X, y, 0.4, steps)[0], w, rtol=1e-10)
        z = w - A.T @ (A @ w - t) / 9 / L
        w = np.sign(z) * np.clip(np.abs(z) - 0.4 / L, 0, None)


def test_ista_of_a_table_of_zeros_is_the_mean():
    w, b = reg.ista(np.zeros((3, 2)), [1.0, 2.0, 6.0], 0.5, 2)
    assert w.tolist() == [0.0, 0.0]
    assert b == 3.0


@pytest.mark.parametrize(
    ("w", "lam", "mix", "want"),
    [
        # c = 1 - w - lam (1 - mix) w for x = (-1, 1), y = x
        ([0.0], 0.25, 1.0, 0.75),  # |c| = 1 may be 0.25
        ([0.0], 2.0, 1.0, 0.0),
        ([0.5], 0.25, 1.0, 0.25),  # c = 0.5 should be 0.25
        ([-0.5], 0.25, 1.0, 1.75),  # c = 1.5 should be -0.25
        ([1.5], 0.25, 1.0, 0.75),  # c = -0.5 should be 0.25
        ([0.5], 1.0, 0.5, 0.25),  # c = 0.5 - 0.25 should be 0.5
        ([0.0], 1.0, 0.5, 0.5),
        ([0.0], 2.0, 0.25, 0.5),
        ([0.5], 0.5, 0.0, 0.25),  # c = 0.5 - 0.25 should be 0
    ],
)
def test_the_gap_by_hand(w, lam, mix, want):
    assert np.isclose(reg.kkt_gap([[-1.0], [1.0]], [-1.0, 1.0], w, lam, mix), want, atol=1e-15)


def test_the_gap_is_the_largest_over_the_columns():
    # c = (1/2, 1) / 2 at w = 0
    X = [[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0]]
    y = [1.0, -1.0, 1.0, -1.0]
    assert np.isclose(reg.kkt_gap(X, y, [0, 0], 0.25), 0.75)
    assert np.isclose(reg.kkt_gap(X, y, [1, 0], 0.25), 0.75)
    assert np.isclose(reg.kkt_gap(X, y, [0, 0.5], 0.125), 0.375)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.ones(3), np.ones(3), r"need X \(n, d\)"),
        (np.ones((0, 2)), np.ones(0), "at least one row and column"),
        (np.ones((2, 0)), np.ones(2), "at least one row and column"),
        (np.ones((2, 2)), np.ones(3), r"\(2, 2\) and \(3,\)"),
        (np.ones((2, 2)), np.ones((2, 2)), r"\(2, 2\) and \(2, 2\)"),
        ([[1.0], [np.inf]], [1.0, 2.0], "must be finite"),
        ([[1.0], [2.0]], [1.0, np.nan], "must be finite"),
    ],
)
def test_tables_that_are_none_are_refused(X, y, message):
    for fit in (reg.ridge, reg.elastic_net):
        with pytest.raises(ValueError, match=message):
            fit(X, y, 1.0)
    with pytest.raises(ValueError, match=message):
        reg.lasso_corners(X, y)


@pytest.mark.parametrize("lam", [-1e-9, np.inf, np.nan])
def test_penalties_that_are_none_are_refused(lam):
    for fit in (reg.ridge, reg.elastic_net):
        with pytest.raises(ValueError, match="finite number of at least 0"):
            fit(ONE, np.ones(3), lam)


@pytest.mark.parametrize("mix", [-0.01, 1.01])
def test_a_mix_outside_of_0_and_1_is_refused(mix):
    with pytest.raises(ValueError, match="between 0 .ridge. and 1 .lasso."):
        reg.elastic_net(ONE, np.ones(3), 1.0, mix=mix)


def test_the_path_of_orthogonal_columns_by_hand():
    # c = (2, 1, -0.5) at w = 0 with |x|^2 / n = 1: w = soft(c, lam)
    X = np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    y = X @ [2.0, 1.0, -0.5] + 3
    lams, W = reg.lasso_corners(X, y)
    assert np.allclose(lams, [2.0, 1.0, 0.5, 0.0])
    assert lams[-1] == 0.0
    assert np.allclose(W, [[0, 0, 0], [1, 0, 0], [1.5, 0.5, 0], [2, 1, -0.5]], atol=1e-12)
    at = [0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0]
    want = [[max(2 - v, 0), max(1 - v, 0), -max(0.5 - v, 0)] for v in at]
    assert np.allclose(reg.lasso_path(X, y, at), want, atol=1e-12)
    assert np.allclose(reg.lasso_path(X, y, at[::-1]), want[::-1], atol=1e-12)


@pytest.mark.parametrize("unit", [1e-150, 1e-6, 1e6, 1e150])
def test_the_path_follows_the_unit_of_the_targets(unit):
    X, y = round_problem(16, n=12, d=4)
    lams, W = reg.lasso_corners(X, y)
    scaled, V = reg.lasso_corners(X, unit * y)
    assert np.allclose(scaled / unit, lams, rtol=1e-8, atol=1e-12)
    assert np.allclose(V / unit, W, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("seed", [5, 17, 18])
def test_a_weight_that_leaves_the_path_meets_zero_at_a_corner(seed):
    X, y = problem(seed, n=20, d=5)
    lams, W = reg.lasso_corners(X, y)
    corner = 1 + int(np.flatnonzero(((W[:-1] != 0) & (W[1:] == 0)).any(1))[0])
    assert reg.kkt_gap(X, y, W[corner], lams[corner]) < 1e-8 * lams[0]
    fitted, _ = reg.elastic_net(X, y, lams[corner], tol=1e-13, max_sweeps=200_000)
    assert np.allclose(fitted, W[corner], atol=1e-5)


def test_penalties_may_be_one_or_many_but_not_a_table_and_not_below_zero():
    X, y = round_problem(17, n=8, d=2)
    assert reg.lasso_path(X, y, [0.0]).shape == (1, 2)
    assert np.allclose(reg.lasso_path(X, y, [0.0])[0], reg.ridge(X, y, 0.0)[0])
    for lams in ([[0.1]], 0.1, [], [0.1, -1e-9]):
        with pytest.raises(ValueError, match="need penalties"):
            reg.lasso_path(X, y, lams)


@pytest.mark.parametrize("unit", [(1e180, 1e160), (1e-160, 1e-180)])
def test_a_row_at_the_mean_says_nothing_about_units(unit):
    # both columns have mean zero, and y = X (1, 2) + 3
    X = np.array([[0.0, 0.0], [1.0, 1.0], [-1.0, 0.0], [1.0, 0.0], [-1.0, -1.0]])
    w, b = reg.ridge(X * unit, X @ [1.0, 2.0] + 3, 0.0)
    assert np.allclose(w * unit, [1.0, 2.0], rtol=1e-12)
    assert np.isclose(b, 3.0)


def test_penalties_of_any_type_of_number_are_read_off_the_path():
    X, y = round_problem(18, n=8, d=2)
    want = reg.lasso_path(X, y, [2.0, 1.0, 0.0])
    assert np.array_equal(reg.lasso_path(X, y, np.array([2, 1, 0], dtype=np.uint8)), want)


@pytest.mark.parametrize("seed", [5, 15, 22])
def test_of_columns_equal_to_ten_digits_one_is_used(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(12, 3))
    X = np.column_stack([X, X[:, 0] + 1e-11 * rng.normal(size=12)])
    y = X @ rng.normal(size=4) + rng.normal(size=12)
    lams, W = reg.lasso_corners(X, y)
    assert not W[:, 0].any() or not W[:, 3].any()
    assert len(lams) == 4  # the start, two that join, the end of the path


@pytest.mark.filterwarnings("error")
def test_a_column_that_never_catches_up_gives_no_warning():
    first = np.array([1.0, 1.0, -1.0, -1.0])
    second = np.array([1.0, -1.0, 1.0, -1.0])
    # c = (2, 1), and both fall by one with the penalty; or c = (2, 2), tied for ever
    X = np.column_stack([first, first + second])
    for y in (2 * first - second, 2 * first):
        lams, W = reg.lasso_corners(X, y)
        assert lams[0] == 2.0
        assert all(reg.kkt_gap(X, y, w, lam) < 1e-12 for lam, w in zip(lams, W, strict=True))


def test_a_table_much_wider_than_long_has_a_path():
    X, y = round_problem(19, n=5, d=40)
    lams, W = reg.lasso_corners(X, y)
    assert lams[-1] == 0.0
    assert max(reg.kkt_gap(X, y, w, lam) for lam, w in zip(lams, W, strict=True)) < 1e-8


def test_a_path_without_an_end_is_refused_after_50_corners_per_row_and_column(monkeypatch):
    def next_join(c, a, lam, resting):
        return lam / 1000

    monkeypatch.setattr(reg, "_next_join", next_join)
    with pytest.raises(FloatingPointError, match="no end of the path in 1150 corners"):
        reg.lasso_corners([[-1.0], [1.0]], [-1.0, 1.0])  # 50 (2 + 1) + 1000


@pytest.mark.parametrize("unit", [1e-6, 1e-3, 1e3])
def test_the_corners_of_twin_columns_follow_the_unit_of_the_targets(unit):
    for seed in range(6):
        X, y = round_problem(seed, n=12, d=3)
        twins = np.column_stack([X, X[:, 0], -X[:, 1]])
        lams, _ = reg.lasso_corners(twins, y)
        scaled, _ = reg.lasso_corners(twins, unit * y)
        assert len(lams) == len(scaled)
        assert np.allclose(scaled / unit, lams)


def test_a_corner_below_a_billionth_of_the_first_is_the_end():
    first = np.array([1.0, 1.0, -1.0, -1.0])
    second = np.array([1.0, -1.0, 1.0, -1.0])
    X = np.column_stack([first, second])
    lams, W = reg.lasso_corners(X, 2 * first + 1e-10 * second)
    assert lams.tolist() == [2.0, 0.0]
    assert np.allclose(W, [[0, 0], [2, 0]], atol=1e-9)
    lams, W = reg.lasso_corners(X, 2 * first + 1e-7 * second)
    assert np.allclose(lams, [2.0, 1e-7, 0.0], rtol=1e-6)


def test_the_gap_of_single_precision_weights_is_computed_in_double():
    X, y = round_problem(20, n=8, d=3)
    w = np.float32([0.1, 0.2, 0.3])
    want = reg.kkt_gap(X, y, w.astype(float), 0.7, 0.3)
    assert np.isclose(reg.kkt_gap(X, y, w, 0.7, 0.3), want, rtol=1e-13, atol=0)
