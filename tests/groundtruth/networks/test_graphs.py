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


WIDTHS = (np.float32, np.longdouble, np.int64, bool)


@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (0, 0), (2, 2, 2)])
def test_an_adjacency_is_a_square_table(shape):
    with pytest.raises(ValueError, match="must be a square matrix, got the shape"):
        gr.adjacency(np.ones(shape))


@pytest.mark.parametrize("wrong", [-0.1, np.inf, np.nan])
def test_an_edge_has_a_finite_weight_that_is_not_negative(wrong):
    with pytest.raises(ValueError, match="finite and not negative; a missing edge is 0"):
        gr.adjacency([[0, 1], [wrong, 0]])


@pytest.mark.parametrize("width", WIDTHS)
def test_graphs_are_computed_in_double_precision(width):
    A = np.array([[0, 1], [1, 0]], width)
    eye = np.eye(2, dtype=width)
    assert gr.adjacency(A).dtype == np.float64
    assert gr.normalize(A).dtype == np.float64
    for args in ((A, eye, eye), (A, eye.astype(float), eye), (A, eye, eye.astype(float))):
        out, kept = gr.gcn_layer(*args)
        assert out.dtype == kept[0].dtype == kept[1].dtype == np.float64
    double = [np.eye(2), np.eye(2), np.eye(2), np.ones(2)]
    for i, single in enumerate((eye, eye, eye, np.ones(2, width))):
        args = [*double[:i], single, *double[i + 1 :]]
        out, w = gr.graph_attention(A, *args)
        assert out.dtype == w.dtype == np.float64


def test_a_degree_is_the_sum_of_a_row_and_scales_both_ends():
    # the edge 0 -> 1 and the loops: degrees 2 and 1
    S = gr.normalize([[0, 1], [0, 0]])
    np.testing.assert_allclose(S, [[1 / 2, 1 / np.sqrt(2)], [0, 1]], rtol=1e-15)
    np.testing.assert_array_equal(gr.normalize([[0, 1], [0, 0]], True), S)
    # without loops the second has degree 0, and a row and a column of zeros
    assert gr.normalize([[0, 1], [0, 0]], loops=False).tolist() == [[0, 0], [0, 0]]
    # weights: degrees 3 + 1 and 12 with a loop of weight 1 more on each end
    S = gr.normalize([[3, 1], [1, 11]], loops=False)
    np.testing.assert_allclose(S, [[3 / 4, 1 / np.sqrt(48)], [1 / np.sqrt(48), 11 / 12]])
    # a weight below 1 scales too
    np.testing.assert_allclose(gr.normalize([[0, 0.25], [0.25, 0]], False), [[0, 1], [1, 0]])


@pytest.mark.parametrize(
    ("S", "X", "W"),
    [
        (np.ones(2), np.ones((2, 3)), np.ones((3, 1))),
        (np.eye(2), np.ones(2), np.ones((1, 1))),
        (np.eye(2), np.ones((2, 3)), np.ones(3)),
        (np.ones((2, 2, 2)), np.ones((2, 3)), np.ones((3, 1))),
        (np.eye(2), np.ones((2, 3, 2)), np.ones((3, 1))),
        (np.eye(2), np.ones((2, 3)), np.ones((3, 1, 1))),
        (np.ones((2, 3)), np.ones((2, 3)), np.ones((3, 1))),
        (np.eye(2), np.ones((2, 3)), np.ones((2, 1))),
    ],
)
def test_a_layer_needs_tables_that_fit(S, X, W):
    with pytest.raises(ValueError, match=r"need S \(n, n\), X \(n, d\) and W \(d, h\)"):
        gr.gcn_layer(S, X, W)


def test_no_gradient_passes_a_score_of_zero():
    out, kept = gr.gcn_layer(np.eye(3), [[1.0], [0.0], [-1.0]], [[2.0]])
    assert out.tolist() == [[2], [0], [0]]
    dX, dW = gr.gcn_backward(np.ones((3, 1)), kept, np.array([[2.0]]))
    assert dX.tolist() == [[2], [0], [0]]
    assert dW.tolist() == [[1]]


@given(SEEDS)
def test_attention_equals_its_definition(seed):
    A, rng = drawn(seed, n=5)
    A *= rng.uniform(0.1, 1, (5, 5))  # any weight above 0 is an edge
    H = rng.normal(size=(5, 3))
    left, right = rng.normal(size=(2, 3, 4))
    a = rng.normal(size=4)
    mixed, w = gr.graph_attention(A, H, left, right, a, 0.3)
    expected = np.zeros((5, 5))
    for i in range(5):
        for j in range(5):
            if i == j or A[i, j]:
                z = H[i] @ left + H[j] @ right
                expected[i, j] = np.exp(sum(a * np.where(z < 0, 0.3 * z, z)))
        expected[i] /= expected[i].sum()
    np.testing.assert_allclose(w, expected, atol=1e-12)
    np.testing.assert_allclose(mixed, expected @ H @ right, atol=1e-12)


def test_the_slope_of_attention_is_a_fifth_unless_told_otherwise():
    rng = np.random.default_rng(0)
    A = np.ones((5, 5)) - np.eye(5)
    H = rng.normal(size=(5, 3))
    left, right = rng.normal(size=(2, 3, 4))
    a = rng.normal(size=4)
    plain = gr.graph_attention(A, H, left, right, a)[1]
    np.testing.assert_array_equal(plain, gr.graph_attention(A, H, left, right, a, slope=0.2)[1])
    assert np.abs(plain - gr.graph_attention(A, H, left, right, a, slope=0.3)[1]).max() > 1e-3


@pytest.mark.parametrize("size", [1e4, -1e4])
def test_attention_survives_huge_scores(size):
    H = np.array([[1.0], [2.0]])
    mixed, w = gr.graph_attention([[0, 1], [1, 0]], H, [[size]], [[size]], [1.0])
    # the larger score takes all: with a negative size the smaller one of -0.2 (H_i + H_j)
    best = 1 if size > 0 else 0
    np.testing.assert_array_equal(w, np.eye(2)[[best, best]])
    np.testing.assert_array_equal(mixed, size * H[[best, best]])


@pytest.mark.parametrize(
    ("H", "left", "right", "a"),
    [
        (np.ones((3, 2)), np.ones((2, 4)), np.ones((2, 4)), np.ones(4)),
        (np.ones((2, 2)), np.ones((2, 3)), np.ones((2, 4)), np.ones(4)),
        (np.ones((2, 2)), np.ones((2, 4)), np.ones((2, 3)), np.ones(4)),
        (np.ones((2, 2)), np.ones((2, 4)), np.ones((2, 4)), np.ones(3)),
        (np.ones((2, 2)), np.ones((2, 4)), np.ones((2, 4)), np.ones((4, 1))),
    ],
)
def test_attention_needs_parts_that_fit(H, left, right, a):
    with pytest.raises(ValueError, match=r"need H \(2, d\), left and right \(d, h\), a \(h,\)"):
        gr.graph_attention(np.ones((2, 2)), H, left, right, a)


def test_certain_edges_make_blocks_or_two_sides():
    rng = np.random.default_rng(0)
    block = np.ones((3, 3)) - np.eye(3)
    A, _, y = gr.block_model(6, 1.0, 0.0, rng)
    assert y.tolist() == [0, 0, 0, 1, 1, 1]
    np.testing.assert_array_equal(A, np.kron(np.eye(2), block))
    np.testing.assert_array_equal(
        gr.block_model(6, 0.0, 1.0, rng).A, np.kron([[0, 1], [1, 0]], np.ones((3, 3)))
    )
    assert A.dtype == np.float64


def test_features_are_eight_with_means_of_a_quarter_and_unit_variance_unless_told():
    g = gr.block_model(600, 0.0, 0.0, np.random.default_rng(1))
    assert g.X.shape == (600, 8)
    np.testing.assert_allclose(g.X[g.y == 1].mean(0), 0.25, atol=0.25)
    np.testing.assert_allclose(g.X[g.y == 0].mean(0), -0.25, atol=0.25)
    assert g.X[g.y == 1].mean() == pytest.approx(0.25, abs=0.08)
    assert g.X[g.y == 1].std() == pytest.approx(1, abs=0.08)
    told = gr.block_model(600, 0.0, 0.0, np.random.default_rng(1), 3, 2.0)
    assert told.X.shape == (600, 3)
    assert told.X[told.y == 0].mean() == pytest.approx(-2, abs=0.15)
    # the generator decides
    again = gr.block_model(600, 0.0, 0.0, np.random.default_rng(1), 8, 0.25)
    np.testing.assert_array_equal(again.X, g.X)


def test_the_smallest_block_model_is_a_pair():
    g = gr.block_model(2, 0.5, 1.0, np.random.default_rng(0))
    assert (g.A.tolist(), g.y.tolist()) == ([[0, 1], [1, 0]], [0, 1])


@pytest.mark.parametrize(
    ("n", "p_in", "p_out"),
    [
        (0, 0.1, 0.1),
        (-2, 0.1, 0.1),
        (3, 0.1, 0.1),
        (4, -0.1, 0.1),
        (4, 1.1, 0.1),
        (4, 0.1, -0.1),
        (4, 0.1, 1.1),
        (4, np.nan, 0.1),
        (4, 0.1, np.nan),
    ],
)
def test_a_block_model_needs_an_even_number_and_two_probabilities(n, p_in, p_out):
    with pytest.raises(ValueError, match=r"an even n >= 2 and probabilities in \[0, 1\]"):
        gr.block_model(n, p_in, p_out, np.random.default_rng(0))


def path(n):
    return np.eye(n, k=1) + np.eye(n, k=-1)


def test_every_round_lets_a_node_see_one_step_further():
    # seven in a row: nodes differ by their distance to the nearer end, as far as they see
    assert [len(set(gr.colors(path(7), r))) for r in range(5)] == [1, 2, 3, 4, 4]
    assert gr.colors(path(7)) == gr.colors(path(7), 7)
    assert gr.colors(path(7)) == sorted(gr.colors(path(7)))
    assert gr.colors(path(7)) != gr.colors(path(7), 6)


def test_rounds_of_a_large_graph_reach_its_far_end():
    # the end is seen by its 29 nearest only after 29 rounds, and every node is then different
    lollipop = path(30)
    lollipop[0, 2] = lollipop[2, 0] = 1
    assert len(set(gr.colors(lollipop))) == 29  # 0 and 1 are twins


def test_names_of_colors_stay_short():
    for rounds in (1, 2, 9):
        assert {len(name) for name in gr.colors(gr.cycle(5), rounds)} == {16}


def test_colors_tell_a_node_with_its_own_color_from_its_neighbors_colors():
    # a star of three leaves and a path of four: equal numbers of nodes and edges
    star = np.zeros((4, 4))
    star[0, 1:] = star[1:, 0] = 1
    assert gr.colors(star, 1) != gr.colors(path(4), 1)
    assert gr.colors(star, 0) == gr.colors(path(4), 0)


def test_triangles_ignore_loops_and_weights():
    A = np.array([[1, 0.5, 0.25], [0.5, 0, 3], [0.25, 3, 2.0]])
    assert gr.triangles(A) == 1
    assert A[0, 0] == 1
    assert gr.triangles(np.eye(3)) == 0
    assert gr.triangles([[1, 1], [1, 1]]) == 0
    assert isinstance(gr.triangles(A), int)


def test_triangles_of_a_directed_graph_are_refused():
    with pytest.raises(ValueError, match=r"is directed; np.maximum\(A, A.T\) forgets"):
        gr.triangles([[0, 1, 0], [0, 0, 1], [1, 0, 0]])


def test_a_ring_joins_each_node_with_the_two_beside_it():
    assert gr.cycle(3).tolist() == [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    assert gr.cycle(4).tolist() == [[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]]
    for n in (2, 0):
        with pytest.raises(ValueError, match=f"a ring needs at least 3 nodes, got {n}"):
            gr.cycle(n)


def test_graphs_of_two_sizes_stand_beside_each_other():
    assert gr.beside([[7]], [[1, 2], [3, 4]]).tolist() == [[7, 0, 0], [0, 1, 2], [0, 3, 4]]
    assert gr.beside([[1, 2], [3, 4]], [[7]]).tolist() == [[1, 2, 0], [3, 4, 0], [0, 0, 7]]
