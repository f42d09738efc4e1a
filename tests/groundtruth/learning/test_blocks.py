"""Blocks: every number once, in order, with room to work in; arrays that begin at a line of the
cache.
"""

import numpy as np
import pytest
from groundtruth.learning import blocks
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 20))
def test_every_number_is_worked_on_once(size, block, part):
    x = np.arange(size, dtype=float)
    y = np.zeros(size)
    lengths = []

    def work(scratch, a, b):
        lengths.append(len(a))
        np.multiply(a, 2, out=scratch)
        b += scratch

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK", block)
        patch.setattr(blocks, "PART", part)
        blocks.in_blocks(work, [x, y])
    assert np.array_equal(y, 2 * np.arange(size))
    assert sum(lengths) == size
    assert max(lengths) <= block


def test_an_error_in_a_thread_comes_out(monkeypatch):
    monkeypatch.setattr(blocks, "PART", 1)

    def work(scratch, a):
        raise ZeroDivisionError("in a block")

    with pytest.raises(ZeroDivisionError, match="in a block"):
        blocks.in_blocks(work, [np.zeros(8)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8])
@pytest.mark.parametrize("shape", [(), (0,), (7,), (3, 5)])
def test_zeros_begin_at_a_line_and_are_like_numpys(shape, dtype):
    like = np.ones(shape, dtype)
    made = blocks.zeros_like(like)
    plain = np.zeros_like(like)
    assert made.dtype == plain.dtype
    assert made.shape == plain.shape
    assert (made == plain).all()
    assert made.flags.writeable
    assert made.ctypes.data % blocks.LINE == 0 or made.size == 0


@pytest.mark.parametrize("arrays", [[], [np.zeros(3), np.zeros(4)], [np.zeros((2, 2))]])
def test_arrays_of_other_shapes_are_refused(arrays):
    with pytest.raises(ValueError, match="of one length"):
        blocks.in_blocks(print, arrays)
