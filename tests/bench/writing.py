"""What a gpt run writes at three points of its training, and what its card about it holds.

    python -m projects run gpt --preset laptop --set save_every=50 --set keep=20 --out FOLDER
    python -m tests.bench.writing FOLDER --json book/_assets/results/gpt-writing.json

Written are, for each of three checkpoints and three temperatures, the beginning of one text and the
proportion of words that occur in the training text, over twenty texts. The last checkpoint is
measured twice on the held-out text, with windows that start without context, as in training, and
with the whole context before every character, and as the target of drafts from n-gram models.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from groundtruth.modern.ngrams import Ngrams
from projects import gpt
from projects.runner import checkpoints, records
from projects.runner.settings import choose
from torch import Tensor

STEPS = (50, 150, 450)
TEMPERATURES = (0.3, 0.8, 1.5)
PROMPT = "Shall I "
TEXTS = 20
LENGTH = 200
SHOWN = 60
DRAFTS = (1, 2, 3, 4)
CPU = torch.device("cpu")


def known_words(texts: list[str], training: str) -> float:
    """Proportion of the whole words of texts that occur in a training text.

    Examples
    --------
    >>> known_words(["the cat sa"], "a cat, the dog")  # the last word may be cut
    1.0
    """
    vocabulary = set(_words(training))
    words = [word for text in texts for word in _words(text)[:-1]]
    return sum(word in vocabulary for word in words) / len(words)


def _words(text: str) -> list[str]:
    return "".join(c if c.isalpha() or c == "'" else " " for c in text.lower()).split()


def written(task: gpt.Language, temperature: float) -> dict[str, Any]:
    """The beginning of one text, and the proportion of known words over many."""
    options = gpt.Sample(PROMPT, SHOWN - len(PROMPT), temperature)
    start = torch.tensor([task.tokenizer.encode(PROMPT)]).expand(TEXTS, -1)
    rng = torch.Generator().manual_seed(0)
    rows = task.model.generate(start, LENGTH, temperature, rng=rng)
    texts = [task.tokenizer.decode(row.tolist()) for row in rows]
    training = task.tokenizer.decode(task.train.tolist())
    return {
        "temperature": temperature,
        "known_words": round(known_words(texts, training), 3),
        "text": task.sample(task.model, options, CPU),
    }


@torch.no_grad()
def warm_loss(task: gpt.Language) -> float:
    """Mean loss of the held-out characters that have a whole context before them."""
    T = task.settings.context
    windows = task.held_out.unfold(0, T, 1)[:-1]  # (n - T, T)
    losses = [
        torch.nn.functional.cross_entropy(task.model(part)[:, -1], targets, reduction="none")
        for part, targets in zip(windows.split(256), task.held_out[T:].split(256), strict=True)
    ]
    return float(torch.cat(losses).mean())


@torch.no_grad()
def acceptance(task: gpt.Language, n: int) -> float:
    """Mean probability that the network accepts a token of an n-gram model: sum min(p, q)."""
    T = task.settings.context
    table = Ngrams(task.train.tolist(), n, len(task.tokenizer))
    rates: list[Tensor] = []
    for window in task.held_out.split(T):
        p = task.model(window[None])[0].softmax(-1).double()
        tokens = window.tolist()
        q = [table.probabilities(tokens[: t + 1]) for t in range(len(tokens))]
        rates.append(torch.minimum(p, torch.tensor(np.array(q))).sum(-1))
    return float(torch.cat(rates).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of the run, with its checkpoints")
    parser.add_argument("--json", type=Path, help="file for the results")
    asked = parser.parse_args()
    run = records.read_run(asked.folder)
    card = json.loads((asked.folder / "card.json").read_text(encoding="utf-8"))
    pairs = [f"{key}={value}" for key, value in run["settings"].items()]
    task = gpt.build(choose(gpt.Settings(), {run["preset"]: {}}, run["preset"], pairs))
    losses = dict(card["curve"])
    points = []
    for step in STEPS:
        state = checkpoints.load(asked.folder / f"checkpoint-{step:08d}.pt", "gpt")
        task.model.load_state_dict(state["model"])
        task.model.eval()
        texts = [written(task, temperature) for temperature in TEMPERATURES]
        points.append({"step": step, "val_loss": losses[step], "texts": texts})
        for text in texts:
            print(step, text["temperature"], text["known_words"], repr(text["text"]), flush=True)
    facts = {
        key: card[key] for key in ("project", "preset", "seed", "device", "versions", "commit")
    }
    facts |= {"settings": run["settings"], "prompt": PROMPT, "points": points}
    facts["val_loss"] = round(task.mean_loss(task.model, task.held_out, CPU), 4)
    facts["warm_loss"] = round(warm_loss(task), 4)
    facts["acceptance"] = {str(n): round(acceptance(task, n), 3) for n in DRAFTS}
    print({key: facts[key] for key in ("val_loss", "warm_loss", "acceptance")})
    if asked.json:
        asked.json.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
