"""When each stage of a pipeline works on which micro-batch: GPipe, 1F1B and interleaved 1F1B.

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
    chunk: int = 0  # of the layers of a stage, if several are interleaved


def order(
    stage: int, stages: int, micros: int, kind: str, chunks: int = 1
) -> list[tuple[str, int, int]]:
    """What one stage does in which order: kind of pass, micro-batch and chunk of layers.

    With several chunks (Narayanan et al., 2021) micro-batches pass through the first chunks of all
    stages in groups of as many as there are stages, then through the second chunks.

    Examples
    --------
    >>> order(1, 2, 2, "1f1b")
    [('F', 0, 0), ('B', 0, 0), ('F', 1, 0), ('B', 1, 0)]
    >>> order(1, 2, 2, "1f1b", chunks=2)[:4]
    [('F', 0, 0), ('F', 1, 0), ('F', 0, 1), ('B', 0, 1)]
    """
    if kind not in ("gpipe", "1f1b"):
        raise ValueError(f"kind must be 'gpipe' or '1f1b', got {kind!r}")
    if chunks > 1 and (kind == "gpipe" or micros % stages):
        raise ValueError(f"interleaving needs 1F1B and groups of {stages}, got {kind}, {micros}")
    size = stages if chunks > 1 else micros  # of a group of micro-batches
    groups = [range(i, i + size) for i in range(0, micros, size)]
    forward = [("F", i, c) for group in groups for c in range(chunks) for i in group]
    backward = [("B", i, c) for group in groups for c in reversed(range(chunks)) for i in group]
    if kind == "gpipe":
        return forward + backward
    ahead = stages - stage - 1  # forward passes before the first pair of passes
    if chunks > 1:
        ahead = 2 * ahead + (chunks - 1) * stages
    ahead = min(ahead, len(forward))
    steady = [task for pair in zip(forward[ahead:], backward, strict=False) for task in pair]
    return forward[:ahead] + steady + backward[len(forward) - ahead :]


def simulate(
    stages: int, micros: int, kind: str = "gpipe", backward: int = 2, chunks: int = 1
) -> list[Task]:
    """All tasks with their times; of a chunk a forward pass takes 1, a backward pass `backward`.

    Raises
    ------
    ValueError
        If there is no stage, micro-batch or chunk, the kind is not known, or micro-batches are
        interleaved that are not a multiple of the stages.

    Examples
    --------
    >>> max(task.end for task in simulate(2, 3, backward=1))
    8
    """
    if min(stages, micros, backward, chunks) < 1:
        raise ValueError(
            f"need stages, micro-batches, a duration and chunks, got {stages}, {micros}"
        )
    waiting = [order(s, stages, micros, kind, chunks) for s in range(stages)]
    free = [0] * stages
    done: dict[tuple[int, int, str], int] = {}  # by the number of the chunk in the whole model
    tasks = []
    while any(waiting):
        for s in range(stages):
            if not waiting[s]:
                continue
            letter, i, chunk = waiting[s][0]
            place = chunk * stages + s
            source = (place - 1, i, "F") if letter == "F" else (place + 1, i, "B")
            if source[0] == chunks * stages:
                source = (place, i, "F")  # the last chunk begins backward with its own output
            first = letter == "F" and place == 0
            if not first and source not in done:
                continue
            start = max(free[s], 0 if first else done[source])
            free[s] = start + (1 if letter == "F" else backward)
            done[place, i, letter] = free[s]
            tasks.append(Task(s, i, letter, start, free[s], chunk))
            waiting[s].pop(0)
    return tasks


def bubble(tasks: list[Task]) -> float:
    """Fraction of the time of all stages in which they wait."""
    stages = 1 + max(t.stage for t in tasks)
    total = stages * max(t.end for t in tasks)
    return 1 - sum(t.end - t.start for t in tasks) / total


def most_stored(tasks: list[Task]) -> float:
    """Largest number of micro-batches whose activations the first stage holds at once.

    Of c chunks, the activations of one are 1 / c of those of a micro-batch.
    """
    own = sorted((t for t in tasks if t.stage == 0), key=lambda t: t.start)
    held = 0
    most = 0
    for task in own:
        held += 1 if task.kind == "F" else -1
        most = max(most, held)
    return most / (1 + max((t.chunk for t in own), default=0))
