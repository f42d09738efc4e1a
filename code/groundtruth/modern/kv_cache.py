"""The key-value cache of a decoder: what it stores, in numbers and bytes, step by step.

Read with book/modern/language-models.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KIB = 1024
KINDS = ("multi-head", "grouped-query", "multi-query", "latent", "sliding window")


@dataclass(frozen=True)
class Layout:
    """What a model caches for each token.

    Examples
    --------
    >>> Layout(layers=32, kv_heads=32, size=128).bytes(1) // 1024  # KiB
    512
    """

    layers: int
    kv_heads: int = 0
    """Heads of keys and values; 0 where a latent vector is cached instead."""
    size: int = 0
    """Width of a head."""
    latent: int = 0
    """Width of the latent vector of multi-head latent attention."""
    rotary: int = 0
    """Width of the rotated part of the key that is cached beside the latent vector."""
    window: int = 0
    """Tokens that a layer with a sliding window sees; 0: all."""
    sinks: int = 0
    """First tokens that stay in the cache of a sliding window."""
    full_layers: int = 0
    """Layers without a window, where there is one."""
    bits: int = 16

    def __post_init__(self) -> None:
        values = (
            self.kv_heads,
            self.size,
            self.latent,
            self.rotary,
            self.window,
            self.sinks,
            self.full_layers,
        )
        if self.layers < 1 or self.bits < 1 or min(values) < 0:
            raise ValueError(f"sizes are at least 0, layers and bits at least 1, got {self}")
        if bool(self.kv_heads * self.size) == bool(self.latent):
            raise ValueError("give either kv_heads and size, or latent")
        if self.full_layers > self.layers or (self.window and self.sinks >= self.window):
            raise ValueError(
                f"{self.full_layers} of {self.layers} layers and {self.sinks} of {self.window}"
                " tokens of a window do not fit"
            )

    @property
    def per_token(self) -> int:
        """Numbers per token and layer."""
        return self.latent + self.rotary if self.latent else 2 * self.kv_heads * self.size

    def slots(self, n: int) -> int:
        """Pairs of a token and a layer that are in the cache after n tokens."""
        if n < 0:
            raise ValueError(f"the number of tokens is at least 0, got {n}")
        if not self.window:
            return self.layers * n
        windowed = self.layers - self.full_layers
        return self.full_layers * n + windowed * min(n, self.window)

    def bytes(self, n: int) -> int:
        """Bytes of the cache after n tokens of one sequence."""
        bits = self.per_token * self.slots(n) * self.bits
        return -(-bits // 8)


def kept(n: int, window: int = 0, sinks: int = 0) -> NDArray[np.intp]:
    """Positions in the cache of one layer after n tokens.

    Of a window, the last ones and, as attention sinks, the first few: `window` in all.

    Examples
    --------
    >>> kept(8, window=4, sinks=1).tolist()
    [0, 5, 6, 7]
    """
    if n < 0 or window < 0 or not 0 <= sinks < max(window, 1):
        raise ValueError(f"need n and window >= 0 and fewer sinks than window, got {n}, {window}")
    positions = np.arange(n)
    if not window or n <= window:
        return positions
    return np.concatenate([positions[:sinks], positions[n - (window - sinks) :]])


def projected(prompt: int, generated: int) -> tuple[int, int]:
    """Positions whose keys and values are computed, with a cache and without it.

    The prompt takes one pass, and so does each generated token but the last, which is only read.

    Examples
    --------
    >>> projected(3, 3)  # 3 + 1 + 1 against 3 + 4 + 5
    (5, 12)
    """
    if prompt < 1 or generated < 1:
        raise ValueError(f"need at least one token each, got {prompt} and {generated}")
    lengths = range(prompt, prompt + generated)
    return prompt + generated - 1, sum(lengths)


def intensity(parameters: float, read_bytes: float, tokens: int, weight_bytes: int = 2) -> float:
    """Operations per byte of one pass: 2 per parameter and token, over weights and cache read.

    Parameters
    ----------
    parameters : float, weights that multiply
    read_bytes : float, bytes of caches that the pass reads
    tokens : int, positions that the pass computes, of all sequences together

    Examples
    --------
    >>> intensity(1e9, 0, 1)  # one token: each weight of 2 bytes is used for 2 operations
    1.0
    """
    if not parameters > 0 or read_bytes < 0 or tokens < 1 or weight_bytes < 1:
        raise ValueError("need parameters, tokens and bytes above 0")
    return 2 * parameters * tokens / (weight_bytes * parameters + read_bytes)
