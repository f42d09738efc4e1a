"""Convolution and pooling against torch and scipy; ways back by differences; sizes by brute force;
symmetries.
"""

from decimal import Decimal

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


WIDTHS = (np.float32, np.longdouble, np.int64)


def test_a_layer_steps_by_one_without_gaps_unless_told():
    assert cv.Layer(3) == (3, 1, 1)
    assert cv.receptive_field([]) == 1
    assert cv.receptive_field([cv.Layer(1), cv.Layer(1)]) == 1


def test_sizes_have_stride_one_no_padding_and_no_gaps_unless_told():
    assert cv.out_size(9, 2) == cv.out_size(9, 2, 1, 0, 1) == 8
    assert cv.out_size(1, 1) == 1


@pytest.mark.parametrize("wrong", [{"n": 0}, {"k": 0}, {"stride": 0}, {"dilation": 0}, {"pad": -1}])
def test_sizes_are_at_least_one_and_padding_is_not_negative(wrong):
    with pytest.raises(ValueError, match="need n, k, stride, dilation >= 1 and pad >= 0"):
        cv.out_size(**{"n": 4, "k": 1, **wrong})


def test_a_window_may_cover_all_samples_and_their_padding_and_no_more():
    assert cv.out_size(5, 7, pad=1) == 1
    with pytest.raises(ValueError, match="that spans 8 does not fit on 5 samples with padding 1"):
        cv.out_size(5, 8, pad=1)
    with pytest.raises(ValueError, match="that spans 9 does not fit.* pad more or use a smaller"):
        cv.out_size(5, 5, pad=1, dilation=2)


@pytest.mark.parametrize("layer", [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_a_layer_of_a_stack_has_numbers_of_at_least_one(layer):
    with pytest.raises(ValueError, match="k, stride and dilation must be >= 1"):
        cv.receptive_field([cv.Layer(3), cv.Layer(*layer)])


@pytest.mark.parametrize("width", WIDTHS)
def test_matrices_of_taps_are_double_precision(width):
    T = cv.toeplitz(np.array([2, 3], width), 2)
    assert (T.dtype, T.tolist()) == (np.float64, [[2, 3]])


@pytest.mark.parametrize("width", WIDTHS)
def test_signals_are_convolved_in_double_precision(width):
    x = np.array([[[1, 2, 4]]])
    w = np.array([[[1, -1]]])
    for args in ((x.astype(width), w), (x, w.astype(width))):
        y = cv.conv1d(*args, np.array([10], width))
        assert (y.dtype, y.tolist()) == (np.float64, [[[9, 8]]])


@pytest.mark.parametrize("width", [np.float32, np.float64])
def test_maps_keep_the_precision_of_x(width):
    x = np.ones((2, 2, 3, 4), width)
    for w in (np.ones((3, 2, 2, 2)), np.ones((3, 2, 2, 2), np.float32)):
        assert cv.conv2d(x, w, np.ones(3)).dtype == width
    assert cv.im2col(x, (2, 2), pad=1).dtype == width
    assert cv.col2im(cv.im2col(x, (2, 2)), x.shape).dtype == width
    assert cv.max_pool2d(x, 2)[0].dtype == width
    assert cv.avg_pool2d(x, 2).dtype == width


@pytest.mark.parametrize("kind", [int, bool])
def test_whole_numbers_become_double_precision(kind):
    x = np.ones((1, 1, 2, 3), kind)
    w = np.ones((1, 1, 1, 2), kind)
    y = cv.conv2d(x, w, [0.5])
    assert (y.dtype, y.tolist()) == (np.float64, [[[[2.5, 2.5], [2.5, 2.5]]]])
    assert cv.avg_pool2d(x, 2).tolist() == [[[[1.0]]]]


RIGHT = np.ones((1, 1, 2, 2))


@pytest.mark.parametrize("shape", [(2, 2, 2), (1, 1, 1, 2, 2), (0, 1, 2, 2)])
@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda wrong: cv.im2col(wrong, (1, 1)), "x"),
        (lambda wrong: cv.conv2d(wrong, RIGHT), "x"),
        (lambda wrong: cv.conv2d(RIGHT, wrong), "w"),
        (lambda wrong: cv.conv2d_backward(RIGHT, wrong, RIGHT), "x"),
        (lambda wrong: cv.conv2d_backward(RIGHT, RIGHT, wrong), "w"),
        (lambda wrong: cv.conv_transpose2d(wrong, RIGHT), "y"),
        (lambda wrong: cv.conv_transpose2d(RIGHT, wrong), "w"),
        (lambda wrong: cv.max_pool2d(wrong, 1), "x"),
        (lambda wrong: cv.avg_pool2d(wrong, 1), "x"),
    ],
)
def test_maps_and_kernels_have_four_axes_and_entries(call, name, shape):
    with pytest.raises(ValueError, match=f"^{name} must be a non-empty array with four axes"):
        call(np.ones(shape))


def test_windows_are_gathered_place_by_place():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, 3, 6, 9))
    for stride, pad, dilation in ((1, 0, 1), (2, 1, 1), (1, 2, 2), (3, 0, 3), (2, 1, 2)):
        cols = cv.im2col(x, (2, 3), stride, pad, dilation)
        wide = np.zeros((2, 3, 6 + 2 * pad, 9 + 2 * pad))
        wide[:, :, pad : pad + 6, pad : pad + 9] = x
        back = np.zeros_like(wide)
        pull = rng.normal(size=cols.shape)
        rows = (6 + 2 * pad - dilation - 1) // stride + 1
        columns = (9 + 2 * pad - 2 * dilation - 1) // stride + 1
        assert cols.shape == (2, 3, 2, 3, rows, columns)
        for i in range(2):
            for j in range(3):
                for r in range(rows):
                    for c in range(columns):
                        at = r * stride + i * dilation, c * stride + j * dilation
                        np.testing.assert_array_equal(cols[:, :, i, j, r, c], wide[:, :, *at])
                        back[:, :, *at] += pull[:, :, i, j, r, c]
        np.testing.assert_allclose(
            cv.col2im(pull, x.shape, stride, pad, dilation),
            back[:, :, pad : pad + 6, pad : pad + 9],
            atol=1e-12,
        )
    np.testing.assert_array_equal(cv.im2col(x, (2, 3)), cv.im2col(x, (2, 3), 1, 0, 1))
    cols = cv.im2col(x, (2, 3))
    np.testing.assert_array_equal(cv.col2im(cols, x.shape), cv.col2im(cols, x.shape, 1, 0, 1))


def test_gathered_windows_are_a_copy():
    x = np.ones((1, 1, 2, 2))
    cv.im2col(x, (1, 1))[:] = 7
    assert (x == 1).all()


def test_a_convolution_has_stride_one_no_padding_no_gaps_and_one_group_unless_told():
    x = RNG.normal(size=(2, 4, 5, 6))
    w = RNG.normal(size=(2, 4, 2, 2))
    np.testing.assert_array_equal(cv.conv2d(x, w), cv.conv2d(x, w, None, 1, 0, 1, 1))
    pull = RNG.normal(size=(2, 2, 4, 5))
    plain = cv.conv2d_backward(pull, x, w)
    for a, b in zip(plain, cv.conv2d_backward(pull, x, w, 1, 0, 1, 1), strict=True):
        np.testing.assert_array_equal(a, b)
    x1 = x[:, :, 0]
    w1 = w[:, :, 0]
    np.testing.assert_array_equal(cv.conv1d(x1, w1), cv.conv1d(x1, w1, None, 1, 0, 1))
    y = RNG.normal(size=(2, 2, 3, 3))
    np.testing.assert_array_equal(cv.conv_transpose2d(y, w), cv.conv_transpose2d(y, w, 1, 0))


def test_images_are_convolved_in_blocks_that_change_nothing(monkeypatch):
    x = RNG.normal(size=(5, 4, 4, 5))
    w = RNG.normal(size=(2, 2, 2, 2))
    whole = cv.conv2d(x, w, groups=2)
    for images in (0.5, 1, 2, 3, 5):  # numbers of windows of an image: 4 . 2 . 2 . 3 . 4
        monkeypatch.setattr(cv, "BLOCK", int(images * 192))
        np.testing.assert_allclose(cv.conv2d(x, w, groups=2), whole, atol=1e-14)


def test_a_block_holds_as_many_images_as_fit_and_at_least_one(monkeypatch):
    taken = []
    gather = cv.im2col

    def noted(x, *args):
        taken.append(len(x))
        return gather(x, *args)

    monkeypatch.setattr(cv, "im2col", noted)
    x = np.ones((5, 3, 4, 5))
    w = np.ones((1, 3, 2, 3))
    # the windows of an image hold 3 . 2 . 3 . 3 . 3 = 162 numbers
    for block, expected in ((161, [1] * 5), (324, [2, 2, 1]), (485, [2, 2, 1]), (486, [3, 2])):
        taken.clear()
        monkeypatch.setattr(cv, "BLOCK", block)
        cv.conv2d(x, w)
        assert taken == expected


@pytest.mark.parametrize(
    ("channels", "kernels", "groups"), [(4, 4, 0), (4, 4, -1), (3, 4, 2), (4, 3, 2)]
)
def test_groups_divide_both_numbers_of_channels(channels, kernels, groups):
    x = np.ones((1, channels, 2, 2))
    w = np.ones((kernels, 1, 1, 1))
    with pytest.raises(ValueError, match=f"{groups} groups must divide both {channels} input and"):
        cv.conv2d(x, w, groups=groups)


def test_kernels_see_the_channels_of_their_group():
    with pytest.raises(ValueError, match="w has 4 input channels, x has 4 in 2 .* so 2 are needed"):
        cv.conv2d(np.ones((1, 4, 2, 2)), np.ones((2, 4, 1, 1)), groups=2)
    with pytest.raises(ValueError, match="w has 4 input channels, x has 4 in 2 .* so 2 are needed"):
        cv.conv2d_backward(
            np.ones((1, 2, 2, 2)), np.ones((1, 4, 2, 2)), np.ones((2, 4, 1, 1)), groups=2
        )


@pytest.mark.parametrize("shape", [(2,), (1, 3), ()])
def test_a_bias_belongs_to_each_output_channel(shape):
    with pytest.raises(ValueError, match=r"b must have the shape \(3,\), one per output channel"):
        cv.conv2d(np.ones((1, 1, 2, 2)), np.ones((3, 1, 1, 1)), np.ones(shape))


@pytest.mark.parametrize(
    ("x", "w"),
    [
        (np.ones((3, 4)), np.ones((1, 3, 2))),
        (np.ones((1, 3, 4)), np.ones((3, 2))),
        (np.ones((1, 3, 4, 1)), np.ones((1, 3, 2))),
        (np.ones((1, 3, 4)), np.ones((1, 3, 2, 1))),
    ],
)
def test_signals_and_their_kernels_have_three_axes(x, w):
    with pytest.raises(ValueError, match=r"need x \(N, C, L\) and w \(K, C, k\), got the shapes"):
        cv.conv1d(x, w)


@pytest.mark.parametrize(("stride", "pad"), [(0, 0), (1, -1)])
def test_steps_are_positive_and_paddings_not_negative(stride, pad):
    with pytest.raises(ValueError, match="need stride >= 1 and pad >= 0, got stride="):
        cv.conv1d(np.ones((1, 1, 4)), np.ones((1, 1, 2)), None, stride, pad)
    with pytest.raises(ValueError, match="need stride >= 1 and pad >= 0, got stride="):
        cv.conv_transpose2d(np.ones((1, 1, 2, 2)), np.ones((1, 1, 2, 2)), stride, pad)


def test_a_transposed_convolution_may_leave_a_single_entry_and_not_none():
    y = np.ones((1, 1, 1, 1))
    w = np.arange(9.0).reshape(1, 1, 3, 3)
    assert cv.conv_transpose2d(y, w, pad=1).tolist() == [[[[4.0]]]]
    with pytest.raises(ValueError, match="of 2 leaves an output of -1 x 0; pad less, or use a"):
        cv.conv_transpose2d(y, np.ones((1, 1, 3, 4)), pad=2)
    with pytest.raises(ValueError, match="leaves an output of 1 x 0; pad less"):
        cv.conv_transpose2d(y, np.ones((1, 1, 3, 2)), pad=1)


@pytest.mark.parametrize(("kh", "kw", "stride", "pad"), [(2, 3, 2, 1), (3, 2, 3, 0), (1, 4, 1, 1)])
def test_a_transposed_convolution_with_an_oblong_kernel_equals_torch(kh, kw, stride, pad):
    y = RNG.normal(size=(2, 3, 4, 5))
    w = RNG.normal(size=(3, 2, kh, kw))
    if 2 * pad >= kh + 3 * stride:
        return
    np.testing.assert_allclose(
        cv.conv_transpose2d(y, w, stride, pad),
        F.conv_transpose2d(t(y), t(w), stride=stride, padding=pad).numpy(),
        atol=1e-12,
    )


def test_a_transposed_convolution_needs_a_kernel_for_each_channel():
    with pytest.raises(ValueError, match="y has 2 channels, w expects 3"):
        cv.conv_transpose2d(np.ones((1, 2, 2, 2)), np.ones((3, 1, 2, 2)))


def test_of_equal_entries_the_first_is_the_largest():
    y, at = cv.max_pool2d(np.ones((1, 1, 2, 4)), 2)
    assert (y.tolist(), at.tolist()) == ([[[[1, 1]]]], [[[[0, 0]]]])
    back = cv.max_pool2d_backward(np.array([[[[3.0, 5.0]]]]), at, (1, 1, 2, 4), 2)
    assert back.tolist() == [[[[3, 0, 5, 0], [0, 0, 0, 0]]]]


@pytest.mark.parametrize(("k", "stride"), [(3, 1), (1, 0), (0, 1)])
def test_a_window_of_a_pool_fits_and_steps(k, stride):
    with pytest.raises(ValueError, match="does not fit|need n, k, stride"):
        cv.max_pool2d(np.ones((1, 1, 4, 2)), k, stride)
    with pytest.raises(ValueError, match="does not fit|need n, k, stride"):
        cv.max_pool2d(np.ones((1, 1, 2, 4)), k, stride)
    if k:
        with pytest.raises(ValueError, match="does not fit"):
            cv.avg_pool2d(np.ones((1, 1, 4, 2)), 3)
        with pytest.raises(ValueError, match="does not fit"):
            cv.avg_pool2d(np.ones((1, 1, 2, 4)), 3)


def test_gradients_of_a_pool_have_the_shape_of_its_output():
    at = np.zeros((1, 1, 2, 2), int)
    with pytest.raises(ValueError, match=r"has the shape \(1, 1, 2, 2\), its gradient \(1, 1, 1,"):
        cv.max_pool2d_backward(np.zeros((1, 1, 1, 1)), at, (1, 1, 4, 4), 2)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(
    ("stride", "pad", "dilation"), [(1, 0, 1), (2, 1, 1), (1, 2, 2), (3, 1, 2)]
)
def test_an_oblong_kernel_and_its_way_back_equal_torch(stride, pad, dilation, groups):
    rng = np.random.default_rng(9)
    x = rng.normal(size=(3, 4, 6, 9))
    w = rng.normal(size=(6, 4 // groups, 2, 3))
    b = rng.normal(size=6)
    leaves = [t(v).requires_grad_() for v in (x, w, b)]
    out = F.conv2d(*leaves, stride=stride, padding=pad, dilation=dilation, groups=groups)
    y = cv.conv2d(x, w, b, stride, pad, dilation, groups)
    np.testing.assert_allclose(y, out.detach().numpy(), atol=1e-12)
    pull = rng.normal(size=y.shape)
    out.backward(t(pull))
    back = cv.conv2d_backward(pull, x, w, stride, pad, dilation, groups)
    for ours, leaf in zip(back, leaves, strict=True):
        np.testing.assert_allclose(ours, leaf.grad.numpy(), atol=1e-11)


def test_as_many_groups_as_channels_give_each_its_own_kernel():
    x = np.array([[[[1.0, 2.0]], [[3.0, 4.0]]]])
    w = np.array([[[[10.0]]], [[[100.0]]]])
    assert cv.conv2d(x, w, groups=2).tolist() == [[[[10, 20]], [[300, 400]]]]


def test_output_channels_are_divided_by_the_groups_too():
    with pytest.raises(ValueError, match="2 groups must divide both 4 input and 3 output channels"):
        cv.conv2d(np.ones((1, 4, 2, 2)), np.ones((3, 2, 1, 1)), groups=2)


def test_kernels_are_rounded_to_the_precision_of_x():
    x = np.ones((1, 1, 1, 2), np.float32)
    w = np.array([[[[1 + 2.0**-30, -1.0]]]])
    assert cv.conv2d(x, w).item() == 0.0
    assert cv.conv2d(x.astype(float), w).item() == 2.0**-30


def test_a_bias_may_be_a_decimal_number():
    y = cv.conv2d(np.ones((1, 1, 1, 1)), np.ones((1, 1, 1, 1)), [Decimal("0.5")])
    assert y.item() == 1.5
