"""Positions for attention: sinusoids, rotations of pairs (RoPE), linear penalties (ALiBi).

Read with book/networks/attention.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array


def frequencies(d: int, base: float = 10_000.0) -> Array:
    """base^(-2i/d) for the d / 2 pairs of a vector of even width d, radians per position.

    Examples
    --------
    >>> frequencies(4, 100.0).tolist()
    [1.0, 0.1]
    """
    if d < 2 or d % 2:
        raise ValueError(f"the width must be even and at least 2, got {d}")
    if not base > 1:
        raise ValueError(f"base must be above 1, got {base}")
    return base ** (-np.arange(0, d, 2) / d)


def sinusoidal(n: int, d: int, base: float = 10_000.0) -> Array:
    """Sines in even, cosines in odd columns, (n, d), to be added to the tokens (Vaswani et al.,
    2017, section 3.5).

    Examples
    --------
    >>> sinusoidal(2, 2).round(3).tolist()
    [[0.0, 1.0], [0.841, 0.54]]
    """
    if n < 1:
        raise ValueError(f"need at least one position, got {n}")
    angle = np.arange(n)[:, None] * frequencies(d, base)  # (n, d / 2)
    return np.stack([np.sin(angle), np.cos(angle)], -1).reshape(n, d)


def rope(x: ArrayLike, positions: ArrayLike, base: float = 10_000.0) -> Array:
    """Rotate each pair (x_2i, x_2i+1) by position times frequency (Su et al., 2021, equation 15).

    Parameters
    ----------
    x : array_like (..., n, d), d even
        Queries or keys; values are left as they are.
    positions : array_like (n,)

    Examples
    --------
    >>> rope([[1.0, 0.0]], [np.pi / 2]).round(6).tolist()
    [[0.0, 1.0]]
    """
    values = np.asarray(x, dtype=float)
    at = np.asarray(positions, dtype=float)
    if values.ndim < 2 or at.shape != values.shape[-2:-1]:
        raise ValueError(
            f"need one position for each row of x, got {at.shape} and x of shape {values.shape}"
        )
    angle = at[:, None] * frequencies(values.shape[-1], base)  # (n, d / 2)
    c = np.cos(angle)
    s = np.sin(angle)
    even = values[..., ::2]
    odd = values[..., 1::2]
    return np.stack([even * c - odd * s, even * s + odd * c], -1).reshape(values.shape)


def alibi_slopes(H: int) -> Array:
    """2^(-8 h / H) for h = 1..H: penalties per position of distance, one per head (Press et al.,
    2022).

    The paper has this sequence for H a power of two. For other H it follows the code of the
    authors, as converted models expect: the slopes of the largest power of two below H, then every
    second one of those of the next power of two.

    Examples
    --------
    >>> alibi_slopes(4).tolist()
    [0.25, 0.0625, 0.015625, 0.00390625]
    >>> alibi_slopes(3).tolist()
    [0.0625, 0.00390625, 0.25]
    """
    if H < 1:
        raise ValueError(f"need at least one head, got {H}")
    below = 2 ** (H.bit_length() - 1)  # the largest power of two that is at most H
    slopes = 2.0 ** (-8 * np.arange(1, below + 1) / below)
    between = 2.0 ** (-8 * np.arange(1, 2 * below, 2) / (2 * below))
    return np.concatenate([slopes, between[: H - below]])


def alibi(H: int, n: int) -> Array:
    """What is added to the scores, (H, n, n): minus slope times distance to the past; the future is
    left to the mask.

    Examples
    --------
    >>> alibi(1, 3)[0, 2].tolist()
    [-0.0078125, -0.00390625, -0.0]
    """
    if n < 1:
        raise ValueError(f"need at least one position, got {n}")
    back = np.maximum(np.arange(n)[:, None] - np.arange(n), 0)
    return -alibi_slopes(H)[:, None, None] * back
