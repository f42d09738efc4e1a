"""Convolution and attention beside torch, as ratios from one run; memory of tiled attention."""

from __future__ import annotations

import os

# the two take turns: threads of one that spin while they wait would take the cores from the other
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch
import torch.nn.functional as F
from groundtruth.networks import attention as at
from groundtruth.networks import convolution as cv

from tests.bench.timing import peak_mb, ratio


def convolution() -> float:
    """Thirty-two pictures (32, 32, 32) under thirty-two 3 by 3 kernels, float32."""
    rng = np.random.default_rng(0)
    x, w = (
        rng.normal(size=(32, 32, 32, 32)).astype(np.float32),
        rng.normal(size=(32, 32, 3, 3)).astype(np.float32),
    )
    tx, tw = torch.from_numpy(x), torch.from_numpy(w)
    return ratio(lambda: cv.conv2d(x, w, pad=1), lambda: F.conv2d(tx, tw, padding=1), 15)


def attention(n: int = 512) -> float:
    """Eight heads of 64 over `n` positions, float32."""
    rng = np.random.default_rng(0)
    q, k, v = (rng.normal(size=(1, 8, n, 64)).astype(np.float32) for _ in range(3))
    tq, tk, tv = (torch.from_numpy(a) for a in (q, k, v))
    return ratio(lambda: at.sdpa(q, k, v), lambda: F.scaled_dot_product_attention(tq, tk, tv), 15)


def tiled(n: int) -> float:
    """Peak megabytes of tiled attention over `n` positions of 64 numbers, float32."""
    rng = np.random.default_rng(0)
    q, k, v = (rng.normal(size=(n, 64)).astype(np.float32) for _ in range(3))
    return peak_mb(lambda: at.tiled(q, k, v))


def main() -> None:
    print(f"a convolution: time ratio to torch {convolution():.2f} (at most 4)")
    print(f"attention: time ratio to torch {attention():.2f} (at most 4)")
    half = tiled(4096)
    full = tiled(8192)
    table = 8192**2 * 4 / 1e6
    print(
        f"tiled attention: {half:.1f} MB at 4,096 positions, {full:.1f} MB at 8,192, "
        f"{full / half:.2f} times (at most 2.1); a full float32 table would take {table:.0f} MB"
    )


if __name__ == "__main__":
    main()
