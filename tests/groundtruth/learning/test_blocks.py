"""Blocks: every number once, in order, with room to work in; arrays that begin at a line of the
cache.
"""

import os
import threading

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


@pytest.fixture
def small(monkeypatch):
    """Blocks of 4 and parts of 10 numbers, on a computer of as many cores as asked for."""
    monkeypatch.setattr(blocks, "BLOCK", 4)
    monkeypatch.setattr(blocks, "PART", 10)
    return lambda cores: monkeypatch.setattr(os, "cpu_count", lambda: cores)


def worked_on(size):
    """First number and length of each block in order, and the threads that worked."""
    found = []
    threads = set()

    def work(scratch, a):
        assert scratch.shape == a.shape
        assert scratch.dtype == a.dtype
        threads.add(threading.get_ident())
        found.append((int(a[0]), len(a)))

    blocks.in_blocks(work, [np.arange(size, dtype=np.float32)])
    return sorted(found), threads


@pytest.mark.parametrize(
    ("cores", "size"), [(1, 100), (None, 100), (8, 19), (8, 10), (8, 9), (2, 19)]
)
def test_one_core_or_a_short_array_needs_no_other_thread(small, cores, size):
    small(cores)
    found, threads = worked_on(size)
    assert threads == {threading.get_ident()}
    assert found == [(at, min(4, size - at)) for at in range(0, size, 4)]


@pytest.mark.parametrize(
    ("cores", "size", "starts"),
    [
        (2, 20, [0, 10]),
        (2, 59, [0, 29]),
        (8, 25, [0, 12]),
        (3, 60, [0, 20, 40]),
        (8, 39, [0, 13, 26]),
    ],
)
def test_parts_are_as_many_as_cores_where_each_is_long_enough(small, cores, size, starts):
    small(cores)
    found, threads = worked_on(size)
    ends = [*starts[1:], size]
    assert found == [
        (at, min(4, end - at))
        for start, end in zip(starts, ends, strict=True)
        for at in range(start, end, 4)
    ]
    assert threading.get_ident() not in threads


@pytest.mark.parametrize("cores", [2, 40])
def test_parts_are_worked_on_at_the_same_time(small, cores):
    small(cores)
    together = threading.Barrier(cores, timeout=30)

    def work(scratch, a):
        if a[0] % 10 == 0 and len(a) == 4:  # the first block of a part waits for those of all
            together.wait()

    blocks.in_blocks(work, [np.arange(10.0 * cores)])
    assert not together.broken


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
