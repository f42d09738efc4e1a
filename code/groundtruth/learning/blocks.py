"""Long elementwise updates in blocks that stay in the cache, divided among the cores.

Read with book/learning/optimizers.md.

A step of Adam on ten million numbers consists of such blocks.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from groundtruth.arrays import Array

# a step touches five arrays; blocks of this many numbers stay near the core between its operations
BLOCK = 5 << 15
PART = 1 << 20  # and threads are worth starting for this many each
LINE = 64  # bytes of a line of the cache


def zeros_like(x: Array) -> Array:
    """Zeros in the shape and type of x that begin at a line of the cache.

    NumPy's own begin 16 bytes into one, so that every wide load of them touches two.

    Examples
    --------
    >>> zeros_like(np.ones((2, 3), np.float32)).tolist()
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    raw = np.zeros(x.nbytes + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + x.nbytes].view(x.dtype).reshape(x.shape)


def in_blocks(work: Callable[..., None], arrays: list[Array]) -> None:
    """Call work(scratch, *blocks) for the same block of all arrays (n,), until all n are done.

    `scratch` is as long as a block and holds anything. Parts of the arrays are done by threads, one
    a core: NumPy computes without Python's lock.

    Raises
    ------
    ValueError
        For no arrays, or arrays that are not of one length.
    """
    if len({a.shape for a in arrays}) != 1 or arrays[0].ndim != 1:  # no arrays: no shape
        raise ValueError(
            f"need arrays of one length (n,), got the shapes {[a.shape for a in arrays]}"
        )
    size = arrays[0].size

    def part(start: int, stop: int) -> None:
        # one for all blocks: to ask for memory costs more than a pass
        scratch = zeros_like(arrays[0][: min(BLOCK, stop - start)])
        for at in range(start, stop, BLOCK):
            end = min(at + BLOCK, stop)
            work(scratch[: end - at], *(a[at:end] for a in arrays))

    cores = min(os.cpu_count() or 1, size // PART)
    if cores < 2:
        part(0, size)
        return
    edges = [size * i // cores for i in range(cores + 1)]
    with ThreadPoolExecutor(cores) as pool:
        for done in [pool.submit(part, a, b) for a, b in pairwise(edges)]:
            done.result()
