"""Every norm and every backward pass against torch and differences; running statistics."""

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


@pytest.mark.parametrize(
    ("way", "coupled"),
    [
        (lambda x: norm.batch_norm(x, G, B)[0], True),
        (lambda x: norm.group_norm(x, 3), False),
        (lambda x: norm.instance_norm(x), False),
        (lambda x: norm.layer_norm(x, G[:5], B[:5])[0], False),
    ],
    ids=["batch", "group", "instance", "layer"],
)
def test_only_batch_norm_couples_examples(way, coupled):
    changed = X4.copy()
    changed[0] += np.random.default_rng(1).normal(size=X4.shape[1:])
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


SMALL = 1e-3 * X4  # so small that eps counts


def test_the_default_eps_is_that_of_torch():
    rows = SMALL[:, 0, 0]
    one, zero = np.ones(5), np.zeros(5)
    pairs = [
        (norm.batch_norm(rows, one, zero)[0], F.batch_norm(t(rows), None, None, training=True)),
        (norm.layer_norm(rows, one, zero)[0], F.layer_norm(t(rows), (5,))),
        (norm.rms_norm(rows, one)[0], F.rms_norm(t(rows), (5,), eps=1e-6)),
        (norm.group_norm(SMALL, 3), F.group_norm(t(SMALL), 3)),
        (norm.instance_norm(SMALL), F.instance_norm(t(SMALL))),
        (norm.BatchNorm(5)(rows), torch.nn.BatchNorm1d(5).double()(t(rows)).detach()),
    ]
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-10, atol=1e-12)


def test_a_given_eps_is_added_to_the_variance():
    rows = X4[:, 0, 0]
    one, zero = np.ones(5), np.zeros(5)
    layer = norm.BatchNorm(5, eps=0.3)
    pairs = [
        (
            norm.batch_norm(rows, one, zero, 0.3)[0],
            F.batch_norm(t(rows), None, None, training=True, eps=0.3),
        ),
        (norm.layer_norm(rows, one, zero, 0.3)[0], F.layer_norm(t(rows), (5,), eps=0.3)),
        (norm.rms_norm(rows, one, 0.3)[0], F.rms_norm(t(rows), (5,), eps=0.3)),
        (norm.group_norm(X4, 3, eps=0.3), F.group_norm(t(X4), 3, eps=0.3)),
        (norm.instance_norm(X4, 0.3), F.instance_norm(t(X4), eps=0.3)),
        (layer(rows), F.batch_norm(t(rows), None, None, training=True, eps=0.3)),
    ]
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-10, atol=1e-12)


def test_scale_and_shift_of_maps_have_gradients_as_in_torch():
    pull = RNG.normal(size=X4.shape)
    leaves = [t(v).requires_grad_() for v in (X4, G, B)]
    F.batch_norm(leaves[0], None, None, leaves[1], leaves[2], training=True).backward(t(pull))
    _, cache = norm.batch_norm(X4, G, B)
    _, dgamma, dbeta = norm.batch_norm_backward(pull, cache)
    np.testing.assert_allclose(dgamma, leaves[1].grad.numpy(), atol=1e-12)
    np.testing.assert_allclose(dbeta, leaves[2].grad.numpy(), atol=1e-12)


def test_the_divisor_is_the_root_of_the_biased_variance_with_its_axes_kept():
    x_hat, s = norm.standardise(X4, (0, 2, 3), 0.5)
    assert s.shape == (1, 6, 1, 1)
    np.testing.assert_allclose(s.ravel() ** 2, X4.var(axis=(0, 2, 3)) + 0.5)
    np.testing.assert_allclose(x_hat * s, X4 - X4.mean(axis=(0, 2, 3), keepdims=True), atol=1e-12)


def test_equal_values_are_refused_only_without_eps():
    flat = np.ones((3, 2))
    with pytest.raises(ValueError, match="use eps > 0"):
        norm.standardise(flat, (0,), 0.0)
    with pytest.raises(ValueError, match="use eps > 0"):
        # one feature of two has no variance
        norm.batch_norm([[1.0, 1.0], [1.0, 2.0]], np.ones(2), np.zeros(2), 0.0)
    assert norm.batch_norm(flat, np.ones(2), np.full(2, 7.0))[0].tolist() == [[7.0, 7.0]] * 3


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1, 1), (1, 3, 1, 2), (1, 3, 2, 1)])
def test_two_values_per_feature_are_enough(shape):
    x = np.arange(6.0).reshape(shape)
    y, _ = norm.batch_norm(x, np.ones(3), np.zeros(3), 0.0)
    # two different values become -1 and 1
    assert sorted(y.ravel()) == pytest.approx([-1.0] * 3 + [1.0] * 3)


@pytest.mark.parametrize("shape", [(1, 3), (1, 3, 1, 1)])
def test_one_value_per_feature_is_refused(shape):
    with pytest.raises(ValueError, match="more than one value per feature"):
        norm.batch_norm(np.ones(shape), np.ones(3), np.zeros(3))


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.longdouble])
def test_all_numbers_are_computed_in_double_precision(dtype):
    x = np.array([[1, 3, 7], [10, 30, 71], [4, 4, 5]], dtype=dtype)
    scale = np.array([1, 2, 3], dtype=dtype)
    shift = np.array([3, 2, 1], dtype=dtype)
    maps = x.reshape(1, 3, 3)

    def computed(x, scale, shift, maps):
        layer = norm.BatchNorm(3)
        first = layer(x)
        layer.training = False
        return [
            *norm.batch_norm(x, scale, shift)[1][:3],
            *norm.layer_norm(x, scale, shift)[1][:3],
            *norm.rms_norm(x, scale)[1][:3],
            norm.batch_norm(x, scale, shift)[0],
            norm.layer_norm(x, scale, shift)[0],
            norm.rms_norm(x, scale)[0],
            norm.group_norm(maps, 3, scale, shift),
            norm.instance_norm(maps),
            first,
            layer.mean,
            layer.var,
            layer(x),
            *layer.folded(x, scale),
        ]

    wide = [v.astype(float) for v in (x, scale, shift, maps)]
    for seen, expected in zip(computed(x, scale, shift, maps), computed(*wide), strict=True):
        assert seen.dtype == np.float64
        np.testing.assert_array_equal(seen, expected)


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3), (2, 6, 3, 2)])
def test_groups_of_channels_equal_torch_at_any_number_of_axes(shape):
    x = np.random.default_rng(8).normal(2, 3, shape)
    if len(shape) > 2:
        np.testing.assert_allclose(norm.instance_norm(x), F.instance_norm(t(x)).numpy(), atol=1e-12)
    for scale, shift in ((G, None), (None, B), (G, B), (None, None)):
        theirs = F.group_norm(
            t(x), 2, None if scale is None else t(scale), None if shift is None else t(shift)
        )
        np.testing.assert_allclose(norm.group_norm(x, 2, scale, shift), theirs.numpy(), atol=1e-12)


def test_four_axes_of_rows_have_gradients_as_in_torch():
    x = X4[:, :2]
    pull = RNG.normal(size=x.shape)
    g = RNG.normal(size=5)
    leaves = [t(v).requires_grad_() for v in (x, g, B[:5])]
    F.layer_norm(leaves[0], (5,), leaves[1], leaves[2]).backward(t(pull))
    _, cache = norm.layer_norm(x, g, B[:5])
    for ours, leaf in zip(norm.layer_norm_backward(pull, cache), leaves, strict=True):
        np.testing.assert_allclose(ours, leaf.grad.numpy(), atol=1e-11)
    leaves = [t(v).requires_grad_() for v in (x, g)]
    F.rms_norm(leaves[0], (5,), leaves[1], eps=1e-6).backward(t(pull))
    _, cache = norm.rms_norm(x, g)
    for ours, leaf in zip(norm.rms_norm_backward(pull, cache), leaves, strict=True):
        np.testing.assert_allclose(ours, leaf.grad.numpy(), atol=1e-11)


def test_a_new_layer_normalizes_by_mean_zero_and_variance_one_in_evaluation():
    layer = norm.BatchNorm(2, eps=0.25)
    assert layer.training
    assert layer.momentum == 0.1
    layer.training = False
    np.testing.assert_allclose(layer([[3.0, -5.0]]), [[3 / np.sqrt(1.25), -5 / np.sqrt(1.25)]])
    assert (layer.mean.tolist(), layer.var.tolist()) == ([0, 0], [1, 1])


def test_a_layer_uses_its_scale_and_shift_in_both_modes():
    layer = norm.BatchNorm(1, momentum=1.0, eps=0.0)
    layer.gamma = np.array([3.0])
    layer.beta = np.array([5.0])
    # mean 2, biased variance 1, unbiased 2
    assert layer([[1.0], [3.0]]).tolist() == [[2.0], [8.0]]
    layer.training = False
    np.testing.assert_allclose(layer([[3.0]]), [[5 + 3 / np.sqrt(2)]])


def test_folding_uses_the_eps_of_the_layer():
    layer = norm.BatchNorm(2, eps=3.0)
    layer.beta = np.array([7.0, 8.0])
    weights, bias = layer.folded([[2, 4]], [6, 8])
    # the running variance is 1, so everything is divided by 2
    assert weights.tolist() == [[1.0, 2.0]]
    assert bias.tolist() == [10.0, 12.0]


ROWS = np.array([[1.0, 2.0, 4.0], [3.0, 5.0, 4.5]])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_are_finite(value):
    with pytest.raises(ValueError, match="x holds NaN or infinity"):
        norm.layer_norm([1.0, value], np.ones(2), np.zeros(2))


@pytest.mark.parametrize("eps", [-1e-9, np.inf, np.nan])
@pytest.mark.parametrize(
    "call",
    [
        lambda eps: norm.batch_norm(ROWS, np.ones(3), np.zeros(3), eps),
        lambda eps: norm.layer_norm(ROWS, np.ones(3), np.zeros(3), eps),
        lambda eps: norm.rms_norm(ROWS, np.ones(3), eps),
        lambda eps: norm.group_norm(ROWS, 1, eps=eps),
        lambda eps: norm.instance_norm(X4, eps),
    ],
    ids=["batch", "layer", "rms", "group", "instance"],
)
def test_eps_is_finite_and_not_negative(call, eps):
    with pytest.raises(ValueError, match="eps must be >= 0"):
        call(eps)


@pytest.mark.parametrize(
    ("way", "axes", "allowed"),
    [
        (lambda x: norm.batch_norm(x, np.ones(2), np.zeros(2)), (0, 1, 3, 5), "2 or 4"),
        (lambda x: norm.layer_norm(x, np.ones(2), np.zeros(2)), (0, 5), "1 or 2 or 3 or 4"),
        (lambda x: norm.rms_norm(x, np.ones(2)), (0, 5), "1 or 2 or 3 or 4"),
        (lambda x: norm.group_norm(x, 1), (0, 1, 5), "2 or 3 or 4"),
        (norm.instance_norm, (0, 1, 2, 5), "3 or 4"),
    ],
)
def test_arrays_have_the_axes_that_a_norm_knows(way, axes, allowed):
    for number in axes:
        with pytest.raises(ValueError, match=f"with {allowed} axes"):
            way(np.ones((2,) * number))


def test_empty_arrays_are_refused():
    with pytest.raises(ValueError, match="non-empty"):
        norm.batch_norm(np.zeros((0, 3)), np.ones(3), np.zeros(3))


@pytest.mark.parametrize("wrong", [np.ones(2), np.ones((1, 3)), 1.0])
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("^gamma must", lambda wrong, one: norm.batch_norm(ROWS, wrong, one)),
        ("^beta must", lambda wrong, one: norm.batch_norm(ROWS, one, wrong)),
        ("gamma and beta must", lambda wrong, one: norm.layer_norm(ROWS, wrong, one)),
        ("gamma and beta must", lambda wrong, one: norm.layer_norm(ROWS, one, wrong)),
        ("gamma and beta must", lambda wrong, one: norm.layer_norm(ROWS, wrong, wrong)),
        ("^gamma must", lambda wrong, one: norm.rms_norm(ROWS, wrong)),
        ("^gamma must", lambda wrong, one: norm.group_norm(ROWS[:, :, None], 1, wrong, one)),
        ("^beta must", lambda wrong, one: norm.group_norm(ROWS[:, :, None], 1, one, wrong)),
    ],
)
def test_scale_and_shift_have_one_entry_per_feature(name, call, wrong):
    with pytest.raises(ValueError, match=name):
        call(wrong, np.ones(3))


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (3, 2)])
def test_gradients_have_the_shape_of_the_output(shape):
    one = np.ones(3)
    dy = np.ones(shape)
    for back, cache in (
        (norm.batch_norm_backward, norm.batch_norm(ROWS, one, one)[1]),
        (norm.layer_norm_backward, norm.layer_norm(ROWS, one, one)[1]),
        (norm.rms_norm_backward, norm.rms_norm(ROWS, one)[1]),
    ):
        with pytest.raises(ValueError, match=r"the output has shape \(2, 3\), its gradient"):
            back(dy, cache)


@pytest.mark.parametrize("groups", [4, 0, -1, -2, 5, 7, 12])
def test_groups_divide_the_channels(groups):
    with pytest.raises(ValueError, match=f"divide the 6 channels, got {groups}"):
        norm.group_norm(X4, groups)


@pytest.mark.parametrize(
    ("d", "momentum"), [(0, 0.1), (-1, 0.1), (2, 0.0), (2, -0.1), (2, 1.1), (2, np.nan)]
)
def test_a_layer_needs_a_feature_and_a_momentum_up_to_one(d, momentum):
    with pytest.raises(ValueError, match=f"got {d} and {momentum}"):
        norm.BatchNorm(d, momentum)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("x", [np.ones((4, 3)), np.ones((4, 1)), np.ones(2), np.ones((2, 2, 2))])
def test_a_layer_takes_rows_of_its_features(x, training):
    layer = norm.BatchNorm(2)
    layer.training = training
    with pytest.raises(ValueError, match=r"the shape \(m, 2\)"):
        layer(x)


@pytest.mark.parametrize(
    ("weights", "bias"),
    [
        (np.ones((2, 2)), np.ones(3)),
        (np.ones(3), np.ones(3)),
        (np.ones((3, 2)), np.ones(3)),
        (np.ones((2, 3)), np.ones(2)),
        (np.ones((2, 3)), np.ones((1, 3))),
        (np.ones((2, 3, 3)), np.ones(3)),
    ],
)
def test_folding_needs_weights_and_a_bias_of_the_features(weights, bias):
    with pytest.raises(ValueError, match=r"need weights \(n_in, 3\) and a bias \(3,\)"):
        norm.BatchNorm(3).folded(weights, bias)
