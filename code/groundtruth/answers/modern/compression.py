"""Answers to exercises on compression.

Read with book/modern/compression.md.
"""

from __future__ import annotations

import heapq

import numpy as np
from scipy.stats import norm

from groundtruth.answers import Judge, numbers
from groundtruth.modern import pruning as pr
from groundtruth.modern import quantization as qz


def _scale() -> list[float]:
    """Scale, zero point, and the integer of 0.7."""
    q, scale, zero = qz.quantize([-0.5, 0.0, 0.2, 0.7, 1.5], 8, symmetric=False)
    return [float(scale.item()), float(zero.item()), float(q[3])]


def _half() -> list[float]:
    """What remains of the sum of squares: exactly without a pattern, sampled with 2:4."""
    median = norm.ppf(0.75)
    w = np.random.default_rng(1).normal(size=2_000_000)
    mask = pr.n_m_mask(np.abs(w))
    return [0.5 + 2 * median * norm.pdf(median), float((w[mask] ** 2).sum() / (w**2).sum())]


def _saliency() -> list[float]:
    """The removed weight by magnitude, OBD and OBS, and the loss after each."""
    H = np.array([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 16.0]])
    w = np.array([1, 0.5, 0.3])
    diagonal = pr.obd_saliency(w, np.diag(H))
    full = pr.obs_saliency(w, np.linalg.inv(H))
    chosen = [int(np.argmin(s)) for s in (np.abs(w), diagonal, full)]
    losses = [diagonal[chosen[0]], diagonal[chosen[1]], full[chosen[2]]]
    return [*map(float, chosen), *map(float, losses)]


def _entropy() -> list[float]:
    """Entropy of the integers and the mean length of their Huffman code."""
    w = np.random.default_rng(0).normal(size=100_000)
    _, counts = np.unique(qz.quantize(w, 4).q, return_counts=True)
    p = counts / counts.sum()
    heap = p.tolist()
    heapq.heapify(heap)
    length = 0.0
    while len(heap) > 1:
        merged = heapq.heappop(heap) + heapq.heappop(heap)
        length += merged
        heapq.heappush(heap, merged)
    return [float(-(p * np.log2(p)).sum()), length]


ANSWERS: dict[str, Judge] = {
    "ex-compression-scale": numbers(
        ("scale", "zero point", "integer of 0.7"),
        _scale,
        {
            "256 levels have 255 steps between them": [2 / 256, np.nan, np.nan],
            "that is the symmetric scale": [1.5 / 127, np.nan, np.nan],
            "that is the zero point of unsigned bytes; the levels go from -128 to 127": [
                np.nan,
                64,
                np.nan,
            ],
            "add the zero point to round(x / scale)": [np.nan, -64, 89],
        },
    ),
    "ex-compression-half": numbers(
        ("unstructured", "2:4"),
        _half,
        {
            "the fraction of the sum of squares is asked, not that of the weights": [0.5, 0.5],
            "the mask must say what stays: these are the removed parts": [0.0714, 0.1325],
            "the pattern chooses within each four weights, so less remains": [0.929, 0.929],
        },
        rtol=5e-3,
    ),
    "ex-compression-saliency": numbers(
        (
            "weight by magnitude",
            "weight by OBD",
            "weight by OBS",
            "loss by magnitude",
            "loss by OBD",
            "loss by OBS",
        ),
        _saliency,
        {
            "the loss has the factor 1/2": [2, 1, 1, 1.44, 0.25, np.nan],
            "after OBS the other weights adapt: divide by 2 [H^-1]_qq": [
                2,
                1,
                1,
                0.72,
                0.125,
                0.125,
            ],
        },
        rtol=1e-2,
    ),
    "ex-compression-overflow": numbers(
        ("terms in 16 bits", "terms in 32 bits"),
        lambda: [(2**15 - 1) // 127**2, (2**31 - 1) // 127**2],
        {
            "that counts products of 128 and 128": [1, 131071],
            "that is unsigned: the sign takes one bit": [4, 266289],
        },
        rtol=1e-6,
    ),
    "ex-compression-entropy": numbers(
        ("entropy", "Huffman"),
        _entropy,
        {
            "use the logarithm to the base 2: bits, not nats": [1.829, np.nan],
            "a Huffman code is never shorter than the entropy": [2.6858, 2.6387],
        },
        rtol=2e-3,
    ),
}
