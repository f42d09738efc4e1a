"""Clipping against torch; bad input."""

import numpy as np
import pytest
import torch
from groundtruth.learning import clipping
from hypothesis import given
from hypothesis import strategies as st


@given(
    st.lists(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=4), min_size=1, max_size=3),
    st.floats(0.1, 100),
)
def test_clipping_by_norm_equals_torch(lists, limit):
    grads = [np.array(g) for g in lists]
    twins = [torch.zeros(len(g), dtype=torch.float64, requires_grad=True) for g in grads]
    for twin, g in zip(twins, grads, strict=True):
        twin.grad = torch.tensor(g)
    norm = torch.nn.utils.clip_grad_norm_(twins, limit)
    clipped, ours = clipping.clip_norm(grads, limit)
    assert np.isclose(ours, float(norm))
    for c, twin in zip(clipped, twins, strict=True):
        assert np.allclose(c, twin.grad.numpy(), rtol=1e-9, atol=1e-9)


def test_gradients_within_the_limit_stay_as_they_are():
    clipped, norm = clipping.clip_norm([np.array([0.3]), np.array([[-0.4]])], 0.75)
    assert np.isclose(norm, 0.5)
    assert [c.tolist() for c in clipped] == [[0.3], [[-0.4]]]


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=5), st.floats(0.1, 5))
def test_clipping_by_value_equals_torch(values, limit):
    twin = torch.zeros(len(values), dtype=torch.float64, requires_grad=True)
    twin.grad = torch.tensor(values, dtype=torch.float64)
    torch.nn.utils.clip_grad_value_([twin], limit)
    assert np.array_equal(clipping.clip_value([np.array(values)], limit)[0], twin.grad.numpy())


def test_the_norm_of_half_precision_does_not_overflow():
    assert np.isclose(clipping.norm2(np.full(4, 300.0, np.float16)), 600.0)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_norm_of_half_and_single_precision_is_a_number_of_single_precision(dtype):
    norm = clipping.norm2(np.ones(2, dtype))
    assert norm == float(np.float32(norm))
    assert np.isclose(norm, np.sqrt(2), rtol=1e-7, atol=0)


def test_a_limit_that_is_not_finite_is_refused():
    for limit in (np.inf, np.nan):
        with pytest.raises(ValueError, match=f"got {limit}"):
            clipping.clip_norm([np.ones(2)], limit)
        with pytest.raises(ValueError, match=f"got {limit}"):
            clipping.clip_value([np.ones(2)], limit)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: clipping.clip_norm([np.ones(2)], 0.0), ValueError, "limit"),
        (
            lambda: clipping.clip_norm([np.array([np.inf])], 1.0),
            FloatingPointError,
            "skip the batch",
        ),
        (lambda: clipping.clip_value([np.ones(2)], -1.0), ValueError, "limit"),
    ],
)
def test_bad_input_is_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()
