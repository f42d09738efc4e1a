"""One block of a transformer in NumPy, Pre-LN, with its backward pass, and what a block costs.

Read with book/networks/attention.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array
from groundtruth.networks.activations import ACTIVATIONS
from groundtruth.networks.attention import Projections, mha, mha_backward, over
from groundtruth.networks.normalization import layer_norm, layer_norm_backward


def parameters(C: int, ff: int | None = None) -> int:
    """Numbers in one block of width C: 4 C^2 + 4 C for attention, 2 C ff + ff + C for the rest, 4 C
    for two norms.

    Examples
    --------
    >>> parameters(768), parameters(768) == 12 * 768**2 + 13 * 768
    (7087872, True)
    """
    if C < 1 or (ff is not None and ff < 1):
        raise ValueError(f"widths must be positive, got {C} and {ff}")
    h = 4 * C if ff is None else ff
    return 4 * C * C + 4 * C + 2 * C * h + h + C + 4 * C


def flops_per_token(C: int, n: int) -> tuple[int, int]:
    """Operations forward for one token of one block (a multiply-add is two): in the matrices 24
    C^2, in scores and mixing 4 n C.

    Examples
    --------
    >>> flops_per_token(64, 384)
    (98304, 98304)
    """
    if min(C, n) < 1:
        raise ValueError(f"need a positive width and length, got {C} and {n}")
    return 24 * C * C, 4 * n * C


class Block:
    """x + MHA(LN x), then x + FFN(LN x), with the exact GELU in the feed-forward part (Pre-LN).

    Parameters
    ----------
    C, H : int
        Width and heads.
    ff : int, optional
        Hidden width of the feed-forward part, 4 C by default.
    seed : int
        For weights of variance 1 / fan-in; biases are zero.

    Examples
    --------
    >>> block = Block(8, 2)
    >>> (
    ...     block.forward(np.ones((1, 3, 8))).shape,
    ...     sum(v.size for v in block.p.values()) == parameters(8),
    ... )
    ((1, 3, 8), True)
    """

    def __init__(self, C: int, H: int, ff: int | None = None, seed: int = 0) -> None:
        h = 4 * C if ff is None else ff
        if C < 1 or H < 1 or C % H or h < 1:
            raise ValueError(
                f"need heads that divide the width and a positive hidden width, got C={C}, H={H},"
                f" ff={ff}"
            )
        rng = np.random.default_rng(seed)

        def make(a: int, b: int) -> Array:
            return rng.normal(0, a**-0.5, (a, b))

        self.H = H
        self.p: dict[str, Array] = {
            "g1": np.ones(C),
            "b1": np.zeros(C),
            "Wq": make(C, C),
            "Wk": make(C, C),
            "Wv": make(C, C),
            "Wo": make(C, C),
            "b": np.zeros((4, C)),
            "g2": np.ones(C),
            "b2": np.zeros(C),
            "W1": make(C, h),
            "c1": np.zeros(h),
            "W2": make(h, C),
            "c2": np.zeros(C),
        }
        self._cache: tuple[Any, ...] | None = None

    def forward(self, x: ArrayLike, mask: ArrayLike | None = None) -> Array:
        """x (B, T, C) to (B, T, C); mask as in `attention.sdpa`."""
        values = np.asarray(x, dtype=float)
        p = self.p
        if values.ndim != 3 or values.shape[-1] != p["g1"].size:
            raise ValueError(f"x must have the shape (B, T, {p['g1'].size}), got {values.shape}")
        u, norm1 = layer_norm(values, p["g1"], p["b1"])
        attended, saved = mha(
            u, Projections(p["Wq"], p["Wk"], p["Wv"], p["Wo"], p["b"]), self.H, mask
        )
        middle = values + attended
        v, norm2 = layer_norm(middle, p["g2"], p["b2"])
        z = v @ p["W1"] + p["c1"]  # (B, T, ff)
        a = ACTIVATIONS["gelu"].f(z)
        self._cache = (norm1, saved, norm2, v, z, a)
        return middle + a @ p["W2"] + p["c2"]

    def backward(self, dy: Array) -> tuple[Array, dict[str, Array]]:
        """(dx, gradients with respect to name) for the last forward pass."""
        if self._cache is None:
            raise RuntimeError("backward needs a forward pass first")
        p, (norm1, saved, norm2, v, z, a) = self.p, self._cache
        if dy.shape != v.shape:
            raise ValueError(f"the output has the shape {v.shape}, its gradient {dy.shape}")
        g: dict[str, Any] = {"W2": over(a, dy), "c2": dy.sum((0, 1))}
        dz = (dy @ p["W2"].T) * ACTIVATIONS["gelu"].slope(z)
        g |= {"W1": over(v, dz), "c1": dz.sum((0, 1))}
        back, g["g2"], g["b2"] = layer_norm_backward(dz @ p["W1"].T, norm2)
        dmiddle = dy + back  # the stream passes through, the branch adds
        du, dmemory, (g["Wq"], g["Wk"], g["Wv"], g["Wo"], g["b"]) = mha_backward(dmiddle, saved)
        back, g["g1"], g["b1"] = layer_norm_backward(du + dmemory, norm1)
        return dmiddle + back, g
