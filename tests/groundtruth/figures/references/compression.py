"""Reference of the interactive figure of the chapter on compression."""

from __future__ import annotations

import numpy as np
from groundtruth.figures.modern import compression
from groundtruth.modern.quantization import grid

from tests.groundtruth.figures.checking import reference


@reference(compression.clipping, tolerance=1e-6)
def clipping(at):
    x = compression.CENTERS
    w = compression.skewed()
    symmetric = at.kind == "symmetric"
    low = (-8 if symmetric else -4) * at.clip / 100
    step, _ = grid(low, 8 * at.clip / 100, at.bits, symmetric)
    y = compression.levels_of(at.bits, at.clip / 100, symmetric)
    noise = np.sum(w * (x - y) ** 2)
    db = 10 * np.log10(np.sum(w * x**2) / noise)
    count = 2**at.bits - symmetric
    return {
        "layer_0": {"x": x, "w": w},
        "layer_1": {"y": y},
        "layer_2": {"note": f"SQNR {db:.1f} dB, rms error {np.sqrt(noise / w.sum()):.3f}"},
        "layer_3": {"note": f"step {float(step):.3f}, {count} levels"},
    }
