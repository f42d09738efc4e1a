"""Stacks against torch and differences; sizes against closed forms; paths against brute force."""

from itertools import combinations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from groundtruth.check import gradient_errors
from groundtruth.networks import depth
from groundtruth.networks.depth import MODES, ResidualMLP, rms
from hypothesis import given, settings
from hypothesis import strategies as st

SEEDS = st.integers(0, 10**6)
X = np.random.default_rng(0).normal(size=(64, 128))


def torch_stack(net: ResidualMLP, x: torch.Tensor, weights) -> torch.Tensor:
    for W1, W2 in weights:
        u = F.layer_norm(x, (net.d,)) if net.mode == "pre" else x
        y = net.scale * (torch.relu(u @ W1) @ W2)
        x = y if net.mode == "plain" else x + y
        x = F.layer_norm(x, (net.d,)) if net.mode == "post" else x
    return F.layer_norm(x, (net.d,)) if net.mode == "pre" else x


@settings(max_examples=30)
@given(SEEDS, st.sampled_from(MODES), st.integers(1, 5), st.floats(0.1, 1.5))
def test_output_and_all_gradients_equal_torch(seed, mode, L, scale):
    rng = np.random.default_rng(seed)
    net = ResidualMLP(8, L, mode, scale, seed)
    x = rng.normal(size=(5, 8))
    g = rng.normal(size=(5, 8))
    leaf = torch.tensor(x, requires_grad=True)
    weights = [
        (torch.tensor(a, requires_grad=True), torch.tensor(b, requires_grad=True))
        for a, b in net.blocks
    ]
    out = torch_stack(net, leaf, weights)
    out.backward(torch.tensor(g))
    ours, stream = net.forward(x)
    dx, grads = net.backward(g)
    assert len(stream) == L + 1
    np.testing.assert_allclose(ours, out.detach().numpy(), rtol=1e-8, atol=1e-8)
    size = max(1.0, float(leaf.grad.abs().max()))
    np.testing.assert_allclose(dx, leaf.grad.numpy(), atol=1e-7 * size)
    for (a, b), (A, B) in zip(grads, weights, strict=True):
        np.testing.assert_allclose(
            a, A.grad.numpy(), atol=1e-7 * max(1.0, float(A.grad.abs().max()))
        )
        np.testing.assert_allclose(
            b, B.grad.numpy(), atol=1e-7 * max(1.0, float(B.grad.abs().max()))
        )


@pytest.mark.parametrize("mode", MODES)
def test_gradients_agree_with_differences(mode):
    net = ResidualMLP(5, 3, mode, 0.7, seed=1)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(4, 5))
    g = rng.normal(size=(4, 5))
    net.forward(x)
    _, grads = net.backward(g)
    params = [w for pair in net.blocks for w in pair]
    flat = [w for pair in grads for w in pair]
    assert max(gradient_errors(lambda: float((net.forward(x)[0] * g).sum()), params, flat)) < 1e-5


@pytest.mark.parametrize("scale", [0.1, 0.5, 1.0])
def test_the_stream_has_the_predicted_size(scale):
    seen = np.mean(
        [rms(ResidualMLP(128, 12, "residual", scale, s).forward(X)[0]) for s in range(6)]
    )
    assert seen == pytest.approx(depth.predicted_rms(12, scale), rel=0.25)


def test_the_norms_set_the_size_of_the_stream():
    for L in (4, 16, 64):
        assert rms(ResidualMLP(128, L, "post", seed=2).forward(X)[1][-1]) == pytest.approx(
            1, abs=1e-3
        )
        assert rms(ResidualMLP(128, L, "pre", seed=2).forward(X)[1][-1]) == pytest.approx(
            np.sqrt(1 + L), rel=0.25
        )


def test_along_the_skips_alone_the_laws_hold():
    g = np.random.default_rng(3).normal(size=X.shape)
    for mode, law in (
        ("residual", lambda L: 1.0),
        ("pre", lambda L: (1 + L) ** -0.5),
        ("post", lambda L: 2 ** (-L / 2)),
    ):
        for L in (4, 16):
            net = ResidualMLP(128, L, mode, seed=4)
            net.forward(X)
            # v is near 1, not exactly
            assert 0.4 < rms(net.backward(g, branches=False)[0]) / rms(g) / law(L) < 2.5


def test_zero_last_layers_make_the_identity_and_leave_the_gradient_alone():
    net = ResidualMLP(128, 30, "residual", zero_last=True)
    g = np.random.default_rng(5).normal(size=X.shape)
    assert np.array_equal(net.forward(X)[0], X)
    dx, grads = net.backward(g)
    assert np.array_equal(dx, g)
    assert all(b.any() and not a.any() for a, b in grads)


def test_a_linear_profile_is_that_of_the_matrices():
    seen = depth.gradient_profile("identity", lambda n: 1 / n, 40, width=300)
    assert seen[-1] == 1
    assert np.all(np.abs(np.log(seen)) < 0.7)
    assert depth.gradient_profile("relu", lambda n: 1 / n, 21)[0] == pytest.approx(2**-10, rel=0.9)


@settings(max_examples=20)
@given(SEEDS, st.integers(1, 6))
def test_parts_by_path_length_equal_the_sum_over_subsets(seed, L):
    rng = np.random.default_rng(seed)
    A = [rng.normal(size=(3, 3)) for _ in range(L)]
    g = rng.normal(size=3)
    expected = []
    for k in range(L + 1):
        part = np.zeros(3)
        for chosen in combinations(range(L), k):
            path = g
            for block in reversed(chosen):
                path = path @ A[block].T
            part += path
        expected.append(np.linalg.norm(part))
    np.testing.assert_allclose(depth.gradient_by_path_length(A, g), expected, rtol=1e-8, atol=1e-9)


@given(st.integers(0, 60))
def test_paths_add_up_to_two_to_the_L(L):
    counts = depth.path_lengths(L)
    assert counts.sum() == 2**L
    assert (counts == counts[::-1]).all()


def test_bad_input_is_refused():
    net = ResidualMLP(4, 2, "residual")
    for call in (
        lambda: ResidualMLP(0, 1, "pre"),
        lambda: ResidualMLP(4, 0, "pre"),
        lambda: ResidualMLP(4, 1, "both"),
        lambda: ResidualMLP(4, 1, "pre", np.inf),
        lambda: net.backward(np.zeros((2, 4))),
        lambda: net.forward(np.zeros((2, 3))),
        lambda: net.forward(np.zeros((0, 4))),
        lambda: depth.gradient_profile("relu", lambda n: 1 / n, 0),
        lambda: depth.gradient_profile("gate", lambda n: 1 / n, 3),
        lambda: rms([]),
        lambda: depth.predicted_rms(-1, 1.0),
        lambda: depth.predicted_rms(1, np.nan),
        lambda: depth.path_lengths(61),
        lambda: depth.path_lengths(-1),
        lambda: depth.gradient_by_path_length([], np.ones(2)),
        lambda: depth.gradient_by_path_length([np.eye(3)], np.ones(2)),
    ):
        with pytest.raises(ValueError):
            call()
