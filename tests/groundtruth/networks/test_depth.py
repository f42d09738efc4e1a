"""Stacks against torch and differences; sizes against closed forms; paths against brute force."""

from itertools import combinations, product
from math import factorial

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


@pytest.mark.parametrize("L", [4, 16])
@pytest.mark.parametrize(
    ("mode", "law"),
    [
        ("residual", lambda L: 1.0),
        ("pre", lambda L: (1 + L) ** -0.5),
        ("post", lambda L: 2 ** (-L / 2)),
    ],
)
def test_along_the_skips_alone_the_laws_hold(mode, law, L):
    g = np.random.default_rng(3).normal(size=X.shape)
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


@pytest.mark.parametrize("activation", ["tanh", "relu", "identity"])
@pytest.mark.parametrize("layers", [1, 2, 5])
def test_a_profile_is_that_of_automatic_differentiation(activation, layers):
    rng = np.random.default_rng(3)
    z = torch.tensor(rng.normal(size=(4, 7)), requires_grad=True)
    scores = [z]
    f = {"tanh": torch.tanh, "relu": torch.relu, "identity": lambda v: v * 1}[activation]
    for _ in range(layers - 1):
        # a variance of 3 / width
        scores.append(f(scores[-1]) @ torch.tensor(rng.normal(size=(7, 7)) * np.sqrt(3 / 7)))
    pull = torch.tensor(rng.normal(size=(4, 7)))
    slopes = torch.autograd.grad((scores[-1] * pull).sum(), scores)
    sizes = np.array([float((s**2).mean()) ** 0.5 for s in slopes])
    seen = depth.gradient_profile(activation, lambda n: 3 / n, layers, width=7, n=4, seed=3)
    np.testing.assert_allclose(seen, sizes / sizes[-1], rtol=1e-10)


def test_a_profile_has_128_units_16_examples_and_seed_0_by_default():
    short = depth.gradient_profile("tanh", lambda n: 1 / n, 3)
    full = depth.gradient_profile("tanh", lambda n: 1 / 128, 3, width=128, n=16, seed=0)
    np.testing.assert_array_equal(short, full)
    other = depth.gradient_profile("tanh", lambda n: 1 / n, 3, seed=1)
    assert not np.array_equal(short, other)


def test_one_layer_unit_and_example_make_a_profile():
    seen = depth.gradient_profile("relu", lambda n: 1 / n, 1, width=1, n=1)
    assert seen.tolist() == [1.0]


def test_the_weights_of_a_stack_are_scaled_draws_of_its_seed():
    for net, seed in ((ResidualMLP(3, 2, "plain"), 0), (ResidualMLP(3, 2, "pre", seed=8), 8)):
        draws = np.random.default_rng(seed).normal(size=(2, 2, 3, 3))
        for (W1, W2), (a, b) in zip(net.blocks, draws, strict=True):
            np.testing.assert_allclose(W1, a * np.sqrt(2 / 3))
            np.testing.assert_allclose(W2, b * np.sqrt(1 / 3))


def test_the_branches_have_factor_one_by_default():
    x = np.random.default_rng(1).normal(size=(3, 4))
    given_one = ResidualMLP(4, 2, "residual", 1.0)
    np.testing.assert_array_equal(
        ResidualMLP(4, 2, "residual").forward(x)[0], given_one.forward(x)[0]
    )


def test_a_block_of_one_unit_by_hand():
    net = ResidualMLP(1, 1, "residual", 0.5)
    net.blocks = [(np.array([[3.0]]), np.array([[5.0]]))]
    x, stream = net.forward([[2], [-2]])
    # 2 + 0.5 * 5 * 6, and -2 with a branch that is off
    assert x.tolist() == [[17.0], [-2.0]]
    assert [part.tolist() for part in stream] == [[[2.0], [-2.0]], [[17.0], [-2.0]]]
    dx, ((dW1, dW2),) = net.backward(np.array([[1.0], [1.0]]))
    assert dx.tolist() == [[1 + 0.5 * 5 * 3], [1.0]]
    assert dW1.tolist() == [[2 * 0.5 * 5]]
    assert dW2.tolist() == [[6 * 0.5]]


def test_a_score_of_exactly_zero_passes_no_gradient():
    net = ResidualMLP(2, 1, "plain")
    net.forward(np.zeros((1, 2)))
    dx, ((dW1, _),) = net.backward(np.ones((1, 2)))
    assert not dx.any()
    assert not dW1.any()


def test_the_stream_begins_with_the_input_and_ends_before_the_last_norm():
    x = np.random.default_rng(1).normal(size=(3, 4))
    for mode in MODES:
        out, stream = ResidualMLP(4, 3, mode).forward(x)
        np.testing.assert_array_equal(stream[0], x)
        if mode == "pre":
            last = stream[-1] - stream[-1].mean(axis=1, keepdims=True)
            scale = np.sqrt((last**2).mean(axis=1, keepdims=True) + 1e-5)
            np.testing.assert_allclose(out, last / scale)
        else:
            np.testing.assert_array_equal(out, stream[-1])


def test_single_precision_inputs_are_computed_in_double_precision():
    x = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    for mode in MODES:
        out, stream = ResidualMLP(4, 2, mode).forward(x)
        assert stream[0].dtype == np.float64
        np.testing.assert_array_equal(out, ResidualMLP(4, 2, mode).forward(x.astype(float))[0])


def test_only_the_skips_are_followed_without_branches():
    g = np.random.default_rng(6).normal(size=(3, 4))
    x = np.random.default_rng(7).normal(size=(3, 4))
    for mode in MODES:
        net = ResidualMLP(4, 3, mode)
        leaf = torch.tensor(x, requires_grad=True)
        stream = leaf
        for W1, W2 in net.blocks:
            # detach makes a branch a constant
            u = F.layer_norm(stream, (4,)) if mode == "pre" else stream
            y = (torch.relu(u @ torch.tensor(W1)) @ torch.tensor(W2)).detach()
            stream = 0 * stream + y if mode == "plain" else stream + y
            stream = F.layer_norm(stream, (4,)) if mode == "post" else stream
        out = F.layer_norm(stream, (4,)) if mode == "pre" else stream
        out.backward(torch.tensor(g))
        net.forward(x)
        np.testing.assert_allclose(
            net.backward(g, branches=False)[0], leaf.grad.numpy(), rtol=1e-8, atol=1e-12
        )


def test_only_the_last_forward_counts():
    net = ResidualMLP(4, 2, "residual")
    x = np.random.default_rng(7).normal(size=(5, 4))
    g = np.random.default_rng(8).normal(size=(3, 4))
    net.forward(x)
    net.forward(x[:3])
    dx, _ = net.backward(g)
    alone = ResidualMLP(4, 2, "residual")
    alone.forward(x[:3])
    np.testing.assert_array_equal(dx, alone.backward(g)[0])


def test_the_mean_square_is_of_all_entries():
    assert rms(np.array([[1, 7], [1, 7]])) == 5.0
    assert rms(4) == 4.0
    assert rms(np.array([100, 100], dtype=np.int8)) == 100.0


def test_the_predicted_size_of_a_stream():
    assert depth.predicted_rms(0, 3.0) == 1.0
    assert depth.predicted_rms(2, 3.0) == pytest.approx(10)
    assert depth.predicted_rms(1, 0.0) == 1.0


@pytest.mark.parametrize("L", [0, 1, 2, 7, 12])
def test_paths_through_k_branches_are_counted(L):
    lengths = [sum(path) for path in product((0, 1), repeat=L)]
    assert depth.path_lengths(L).tolist() == [lengths.count(k) for k in range(L + 1)]


def test_paths_of_sixty_blocks_fit_into_whole_numbers():
    counts = depth.path_lengths(60.0)
    assert counts.dtype == np.int64
    assert int(counts[30]) == factorial(60) // factorial(30) ** 2


def test_parts_of_short_whole_numbers_by_hand():
    # one branch that doubles: 100 passes by, 200, more than eight bits hold, goes through
    g = np.array([100], dtype=np.int8)
    double = np.array([[2]], dtype=np.int8)
    assert depth.gradient_by_path_length([double], g).tolist() == [100.0, 200.0]


@pytest.mark.parametrize(("d", "L"), [(0, 1), (-1, 1), (4, 0), (4, -1)])
def test_a_stack_needs_a_width_and_a_block(d, L):
    with pytest.raises(ValueError, match=f"a number of blocks >= 1, got {d} and {L}"):
        ResidualMLP(d, L, "pre")


def test_unknown_modes_are_refused_with_the_modes_there_are():
    with pytest.raises(ValueError, match="one of plain, residual, pre, post, got 'both'"):
        ResidualMLP(4, 1, "both")


@pytest.mark.parametrize("scale", [np.inf, -np.inf, np.nan])
def test_the_factor_of_the_branches_is_finite(scale):
    with pytest.raises(ValueError, match="scale must be finite"):
        ResidualMLP(4, 1, "pre", scale)
    with pytest.raises(ValueError, match="a finite scale"):
        depth.predicted_rms(1, scale)


@pytest.mark.parametrize(
    "x", [np.zeros((2, 3)), np.zeros((0, 4)), np.zeros(4), np.zeros((1, 4, 4))]
)
def test_inputs_are_rows_of_the_width(x):
    with pytest.raises(ValueError, match=r"the shape \(n, 4\) with n >= 1"):
        ResidualMLP(4, 2, "residual").forward(x)


@pytest.mark.parametrize("mode", MODES)
def test_a_gradient_goes_back_only_after_a_forward_of_its_shape(mode):
    net = ResidualMLP(4, 2, mode)
    with pytest.raises(ValueError, match="run forward first"):
        net.backward(np.zeros((2, 4)))
    net.forward(np.ones((2, 4)))
    with pytest.raises(ValueError, match="a gradient of the output's shape"):
        net.backward(np.zeros((3, 4)))


@pytest.mark.parametrize(("layers", "width", "n"), [(0, 2, 2), (2, 0, 2), (2, 2, 0)])
def test_a_profile_needs_layers_units_and_examples(layers, width, n):
    with pytest.raises(ValueError, match=f"got {layers}, {width} and {n}"):
        depth.gradient_profile("relu", lambda n: 1 / n, layers, width, n)


def test_a_profile_needs_a_known_activation():
    with pytest.raises(ValueError, match="gate"):
        depth.gradient_profile("gate", lambda n: 1 / n, 3)


def test_no_numbers_have_no_size():
    with pytest.raises(ValueError, match="no numbers"):
        rms([])


def test_a_stream_has_no_negative_number_of_blocks():
    with pytest.raises(ValueError, match="need L >= 0"):
        depth.predicted_rms(-1, 1.0)


@pytest.mark.parametrize("L", [61, -1, 1.5])
def test_paths_are_counted_for_zero_to_sixty_blocks(L):
    with pytest.raises(ValueError, match="whole number from 0 to 60"):
        depth.path_lengths(L)


@pytest.mark.parametrize(
    "branches", [[], [np.eye(3)], [np.eye(2), np.eye(3)], [np.ones((2, 3))], [np.ones((3, 2))]]
)
def test_branches_are_square_and_of_the_size_of_the_gradient(branches):
    with pytest.raises(ValueError, match="square branches of the size of g, 2"):
        depth.gradient_by_path_length(branches, np.ones(2))
