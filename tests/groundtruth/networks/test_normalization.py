"""Every norm and every way back against torch and differences; invariances; running statistics."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from groundtruth.check import numeric_grad
from groundtruth.networks import normalization as norm
from hypothesis import given, settings
from hypothesis import strategies as st

RNG = np.random.default_rng(0)
X4 = RNG.normal(2, 3, (4, 6, 5, 5))
G = RNG.normal(size=6)
B = RNG.normal(size=6)
SEEDS = st.integers(0, 10**6)


def t(v):
    return torch.tensor(v, dtype=torch.float64)


@settings(max_examples=25)
@given(SEEDS, st.integers(2, 9), st.integers(1, 5))
def test_batch_norm_and_its_way_back_equal_torch(seed, m, d):
    rng = np.random.default_rng(seed)
    x = rng.normal(3, 2, (m, d))
    gamma = rng.normal(size=d)
    beta = rng.normal(size=d)
    pull = rng.normal(size=(m, d))
    y, cache = norm.batch_norm(x, gamma, beta)
    leaves = [t(v).requires_grad_() for v in (x, gamma, beta)]
    out = F.batch_norm(leaves[0], None, None, leaves[1], leaves[2], training=True)
    out.backward(t(pull))
    np.testing.assert_allclose(y, out.detach().numpy(), rtol=1e-9, atol=1e-9)
    for ours, leaf in zip(norm.batch_norm_backward(pull, cache), leaves, strict=True):
        np.testing.assert_allclose(ours, leaf.grad.numpy(), rtol=1e-7, atol=1e-7)


def test_batch_norm_of_maps_and_its_way_back_equal_torch():
    pull = RNG.normal(size=X4.shape)
    y, cache = norm.batch_norm(X4, G, B)
    leaf = t(X4).requires_grad_()
    out = F.batch_norm(leaf, None, None, t(G), t(B), training=True)
    out.backward(t(pull))
    np.testing.assert_allclose(y, out.detach().numpy(), atol=1e-12)
    np.testing.assert_allclose(
        norm.batch_norm_backward(pull, cache)[0], leaf.grad.numpy(), atol=1e-12
    )


@pytest.mark.parametrize("shape", [(5,), (3, 5), (2, 3, 5)])
def test_layer_and_rms_norm_and_their_ways_back_equal_torch(shape):
    x = RNG.normal(1, 2, shape)
    pull = RNG.normal(size=shape)
    g = RNG.normal(size=5)
    b = RNG.normal(size=5)
    leaves = [t(v).requires_grad_() for v in (x, g, b)]
    F.layer_norm(leaves[0], (5,), leaves[1], leaves[2]).backward(t(pull))
    y, cache = norm.layer_norm(x, g, b)
    np.testing.assert_allclose(y, F.layer_norm(t(x), (5,), t(g), t(b)).numpy(), atol=1e-12)
    for ours, leaf in zip(norm.layer_norm_backward(pull, cache), leaves, strict=True):
        np.testing.assert_allclose(ours, leaf.grad.numpy(), atol=1e-11)
    leaves = [t(v).requires_grad_() for v in (x, g)]
    F.rms_norm(leaves[0], (5,), leaves[1], eps=1e-6).backward(t(pull))
    y, cache = norm.rms_norm(x, g)
    np.testing.assert_allclose(y, F.rms_norm(t(x), (5,), t(g), eps=1e-6).numpy(), atol=1e-12)
    for ours, leaf in zip(norm.rms_norm_backward(pull, cache), leaves, strict=True):
        np.testing.assert_allclose(ours, leaf.grad.numpy(), atol=1e-11)


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_group_norm_equals_torch_and_meets_layer_and_instance_norm(groups):
    ours = norm.group_norm(X4, groups, G, B)
    np.testing.assert_allclose(ours, F.group_norm(t(X4), groups, t(G), t(B)).numpy(), atol=1e-12)
    if groups == 1:
        np.testing.assert_allclose(
            norm.group_norm(X4, 1), F.layer_norm(t(X4), X4.shape[1:]).numpy(), atol=1e-12
        )
    if groups == 6:
        np.testing.assert_allclose(
            norm.group_norm(X4, 6), F.instance_norm(t(X4)).numpy(), atol=1e-12
        )
        np.testing.assert_allclose(norm.instance_norm(X4), norm.group_norm(X4, 6))


@given(SEEDS, st.floats(0.1, 50), st.floats(-20, 20))
def test_scale_and_shift_of_a_feature_are_divided_out(seed, c, shift):
    x = np.random.default_rng(seed).normal(size=(8, 3))
    one = np.ones(3)
    zero = np.zeros(3)
    np.testing.assert_allclose(
        norm.batch_norm(c * x + shift, one, zero, 0.0)[0],
        norm.batch_norm(x, one, zero, 0.0)[0],
        atol=1e-9,
    )
    np.testing.assert_allclose(
        norm.layer_norm(c * x + shift, one, zero, 0.0)[0],
        norm.layer_norm(x, one, zero, 0.0)[0],
        atol=1e-7,
    )
    np.testing.assert_allclose(
        norm.rms_norm(c * x, one, 0.0)[0], norm.rms_norm(x, one, 0.0)[0], atol=1e-9
    )


@given(SEEDS)
def test_the_way_back_is_perpendicular_to_what_is_removed(seed):
    rng = np.random.default_rng(seed)
    _, cache = norm.batch_norm(rng.normal(size=(7, 2)), rng.normal(size=2), np.zeros(2), 0.0)
    dx = norm.batch_norm_backward(rng.normal(size=(7, 2)), cache)[0]
    size = np.abs(dx).max()
    assert np.abs(dx.sum(0)).max() < 1e-9 * max(size, 1)
    assert np.abs((dx * cache.x_hat).sum(0)).max() < 1e-9 * max(size, 1)


def test_only_batch_norm_couples_examples():
    changed = X4.copy()
    changed[0] += RNG.normal(size=X4.shape[1:])
    for way, coupled in (
        (lambda x: norm.batch_norm(x, G, B)[0], True),
        (lambda x: norm.group_norm(x, 3), False),
        (lambda x: norm.instance_norm(x), False),
        (lambda x: norm.layer_norm(x, G[:5], B[:5])[0], False),
    ):
        assert (np.abs(way(changed)[1:] - way(X4)[1:]).max() > 1e-6) == coupled


def test_gradients_agree_with_differences():
    x = RNG.normal(size=(5, 3))
    pull = RNG.normal(size=(5, 3))
    g = RNG.normal(size=3)
    b = RNG.normal(size=3)
    _, cache = norm.batch_norm(x, g, b)
    np.testing.assert_allclose(
        norm.batch_norm_backward(pull, cache)[0],
        numeric_grad(lambda v: (norm.batch_norm(v, g, b)[0] * pull).sum(), x),
        atol=1e-8,
    )


@pytest.mark.parametrize("momentum", [0.1, 0.5, 1.0])
def test_running_statistics_and_both_modes_equal_torch(momentum):
    ours = norm.BatchNorm(3, momentum)
    theirs = torch.nn.BatchNorm1d(3, momentum=momentum).double()
    for _ in range(6):
        batch = RNG.normal(4, 2, (16, 3))
        np.testing.assert_allclose(ours(batch), theirs(t(batch)).detach().numpy(), atol=1e-12)
    np.testing.assert_allclose(
        [ours.mean, ours.var], [theirs.running_mean.numpy(), theirs.running_var.numpy()], atol=1e-12
    )
    ours.training = False
    theirs.eval()
    np.testing.assert_allclose(ours(batch), theirs(t(batch)).detach().numpy(), atol=1e-12)


def test_folding_gives_one_layer():
    layer = norm.BatchNorm(3)
    W = RNG.normal(size=(4, 3))
    b = RNG.normal(size=3)
    x = RNG.normal(size=(9, 4))
    layer.gamma = RNG.normal(size=3)
    layer.beta = RNG.normal(size=3)
    layer(x @ W + b)
    layer.training = False
    Wf, bf = layer.folded(W, b)
    np.testing.assert_allclose(x @ Wf + bf, layer(x @ W + b), atol=1e-12)


def test_bad_input_is_refused():
    x = np.ones((4, 3))
    one = np.ones(3)
    zero = np.zeros(3)
    cache = norm.batch_norm(x, one, zero)[1]
    for call in (
        lambda: norm.batch_norm(x[:1], one, zero),
        lambda: norm.batch_norm(x, one[:2], zero),
        lambda: norm.batch_norm(x, one, zero, -1.0),
        lambda: norm.batch_norm(np.zeros((0, 3)), one, zero),
        lambda: norm.batch_norm(np.ones(3), one, zero),
        lambda: norm.batch_norm_backward(x[:2], cache),
        lambda: norm.layer_norm(x, one[:2], zero[:2]),
        lambda: norm.layer_norm_backward(x[:2], norm.layer_norm(x, one, zero)[1]),
        lambda: norm.rms_norm(x, one[:2]),
        lambda: norm.rms_norm_backward(x[:2], norm.rms_norm(x, one)[1]),
        lambda: norm.group_norm(X4, 4),
        lambda: norm.group_norm(X4, 0),
        lambda: norm.group_norm(X4, 2, one),
        lambda: norm.instance_norm(x),
        lambda: norm.BatchNorm(0),
        lambda: norm.BatchNorm(2, 0.0),
        lambda: norm.BatchNorm(2)(x),
        lambda: norm.BatchNorm(3).folded(np.ones((2, 2)), zero),
    ):
        with pytest.raises(ValueError):
            call()
