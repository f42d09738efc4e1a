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
    index = vi.LSH(pair, 1, 4000, np.random.default_rng(9))
    same = np.mean([len(buckets) == 1 for buckets in index.buckets])
    assert same == pytest.approx(1 - angle / np.pi, abs=0.03)


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


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, bool])
def test_vectors_are_double_precision_unless_they_are_single(dtype):
    X = np.array([[1, 0], [0, 1]], dtype=dtype)
    table = vi.vectors(X)
    assert table.dtype == (np.float32 if dtype == np.float32 else np.float64)
    assert (table == X).all()


@pytest.mark.parametrize(
    "X", [[1.0, 2.0], [[[1.0]]], np.ones((0, 2)), np.ones((2, 0)), [[1.0, np.inf]]]
)
def test_only_finite_tables_with_rows_and_columns_are_vectors(X):
    with pytest.raises(ValueError, match="finite vectors"):
        vi.vectors(X)


def test_a_query_is_one_finite_vector_in_double_precision():
    assert vi.query_vector([1, 2], 2).dtype == np.float64
    assert vi.query_vector(np.ones(3, dtype=np.float32), 3).dtype == np.float64
    for q in ([1.0, 2.0], [[1.0, 2.0, 3.0]], [1.0, np.nan, 0.0]):
        with pytest.raises(ValueError, match="vector of 3 numbers"):
            vi.query_vector(q, 3)


@pytest.mark.parametrize("k", [0, 5])
def test_k_lies_between_one_and_the_number_of_vectors(k):
    X = np.eye(4)
    for index in (vi.Flat(X), vi.Flat(X, "ip")):
        assert index.search(X, 1).shape == (4, 1)
        assert sorted(index.search(X[:1], 4)[0]) == [0, 1, 2, 3]
        with pytest.raises(ValueError, match=f"the 4 vectors of the index, got {k}"):
            index.search(X, k)


@pytest.mark.parametrize("k", [0, 5])
@pytest.mark.parametrize(
    "search",
    [
        lambda X, k: vi.IVF(X, 2, np.random.default_rng(0)).search(X[0], k, 2)[0],
        lambda X, k: vi.LSH(X, 1, 9, np.random.default_rng(0)).search(X[0], k)[0],
    ],
    ids=["ivf", "lsh"],
)
def test_k_of_an_approximate_index_lies_between_one_and_the_number_of_vectors(search, k):
    X = np.eye(4)
    assert len(search(X, 1)) == 1
    assert len(search(X, 4)) == 4
    with pytest.raises(ValueError, match=f"the 4 vectors of the index, got {k}"):
        search(X, k)


def test_planted_vectors_are_2000_and_100_queries_of_32_independent_components_by_default():
    X, Q = vi.unit_vectors(np.random.default_rng(0))
    assert X.shape == (2000, 32)
    assert Q.shape == (100, 32)
    plain = np.random.default_rng(0).normal(size=(2100, 32))
    plain /= np.linalg.norm(plain, axis=1, keepdims=True)
    assert np.allclose(np.concatenate([X, Q]), plain)


@pytest.mark.parametrize("sizes", [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_planted_vectors_have_at_least_one_row_query_and_component(sizes):
    X, Q = vi.unit_vectors(np.random.default_rng(0), 1, 1, 1, clusters=1)
    assert X.shape == Q.shape == (1, 1)
    with pytest.raises(ValueError, match="clusters >= 0, got {}, {}, {} and 0".format(*sizes)):
        vi.unit_vectors(np.random.default_rng(0), *sizes)


def test_vectors_of_a_cluster_deviate_from_their_center_by_a_quarter_of_its_components():
    """Components of centers have variance 4, deviations from them 1/4: cosines of two vectors of
    one center are near 4 / (4 + 1/4), of two centers near 0.
    """
    X, Q = vi.unit_vectors(np.random.default_rng(1), n=20, m=4, d=4000, clusters=1)
    assert X @ Q[0] == pytest.approx(16 / 17, abs=0.01)
    X, Q = vi.unit_vectors(np.random.default_rng(1), n=200, m=1, d=1000, clusters=4)
    cosines = X @ Q[0]
    near = cosines > 0.5
    assert cosines[near] == pytest.approx(16 / 17, abs=0.02)
    assert cosines[~near] == pytest.approx(0, abs=0.15)
    assert near.mean() == pytest.approx(1 / 4, abs=0.1)


def test_the_metric_is_the_euclidean_distance_by_default(data):
    X, Q = data
    assert vi.Flat(X).metric == "l2"
    assert (vi.Flat(X).search(Q, 3) == vi.Flat(X, "l2").search(Q, 3)).all()
    far = [[10.0, 0.0], [1.0, 0.0]]
    assert vi.Flat(far).search([[2.0, 0.0]], 1).tolist() == [[1]]


def test_an_index_by_cosines_keeps_single_precision_and_unit_rows(data):
    X = data[0].astype(np.float32)
    index = vi.Flat(X, "cosine")
    assert index.X.dtype == np.float32
    assert np.linalg.norm(index.X, axis=1) == pytest.approx(1, rel=1e-6)
    assert vi.Flat(data[0], "cosine").X.dtype == np.float64


def test_a_block_holds_at_least_one_query(data, monkeypatch):
    X, Q = data
    whole = vi.Flat(X, "ip").search(Q, 3)
    monkeypatch.setattr(vi, "BLOCK", 10)
    assert (vi.Flat(X, "ip").search(Q, 3) == whole).all()


def test_augmented_vectors_are_in_double_precision(data):
    X = data[0].astype(np.float32)
    A = vi.inner_product_as_distance(X)
    assert A.dtype == np.float64
    assert np.ptp(np.linalg.norm(A, axis=1)) < 1e-12


def lloyd(X, centroids, steps):
    """Centroids and cells after so many rounds, a centroid without rows left in its place."""
    centroids = [np.array(c, dtype=float) for c in centroids]
    for _ in range(steps + 1):
        cell = [
            min(range(len(centroids)), key=lambda j: ((x - centroids[j]) ** 2).sum()) for x in X
        ]
        before = [c.copy() for c in centroids]
        for j in range(len(centroids)):
            own = [x for x, c in zip(X, cell, strict=True) if c == j]
            if own:
                centroids[j] = sum(own) / len(own)
    return np.array(before), cell


@pytest.mark.parametrize(("n", "k", "steps"), [(40, 4, 0), (40, 4, 1), (30, 12, 3), (9, 9, 2)])
def test_k_means_is_lloyds_iteration_from_its_random_rows(n, k, steps):
    X = np.random.default_rng(n).normal(size=(n, 3))
    start, _ = vi.k_means(X, k, np.random.default_rng(2), 0)
    rows = {tuple(x) for x in X}
    assert len({tuple(c) for c in start} & rows) == k  # different rows
    C, cell = vi.k_means(X, k, np.random.default_rng(2), steps)
    expected, cells = lloyd(X, start, steps)
    assert np.allclose(C, expected)
    assert cell.tolist() == cells


class Picked:
    """In place of a generator: the rows with which k-means begins."""

    def __init__(self, *rows):
        self.rows = list(rows)

    def choice(self, n, k, replace):
        return self.rows


def test_a_centroid_that_keeps_one_row_moves_onto_it():
    """From 0 and 10: first 0 and 4.9 are nearer to 0, mean 2.45, and the rest to 10, mean 30.4 / 5.
    Then 4.9 is nearer to the second, and only 0 is left to the first.
    """
    X = np.array([[0.0], [4.9], [10.0], [5.1], [5.1], [5.1], [5.1]])
    C, cell = vi.k_means(X, 2, Picked(0, 2), 1)
    assert C.ravel() == pytest.approx([2.45, 30.4 / 5])
    C, cell = vi.k_means(X, 2, Picked(0, 2), 2)
    assert C.ravel() == pytest.approx([0, 35.3 / 6])
    assert cell.tolist() == [0, 1, 1, 1, 1, 1, 1]


def test_k_means_takes_15_steps_unless_told_otherwise():
    X = np.random.default_rng(0).normal(size=(600, 2))
    runs = [vi.k_means(X, 12, np.random.default_rng(1), steps)[0] for steps in (14, 15, 16)]
    default, _ = vi.k_means(X, 12, np.random.default_rng(1))
    assert [(run == default).all() for run in runs] == [False, True, False]


@pytest.mark.parametrize("seed", range(6))
def test_equal_rows_share_a_centroid_and_the_others_stay(seed):
    """Only the first of equal centroids gets rows, so cells at the end may be empty."""
    X = np.array([[0.0], [0.0], [0.0], [5.0]])
    start, _ = vi.k_means(X, 4, np.random.default_rng(seed), 0)
    C, cell = vi.k_means(X, 4, np.random.default_rng(seed), 4)
    assert (start == C).all()
    assert len(np.unique(cell)) == 2
    index = vi.IVF(X, 4, np.random.default_rng(seed))
    assert sorted(map(len, index.lists)) == [0, 0, 1, 3]
    assert index.search([5.0], 1, 4)[0].tolist() == [3]


def test_the_number_of_centroids_lies_between_one_and_the_number_of_rows():
    X = np.arange(5.0)[:, None]
    assert vi.k_means(X, 1, np.random.default_rng(0))[0] == pytest.approx(2.0)
    assert sorted(vi.k_means(X, 5, np.random.default_rng(0))[0].ravel()) == [0, 1, 2, 3, 4]
    for k in (0, 6):
        with pytest.raises(ValueError, match=rf"\[1, 5\], got {k}"):
            vi.k_means(X, k, np.random.default_rng(0))


def test_single_precision_is_clustered_and_searched_in_double_precision(data):
    X = data[0].astype(np.float32)
    C, _ = vi.k_means(X, 3, np.random.default_rng(0))
    assert C.dtype == np.float64
    index = vi.IVF(X, 3, np.random.default_rng(0))
    assert index.X.dtype == np.float64


def test_the_number_of_probed_cells_lies_between_one_and_all(data):
    X, Q = data
    index = vi.IVF(X, 3, np.random.default_rng(0))
    assert index.search(Q[0], 1, 1)[0].size == 1
    for nprobe in (0, 4):
        with pytest.raises(ValueError, match=rf"\[1, 3\], got {nprobe}"):
            index.search(Q[0], 1, nprobe)


def test_of_vectors_at_equal_distances_the_first_come_first():
    """Vectors at 1 and 2 by turns, 200 of each."""
    X = np.tile([[1.0], [2.0]], (200, 1))
    expected = [*range(0, 400, 2), *range(1, 400, 2)]
    ivf = vi.IVF(X, 1, np.random.default_rng(0))
    assert ivf.search([0.0], 400, 1)[0].tolist() == expected
    flat = np.tile([[1.0, 0.0], [1.0, 0.001]], (200, 1))
    lsh = vi.LSH(flat, 1, 3, np.random.default_rng(0))
    assert lsh.search([1.0, 0.0], 400)[0].tolist() == expected


def test_a_query_whose_buckets_are_empty_finds_nothing():
    """The signs of -x are the opposite of those of x on every plane."""
    index = vi.LSH([[1.0, 2.0]], 3, 4, np.random.default_rng(0))
    ids, work = index.search([-1.0, -2.0], 1)
    assert ids.shape == (0,)
    assert ids.dtype == np.intp
    assert work == 4 * 3
    assert index.search([-1.0, -2.0], 1, tables=2)[1] == 2 * 3
    assert index.search([1.0, 2.0], 1)[0].tolist() == [0]


def test_a_vector_in_one_of_the_buckets_is_enough():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(20, 3))
    q = rng.normal(size=3)
    index = vi.LSH(X, 6, 5, np.random.default_rng(3))
    signs = (index.planes.transpose(0, 2, 1) @ X.T) > 0  # (tables, bits, n)
    own = (index.planes.transpose(0, 2, 1) @ q) > 0
    same = (signs == own[:, :, None]).all(axis=1)
    assert 0 < same.any(axis=1).sum() < 5  # some tables have no bucket for the query
    assert set(index.search(q, 20)[0]) == set(np.flatnonzero(same.any(axis=0)))


def test_planes_are_normal_and_there_are_1_to_62_of_at_least_one_table():
    X = np.eye(2)
    index = vi.LSH(X, 62, 2, np.random.default_rng(5))
    assert (index.planes == np.random.default_rng(5).normal(size=(2, 2, 62))).all()
    assert index.search([1.0, 0.0], 1)[0].tolist() == [0]
    assert len(vi.LSH(X, 1, 1, np.random.default_rng(5)).buckets) == 1
    for bits, tables in ((0, 1), (63, 1), (1, 0)):
        with pytest.raises(ValueError, match=f"got {bits} and {tables}"):
            vi.LSH(X, bits, tables, np.random.default_rng(5))


def test_a_group_holds_the_positions_of_its_key_in_their_order():
    keys = np.random.default_rng(6).integers(4, size=300) * 10
    groups = vi._group(keys)
    assert {key: ids.tolist() for key, ids in groups.items()} == {
        key: np.flatnonzero(keys == key).tolist() for key in (0, 10, 20, 30)
    }


def test_a_filter_reads_only_the_probed_cells(data):
    X, Q = data
    index = vi.IVF(X, 8, np.random.default_rng(8))
    allowed = np.arange(len(X)) % 3 == 0
    read = index.search(Q[0], len(X), 2)[0]
    before = vi.filtered(index, Q[0], 5, 2, allowed, True)
    assert before.tolist() == [i for i in read if allowed[i]][:5]
    after = vi.filtered(index, Q[0], 5, 2, allowed, False)
    assert after.tolist() == [i for i in read[:5] if allowed[i]]


def test_a_filter_is_one_boolean_per_vector(data):
    X, Q = data
    index = vi.IVF(X, 2, np.random.default_rng(8))
    for allowed in (np.ones(len(X), dtype=int), np.ones((len(X), 1), dtype=bool)):
        with pytest.raises(ValueError, match="one Boolean"):
            vi.filtered(index, Q[0], 1, 1, allowed, True)
