"""Measures against SciPy and scikit-learn; axioms and invariances on random vectors."""

import tracemalloc

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
@pytest.mark.parametrize("k", [1, 10, 700])
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
