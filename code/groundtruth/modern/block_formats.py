"""Block formats: a few bits per number, and a scale shared by a block of them.

Read with book/modern/numerics.md.

Every function rounds an array and returns what the format stores, as float64. Blocks are
consecutive entries of the last axis. The element types are those of the Open Compute Project (OCP):
"OCP 8-bit Floating Point Specification" (2023), "OCP Microscaling Formats (MX)" (2023).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array
from groundtruth.modern import number_formats as nf

MX_BLOCK = 32
NV_BLOCK = 16
TOP_INT4 = 7.0  # symmetric: -8 is not used
HIGHEST_POWER = 2  # of E2M1: its largest number is 6 = 1.5 * 2^2


def to_e2m1(x: ArrayLike) -> Array:
    """The nearest of 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives; larger numbers saturate.

    Raises
    ------
    ValueError
        If x holds NaN, which E2M1 cannot.

    Examples
    --------
    >>> to_e2m1([0.25, 0.3, 2.5, 3.5, 100.0]).tolist()
    [0.0, 0.5, 2.0, 4.0, 6.0]
    """
    return nf.round_to(x, nf.E2M1)


def to_e4m3(x: ArrayLike, saturate: bool = False) -> Array:
    """The nearest number with 4 exponent and 3 mantissa bits; beyond 448 NaN, or 448.

    Examples
    --------
    >>> to_e4m3([1.06, 460.0, 1000.0]).tolist(), to_e4m3(1000.0, saturate=True).item()
    ([1.0, 448.0, nan], 448.0)
    """
    return nf.round_to(x, nf.E4M3, saturate)


def to_e5m2(x: ArrayLike, saturate: bool = False) -> Array:
    """The nearest number with 5 exponent and 2 mantissa bits; beyond 57,344 infinite, or 57,344.

    Examples
    --------
    >>> to_e5m2([1.06, 1000.0, 1e5]).tolist()
    [1.0, 1024.0, inf]
    """
    return nf.round_to(x, nf.E5M2, saturate)


def to_e8m0(x: ArrayLike) -> Array:
    """The nearest power of two between 2^-127 and 2^127, halfway upward.

    Raises
    ------
    ValueError
        If an entry is not positive and finite: E8M0 has no zero and no sign.

    Examples
    --------
    >>> to_e8m0([1.4, 1.5, 3.0, 1e-50]).tolist()[:3]
    [1.0, 2.0, 4.0]
    """
    value = np.asarray(x, dtype=float)
    if not (np.isfinite(value).all() and (value > 0).all()):
        raise ValueError("E8M0 holds powers of two only; give positive finite scales")
    fraction, exponent = np.frexp(value)  # fraction in [0.5, 1)
    return np.ldexp(1.0, np.clip(exponent - 1 + (fraction >= 0.75), -127, 127))


def mxfp4(x: ArrayLike) -> Array:
    """MXFP4: blocks of 32 in E2M1 with a power of two (E8M0) as scale, 4.25 bits per number.

    The scale is 2^(floor(log2 a) - 2) with a the largest magnitude of the block (OCP MX, 6.3), so
    that a lies in [4, 8) after division, and what exceeds 6 saturates.

    Parameters
    ----------
    x : array_like (..., n), finite, n a multiple of 32

    Raises
    ------
    ValueError
        If an entry is not finite or n is not a positive multiple of the block.

    Examples
    --------
    >>> mxfp4(np.arange(32.0))[-4:].tolist()
    [24.0, 24.0, 24.0, 24.0]
    """
    return _by_blocks(x, MX_BLOCK, _mx_scale, to_e2m1)


def nvfp4(x: ArrayLike, tensor_scale: float | None = None) -> Array:
    """NVFP4: blocks of 16 in E2M1, an E4M3 scale per block and one float32 scale per tensor.

    The block's scale maps its largest magnitude to 6; the tensor's scale maps the largest block
    scale to 448, the largest number of E4M3 (NVIDIA, 2025). 4.5 bits per number.

    Parameters
    ----------
    x : array_like (..., n), finite, n a multiple of 16
    tensor_scale : float, optional
        By default the largest magnitude over 6 * 448, rounded to float32.

    Raises
    ------
    ValueError
        If an entry is not finite, n is not a positive multiple of the block, or the scale is not
        positive and finite.

    Examples
    --------
    >>> nvfp4(np.arange(16.0))[-4:].round(3).tolist()
    [10.0, 15.0, 15.0, 15.0]
    """
    return _by_blocks(x, NV_BLOCK, _nv_scale(x, nf.E2M1.largest, tensor_scale), to_e2m1)


def nvint4(x: ArrayLike) -> Array:
    """Integers from -7 to 7 in the blocks and with the scales of NVFP4, 4.5 bits per number.

    No standard: what is compared with NVFP4 to see the effect of its elements alone. Parameters and
    errors are those of `nvfp4`.

    Examples
    --------
    >>> nvint4(np.arange(16.0))[-4:].round(3).tolist()
    [12.857, 12.857, 15.0, 15.0]
    """
    return _by_blocks(x, NV_BLOCK, _nv_scale(x, TOP_INT4), _to_int4)


def int4(x: ArrayLike, group: int | None = None) -> Array:
    """Symmetric INT4: integers from -7 to 7 and one float16 scale per group, its largest over 7.

    Parameters
    ----------
    x : array_like (..., n), finite, n a multiple of the group
    group : int, >= 1, optional
        By default one scale per row, n numbers.

    Raises
    ------
    ValueError
        If an entry is not finite, n is not a positive multiple of the group, or a scale exceeds
        65,504, the largest number of float16.

    Examples
    --------
    >>> int4([[0.0, 1.0, 2.0, 3.5, 7.0]]).tolist()
    [[0.0, 1.0, 2.0, 4.0, 7.0]]
    """

    def group_scale(top: Array) -> Array:
        scale = nf.round_to(top / TOP_INT4, nf.FLOAT16)
        if not np.isfinite(scale).all():
            raise ValueError(f"a scale exceeds float16: the largest entry is {top.max():g}")
        return scale

    size = np.shape(x)[-1] if group is None and np.ndim(x) else group
    return _by_blocks(x, size or 0, group_scale, _to_int4)


def sqnr_db(x: ArrayLike, rounded: ArrayLike) -> float:
    """Signal-to-quantization-noise ratio in decibels, 10 log10(sum x^2 / sum (x - rounded)^2).

    Raises
    ------
    ValueError
        If the shapes differ or x is zero everywhere.

    Examples
    --------
    >>> round(sqnr_db([1.0, 1.0], [1.1, 0.9]), 6)
    20.0
    """
    signal = np.asarray(x, dtype=float)
    error = np.asarray(rounded, dtype=float)
    if signal.shape != error.shape:
        raise ValueError(f"shapes differ: {signal.shape} and {error.shape}")
    power = np.sum(signal**2)
    if not power:
        raise ValueError("x is zero everywhere: there is no signal to compare with")
    noise = np.sum((signal - error) ** 2)
    return float(10 * np.log10(power / noise)) if noise else np.inf


def _finite(x: ArrayLike) -> Array:
    value = np.asarray(x, dtype=float)
    if not np.isfinite(value).all():
        raise ValueError("x holds NaN or infinity: a block has no finite scale then")
    return value


def _mx_scale(top: Array) -> Array:
    """2^(floor(log2 top) - 2) within the range of E8M0."""
    return np.ldexp(1.0, np.clip(np.frexp(top)[1] - 1 - HIGHEST_POWER, -127, 127))


def _to_int4(steps: Array) -> Array:
    return np.clip(np.rint(steps), -TOP_INT4, TOP_INT4)


def _nv_scale(
    x: ArrayLike, top_code: float, tensor_scale: float | None = None
) -> Callable[[Array], Array]:
    """The E4M3 scale of a block, in units of the tensor's float32 scale."""
    scale = tensor_scale
    if scale is None:
        largest = float(np.abs(_finite(x)).max(initial=0.0))
        tiny = float(np.finfo(np.float32).tiny)
        scale = float(np.float32(largest / (top_code * nf.E4M3.largest))) or tiny
    if not 0 < scale < np.inf:
        raise ValueError(f"tensor_scale must be positive and finite, got {scale}")
    return lambda top: scale * to_e4m3(top / top_code / scale, saturate=True)


def _by_blocks(
    x: ArrayLike,
    size: int,
    scale_of: Callable[[Array], Array],
    rounding: Callable[[Array], Array],
) -> Array:
    """Divide each block by its scale, round, and multiply again; blocks with scale 0 become 0."""
    value = _finite(x)
    if size < 1 or value.ndim < 1 or not value.size or value.shape[-1] % size:
        raise ValueError(
            f"the last axis must be a positive multiple of {size}, got shape {value.shape}; pad it"
            " with zeros"
        )
    blocks = value.reshape(*value.shape[:-1], -1, size)
    scale = scale_of(np.abs(blocks).max(axis=-1, keepdims=True))
    steps = np.divide(blocks, scale, out=np.zeros_like(blocks), where=scale > 0)
    return (rounding(steps) * scale).reshape(value.shape)
