"""Diffusion: noise in known steps, and back by predicted noise; exact predictions for a circle and
for two hills.

Read with book/networks/learning-rules.md.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import i0e, i1e

from groundtruth.arrays import Array
from groundtruth.functional import log_softmax

Predict = Callable[[Array, int], Array]


def schedule(T: int, low: float = 1e-4, high: float = 0.1) -> tuple[Array, Array]:
    """beta (T,), evenly spaced, and abar (T,), the running product of 1 - beta: what is left of the
    signal's variance (Ho et al., 2020).
    """
    if T < 1 or not 0 < low <= high < 1:
        raise ValueError(f"need T >= 1 and 0 < low <= high < 1, got {T}, {low} and {high}")
    beta = np.linspace(low, high, T)
    return beta, np.cumprod(1 - beta)


def q_sample(x0: ArrayLike, t: int, eps: ArrayLike, abar: Array) -> Array:
    """sqrt(abar_t) x0 + sqrt(1 - abar_t) eps, data after steps 0 to t at once; shapes (n, d)."""
    x = np.asarray(x0, dtype=np.float64)
    e = np.asarray(eps, dtype=np.float64)
    if x.shape != e.shape or not 0 <= t < len(abar):
        raise ValueError(
            f"data and noise must share a shape and 0 <= t < {len(abar)}, got {x.shape}, {e.shape}"
            f" and {t}"
        )
    return np.sqrt(abar[t]) * x + np.sqrt(1 - abar[t]) * e


def ddpm_sample(predict: Predict, x: Array, beta: Array, rng: np.random.Generator) -> Array:
    """Samples (n, d) from noise x (n, d), one step for each entry of beta, with fresh noise of
    variance beta at all but the last.
    """
    abar = np.cumprod(1 - beta)
    for t in range(len(beta) - 1, -1, -1):
        mean = (x - beta[t] / np.sqrt(1 - abar[t]) * predict(x, t)) / np.sqrt(1 - beta[t])
        x = mean + (np.sqrt(beta[t]) * rng.normal(size=x.shape) if t else 0)
    return x


def ddim_sample(predict: Predict, x: Array, abar: Array, steps: int) -> Array:
    """Samples (n, d) from noise x (n, d) at the last level, in `steps` steps without fresh noise.

    The levels are T, T - T/steps, ..., T/steps, counted from 1 and rounded: evenly spaced and with
    the last one, as the subsequence of Song et al. (2021, appendix D.2), and as "trailing" in
    diffusers. With as many steps as levels each is visited once.

    Parameters
    ----------
    predict : function of x (n, d) and a level from 0 to T - 1
        The noise (n, d) that it finds in x.
    abar : array (T,)
        What is left of the signal's variance at each level, as `schedule` returns it.
    steps : int
        From 1 to T.

    Raises
    ------
    ValueError
        If `steps` is not from 1 to T.
    """
    if not 1 <= steps <= len(abar):
        raise ValueError(f"steps must be from 1 to {len(abar)}, got {steps}")
    times = np.round(len(abar) * np.arange(steps, 0, -1) / steps).astype(int) - 1
    for i, t in enumerate(times):
        eps = predict(x, int(t))
        x0 = (x - np.sqrt(1 - abar[t]) * eps) / np.sqrt(abar[t])
        left = abar[times[i + 1]] if i + 1 < len(times) else 1.0
        x = np.sqrt(left) * x0 + np.sqrt(1 - left) * eps
    return x


def circle_noise(x: Array, abar: float) -> Array:
    """E[eps | x] (n, 2) when the data lie evenly on the unit circle.

    The mean of x0 is I1(r) / I0(r) along x, with r = sqrt(abar) |x| / (1 - abar), because the angle
    of x0 given x follows a von Mises distribution.

    Parameters
    ----------
    x : array (n, 2)
        Noisy points, finite.
    abar : float
        What is left of the signal's variance, from 0 to below 1.

    Raises
    ------
    ValueError
        If x is not finite or not of shape (n, 2), or abar is outside [0, 1).

    Examples
    --------
    >>> circle_noise(np.array([[0.0, 3.0]]), 0.0)  # nothing but noise
    array([[0., 3.]])
    """
    if x.ndim != 2 or x.shape[1] != 2 or not np.isfinite(x).all():
        raise ValueError(f"need finite points of shape (n, 2), got shape {x.shape}: {x}")
    if not 0 <= abar < 1:
        raise ValueError(f"need 0 <= abar < 1, got {abar}")
    size = np.hypot(x[:, :1], x[:, 1:])
    r = np.sqrt(abar) * np.minimum(size, 1e280) / (1 - abar)  # below overflow
    # scaled by exp(-r), and finite for large r, where the general `ive` is NaN
    mean = i1e(r) / i0e(r) * x / np.maximum(size, 1e-300)
    return (x - np.sqrt(abar) * mean) / np.sqrt(1 - abar)


def hills_noise(x: Array, abar: float, centres: Array, shares: Array, sd: float) -> Array:
    """E[eps | x] (n, d) when the data are hills of width sd around centers (K, d) with the given
    shares (K,).
    """
    var = abar * sd**2 + 1 - abar
    gap = x[:, None] - np.sqrt(abar) * centres  # (n, K, d)
    w = np.exp(log_softmax(np.log(shares) - (gap**2).sum(2) / (2 * var)))  # (n, K)
    return np.sqrt(1 - abar) * (w[..., None] * gap).sum(1) / var
