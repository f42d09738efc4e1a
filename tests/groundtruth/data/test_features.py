"""Scalers and encoders against scikit-learn; round trips, invariances, leaks and bad input."""

import math
import re
import statistics
from fractions import Fraction

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


SCALERS = [ours for ours, _ in PAIRS]
TINY = np.finfo(float).tiny  # the smallest normal number


@pytest.mark.parametrize("scaler", SCALERS)
def test_scalers_take_numbers_of_any_kind(scaler):
    rows = [[Fraction(1, 2), Fraction(1)], [Fraction(2), Fraction(0)], [Fraction(3), Fraction(5)]]
    floats = np.array(rows, dtype=float)
    fitted = scaler().fit(rows)
    expected = scaler().fit(floats).transform(floats)
    assert np.array_equal(fitted.transform(rows), expected)
    assert np.allclose(fitted.inverse([[Fraction(0), Fraction(0)]]), fitted.centre)


@pytest.mark.parametrize("shape", [(0, 2), (2, 0), (2,), (2, 2, 2)])
def test_only_a_table_with_rows_and_columns_is_scaled(shape):
    with pytest.raises(ValueError, match=re.escape(f"n, d >= 1, got shape {shape}")):
        ft.MinMax().fit(np.ones(shape))


@pytest.mark.parametrize("scaler", SCALERS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_one_bad_entry_of_many_is_refused(scaler, bad):
    with pytest.raises(ValueError, match="the table holds NaN or infinity; fill the holes first"):
        scaler().fit([[1.0, 2.0], [bad, 3.0]])
    with pytest.raises(ValueError, match="fill the holes first"):
        scaler().fit(OK).transform([[1.0, 2.0], [bad, 3.0]])


def test_the_numbers_that_a_scaler_learns():
    """0, 2, 10: mean 4, squared deviations 16, 4, 36; quartiles 1 and 6."""
    X = [[0.0], [2.0], [10.0]]
    found = {scaler: scaler().fit(X) for scaler in SCALERS}
    assert found[ft.Standardizer].centre.tolist() == [4.0]
    assert found[ft.Standardizer].width == pytest.approx(math.sqrt(56 / 3), rel=1e-15)
    assert found[ft.MinMax].centre.tolist() == [0.0]
    assert found[ft.MinMax].width.tolist() == [10.0]
    assert found[ft.Robust].centre.tolist() == [2.0]
    assert found[ft.Robust].width.tolist() == [5.0]


def test_fit_returns_the_scaler_itself():
    scaler = ft.MinMax()
    assert scaler.fit(OK) is scaler
    filler = ft.Imputer()
    assert filler.fit(OK) is filler


@pytest.mark.parametrize("scaler", SCALERS)
def test_a_constant_column_is_only_shifted(scaler):
    fitted = scaler().fit([[3.0, 1.0], [3.0, 2.0], [3.0, 4.0]])
    assert fitted.transform([[7.5, 1.0]])[0, 0] == 4.5
    assert fitted.inverse([[4.5, 1.0]])[0, 0] == 7.5


@pytest.mark.parametrize("value", [0.1, 1e-300, 1e300])
def test_the_center_of_a_constant_column_is_its_value(value):
    """The mean of three times 0.1 is not 0.1 in floating point."""
    fitted = ft.Standardizer().fit([[value]] * 3)
    assert fitted.centre.tolist() == [value]
    assert fitted.width.tolist() == [1.0]


@pytest.mark.parametrize(("width", "used"), [(TINY, TINY), (TINY / 2, 1.0), (5e-324, 1.0)])
def test_a_width_below_the_normal_numbers_counts_as_none(width, used):
    fitted = ft.MinMax().fit([[0.0], [width]])
    assert fitted.width.tolist() == [used]


@pytest.mark.parametrize("unit", [1e-200, 1e200])
def test_columns_of_huge_and_of_tiny_numbers_are_standardized(unit):
    X = np.array([[0.0, 1.0], [2.0, 1.5], [10.0, -4.0]])
    expected = preprocessing.StandardScaler().fit_transform(X)
    assert np.allclose(ft.Standardizer().fit(X).transform(X), expected, atol=1e-12)
    huge = X * [unit, 1.0]
    assert np.allclose(ft.Standardizer().fit(huge).transform(huge), expected, atol=1e-12)


def test_a_range_that_overflows_is_refused_by_its_column():
    with pytest.raises(ValueError, match="column 1 overflows"):
        ft.MinMax().fit([[0.0, -1.5e308], [1.0, 1.5e308]])
    with pytest.raises(ValueError, match="column 2 overflows"):
        ft.Robust().fit([[0.0, 1.0, -1.5e308], [1.0, 2.0, 1.5e308]])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("column", [0, 1, 2])
def test_a_new_row_that_overflows_is_refused_by_its_column_and_without_a_warning(column):
    fitted = ft.MinMax().fit([[0.0, 0.0, 0.0], [1e-300, 1e-300, 1e-300]])
    rows = np.zeros((4, 3))
    rows[3, column] = 1e300
    with pytest.raises(ValueError, match=f"column {column} overflows: its width .* is 1e-300"):
        fitted.transform(rows)


@pytest.mark.parametrize(("ddof", "rows"), [(0, 1), (1, 2), (2, 3)])
def test_a_deviation_needs_one_row_more_than_its_ddof(ddof, rows):
    X = np.arange(float(rows))[:, None]
    assert np.allclose(ft.Standardizer(ddof=ddof).fit(X).centre, X.mean())
    if ddof:
        with pytest.raises(ValueError, match=f"more than {ddof} rows, got {ddof}"):
            ft.Standardizer(ddof=ddof).fit(X[:ddof])


def test_the_divisor_of_the_deviation_is_n_by_default():
    X = np.array([[1.0], [2.0], [4.0]])
    assert ft.Standardizer().fit(X).width[0] == pytest.approx(statistics.pstdev([1, 2, 4]))
    assert ft.Standardizer(ddof=1).fit(X).width[0] == pytest.approx(statistics.stdev([1, 2, 4]))


def test_scaling_leaves_the_rows_as_they_are():
    X = np.array([[1.0, 5.0], [2.0, 3.0], [4.0, 9.0]])
    before = X.copy()
    for scaler in SCALERS:
        fitted = scaler().fit(X)
        fitted.inverse(fitted.transform(X))
    ft.Imputer().fit(X).transform(X)
    assert np.array_equal(X, before)


def test_holes_are_filled_and_flagged_by_hand():
    """Column 0 has the values 1, 2, 6: mean 3, median 2. Column 1 had no hole in training."""
    train = [[1.0, 5.0, np.nan], [2.0, 6.0, 1.0], [6.0, 7.0, 1.0], [np.nan, 8.0, 1.0]]
    new = [[np.nan, np.nan, 4.0]]
    assert ft.Imputer("mean").fit(train).transform(new).tolist() == [[3.0, 6.5, 4.0, 1.0, 0.0]]
    assert ft.Imputer("median").fit(train).transform(new).tolist() == [[2.0, 6.5, 4.0, 1.0, 0.0]]
    assert ft.Imputer().fit(train).transform(new).tolist() == [[2.0, 6.5, 4.0, 1.0, 0.0]]
    assert ft.Imputer().fit(train).flagged.tolist() == [0, 2]


def test_a_column_of_holes_only_is_refused_by_its_number():
    with pytest.raises(ValueError, match="column 1 has no value at all"):
        ft.Imputer().fit([[1.0, np.nan, np.nan], [np.nan, np.nan, 2.0]])


def test_infinity_is_no_hole():
    message = "the table holds infinity; cut it to a finite bound first"
    with pytest.raises(ValueError, match=message):
        ft.Imputer().fit([[1.0, np.nan], [np.inf, 2.0]])
    with pytest.raises(ValueError, match=message):
        ft.Imputer().fit(OK).transform([[np.nan, -np.inf]])


def test_an_unknown_level_is_an_error_by_default_and_zeros_on_request():
    with pytest.raises(ValueError, match=re.escape("for example one_hot(..., unknown='zeros')")):
        ft.one_hot(["a", "z"], ["a", "b"])
    assert ft.one_hot(["a", "z", "b"], ["a", "b"], unknown="zeros").tolist() == [
        [1.0, 0.0],
        [0.0, 0.0],
        [0.0, 1.0],
    ]
    assert ft.one_hot(["b"], ["a", "b"], unknown="error").tolist() == [[0.0, 1.0]]


def test_a_value_outside_the_order_is_refused_by_its_name():
    with pytest.raises(ValueError, match=r"value 'XL' was not seen.*for example a longer order"):
        ft.ordinal(["S", "XL", "M"], ["S", "M"])


def test_codes_are_floats():
    assert ft.one_hot(["a"], ["a", "b"]).dtype == np.float64
    assert ft.ordinal(["a"], ["a", "b"]).dtype == np.float64


def test_no_values_give_no_rows():
    assert ft.one_hot([], ["a", "b"]).shape == (0, 2)
    assert ft.ordinal([], ["a", "b"]).shape == (0,)


def test_all_kinds_of_nan_are_one_level_and_numbers_stay_apart():
    nan = float("nan")
    values = [nan, np.float32("nan"), 1.5, 2.5, np.float32(1.5)]
    assert ft.ordinal(values, [1.5, 2.5, np.nan]).tolist() == [2.0, 2.0, 0.0, 1.0, 0.0]
    means, _ = ft.target_means(values, [1.0, 3.0, 5.0, 7.0, 9.0], 0.0)
    assert list(means.values()) == [2.0, 7.0, 7.0]


def test_target_means_by_hand():
    """The overall mean of 1, 2, 6 is 3; with the strength 2 it counts as two more rows."""
    means, prior = ft.target_means(["b", "a", "b"], [1, 2, 6], 2.0)
    assert prior == 3.0
    assert list(means) == ["b", "a"]
    assert means["b"] == pytest.approx((1 + 6 + 2 * 3) / 4)
    assert means["a"] == pytest.approx((2 + 2 * 3) / 3)


@pytest.mark.parametrize("strength", [np.inf, np.nan, -0.5])
def test_a_strength_is_a_finite_number_of_rows(strength):
    with pytest.raises(ValueError, match=f"got {strength}"):
        ft.target_means(["a"], [1.0], strength)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_one_target_without_a_value_is_refused(bad):
    with pytest.raises(ValueError, match="the target holds NaN or infinity"):
        ft.target_means(["a", "b"], [1.0, bad], 0.0)


def test_out_of_fold_means_by_hand():
    """Fold x: a has 4 outside, b is unseen there, so it gets the mean 5 of 4 and 6.

    Fold y: a has 1 outside; c is unseen there, so it gets the mean 2 of 1 and 3.
    """
    level = ["a", "b", "a", "c"]
    found = ft.target_encode(level, [1, 3, 4, 6], ["x", "x", "y", "y"], 0.0)
    assert found.tolist() == [4.0, 5.0, 1.0, 2.0]


def test_a_row_is_encoded_by_the_rows_of_all_other_folds():
    """Three folds of one level: 0 by the mean of 2 and 7, 2 by that of 0 and 7, 7 by 0 and 2."""
    found = ft.target_encode(["a", "a", "a"], [0.0, 2.0, 7.0], [5, 6, 9], 0.0)
    assert found.tolist() == [4.5, 3.5, 1.0]


def test_targets_and_folds_of_any_kind_of_numbers():
    level = ["a", "b", "a", "b"]
    halves = [Fraction(1, 2), Fraction(1), Fraction(3, 2), Fraction(3)]
    found = ft.target_encode(level, halves, [0.0, 0.5, 0.5, 0.0], 0.0)
    assert found.tolist() == [1.5, 3.0, 0.5, 1.0]
    assert found.dtype == np.float64


def test_unseen_missing_values_share_the_code_of_the_missing_ones():
    level = [float("nan"), "a", float("nan"), "a"]
    assert ft.target_encode(level, [1.0, 2.0, 3.0, 4.0], [0, 0, 1, 1], 0.0).tolist() == [
        3.0,
        4.0,
        1.0,
        2.0,
    ]


def test_a_fold_without_a_number_is_refused():
    with pytest.raises(ValueError, match="a fold is NaN"):
        ft.target_encode(["a", "b", "a"], [1.0, 2.0, 3.0], [0.0, 1.0, np.nan], 0.0)


@pytest.mark.parametrize("folds", [[1, 1, 1], [0, 1], [[0, 1, 1]]])
def test_folds_that_do_not_split_the_rows_are_refused(folds):
    with pytest.raises(ValueError, match=r"folds must be \(3,\) with at least two"):
        ft.target_encode(["a", "b", "a"], [1.0, 2.0, 3.0], folds, 0.0)


def test_angles_of_a_quarter_and_of_huge_numbers_of_turns():
    quarters = [0.0, 6.0, 12.0, 18.0]
    corners = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]
    assert np.allclose(ft.cyclic(quarters, 24.0), corners, atol=1e-14)
    assert np.allclose(ft.cyclic([Fraction(6)], 24), [[0.0, 1.0]], atol=1e-14)
    turns = 24.0 * 2.0**45
    assert np.allclose(ft.cyclic(np.array(quarters) + turns, 24.0), corners, atol=1e-14)
    assert np.allclose(ft.cyclic([0.125], 0.5), [[0.0, 1.0]], atol=1e-14)


@pytest.mark.parametrize("values", [[1.0, np.inf], [np.nan, 1.0], [[1.0], [2.0]]])
def test_values_that_lie_on_no_circle_are_refused(values):
    with pytest.raises(ValueError, match="need a vector of finite values"):
        ft.cyclic(values, 24.0)


@pytest.mark.parametrize("period", [-1.0, 0.0, np.inf, np.nan])
def test_a_period_that_makes_no_circle_is_refused(period):
    with pytest.raises(ValueError, match=f"positive and finite, got {period}"):
        ft.cyclic([1.0], period)
