"""Affine quantization, against torch and by hand."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from groundtruth.modern import block_formats as bf
from groundtruth.modern import quantization as qz
from hypothesis import given
from hypothesis import strategies as st

warnings.filterwarnings("ignore", message="torch.quantize_per")
X = np.random.default_rng(0).normal(0.4, 1, size=(5, 16)).astype(np.float32)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_integers_per_tensor_are_those_of_torch():
    q, s, z = qz.quantize(X, 8, symmetric=False)
    theirs = torch.quantize_per_tensor(torch.tensor(X), s.item(), z.item(), torch.qint8)
    assert q.tolist() == theirs.int_repr().tolist()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_integers_per_channel_are_those_of_torch():
    q, s, z = qz.quantize(X, 8, axis=0, symmetric=False)
    theirs = torch.quantize_per_channel(
        torch.tensor(X), torch.tensor(s[:, 0]), torch.tensor(z[:, 0]), 0, torch.qint8
    )
    assert q.tolist() == theirs.int_repr().tolist()


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_fake_quantization_equals_quantization(bits, axis):
    ours = qz.fake_quantize(torch.tensor(X, dtype=torch.float64), bits, axis)
    assert np.allclose(ours, qz.rounded(X, bits, axis), atol=1e-12)


def test_fake_quantization_passes_the_upstream_gradient_straight_through():
    x = torch.tensor(X, requires_grad=True)
    upstream = torch.tensor(np.random.default_rng(1).normal(size=X.shape), dtype=torch.float32)
    (qz.fake_quantize(x, 3, 0) * upstream).sum().backward()
    assert torch.equal(x.grad, upstream)


def test_fake_quantization_keeps_zeros_and_vectors():
    assert qz.fake_quantize(torch.zeros(3), 4).tolist() == [0, 0, 0]
    assert qz.fake_quantize(torch.tensor([1.0, -7.0, 3.0]), 4).tolist() == [1, -7, 3]
    assert qz.fake_quantize(torch.tensor([0.3, -7.0]), 4, axis=0).tolist() == pytest.approx(
        [0.3, -7.0]
    )


def test_a_grid_by_hand():
    scale, zero = qz.grid(-0.5, 1.5, 8, symmetric=False)
    assert float(scale) == pytest.approx(2 / 255)
    assert int(zero) == -64
    scale, zero = qz.grid(-0.5, 1.5, 8)
    assert float(scale) == pytest.approx(1.5 / 127)
    assert int(zero) == 0


def test_zero_is_a_level_even_if_the_range_excludes_it():
    _, s, z = qz.quantize([2.0, 3.0, 4.0], 4, symmetric=False)
    assert float(s.item()) == pytest.approx(4 / 15)
    assert int(z.item()) == -8
    negative = qz.quantize([-4.0, -2.0], 4, symmetric=False)
    assert int(negative.zero.item()) == 7


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20),
    st.sampled_from([2, 3, 4, 8]),
    st.booleans(),
)
def test_no_error_exceeds_one_step(values, bits, symmetric):
    x = np.array(values)
    q, scale, zero = qz.quantize(x, bits, symmetric=symmetric)
    first, last = qz.levels(bits, symmetric)
    assert first <= q.min() <= q.max() <= last
    allowed = (0.5 if symmetric else 1.0) * float(scale.item())
    assert np.abs(scale * (q - zero) - x).max() <= allowed * (1 + 1e-9)


@pytest.mark.parametrize("symmetric", [True, False])
def test_scaling_the_input_scales_the_result(symmetric):
    assert np.allclose(8 * qz.rounded(X, 4, 0, symmetric), qz.rounded(8 * X, 4, 0, symmetric))


def test_limits_clip():
    q = qz.quantize([-9.0, 0.2, 9.0], 4, limits=(-1, 1))
    assert q.q.tolist() == [-7, 1, 7]
    assert qz.dequantize(q).tolist() == pytest.approx([-1, 1 / 7, 1])


def test_groups_have_scales_of_their_own():
    x = np.array([[1.0, 7.0, 100.0, 700.0]])
    assert qz.rounded_groups(x, 4, 2).tolist() == [[1, 7, 100, 700]]
    assert qz.rounded_groups(x, 4, 4).tolist() == [[0, 0, 100, 700]]
    assert np.allclose(qz.rounded_groups(X, 4, 16), qz.rounded(X, 4, 0))


def test_the_error_of_uniform_values_is_a_twelfth_of_a_squared_step():
    x = np.linspace(-1, 1, 200_001)
    error = np.mean((qz.rounded(x, 6) - x) ** 2)
    assert error == pytest.approx(1 / 31**2 / 12, rel=1e-3)


def test_calibration():
    x = np.concatenate([np.random.default_rng(0).normal(size=5000), [40.0]])
    assert qz.calibrate(x, 4) == (x.min(), 40.0)
    low, high = qz.calibrate(x, 4, "percentile", percent=99)
    assert low == np.percentile(x, 1)
    assert high == np.percentile(x, 99)
    assert qz.calibrate(x, 4, "percentile", percent=100) == (x.min(), 40.0)
    best = qz.calibrate(x, 4, "mse")
    error = [bf.sqnr_db(x, qz.dequantize(qz.quantize(x, 4, limits=r))) for r in (best, (-40, 40))]
    assert error[0] > error[1]
    assert 3 < best[1] < 8  # of 40, the outlier: a tenth of the extremes
    exact = qz.calibrate(np.array([-7.0, 3.0, 7.0]), 4, "mse")
    assert exact == (-7.0, 7.0)


def test_an_integer_layer_is_the_simulated_one():
    rng = np.random.default_rng(2)
    x, W, b = rng.uniform(0, 2, (6, 9)), rng.normal(size=(4, 9)), rng.normal(size=4)
    xq, sx, zx = qz.quantize(x, 8, symmetric=False)
    wq, sw, _ = qz.quantize(W, 8, 0)
    ours = qz.int8_linear(xq.astype(np.int8), sx.item(), zx.item(), wq.astype(np.int8), sw[:, 0], b)
    assert zx.item() != 0
    assert np.allclose(ours, qz.rounded(x, 8, symmetric=False) @ qz.rounded(W, 8, 0).T + b)


def test_an_integer_layer_does_not_wrap_around():
    x = np.full((1, 300), 127, np.int8)
    W = np.full((1, 300), -127, np.int8)
    assert qz.int8_linear(x, 1.0, -128, W, [1.0], [0.5]).tolist() == [[300 * 255 * -127 + 0.5]]


@pytest.mark.parametrize("multiplier", [0.9, 0.5, 0.013, 1e-5])
def test_requantization_is_a_product_rounded(multiplier):
    acc = np.array([-100_000, -7, 0, 6, 999, 70_000], np.int32)
    wanted = np.clip(np.floor(acc * multiplier + 0.5) + 3, -128, 127)
    assert np.abs(qz.requantize(acc, multiplier, 3) - wanted).max() == 0
    m, shift = qz.fixed_point(multiplier)
    assert m / 2**shift == pytest.approx(multiplier, rel=1e-9)
    assert 2**30 <= m <= 2**31


def test_single_precision_is_taken_as_double():
    double = X.astype(float)
    for symmetric in (True, False):
        ours = qz.quantize(X, 8, 0, symmetric)
        theirs = qz.quantize(double, 8, 0, symmetric)
        assert ours.scale.dtype == float
        np.testing.assert_array_equal(ours.scale, theirs.scale)
        np.testing.assert_array_equal(qz.dequantize(ours), qz.dequantize(theirs))
    assert qz.calibrate(X, 4, "mse") == qz.calibrate(double, 4, "mse")
    assert qz.grid(np.float32(-0.1), np.float32(0.3), 8)[0] == float(np.float32(0.3)) / 127


def test_integers_are_those_of_the_definition():
    scale = 0.5
    zero = 3
    x = [-1000.0, -5.0, -0.3, 0.0, 0.74, 0.76, 1000.0]
    # x / 0.5 = -10, -0.6, 0, 1.48, 1.52, rounded and moved by 3; the ends are clipped
    assert qz.apply_grid(x, scale, zero, 4).tolist() == [-7, -7, 2, 3, 4, 5, 7]
    assert qz.apply_grid(x, scale, zero, 4, symmetric=False).tolist() == [-8, -7, 2, 3, 4, 5, 7]
    assert qz.apply_grid(x, scale, zero, 4).dtype == np.int64


def test_the_fewest_and_the_most_bits():
    assert qz.levels(2) == (-1, 1)
    assert qz.levels(2, symmetric=False) == (-2, 1)
    assert qz.levels(16) == (-32767, 32767)
    assert qz.levels(16, False) == (-32768, 32767)
    assert qz.levels(8.0) == (-127, 127)
    assert isinstance(qz.levels(8.0)[1], int)


def test_a_range_may_be_one_number_or_nothing_but_zero():
    scale, zero = qz.grid([0.0, 2.0], [0.0, 2.0], 4, symmetric=False)
    assert scale.tolist() == pytest.approx([1.0, 2 / 15])
    assert zero.tolist() == [-8, -8]
    assert zero.dtype == np.int64
    scale, zero = qz.grid([0.0, -3.5, 1e-3], [0.0, 1.0, 7.0], 4)
    assert scale.tolist() == pytest.approx([1.0, 0.5, 1.0])
    assert zero.tolist() == [0, 0, 0]
    assert zero.dtype == np.int64


def test_one_range_in_the_wrong_order_is_enough_for_an_error():
    with pytest.raises(ValueError, match="low must not exceed high"):
        qz.grid([0.0, 2.0], [1.0, 1.0], 8)


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3, (0, 2), (1, -1), (0, 1, 2), ()])
def test_scales_differ_along_the_chosen_axes(axis, symmetric):
    x = np.random.default_rng(3).normal(0.5, 2, size=(2, 3, 4))
    own = {a % 3 for a in np.atleast_1d(axis).astype(int)}
    ours = qz.quantize(x, 4, axis, symmetric)
    shape = tuple(n if a in own else 1 for a, n in enumerate(x.shape))
    assert ours.scale.shape == ours.zero.shape == shape
    for index in np.ndindex(*shape):
        part = tuple(i if a in own else slice(None) for a, i in enumerate(index))
        alone = qz.quantize(x[part], 4, None, symmetric)
        assert ours.scale[index] == alone.scale.item()
        assert ours.zero[index] == alone.zero.item()
        np.testing.assert_array_equal(ours.q[part], alone.q)


def test_there_is_one_scale_unless_axes_are_named():
    x = np.array([[1.0, 7.0], [10.0, 70.0]])
    assert qz.quantize(x, 4).q.tolist() == [[0, 1], [1, 7]]
    assert qz.rounded(x, 4).tolist() == [[0, 10], [10, 70]]
    assert qz.rounded(x, 4, 0).tolist() == [[1, 7], [10, 70]]
    assert qz.rounded([0.0, 15.0, 1.0], 4, symmetric=False).tolist() == [0, 15, 1]
    assert qz.rounded([0.0, 14.0, 1.0], 4).tolist() == [0, 14, 0]


def test_groups_may_hold_one_entry_and_need_not_be_symmetric():
    x = np.array([[0.1, -0.2], [3.0, 0.0]])
    assert np.allclose(qz.rounded_groups(x, 4, 1), x)
    x = np.array([[0.0, 1.0, 15.0, 100.0, 0.0, 1500.0]])
    assert np.allclose(qz.rounded_groups(x, 4, 3, symmetric=False), x)
    assert np.allclose(qz.rounded_groups([0.0, 1.0, 14.0], 4, 3), [0.0, 0.0, 14.0])  # ties to even
    y = np.random.default_rng(4).normal(size=(2, 3, 8))
    for symmetric in (True, False):
        ours = qz.rounded_groups(y, 3, 4, symmetric)
        for i, j, k in np.ndindex(2, 3, 2):
            part = slice(4 * k, 4 * k + 4)
            np.testing.assert_array_equal(
                ours[i, j, part], qz.rounded(y[i, j, part], 3, None, symmetric)
            )


def test_a_fraction_of_a_thousandth_is_cut_off_by_default():
    x = np.arange(1001.0)  # percentiles at 0.1 and 99.9 are 1 and 999
    assert qz.calibrate(x, 8, "percentile") == pytest.approx((1.0, 999.0))
    assert qz.calibrate(x, 8, "percentile", percent=50.1) == pytest.approx((499.0, 501.0))
    assert qz.calibrate(x.reshape(7, 143), 8) == (0.0, 1000.0)


@pytest.mark.parametrize("symmetric", [True, False])
def test_the_range_of_least_error_is_the_best_of_a_hundred(symmetric):
    x = np.random.default_rng(5).normal(0.8, 1, size=300)
    low, high = qz.calibrate(x, 3, "mse", symmetric)
    errors = []
    for percent in range(1, 101):
        limits = percent * x.min() / 100, percent * x.max() / 100
        q = qz.quantize(x, 3, None, symmetric, limits)
        errors.append(np.mean((qz.dequantize(q) - x) ** 2))
    best = (np.argmin(errors) + 1) / 100
    assert low == pytest.approx(best * x.min())
    assert high == pytest.approx(best * x.max())
    if symmetric:
        assert qz.calibrate(x, 3, "mse") == (low, high)


def test_no_range_is_wider_than_the_extremes():
    x = np.append(np.full(1000, 1.01 / 3), 1.0)  # exact, for a level at 1.01
    assert qz.calibrate(x, 3, "mse")[1] <= 1.0


def test_the_smallest_of_all_ranges_is_a_hundredth():
    x = np.append(np.tile([0.01, -0.01], 10_000), 1.0)
    # at 0.01 all but one entry are exact for an error of 0.99^2; at 0.02 each is 0.01 off or at 0
    assert qz.calibrate(x, 2, "mse")[1] == pytest.approx(0.01)


def test_an_integer_layer_takes_as_many_inputs_as_the_accumulator_holds():
    n = 65_535  # 2^15 n is still below 2^31
    x = np.full((1, n), -128, np.int8)
    W = np.full((1, n), -128, np.int8)
    assert qz.int8_linear(x, 1.0, 127, W, [1.0], [0.0]).tolist() == [[255.0 * 128 * n]]
    more = np.zeros((1, n + 1), np.int8)
    with pytest.raises(ValueError, match="65536 products"):
        qz.int8_linear(more, 1.0, 0, more, [1.0], [0.0])


@pytest.mark.parametrize("shapes", [((3,), (2, 3)), ((2, 3), (3,)), ((2, 3), (2, 4))])
def test_an_integer_layer_needs_matrices(shapes):
    x, W = (np.zeros(shape, np.int8) for shape in shapes)
    with pytest.raises(ValueError, match="need"):
        qz.int8_linear(x, 1.0, 0, W, [1.0, 1.0], [0.0, 0.0])


def test_scales_of_outputs_may_be_lists():
    x = np.array([[1, 2], [3, 4], [5, 6]], np.int8)
    W = np.array([[1, 0], [0, 1]], np.int8)
    ours = qz.int8_linear(x, 2.0, 1, W, [10, 100], [1, 2])
    # inputs less 1 are (0, 1), (2, 3), (4, 5); times 2 and the scale, plus the bias
    assert ours.tolist() == [[1, 202], [41, 602], [81, 1002]]


def test_accumulators_are_clipped_to_eight_bits_around_zero_by_default():
    acc = np.array([-1000, -256, -3, -1, 0, 1, 3, 254, 1000], np.int32)
    # halves are rounded up: -1.5 to -1, -0.5 to 0, 0.5 to 1, 1.5 to 2
    q = qz.requantize(acc, 0.5)
    assert q.tolist() == [-128, -128, -1, 0, 0, 1, 2, 127, 127]
    assert q.dtype == np.int8
    assert qz.requantize(np.array([2**31 - 1, -(2**31)], np.int32), 2.0**-25).tolist() == [64, -64]


def test_a_multiplier_next_to_one_has_31_bits():
    m, shift = qz.fixed_point(1 - 2.0**-31)
    assert m == 2**31 - 1
    assert shift == 31


def test_fake_quantization_of_the_smallest_numbers_is_finite():
    single = torch.tensor([2.0**-149, 0.0])  # a seventh of it is no number but zero
    assert qz.fake_quantize(single, 4).tolist() == [0.0, 0.0]
    half = torch.tensor([3e-6, 0.0], dtype=torch.float16)
    assert qz.fake_quantize(half, 8).isfinite().all()


@pytest.mark.parametrize("sign", [1, -1])
def test_fake_quantization_has_no_level_beyond_the_highest(sign):
    unit = 2.0**-149  # a third of 4 units is 1 unit, which is 4 times in the largest number
    x = sign * unit * torch.tensor([4.0, 2.0, 0.0])
    assert (qz.fake_quantize(x, 3) / unit).tolist() == [3 * sign, 2 * sign, 0]


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        (None, [[0, 10], [10, 70]]),  # steps of 10
        (0, [[1, 7], [10, 70]]),  # steps of 1 and of 10
        (-2, [[1, 7], [10, 70]]),
        (1, [[10 / 7, 10], [10, 70]]),  # steps of 10/7 and of 10
        (-1, [[10 / 7, 10], [10, 70]]),
    ],
)
def test_fake_quantization_counts_axes_from_both_ends(axis, expected):
    x = torch.tensor([[1.0, 7.0], [10.0, 70.0]])
    np.testing.assert_allclose(qz.fake_quantize(x, 4, axis), expected, rtol=1e-6)
    if axis is None:
        np.testing.assert_allclose(qz.fake_quantize(x, 4), expected, rtol=1e-6)


def test_what_is_not_finite_is_named():
    with pytest.raises(ValueError, match="^x needs at least one entry"):
        qz.quantize([np.inf], 8)
    with pytest.raises(ValueError, match="^low needs at least one entry"):
        qz.grid(np.nan, 1.0, 8)
    with pytest.raises(ValueError, match="^high needs at least one entry"):
        qz.grid(0.0, np.inf, 8)


INT8 = np.zeros((2, 3), np.int8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: qz.quantize([1.0], 1), "bits"),
        (lambda: qz.quantize([1.0], 17), "bits"),
        (lambda: qz.quantize([1.0], 2.5), "bits"),
        (lambda: qz.quantize([], 8), "at least one"),
        (lambda: qz.quantize([np.nan], 8), "finite"),
        (lambda: qz.quantize([1.0], 8, axis=1), "axis"),
        (lambda: qz.grid(2.0, 1.0, 8), "exceed"),
        (lambda: qz.rounded_groups(X, 4, 3), "divide"),
        (lambda: qz.rounded_groups(X, 4, 0), "divide"),
        (lambda: qz.calibrate(X, 4, "median"), "method"),
        (lambda: qz.calibrate(X, 4, "percentile", percent=50), "percentage"),
        (lambda: qz.calibrate(X, 4, "percentile", percent=100.5), "percentage"),
        (lambda: qz.int8_linear(INT8, 1, 0, INT8[:, :2], [1, 1], [0, 0]), "need"),
        (
            lambda: qz.int8_linear(
                np.zeros((1, 70_000), np.int8), 1, 0, np.zeros((1, 70_000), np.int8), [1], [0]
            ),
            "overflow",
        ),
        (lambda: qz.fixed_point(0.0), "between"),
        (lambda: qz.fixed_point(1.0), "between"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_other_types_are_refused_by_the_integer_layer():
    with pytest.raises(TypeError, match="int8"):
        qz.int8_linear(INT8.astype(np.int16), 1, 0, INT8, [1, 1], [0, 0])
