"""The 144 bytes of a Q4_K block of llama.cpp: 256 weights, scales of scales, packed nibbles.

Read with book/modern/compression.md. Layout by ggml's `block_q4_K`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array

VALUES = 256  # weights of a block
GROUPS = 8  # of 32 weights, each with a 6-bit scale and a 6-bit minimum
BYTES = 144  # 2 + 2 + 12 + 128

Bytes = NDArray[np.uint8]


def pack_scales(scales: ArrayLike, minima: ArrayLike) -> Bytes:
    """Eight scales and eight minima of six bits each in twelve bytes.

    Bytes 0 to 3 hold scales 0 to 3 in their low six bits, bytes 4 to 7 minima 0 to 3; bytes 8 to 11
    the low four bits of scales 4 to 7 (low nibble) and minima 4 to 7 (high nibble), whose two high
    bits fill the top of bytes 0 to 3 and 4 to 7.
    """
    s = np.asarray(scales, dtype=np.int64)
    m = np.asarray(minima, dtype=np.int64)
    if s.shape != (GROUPS,) or m.shape != (GROUPS,) or min(s.min(), m.min()) < 0:
        raise ValueError(f"need eight scales and eight minima >= 0, got {s} and {m}")
    if max(s.max(), m.max()) > 63:
        raise ValueError(f"six bits hold at most 63, got {max(s.max(), m.max())}")
    out = np.empty(12, dtype=np.uint8)
    out[0:4] = s[:4] | (s[4:] >> 4) << 6
    out[4:8] = m[:4] | (m[4:] >> 4) << 6
    out[8:12] = (s[4:] & 15) | (m[4:] & 15) << 4
    return out


def unpack_scales(packed: Bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The eight scales and eight minima in twelve bytes.

    Examples
    --------
    >>> s, m = unpack_scales(pack_scales(range(56, 64), range(8)))
    >>> s.tolist(), m.tolist()
    ([56, 57, 58, 59, 60, 61, 62, 63], [0, 1, 2, 3, 4, 5, 6, 7])
    """
    b = np.asarray(packed, dtype=np.int64)
    if b.shape != (12,):
        raise ValueError(f"need twelve bytes, got shape {b.shape}")
    scales = np.concatenate([b[0:4] & 63, (b[8:12] & 15) | (b[0:4] >> 6) << 4])
    minima = np.concatenate([b[4:8] & 63, (b[8:12] >> 4) | (b[4:8] >> 6) << 4])
    return scales, minima


def pack_nibbles(q: ArrayLike) -> Bytes:
    """256 numbers of four bits in 128 bytes: of each 64, the first 32 in the low nibbles."""
    values = np.asarray(q, dtype=np.int64)
    if values.shape != (VALUES,) or values.min() < 0 or values.max() > 15:
        raise ValueError("need 256 whole numbers from 0 to 15")
    pairs = values.reshape(4, 2, 32)
    return (pairs[:, 0] | pairs[:, 1] << 4).astype(np.uint8).ravel()


def unpack_nibbles(packed: Bytes) -> NDArray[np.int64]:
    """256 numbers of four bits from 128 bytes."""
    b = np.asarray(packed, dtype=np.int64)
    if b.shape != (128,):
        raise ValueError(f"need 128 bytes, got shape {b.shape}")
    rows = b.reshape(4, 32)
    return np.stack([rows & 15, rows >> 4], axis=1).ravel()


def encode(x: ArrayLike) -> Bytes:
    """256 weights as one block: minimum and maximum of each group of 32, without ggml's search.

    Raises
    ------
    ValueError
        If there are not 256 finite numbers, or half precision cannot hold their scale.
    """
    groups = np.asarray(x, dtype=np.float64)
    if groups.shape != (VALUES,) or not np.isfinite(groups).all():
        raise ValueError(f"a block holds 256 finite numbers, got shape {groups.shape}")
    groups = groups.reshape(GROUPS, 32)
    below = np.maximum(-groups.min(1), 0)  # the minimum is stored as a number to subtract
    width = (np.maximum(groups.max(1), 0) + below) / 15
    with np.errstate(over="ignore"):  # an infinite head is refused below
        head = np.array([width.max() / 63, below.max() / 63], dtype=np.float16)
    if not np.isfinite(head).all():
        raise ValueError(f"half precision cannot hold the scale {width.max() / 63:g}")
    d, dmin = (float(h) or 1.0 for h in head)
    scales = np.clip(np.round(width / d), 0, 63)
    minima = np.clip(np.round(below / dmin), 0, 63)
    step = np.where(scales > 0, d * scales, np.inf)[:, None]
    q = np.clip(np.round((groups + dmin * minima[:, None]) / step), 0, 15)
    return np.concatenate(
        [head.view(np.uint8), pack_scales(scales, minima), pack_nibbles(q.ravel())]
    )


def decode(block: Bytes) -> Array:
    """The 256 weights of a block: d * scale * q - dmin * minimum.

    Examples
    --------
    >>> block = encode(np.linspace(-1, 1, 256))
    >>> len(block), float(np.abs(decode(block) - np.linspace(-1, 1, 256)).max()) < 0.04
    (144, True)
    """
    raw = np.asarray(block, dtype=np.uint8)
    if raw.shape != (BYTES,):
        raise ValueError(f"a block has {BYTES} bytes, got shape {raw.shape}")
    d, dmin = raw[:4].copy().view(np.float16).astype(np.float64)
    scales, minima = unpack_scales(raw[4:16])
    q = unpack_nibbles(raw[16:]).reshape(GROUPS, 32)
    return (d * scales[:, None] * q - dmin * minima[:, None]).ravel()
