"""Measures against SciPy and scikit-learn; axioms and invariances on random vectors."""

import math
import re
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from groundtruth.data import similarity as sim
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial import distance
from sklearn.metrics import pairwise
from sklearn.neighbors import NearestNeighbors

finite = st.floats(-100, 100)
triples = st.integers(1, 6).flatmap(lambda d: st.tuples(*[arrays(float, d, elements=finite)] * 3))
words = st.text("abc", max_size=8)
METRICS = [sim.euclidean, sim.manhattan, sim.chebyshev, lambda a, b: sim.minkowski(a, b, 3.5)]


@given(triples)
def test_pairs_equal_scipy(abc):
    a, b, _ = abc
    assert sim.euclidean(a, b) == pytest.approx(distance.euclidean(a, b), rel=1e-12, abs=1e-12)
    assert sim.manhattan(a, b) == pytest.approx(distance.cityblock(a, b), rel=1e-12, abs=1e-12)
    assert sim.chebyshev(a, b) == pytest.approx(distance.chebyshev(a, b), rel=1e-12, abs=1e-12)
    assert sim.minkowski(a, b, 3.5) == pytest.approx(
        distance.minkowski(a, b, 3.5), rel=1e-9, abs=1e-9
    )


@given(triples)
def test_metrics_satisfy_the_axioms(abc):
    a, b, c = abc
    for metric in METRICS:
        assert metric(a, a) == 0
        assert metric(a, b) == metric(b, a) >= 0
        assert metric(a, c) <= metric(a, b) + metric(b, c) + 1e-9


@given(triples)
def test_norms_are_ordered(abc):
    a, b, _ = abc
    d = a.size
    assert (
        sim.chebyshev(a, b)
        <= sim.euclidean(a, b) + 1e-9
        <= sim.manhattan(a, b) + 2e-9
        <= np.sqrt(d) * sim.euclidean(a, b) + 1e-6
    )


@given(triples, st.floats(0.1, 10))
def test_cosine_ignores_length_and_equals_scipy(abc, scale):
    a, b, _ = abc
    assume(np.linalg.norm(a) > 1e-3 and np.linalg.norm(b) > 1e-3)
    assert sim.cosine(a, b) == pytest.approx(1 - distance.cosine(a, b), abs=1e-9)
    assert sim.cosine(scale * a, b) == pytest.approx(sim.cosine(a, b), abs=1e-9)
    assert -1 <= sim.cosine(a, b) <= 1


def test_cosine_distance_is_not_a_metric():
    at = [np.array([np.cos(t), np.sin(t)]) for t in np.radians([0, 45, 90])]
    far = 1 - sim.cosine(at[0], at[2])
    step = 1 - sim.cosine(at[0], at[1])
    assert far > 2 * step + 0.4


def test_rbf_and_mahalanobis_equal_the_libraries():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 4)) @ rng.normal(size=(4, 4))
    C = np.cov(X.T)
    assert sim.rbf(X[0], X[1], 0.3) == pytest.approx(
        pairwise.rbf_kernel(X[:1], X[1:2], gamma=0.3)[0, 0], rel=1e-12
    )
    assert sim.mahalanobis(X[0], X[1], C) == pytest.approx(
        distance.mahalanobis(X[0], X[1], np.linalg.inv(C)), rel=1e-9
    )
    assert sim.mahalanobis(X[0], X[1], np.eye(4)) == pytest.approx(
        sim.euclidean(X[0], X[1]), rel=1e-12
    )


@given(words, words, words)
def test_edit_distance_is_a_metric_and_bounded(s, t, u):
    d = sim.levenshtein
    assert d(s, t) == d(t, s)
    assert (d(s, t) == 0) == (s == t)
    assert d(s, u) <= d(s, t) + d(t, u)
    assert abs(len(s) - len(t)) <= d(s, t) <= max(len(s), len(t))
    if len(s) == len(t):
        assert d(s, t) <= sim.hamming(s, t)


@given(words, words)
def test_edit_distance_equals_the_recursive_definition(s, t):
    def slow(a, b):
        if not a or not b:
            return len(a) + len(b)
        return min(slow(a[1:], b) + 1, slow(a, b[1:]) + 1, slow(a[1:], b[1:]) + (a[0] != b[0]))

    assume(len(s) <= 5 and len(t) <= 5)
    assert sim.levenshtein(s, t) == slow(s, t)


@given(st.sets(st.integers(0, 20)), st.sets(st.integers(0, 20)))
def test_jaccard_equals_scipy(s, t):
    assume(s | t)
    u, v = ([i in group for i in range(21)] for group in (s, t))
    assert sim.jaccard(s, t) == pytest.approx(1 - distance.jaccard(u, v))
    assert sim.jaccard(s, t) == sim.jaccard(t, s)


def test_two_empty_sets_are_equal_by_convention():
    assert sim.jaccard(set(), set()) == 1.0


def test_all_pairs_equal_the_libraries():
    rng = np.random.default_rng(1)
    X = rng.normal(5, 1, (40, 7))
    Y = rng.normal(5, 1, (30, 7))
    assert np.allclose(sim.cosine_matrix(X, Y), pairwise.cosine_similarity(X, Y), atol=1e-12)
    assert np.allclose(sim.pairwise_sq_dists(X, Y), distance.cdist(X, Y, "sqeuclidean"), atol=1e-10)
    assert np.allclose(sim.pairwise_dists(X, Y), distance.cdist(X, Y), atol=1e-10)
    assert np.array_equal(np.diag(sim.pairwise_sq_dists(X)), np.zeros(40))
    assert np.allclose(sim.pairwise_sq_dists(X), distance.cdist(X, X, "sqeuclidean"), atol=1e-10)


def test_centring_keeps_the_digits_far_from_the_origin():
    X = 1e6 + np.random.default_rng(2).normal(size=(20, 3))
    true = distance.cdist(X, X, "sqeuclidean")
    plain = (X * X).sum(1)[:, None] - 2 * X @ X.T + (X * X).sum(1)
    assert np.abs(plain - true).max() > 1e-4 > 1e-8 > np.abs(sim.pairwise_sq_dists(X) - true).max()


def test_squared_distance_of_unit_vectors_is_two_minus_two_cosine():
    U = sim.unit_rows(np.random.default_rng(3).normal(size=(30, 5)))
    assert np.allclose(sim.pairwise_sq_dists(U), 2 - 2 * sim.cosine_matrix(U), atol=1e-12)


def test_nearest_equals_sklearn_in_bounded_memory(monkeypatch):
    rng = np.random.default_rng(4)
    X = rng.normal(size=(3000, 8))
    Y = rng.normal(size=(2000, 8))
    monkeypatch.setattr(sim, "BLOCK_BYTES", 1_000_000)
    tracemalloc.start()
    places, gaps = sim.nearest(X, Y, 5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    their_gaps, their_places = (
        NearestNeighbors(n_neighbors=5, algorithm="brute").fit(Y).kneighbors(X)
    )
    assert np.allclose(gaps, their_gaps, atol=1e-9)
    assert (places == their_places).mean() > 0.999
    assert peak < 3000 * 2000 * 8 / 4  # the whole table would take 48 MB


@given(arrays(float, st.integers(1, 40), elements=st.integers(-5, 5).map(float)), st.data())
def test_top_k_equals_a_full_stable_sort_with_ties(scores, data):
    k = data.draw(st.integers(1, scores.size))
    assert sim.top_k(scores, k).tolist() == np.argsort(-scores, kind="stable")[:k].tolist()


@pytest.mark.parametrize("order", ["random", "rising", "falling", "striped", "tied", "infinite"])
@pytest.mark.parametrize("k", [1, 10, 700, 6000])
def test_top_k_of_a_long_vector_does_not_depend_on_its_order(order, k):
    rng = np.random.default_rng(6)
    s = rng.normal(size=50_000)
    s = {
        "random": s,
        "rising": np.sort(s),
        "falling": -np.sort(-s),
        "striped": np.where(np.arange(s.size) % 12 == 0, -9.0, s),
        "tied": np.round(s, 1),
        "infinite": np.where(s > 3, np.inf, s),
    }[order]
    assert sim.top_k(s, k).tolist() == np.argsort(-s, kind="stable")[:k].tolist()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sim.dot([], []), "length >= 1"),
        (lambda: sim.dot([1.0], [1.0, 2.0]), r"\(1,\) and \(2,\)"),
        (lambda: sim.dot([np.nan], [1.0]), "NaN"),
        (lambda: sim.euclidean([np.inf], [1.0]), "infinity"),
        (lambda: sim.cosine([0.0, 0.0], [1.0, 0.0]), "zero vector"),
        (lambda: sim.minkowski([1.0], [2.0], 0.5), "at least 1"),
        (lambda: sim.minkowski([1.0], [2.0], np.nan), "at least 1"),
        (lambda: sim.rbf([1.0], [2.0], 0.0), "positive"),
        (lambda: sim.mahalanobis([1.0], [2.0], np.eye(2)), r"\(1, 1\)"),
        (lambda: sim.mahalanobis([1.0, 1.0], [2.0, 1.0], np.ones((2, 2))), "not positive definite"),
        (lambda: sim.hamming("ab", "abc"), "levenshtein"),
        (lambda: sim.cosine_matrix(np.zeros((2, 2))), "row 0 is zero"),
        (lambda: sim.cosine_matrix(np.ones((2, 2)), np.ones((2, 3))), r"\(2, 2\) and \(2, 3\)"),
        (lambda: sim.pairwise_sq_dists(np.ones((0, 2))), "n, m, d >= 1"),
        (lambda: sim.pairwise_sq_dists([[np.nan]]), "NaN"),
        (lambda: sim.pairwise_dists(np.ones((2, 2)), np.ones((2, 3))), "need tables"),
        (lambda: sim.nearest(np.ones((2, 2)), np.ones((3, 2)), 4), "the 3 rows"),
        (lambda: sim.top_k([1.0, 2.0], 3), "k = 3"),
        (lambda: sim.top_k([1.0, np.nan], 1), "NaN"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


PLAIN_MEASURES = [sim.dot, sim.cosine, sim.euclidean, sim.manhattan, sim.chebyshev]


@pytest.mark.parametrize("measure", PLAIN_MEASURES)
def test_numbers_of_any_kind_are_taken_as_floats(measure):
    a = [Fraction(1, 2), Fraction(3)]
    b = [Fraction(-1, 4), Fraction(2)]
    expected = measure([0.5, 3.0], [-0.25, 2.0])
    assert measure(a, b) == measure([0.5, 3.0], b) == measure(a, [-0.25, 2.0]) == expected


def test_products_of_small_integers_do_not_wrap_around():
    small = np.array([100, 100], dtype=np.int8)
    assert sim.dot(small, small) == 20_000


@pytest.mark.parametrize("measure", PLAIN_MEASURES)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_hole_in_either_vector_is_refused(measure, bad):
    with pytest.raises(ValueError, match="NaN or infinity"):
        measure([1.0, bad], [1.0, 2.0])
    with pytest.raises(ValueError, match="NaN or infinity"):
        measure([1.0, 2.0], [1.0, bad])


@pytest.mark.parametrize("measure", PLAIN_MEASURES)
def test_a_table_is_no_vector(measure):
    with pytest.raises(ValueError, match=r"need two vectors.*\(1, 2\)"):
        measure([[1.0, 2.0]], [[1.0, 2.0]])


@pytest.mark.parametrize(("a", "b"), [([0.0, 0.0], [1.0, 0.0]), ([1.0, 0.0], [0.0, 0.0])])
def test_the_cosine_with_a_zero_vector_is_refused(a, b):
    with pytest.raises(ValueError, match="zero vector"):
        sim.cosine(a, b)


@pytest.mark.parametrize("left", [1e-200, 1.0, 1e200])
@pytest.mark.parametrize("right", [1e-200, 1.0, 1e200])
def test_the_cosine_of_huge_and_of_tiny_vectors(left, right):
    """(3, 4) and (4, 3): 24 / 25."""
    a = left * np.array([3.0, 4.0])
    b = right * np.array([4.0, 3.0])
    assert sim.cosine(a, b) == pytest.approx(24 / 25, rel=1e-14)


def test_rounding_never_moves_a_cosine_out_of_its_range():
    rows = np.random.default_rng(10).normal(size=(300, 3))
    same = [sim.cosine(row, 3 * row) for row in rows]
    opposite = [sim.cosine(row, -3 * row) for row in rows]
    assert max(same) == 1
    assert min(opposite) == -1
    assert sim.cosine_matrix(rows).max() == 1
    assert sim.cosine_matrix(rows, -3 * rows).min() == -1


def test_minkowski_by_hand():
    assert sim.euclidean([0.0, 0.0], [1.0, -1.0]) == pytest.approx(np.sqrt(2), rel=1e-15)
    assert sim.manhattan([0.0, 0.0], [1.0, -1.0]) == 2
    assert sim.chebyshev([0.0, 0.0], [1.0, -3.0]) == 3
    assert sim.minkowski([0.0, 0.0], [2.0, -2.0], 3) == pytest.approx(2 * 2 ** (1 / 3), rel=1e-14)


@pytest.mark.parametrize("p", [1, 2, 3.5, 2000])
def test_minkowski_of_huge_and_of_tiny_vectors(p):
    expected = (3.0**p + 4.0**p) ** (1 / p) if p < 500 else 4.0
    for unit in (1e-250, 1e250):
        assert sim.minkowski([0.0, 0.0], [3 * unit, 4 * unit], p) == pytest.approx(expected * unit)


@pytest.mark.parametrize("gamma", [-1.0, 0.0, np.inf, np.nan])
def test_the_reach_of_the_gaussian_similarity_must_be_positive_and_finite(gamma):
    with pytest.raises(ValueError, match=f"positive and finite, got {gamma}"):
        sim.rbf([1.0], [2.0], gamma)


@pytest.mark.parametrize("gamma", [0.25, 1.0, 3.0])
def test_the_gaussian_similarity_by_hand(gamma):
    """The squared distance of (0, 0) and (1, 2) is 5."""
    assert sim.rbf([0.0, 0.0], [1.0, 2.0], gamma) == pytest.approx(math.exp(-5 * gamma), rel=1e-14)


def test_mahalanobis_takes_numbers_of_any_kind():
    """The inverse of (2 1; 1 2) is (2 -1; -1 2) / 3, so a difference of (1, 0) gives 2/3."""
    C = [[Fraction(2), Fraction(1)], [Fraction(1), Fraction(2)]]
    assert sim.mahalanobis([1.0, 0.0], [0.0, 0.0], C) == pytest.approx(math.sqrt(2 / 3), rel=1e-14)


@pytest.mark.parametrize(
    ("covariance", "message"),
    [
        ([[1.0, 0.0]], r"must be \(2, 2\), got \(1, 2\)"),
        ([[1.0, np.nan], [np.nan, 1.0]], "NaN"),
        ([[np.inf, 0.0], [0.0, 1.0]], "infinity"),
        ([[2.0, 1.0], [0.5, 2.0]], "not symmetric"),
        ([[2.0, 1.0], [1.0 + 1e-7, 2.0]], "not symmetric"),
        ([[2.0, 0.0], [1e-9, 2.0]], "not symmetric"),
        ([[2e6, 0.0], [1e-3, 2e6]], "not symmetric"),
        ([[2e-20, 1e-20], [0.5e-20, 2e-20]], "not symmetric"),
        ([[1.0, 2.0], [2.0, 1.0]], "not positive definite"),
    ],
)
def test_what_is_no_covariance_is_refused(covariance, message):
    with pytest.raises(ValueError, match=message):
        sim.mahalanobis([1.0, 0.0], [0.0, 0.0], covariance)


@pytest.mark.parametrize(
    "covariance",
    [
        [[2.0, 1.0], [1.0 + 1e-10, 2.0]],
        [[2e6, 0.0], [1e-7, 2e6]],  # beside entries of a million this is rounding
    ],
)
def test_rounding_does_not_make_a_covariance_asymmetric(covariance):
    inverse = np.linalg.inv(covariance)
    assert sim.mahalanobis([1.0, 0.0], [0.0, 0.0], covariance) == pytest.approx(
        math.sqrt(inverse[0, 0]), rel=1e-9
    )


def test_edits_of_an_empty_word_are_insertions():
    assert sim.levenshtein("", "") == 0
    assert sim.levenshtein("", "abc") == sim.levenshtein("abc", "") == 3


def test_sequences_of_other_things_than_letters_have_distances():
    assert sim.hamming([1, 2, 3], [1, 5, 4]) == 2
    assert sim.levenshtein([1, 2, 3], [2, 3, 4]) == 2


TABLE_MEASURES = [sim.cosine_matrix, sim.pairwise_sq_dists, sim.pairwise_dists]


@pytest.mark.parametrize("measure", TABLE_MEASURES)
def test_tables_of_any_kind_of_numbers_are_taken_as_floats(measure):
    X = [[Fraction(1, 2), Fraction(1)], [Fraction(2), Fraction(0)]]
    Y = [[Fraction(3), Fraction(1, 4)]]
    expected = measure([[0.5, 1.0], [2.0, 0.0]], [[3.0, 0.25]])
    assert np.array_equal(measure(X, Y), expected)
    assert np.array_equal(measure(np.array(X, dtype=float), Y), expected)
    assert measure(X, Y).dtype == measure(X).dtype == np.float64


@pytest.mark.parametrize("measure", TABLE_MEASURES)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_hole_in_either_table_is_refused(measure, bad):
    with pytest.raises(ValueError, match="NaN or infinity"):
        measure([[1.0, bad]], [[1.0, 2.0]])
    with pytest.raises(ValueError, match="NaN or infinity"):
        measure([[1.0, 2.0]], [[1.0, bad]])


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ((2,), (3, 2)),
        ((3, 2), (2,)),
        ((1, 3, 2), (3, 3)),
        ((3, 3), (1, 3, 2)),
        ((0, 2), (3, 2)),
        ((3, 2), (0, 2)),
        ((3, 0), (3, 0)),
        ((3, 3), (3, 2)),
    ],
)
def test_tables_that_do_not_fit_are_refused_with_both_shapes(x, y):
    with pytest.raises(ValueError, match=re.escape(f"got shapes {x} and {y}")):
        sim.tables(np.ones(x), np.ones(y))


def test_a_zero_row_is_refused_by_its_number():
    with pytest.raises(ValueError, match="row 1 is zero"):
        sim.unit_rows([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])


@pytest.mark.parametrize("units", [(1.0, 1.0), (1e-200, 1.0), (1e200, 1.0), (1e200, 1e-200)])
def test_rows_of_any_size_get_length_one(units):
    rows = np.array([[3.0, 4.0, 0.0], [0.0, -5.0, 12.0]]) * np.array(units)[:, None]
    expected = [[0.6, 0.8, 0.0], [0.0, -5 / 13, 12 / 13]]
    assert np.allclose(sim.unit_rows(rows), expected, rtol=1e-14)


def test_measures_of_tables_leave_them_as_they_are():
    X = np.random.default_rng(11).normal(size=(6, 3))
    Y = np.random.default_rng(12).normal(size=(4, 3))
    before = X.copy(), Y.copy()
    for measure in TABLE_MEASURES:
        measure(X, Y)
        measure(X)
    sim.nearest(X, Y, 2)
    assert np.array_equal(X, before[0])
    assert np.array_equal(Y, before[1])


@pytest.mark.parametrize(
    ("left", "right"), [(1e150, 1.0), (1.0, 1e150), (1e150, 1e150), (1e-150, 1e-150)]
)
def test_distances_of_huge_and_of_tiny_rows(left, right):
    rng = np.random.default_rng(13)
    X = left * rng.normal(size=(7, 3))
    Y = right * rng.normal(size=(5, 3))
    exact = np.array([[math.dist(x, y) for y in Y] for x in X])
    assert np.allclose(sim.pairwise_dists(X, Y), exact, rtol=1e-9, atol=0)
    assert np.allclose(sim.pairwise_sq_dists(X, Y), np.square(exact), rtol=1e-9, atol=0)


@pytest.mark.parametrize("n", [1, sim.ROWS, sim.ROWS + 1, 2 * sim.ROWS + 3])
def test_distances_do_not_depend_on_the_rows_taken_at_a_time(n):
    X = np.random.default_rng(14).normal(size=(n, 2))
    Y = X[:5] + 1.0
    assert np.allclose(sim.pairwise_sq_dists(X, Y), distance.cdist(X, Y, "sqeuclidean"), rtol=1e-9)
    assert np.allclose(sim.pairwise_sq_dists(X), distance.cdist(X, X, "sqeuclidean"), rtol=1e-9)


def test_distances_from_rows_that_lie_far_outside_the_others():
    rng = np.random.default_rng(17)
    X = 100 + rng.normal(size=(6, 3))
    Y = rng.normal(size=(9, 3))
    assert np.allclose(sim.pairwise_sq_dists(X, Y), distance.cdist(X, Y, "sqeuclidean"), rtol=1e-12)
    assert np.allclose(sim.pairwise_sq_dists(Y, X), distance.cdist(Y, X, "sqeuclidean"), rtol=1e-12)


@pytest.mark.parametrize("n", [20, 400])
def test_close_pairs_far_from_the_center_keep_their_digits(n):
    """Two clusters 1e8 apart: 1 in a distance is lost beside its square, 1e16.

    With many rows only a few pairs are close, with two clusters of all rows every second is.
    """
    rng = np.random.default_rng(15)
    X = rng.normal(size=(n, 3))
    for far in (2, n // 2):
        X[:far] += 1e8
        exact = distance.cdist(X, X)
        assert np.allclose(sim.pairwise_dists(X), exact, rtol=1e-9, atol=0)
        assert np.allclose(sim.pairwise_dists(X, X + 0.5)[0, 0], np.sqrt(0.75), rtol=1e-7)


def test_the_center_is_the_mean_until_far_rows_drag_it_away():
    """The median of the rows is 0, and so is half of the squares at most 1.

    (-1 -1 -1 + 0 + 1 + 1 + far) / 7 is 100 for 701: its square is 10 000 times the width 1.
    """
    rows = np.array([[-1.0], [1.0], [-1.0], [0.0], [-1.0], [1.0], [701.0]])
    assert sim._center(rows).tolist() == [100.0]
    rows[-1] = 701.007
    assert sim._center(rows).tolist() == [0.0]


def test_the_center_moves_with_the_rows():
    """The rows of the test above, all larger by 50."""
    rows = np.array([[49.0], [51.0], [49.0], [50.0], [49.0], [51.0], [751.0]])
    assert sim._center(rows).tolist() == [150.0]
    rows[-1] = 751.007
    assert sim._center(rows).tolist() == [50.0]


def test_each_feature_has_its_own_center():
    rows = np.array([[-1.0, 9.0], [1.0, 9.0], [0.0, 9.0]])
    assert sim._center(rows).tolist() == [0.0, 9.0]
    far = np.vstack([rows, rows, [[1e6, 1e6]]])
    assert sim._center(far).tolist() == [0.0, 9.0]


def test_the_center_of_a_long_table_is_judged_by_rows_from_all_of_it():
    rows = np.zeros((1024, 1))
    rows[:: 1024 // 256] = 5.0
    rows[1] = 1e9
    assert sim._center(rows).tolist() == [5.0]


def close_block(close):
    """A table of 4 x 10 distances, all wrong, with these entries so small that they have no digits.

    The squared lengths 1, 2, 3, 4 of the rows and 10, 20, ... of the columns, in millions, make the
    limit of the entry (i, j) i + 1 + 10 (j + 1).
    """
    P = np.array([[3.0, 1.0], [1.0, -1.0], [0.0, 2.0], [5.0, 5.0]])
    Q = np.arange(20.0).reshape(10, 2) - 7
    block = np.full((4, 10), 1000.0)
    for i, j in close:
        block[i, j] = i + 1 + 10 * (j + 1)
    exact = distance.cdist(P, Q, "sqeuclidean")
    rows = 1e6 * np.arange(1.0, 5.0)
    columns = 1e7 * np.arange(1.0, 11.0)
    sim._subtract_where_close(block, P, Q, rows, columns)
    return block, exact


@pytest.mark.parametrize("close", [[(0, 0)], [(3, 9)], [(1, 2), (2, 0)]])
@pytest.mark.parametrize("size", [1, 16, sim.BLOCK_BYTES])
def test_few_entries_without_digits_are_subtracted_one_by_one(monkeypatch, close, size):
    monkeypatch.setattr(sim, "BLOCK_BYTES", size)
    block, exact = close_block(close)
    for i, j in np.ndindex(block.shape):
        assert block[i, j] == (exact[i, j] if (i, j) in close else 1000.0)


def test_many_entries_without_digits_make_the_whole_block_subtracted():
    block, exact = close_block([(0, 0), (1, 4), (3, 9)])
    assert np.array_equal(block, exact)


def test_a_block_whose_entries_keep_their_digits_stays():
    block, _ = close_block([])
    assert (block == 1000.0).all()


@pytest.mark.parametrize("k", [0, 4])
def test_k_out_of_range_is_refused(k):
    with pytest.raises(ValueError, match=f"between 1 and the 3 rows of Y, got {k}"):
        sim.nearest(np.ones((2, 2)), np.ones((3, 2)), k)
    with pytest.raises(ValueError, match=f"k = {k}"):
        sim.top_k([1.0, 2.0, 3.0], k)


@pytest.mark.parametrize("size", [1, 8 * 150 * 3, sim.BLOCK_BYTES])
@pytest.mark.parametrize("k", [1, 40, 150])
def test_equally_near_rows_come_in_order_of_their_number(monkeypatch, size, k):
    """On a small grid of whole numbers nearly all distances are tied, and squares are exact."""
    monkeypatch.setattr(sim, "BLOCK_BYTES", size)
    rng = np.random.default_rng(16)
    X = rng.integers(0, 3, (8, 2)).astype(float)
    Y = rng.integers(0, 3, (150, 2)).astype(float)
    places, gaps = sim.nearest(X, Y, k)
    squares = ((X[:, None] - Y) ** 2).sum(axis=2)
    order = np.argsort(squares, axis=1, kind="stable")[:, :k]
    assert np.array_equal(places, order)
    assert np.allclose(gaps, np.sqrt(np.take_along_axis(squares, order, axis=1)), rtol=1e-15)


def test_rounding_does_not_decide_between_equally_near_rows():
    """All points are at the distance 5 from the origin, which the far row moves out of center."""
    circle = [[3.0, 4.0], [-3.0, 4.0], [5.0, 0.0], [4.0, -3.0], [0.0, -5.0], [-4.0, -3.0]]
    Y = np.array([[1e3 / 3, 1e3 / 7], *circle * 20])
    for k in (1, 3, 50):
        places, gaps = sim.nearest([[0.0, 0.0]], Y, k)
        assert places.tolist() == [list(range(1, k + 1))]
        assert gaps.tolist() == [[5.0] * k]


@pytest.mark.parametrize("unit", [1e-200, 1e200])
def test_neighbors_among_huge_and_among_tiny_rows(unit):
    places, gaps = sim.nearest([[0.0, 0.0]], unit * np.array([[6.0, 8.0], [3.0, 4.0]]), 2)
    assert places.tolist() == [[1, 0]]
    assert np.allclose(gaps / unit, [[5.0, 10.0]], rtol=1e-14)


def test_scores_of_any_kind_of_numbers_are_ranked():
    scores = [Fraction(1, 3), Fraction(1, 2), Fraction(1, 4)]
    assert sim.top_k(scores, 2).tolist() == [1, 0]


def test_a_table_of_scores_is_refused():
    with pytest.raises(ValueError, match=r"shape \(1, 2\) and k = 1"):
        sim.top_k([[1.0, 2.0]], 1)


def test_all_scores_are_ranked_with_ties_in_order_of_position():
    scores = np.tile([1.0, 2.0, 2.0, 1.0], 60)
    order = sorted(range(240), key=lambda i: (-scores[i], i))
    for k in (1, 2, 120, 121, 239, 240):
        assert sim.top_k(scores, k).tolist() == order[:k]


@pytest.mark.filterwarnings("error")
def test_a_difference_beyond_the_largest_float_is_an_infinite_distance():
    P = np.array([[-1.5e308, 0.0], [3e300, 0.0]])
    Q = np.array([[1.5e308, 0.0], [0.0, 4e300]])
    assert sim._row_dists(P, Q).tolist() == [np.inf, pytest.approx(5e300)]
