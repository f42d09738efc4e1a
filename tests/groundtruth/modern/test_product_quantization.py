"""Product quantization where its tables, its ties and its limits can be worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from groundtruth.modern.product_quantization import ProductQuantizer

SQUARE = np.array([[0.0, 0.0], [0.0, 5.0], [4.0, 0.0], [4.0, 5.0]])


def test_one_slice_with_a_centroid_for_each_vector_is_exact():
    pq = ProductQuantizer(SQUARE, 1, 4, np.random.default_rng(0))
    np.testing.assert_array_equal(pq.decode(pq.codes), SQUARE)
    assert pq.distances([1.0, 1.0]).tolist() == [2.0, 17.0, 10.0, 25.0]
    assert pq.tables([1.0, 1.0]).shape == (1, 4)


def test_one_centroid_is_the_mean_of_its_slice():
    pq = ProductQuantizer(SQUARE, 2, 1, np.random.default_rng(0))
    assert pq.codebooks.ravel().tolist() == [2.0, 2.5]
    assert pq.distances([0.0, 0.0]).tolist() == [10.25] * 4


def test_many_equal_distances_are_returned_in_the_order_of_the_ids():
    X = np.tile([[1.0, 0.0], [0.0, 0.0]], (60, 1))
    pq = ProductQuantizer(X, 2, 2, np.random.default_rng(1))
    odd = list(range(1, 41, 2))
    assert pq.search([0.0, 0.0], 20).tolist() == odd
    assert pq.search([0.0, 0.0], 20, 20, X).tolist() == odd
    assert pq.search([0.0, 0.0], 20, 120, X).tolist() == odd


def test_reranking_takes_as_many_candidates_as_it_is_told():
    X = np.array([[0.0], [1.0], [10.0], [11.0]])
    pq = ProductQuantizer(X, 1, 2, np.random.default_rng(2))  # 0.5 and 10.5
    assert pq.search([0.9], 1).tolist() == [0]  # both of a cell are equally far
    assert pq.search([0.9], 1, 1, X).tolist() == [0]
    assert pq.search([0.9], 1, 2, X).tolist() == [1]


def test_vectors_of_single_precision_give_codebooks_and_distances_in_double():
    X = np.random.default_rng(3).normal(size=(50, 4)).astype(np.float32)
    pq = ProductQuantizer(X, 2, 8, np.random.default_rng(4))
    double = ProductQuantizer(X.astype(float), 2, 8, np.random.default_rng(4))
    assert pq.codebooks.dtype == float
    np.testing.assert_array_equal(pq.codebooks, double.codebooks)
    q = X[0] + np.float32(0.1)
    np.testing.assert_array_equal(pq.distances(q), double.distances(q.astype(float)))


def test_codes_stand_for_the_centroids_of_their_slices_side_by_side():
    X = np.random.default_rng(5).normal(size=(20, 6))
    pq = ProductQuantizer(X, 3, 4, np.random.default_rng(6))
    decoded = pq.decode(pq.codes)
    assert decoded.shape == (20, 6)
    for row, codes in zip(decoded, pq.codes, strict=True):
        for j in range(3):
            assert row[2 * j : 2 * j + 2].tolist() == pq.codebooks[j, codes[j]].tolist()


def test_a_code_is_one_byte():
    X = np.arange(300.0)[:, None]
    pq = ProductQuantizer(X, 1, 256, np.random.default_rng(7))
    assert pq.codes.max() == 255
    assert np.abs(pq.decode(pq.codes) - X).max() <= 2
    with pytest.raises(ValueError, match=r"\[1, 256\], got 257"):
        ProductQuantizer(X, 1, 257, np.random.default_rng(7))


def test_reranking_keeps_equal_distances_in_the_order_of_the_ids():
    X = np.tile([[1.0, 0.0], [0.0, 0.0]], (60, 1))
    pq = ProductQuantizer(X, 2, 1, np.random.default_rng(8))  # all vectors in one cell
    odd, even = list(range(1, 120, 2)), list(range(0, 120, 2))
    assert pq.search([0.0, 0.0], 120, 120, X).tolist() == odd + even


def test_reranking_measures_in_double_precision():
    X = np.float32([[-1.0], [1.0]])
    pq = ProductQuantizer(X, 1, 1, np.random.default_rng(9))
    q = np.float32([2.0**-30])  # nearer to 1 by less than single precision can tell
    assert pq.search(q, 2, 2, X).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ProductQuantizer(SQUARE, 0, 2, np.random.default_rng(0)), "divide"),
        (lambda: ProductQuantizer(SQUARE, 3, 2, np.random.default_rng(0)), "divide"),
        (lambda: ProductQuantizer(SQUARE, 1, 0, np.random.default_rng(0)), "centroids"),
        (lambda: ProductQuantizer(SQUARE, 1, 5, np.random.default_rng(0)), "centroids"),
        (lambda: PQ.search([0.0, 0.0], 5), "k must lie"),
        (lambda: PQ.search([0.0], 1), "2 numbers"),
        (lambda: PQ.search([0.0, 0.0], 1, 2), "reranking"),
        (lambda: PQ.search([0.0, 0.0], 1, 2, SQUARE[:2]), "reranking"),
        (lambda: PQ.search([0.0, 0.0], 2, 1, SQUARE), "reranking"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


PQ = ProductQuantizer(SQUARE, 1, 4, np.random.default_rng(0))
