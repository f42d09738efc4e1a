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
