"""The engine of reverse mode: arrays that record how they were computed, and pass gradients back.

Read with book/learning/backprop.md.

Data are float64, or complex128, which differentiates once more by the complex step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array
from groundtruth.data.tensors import unbroadcast
from groundtruth.learning.recording import State, tally

Vjp = Callable[[Array], Array]  # gradient of an output -> gradient of one input


class Tensor:
    """An array with a gradient and a record of the operation that computed it.

    Examples
    --------
    >>> x = Tensor(2.0)
    >>> y = Tensor(1.0)
    >>> (x * x + 3 * x * y).backward()
    >>> float(x.grad), float(y.grad)
    (7.0, 6.0)
    """

    __array_ufunc__ = None  # array + tensor is left to the tensor

    def __init__(self, data: ArrayLike) -> None:
        array = np.asarray(data)
        if array.dtype.kind not in "fciub":
            raise TypeError(f"a tensor holds numbers, got an array of type {array.dtype}")
        self.data: Array = array if array.dtype.kind == "c" else array.astype(float)
        self.grad: Array | None = None
        self.version = 0
        self.constant = False  # needs no gradient
        self.edges: list[tuple[Tensor, Vjp, int]] = []  # input, its rule, and its version when used

    @classmethod
    def _of(cls, data: Array) -> Tensor:
        """A tensor that shares its memory with the array; results need no second copy."""
        tensor = cls(0.0)
        tensor.data = np.asarray(data) if np.iscomplexobj(data) else np.asarray(data, dtype=float)
        return tensor

    def __repr__(self) -> str:
        return f"Tensor({np.array2string(self.data, precision=4)})"

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    @property
    def T(self) -> Tensor:
        return self.transpose()

    # --- elementwise
    def __add__(self, other: Any) -> Tensor:
        o = lift(other)
        return record(self.data + o.data, (self, lambda g: g), (o, lambda g: g))

    def __mul__(self, other: Any) -> Tensor:
        o = lift(other)
        return record(
            self.data * o.data, (self, lambda g: g * o.data), (o, lambda g: g * self.data)
        )

    def __pow__(self, power: float) -> Tensor:
        if power == 0:  # the rule of other powers would be 0 * 0**-1 at zero, which is NaN
            return record(self.data**0, (self, np.zeros_like))
        return record(self.data**power, (self, lambda g: g * power * self.data ** (power - 1)))

    def __neg__(self) -> Tensor:
        return self * -1.0

    def __sub__(self, other: Any) -> Tensor:
        return self + -lift(other)

    def __truediv__(self, other: Any) -> Tensor:
        return self * lift(other) ** -1.0

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> Tensor:
        return lift(other) - self

    def __rtruediv__(self, other: Any) -> Tensor:
        return lift(other) / self

    def exp(self) -> Tensor:
        y = np.exp(self.data)
        return record(y, (self, lambda g: g * y))

    def log(self) -> Tensor:
        return record(np.log(self.data), (self, lambda g: g / self.data))

    def tanh(self) -> Tensor:
        y = np.tanh(self.data)
        return record(y, (self, lambda g: g * (1 - y * y)))

    def relu(self) -> Tensor:
        active = self.data.real > 0  # at exactly zero the subgradient 0 is taken
        return record(self.data * active, (self, lambda g: g * active))

    # --- shape
    def reshape(self, *shape: int) -> Tensor:
        return record(self.data.reshape(*shape), (self, lambda g: g.reshape(self.shape)))

    def transpose(self, *axes: int) -> Tensor:
        order = axes or tuple(range(self.data.ndim))[::-1]
        return record(self.data.transpose(order), (self, lambda g: g.transpose(np.argsort(order))))

    def __getitem__(self, index: Any) -> Tensor:
        def back(g: Array) -> Array:
            whole = np.zeros(self.shape, g.dtype)
            np.add.at(whole, index, g)  # an entry used twice receives two contributions
            return whole

        return record(self.data[index], (self, back))

    # --- reductions and products
    def sum(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Tensor:
        def back(g: Array) -> Array:
            aligned = g if keepdims or axis is None else np.expand_dims(g, axis)
            return np.broadcast_to(aligned, self.shape)

        return record(self.data.sum(axis=axis, keepdims=keepdims), (self, back))

    def mean(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Tensor:
        total = self.sum(axis, keepdims)
        if not self.data.size:
            raise ValueError(f"the mean of an empty tensor of shape {self.shape} is not defined")
        return total * (total.data.size / self.data.size)

    def max(self, axis: int) -> Tensor:
        """The largest along an axis; among equal entries the first receives the gradient."""
        at = np.expand_dims(self.data.real.argmax(axis=axis), axis)

        def back(g: Array) -> Array:
            whole = np.zeros(self.shape, g.dtype)
            np.put_along_axis(whole, at, np.expand_dims(g, axis), axis)
            return whole

        return record(np.take_along_axis(self.data, at, axis).squeeze(axis), (self, back))

    def __matmul__(self, other: Any) -> Tensor:
        o = lift(other)
        _require_matrices(self.shape, o.shape)
        y = self.data @ o.data
        cost = y.size * self.shape[-1]
        tally("forward", cost)

        def left(g: Array) -> Array:
            tally("backward", cost)
            return g @ np.swapaxes(o.data, -1, -2)  # G W^T

        def right(g: Array) -> Array:
            tally("backward", cost)
            return np.swapaxes(self.data, -1, -2) @ g  # X^T G

        return record(y, (self, left), (o, right))

    def __rmatmul__(self, other: Any) -> Tensor:
        return lift(other) @ self

    def detach(self) -> Tensor:
        """The same array, shared and not copied, without a history: no gradient flows through it.

        Safe because `assign` puts a new array into a tensor and leaves the old one as it was.
        """
        return Tensor._of(self.data)

    def assign(self, data: ArrayLike) -> None:
        """Overwrite the numbers; `backward` of a graph that used the old ones is refused."""
        new = np.asarray(data)
        if new.shape != self.shape:
            raise ValueError(f"shape {self.shape} cannot be overwritten by {new.shape}")
        self.data = new if new.dtype.kind == "c" else new.astype(float)
        self.version += 1

    def backward(self, gradient: ArrayLike | None = None) -> None:
        """Add the gradient of this scalar to `grad` of every leaf that it was computed from.

        Parameters
        ----------
        gradient : array in the shape of this tensor, optional
            The upstream gradient u; the scalar is then <u, this tensor>.

        Raises
        ------
        ValueError
            Without an upstream gradient for more than one number.
        RuntimeError
            If a tensor of the graph was overwritten after it was used.
        """
        adjoints = {id(self): self._upstream(gradient)}
        for node in ordered(self):  # each tensor after all of its consumers
            g = adjoints.pop(id(node))
            if not node.edges:
                node._accumulate(g)  # a leaf
            for operand, rule, version in node.edges:
                _refuse_overwritten(operand, version)
                part = unbroadcast(rule(g), operand.shape)
                before = adjoints.get(id(operand))
                total = part if before is None else before + part
                adjoints[id(operand)] = total

    def _upstream(self, gradient: ArrayLike | None) -> Array:
        """The upstream gradient from which a backward pass starts: 1 for a scalar."""
        if gradient is None and self.data.size != 1:
            raise ValueError(
                f"backward starts from one number, this tensor has shape {self.shape}; take a sum"
                " or a mean, or give a gradient of that shape"
            )
        start = np.ones(self.shape) if gradient is None else np.asarray(gradient)
        if start.shape != self.shape:
            raise ValueError(f"the gradient must have the shape {self.shape}, got {start.shape}")
        return start

    def _accumulate(self, g: Array) -> None:
        """Add g to the gradient of a leaf; a constant has none."""
        if not self.constant:
            self.grad = g.copy() if self.grad is None else self.grad + g


def _require_matrices(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    if min(len(left), len(right)) < 2:
        raise ValueError(
            f"products need matrices or stacks of them, got shapes {left} and {right};"
            " reshape a vector to (1, d) or (d, 1)"
        )


def _refuse_overwritten(tensor: Tensor, version: int) -> None:
    if tensor.version != version:
        raise RuntimeError(
            f"a tensor of shape {tensor.shape} was overwritten after it was used;"
            " compute the loss again, or overwrite after backward"
        )


def lift(value: Any) -> Tensor:
    """A tensor as it is, anything else as a constant, for which no gradient is computed."""
    if isinstance(value, Tensor):
        return value
    tensor = Tensor(value)
    tensor.constant = True
    return tensor


def record(data: Array, *edges: tuple[Tensor, Vjp]) -> Tensor:
    """The result of an operation with its history: each input, and the rule for its gradient.

    A rule takes the upstream gradient, in the shape of `data`, and returns the gradient with
    respect to its input; axes that broadcasting stretched are summed afterwards. Rules for
    constants are dropped. The result shares its memory with `data`.

    Examples
    --------
    >>> x = Tensor([1.0, 2.0])
    >>> record(x.data**3, (x, lambda g: g * 3 * x.data**2)).sum().backward()
    >>> x.grad.tolist()
    [3.0, 12.0]
    """
    out = Tensor._of(data)
    out.constant = all(operand.constant for operand, _ in edges)
    for operand, rule in edges:
        if State.recording and not operand.constant:
            out.edges.append((operand, rule, operand.version))
    return out


def ordered(result: Tensor) -> list[Tensor]:
    """A result and all it was computed from in reverse topological order: consumers first.

    Without recursion, so the depth of the graph has no limit.
    """
    done: list[Tensor] = []
    visited = {id(result)}
    stack: list[tuple[Tensor, int]] = [(result, 0)]
    while stack:
        node, i = stack.pop()
        if i < len(node.edges):
            stack.append((node, i + 1))
            operand = node.edges[i][0]
            if id(operand) not in visited:
                visited.add(id(operand))
                stack.append((operand, 0))
        else:
            done.append(node)
    return done[::-1]
