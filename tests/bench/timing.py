"""Quickest time and peak memory of a call, for ratios within one run."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable


def quickest(run: Callable[[], object], calls: int = 7) -> float:
    seconds = []
    for _ in range(calls):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def peak_mb(run: Callable[[], object]) -> float:
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return peak


def ratio(ours: Callable[[], object], theirs: Callable[[], object], rounds: int = 7) -> float:
    """Time of ours over time of theirs, the two taking turns so that a busy machine slows both."""
    pairs = [(quickest(ours, 1), quickest(theirs, 1)) for _ in range(rounds)]
    return min(a for a, _ in pairs) / min(b for _, b in pairs)
