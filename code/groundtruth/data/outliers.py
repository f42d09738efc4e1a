"""Signals with planted spikes, and how well a score finds them.

Read with book/data/signals.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array
from groundtruth.data.sensors import Record

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Planted:
    """A signal x (n,) with spikes (n,), and the design (n, p) of a linear model of it."""

    x: Array
    spikes: Mask
    design: Array


@dataclass(frozen=True)
class Judgment:
    """Precision and recall of the samples above a threshold, and at every rank (n,)."""

    precision: float
    recall: float
    average_precision: float
    precisions: Array
    recalls: Array


def demand_design(record: Record) -> Array:
    """Design (n, 11) of the current: torque and switch, now and 0.2, 0.5, 1 and 2 s ago, and 1."""
    columns = []
    for source in (record.demand_nm, record.on.astype(float)):
        for steps in (0, 2, 5, 10, 20):
            earlier = np.full(steps, source[0])
            columns.append(np.concatenate([earlier, source[: source.size - steps]]))
    return np.column_stack([*columns, np.ones(record.on.size)])


def planted_signals(seed: int, n: int = 6000) -> dict[str, Planted]:
    """A wave with a trend and a constant level, each with noise and n // 25 spikes.

    Examples
    --------
    >>> {name: int(case.spikes.sum()) for name, case in planted_signals(0).items()}
    {'wave': 240, 'level': 240}
    """
    if n < 100:
        raise ValueError(f"need n >= 100 samples, got {n}")
    rng = np.random.default_rng(seed)
    t = np.arange(n)
    spikes = np.isin(t, rng.choice(n, n // 25, replace=False))
    sign = rng.choice([-1, 1], n // 25)
    turn = 2 * np.pi * t / 150
    design = np.column_stack([t, np.ones(n), np.sin(turn), np.cos(turn)])
    wave = design @ [0.001, 0, 4, 0] + rng.normal(0, 0.2, n)
    wave[spikes] += sign * rng.uniform(1.2, 3, n // 25)
    level = rng.normal(10, 1, n)
    level[spikes] += sign * rng.uniform(6, 9, n // 25)
    return {"wave": Planted(wave, spikes, design), "level": Planted(level, spikes, np.ones((n, 1)))}


def judge(score: ArrayLike, spikes: ArrayLike, k: float) -> Judgment:
    """How well a score (n,) finds spikes (n,), at the threshold k and at all thresholds.

    Examples
    --------
    >>> result = judge([9.0, 8.0, 7.0, 1.0], [True, False, True, False], 7.5)
    >>> result.precision, result.recall, round(result.average_precision, 3)
    (0.5, 0.5, 0.833)
    """
    values = np.asarray(score, dtype=float)
    truth = np.asarray(spikes, dtype=bool)
    if values.ndim != 1 or values.shape != truth.shape or not truth.any():
        raise ValueError(
            f"need scores and spikes of one shape (n,) with at least one spike, got {values.shape}"
            f" and {truth.shape}"
        )
    if np.isnan(values).any():
        raise ValueError("a score is NaN; leave missing samples out")
    order = np.argsort(-values, kind="stable")
    hits = np.cumsum(truth[order])
    precisions = hits / np.arange(1, hits.size + 1)
    flagged = int(np.sum(values > k))
    correct = hits[flagged - 1] if flagged else 0
    return Judgment(
        float(correct / max(flagged, 1)),
        float(correct / hits[-1]),
        float(precisions[truth[order]].mean()),
        precisions,
        hits / hits[-1],
    )
