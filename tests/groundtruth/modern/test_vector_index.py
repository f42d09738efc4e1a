"""Claims of groundtruth.modern.vector_index and product_quantization."""

from __future__ import annotations

import numpy as np
import pytest
from groundtruth.modern import vector_index as vi
from groundtruth.modern.product_quantization import ProductQuantizer
from sklearn.neighbors import NearestNeighbors


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(400, 16)), rng.normal(size=(30, 16))


@pytest.mark.parametrize(("metric", "theirs"), [("l2", "euclidean"), ("cosine", "cosine")])
def test_exact_search_is_that_of_scikit_learn(data, metric, theirs):
    X, Q = data
    model = NearestNeighbors(n_neighbors=7, metric=theirs).fit(X)
    assert (vi.Flat(X, metric).search(Q, 7) == model.kneighbors(Q)[1]).all()


def test_exact_inner_products_are_those_of_faiss_in_single_precision(data):
    faiss = pytest.importorskip("faiss")
    X, Q = (part.astype(np.float32) for part in data)
    index = faiss.IndexFlatIP(16)
    index.add(X)
    assert (vi.Flat(X, "ip").search(Q, 5) == index.search(Q, 5)[1]).all()
    assert vi.Flat(X, "ip").X.dtype == np.float32


def test_blocks_of_queries_give_what_one_block_gives(data, monkeypatch):
    X, Q = data
    whole = vi.Flat(X, "ip").search(Q, 3)
    monkeypatch.setattr(vi, "BLOCK", 900)
    assert (vi.Flat(X, "ip").search(Q, 3) == whole).all()


def test_largest_of_all_columns_is_a_sort():
    scores = np.random.default_rng(2).normal(size=(5, 9))
    assert (vi.largest(scores, 9) == np.argsort(-scores, axis=1)).all()


def test_augmented_vectors_have_one_norm_and_turn_products_into_distances(data):
    X, Q = data
    A = vi.inner_product_as_distance(X)
    assert np.ptp(np.linalg.norm(A, axis=1)) < 1e-12
    padded = np.column_stack([Q, np.zeros(len(Q))])
    assert (vi.Flat(A).search(padded, 5) == vi.Flat(X, "ip").search(Q, 5)).all()


def test_k_means_lowers_the_error_and_ends_at_nearest_centroids(data):
    X, _ = data
    errors = []
    for steps in (0, 1, 5, 20):
        C, cell = vi.k_means(X, 8, np.random.default_rng(3), steps)
        errors.append(((X - C[cell]) ** 2).sum())
        assert (cell == ((X[:, None] - C) ** 2).sum(2).argmin(1)).all()
    assert (np.diff(errors) < 0).all()


def test_k_means_finds_planted_centers():
    centers = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    rng = np.random.default_rng(4)
    X = np.repeat(centers, 50, axis=0) + 0.1 * rng.normal(size=(150, 2))
    C, _ = vi.k_means(X, 3, np.random.default_rng(0), 30)
    if len(np.unique(C.round())) > 2:
        assert np.abs(np.sort(C, axis=0) - np.sort(centers, axis=0)).max() < 0.1


def test_a_centroid_without_rows_stays():
    C, cell = vi.k_means(np.array([[0.0], [0.0], [5.0]]), 3, np.random.default_rng(0), 4)
    assert np.isfinite(C).all()
    assert set(cell) <= {0, 1, 2}


def test_ivf_with_all_cells_is_exact(data):
    X, Q = data
    index = vi.IVF(X, 12, np.random.default_rng(5))
    exact = vi.Flat(X).search(Q, 6)
    for q, ids in zip(Q, exact, strict=True):
        found, work = index.search(q, 6, 12)
        assert (found == ids).all()
        assert work == 12 + len(X)


def test_each_list_holds_exactly_the_vectors_nearest_to_its_centroid():
    X = np.random.default_rng(3).normal(size=(200, 4))
    index = vi.IVF(X, 9, np.random.default_rng(4))
    cell = vi.assign(X, index.centroids)
    assert [ids.tolist() for ids in index.lists] == [
        np.flatnonzero(cell == c).tolist() for c in range(9)
    ]


def test_ivf_is_that_of_faiss_with_the_same_centroids(data):
    faiss = pytest.importorskip("faiss")
    X, Q = data
    ours = vi.IVF(X, 12, np.random.default_rng(6))
    quantizer = faiss.IndexFlatL2(16)
    quantizer.add(ours.centroids.astype(np.float32))
    theirs = faiss.IndexIVFFlat(quantizer, 16, 12)
    theirs.is_trained = True
    theirs.add(X.astype(np.float32))
    theirs.nprobe = 3
    found = theirs.search(Q.astype(np.float32), 5)[1]
    assert (found == [ours.search(q, 5, 3)[0] for q in Q]).all()


def test_ivf_reads_the_probed_lists_only(data):
    X, Q = data
    index = vi.IVF(X, 12, np.random.default_rng(7))
    assert sorted(np.concatenate(index.lists).tolist()) == list(range(len(X)))
    near = ((index.centroids - Q[0]) ** 2).sum(1).argmin()
    ids, work = index.search(Q[0], 400, 1)
    assert set(ids) == set(index.lists[near])
    assert work == 12 + len(index.lists[near])


def test_planted_vectors_have_unit_norm_and_their_clusters_are_narrow():
    X, Q = vi.unit_vectors(np.random.default_rng(0), n=300, m=20, d=16, clusters=3)
    assert np.allclose(np.linalg.norm(np.concatenate([X, Q]), axis=1), 1)
    assert np.quantile(np.abs(X @ Q[0]), 0.9) > 0.8  # its own cluster
    free, _ = vi.unit_vectors(np.random.default_rng(0), n=300, m=20, d=16)
    assert np.quantile(np.abs(free @ free[0]), 0.9) < 0.6


def test_sizes_of_planted_vectors_are_checked():
    with pytest.raises(ValueError, match="clusters >= 0"):
        vi.unit_vectors(np.random.default_rng(0), clusters=-1)


def test_filters_before_and_after(data):
    X, Q = data
    index = vi.IVF(X, 8, np.random.default_rng(8))
    allowed = np.arange(len(X)) % 5 == 0
    before = vi.filtered(index, Q[0], 10, 8, allowed, True)
    ids = np.flatnonzero(allowed)
    assert (before == ids[vi.Flat(X[allowed]).search(Q[:1], 10)[0]]).all()
    after = vi.filtered(index, Q[0], 10, 8, allowed, False)
    exact = vi.Flat(X).search(Q[:1], 10)[0]
    assert after.tolist() == [i for i in exact if allowed[i]]
    with pytest.raises(ValueError, match="one Boolean"):
        vi.filtered(index, Q[0], 10, 8, allowed[:-1], True)


def test_hyperplanes_collide_with_probability_one_minus_the_angle_over_pi():
    angle = np.deg2rad(40)
    pair = np.array([[1.0, 0.0], [np.cos(angle), np.sin(angle)]])
    index = vi.LSH(pair, 1, 20_000, np.random.default_rng(9))
    same = np.mean([len(buckets) == 1 for buckets in index.buckets])
    assert same == pytest.approx(1 - angle / np.pi, abs=0.015)


def test_lsh_returns_the_best_of_its_buckets(data):
    X, Q = data
    index = vi.LSH(X, 4, 6, np.random.default_rng(10))
    planes = index.planes
    for q in Q[:5]:
        same = ((np.einsum("nd,tdb->tnb", X, planes) > 0) == ((q @ planes) > 0)[:, None]).all(2)
        candidates = np.flatnonzero(same.any(0))
        ids, work = index.search(q, 5)
        assert work == candidates.size + 6 * 4  # and the normals of the planes
        units = X / np.linalg.norm(X, axis=1, keepdims=True)
        order = candidates[np.argsort(-(units[candidates] @ q), kind="stable")]
        assert ids.tolist() == order[:5].tolist()
        first = index.search(q, 5, tables=1)[1]
        assert first == same[0].sum() + 4


def test_product_quantizer_is_that_of_faiss_with_the_same_codebooks(data):
    faiss = pytest.importorskip("faiss")
    X, Q = data
    ours = ProductQuantizer(X, 4, 256, np.random.default_rng(11))
    theirs = faiss.IndexPQ(16, 4, 8)
    faiss.copy_array_to_vector(ours.codebooks.astype(np.float32).ravel(), theirs.pq.centroids)
    theirs.is_trained = True
    theirs.add(X.astype(np.float32))
    codes = faiss.vector_to_array(theirs.codes).reshape(len(X), 4)
    assert (codes == ours.codes).mean() > 0.999
    distances = theirs.search(Q.astype(np.float32), 5)[0]
    expected = [np.sort(ours.distances(q))[:5] for q in Q]
    assert np.allclose(distances, expected, atol=1e-4)


def test_tables_give_distances_to_decoded_vectors(data):
    X, Q = data
    pq = ProductQuantizer(X, 8, 16, np.random.default_rng(12))
    expected = ((pq.decode(pq.codes) - Q[3]) ** 2).sum(1)
    assert np.allclose(pq.distances(Q[3]), expected)
    assert (pq.search(Q[3], 4) == np.argsort(expected, kind="stable")[:4]).all()


def test_reranking_everything_is_exact(data):
    X, Q = data
    pq = ProductQuantizer(X, 2, 4, np.random.default_rng(13))
    assert (pq.search(Q[0], 5, len(X), X) == vi.Flat(X).search(Q[:1], 5)[0]).all()
    with pytest.raises(ValueError, match="reranking"):
        pq.search(Q[0], 5, 3, X)
    with pytest.raises(ValueError, match="reranking"):
        pq.search(Q[0], 5, 10)


def test_no_distance_is_wrong_by_more_than_the_residual(data):
    X, Q = data
    pq = ProductQuantizer(X, 4, 8, np.random.default_rng(14))
    residual = np.linalg.norm(X - pq.decode(pq.codes), axis=1)
    gap = np.abs(np.sqrt(pq.distances(Q[0])) - np.linalg.norm(X - Q[0], axis=1))
    assert (gap <= residual + 1e-12).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X: vi.Flat(X, "dot"), "metric"),
        (lambda X: vi.Flat([[np.nan]]), "finite"),
        (lambda X: vi.Flat(X).search(X[:2], 401), "k must"),
        (lambda X: vi.Flat(X, "ip").search(X[:, :3], 2), "dimensions"),
        (lambda X: vi.IVF(X, 0, np.random.default_rng(0)), "centroids"),
        (lambda X: vi.IVF(X, 3, np.random.default_rng(0)).search(X[0], 1, 4), "nprobe"),
        (lambda X: vi.IVF(X, 3, np.random.default_rng(0)).search(X[0, :2], 1, 1), "query"),
        (lambda X: vi.LSH(X, 0, 1, np.random.default_rng(0)), "bits"),
        (lambda X: ProductQuantizer(X, 3, 4, np.random.default_rng(0)), "divide"),
        (lambda X: ProductQuantizer(X, 4, 257, np.random.default_rng(0)), "centroids"),
    ],
)
def test_bad_input_is_refused(data, call, message):
    with pytest.raises(ValueError, match=message):
        call(data[0])
