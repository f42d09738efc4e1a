"""What a tape records besides gradients: whether it records at all, and what its products cost.

Read with book/learning/backprop.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Count:
    """Multiply-adds of matrix products, on the forward pass and on the backward pass."""

    forward: int = 0
    backward: int = 0


class State:
    """Shared by all tensors."""

    recording = True
    count: Count | None = None


@contextmanager
def no_grad() -> Iterator[None]:
    """Inside, nothing is recorded: results have no history and no gradient flows through them."""
    before = State.recording
    State.recording = False
    try:
        yield
    finally:
        State.recording = before


@contextmanager
def counting() -> Iterator[Count]:
    """Count the multiply-adds of all matrix products computed inside."""
    before = State.count
    State.count = Count()
    try:
        yield State.count
    finally:
        State.count = before


def tally(direction: str, cost: int) -> None:
    """Add multiply-adds to the count of one direction, if somebody counts.

    Examples
    --------
    >>> with counting() as count:
    ...     tally("forward", 6)
    >>> count.forward
    6
    """
    if State.count is not None:
        setattr(State.count, direction, getattr(State.count, direction) + cost)
