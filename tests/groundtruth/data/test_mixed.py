"""Set, globe and mixed measures against libraries and cases worked by hand."""

import re
from fractions import Fraction

import numpy as np
import pytest
from groundtruth.data import mixed as mx
from groundtruth.data.similarity import jaccard
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.spatial import distance
from sklearn.metrics.pairwise import haversine_distances

sets = st.sets(st.integers(0, 12), min_size=1)
places = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@given(sets, sets)
def test_dice_equals_scipy_and_jaccard_lies_below_and_overlap_above(s, t):
    u, v = ([i in group for i in range(13)] for group in (s, t))
    J = jaccard(s, t)
    D = mx.dice(s, t)
    assert pytest.approx(1 - distance.dice(u, v)) == D
    assert pytest.approx(2 * J / (1 + J)) == D
    assert J <= D + 1e-12 <= mx.overlap(s, t) + 2e-12


def test_empty_sets():
    assert mx.dice(set(), set()) == 1.0
    assert mx.dice(set(), {1}) == 0.0


@given(places, places)
def test_haversine_equals_sklearn_and_is_symmetric(a, b):
    theirs = mx.EARTH_KM * haversine_distances(np.radians([a, b]))[0, 1]
    assert mx.haversine_km(a, b) == pytest.approx(theirs, abs=1e-6) == mx.haversine_km(b, a)


@given(places, places)
def test_haversine_equals_the_angle_between_the_places(a, b):
    def vector(place):
        lat, lon = np.radians(place)
        return np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])

    u = vector(a)
    v = vector(b)
    angle = np.arctan2(np.linalg.norm(np.cross(u, v)), u @ v)
    assert mx.haversine_km(a, b) == pytest.approx(mx.EARTH_KM * angle, rel=1e-6, abs=1e-3)


def test_gower_by_hand_with_a_hole_and_a_constant_column():
    X = [[0.0, 7.0], [5.0, 7.0], [np.nan, 7.0]]
    D = mx.gower(X, [["a"], ["b"], ["a"]])
    assert D[0, 1] == pytest.approx((1 + 0 + 1) / 3)
    assert D[0, 2] == pytest.approx((0 + 0) / 2)
    assert D[1, 2] == pytest.approx((0 + 1) / 2)


@given(st.integers(2, 8), st.integers(0, 99))
def test_gower_is_symmetric_bounded_and_blind_to_units(n, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    C = rng.choice(list("abc"), (n, 2)).tolist()
    D = mx.gower(X, C)
    assert np.array_equal(D, D.T)
    assert (np.diag(D) == 0).all()
    assert D.max() <= 1 + 1e-12
    assert np.allclose(D, mx.gower(X * [1, 1000, 0.1] + 5, C))


def test_simhash_bits_differ_with_the_angle():
    rng = np.random.default_rng(0)
    for degrees in (10, 60, 90, 150):
        t = np.radians(degrees)
        U = np.zeros((2, 20))
        U[0, 0] = 1.0
        U[1, 0] = np.cos(t)
        U[1, 1] = np.sin(t)
        one, two = mx.simhash(U * rng.uniform(0.1, 9), 20_000, seed=degrees)
        share = degrees / 180
        assert abs(np.mean(one != two) - share) < 4 * np.sqrt(share * (1 - share) / 20_000)


@given(st.floats(0.1, 50))
def test_simhash_ignores_length(scale):
    x = np.random.default_rng(1).normal(size=(3, 5))
    assume(np.isfinite(scale))
    assert np.array_equal(mx.simhash(x, 16, 0), mx.simhash(x * scale, 16, 0))


def test_minhash_estimates_jaccard_within_three_standard_errors():
    rng = np.random.default_rng(5)
    s = set(rng.integers(0, 10**6, 600).tolist())
    t = set(rng.integers(0, 10**6, 600).tolist())
    t |= set(list(s)[:400])
    J = jaccard(s, t)
    m = 2000
    first, second = mx.minhash([s, t], m, seed=0)
    assert abs((first == second).mean() - J) < 3 * np.sqrt(J * (1 - J) / m)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mx.overlap(set(), {1}), "empty set"),
        (lambda: mx.haversine_km([91.0, 0.0], [0.0, 0.0]), "91.0"),
        (lambda: mx.haversine_km([0.0], [0.0]), "latitude"),
        (lambda: mx.haversine_km([np.nan, 0.0], [0.0, 0.0]), "nan"),
        (lambda: mx.gower([[1.0]], []), "0 rows"),
        (lambda: mx.gower([1.0], [["a"]]), r"\(1,\)"),
        (lambda: mx.gower([[1.0], [2.0]], [["a"], ["b", "c"]]), "q categories"),
        (lambda: mx.gower([[np.inf]], [["a"]]), "infinite"),
        (lambda: mx.gower([[np.nan], [1.0]], [[], []]), "in common"),
        (lambda: mx.simhash([[0.0, 0.0]], 4, 0), "no direction"),
        (lambda: mx.simhash([[1.0]], 0, 0), "at least one bit"),
        (lambda: mx.minhash([{1}], 0, 0), "at least 1"),
        (lambda: mx.minhash([set()], 4, 0), "empty set"),
        (lambda: mx.minhash([{-1}], 4, 0), "elements must lie"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_set_measures_by_hand():
    """{1, 2, 3} and {3, 4, 5, 6, 7} share one of 3 and of 5 elements."""
    s = {1, 2, 3}
    t = {3, 4, 5, 6, 7}
    assert mx.dice(s, t) == 2 / 8
    assert mx.overlap(s, t) == mx.overlap(t, s) == pytest.approx(1 / 3)


@pytest.mark.parametrize(("s", "t"), [(set(), {1}), ({1}, set()), (set(), set())])
def test_the_overlap_with_an_empty_set_is_refused(s, t):
    with pytest.raises(ValueError, match="empty set"):
        mx.overlap(s, t)


def test_a_quarter_of_the_globe():
    quarter = mx.EARTH_KM * np.pi / 2
    assert mx.haversine_km([90, 0], [0, 77]) == pytest.approx(quarter)
    assert mx.haversine_km([-90.0, 360.0], [0.0, -360.0]) == pytest.approx(quarter)
    assert mx.haversine_km([Fraction(0), Fraction(-45)], [0, 45]) == pytest.approx(quarter)
    assert mx.haversine_km([0.0, 0.0], [0.0, 180.0]) == pytest.approx(2 * quarter)


def test_antipodes_are_half_a_circle_apart_whatever_the_rounding():
    for latitude in np.linspace(-89.5, 89.5, 180):
        found = mx.haversine_km([latitude, 10.0], [-latitude, 190.0])
        assert found == pytest.approx(mx.EARTH_KM * np.pi, rel=1e-7)


@pytest.mark.parametrize(
    "bad",
    [[90.5, 0.0], [-91.0, 0.0], [0.0, 360.5], [0.0, -361.0], [np.inf, 0.0], [0.0, np.nan]],
)
def test_either_place_must_lie_on_the_globe(bad):
    with pytest.raises(ValueError, match="a place is .latitude in"):
        mx.haversine_km(bad, [0.0, 0.0])
    with pytest.raises(ValueError, match="a place is .latitude in"):
        mx.haversine_km([0.0, 0.0], bad)


@pytest.mark.parametrize("places", [([0.0] * 3, [0.0] * 3), (0.0, 0.0)])
def test_a_place_has_two_numbers(places):
    with pytest.raises(ValueError, match="a place is .latitude in"):
        mx.haversine_km(*places)


def test_gower_of_numbers_and_categories_by_hand():
    """Ranges 8 and 2. Rows 0 and 1: 2/8 and 2/2, red and blue, S and S: (1/4 + 1 + 1 + 0) / 4."""
    X = [[Fraction(1), 5], [3, 7], [9, 6]]
    D = mx.gower(X, [["red", "S"], ["blue", "S"], ["red", "M"]])
    assert D[0, 1] == pytest.approx((2 / 8 + 2 / 2 + 1 + 0) / 4)
    assert D[0, 2] == pytest.approx((8 / 8 + 1 / 2 + 0 + 1) / 4)
    assert D[1, 2] == pytest.approx((6 / 8 + 1 / 2 + 1 + 1) / 4)
    assert np.array_equal(D, D.T)


def test_gower_of_numbers_or_categories_alone():
    assert mx.gower([[0.0], [1.0], [4.0]], [[], [], []])[0].tolist() == [0.0, 0.25, 1.0]
    assert mx.gower(np.empty((3, 0)), [["a"], ["b"], ["a"]])[0].tolist() == [0.0, 1.0, 0.0]
    assert mx.gower([[3.0]], [["a"]]).tolist() == [[0.0]]


def test_a_missing_number_leaves_its_column_out_of_its_pairs():
    """Column 0 has the range 4 and no value for row 1; column 1 has no value at all."""
    X = [[0.0, np.nan, 0.0], [np.nan, np.nan, 1.0], [4.0, np.nan, 2.0], [1.0, np.nan, 0.0]]
    D = mx.gower(X, [["a"], ["a"], ["b"], ["a"]])
    assert D[0, 1] == pytest.approx((1 / 2 + 0) / 2)
    assert D[0, 2] == pytest.approx((4 / 4 + 2 / 2 + 1) / 3)
    assert D[0, 3] == pytest.approx((1 / 4 + 0 + 0) / 3)
    assert D[1, 2] == pytest.approx((1 / 2 + 1) / 2)


def test_missing_categories_are_a_level_of_their_own():
    nan = float("nan")
    rows = [[nan], [np.float32("nan")], [None], ["NaN"], [1.5], [None]]
    D = mx.gower(np.empty((6, 0)), rows)
    same = {(0, 1), (1, 0), (2, 5), (5, 2)}
    for i, j in np.ndindex(D.shape):
        assert D[i, j] == (0.0 if i == j or (i, j) in same else 1.0)


def test_numbers_as_categories_are_told_apart_by_value_and_type():
    rows = [[1], [True], [1.0], ["1"], [np.int64(1)], [2]]
    D = mx.gower(np.empty((6, 0)), rows)
    for i, j in np.ndindex(D.shape):
        assert D[i, j] == (0.0 if i == j or {i, j} == {0, 4} else 1.0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("unit", [1e-300, 1.0, 1.7e308])
def test_gower_does_not_depend_on_the_size_of_numbers(unit):
    X = unit * np.array([[-1.0], [0.5], [1.0]])
    assert np.allclose(mx.gower(X, [[], [], []])[0], [0.0, 0.75, 1.0], rtol=1e-12)


@pytest.mark.parametrize(
    ("shape", "categories"),
    [
        ((2,), [["a"], ["b"]]),
        ((2, 1, 1), [["a"], ["b"]]),
        ((2, 1), [["a"]]),
        ((2, 1), [["a"], ["b"], ["c"]]),
        ((2, 1), [["a"], ["b", "c"]]),
        ((0, 1), []),
    ],
)
def test_numbers_and_categories_have_the_same_rows(shape, categories):
    message = f"n rows of q categories, got shape {shape} and {len(categories)} rows"
    with pytest.raises(ValueError, match=re.escape(message)):
        mx.gower(np.ones(shape), categories)


def test_one_infinite_number_of_many_is_refused():
    with pytest.raises(ValueError, match="infinite"):
        mx.gower([[1.0, 2.0], [-np.inf, 1.0]], [["a"], ["a"]])


def test_a_pair_without_a_common_value_is_refused():
    with pytest.raises(ValueError, match="some pair of rows has no value in common"):
        mx.gower([[np.nan, 1.0], [1.0, np.nan]], [[], []])


def test_signs_depend_on_the_seed_and_the_side_of_each_plane():
    rows = np.random.default_rng(2).normal(size=(5, 3))
    one = mx.simhash(rows, 12, seed=3)
    assert one.shape == (5, 12)
    assert one.dtype == bool
    assert np.array_equal(one, mx.simhash(rows, 12, seed=3))
    assert not np.array_equal(one, mx.simhash(rows, 12, seed=4))
    assert np.array_equal(~one, mx.simhash(-rows, 12, seed=3))
    assert np.array_equal(one[:, :1], mx.simhash(rows, 12, seed=3)[:, :1])
    assert mx.simhash(rows, 1, seed=3).shape == (5, 1)


@pytest.mark.parametrize("unit", [1e-200, 1e308])
def test_each_row_is_signed_by_its_direction_alone(unit):
    rows = np.random.default_rng(4).uniform(-1, 1, size=(6, 4))
    scaled = rows * np.array([1.0, unit, 1.0, unit, unit, 2.0])[:, None]
    assert np.array_equal(mx.simhash(scaled, 64, 0), mx.simhash(rows, 64, 0))
    whole = [[Fraction(1), Fraction(-2)]]
    assert np.array_equal(mx.simhash(whole, 64, 0), mx.simhash([[1.0, -2.0]], 64, 0))


def test_the_two_signs_are_equally_likely():
    assert abs(mx.simhash([[1.0, 1.0, 1.0]], 20_000, 5).mean() - 0.5) < 4 * 0.5 / np.sqrt(20_000)


@pytest.mark.parametrize(
    "rows",
    [[1.0], [], [[[1.0]]], [[1.0, np.nan]], [[1.0], [np.inf]], [[1.0, 0.0], [0.0, 0.0]]],
)
def test_rows_without_a_direction_are_refused(rows):
    with pytest.raises(ValueError, match="need finite rows"):
        mx.simhash(rows, 4, 0)


def test_signatures_by_hand():
    """m hash functions (a x + b) mod (2^31 - 1), with a and b drawn in this order."""
    rng = np.random.default_rng(6)
    prime = 2**31 - 1
    a = rng.integers(1, prime, 5).tolist()
    b = rng.integers(0, prime, 5).tolist()
    sets = [{0}, {1, 2, 3}, {prime - 1, 10**9, 7}]
    expected = [
        [min((u * x + v) % prime for x in s) for u, v in zip(a, b, strict=True)] for s in sets
    ]
    assert mx.minhash(iter(sets), 5, seed=6).tolist() == expected


def test_signatures_depend_on_the_seed_alone():
    sets = [{1, 5, 9}, {2, 5}]
    one = mx.minhash(sets, 8, seed=1)
    assert one.shape == (2, 8)
    assert one.dtype == np.int64
    assert np.array_equal(one, mx.minhash(sets, 8, seed=1))
    assert not np.array_equal(one, mx.minhash(sets, 8, seed=2))
    assert mx.minhash(sets, 1, seed=1).shape == (2, 1)


def test_hash_functions_permute_so_that_different_elements_never_collide():
    found = mx.minhash([{x} for x in range(200)], 30, seed=0)
    for column in found.T:
        assert len(set(column.tolist())) == 200


def test_elements_outside_the_hashed_range_are_refused():
    prime = 2**31 - 1
    assert mx.minhash([{0, prime - 1}], 3, 0).shape == (1, 3)
    with pytest.raises(ValueError, match=f"in \\[0, {prime}\\), got 5 to {prime}"):
        mx.minhash([{5, prime}], 3, 0)
    with pytest.raises(ValueError, match=r"got -1 to 4"):
        mx.minhash([{1}, {-1, 4}], 3, 0)


def test_elements_that_are_no_whole_numbers_are_refused():
    with pytest.raises(TypeError, match="whole numbers"):
        mx.minhash([{1, "a"}], 3, 0)
    with pytest.raises(TypeError, match="whole numbers"):
        mx.minhash([{1.5}], 3, 0)
    assert np.array_equal(mx.minhash([{np.int64(4)}], 3, 0), mx.minhash([{4}], 3, 0))


def test_no_sets_have_no_signatures():
    with pytest.raises(ValueError, match="no sets"):
        mx.minhash([], 3, 0)


def test_gower_of_whole_numbers_is_the_rounded_quotient():
    column = [0, 1, 5, 7, 19, 46, 92, 97]
    found = mx.gower([[x] for x in column], [[]] * 8)
    assert found.tolist() == [[abs(x - y) / 97 for y in column] for x in column]


def test_small_rows_beside_huge_ones_keep_their_signs():
    rows = np.random.default_rng(4).uniform(-1, 1, size=(6, 4))
    scaled = rows * np.array([1e-200, 1e200, 1.0, 1e-300, 1e300, 1.0])[:, None]
    assert np.array_equal(mx.simhash(scaled, 64, 0), mx.simhash(rows, 64, 0))
