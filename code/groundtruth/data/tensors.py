"""Shapes as something to compute with: broadcasting, products, strides and their adjoints.

Read with book/data/tensors.md.

A shape is a tuple of non-negative axis lengths, outermost first.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from math import prod

import numpy as np

from groundtruth.arrays import Array

Shape = tuple[int, ...]


def _checked(shape: Sequence[int]) -> Shape:
    if any(isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0 for n in shape):
        raise ValueError(f"a shape holds whole numbers >= 0, got {tuple(shape)}")
    return tuple(int(n) for n in shape)


def broadcast_shape(*shapes: Sequence[int]) -> Shape:
    """The common shape of arrays in an elementwise operation.

    Shapes are aligned at their last axis; missing axes count as 1; along each axis the lengths must
    be equal or 1 (NumPy documentation, "Broadcasting").

    Raises
    ------
    ValueError
        Naming the first pair of lengths, counted from the right, that do not fit.

    Examples
    --------
    >>> broadcast_shape((2, 3), (3,)), broadcast_shape((4, 1), (5,))
    ((2, 3), (4, 5))
    """
    checked = [_checked(shape) for shape in shapes]
    common: list[int] = []
    for axis, lengths in enumerate(
        zip_longest(*(reversed(shape) for shape in checked), fillvalue=1), 1
    ):
        rest = sorted({n for n in lengths if n != 1})
        if len(rest) > 1:
            raise ValueError(
                f"shapes {' and '.join(map(str, checked))} do not broadcast: axis -{axis} has"
                f" lengths {rest[0]} and {rest[1]}, neither is 1"
            )
        common.append(rest[0] if rest else 1)
    return tuple(reversed(common))


def matmul_shape(a: Sequence[int], b: Sequence[int]) -> Shape:
    """The shape of `A @ B`: (..., m, k) @ (..., k, n) -> (..., m, n).

    A vector on the left counts as (1, k), on the right as (k, 1), and the added axis is dropped
    again.

    Raises
    ------
    ValueError
        If an operand has no axes, the inner lengths differ or the batch axes do not broadcast.

    Examples
    --------
    >>> (
    ...     matmul_shape((2, 3), (3, 5)),
    ...     matmul_shape((3,), (3,)),
    ...     matmul_shape((7, 1, 2, 3), (4, 3, 5)),
    ... )
    ((2, 5), (), (7, 4, 2, 5))
    """
    left = _checked(a)
    right = _checked(b)
    if not left or not right:
        raise ValueError(
            f"matmul needs at least one axis on both sides, got {left} and {right}; use * for a"
            " scalar"
        )
    drop_left = len(left) == 1
    drop_right = len(right) == 1
    left = (1, *left) if drop_left else left
    right = (*right, 1) if drop_right else right
    if left[-1] != right[-2]:
        raise ValueError(
            f"inner lengths differ: {_checked(a)} @ {_checked(b)} needs {left[-1]} = {right[-2]}"
        )
    batch = broadcast_shape(left[:-2], right[:-2])
    return (*batch, *([] if drop_left else [left[-2]]), *([] if drop_right else [right[-1]]))


def unbroadcast(g: Array, shape: Sequence[int]) -> Array:
    """The adjoint of broadcasting: sum `g` over every axis that was added or stretched.

    If y = broadcast(x), then a gradient with respect to y becomes one with respect to x in this
    way.

    Parameters
    ----------
    g : array of a shape that `shape` broadcasts to
    shape : the shape before broadcasting

    Examples
    --------
    >>> unbroadcast(np.ones((2, 3)), (3,)).tolist(), unbroadcast(np.ones((2, 3)), (2, 1)).tolist()
    ([2.0, 2.0, 2.0], [[3.0], [3.0]])
    """
    g = np.asarray(g)
    small = _checked(shape)
    if broadcast_shape(small, g.shape) != g.shape:
        raise ValueError(f"shape {small} does not broadcast to {g.shape}")
    added = g.ndim - len(small)
    axes = tuple(range(added)) + tuple(
        added + i for i, n in enumerate(small) if n == 1 and g.shape[added + i] != 1
    )
    return g.sum(axis=axes, keepdims=True).reshape(small)


def strides_of(shape: Sequence[int], itemsize: int, order: str = "C") -> Shape:
    """Bytes from one element to the next along each axis of a contiguous array.

    Parameters
    ----------
    shape : axis lengths
    itemsize : int
        Bytes of one element, >= 1.
    order : "C" (last axis fastest) or "F" (first axis fastest)

    Examples
    --------
    >>> strides_of((2, 3, 4), 8), strides_of((2, 3, 4), 8, "F")
    ((96, 32, 8), (8, 16, 48))
    """
    lengths = _checked(shape)
    if order not in ("C", "F") or itemsize < 1:
        raise ValueError(
            f"order must be 'C' or 'F' and itemsize positive, got {order!r} and {itemsize}"
        )
    steps = []
    step = itemsize
    for n in reversed(lengths) if order == "C" else lengths:
        steps.append(step)
        step *= max(n, 1)
    return tuple(reversed(steps)) if order == "C" else tuple(steps)


def einsum2(spec: str, a: Array, b: Array) -> Array:
    """Einstein summation of two arrays by broadcasting and a sum: "ij,jk->ik".

    Every letter is an axis; letters missing from the result are summed. Memory is that of the
    product over all letters, so this is the definition, not the fast way.

    Examples
    --------
    >>> einsum2("i,i->", np.array([1.0, 2.0]), np.array([3.0, 4.0])).item()
    11.0
    """
    try:
        inputs, out = spec.replace(" ", "").split("->")
        left, right = inputs.split(",")
    except ValueError:
        raise ValueError(f"spec {spec!r} must read like 'ij,jk->ik'") from None
    a = _summable(a)
    b = _summable(b)
    for letters, x in ((left, a), (right, b)):
        if len(set(letters)) != len(letters) or len(letters) != x.ndim:
            raise ValueError(
                f"{letters!r} must name the {x.ndim} axes of an array of shape {x.shape}, each once"
            )
    if len(set(out)) != len(out) or not set(out) <= set(left + right):
        raise ValueError(f"the result {out!r} may name each axis of the inputs once, and no other")
    letters = out + "".join(sorted(set(left + right) - set(out)))

    def spread(x: Array, own: str) -> Array:
        x = x.transpose([own.index(c) for c in letters if c in own])
        return x.reshape(
            [x.shape[[c for c in letters if c in own].index(c)] if c in own else 1 for c in letters]
        )

    return (spread(a, left) * spread(b, right)).sum(axis=tuple(range(len(out), len(letters))))


def _summable(x: Array) -> Array:
    """Small integers and booleans as int64, in which products and sums do not wrap around."""
    array = np.asarray(x)
    if array.dtype.kind in "biu" and array.dtype != np.uint64:
        return array.astype(np.int64)
    return array


def matmul_cost(*shapes: Sequence[int]) -> int:
    """Multiply-adds of a chain of matrix products taken from the left: (m, k) @ (k, n) costs m k n.

    Examples
    --------
    >>> matmul_cost((10, 1000), (1000, 10), (10, 1000))
    200000
    """
    if not shapes:
        raise ValueError("give the shapes of the matrices, at least one")
    total = 0
    left = _checked(shapes[0])
    for shape in shapes[1:]:
        out = matmul_shape(left, shape)
        last = shape[-1] if len(shape) > 1 else 1
        rows = left[-2] if len(left) > 1 else 1
        batch = broadcast_shape(left[:-2], shape[:-2])
        total += prod(batch) * rows * left[-1] * last
        left = out
    return total


def sliding_windows(x: Array, width: int) -> Array:
    """Windows (n - width + 1, width) of a vector (n,) as a read-only view: no element is copied.

    Examples
    --------
    >>> sliding_windows(np.arange(4.0), 3).tolist()
    [[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]]
    """
    x = np.asarray(x)
    if x.ndim != 1 or not 1 <= width <= x.size:
        raise ValueError(
            f"need a vector and a width between 1 and its length, got shape {x.shape} and width"
            f" {width}"
        )
    (step,) = x.strides
    return np.lib.stride_tricks.as_strided(
        x, (x.size - width + 1, width), (step, step), writeable=False
    )
