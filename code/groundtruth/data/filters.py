"""Linear filters by their frequency response: low-pass, cutoff, and decimation.

Read with book/data/signals.md.

Frequencies are in cycles per sample, so that the Nyquist frequency is 0.5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array

HALF_POWER = 2**-0.5


def _finite(values: ArrayLike, name: str) -> Array:
    """A vector of finite numbers, not empty."""
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or not array.size or not np.isfinite(array).all():
        raise ValueError(f"need finite {name} (n,), n >= 1, got shape {array.shape}")
    return array


def low_pass(cutoff: float, half: int) -> Array:
    """Weights (2 half + 1,) of a windowed-sinc low-pass filter, which sum to 1.

    Parameters
    ----------
    cutoff : float in (0, 0.5)
        Cycles per sample at which the gain is one half.
    half : int >= 1
        Samples on each side of the center. The gain falls from nearly 1 to nearly 0 over a band
        of about 1.65 / half.

    Notes
    -----
    The ideal low-pass filter has the weights 2 f sinc(2 f k) for all integers k; a Hamming window
    ends them at k = -half and half without the ripples of a sudden end (Smith, 1997, chapter 16).

    Examples
    --------
    >>> low_pass(0.25, 2).round(3).tolist()
    [0.0, 0.204, 0.593, 0.204, 0.0]
    """
    if not 0 < cutoff < 0.5:
        raise ValueError(f"the cutoff must lie in (0, 0.5) cycles per sample, got {cutoff}")
    if half != int(half) or half < 1:
        raise ValueError(f"half must be an integer >= 1, got {half}")
    k = np.arange(-int(half), int(half) + 1)
    weights = 2 * cutoff * np.sinc(2 * cutoff * k) * np.hamming(k.size)
    return weights / weights.sum()


def gain(weights: ArrayLike, frequency: ArrayLike) -> Array:
    """Factor (f,) by which a filter with weights (m,) multiplies a wave of each frequency (f,).

    Examples
    --------
    >>> gain([0.5, 0.5], [0.0, 0.25, 0.5]).round(3).tolist()
    [1.0, 0.707, 0.0]
    """
    c = _finite(weights, "weights")
    cycles = _finite(frequency, "frequencies")
    return np.abs(np.exp(-2j * np.pi * cycles[:, None] * np.arange(c.size)) @ c)


def half_power(weights: ArrayLike) -> float:
    """Lowest frequency at which the gain of a filter falls to 1/sqrt(2) of its gain at 0: the
    3 dB cutoff.

    Raises
    ------
    ValueError
        If the gain never falls that low.

    Examples
    --------
    >>> round(half_power([0.5, 0.5]), 3)
    0.25
    """
    grid = np.linspace(0, 0.5, 5001)
    gains = gain(weights, grid)
    below = np.flatnonzero(gains <= HALF_POWER * gains[0])
    if not below.size or not below[0]:
        raise ValueError("the gain never falls to 1/sqrt(2) of its value at frequency 0")
    left = below[0] - 1
    # linear interpolation inside one step of the grid
    fall = (gains[left] - HALF_POWER * gains[0]) / (gains[left] - gains[left + 1])
    return float(grid[left] + fall * (grid[left + 1] - grid[left]))


def savgol_cutoff(half: int, order: int) -> float:
    """Schafer's approximate 3 dB cutoff of a Savitzky-Golay filter, in cycles per sample.

    Parameters
    ----------
    half : int >= 2
        Samples on each side of the center; the formula was fitted for half >= 25.
    order : int in [0, half)
        Degree of the polynomial.

    Notes
    -----
    Schafer (2011): the cutoff as a fraction of the Nyquist frequency is (N + 1) / (3.2 M - 4.6).

    Examples
    --------
    >>> round(savgol_cutoff(25, 2), 4)
    0.0199
    """
    if half < 2 or not 0 <= order < half:
        raise ValueError(f"need half >= 2 and 0 <= order < half, got {half} and {order}")
    return 0.5 * (order + 1) / (3.2 * half - 4.6)


def decimate(x: ArrayLike, factor: int, half: int | None = None) -> Array:
    """Every factor-th sample of the low-passed signal x (n,), from the first on.

    Parameters
    ----------
    factor : int >= 2
        How many old samples there are per new one.
    half : int, optional
        Half width of the low-pass filter, 10 factor by default; its cutoff is 0.4 / factor. At
        the ends the signal is mirrored.

    Examples
    --------
    >>> decimate(np.ones(100), 10, 20).round(9).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    values = _finite(x, "samples")
    if factor != int(factor) or factor < 2:
        raise ValueError(f"the factor must be an integer >= 2, got {factor}")
    width = 10 * int(factor) if half is None else half
    weights = low_pass(0.4 / factor, width)
    if width >= values.size:
        raise ValueError(
            f"the signal of {values.size} samples is too short for a filter of {2 * width + 1}"
        )
    return np.convolve(np.pad(values, width, "reflect"), weights, "valid")[:: int(factor)]
