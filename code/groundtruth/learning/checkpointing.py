"""Gradient checkpointing, and how many numbers a graph holds for the backward pass.

Read with book/learning/backprop.md.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from groundtruth.arrays import Array
from groundtruth.learning.tape import Tensor, ordered, record


def stored(result: Tensor) -> int:
    """Numbers held for the backward pass: by the results of the graph and by their rules.

    Each array counts once and as a whole, also where several tensors share it or hold a view of a
    part. Leaves are not counted: they exist without the graph.

    Examples
    --------
    >>> stored(Tensor([1.0, 2.0]).tanh())
    2
    """
    leaves: dict[int, int] = {}
    arrays: dict[int, int] = {}
    seen: set[int] = set()
    stack: list[Any] = [result]
    while stack:
        item = stack.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, Tensor):
            place, size = _memory(item.data)
            (arrays if item.edges else leaves)[place] = size
            stack += [part for operand, rule, _ in item.edges for part in (operand, rule)]
        elif isinstance(item, np.ndarray):
            place, size = _memory(item)
            arrays[place] = size
        elif isinstance(item, FunctionType):  # what a rule remembers
            stack += [cell.cell_contents for cell in item.__closure__ or ()]
            stack += item.__defaults__ or ()
        elif isinstance(item, (list, tuple)):
            stack += item
    return sum(size for place, size in arrays.items() if place not in leaves)


def _memory(array: Array) -> tuple[int, int]:
    """The address of the memory in which an array lies and how many of its numbers fit into it,
    for views those of the whole.
    """
    whole = array
    while isinstance(whole.base, np.ndarray):
        whole = whole.base
    return int(whole.__array_interface__["data"][0]), whole.nbytes // array.itemsize


def checkpoint(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """f(x) without its inner history: the backward pass computes f again from x (Chen et al.,
    2016).

    The leaves inside f, its parameters among them, must not be overwritten in between; `backward`
    refuses, as it does without a checkpoint. x may be a constant, such as data.
    """
    start = _copy(x)
    y = f(start)
    leaves = [node for node in ordered(y) if not node.edges and not node.constant]
    inner = [leaf for leaf in leaves if leaf is not start]
    # rules of constants are dropped: where x is one, a leaf of its own keeps the rule
    source = Tensor(0.0) if x.constant and inner else x

    def back(g: Array) -> Array:
        again = _copy(x)
        f(again).backward(g)  # adds to the gradients of inner leaves as well
        return np.zeros(source.shape) if again.grad is None else again.grad

    # back itself adds to the gradients of the inner leaves; their edges check
    # that they were not overwritten, and contribute zeros
    guards = [(leaf, _no_gradient(leaf.shape)) for leaf in inner]
    return record(y.data, *guards, (source, back))


def _copy(x: Tensor) -> Tensor:
    """x without its history, a constant where x is one."""
    copy = x.detach()
    copy.constant = x.constant
    return copy


def _no_gradient(shape: tuple[int, ...]) -> Callable[[Array], Array]:
    return lambda g: np.zeros(shape)
