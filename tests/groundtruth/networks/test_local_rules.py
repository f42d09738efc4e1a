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
