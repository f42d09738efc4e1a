"""A motor with two sensors, simulated from physics with every fault a real log has, and the steps
that prepare it.

Read with book/data/signals.md.

Currents in ampere, temperatures in degrees Celsius, times in seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array
from groundtruth.data.signals import residual_mask, savgol

Mask = NDArray[np.bool_]
DT_S = 0.1
AMBIENT_C = 5.0
HEAT_CAPACITY_J_K = 60.0
COOLING_W_K = 0.5
OHM = 0.8
TORQUE_PER_A = 0.5


def friction_nm(temperature_c: ArrayLike) -> Array:
    """Bearing friction in Nm: grease is stiff when cold and thins out with warmth.

    Examples
    --------
    >>> friction_nm([0.0, 60.0]).round(2).tolist()
    [0.65, 0.16]
    """
    return 0.15 + 0.5 * np.exp(-np.asarray(temperature_c, dtype=float) / 15)


@dataclass(frozen=True)
class Record:
    """What the logger wrote, and beside it what was true.

    t_s, current_a (m,) : the fast sensor, about 10 samples a second, jittered, with losses and
        repeats
    slow_s, slow_c (k,) : the thermometer, one sample a second
    on, demand_nm (n,) : the controller's own log: drive switched on, torque asked for; on the even
        grid
    true_a, true_c (n,) : current and temperature on the even grid, DT_S apart
    spikes, stuck (n,) : where a spike was planted and where the sensor hung
    drift_a : what the zero of the current sensor gained from the first sample to the last
    """

    t_s: Array
    current_a: Array
    slow_s: Array
    slow_c: Array
    on: Mask
    demand_nm: Array
    true_a: Array
    true_c: Array
    spikes: Mask
    stuck: Mask
    drift_a: float


def _physics(n: int, rng: np.random.Generator) -> tuple[Mask, Array, Array, Array]:
    """Switch, demanded torque, current and temperature of n steps: Newton's law of cooling, ohmic
    heat, friction that falls with warmth.
    """
    t = np.arange(n) * DT_S
    phase = (t // 50).astype(int)  # a new demand every 50 s; every fourth phase the drive is off
    on = phase % 4 != 3
    torque = np.where(on, rng.uniform(0.4, 1.6, phase[-1] + 1)[phase], 0.0)
    torque = torque + np.where(on, 0.1 * np.sin(2 * np.pi * 0.4 * t), 0.0)
    current = np.zeros(n)
    temperature = np.full(n, AMBIENT_C)
    for i in range(1, n):  # each step needs the one before
        demand = (torque[i] + friction_nm(temperature[i - 1])) / TORQUE_PER_A if on[i] else 0.0
        current[i] = demand + (current[i - 1] - demand) * np.exp(-DT_S / 0.5) if on[i] else 0.0
        heat = OHM * (1 + 0.0039 * (temperature[i - 1] - 20)) * current[i] ** 2
        temperature[i] = temperature[i - 1] + DT_S / HEAT_CAPACITY_J_K * (
            heat - COOLING_W_K * (temperature[i - 1] - AMBIENT_C)
        )
    return on, torque, current, temperature


def simulate(seed: int, minutes: int = 10) -> Record:
    """One log of a motor, with noise, drift, spikes, a hang, lost and repeated samples and an
    unsteady clock.
    """
    if minutes < 4:
        raise ValueError(f"a record needs at least 4 minutes to hold one off phase, got {minutes}")
    rng = np.random.default_rng(seed)
    n = round(minutes * 60 / DT_S)
    on, demand, current, temperature = _physics(n, rng)
    drift = 0.4
    measured = current + drift * np.linspace(0, 1, n) + rng.normal(0, 0.08, n)
    spikes = np.zeros(n, dtype=bool)
    spikes[rng.choice(n, n // 150, replace=False)] = True
    measured[spikes] += rng.choice([-1, 1], spikes.sum()) * rng.uniform(1.5, 5.0, spikes.sum())
    stuck = np.zeros(n, dtype=bool)
    stuck[n // 3 + 1 : n // 3 + 40] = True
    measured[stuck] = measured[n // 3]
    present = rng.random(n) > 0.01  # single losses
    for start, length in ((n // 5, 6), (n // 2, 8), (3 * n // 4, 60)):  # two short gaps, one long
        present[start : start + length] = False
    order = np.flatnonzero(present)
    order = np.sort(np.append(order, rng.choice(order, n // 300)))  # some samples arrive twice
    t: Array = (np.arange(n) * DT_S).astype(float)
    jitter = np.clip(rng.normal(0, 0.004, n), -0.02, 0.02)
    slow = np.arange(0, n, 10)
    warm: Array = (temperature[slow] + rng.normal(0, 0.1, slow.size)).astype(float)
    return Record(
        t[order] + jitter[order],
        measured[order].round(2),
        t[slow],
        warm,
        on,
        demand,
        current,
        temperature,
        spikes,
        stuck,
        drift,
    )


def resample(t_s: ArrayLike, x: ArrayLike, grid_s: ArrayLike, longest_gap_s: float) -> Array:
    """Linear interpolation of samples (m,) at times (m,) onto a grid (n,); NaN inside gaps longer
    than longest_gap_s.

    Repeated times keep their first sample. Outside the samples' range the result is NaN.

    Examples
    --------
    >>> resample([0.0, 1.0, 5.0], [0.0, 2.0, 6.0], [0.5, 3.0, 5.0], 2.0).tolist()
    [1.0, nan, 6.0]
    """
    t = np.asarray(t_s, float)
    values = np.asarray(x, float)
    grid = np.asarray(grid_s, float)
    if t.ndim != 1 or t.shape != values.shape or t.size < 2:
        raise ValueError(
            f"need times and values of one length >= 2, got shapes {t.shape} and {values.shape}"
        )
    if not (np.isfinite(t).all() and np.isfinite(values).all() and np.isfinite(grid).all()):
        raise ValueError(
            "times or values hold NaN or infinity; drop those samples, a gap says the same"
        )
    if (np.diff(t) < 0).any():
        raise ValueError(
            f"times must not decrease, but sample {int(np.argmax(np.diff(t) < 0)) + 1} is earlier"
            " than the one before; sort by time"
        )
    t, first = np.unique(t, return_index=True)
    values = values[first]
    result = np.interp(grid, t, values, left=np.nan, right=np.nan)
    after = np.clip(np.searchsorted(t, grid, side="left"), 1, t.size - 1)
    inside_gap = (
        (t[after] - t[after - 1] > longest_gap_s) & (grid > t[after - 1]) & (grid < t[after])
    )
    result[inside_gap] = np.nan
    return result


def stuck_mask(x: ArrayLike, longest: int) -> Mask:
    """Samples (n,) in a run of more than `longest` equal values; the run's first sample is not
    flagged.

    Examples
    --------
    >>> stuck_mask([1.0, 2.0, 2.0, 2.0, 3.0, 3.0], 2).tolist()
    [False, False, True, True, False, False]
    """
    values = np.asarray(x, dtype=float)
    if values.ndim != 1 or longest < 1:
        raise ValueError(
            f"need a signal (n,) and longest >= 1, got shape {values.shape} and {longest}"
        )
    # NaN differs from NaN
    start = np.flatnonzero(np.append(True, values[1:] != values[:-1]))[: values.size]
    length = np.diff(np.append(start, values.size))
    run = np.repeat(np.arange(start.size), length)
    return (length > longest)[run] & (np.arange(values.size) > start[run])


def fill_short_gaps(x: ArrayLike, longest: int) -> Array:
    """Linear interpolation across runs of at most `longest` NaN; longer ones, and the ends, stay.

    Examples
    --------
    >>> fill_short_gaps([0.0, float("nan"), 2.0, float("nan"), float("nan"), 5.0], 1).tolist()
    [0.0, 1.0, 2.0, nan, nan, 5.0]
    """
    values = np.array(x, dtype=float)
    if values.ndim != 1 or np.isnan(values).all():
        raise ValueError(f"need a signal (n,) with at least one value, got shape {values.shape}")
    hole = np.isnan(values)
    at = np.arange(values.size)
    filled = np.interp(at, at[~hole], values[~hole], left=np.nan, right=np.nan)
    edge = np.flatnonzero(np.diff(np.concatenate([[False], hole, [False]]).astype(int)))
    for begin, end in zip(edge[::2], edge[1::2], strict=True):
        if end - begin > longest:
            filled[begin:end] = np.nan
    return filled


def windows(x: ArrayLike, length: int, stride: int) -> Array:
    """All stretches of `length` rows of x (n, c), `stride` apart: a view (m, length, c) that copies
    nothing.

    Examples
    --------
    >>> windows([[0.0], [1.0], [2.0], [3.0], [4.0]], 3, 2)[:, :, 0].tolist()
    [[0.0, 1.0, 2.0], [2.0, 3.0, 4.0]]
    """
    table = np.asarray(x, dtype=float)
    if table.ndim != 2 or not 1 <= length <= len(table) or stride < 1:
        raise ValueError(
            f"need x (n, c), 1 <= length <= n and stride >= 1, got shape {table.shape}, length"
            f" {length}, stride {stride}"
        )
    return np.lib.stride_tricks.sliding_window_view(table, length, axis=0)[::stride].swapaxes(1, 2)


def regime_report(
    y: ArrayLike, prediction: ArrayLike, regime: Sequence[str], least: int = 1
) -> pd.DataFrame:
    """Count, RMSE and bias (prediction minus truth) per regime and for all, in the unit of y.

    Parameters
    ----------
    regime : (n,) labels
    least : int
        Regimes with fewer rows are reported with NaN: too few to speak of.

    Examples
    --------
    >>> regime_report([0.0, 0.0, 4.0], [1.0, -1.0, 4.0], ["a", "a", "b"])["rmse"].round(3).tolist()
    [1.0, 0.0, 0.816]
    """
    truth = np.asarray(y, dtype=float)
    guess = np.asarray(prediction, dtype=float)
    if truth.ndim != 1 or truth.shape != guess.shape or len(regime) != truth.size or not truth.size:
        raise ValueError(
            f"need y, prediction and regime of one length >= 1, got {truth.shape}, {guess.shape}"
            f" and {len(regime)}"
        )
    if not (np.isfinite(truth).all() and np.isfinite(guess).all()):
        raise ValueError("y or prediction holds NaN or infinity; drop those rows and count them")
    error = guess - truth
    labels = np.asarray(regime)
    names = [*np.unique(labels).tolist(), "all"]
    groups = [error[labels == name] for name in names[:-1]] + [error]
    rows = [
        (len(e), np.sqrt(np.mean(e**2)), e.mean()) if len(e) >= least else (len(e), np.nan, np.nan)
        for e in groups
    ]
    return pd.DataFrame(rows, index=names, columns=["count", "rmse", "bias"])


def smooth_stretches(x: ArrayLike, window: int, order: int) -> Array:
    """Centered Savitzky-Golay smoothing of each run of values; runs shorter than the window stay,
    NaN stays.

    Examples
    --------
    >>> smooth_stretches([0.0, 2.0, 4.0, float("nan"), 1.0], 3, 1).round(9).tolist()
    [0.0, 2.0, 4.0, nan, 1.0]
    """
    result = np.array(x, dtype=float)
    edge = np.flatnonzero(
        np.diff(np.concatenate([[False], np.isfinite(result), [False]]).astype(int))
    )
    for begin, end in zip(edge[::2], edge[1::2], strict=True):
        if end - begin >= window:
            result[begin:end] = savgol(result[begin:end], window, order)
    return result


def zero_drift(grid_s: ArrayLike, x: ArrayLike, off: Mask) -> Array:
    """The line (n,) through readings x (n,) taken while the true value is zero, fitted without
    their spikes.
    """
    t = np.asarray(grid_s, dtype=float)
    values = np.asarray(x, dtype=float)
    use = np.asarray(off, dtype=bool) & np.isfinite(values)
    if use.sum() < 10:
        raise ValueError(
            f"need at least 10 readings with the drive off to see the zero, got {int(use.sum())}"
        )
    line = np.column_stack([t, np.ones_like(t)])
    spiky = residual_mask(values[use], line[use])
    slope, level = np.linalg.lstsq(line[use][~spiky], values[use][~spiky], rcond=None)[0]
    return slope * t + level
