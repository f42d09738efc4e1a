"""Convolution and pooling against torch and scipy; ways back by differences; sizes by brute force;
symmetries.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from groundtruth.check import numeric_grad
from groundtruth.networks import convolution as cv
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate, correlate2d

RNG = np.random.default_rng(0)
SEEDS = st.integers(0, 10**6)


def t(v):
    return torch.tensor(v, dtype=torch.float64)


@settings(max_examples=40, deadline=None)
@given(
    SEEDS,
    st.integers(1, 3),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 2),
    st.integers(1, 2),
    st.sampled_from([1, 2]),
)
def test_conv2d_and_its_way_back_equal_torch(seed, kh, kw, stride, pad, dilation, groups):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, 4, 9, 10))
    w = rng.normal(size=(6, 4 // groups, kh, kw))
    b = rng.normal(size=6)
    leaves = [t(v).requires_grad_() for v in (x, w, b)]
    out = F.conv2d(*leaves, stride=stride, padding=pad, dilation=dilation, groups=groups)
    y = cv.conv2d(x, w, b, stride, pad, dilation, groups)
    np.testing.assert_allclose(y, out.detach().numpy(), atol=1e-11)
    pull = rng.normal(size=y.shape)
    out.backward(t(pull))
    for ours, leaf in zip(
        cv.conv2d_backward(pull, x, w, stride, pad, dilation, groups), leaves, strict=True
    ):
        np.testing.assert_allclose(ours, leaf.grad.numpy(), atol=1e-10)


def test_ways_back_equal_differences():
    x = RNG.normal(size=(2, 2, 5, 6))
    w = RNG.normal(size=(3, 2, 2, 3))
    pull = RNG.normal(size=cv.conv2d(x, w, stride=2, pad=1).shape)
    dx, dw, _ = cv.conv2d_backward(pull, x, w, 2, 1)
    np.testing.assert_allclose(
        dx, numeric_grad(lambda v: (cv.conv2d(v, w, stride=2, pad=1) * pull).sum(), x), atol=1e-7
    )
    np.testing.assert_allclose(
        dw, numeric_grad(lambda v: (cv.conv2d(x, v, stride=2, pad=1) * pull).sum(), w), atol=1e-7
    )
    y, at = cv.max_pool2d(x, 2)
    pull = RNG.normal(size=y.shape)
    np.testing.assert_allclose(
        cv.max_pool2d_backward(pull, at, x.shape, 2),
        numeric_grad(lambda v: (cv.max_pool2d(v, 2)[0] * pull).sum(), x),
        atol=1e-7,
    )


@given(SEEDS, st.integers(1, 4), st.integers(1, 3), st.integers(0, 3), st.integers(1, 3))
def test_conv1d_equals_torch(seed, k, stride, pad, dilation):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, 3, 14))
    w = rng.normal(size=(4, 3, k))
    b = rng.normal(size=4)
    np.testing.assert_allclose(
        cv.conv1d(x, w, b, stride, pad, dilation),
        F.conv1d(t(x), t(w), t(b), stride, pad, dilation).numpy(),
        atol=1e-12,
    )


def test_a_single_channel_equals_scipy():
    x = RNG.normal(size=(7, 8))
    w = RNG.normal(size=(3, 2))
    np.testing.assert_allclose(
        cv.conv2d(x[None, None], w[None, None])[0, 0], correlate2d(x, w, "valid"), atol=1e-12
    )


@settings(max_examples=30)
@given(SEEDS, st.integers(1, 3), st.integers(1, 3), st.integers(0, 1))
def test_the_transposed_convolution_equals_torch_and_is_the_adjoint(seed, k, stride, pad):
    rng = np.random.default_rng(seed)
    if 2 * pad >= k:
        return
    y = rng.normal(size=(2, 3, 4, 5))
    w = rng.normal(size=(3, 2, k, k))
    x = cv.conv_transpose2d(y, w, stride, pad)
    np.testing.assert_allclose(
        x, F.conv_transpose2d(t(y), t(w), stride=stride, padding=pad).numpy(), atol=1e-12
    )
    z = rng.normal(size=x.shape)
    np.testing.assert_allclose(
        (cv.conv2d(z, w, stride=stride, pad=pad) * y).sum(), (z * x).sum(), atol=1e-9
    )


@pytest.mark.parametrize(("k", "stride"), [(2, None), (3, 1), (3, 2), (2, 3)])
def test_pooling_and_its_way_back_equal_torch(k, stride):
    x = RNG.normal(size=(2, 3, 9, 8))
    leaf = t(x).requires_grad_()
    out = F.max_pool2d(leaf, k, stride)
    y, at = cv.max_pool2d(x, k, stride)
    np.testing.assert_array_equal(y, out.detach().numpy())
    pull = RNG.normal(size=y.shape)
    out.backward(t(pull))
    np.testing.assert_allclose(
        cv.max_pool2d_backward(pull, at, x.shape, k, stride), leaf.grad.numpy(), atol=1e-12
    )
    np.testing.assert_allclose(cv.avg_pool2d(x, k), F.avg_pool2d(t(x), k).numpy(), atol=1e-12)


@given(
    st.integers(1, 30), st.integers(1, 5), st.integers(1, 4), st.integers(0, 3), st.integers(1, 3)
)
def test_out_size_counts_the_places(n, k, stride, pad, dilation):
    places = [i for i in range(0, n + 2 * pad, stride) if i + dilation * (k - 1) < n + 2 * pad]
    if places:
        assert cv.out_size(n, k, stride, pad, dilation) == len(places)
    else:
        with pytest.raises(ValueError, match="does not fit"):
            cv.out_size(n, k, stride, pad, dilation)


def test_the_receptive_field_is_the_support_of_the_gradient():
    layers = [cv.Layer(3), cv.Layer(2, 2), cv.Layer(3, 1, 2), cv.Layer(3, 2)]
    x = torch.zeros(1, 1, 64, dtype=torch.float64, requires_grad=True)
    h = x
    for k, stride, dilation in layers:
        h = F.conv1d(h, torch.ones(1, 1, k, dtype=torch.float64), stride=stride, dilation=dilation)
    h[0, 0, h.shape[-1] // 2].backward()
    assert int((x.grad != 0).sum()) <= cv.receptive_field(layers)
    touched = np.flatnonzero(x.grad[0, 0].numpy())
    assert touched[-1] - touched[0] + 1 == cv.receptive_field(layers)


@given(SEEDS, st.integers(1, 6))
def test_the_toeplitz_matrix_correlates(seed, k):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=11)
    w = rng.normal(size=k)
    np.testing.assert_allclose(cv.toeplitz(w, 11) @ x, correlate(x, w, "valid"), atol=1e-12)


@given(SEEDS)
def test_a_shift_of_the_input_shifts_the_output(seed):
    rng = np.random.default_rng(seed)
    x = np.zeros((1, 2, 9, 9))
    w = rng.normal(size=(3, 2, 3, 3))
    x[:, :, 3:6, 3:6] = rng.normal(size=(1, 2, 3, 3))  # far enough from the borders
    moved = np.roll(x, (1, -1), (2, 3))
    np.testing.assert_allclose(
        cv.conv2d(moved, w, pad=1), np.roll(cv.conv2d(x, w, pad=1), (1, -1), (2, 3)), atol=1e-12
    )


def test_single_precision_is_kept():
    assert cv.conv2d(np.zeros((1, 1, 4, 4), np.float32), np.zeros((1, 1, 3, 3))).dtype == np.float32


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: cv.conv2d(np.zeros((2, 3, 4)), np.zeros((1, 3, 2, 2))), "four axes"),
        (lambda: cv.conv2d(np.zeros((1, 3, 4, 4)), np.zeros((1, 2, 2, 2))), "input channels"),
        (
            lambda: cv.conv2d(np.zeros((1, 3, 4, 4)), np.zeros((2, 1, 2, 2)), groups=2),
            "groups must divide",
        ),
        (lambda: cv.conv2d(np.zeros((1, 1, 4, 4)), np.zeros((1, 1, 5, 5))), "does not fit"),
        (
            lambda: cv.conv2d(np.zeros((1, 1, 4, 4)), np.zeros((2, 1, 2, 2)), b=[1.0]),
            "one per output channel",
        ),
        (lambda: cv.conv2d(np.zeros((1, 1, 4, 4)), np.zeros((1, 1, 2, 2)), stride=0), "stride"),
        (
            lambda: cv.conv2d_backward(
                np.zeros((1, 1, 2, 2)), np.zeros((1, 1, 4, 4)), np.zeros((1, 1, 2, 2))
            ),
            "its gradient",
        ),
        (lambda: cv.conv1d(np.zeros((3, 4)), np.zeros((1, 3, 2))), "need x"),
        (lambda: cv.conv1d(np.zeros((1, 1, 4)), np.zeros((1, 1, 2)), stride=0), "stride"),
        (lambda: cv.conv_transpose2d(np.zeros((1, 2, 4, 4)), np.zeros((1, 2, 2, 2))), "channels"),
        (lambda: cv.max_pool2d(np.zeros((1, 1, 2, 2)), 3), "does not fit"),
        (
            lambda: cv.max_pool2d_backward(
                np.zeros((1, 1, 1, 1)), np.zeros((1, 1, 2, 2), int), (1, 1, 4, 4), 2
            ),
            "its gradient",
        ),
        (lambda: cv.receptive_field([cv.Layer(0)]), "must be >= 1"),
        (lambda: cv.toeplitz([[1.0]], 3), "one axis"),
        (lambda: cv.toeplitz([1.0, 2.0], 1), "does not fit"),
    ],
)
def test_bad_input_is_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()
