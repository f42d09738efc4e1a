"""Bytes alive after each operation of training steps, by what they are.

Read with book/modern/training-in-practice.md.

Every tensor that an operation of torch returns is watched until its memory is freed, so the trace
counts what the computation needs and not what an allocator reserves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

from groundtruth.modern.memory_ledger import KINDS


class Life(NamedTuple):
    """A piece of memory: its size and the operation before which it was taken."""

    ref: StorageWeakRef
    nbytes: int
    born: int


class Watch(TorchDispatchMode):
    """Notes the memory of tensors while operations run; `lives` is what has been freed."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0  # operations so far
        self.alive: dict[int, Life] = {}
        self.freed: list[tuple[int, Life, int]] = []  # address, life, operation of its end

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        self.count += 1
        self.add(t for t in torch.utils._pytree.tree_leaves(out) if isinstance(t, Tensor))
        self.look()
        return out

    def add(self, tensors: Any) -> None:
        """Watch tensors that are not watched yet."""
        for t in tensors:
            storage = t.untyped_storage()
            key = storage._cdata
            if key not in self.alive:
                self.alive[key] = Life(StorageWeakRef(storage), storage.nbytes(), self.count)

    def look(self) -> None:
        """Note what has been freed."""
        for key in [key for key, life in self.alive.items() if life.ref.expired()]:
            life = self.alive.pop(key)
            self.freed.append((key, life, self.count))


class Trace(NamedTuple):
    """Bytes by kind (n + 1, 4) after 0 to n operations, and the ends of the phases."""

    bytes: NDArray[np.int64]
    marks: list[tuple[str, int]]  # "forward", "backward" and "update", with operations so far

    @property
    def peak(self) -> int:
        """The largest sum of all kinds."""
        return int(self.bytes.sum(1).max())

    def at(self, phase: str, step: int = 0) -> dict[str, int]:
        """Bytes of each kind at the end of a phase of a step.

        Raises
        ------
        ValueError
            If the phase or the step does not occur.
        """
        ends = [count for name, count in self.marks if name == phase]
        if not 0 <= step < len(ends):
            raise ValueError(f"no phase {phase!r} of step {step}")
        return dict(zip(KINDS, self.bytes[ends[step]].tolist(), strict=True))


def trace(
    f: Callable[[Tensor], Tensor], x: Tensor, params: Sequence[torch.nn.Parameter], steps: int = 2
) -> Trace:
    """Train `params` by Adam on the mean square of f(x), and trace the bytes.

    Parameters
    ----------
    f : from x to the output, by `params`
    x : input; it counts as an activation
    steps : at least 1; before the first, the optimizer has no states

    Examples
    --------
    >>> w = torch.nn.Parameter(torch.ones(6))
    >>> trace(lambda x: w * x, torch.ones(6), [w]).at("backward")
    {'weights': 24, 'gradients': 24, 'optimizer states': 0, 'activations': 24}
    """
    if steps < 1 or not params:
        raise ValueError(f"need a step and a parameter, got {steps} and {len(params)}")
    optimizer = torch.optim.Adam(params, lr=1e-3, foreach=False)
    kinds: dict[int, int] = {}
    marks: list[tuple[str, int]] = []
    with Watch() as watch:
        watch.add([x, *params])
        kinds.update((id(watch.alive[p.untyped_storage()._cdata]), 0) for p in params)
        for _ in range(steps):
            optimizer.zero_grad()
            watch.look()
            out = f(x)
            watch.look()
            marks.append(("forward", watch.count))
            out.square().mean().backward()
            del out
            watch.look()
            marks.append(("backward", watch.count))
            _name(watch, kinds, 1, [p.grad for p in params])
            optimizer.step()
            states = optimizer.state.values()
            _name(watch, kinds, 2, [s[m] for s in states for m in ("exp_avg", "exp_avg_sq")])
            watch.look()
            marks.append(("update", watch.count))
        return Trace(_table(watch, kinds), marks)


def _name(watch: Watch, kinds: dict[int, int], kind: int, tensors: Sequence[Tensor | None]) -> None:
    """Say what the memory of these tensors is."""
    for t in tensors:
        if t is not None:
            kinds[id(watch.alive[t.untyped_storage()._cdata])] = kind


def _table(watch: Watch, kinds: dict[int, int]) -> NDArray[np.int64]:
    """Bytes of each kind after each operation, from the lives of all memory."""
    change = np.zeros((watch.count + 2, len(KINDS)), np.int64)
    ends = [(life, end) for _, life, end in watch.freed]
    ends += [(life, watch.count + 1) for life in watch.alive.values()]
    for life, end in ends:
        kind = kinds.get(id(life), 3)
        change[life.born, kind] += life.nbytes
        change[end, kind] -= life.nbytes
    return change.cumsum(0)[:-1]
