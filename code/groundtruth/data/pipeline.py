"""The steps from the log of a motor to a smooth current: with hindsight, and from the past only.

Read with book/data/signals.md.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array
from groundtruth.data import sensors
from groundtruth.data.sensors import DT_S, Record
from groundtruth.data.signals import MAD_TO_STD, savgol_coeffs

Mask = NDArray[np.bool_]


def _vector(x: ArrayLike) -> Array:
    values = np.asarray(x, dtype=float)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"need a signal (n,), n >= 1, got shape {values.shape}")
    return values


def _windows(x: Array, window: int, after: int) -> Array:
    """The window (n, window) around each sample, `after` samples of it later; NaN outside."""
    before = np.full(window - 1 - after, np.nan)
    padded = np.concatenate([before, x, np.full(after, np.nan)])
    return np.lib.stride_tricks.sliding_window_view(padded, window)


def hampel_score(x: ArrayLike, window: int, causal: bool = False, floor: float = 0.0) -> Array:
    """Distance (n,) of each sample from the median of its window, in robust deviations.

    Parameters
    ----------
    x : (n,) signal
        NaN are ignored inside windows and have the score NaN.
    window : odd int >= 3
        Samples in a window; centered on each sample, or ending at it.
    causal : bool
        Use windows that end at the sample.
    floor : float >= 0
        Smallest MAD, for sensors so coarse that more than half of a window is one value.

    Examples
    --------
    >>> hampel_score([1.0, 1.1, 9.0, 1.2, 1.1], 5).round(1)[2].item()
    53.3
    """
    values = _vector(x)
    if window != int(window) or window % 2 != 1 or not 3 <= window <= values.size:
        raise ValueError(
            f"window must be an odd number in [3, {values.size}], the samples, got {window}"
        )
    if not floor >= 0:
        raise ValueError(f"floor must be >= 0, got {floor}")
    rows = _windows(values, window, 0 if causal else window // 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a window that is all NaN
        median = np.nanmedian(rows, axis=1)
        mad = np.nanmedian(np.abs(rows - median[:, None]), axis=1)
    away = np.abs(values - median)
    with np.errstate(divide="ignore", invalid="ignore"):
        score = away / (MAD_TO_STD * np.maximum(mad, floor))
    return np.where(away == 0, 0.0, score)


def replace_spikes(x: ArrayLike, score: ArrayLike, k: float, window: int, after: int) -> Array:
    """The signal (n,) with samples of a score above k replaced by the median of their window."""
    values = _vector(x)
    if not 0 <= after < window:
        raise ValueError(f"after must lie in [0, {window}), got {after}")
    flagged = np.asarray(score) > k
    cleaned = values.copy()
    cleaned[flagged] = np.nanmedian(_windows(values, window, after)[flagged], axis=1)
    return cleaned


def prepare(record: Record, window: int = 11, order: int = 2, k: float = 8.0) -> dict[str, Array]:
    """The first five steps with hindsight: each stage (n,) of the current on the even grid, by
    name.

    The line of the drift is fitted to the whole record, and the windows of the outlier test and of
    the smoothing are centered.
    """
    grid = np.arange(record.on.size) * DT_S
    aligned = sensors.resample(record.t_s, record.current_a, grid, 2.5 * DT_S)
    valid = np.where(sensors.stuck_mask(aligned.round(2), 8), np.nan, aligned)
    valid = valid - sensors.zero_drift(grid, valid, ~record.on)
    score = hampel_score(valid, window)
    cleaned = replace_spikes(valid, score, k, window, window // 2)
    filled = sensors.fill_short_gaps(cleaned, 10)
    return {
        "aligned": aligned,
        "validated": valid,
        "cleaned": cleaned,
        "filled": filled,
        "smoothed": sensors.smooth_stretches(filled, window, order),
    }


def latest(t_s: ArrayLike, x: ArrayLike, grid_s: ArrayLike, oldest_s: float) -> Array:
    """The last sample at or before each time of a grid (n,); NaN if it is older than oldest_s.

    Examples
    --------
    >>> latest([0.0, 1.0, 5.0], [0.0, 2.0, 6.0], [0.5, 3.0, 5.0], 1.5).tolist()
    [0.0, nan, 6.0]
    """
    t = _vector(t_s)
    values = _vector(x)
    grid = _vector(grid_s)
    if t.shape != values.shape or (np.diff(t) < 0).any():
        raise ValueError("need as many values as times, and times that do not decrease")
    last = np.searchsorted(t, grid, side="right") - 1
    fresh = (last >= 0) & (grid - t[last] <= oldest_s)
    return np.where(fresh, values[last], np.nan)


def repeats(x: ArrayLike) -> NDArray[np.int64]:
    """How many samples before each one (n,) have had its value without interruption.

    Examples
    --------
    >>> repeats([1.0, 2.0, 2.0, 2.0, 3.0]).tolist()
    [0, 0, 1, 2, 0]
    """
    values = _vector(x)
    at = np.arange(values.size)
    first = np.append(True, values[1:] != values[:-1])  # NaN differs from NaN
    return at - np.maximum.accumulate(np.where(first, at, 0))


def latest_zero(x: ArrayLike, off: ArrayLike, window: int) -> Array:
    """Median (n,) of the last `window` readings taken while the true value was 0; 0 before the
    first of them.

    Examples
    --------
    >>> latest_zero([5.0, 0.1, 0.3, 5.0], [False, True, True, False], 2).round(2).tolist()
    [0.0, 0.1, 0.2, 0.2]
    """
    values = _vector(x)
    zero = np.flatnonzero(np.asarray(off, dtype=bool) & np.isfinite(values))
    if window < 1:
        raise ValueError(f"window must be >= 1, got {window}")
    if not zero.size:
        return np.zeros(values.size)
    medians = np.nanmedian(_windows(values[zero], window, 0), axis=1)
    last = np.searchsorted(zero, np.arange(values.size), side="right")
    return np.append(0.0, medians)[last]


def hold(x: ArrayLike, longest: int) -> Array:
    """The signal (n,) with the last value repeated for at most `longest` missing samples.

    Examples
    --------
    >>> hold([1.0, float("nan"), float("nan"), 4.0], 1).tolist()
    [1.0, 1.0, nan, 4.0]
    """
    values = _vector(x)
    if longest < 0:
        raise ValueError(f"longest must be >= 0, got {longest}")
    at = np.arange(values.size)
    last = np.maximum.accumulate(np.where(np.isfinite(values), at, -1))
    usable = (last >= 0) & (at - last <= longest)
    return np.where(usable, values[last], np.nan)


def prepare_causal(
    record: Record, window: int = 5, order: int = 1, k: float = 10.0
) -> dict[str, Array]:
    """The first five steps, each sample computed from readings at or before its time.

    Stages (n,) as in `prepare`.
    """
    grid = np.arange(record.on.size) * DT_S
    aligned = latest(record.t_s, record.current_a, grid, 2.5 * DT_S)
    valid = np.where(repeats(aligned) >= 8, np.nan, aligned)
    valid = valid - latest_zero(valid, ~record.on, 200)
    score = hampel_score(valid, window, causal=True, floor=0.02)
    cleaned = replace_spikes(valid, score, k, window, 0)
    filled = hold(cleaned, 10)
    weights = savgol_coeffs(window, order, pos=window - 1)
    return {
        "aligned": aligned,
        "validated": valid,
        "cleaned": cleaned,
        "filled": filled,
        "smoothed": _windows(filled, window, 0) @ weights,
    }


def influence(
    steps: Callable[[Record], Array], record: Record, when_s: float, shift: ArrayLike = 1.0
) -> tuple[float, float]:
    """What readings after a time change before it: largest change, and fraction of samples changed.

    Parameters
    ----------
    steps : function from a record to a signal (n,) or (n, c) on its even grid
    when_s : float
        All readings of the current later than this are raised by `shift`.
    shift : float or (m,)
        In ampere, one for all readings or one for each.

    Examples
    --------
    >>> record = sensors.simulate(0, minutes=4)
    >>> influence(lambda r: prepare_causal(r)["smoothed"], record, 150.0)
    (0.0, 0.0)
    """
    later = record.t_s > when_s
    if not later.any() or later.all():
        raise ValueError(f"need readings before and after {when_s} s")
    by = np.asarray(shift, dtype=float)
    if by.shape not in ((), later.shape):
        raise ValueError(f"shift must be a number or have shape {later.shape}, got {by.shape}")
    raised = replace(record, current_a=record.current_a + by * later)
    before = np.arange(record.on.size) * DT_S <= when_s
    original = steps(record)[before]
    changed = steps(raised)[before]
    same = (original == changed) | (np.isnan(original) & np.isnan(changed))
    return float(np.nanmax(np.abs(original - changed), initial=0.0)), float(np.mean(~same))
