"""Affine quantization: scales and zero points, calibration, integer products, fake quantization.

Read with book/modern/compression.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array

Axes = int | tuple[int, ...] | None


class Quantized(NamedTuple):
    """Integers, their scale and their zero point: x is about scale (q - zero)."""

    q: NDArray[np.int64]
    scale: Array
    zero: NDArray[np.int64]


def _finite(x: ArrayLike, name: str = "x") -> Array:
    array = np.asarray(x, dtype=np.float64)
    if not array.size or not np.isfinite(array).all():
        raise ValueError(f"{name} needs at least one entry, all finite; got shape {array.shape}")
    return array


def _width(bits: int) -> int:
    if bits != int(bits) or not 2 <= bits <= 16:
        raise ValueError(f"bits must be a whole number from 2 to 16, got {bits}")
    return int(bits)


def levels(bits: int, symmetric: bool = True) -> tuple[int, int]:
    """The lowest and the highest integer: symmetric leaves out the most negative one.

    Examples
    --------
    >>> levels(8), levels(8, symmetric=False)
    ((-127, 127), (-128, 127))
    """
    top = 2 ** (_width(bits) - 1) - 1
    return (-top, top) if symmetric else (-top - 1, top)


def grid(
    low: ArrayLike, high: ArrayLike, bits: int, symmetric: bool = True
) -> tuple[Array, NDArray[np.int64]]:
    """Scale and zero point of the range [low, high]; zero is always a level.

    Raises
    ------
    ValueError
        If a bound is not finite, or low exceeds high.

    Examples
    --------
    >>> scale, zero = grid(-1.0, 3.0, 8, symmetric=False)
    >>> round(float(scale), 6), int(zero)
    (0.015686, -64)
    """
    lo = np.minimum(_finite(low, "low"), 0)
    hi = np.maximum(_finite(high, "high"), 0)
    if np.any(np.asarray(low) > np.asarray(high)):
        raise ValueError(f"low must not exceed high, got {low!r} and {high!r}")
    first, last = levels(bits, symmetric)
    width = np.maximum(-lo, hi) / last if symmetric else (hi - lo) / (last - first)
    scale = np.where(width > 0, width, 1.0)  # a range of zeros needs no scale, but must not divide
    zero = np.zeros(scale.shape) if symmetric else np.round(first - lo / scale)
    return scale, zero.astype(np.int64)


def apply_grid(
    x: ArrayLike, scale: ArrayLike, zero: ArrayLike, bits: int, symmetric: bool = True
) -> NDArray[np.int64]:
    """The integers of x on a given grid: round(x / scale) + zero, clipped to the levels."""
    first, last = levels(bits, symmetric)
    q = np.round(_finite(x) / np.asarray(scale)) + np.asarray(zero)
    return np.clip(q, first, last).astype(np.int64)


def quantize(
    x: ArrayLike,
    bits: int,
    axis: Axes = None,
    symmetric: bool = True,
    limits: tuple[ArrayLike, ArrayLike] | None = None,
) -> Quantized:
    """Round an array to 2^bits levels (one fewer if symmetric), q = round(x / s) + z.

    Parameters
    ----------
    x : array_like, finite
    bits : int, 2 to 16
    axis : int, tuple of int, or None
        The axes along which scales differ: None is one scale per tensor, 0 one per row.
    limits : (low, high), optional
        The range to cover; by default the smallest and the largest entry. Others are clipped.

    Returns
    -------
    Quantized
        q in the shape of x; scale and zero broadcast against it.

    Examples
    --------
    >>> q, scale, zero = quantize([-1.0, 0.0, 0.5, 2.0], 8)
    >>> q.tolist(), round(float(scale.item()), 5)
    ([-64, 0, 32, 127], 0.01575)
    """
    values = _finite(x)
    own = () if axis is None else np.atleast_1d(axis)
    if any(not -values.ndim <= a < values.ndim for a in own):
        raise ValueError(f"axis {axis} does not exist in an array of shape {values.shape}")
    rest = tuple(set(range(values.ndim)) - {int(a) % values.ndim for a in own})
    if limits is None:
        limits = values.min(rest, keepdims=True), values.max(rest, keepdims=True)
    scale, zero = grid(*limits, bits, symmetric)
    return Quantized(apply_grid(values, scale, zero, bits, symmetric), scale, zero)


def dequantize(quantized: Quantized) -> Array:
    """scale (q - zero)."""
    q, scale, zero = quantized
    return scale * (q - zero)


def rounded(x: ArrayLike, bits: int, axis: Axes = None, symmetric: bool = True) -> Array:
    """x after quantization and dequantization."""
    return dequantize(quantize(x, bits, axis, symmetric))


def rounded_groups(x: ArrayLike, bits: int, size: int, symmetric: bool = True) -> Array:
    """x (..., n) after quantization with one scale for each `size` neighbors of the last axis.

    Raises
    ------
    ValueError
        If the size does not divide n.
    """
    values = _finite(x)
    n = values.shape[-1]
    if size < 1 or n % size:
        raise ValueError(f"groups of {size} do not divide {n} entries; pad, or take another size")
    groups = values.reshape(*values.shape[:-1], n // size, size)
    own = tuple(range(groups.ndim - 1))
    return rounded(groups, bits, own, symmetric).reshape(values.shape)


def calibrate(
    x: ArrayLike, bits: int, method: str = "minmax", symmetric: bool = True, percent: float = 99.9
) -> tuple[float, float]:
    """The range to cover, from a sample: its extremes, its percentiles, or of least squared error.

    Parameters
    ----------
    method : {"minmax", "percentile", "mse"}
        "mse" tries 100 fractions of the extremes.

    Raises
    ------
    ValueError
        An unknown method, or a percentage outside (50, 100].
    """
    values = _finite(x).ravel()
    low, high = float(values.min()), float(values.max())
    if method == "minmax":
        return low, high
    if method == "percentile":
        if not 50 < percent <= 100:
            raise ValueError(f"the percentage must be above 50 and at most 100, got {percent}")
        first, last = np.percentile(values, [100 - percent, percent])
        return float(first), float(last)
    if method != "mse":
        raise ValueError(f"the method is 'minmax', 'percentile' or 'mse', got {method!r}")
    ranges = [(f * low, f * high) for f in np.arange(1, 101) / 100]
    errors = [
        np.square(dequantize(quantize(values, bits, None, symmetric, r)) - values).sum()
        for r in ranges
    ]
    return ranges[int(np.argmin(errors))]


def int8_linear(
    xq: NDArray[np.int8],
    x_scale: float,
    x_zero: int,
    Wq: NDArray[np.int8],
    w_scale: ArrayLike,
    bias: ArrayLike,
) -> Array:
    """A linear layer with 8-bit inputs and weights and a 32-bit accumulator.

    Parameters
    ----------
    xq : int8 (n, d), Wq : int8 (k, d)
    w_scale, bias : (k,), one per output

    Raises
    ------
    TypeError
        If inputs or weights are not int8.
    ValueError
        If shapes do not fit, or d is so large that the accumulator could overflow.
    """
    if xq.dtype != np.int8 or Wq.dtype != np.int8:
        raise TypeError(f"inputs and weights must be int8, got {xq.dtype} and {Wq.dtype}")
    if xq.ndim != 2 or Wq.ndim != 2 or xq.shape[1] != Wq.shape[1]:
        raise ValueError(f"need (n, d) and (k, d), got {xq.shape} and {Wq.shape}")
    if xq.shape[1] > (2**31 - 1) // 2**15:  # q - zero has up to 255 values of size, the weight 128
        raise ValueError(f"{xq.shape[1]} products of nine and eight bits may overflow 32 bits")
    acc = xq.astype(np.int32) @ Wq.T.astype(np.int32)  # (n, k)
    acc -= np.int32(x_zero) * Wq.sum(1, dtype=np.int32)  # the zero point, once per output
    return x_scale * np.asarray(w_scale) * acc + np.asarray(bias)


def fixed_point(multiplier: float) -> tuple[int, int]:
    """A positive real number below 1 as m / 2^shift with an integer m of 31 bits.

    Examples
    --------
    >>> fixed_point(0.375)
    (1610612736, 32)
    """
    if not 0 < multiplier < 1:
        raise ValueError(f"the multiplier must lie between 0 and 1, got {multiplier}")
    mantissa, exponent = np.frexp(multiplier)
    m = round(float(mantissa) * 2**31)
    return m, 31 - int(exponent)


def requantize(acc: NDArray[np.int32], multiplier: float, zero: int = 0) -> NDArray[np.int8]:
    """Accumulators to int8 by an integer product and a shift: no floating-point number is used."""
    m, shift = fixed_point(multiplier)
    scaled = (acc.astype(np.int64) * m + (1 << (shift - 1))) >> shift
    return np.clip(scaled + zero, -128, 127).astype(np.int8)


def fake_quantize(x: torch.Tensor, bits: int, axis: int | None = None) -> torch.Tensor:
    """Symmetric rounding in the forward pass, the gradient of the identity in the backward pass.

    The range is that of x, so nothing is clipped and the straight-through gradient is 1 everywhere.
    """
    top = 2 ** (_width(bits) - 1) - 1
    with torch.no_grad():
        size = x.abs()
        dims = [d for d in range(x.ndim) if axis is None or d != axis % x.ndim]
        limit = size.amax(dims, keepdim=True) if dims else size
        width = limit / top  # 0 for the smallest numbers too
        scale = torch.where(width > 0, width, torch.ones_like(width))
        y = torch.round(x / scale).clamp(-top, top) * scale
    return x + (y - x).detach()
