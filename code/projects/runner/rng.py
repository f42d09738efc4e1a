"""The states of all random number generators, as plain data that a safe loader accepts.

Read with `book/capstones/runner.md`.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch


def seed_all(seed: int, rank: int = 0) -> None:
    """Start every generator; processes differ by rank, so that they do not drop the same units."""
    random.seed(seed * 1000 + rank)
    np.random.seed((seed * 1000 + rank) % 2**32)
    torch.manual_seed(seed * 1000 + rank)  # CUDA and MPS too


def capture(device: torch.device) -> dict[str, Any]:
    """States of Python, NumPy, torch on the CPU, and torch on the device."""
    version, numbers, gauss = random.getstate()
    kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    states: dict[str, Any] = {
        "python": [version, list(numbers), gauss],
        "numpy": [
            str(kind),
            torch.from_numpy(np.asarray(keys).astype(np.int64)),
            int(position),
            int(has_gauss),
            float(cached),
        ],
        "torch": torch.get_rng_state(),
    }
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def restore(states: dict[str, Any], device: torch.device) -> None:
    """Restore what `capture` returned; the state of a device that is missing is left out."""
    version, numbers, gauss = states["python"]
    random.setstate((version, tuple(numbers), gauss))
    kind, keys, position, has_gauss, cached = states["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(states["torch"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    elif device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])


def generator(*parts: int) -> torch.Generator:
    """A generator of its own for a purpose, started from whole numbers (seed, step, ...), the same
    on every computer.
    """
    return torch.Generator().manual_seed(
        int(
            np.random.SeedSequence([len(parts), *(int(p) for p in parts)]).generate_state(
                1, np.uint64
            )[0]
            >> 1
        )
    )
