"""Reference of the interactive figure on diagnosing training: recorded runs and their verdicts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from groundtruth.figures.modern import diagnosing_training

from tests.groundtruth.figures.checking import reference

ROOT = Path(__file__).parents[4]
GRID = json.loads((ROOT / "book/_assets/results/diagnosing-grid.json").read_text())
STEPS = 25 * np.arange(1, 17)


@reference(diagnosing_training.explorer, GRID)
def recorded_run(at):
    (run,) = [
        r for r in GRID["runs"] if (r["rate"], r["noise"], r["width"]) == (at.eta, at.rho, at.units)
    ]
    train = np.array(run["train"])
    val = np.array(run["val"])
    if train[-1] > 1.03 * np.log(10):
        verdict = "above ln 10: lower the rate"
    elif train[0] - train[-1] < 0.25:
        verdict = "hardly learns: rate or flow"
    elif val[-1] - train[-1] > 0.35:
        verdict = "overfits: large gap"
    elif train[-1] > 0.35:
        verdict = "both high: capacity, rate or noise"
    else:
        verdict = "healthy: both low"
    ends = f"final losses: training {train[-1]:.2f}, validation {val[-1]:.2f}"
    return {
        "layer_1": {"step": STEPS, "loss": np.minimum(train, 4)},
        "layer_2": {"step": STEPS, "loss": np.minimum(val, 4)},
        "layer_3": {"note": verdict},
        "layer_4": {"note": ends, "train": train[-1], "val": val[-1]},
    }
