"""The loops of the primer against NumPy and pandas."""

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
