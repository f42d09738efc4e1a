"""Scalers and encoders against scikit-learn; round trips, invariances, leaks and bad input."""

import numpy as np
import pytest
from groundtruth.data import features as ft
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import impute, preprocessing

tables = st.tuples(st.integers(2, 12), st.integers(1, 4)).flatmap(
    lambda s: arrays(float, s, elements=st.floats(-100, 100))
)
PAIRS = [
    (ft.Standardizer, preprocessing.StandardScaler),
    (ft.MinMax, preprocessing.MinMaxScaler),
    (ft.Robust, preprocessing.RobustScaler),
]
names = st.lists(st.sampled_from("abcd"), min_size=4, max_size=30)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_scalers_equal_sklearn_on_old_and_new_rows(ours, theirs):
    rng = np.random.default_rng(0)
    train = rng.normal(5, 3, (50, 4))
    new = rng.normal(0, 9, (20, 4))
    a = ours().fit(train)
    b = theirs().fit(train)
    assert np.allclose(a.transform(train), b.transform(train), atol=1e-12)
    assert np.allclose(a.transform(new), b.transform(new), atol=1e-12)


@pytest.mark.parametrize("scaler", [ours for ours, _ in PAIRS])
@given(X=tables)
def test_inverse_undoes_transform(scaler, X):
    fitted = scaler().fit(X)
    assume((np.ptp(X, axis=0) / fitted.width < 1e300).all())  # an overflow is refused, see below
    assert np.allclose(fitted.inverse(fitted.transform(X)), X, atol=1e-9)


@pytest.mark.parametrize("scaler", [ours for ours, _ in PAIRS])
@given(X=tables, factor=st.floats(0.5, 20), shift=st.floats(-50, 50))
def test_units_do_not_matter(scaler, X, factor, shift):
    low, high = np.percentile(X, [25, 75], axis=0)
    assume((high - low > 1e-3).all())  # otherwise a width is zero and the column keeps its unit
    assert np.allclose(
        scaler().fit(X).transform(X),
        scaler().fit(X * factor + shift).transform(X * factor + shift),
        atol=1e-6,
    )


@given(tables)
def test_standardised_columns_have_mean_zero_and_deviation_one_or_zero(X):
    Z = ft.Standardizer().fit(X).transform(X)
    constant = X.min(0) == X.max(0)
    assume(((X.max(0) - X.min(0))[~constant] > 1e-3).all())
    assert np.allclose(Z.mean(0), 0, atol=1e-8)
    assert np.allclose(Z.std(0), np.where(constant, 0, 1), atol=1e-8)


def test_ddof_one_is_the_sample_deviation():
    X = np.array([[1.0], [2.0], [4.0]])
    assert ft.Standardizer(ddof=1).fit(X).transform(X).std(ddof=1) == pytest.approx(1.0)


@pytest.mark.parametrize("scaler", [ours for ours, _ in PAIRS])
def test_a_constant_column_becomes_zero_and_stays_finite(scaler):
    fitted = scaler().fit([[0.1, 1.0], [0.1, 2.0], [0.1, 4.0]])
    assert fitted.transform([[0.1, 1.0]])[0, 0] == 0
    assert np.isfinite(fitted.transform([[7.0, 1.0]])).all()


def test_one_bad_row_moves_the_robust_scale_least():
    good = np.arange(20.0)[:, None]
    bad = np.vstack([good, [[1e6]]])
    moved = {
        cls: np.abs(cls().fit(bad).transform(good) - cls().fit(good).transform(good)).max()
        for cls, _ in PAIRS
    }
    assert moved[ft.Robust] < 0.2 < 0.5 < min(moved[ft.Standardizer], moved[ft.MinMax])


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_imputer_equals_sklearn_with_indicator(statistic):
    rng = np.random.default_rng(1)
    X = np.where(rng.random((40, 3)) < 0.3, np.nan, rng.normal(size=(40, 3)))
    X[:, 1] = rng.normal(size=40)
    theirs = impute.SimpleImputer(strategy=statistic, add_indicator=True).fit(X)
    new = np.where(rng.random((10, 3)) < 0.3, np.nan, 1.0)
    new[:, 1] = 2.0
    ours = ft.Imputer(statistic).fit(X)
    assert np.allclose(ours.transform(X), theirs.transform(X), atol=1e-12)
    assert np.allclose(ours.transform(new), theirs.transform(new), atol=1e-12)


def test_one_hot_equals_sklearn_and_rows_sum_to_one():
    values = ["b", "a", "c", "a"]
    ours = ft.one_hot(values, ["a", "b", "c"])
    assert np.array_equal(
        ours,
        preprocessing.OneHotEncoder(sparse_output=False).fit_transform([[v] for v in values]),
    )
    assert (ours.sum(1) == 1).all()
    assert ft.one_hot(["z"], ["a", "b"], unknown="zeros").tolist() == [[0.0, 0.0]]


@given(names, st.randoms())
def test_one_hot_follows_a_permutation_of_the_levels(values, random):
    order = list("abcd")
    random.shuffle(order)
    back = [order.index(level) for level in "abcd"]
    assert np.array_equal(ft.one_hot(values, order)[:, back], ft.one_hot(values, list("abcd")))


def test_ordinal_equals_sklearn():
    values = ["M", "S", "L", "S"]
    order = ["S", "M", "L"]
    theirs = (
        preprocessing.OrdinalEncoder(categories=[order])
        .fit_transform([[v] for v in values])
        .ravel()
    )
    assert np.array_equal(ft.ordinal(values, order), theirs)


@pytest.mark.parametrize("strength", [0.0, 1.0, 25.0])
def test_target_means_equal_sklearn(strength):
    rng = np.random.default_rng(2)
    level = rng.choice(list("abcdef"), 200).tolist()
    y = rng.normal(size=200)
    theirs = preprocessing.TargetEncoder(smooth=strength, target_type="continuous").fit(
        [[v] for v in level], y
    )
    means, prior = ft.target_means(level, y, strength)
    assert np.allclose(
        [means[v] for v in level], theirs.transform([[v] for v in level]).ravel(), atol=1e-12
    )
    assert prior == pytest.approx(y.mean())


@given(names)
def test_a_row_never_enters_its_own_code(level):
    n = len(level)
    y = np.arange(n, dtype=float)
    folds = np.arange(n) % 2
    before = ft.target_encode(level, y, folds, 1.0)
    y[0] += 1000.0
    after = ft.target_encode(level, y, folds, 1.0)
    assert np.array_equal(before[folds == 0], after[folds == 0])


def test_infinite_care_gives_the_overall_mean():
    means, prior = ft.target_means(["a", "b", "b"], [0.0, 1.0, 1.0], strength=1e12)
    assert means["a"] == pytest.approx(prior) == pytest.approx(2 / 3)


@given(
    st.lists(st.floats(-100, 100), min_size=1, max_size=20), st.floats(0.5, 50), st.integers(-3, 3)
)
def test_circle_points_have_length_one_and_the_period_is_invisible(values, period, turns):
    points = ft.cyclic(values, period)
    assert np.allclose(np.linalg.norm(points, axis=1), 1)
    assert np.allclose(points, ft.cyclic(np.array(values) + turns * period, period), atol=1e-9)


OK = [[1.0, 2.0], [3.0, 5.0]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ft.Standardizer().fit([]), "need a table"),
        (lambda: ft.MinMax().fit([1.0, 2.0]), r"X\[:, None\]"),
        (lambda: ft.Robust().fit([[np.nan]]), "Imputer"),
        (lambda: ft.MinMax().fit([[np.inf]]), "infinity"),
        (lambda: ft.Standardizer().transform(OK), "call fit"),
        (lambda: ft.Standardizer().fit(OK).transform([[1.0]]), "fitted on 2 columns, got 1"),
        (lambda: ft.MinMax().fit(OK).inverse([[1.0]]), "fitted on 2"),
        (lambda: ft.Standardizer(ddof=2).fit(OK), "more than 2 rows"),
        (lambda: ft.Imputer("mode").fit(OK), "'mode'"),
        (lambda: ft.Imputer().fit([[np.nan], [np.nan]]), "column 0"),
        (lambda: ft.Imputer().fit([[np.inf]]), "infinity"),
        (lambda: ft.Imputer().fit(OK).transform([[1.0]]), "got 1"),
        (lambda: ft.Imputer().transform(OK), "fitted on 0"),
        (lambda: ft.one_hot(["z"], ["a"]), "'z' was not seen"),
        (lambda: ft.one_hot(["a"], []), "non-empty"),
        (lambda: ft.one_hot(["a"], ["a", "a"]), "distinct"),
        (lambda: ft.one_hot(["a"], ["a"], unknown="drop"), "'drop'"),
        (lambda: ft.ordinal(["XL"], ["S", "M"]), "'XL'"),
        (lambda: ft.target_means(["a"], [1.0, 2.0], 0.0), r"1 categories and shape \(2,\)"),
        (lambda: ft.target_means([], [], 0.0), "at least one"),
        (lambda: ft.target_means(["a"], [np.nan], 0.0), "NaN"),
        (lambda: ft.target_means(["a"], [1.0], -1.0), "-1.0"),
        (lambda: ft.target_means(["a"], [1.0], np.inf), "inf"),
        (lambda: ft.target_encode(["a", "b"], [1.0, 2.0], [0, 0], 0.0), "two different"),
        (lambda: ft.target_encode(["a", "b"], [1.0, 2.0], [0], 0.0), r"\(2,\)"),
        (lambda: ft.cyclic([[1.0]], 24), r"\(1, 1\)"),
        (lambda: ft.cyclic([np.nan], 24), "finite"),
        (lambda: ft.cyclic([1.0], 0), "positive"),
        (lambda: ft.cyclic([1.0], np.inf), "finite"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
