"""Record the ladder of language models for book/modern/language-models.md.

    python -m tests.bench.ladder book/_assets/results/language-models-ladder.json

Models of about equal size on the sonnets, three seeds, each at the best of four rates in steps of a
factor of two. The best must not be at an edge of its grid.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import torch
from groundtruth.modern import ladder
from groundtruth.modern.tokenizers import Characters
from projects import corpora, gpt

STEPS = 450
EVERY = 90
SETTINGS = gpt.Settings(
    layers=2, heads=4, width=72, context=64, dropout=0.0, bias=False, positions="rope"
)


def main() -> None:
    torch.set_num_threads(1)
    train, held = corpora.split("sonnets")
    characters = Characters(train + held)
    V = len(characters)
    x = torch.tensor(characters.encode(train))
    y = torch.tensor(characters.encode(held))
    makers = {
        "bigram": (partial(ladder.Bigram, V), 0.05),
        "window of 8": (partial(ladder.Window, V, 8, 24, 480), 2.5e-3),
        "recurrent": (partial(ladder.Recurrent, V, 48, 160), 0.005),
        "transformer": (partial(gpt.GPT, SETTINGS, V), 0.006),
    }
    runs = {}
    for name, (make, least) in makers.items():
        rates = [least * 2**k for k in range(4)]
        runs[name] = ladder.tuned(make, x, y, rates, (0, 1, 2), STEPS, EVERY) | {"tried": rates}
        print(name, runs[name], flush=True)
        if runs[name]["rate"] in (rates[0], rates[-1]):
            raise SystemExit(f"{name}: the best rate is at an edge of {rates}; widen the grid")
    card = {"steps": STEPS, "every": EVERY, "batch": 32, "context": 64, "runs": runs}
    Path(sys.argv[1]).write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
