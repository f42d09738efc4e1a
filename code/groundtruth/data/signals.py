"""Filters and outlier tests for one evenly sampled signal.

Read with book/data/signals.md.

Records of several sensors have their own module, `groundtruth.data.sensors`. Shapes: x (n,), one
sample per step of dt seconds; windows count samples.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import lfilter

from groundtruth.arrays import Array, binary_scale

Mask = NDArray[np.bool_]
# 1 / Phi^-1(3/4): the MAD of a normal distribution times this is its deviation
MAD_TO_STD = 1.4826022185056018
# samples sorted at once by hampel: a window's worth of such rows stays in the CPU's cache
BLOCK = 8192


def _signal(x: ArrayLike, least: int = 1) -> Array:
    signal = np.asarray(x, dtype=float)
    if signal.ndim != 1 or signal.size < least:
        raise ValueError(
            f"need a signal (n,) of at least {least} samples, got shape {signal.shape}"
        )
    if not np.isfinite(signal).all():
        raise ValueError(
            f"sample {int(np.argmin(np.isfinite(signal)))} is NaN or infinite; fill short gaps"
            " first or pass the finite stretch"
        )
    return signal


def _odd(window: int, least: int, n: int | None = None) -> int:
    """Half of an odd window that fits."""
    if window != int(window) or window % 2 != 1 or window < least:
        raise ValueError(
            f"window must be an odd number >= {least}, so that it has a center sample, got {window}"
        )
    if n is not None and window > n:
        raise ValueError(
            f"the window of {window} is longer than the signal of {n} samples; choose an odd window"
            f" <= {n}"
        )
    return int(window) // 2


def savgol_coeffs(window: int, order: int, deriv: int = 0, pos: int | None = None) -> Array:
    """Weights (window,) whose dot product with a window's samples is the local polynomial fit, or
    its derivative, at one sample.

    Parameters
    ----------
    window : odd int
        Samples in the window.
    order : int in [0, window)
        Degree of the polynomial.
    deriv : int >= 0
        Which derivative, per sample; divide by dt^deriv for units of time.
    pos : int in [0, window), optional
        The sample at which the fit is read; the center by default, window - 1 for a causal filter.

    Notes
    -----
    Savitzky and Golay (1964): the samples' places do not change from window to window, so neither
    does the least-squares solution, and the fit is a fixed convolution.

    Examples
    --------
    >>> (35 * savgol_coeffs(5, 2)).round(9).tolist()
    [-3.0, 12.0, 17.0, 12.0, -3.0]
    """
    half = _odd(window, 1)
    if not 0 <= order < window:
        raise ValueError(
            f"order must lie in [0, {window}), got {order}; a polynomial of degree window - 1"
            " already meets every sample"
        )
    if deriv < 0:
        raise ValueError(f"deriv must be >= 0, got {deriv}")
    at = half if pos is None else pos
    if not 0 <= at < window:
        raise ValueError(f"pos must lie in [0, {window}), got {at}")
    if deriv > order:
        return np.zeros(window)
    scale = max(half, 1)  # abscissae in [-2, 2] keep the powers comparable
    k = (np.arange(window) - at) / scale
    A = k[:, None] ** np.arange(order + 1)  # (window, order + 1)
    e = np.zeros(order + 1)
    e[deriv] = float(np.prod(np.arange(1, deriv + 1))) / scale**deriv
    # the smallest c with A'c = e is A (A'A)^-1 e
    c: Array = np.linalg.lstsq(A.T, e, rcond=None)[0].astype(float)
    return c


def savgol(
    x: ArrayLike,
    window: int,
    order: int,
    deriv: int = 0,
    dt: float = 1.0,
    causal: bool = False,
    mode: str = "interp",
) -> Array:
    """Savitzky-Golay smoothing (n,) of a signal x (n,), or its derivative per unit of dt.

    Parameters
    ----------
    causal : bool
        Read the fit at the last sample of the window: no sample after the present is used, and the
        first window - 1 results are NaN.
    mode : {"interp", "mirror", "nearest", "constant"}
        Edges of the centered filter: the fit of the first and last full window, or an extension of
        the signal by its mirror image, its end values, or zeros.

    Examples
    --------
    >>> savgol([0.0, 1.0, 4.0, 9.0, 16.0], 5, 2).round(9).tolist()
    [0.0, 1.0, 4.0, 9.0, 16.0]
    """
    signal = _signal(x)
    half = _odd(window, 1, signal.size)
    if not 0 < dt < np.inf:
        raise ValueError(f"dt must be positive and finite, got {dt}")
    per_time = dt**-deriv
    if causal:
        weights = savgol_coeffs(window, order, deriv, window - 1) * per_time
        return np.concatenate([np.full(window - 1, np.nan), np.correlate(signal, weights, "valid")])
    weights = savgol_coeffs(window, order, deriv) * per_time
    if mode == "interp":
        inner = np.correlate(signal, weights, "valid")
        # (window, window)
        ends = (
            np.array([savgol_coeffs(window, order, deriv, pos) for pos in range(window)]) * per_time
        )
        return np.concatenate(
            [ends[:half] @ signal[:window], inner, ends[half + 1 :] @ signal[-window:]]
        )
    ways = {"mirror": "reflect", "nearest": "edge", "constant": "constant"}
    if mode not in ways:
        raise ValueError(f"mode must be 'interp', 'mirror', 'nearest' or 'constant', got {mode!r}")
    return np.correlate(np.pad(signal, half, ways[mode]), weights, "valid")  # type: ignore[call-overload]


def moving_average(x: ArrayLike, window: int, causal: bool = False) -> Array:
    """The mean of each window: Savitzky-Golay of order 0.

    Examples
    --------
    >>> moving_average([1.0, 2.0, 6.0], 3, causal=True).tolist()
    [nan, nan, 3.0]
    """
    return savgol(x, window, 0, causal=causal)


def ema(x: ArrayLike, alpha: float, debias: bool = False) -> Array:
    """Exponential moving average (n,): y_t = alpha x_t + (1 - alpha) y_(t-1).

    Parameters
    ----------
    alpha : float in (0, 1]
        Weight of the new sample; some libraries call 1 - alpha the momentum or beta.
    debias : bool
        Start from zero and divide by the weights seen so far, as Adam does, in place of starting at
        x_0.

    Examples
    --------
    >>> ema([1.0, 3.0], 0.5).tolist(), ema([1.0, 3.0], 0.5, debias=True).round(3).tolist()
    ([1.0, 2.0], [1.0, 2.333])
    """
    signal = _signal(x)
    if not 0 < alpha <= 1:
        raise ValueError(f"alpha must lie in (0, 1], got {alpha}")
    keep = 1 - alpha
    y, _ = lfilter([alpha], [1, -keep], signal, zi=[0.0 if debias else keep * signal[0]])
    return y / -np.expm1(np.arange(1, signal.size + 1) * np.log(keep)) if debias and keep > 0 else y


@cache
def _network(size: int) -> tuple[tuple[int, int], ...]:
    """Pairs (i, j) whose comparison and exchange, in this order, sort any `size` numbers (Batcher,
    1968).
    """
    pairs = []
    step = 1
    while step < size:
        gap = step
        while gap >= 1:
            for j in range(gap % step, size - gap, 2 * gap):
                pairs += [
                    (i + j, i + j + gap)
                    for i in range(min(gap, size - j - gap))
                    if (i + j) // (2 * step) == (i + j + gap) // (2 * step)
                ]
            gap //= 2
        step *= 2
    return tuple(pairs)


def _median_and_mad(windows: Array) -> tuple[Array, Array]:
    """Per column of windows (2h + 1, n): the median, and the median distance from it. Overwrites
    its argument.
    """
    half = len(windows) // 2
    rows = list(windows)
    spare = np.empty(windows.shape[1])
    for i, j in _network(len(rows)):
        np.minimum(rows[i], rows[j], out=spare)
        np.maximum(rows[i], rows[j], out=rows[j])
        rows[i], spare = spare, rows[i]  # the names change hands, the numbers stay
    median = rows[half]
    # h + 1 samples lie within the MAD of the median; in sorted order they are neighbors s_j ..
    # s_(j+h)
    mad = np.full(windows.shape[1], np.inf)
    for j in range(half + 1):
        np.minimum(mad, np.maximum(median - rows[j], rows[j + half] - median), out=mad)
    return median, mad


def hampel(x: ArrayLike, window: int, k: float = 3.0) -> tuple[Mask, Array]:
    """Samples farther than k robust deviations from the median of their window, and the signal with
    those replaced by it.

    Parameters
    ----------
    window : odd int >= 3
        Samples around and including each one; the ends are mirrored.
    k : float >= 0
        Threshold in units of 1.4826 MAD.

    Returns
    -------
    mask (n,), cleaned (n,)

    Notes
    -----
    Where more than half of a window is one value the MAD is 0 and any other value is flagged: see
    the traps of the chapter. Sorting runs over all windows of a block at once, by a network of
    exchanges.

    Examples
    --------
    >>> hampel([1.0, 1.1, 9.0, 1.2, 1.1], 5)[0].tolist()
    [False, False, True, False, False]
    """
    signal = _signal(x)
    half = _odd(window, 3, signal.size)
    if not k >= 0:
        raise ValueError(f"k must be >= 0, got {k}")
    padded = np.pad(signal, half, "reflect")
    median = np.empty_like(signal)
    mad = np.empty_like(signal)
    for start in range(0, signal.size, BLOCK):
        stop = min(start + BLOCK, signal.size)
        # (window, stop - start)
        block = np.array([padded[start + i : stop + i] for i in range(window)])
        median[start:stop], mad[start:stop] = _median_and_mad(block)
    mask = np.abs(signal - median) > k * MAD_TO_STD * mad
    return mask, np.where(mask, median, signal)


def zscore_mask(x: ArrayLike, k: float = 3.0) -> Mask:
    """Samples farther than k standard deviations from the mean; both are moved by what they hunt.

    Examples
    --------
    >>> int(zscore_mask([0.0] * 20 + [9.0]).sum())
    1
    """
    signal = _signal(x)
    if not k >= 0:
        raise ValueError(f"k must be >= 0, got {k}")
    if signal.min() == signal.max():  # the mean of equal samples may differ from them by rounding
        return np.zeros(signal.size, dtype=bool)
    return np.abs(signal - signal.mean()) > k * signal.std()


def iqr_mask(x: ArrayLike, k: float = 1.5) -> Mask:
    """Samples beyond k interquartile ranges outside the quartiles (Tukey, 1977).

    Examples
    --------
    >>> iqr_mask([1.0, 2.0, 3.0, 4.0, 99.0]).tolist()
    [False, False, False, False, True]
    """
    signal = _signal(x)
    if not k >= 0:
        raise ValueError(f"k must be >= 0, got {k}")
    low, high = np.percentile(signal, [25, 75])
    return (signal < low - k * (high - low)) | (signal > high + k * (high - low))


def residual_mask(x: ArrayLike, design: ArrayLike, k: float = 4.0, rounds: int = 5) -> Mask:
    """Samples whose residual from a linear model on design (n, p) exceeds k robust deviations.

    Least squares is refitted without the samples flagged so far, a few times, so that they do not
    bend the model.

    Examples
    --------
    >>> t = np.arange(30.0)
    >>> np.flatnonzero(
    ...     residual_mask(
    ...         np.where(t == 7, 50.0, 2 * t) + 0.1 * np.cos(t), np.column_stack([t, t**0])
    ...     )
    ... ).tolist()
    [7]
    """
    signal = _signal(x)
    D = np.asarray(design, dtype=float)
    if D.ndim != 2 or len(D) != signal.size or D.shape[1] >= signal.size:
        raise ValueError(
            f"the design must be ({signal.size}, p) with p < {signal.size}, got shape {D.shape}"
        )
    if not np.isfinite(D).all():
        raise ValueError("the design holds NaN or infinity; drop those samples first")
    if not k >= 0 or rounds < 1:
        raise ValueError(f"need k >= 0 and at least one round, got k = {k} and {rounds} rounds")
    D = D / binary_scale(D, axis=0, normal=2.0**10)  # units of the columns do not matter
    rounding = 4 * np.finfo(float).eps * np.abs(signal).max()
    mask = np.zeros(signal.size, dtype=bool)
    for _ in range(rounds):
        beta = np.linalg.lstsq(D[~mask], signal[~mask], rcond=None)[0]
        residual = signal - D @ beta
        off = np.abs(residual - np.median(residual))
        mask = off > np.maximum(k * MAD_TO_STD * np.median(off), rounding * D.shape[1])
    return mask
