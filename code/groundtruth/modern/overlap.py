"""When the gradients of layers are sent: after the backward pass, layer by layer, or in buckets.

Read with book/modern/training-in-practice.md.
"""

from __future__ import annotations

from typing import NamedTuple


class Interval(NamedTuple):
    """A span of time in which layers `first` to `last` are computed or sent."""

    what: str  # "compute" or "send"
    first: int  # the later layer, whose gradient is there first
    last: int
    start: float
    end: float


def backward_pass(
    layers: int, bucket: int, send: float, latency: float, compute: float = 1.0
) -> list[Interval]:
    """Computation and traffic of one backward pass, from the last layer to the first.

    A bucket is sent when its last gradient is ready and the network is free.

    Parameters
    ----------
    layers : at least 1, numbered from 0
    bucket : layers that are sent together, at least 1; with all layers nothing overlaps
    send : time to send the gradients of one layer, >= 0
    latency : time that each bucket costs besides, >= 0
    compute : time of the backward pass of one layer, > 0

    Returns
    -------
    list of Interval
        The layers' computation in order of time, then the buckets in order of time.

    Examples
    --------
    >>> [t.end for t in backward_pass(2, 1, send=0.5, latency=0.25)]
    [1.0, 2.0, 1.75, 2.75]
    """
    if layers < 1 or bucket < 1:
        raise ValueError(f"need layers and a bucket of at least 1, got {layers} and {bucket}")
    if send < 0 or latency < 0 or compute <= 0:
        raise ValueError(
            f"times must not be negative and compute positive, got {send}, {latency}, {compute}"
        )
    order = list(range(layers - 1, -1, -1))
    ready = {layer: compute * (i + 1) for i, layer in enumerate(order)}
    passes = [Interval("compute", i, i, ready[i] - compute, ready[i]) for i in order]
    free = 0.0
    sent = []
    for i in range(0, layers, bucket):
        group = order[i : i + bucket]
        start = max(free, ready[group[-1]])
        free = start + latency + send * len(group)
        sent.append(Interval("send", group[0], group[-1], start, free))
    return passes + sent


def exposed(intervals: list[Interval]) -> float:
    """Time from the end of the computation to the end of the traffic."""
    ends = {what: max(t.end for t in intervals if t.what == what) for what in ("compute", "send")}
    return max(0.0, ends["send"] - ends["compute"])
