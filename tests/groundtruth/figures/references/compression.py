"""References of the interactive figures of the chapter on compression."""

from __future__ import annotations

import numpy as np
from groundtruth.figures.modern import compression
from groundtruth.modern.pruning import storage_bytes
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


@reference(compression.storage)
def storage(at):
    side = compression.SIDE
    bits = int(at.bits)
    index = int(at.index)

    def size(layout, fraction):
        return storage_bytes((side, side), fraction, layout, bits, index)

    fractions = np.arange(50) / 50
    dense = size("dense", 0.0)
    names = {"CSR": "csr", "bitmap": "bitmap", "rows": "rows"}
    ratios = {name: [size(key, f) / dense for f in fractions] for name, key in names.items()}
    kib = {
        key: size(key, at.zeros / 100) / 1024 for key in ("dense", "csr", "bitmap", "rows", "2:4")
    }
    even = 100 * index / (bits + index)
    return {
        "layer_0": {
            "f": np.tile(fractions, 3),
            "ratio": np.concatenate(list(ratios.values())),
            "k": np.repeat(list(ratios), 50),
        },
        "layer_1": {"f": [0.5], "ratio": [size("2:4", 0.5) / dense]},
        "layer_2": {"f": [at.zeros / 100]},
        "layer_3": {"ratio": [1]},
        "layer_4": {
            "note": f"dense {kib['dense']:,.0f}, CSR {kib['csr']:,.0f}, "
            f"bitmap {kib['bitmap']:,.0f} KiB"
        },
        "layer_5": {"note": f"rows {kib['rows']:,.0f}, 2:4 (diamond) {kib['2:4']:,.0f} KiB"},
        "layer_6": {"note": f"CSR saves bytes beyond {even:.0f} percent of zeros"},
    }
