"""Hebb's and Oja's rules against linear algebra, and feedback through weights against torch."""

import numpy as np
import pytest
import torch
from groundtruth.networks import local_rules as lo


def test_hebb_is_a_product_of_growing_maps():
    X = np.random.default_rng(0).normal(size=(6, 3))
    w = np.ones(3)
    for row in X:
        w = (np.eye(3) + 0.1 * np.outer(row, row)) @ w
    np.testing.assert_allclose(lo.hebb(X, np.ones(3), 0.1)[-1], w, atol=1e-12)


def test_oja_finds_the_first_principal_direction_with_length_one():
    X = np.random.default_rng(1).normal(size=(5000, 4)) * [3, 1, 1, 0.5]
    w = lo.hebb(X, np.full(4, 0.2), 0.002, decay=True)[-1]
    first = np.linalg.svd(X)[2][0]
    assert abs(np.linalg.norm(w) - 1) < 0.05
    assert abs(w @ first) > 0.99 * np.linalg.norm(w)


def test_feedback_by_the_weights_is_the_gradient_and_by_random_ones_is_not():
    net = lo.TwoLayers((5, 7, 3), seed=2)
    rng = np.random.default_rng(3)
    X = rng.normal(size=(8, 5))
    Y = np.eye(3)[rng.integers(0, 3, 8)]
    loss, d1, d2 = net.gradients(X, Y)
    w1, w2 = (torch.tensor(w, requires_grad=True) for w in (net.W1, net.W2))
    theirs = torch.nn.functional.cross_entropy(
        torch.tanh(torch.tensor(X) @ w1) @ w2, torch.tensor(Y)
    )
    theirs.backward()
    assert abs(loss - theirs.item()) < 1e-12
    np.testing.assert_allclose(d1, w1.grad.numpy(), atol=1e-12)
    np.testing.assert_allclose(d2, w2.grad.numpy(), atol=1e-12)
    _, r1, r2 = net.gradients(X, Y, "random")
    np.testing.assert_allclose(r2, d2)
    assert np.abs(r1 - d1).max() > 1e-3
    assert 0 <= net.accuracy(X, Y) <= 1


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: lo.hebb(np.ones((3, 2)), np.ones(3), 0.1), "rows"),
        (lambda: lo.hebb(np.ones((3, 2)), np.ones(2), 0), "lr"),
        (lambda: lo.TwoLayers((3, 0, 2)), "at least one unit"),
        (
            lambda: lo.TwoLayers((2, 2, 2)).gradients(np.ones((1, 2)), np.eye(2)[:1], "none"),
            "'none'",
        ),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()


def test_hebb_and_oja_by_hand():
    # w = 1; y = 2, w = 1 + 0.5 . 2 . 2 = 3; then y = 3 . 1 = 3, w = 3 + 0.5 . 3 . 1 = 4.5
    assert lo.hebb([[2], [1]], [1], 0.5).tolist() == [[3.0], [4.5]]
    # y = 2, w = 1 + 0.5 . 2 (2 - 2 . 1) = 1; then y = 1, w = 1 + 0.5 . 1 (1 - 1 . 1) = 1
    assert lo.hebb([[2], [1]], [1], 0.5, decay=True).tolist() == [[1.0], [1.0]]
    # y = 1, w = (1, 0) + 0.5 ((1, 2) - 1 (1, 0)) = (1, 1)
    assert lo.hebb([[1, 2]], [1, 0], 0.5, decay=True).tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize("precision", [np.float32, np.longdouble, np.int64])
def test_weights_are_told_in_double_precision_and_the_start_stays(precision):
    X = np.array([[2, 1], [1, 3]])
    start = np.array([1, -1])
    expected = lo.hebb(X.astype(float), start.astype(float), 0.1)
    for rows, w0 in ((X.astype(precision), start), (X, start.astype(precision))):
        w = lo.hebb(rows, w0, 0.1)
        assert w.dtype == np.float64
        np.testing.assert_array_equal(w, expected)
        assert w0.tolist() == [1, -1]


@pytest.mark.parametrize(
    ("X", "w0", "lr"),
    [
        (np.ones(2), np.ones(()), 0.1),
        (np.ones((2, 2, 2)), np.ones((2, 2)), 0.1),
        (np.ones((3, 2)), np.ones((2, 1)), 0.1),
        (np.ones((3, 2)), np.ones(3), 0.1),
        (np.ones((3, 2)), np.ones(2), 0.0),
        (np.ones((3, 2)), np.ones(2), np.nan),
    ],
)
def test_hebb_needs_rows_a_weight_for_each_column_and_a_rate(X, w0, lr):
    with pytest.raises(ValueError, match=r"need rows \(n, d\), weights \(d,\) and lr > 0"):
        lo.hebb(X, w0, lr)


def test_two_layers_start_with_variance_one_over_the_inputs_of_each():
    net = lo.TwoLayers((100, 400, 300))
    assert net.W1.shape == (100, 400)
    assert net.W2.shape == net.B.shape == (400, 300)
    for W, inputs in ((net.W1, 100), (net.W2, 400), (net.B, 400)):
        assert W.std() == pytest.approx(inputs**-0.5, rel=0.02)
        assert abs(W.mean()) < 0.01
    assert abs(np.corrcoef(net.W2.ravel(), net.B.ravel())[0, 1]) < 0.02


def test_the_seed_decides_the_start():
    plain = lo.TwoLayers((3, 2, 2))
    for name in ("W1", "W2", "B"):
        drawn = getattr(plain, name)
        np.testing.assert_array_equal(drawn, getattr(lo.TwoLayers((3, 2, 2), 0), name))
        assert not np.array_equal(drawn, getattr(lo.TwoLayers((3, 2, 2), 1), name))


def test_layers_may_be_single_units_and_never_none():
    assert lo.TwoLayers((1, 1, 1)).W1.shape == (1, 1)
    for sizes in ((0, 1, 1), (1, 0, 1), (1, 1, 0)):
        with pytest.raises(ValueError, match="every layer needs at least one unit"):
            lo.TwoLayers(sizes)


def test_feedback_is_named_weights_or_random():
    net = lo.TwoLayers((2, 2, 2))
    X = np.array([[1.0, -2.0]])
    Y = np.eye(2)[:1]
    for told, plain in zip(net.gradients(X, Y, "weights"), net.gradients(X, Y), strict=True):
        np.testing.assert_array_equal(told, plain)
    with pytest.raises(ValueError, match="feedback is 'weights' or 'random', got 'none'"):
        net.gradients(X, Y, "none")


def test_random_feedback_replaces_the_second_weights_on_the_way_back_only():
    net = lo.TwoLayers((4, 3, 2), seed=5)
    rng = np.random.default_rng(6)
    X = rng.normal(size=(5, 4))
    Y = np.eye(2)[[0, 1, 1, 0, 1]]
    expected = np.zeros((4, 3))
    for x, y in zip(X, Y, strict=True):
        h = np.tanh(x @ net.W1)
        z = h @ net.W2
        p = np.exp(z) / np.exp(z).sum()
        for j in range(3):
            heard = sum((p[k] - y[k]) / 5 * net.B[j, k] for k in range(2))
            expected[:, j] += x * heard * (1 - h[j] ** 2)
    np.testing.assert_allclose(net.gradients(X, Y, "random")[1], expected, atol=1e-14)


def test_accuracy_is_the_share_of_rows_whose_largest_score_is_the_label():
    net = lo.TwoLayers((2, 2, 3))
    net.W1 = np.eye(2)
    net.W2 = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 0.5]])
    X = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [-1.0, -1.0]])
    # scores are (a, b, b / 2 - a) of the bent entries a and b: classes 0, 1, 2 and 2
    assert net.accuracy(X, np.eye(3)[[0, 1, 2, 2]]) == 1.0
    assert net.accuracy(X, np.eye(3)[[0, 1, 2, 0]]) == 0.75
    assert net.accuracy(X, np.eye(3)[[1, 0, 0, 0]]) == 0.0
