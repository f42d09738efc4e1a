"""Set, globe and mixed measures against libraries and cases worked by hand."""

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
        U[0, 0], U[1, 0], U[1, 1] = 1.0, np.cos(t), np.sin(t)
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
