"""When each stage of a pipeline works on which micro-batch: GPipe and 1F1B.

Read with book/modern/training-in-practice.md.
"""

from __future__ import annotations

from typing import NamedTuple


class Task(NamedTuple):
    """A forward (kind "F") or backward ("B") pass of one micro-batch on one stage."""

    stage: int
    micro: int
    kind: str
    start: int
    end: int


def order(stage: int, stages: int, micros: int, kind: str) -> list[tuple[str, int]]:
    """What one stage does in which order.

    Examples
    --------
    >>> order(1, 2, 2, "1f1b")
    [('F', 0), ('B', 0), ('F', 1), ('B', 1)]
    """
    forward = [("F", i) for i in range(micros)]
    backward = [("B", i) for i in range(micros)]
    if kind == "gpipe":
        return forward + backward
    if kind != "1f1b":
        raise ValueError(f"kind must be 'gpipe' or '1f1b', got {kind!r}")
    ahead = min(stages - stage - 1, micros)  # forward passes before the first backward pass
    steady = [task for pair in zip(forward[ahead:], backward, strict=False) for task in pair]
    return forward[:ahead] + steady + backward[micros - ahead :]


def simulate(stages: int, micros: int, kind: str = "gpipe", backward: int = 2) -> list[Task]:
    """All tasks with their times; a forward pass takes 1, a backward pass `backward`.

    Raises
    ------
    ValueError
        If there is no stage or no micro-batch, or the kind is not known.

    Examples
    --------
    >>> max(task.end for task in simulate(2, 3, backward=1))
    8
    """
    if stages < 1 or micros < 1 or backward < 1:
        raise ValueError(f"need stages, micro-batches and a duration, got {stages}, {micros}")
    waiting = [order(s, stages, micros, kind) for s in range(stages)]
    free = [0] * stages
    done: dict[tuple[int, int, str], int] = {}
    tasks = []
    while any(waiting):
        for s in range(stages):
            if not waiting[s]:
                continue
            letter, i = waiting[s][0]
            source = (s - 1, i, "F") if letter == "F" else (s + 1, i, "B")
            if not 0 <= source[0] < stages:
                source = (s, i, "F")  # the last stage begins backward with its own output
            first = letter == "F" and s == 0
            if not first and source not in done:
                continue
            start = max(free[s], 0 if first else done[source])
            free[s] = start + (1 if letter == "F" else backward)
            done[s, i, letter] = free[s]
            tasks.append(Task(s, i, letter, start, free[s]))
            waiting[s].pop(0)
    return tasks


def bubble(tasks: list[Task]) -> float:
    """Fraction of the time of all stages in which they wait."""
    stages = 1 + max(t.stage for t in tasks)
    total = stages * max(t.end for t in tasks)
    return 1 - sum(t.end - t.start for t in tasks) / total


def most_stored(tasks: list[Task]) -> int:
    """Largest number of micro-batches whose activations the first stage holds at once."""
    own = sorted((t for t in tasks if t.stage == 0), key=lambda t: t.start)
    held = 0
    most = 0
    for task in own:
        held += 1 if task.kind == "F" else -1
        most = max(most, held)
    return most
