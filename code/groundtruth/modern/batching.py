"""Batches of an epoch, batches of similar lengths, and documents packed into rows.

Read with book/modern/training-in-practice.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Batches = list[NDArray[np.intp]]


def epoch(n: int, B: int, rng: np.random.Generator, drop_last: bool = False) -> Batches:
    """The examples 0 to n - 1 in a new random order, B at a time; the last batch may be short.

    Raises
    ------
    ValueError
        If n or B is below 1.

    Examples
    --------
    >>> [b.tolist() for b in epoch(10, 4, np.random.default_rng(0))]
    [[4, 6, 2, 7], [3, 5, 9, 0], [8, 1]]
    """
    if n < 1 or B < 1:
        raise ValueError(f"need at least one example and batches of at least one, got {n} and {B}")
    order = rng.permutation(n)
    end = n - n % B if drop_last else n
    return [order[i : i + B] for i in range(0, end, B)]


def _checked(lengths: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(lengths)
    if array.ndim != 1 or not array.size or array.dtype.kind not in "iu" or array.min() < 1:
        raise ValueError("lengths must be a sequence of positive integers")
    return array.astype(np.int64)


def bucketed(lengths: ArrayLike, B: int, rng: np.random.Generator, pool: int = 50) -> Batches:
    """Batches of similar lengths: sort within random pools of pool * B, then shuffle the batches.

    Examples
    --------
    >>> batches = bucketed([5, 1, 4, 2], 2, np.random.default_rng(0))
    >>> sorted(sorted(b.tolist()) for b in batches)
    [[0, 2], [1, 3]]
    """
    sizes = _checked(lengths)
    batches = []
    for rows in epoch(len(sizes), pool * B, rng):
        ordered = rows[np.argsort(sizes[rows], kind="stable")]
        batches += [ordered[i : i + B] for i in range(0, len(ordered), B)]
    return [batches[i] for i in rng.permutation(len(batches))]


def padding(lengths: ArrayLike, batches: Batches) -> float:
    """Fraction of the positions that are padding, if each batch is as long as its longest example.

    Examples
    --------
    >>> padding([4, 2, 1, 1], [np.array([0, 1, 2, 3])])
    0.5
    """
    sizes = _checked(lengths)
    positions = sum(len(rows) * int(sizes[rows].max()) for rows in batches)
    return float(1 - sum(int(sizes[rows].sum()) for rows in batches) / positions)


def pack(lengths: Sequence[int], room: int) -> list[list[int]]:
    """Documents in rows of a fixed number of positions: each, longest first, into the first row
    with room for it.

    Raises
    ------
    ValueError
        If a document is longer than a row.

    Examples
    --------
    >>> pack([2, 6, 3, 5], 8)
    [[1, 0], [3, 2]]
    """
    sizes = _checked(lengths)
    if sizes.max() > room:
        raise ValueError(f"a document of {sizes.max()} positions does not fit a row of {room}")
    rows: list[list[int]] = []
    free = np.zeros(0, np.int64)
    for i in np.argsort(-sizes, kind="stable"):
        fits = np.flatnonzero(free >= sizes[i])
        if fits.size:
            rows[fits[0]].append(int(i))
            free[fits[0]] -= sizes[i]
        else:
            rows.append([int(i)])
            free = np.append(free, room - sizes[i])
    return rows
