"""Reference of the interactive figure in the chapter on language models."""

from __future__ import annotations

import numpy as np
from groundtruth.figures.modern import language_models as lm
from groundtruth.modern.kv_cache import Layout, kept, projected

from tests.groundtruth.figures.checking import reference

LAYOUTS = {
    "multi-head": Layout(1, 4, 64),
    "grouped-query": Layout(1, 2, 64),
    "multi-query": Layout(1, 1, 64),
    "latent": Layout(1, latent=64, rotary=32),
}


@reference(lm.cache_stepper)
def cache_stepper(at):
    n = lm.PROMPT + int(at.step)
    window = int(at.window) if at.kind == "sliding window" else 0
    layout = LAYOUTS.get(at.kind) or Layout(1, 4, 64, window=window, sinks=1)
    stored = kept(n, window, sinks=1 if window else 0)
    new = range(lm.PROMPT) if at.step == 0 else [n - 1]
    states = []
    rows = []
    here = []
    positions = []
    for t in range(len(lm.WORDS)):
        for row in range(1, lm.HEADS + 1):
            state = "dropped"
            if t >= n:
                state = "not computed"
            elif t in new:
                state = "written in this step"
            elif t in stored:
                state = "read from the cache"
            states.append(state)
            rows.append(row)
            here.append(int(row <= lm.ROWS[at.kind]))
            positions.append(t)
    numbers = layout.per_token * layout.slots(n)
    whole = 2 * 4 * 64 * n
    cached, uncached = projected(lm.PROMPT, int(at.step) + 1)
    phase = "prefill" if at.step == 0 else "decode"
    windowed = len(kept(n, int(at.window), sinks=1))
    percent = int(np.floor(100 * numbers / whole + 0.5))
    return {
        "layer_0": {"t": positions, "row": rows, "state": states, "here": here},
        "layer_1": {
            "note": [f"{phase}: computes {len(new)}, stores {len(stored)}, next: {lm.WORDS[n]}"]
        },
        "layer_2": {"note": [f"{numbers} numbers, {percent}% of multi-head"]},
        "layer_3": {"note": [f"computed {cached}, without cache {uncached}, in window {windowed}"]},
    }
