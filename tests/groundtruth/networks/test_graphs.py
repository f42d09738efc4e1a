"""Graph layers against scipy and torch; spectra; relabelling; what colors can and cannot tell
apart.
"""

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
import torch
from groundtruth.check import numeric_grad
from groundtruth.networks import graphs as gr
from hypothesis import given, settings
from hypothesis import strategies as st

SEEDS = st.integers(0, 10**6)


def drawn(seed, n=8, p=0.4):
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.random((n, n)) < p, 1)
    return (upper | upper.T).astype(float), rng


@given(SEEDS)
def test_the_normalised_adjacency_has_its_spectrum_in_minus_one_to_one(seed):
    A, _ = drawn(seed)
    S = gr.normalize(A)
    values = np.linalg.eigvalsh(S)
    assert values[0] > -1
    assert abs(values[-1] - 1) < 1e-9
    top = np.sqrt(A.sum(1) + 1)
    np.testing.assert_allclose(S @ top, top, atol=1e-12)


@given(SEEDS)
def test_a_layer_equals_a_sparse_product_and_its_way_back_equals_torch(seed):
    A, rng = drawn(seed)
    S = gr.normalize(A)
    X = rng.normal(size=(8, 3))
    W = rng.normal(size=(3, 4))
    out, kept = gr.gcn_layer(S, X, W)
    np.testing.assert_allclose(out, np.maximum(sp.csr_matrix(S) @ X @ W, 0), atol=1e-12)
    x = torch.tensor(X, requires_grad=True)
    w = torch.tensor(W, requires_grad=True)
    pull = rng.normal(size=out.shape)
    torch.relu(torch.tensor(S) @ x @ w).backward(torch.tensor(pull))
    dX, dW = gr.gcn_backward(pull, kept, W)
    np.testing.assert_allclose(dX, x.grad.numpy(), atol=1e-12)
    np.testing.assert_allclose(dW, w.grad.numpy(), atol=1e-12)


def test_the_way_back_equals_differences():
    A, rng = drawn(3)
    S = gr.normalize(A)
    X = rng.normal(size=(8, 2))
    W = rng.normal(size=(2, 3))
    pull = rng.normal(size=(8, 3))
    dX, dW = gr.gcn_backward(pull, gr.gcn_layer(S, X, W)[1], W)
    np.testing.assert_allclose(
        dX, numeric_grad(lambda v: (gr.gcn_layer(S, v, W)[0] * pull).sum(), X), atol=1e-7
    )
    np.testing.assert_allclose(
        dW, numeric_grad(lambda v: (gr.gcn_layer(S, X, v)[0] * pull).sum(), W), atol=1e-7
    )


@given(SEEDS)
def test_relabelling_the_nodes_relabels_the_output(seed):
    A, rng = drawn(seed)
    X = rng.normal(size=(8, 3))
    W = rng.normal(size=(3, 2))
    order = rng.permutation(8)
    B = A[np.ix_(order, order)]
    np.testing.assert_allclose(
        gr.gcn_layer(gr.normalize(B), X[order], W)[0],
        gr.gcn_layer(gr.normalize(A), X, W)[0][order],
        atol=1e-12,
    )
    left = rng.normal(size=(3, 2))
    right = rng.normal(size=(3, 2))
    a = rng.normal(size=2)
    np.testing.assert_allclose(
        gr.graph_attention(B, X[order], left, right, a)[0],
        gr.graph_attention(A, X, left, right, a)[0][order],
        atol=1e-12,
    )


@given(SEEDS)
def test_attention_looks_along_edges_only(seed):
    A, rng = drawn(seed)
    _, w = gr.graph_attention(
        A, rng.normal(size=(8, 3)), *rng.normal(size=(2, 3, 2)), rng.normal(size=2)
    )
    np.testing.assert_allclose(w.sum(1), 1, atol=1e-12)
    assert (w[(A + np.eye(8)) == 0] == 0).all()


@pytest.mark.filterwarnings("ignore:The hashes produced")
@settings(max_examples=20)
@given(SEEDS)
def test_colours_do_not_depend_on_labels_and_agree_with_networkx(seed):
    A, rng = drawn(seed, n=6)
    order = rng.permutation(6)
    assert gr.colors(A[np.ix_(order, order)]) == gr.colors(A)
    B, _ = drawn(seed + 1, n=6)
    theirs = [nx.weisfeiler_lehman_graph_hash(nx.from_numpy_array(M), iterations=6) for M in (A, B)]
    assert (gr.colors(A) == gr.colors(B)) == (theirs[0] == theirs[1])
    assert gr.triangles(A) == sum(nx.triangles(nx.from_numpy_array(A)).values()) // 3


def test_a_ring_of_six_and_two_triangles_look_alike():
    ring = gr.cycle(6)
    pair = gr.beside(gr.cycle(3), gr.cycle(3))
    assert gr.colors(ring) == gr.colors(pair)
    assert gr.triangles(ring) == 0
    assert gr.triangles(pair) == 2


def test_the_block_model_has_its_densities():
    g = gr.block_model(400, 0.2, 0.05, np.random.default_rng(0))
    same = g.y[:, None] == g.y
    assert abs(g.A[same].mean() - 0.2) < 0.01
    assert abs(g.A[~same].mean() - 0.05) < 0.01
    assert np.array_equal(g.A, g.A.T)
    assert not np.diag(g.A).any()


def test_a_node_without_neighbours_is_kept_by_its_loop():
    A = np.zeros((2, 2))
    np.testing.assert_array_equal(gr.normalize(A), np.eye(2))
    np.testing.assert_array_equal(gr.normalize(A, loops=False), 0)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: gr.normalize(np.ones((2, 3))), "square"),
        (lambda: gr.normalize([[0, -1], [1, 0]]), "not negative"),
        (lambda: gr.normalize([[0, np.nan], [1, 0]]), "finite"),
        (lambda: gr.gcn_layer(np.eye(2), np.ones((3, 1)), np.ones((1, 1))), "need S"),
        (
            lambda: gr.gcn_backward(
                np.ones((2, 2)),
                gr.gcn_layer(np.eye(2), np.ones((2, 1)), np.ones((1, 1)))[1],
                np.ones((1, 1)),
            ),
            "its gradient",
        ),
        (
            lambda: gr.graph_attention(
                np.eye(2), np.ones((3, 1)), np.ones((1, 1)), np.ones((1, 1)), [1.0]
            ),
            "need H",
        ),
        (lambda: gr.block_model(3, 0.1, 0.1, np.random.default_rng(0)), "even n"),
        (lambda: gr.block_model(4, 1.1, 0.1, np.random.default_rng(0)), "probabilities"),
        (lambda: gr.cycle(2), "at least 3"),
    ],
)
def test_bad_input_is_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()
