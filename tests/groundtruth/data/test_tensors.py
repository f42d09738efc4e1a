"""Shape rules against NumPy on random shapes; adjoints by their defining identity."""

import numpy as np
import pytest
import torch
from groundtruth.data.tensors import (
    broadcast_shape,
    einsum2,
    matmul_cost,
    matmul_shape,
    sliding_windows,
    strides_of,
    unbroadcast,
)
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)


def outcome(rule, *args):
    try:
        return rule(*args)
    except ValueError:
        return None


@given(st.lists(shapes, min_size=1, max_size=3))
def test_broadcasting_equals_numpy_with_all_its_refusals(many):
    assert outcome(broadcast_shape, *many) == outcome(np.broadcast_shapes, *many)


@given(shapes, shapes)
def test_matmul_equals_numpy_with_all_its_refusals(a, b):
    assert outcome(matmul_shape, a, b) == outcome(lambda: (np.ones(a) @ np.ones(b)).shape)


@given(mutually_broadcastable_shapes(num_shapes=1, base_shape=(2, 3, 4), min_side=1))
def test_unbroadcast_is_the_adjoint_of_broadcasting(found):
    (small,), large = found.input_shapes, found.result_shape
    rng = np.random.default_rng(0)
    x = rng.normal(size=small)
    g = rng.normal(size=large)
    back = unbroadcast(g, small)
    assert back.shape == small
    assert np.sum(np.broadcast_to(x, large) * g) == pytest.approx(np.sum(x * back), abs=1e-9)


def test_unbroadcast_equals_torch_autograd():
    x = torch.randn(3, 1, dtype=torch.float64, requires_grad=True)
    g = torch.randn(2, 3, 4, dtype=torch.float64)
    (x + torch.zeros(2, 3, 4)).backward(g)
    assert np.allclose(unbroadcast(g.numpy(), (3, 1)), x.grad.numpy())


@given(
    st.lists(st.integers(1, 5), max_size=4).map(tuple),
    st.sampled_from(["C", "F"]),
    st.sampled_from([1, 4, 8]),
)
def test_strides_equal_numpy(shape, order, itemsize):
    array = np.empty(shape, dtype={1: np.int8, 4: np.float32, 8: np.float64}[itemsize], order=order)
    expected = np.lib.stride_tricks.as_strided(array, shape).strides if 1 not in shape else None
    if expected is not None:  # NumPy may write any stride for an axis of length 1
        assert strides_of(shape, itemsize, order) == array.strides


@pytest.mark.parametrize("spec", ["i,i->", "i,j->ij", "i,j->ji"])
def test_einsum_of_vectors_equals_numpy(spec):
    a = np.arange(4.0)
    b = np.arange(4.0) - 1
    assert np.allclose(einsum2(spec, a, b), np.einsum(spec, a, b))


@pytest.mark.parametrize("spec", ["ij,jk->ik", "ij,jk->ki", "ij,jk->", "ij,jk->ijk", "ab,bc->b"])
def test_einsum_of_matrices_equals_numpy(spec):
    rng = np.random.default_rng(1)
    a = rng.normal(size=(3, 4))
    b = rng.normal(size=(4, 2))
    assert np.allclose(einsum2(spec, a, b), np.einsum(spec, a, b))


def test_cost_counts_every_product_of_the_chain():
    assert matmul_cost((2, 3), (3, 5), (5, 7)) == 2 * 3 * 5 + 2 * 5 * 7


def test_windows_equal_numpy_and_copy_nothing():
    x = np.arange(10.0)[::2]
    ours = sliding_windows(x, 3)
    assert np.array_equal(ours, np.lib.stride_tricks.sliding_window_view(x, 3))
    assert np.shares_memory(ours, x)
    with pytest.raises(ValueError, match="read-only"):
        ours[0, 0] = 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: broadcast_shape((2, -1)), "whole numbers"),
        (lambda: broadcast_shape((2, 1.5)), "whole numbers"),
        (lambda: broadcast_shape((2, True)), "whole numbers"),
        (lambda: broadcast_shape((2, 3), (2,)), r"axis -1 has lengths 2 and 3"),
        (lambda: matmul_shape((), (3,)), r"use \* for a scalar"),
        (lambda: matmul_shape((2, 3), (2, 3)), "needs 3 = 2"),
        (lambda: unbroadcast(np.ones((2, 3)), (4,)), "do not broadcast"),
        (lambda: unbroadcast(np.ones(3), (2, 3)), "does not broadcast"),
        (lambda: strides_of((2,), 8, "X"), "'X'"),
        (lambda: strides_of((2,), 0), "positive"),
        (lambda: einsum2("ij", np.ones(2), np.ones(2)), "must read like"),
        (lambda: einsum2("ij,j->i", np.ones(2), np.ones(2)), "must name the 1 axes"),
        (lambda: einsum2("ii,i->i", np.ones((2, 2)), np.ones(2)), "each once"),
        (lambda: einsum2("i,j->k", np.ones(2), np.ones(2)), "the result 'k'"),
        (lambda: sliding_windows(np.ones(3), 4), "width 4"),
        (lambda: sliding_windows(np.ones((2, 2)), 1), "need a vector"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_an_axis_of_length_one_or_zero_moves_no_stride():
    """The step of an axis is the size of all that lie inside it; none has a step of 0."""
    assert strides_of((3, 1, 2), 8) == (16, 16, 8)
    assert strides_of((3, 1, 2), 8, "F") == (8, 24, 24)
    assert strides_of((3, 0, 2), 4) == (8, 8, 4)


def test_einsum_reads_over_spaces():
    a = np.arange(6.0).reshape(2, 3)
    b = np.arange(12.0).reshape(3, 4)
    assert np.array_equal(einsum2(" ij , jk -> ik ", a, b), a @ b)


@pytest.mark.parametrize("spec", ["iXk,Xk->i", "XYk,kX->Y", "XYZ,ZY->"])
def test_einsum_takes_capital_letters(spec):
    rng = np.random.default_rng(2)
    sizes = {"i": 2, "X": 3, "Y": 2, "Z": 4, "k": 5}
    left, right = spec.split("->")[0].split(",")
    a = rng.normal(size=[sizes[c] for c in left])
    b = rng.normal(size=[sizes[c] for c in right])
    assert np.allclose(einsum2(spec, a, b), np.einsum(spec, a, b), rtol=1e-12)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64])
def test_einsum_of_whole_numbers_is_exact(kind):
    """100 * 100 exceeds a byte; 2^31 * 2^31 + 1 has more digits than a float."""
    a = np.array([100, 1], dtype=kind)
    product = einsum2("i,i->", a, a)
    assert product.dtype == np.int64
    assert product == 10_001
    large = np.array([2**31, 1])
    assert einsum2("i,i->", large, large) == 2**62 + 1


def test_einsum_counts_booleans():
    yes = np.array([True, True, False])
    assert einsum2("i,i->", yes, yes) == 2


def test_einsum_keeps_unsigned_numbers_beyond_the_signed_ones():
    a = np.array([2**63], dtype=np.uint64)
    assert einsum2("i,i->", a, np.array([1], dtype=np.uint64)) == 2**63


def test_cost_of_batches_counts_every_matrix():
    """28 products of (2, 3) and (3, 5), with the batch on either side or on both."""
    assert matmul_cost((7, 1, 2, 3), (4, 3, 5)) == 28 * 2 * 3 * 5
    assert matmul_cost((2, 3), (4, 3, 5)) == 4 * 2 * 3 * 5
    assert matmul_cost((4, 2, 3), (3, 5)) == 4 * 2 * 3 * 5
    assert matmul_cost((2, 3), (4, 3, 5), (5, 6)) == 4 * 2 * 3 * 5 + 4 * 2 * 5 * 6


def test_cost_of_vectors():
    assert matmul_cost((3,), (3,)) == 3
    assert matmul_cost((2, 3), (3,)) == 2 * 3
    assert matmul_cost((3,), (3, 5)) == 3 * 5


@pytest.mark.parametrize("width", [1, 4])
def test_the_narrowest_and_the_widest_windows(width):
    x = np.arange(4.0)
    expected = [x[i : i + width].tolist() for i in range(4 - width + 1)]
    assert sliding_windows(x, width).tolist() == expected


@pytest.mark.parametrize("width", [0, 5])
def test_windows_of_no_value_and_of_too_many_are_refused(width):
    with pytest.raises(ValueError, match=f"width {width}"):
        sliding_windows(np.arange(4.0), width)
