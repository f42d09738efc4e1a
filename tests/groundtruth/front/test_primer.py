"""The loops of the primer against NumPy and pandas."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from groundtruth.front.primer import dot, matmul_loops, running_mean
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

finite = st.floats(-1e3, 1e3)


@given(
    st.integers(0, 6).flatmap(
        lambda n: st.tuples(arrays(float, n, elements=finite), arrays(float, n, elements=finite))
    )
)
def test_dot_equals_numpy(pair):
    assert dot(*pair) == pytest.approx(np.dot(*pair), rel=1e-12, abs=1e-6)


@given(st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)))
def test_matmul_equals_numpy_and_counts_mkn(mkn):
    m, k, n = mkn
    rng = np.random.default_rng(0)
    A = rng.normal(size=(m, k))
    B = rng.normal(size=(k, n))
    C, count = matmul_loops(A, B)
    assert np.allclose(C, A @ B, atol=1e-12)
    assert count == m * k * n


@given(arrays(float, st.integers(1, 20), elements=finite))
def test_running_mean_equals_pandas(x):
    assert np.allclose(running_mean(x), pd.Series(x).expanding().mean().to_numpy(), atol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dot(np.ones(2), np.ones(3)), r"\(2,\) and \(3,\)"),
        (lambda: dot(np.ones((2, 2)), np.ones((2, 2))), "two vectors"),
        (lambda: matmul_loops(np.ones((2, 3)), np.ones((2, 3))), "inner lengths"),
        (lambda: running_mean(np.array([])), "at least one value"),
        (lambda: running_mean(np.ones((2, 2))), r"\(2, 2\)"),
    ],
)
def test_bad_shapes_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_loops_take_whole_numbers_and_return_floats():
    assert isinstance(dot([1, 2], [3, 4]), float)
    assert dot(np.array([100, 100], dtype=np.int8), np.array([100, 100], dtype=np.int8)) == 20_000
    assert dot([Fraction(1, 2)], [Fraction(1, 4)]) == 0.125
    C, count = matmul_loops([[Fraction(1, 2), 2]], [[Fraction(4)], [5]])
    assert C.tolist() == [[12.0]]
    assert C.dtype == np.float64
    assert count == 2
    assert running_mean([Fraction(1), Fraction(2)]).tolist() == [1.0, 1.5]


def test_an_empty_sum_is_zero():
    assert dot([], []) == 0.0
    C, count = matmul_loops(np.ones((2, 0)), np.ones((0, 3)))
    assert C.tolist() == [[0.0] * 3] * 2
    assert count == 0


@pytest.mark.parametrize(
    ("a", "b"), [((2, 3), (2,)), ((3,), (3, 2)), ((3,), (3,)), ((1, 2, 3), (3, 2))]
)
def test_only_matrices_are_multiplied(a, b):
    with pytest.raises(ValueError, match="the inner lengths must agree"):
        matmul_loops(np.ones(a), np.ones(b))


def test_the_running_mean_of_one_value_is_the_value():
    assert running_mean([7.0]).tolist() == [7.0]
