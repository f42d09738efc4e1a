"""Record the assistants of book/capstones/agent.md: five kinds of runs, three seeds each.

    python -m tests.bench.chat [--folder runs] [--workers 2] [--seeds 3]

A GPT of the assistant's size is trained on the sonnets first. Then assistants are trained with
tools from random weights (card chat-laptop), without tools (chat-direct), with tools from the
weights of that GPT (chat-pretrained), without the embeddings of preceding tokens (chat-plain), and
with wrong calls learned (chat-mistakes), all with the preset `laptop`. A run that has finished is
not repeated, and one that was interrupted is resumed. `--only NAME` records some of the cards.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from projects import chat
from projects.runner import records
from projects.runner.settings import choose

ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}


def kinds(folder: Path) -> dict[str, tuple[str, ...]]:
    """What is changed in the preset, by the name of the card."""
    return {
        "laptop": (),
        "direct": ("tools=false",),
        "pretrained": (f"start={folder / 'chat-base'}",),
        "plain": ("before=0",),
        "mistakes": ("mistakes=true",),
    }


def base() -> tuple[str, ...]:
    """Settings of the GPT to start from: the sizes and the parts of the assistant."""
    sizes = choose(chat.Settings(), chat.PRESETS, "laptop").sizes()
    names = ("layers", "heads", "width", "norm", "tie", "bias", "positions")
    return tuple(f"{name}={getattr(sizes, name)}" for name in names)


def train(folder: Path, project: str, *changes: str) -> None:
    """One run, unless it has finished."""
    if (folder / "card.json").exists():
        return
    if list(folder.glob("checkpoint-*.pt")):
        words = ["resume", str(folder)]
    else:
        words = ["run", project, "--preset", "laptop", "--out", str(folder)]
        for change in changes:
            words += ["--set", change]
    command = [sys.executable, "-m", "projects", *words, "--device", "cpu"]
    done = subprocess.run(command, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{folder}: {done.stderr[-2000:]}")
    print(folder, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("runs"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", action="append", choices=kinds(Path()))
    options = parser.parse_args()
    chosen = options.only or list(kinds(Path()))
    runs = [
        (name, options.folder / f"chat-{name}-{seed}", (*changes, f"seed={seed}"))
        for seed in range(options.seeds)
        for name, changes in kinds(options.folder).items()
        if name in chosen
    ]
    with ThreadPoolExecutor(options.workers) as pool:
        start = options.folder / "chat-base"
        pretraining = pool.submit(train, start, "gpt", *base()) if "pretrained" in chosen else None

        def tune(name: str, folder: Path, changes: tuple[str, ...]) -> None:
            if name == "pretrained" and pretraining:
                pretraining.result()
            train(folder, "chat", *changes)

        for done in [pool.submit(tune, *run) for run in runs]:
            done.result()
    for name in chosen:
        cards = [records.read_result(folder) for other, folder, _ in runs if other == name]
        commits = {card["commit"] for card in cards}
        if len(commits) != 1:
            raise SystemExit(f"{name}: the runs are of several commits: {commits}")
        path = records.RESULTS / f"chat-{name}.json"
        path.write_text(json.dumps(records.summary(cards), indent=1) + "\n")
        print(path, flush=True)


if __name__ == "__main__":
    main()
