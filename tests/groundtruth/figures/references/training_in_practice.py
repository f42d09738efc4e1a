"""Reference of the interactive figure on training in practice: bytes by the memory ledger."""

from __future__ import annotations

import numpy as np
from groundtruth.figures.modern import training_in_practice as figures
from groundtruth.modern.memory_ledger import activation_numbers, state_bytes

from tests.groundtruth.figures.checking import reference


@reference(figures.memory_explorer)
def memory(at):
    shape = figures.MODELS[at.model]
    length = 2**at.lt
    devices = 2.0 ** np.arange(11)
    states = np.array([state_bytes(at.stage, int(p)) for p in devices]) * shape.parameters / 1e9
    activations = 2 * activation_numbers(shape, length, length, at.saving) / 1e9
    total = states + activations
    fitting = devices[total <= figures.ROOM]
    verdict = (
        f"fits 80 GB from {fitting[0]:.0f} devices on" if fitting.size else "does not fit 80 GB"
    )

    def shown(values):
        return np.clip(values, figures.LOWEST, figures.HIGHEST)

    return {
        "layer_0": {"p": devices, "y": shown(states)},
        "layer_1": {"p": devices, "y": shown(np.full(11, activations))},
        "layer_2": {"p": devices, "y": shown(total)},
        "layer_3": {"room": [figures.ROOM]},
        "layer_4": {"note": [verdict]},
        "layer_5": {
            "note": [
                f"activations {activations:.1f}, all {total.max():.0f} to {total.min():.1f} GB"
            ]
        },
    }
