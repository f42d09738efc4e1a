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

    Each array counts once, also where several tensors share it. Leaves are not counted: they exist
    without the graph.

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
            (arrays if item.edges else leaves)[_memory(item.data)] = item.data.size
            stack += [part for operand, rule, _ in item.edges for part in (operand, rule)]
        elif isinstance(item, np.ndarray):
            arrays[_memory(item)] = item.size
        elif isinstance(item, FunctionType):  # what a rule remembers
            stack += [cell.cell_contents for cell in item.__closure__ or ()]
            stack += item.__defaults__ or ()
        elif isinstance(item, (list, tuple)):
            stack += item
    return sum(size for place, size in arrays.items() if place not in leaves)


def _memory(array: Array) -> int:
    """The address of the memory in which an array lies, for views that of the whole."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return int(array.__array_interface__["data"][0])


def checkpoint(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """f(x) without its inner history: the backward pass computes f again from x (Chen et al.,
    2016).

    The leaves inside f, its parameters among them, must not be overwritten in between; `backward`
    refuses, as it does without a checkpoint.
    """
    start = x.detach()
    y = f(start)
    leaves = [node for node in ordered(y) if not node.edges]
    inner = [leaf for leaf in leaves if leaf is not start]

    def back(g: Array) -> Array:
        again = x.detach()
        f(again).backward(g)  # adds to the gradients of inner leaves as well
        return np.zeros(x.shape) if again.grad is None else again.grad

    # back itself adds to the gradients of the inner leaves; their edges check
    # that they were not overwritten, and contribute zeros
    guards = [(leaf, _no_gradient(leaf.shape)) for leaf in inner]
    return record(y.data, *guards, (x, back))


def _no_gradient(shape: tuple[int, ...]) -> Callable[[Array], Array]:
    return lambda g: np.zeros(shape)
