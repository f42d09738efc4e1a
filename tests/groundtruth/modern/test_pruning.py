"""Pruning, against torch, SciPy and brute force."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from groundtruth.modern import pruning as pr
from scipy import sparse
from torch.nn.utils import prune

RNG = np.random.default_rng(0)
W = RNG.normal(size=(8, 12)).astype(np.float32)


@pytest.mark.parametrize("fraction", [0.0, 0.25, 0.9])
def test_magnitude_masks_are_those_of_torch(fraction):
    layer = torch.nn.Linear(12, 8)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(W))
    prune.l1_unstructured(layer, "weight", amount=fraction)
    assert (pr.prune_magnitude([W], fraction)[0] == layer.weight_mask.numpy()).all()


def test_a_global_threshold_is_that_of_torch():
    layers = [torch.nn.Linear(12, 8), torch.nn.Linear(8, 3)]
    arrays = [layer.weight.detach().numpy().copy() for layer in layers]
    prune.global_unstructured(
        [(layer, "weight") for layer in layers], prune.L1Unstructured, amount=0.6
    )
    for mask, layer in zip(pr.prune_magnitude(arrays, 0.6), layers, strict=True):
        assert (mask == layer.weight_mask.numpy()).all()


def test_one_threshold_per_layer():
    masks = pr.prune_scores([[1.0, 2.0], [30.0, 40.0]], 0.5, "layer")
    assert [m.tolist() for m in masks] == [[False, True], [False, True]]


def test_saliencies_by_hand():
    assert pr.taylor_saliency([2.0, -3.0], [-0.5, 0.1]).tolist() == pytest.approx([1.0, 0.3])
    assert pr.obd_saliency([2.0, -3.0], [1.0, 0.5]).tolist() == pytest.approx([2.0, 2.25])
    assert pr.obs_saliency([2.0, -3.0], np.diag([1.0, 0.5])).tolist() == pytest.approx([2.0, 9.0])


@pytest.mark.parametrize("q", [0, 2, 4])
def test_obs_is_the_constrained_minimum(q):
    X = RNG.normal(size=(30, 5))
    w = RNG.normal(size=5)
    H = X.T @ X
    inverse = np.linalg.inv(H)
    rest = np.arange(5) != q
    best = np.zeros(5)
    best[rest] = np.linalg.lstsq(X[:, rest], X @ w, rcond=None)[0]
    assert np.allclose(pr.obs_remove(w, inverse, q), best)
    cost = np.sum((X @ (best - w)) ** 2) / 2
    assert pr.obs_saliency(w, inverse)[q] == pytest.approx(cost)


def test_two_of_every_four_stay():
    mask = pr.n_m_mask(np.abs(W))
    assert (mask.reshape(-1, 4).sum(1) == 2).all()
    blocks = np.abs(W).reshape(-1, 4)
    stays = mask.reshape(-1, 4)
    assert all(b[m].min() >= b[~m].max() for b, m in zip(blocks, stays, strict=True))
    assert pr.n_m_mask([5.0, 5.0, 5.0, 5.0], 1).tolist() == [True, False, False, False]


def test_csr_has_the_bytes_of_scipy():
    dense = W * pr.prune_magnitude([W], 0.5)[0]
    matrix = sparse.csr_matrix(dense)
    total = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
    assert pr.storage_bytes(W.shape, 0.5, "csr") == total


@pytest.mark.parametrize(
    ("layout", "expected"),
    [("dense", 384), ("bitmap", 96 * 4 // 4 + 12), ("2:4", 204), ("rows", 96)],
)
def test_bytes_by_hand(layout, expected):
    assert pr.storage_bytes((8, 12), 0.75, layout) == expected


def test_short_values_and_indices_count():
    assert pr.storage_bytes((10, 100), 0.9, "csr", 8, 16) == 100 * 3 + 11 * 2
    assert pr.storage_bytes((1, 3), 0.0, "dense", 4) == 2


def test_pruned_neurons_are_those_that_do_least():
    incoming = np.array([[1.0, 0], [5, 0], [1, 1]])
    outgoing = np.array([[9.0, 0.1, 1]])
    first, bias, second = pr.prune_neurons(incoming, [1.0, 2, 3], outgoing, 1 / 3)
    assert first.tolist() == [[1, 0], [1, 1]]
    assert bias.tolist() == [1, 3]
    assert second.tolist() == [[9, 1]]


SINGLE = np.float32([0.1, -0.7, 1 / 3])


def test_single_precision_is_computed_in_double():
    double = SINGLE.astype(float)
    np.testing.assert_array_equal(
        pr.taylor_saliency(SINGLE, SINGLE[::-1]), np.abs(double * double[::-1])
    )
    h = np.float32([0.3, 0.6, 0.9])
    np.testing.assert_array_equal(pr.obd_saliency(SINGLE, h), h * double**2 / 2)
    inverse = np.diag(h)
    np.testing.assert_array_equal(pr.obs_saliency(SINGLE, inverse), double**2 / (2 * h))
    H_inv = np.float32([[1.0, 0.3, 0.1], [0.3, 0.7, 0.2], [0.1, 0.2, 0.9]])
    exact = H_inv.astype(float)
    expected = double - double[1] / exact[1, 1] * exact[:, 1]
    expected[1] = 0
    np.testing.assert_array_equal(pr.obs_remove(SINGLE, H_inv, 1), expected)
    assert pr.lowest_mask(np.float16([60000.0, 1.0]), 0.5).tolist() == [True, False]


def test_many_equal_scores_are_removed_in_the_order_of_their_places():
    scores = np.tile([2.0, 1.0], 60)
    mask = pr.lowest_mask(scores, 0.25)
    assert np.flatnonzero(~mask).tolist() == list(range(1, 60, 2))


def test_of_many_equal_neighbors_the_first_stay():
    mask = pr.n_m_mask(np.tile([1.0, 3.0], 60), 20, 120)
    assert np.flatnonzero(mask).tolist() == list(range(1, 41, 2))
    assert pr.n_m_mask([1.0, 2.0], 2, 2).tolist() == [True, True]


def test_a_mask_is_one_threshold_for_all_layers_unless_it_is_asked_for_otherwise():
    layers = [[1.0, -2.0], [30.0, -40.0]]
    assert [m.tolist() for m in pr.prune_magnitude(layers, 0.5)] == [[False] * 2, [True] * 2]
    each = pr.prune_magnitude(layers, 0.5, "layer")
    assert [m.tolist() for m in each] == [[False, True], [False, True]]


def test_a_matrix_may_be_all_zeros_and_of_odd_size():
    assert pr.storage_bytes((3, 5), 1.0, "csr") == 4 * 4
    assert pr.storage_bytes((1, 5), 0.5, "2:4", 6) == 2  # two values of eight bits


def test_units_are_compared_by_their_own_weights():
    incoming = np.array([[1.0, 1], [4, 0], [0, 3]])  # norms 1.41, 4, 3
    outgoing = np.array([[3.0, 1, 1], [0, 0, 0]])  # norms 3, 1, 1: strengths 4.24, 4, 3
    first, _, _ = pr.prune_neurons(incoming, np.zeros(3), outgoing, 1 / 3)
    assert first.tolist() == [[1, 1], [4, 0]]
    first, _, _ = pr.prune_neurons(incoming, np.zeros(3), outgoing, 2 / 3)
    assert first.tolist() == [[1, 1]]


def test_scores_may_be_integers_without_a_sign_and_truth_values():
    assert pr.n_m_mask(np.uint8([0, 9, 3, 200])).tolist() == [False, True, False, True]
    assert pr.n_m_mask([True, False, True, False]).tolist() == [True, False, True, False]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pr.lowest_mask(W, 1.0), "fraction"),
        (lambda: pr.lowest_mask(W, -0.1), "fraction"),
        (lambda: pr.lowest_mask(W * np.nan, 0.5), "finite"),
        (lambda: pr.prune_scores([W], 0.5, "local"), "scope"),
        (lambda: pr.taylor_saliency(W, W[:2]), "shape"),
        (lambda: pr.obs_remove([1.0, 2.0], np.eye(2), 2), "no weight"),
        (lambda: pr.obs_remove([1.0, 2.0], np.eye(2), -1), "no weight"),
        (lambda: pr.n_m_mask(W[:, :6]), "fit"),
        (lambda: pr.n_m_mask(W, 5), "fit"),
        (lambda: pr.n_m_mask(W, 0), "fit"),
        (lambda: pr.storage_bytes((2, 2), 0.5, "coo"), "layout"),
        (lambda: pr.storage_bytes((2, 2), 1.5, "csr"), "fraction"),
        (lambda: pr.storage_bytes((0, 2), 0.5, "csr"), "shape"),
        (lambda: pr.prune_neurons(W, np.zeros(8), W, 0.5), "fit"),
        (lambda: pr.prune_neurons(W, np.zeros(7), W.T, 0.5), "fit"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
