"""nanoGPT's character recipe and a shorter schedule in turn, on a text of yours.

Prints seconds and held-out loss.

    python -m tests.bench.recipe TEXT [--seeds 3] [--json FILE] [--try]

Each run is `python -m projects run gpt`, in a folder of its own; what is written to FILE is read
from the runs' cards. `book/_assets/results/gpt-recipe.json` was recorded by an earlier version of
this script, which saved neither the evaluations by step nor the hash of the text; a line on the
text was added by hand. `--try` takes a hundredth of the steps and a small model: it shows that the
race runs, not who wins.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

COMMON: dict[str, Any] = {
    "merges": 0,
    "layers": 6,
    "heads": 6,
    "width": 384,
    "context": 256,
    "warmup_steps": 100,
    "weight_decay": 0.1,
    "dropout": 0.2,
    "bias": False,
    "eval_windows": 400,
}
RUNS: dict[str, tuple[dict[str, Any], bool]] = {  # settings, and whether the model is compiled
    "nanoGPT's recipe": (
        {
            **COMMON,
            "batch_size": 64,
            "steps": 5000,
            "learning_rate": 1e-3,
            "final_rate": 0.1,
            "norm": "layer",
            "positions": "learned",
            "eval_every": 250,
        },
        True,
    ),
    "shorter": (
        {
            **COMMON,
            "batch_size": 128,
            "steps": 670,
            "learning_rate": 2e-3,
            "final_rate": 0.02,
            "norm": "rms",
            "positions": "rope",
            "eval_every": 670,
        },
        False,
    ),
}
SMALL = {
    "layers": 1,
    "heads": 2,
    "width": 32,
    "context": 32,
    "batch_size": 8,
    "eval_windows": 8,
    "warmup_steps": 5,
}


def train(
    text: Path, settings: dict[str, Any], compiled: bool, seed: int, folder: Path
) -> dict[str, Any]:
    """One run from the command line: its card, and the numbers of every evaluation."""
    sets = {**settings, "corpus": text, "seed": seed, "save_every": settings["steps"]}
    command = [
        sys.executable,
        "-m",
        "projects",
        "run",
        "gpt",
        "--preset",
        "gpu",
        "--out",
        str(folder),
        "--compile" if compiled else "--no-compile",
    ]
    command += [
        word
        for key, value in sets.items()
        for word in ("--set", f"{key}={str(value).lower() if isinstance(value, bool) else value}")
    ]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "code")}
    done = subprocess.run(
        command, env=env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    if done.returncode:
        sys.exit(
            f"recipe: {' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}"
        )
    lines = [
        json.loads(line)
        for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    card: dict[str, Any] = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    return {
        **card,
        "evaluations": [
            [line["step"], round(line["val_loss"], 4)] for line in lines if "val_loss" in line
        ],
    }


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.recipe",
        description="nanoGPT's character recipe beside a shorter schedule, on a text of yours",
    )
    parser.add_argument("text", type=Path, help="a text file; its last tenth is held out")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--try",
        dest="try_",
        action="store_true",
        help="few steps of a small model: only to see that it runs",
    )
    asked = parser.parse_args(words)
    if not asked.text.is_file():
        parser.error(f"there is no file {asked.text}")
    text = asked.text.resolve()
    result: dict[str, Any] = {
        "characters": len(text.read_text(encoding="utf-8")),
        "sha256": hashlib.sha256(text.read_bytes()).hexdigest(),
        "runs": {},
    }
    for seed in range(asked.seeds):
        for name, (settings, compiled) in RUNS.items():  # in turn, so that a slow minute hits both
            if asked.try_:
                fewer = settings["steps"] // 100
                settings = {**settings, **SMALL, "steps": fewer, "eval_every": fewer}
                compiled = False
            with tempfile.TemporaryDirectory() as folder:
                card = train(text, settings, compiled, seed, Path(folder) / "run")
            row = result["runs"].setdefault(
                name,
                {
                    "settings": settings,
                    "compiled": card["compiled"],
                    "parameters": card["parameters"],
                    "seeds": [],
                    "wall_s": [],
                    "best_val_loss": [],
                    "val_loss": [],
                    "evaluations": [],
                },
            )
            result |= {
                key: card[key] for key in ("device", "precision", "torch", "commit") if key in card
            }
            for key, value in (
                ("seeds", seed),
                ("wall_s", round(card["wall_s"], 2)),
                ("best_val_loss", round(card["best_val_loss"], 4)),
                ("val_loss", round(card["metrics"]["val_loss"], 4)),
                ("evaluations", card["evaluations"]),
            ):
                row[key].append(value)
            print(
                f"seed {seed}  {name:17s}{row['wall_s'][-1]:8.1f} s   held-out loss: "
                f"lowest {row['best_val_loss'][-1]:.4f}, last {row['val_loss'][-1]:.4f}",
                flush=True,
            )
            if (
                asked.json
            ):  # after every run: a machine may be lent for less time than all of them take
                asked.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    recipe, shorter = result["runs"].values()
    quotient = max(shorter["wall_s"]) / min(recipe["wall_s"])
    short_loss = sum(shorter["best_val_loss"]) / asked.seeds
    recipe_loss = sum(recipe["best_val_loss"]) / asked.seeds
    print(f"seconds of the shorter over the recipe's fewest: {quotient:.2f};")
    print(f"mean lowest loss: {short_loss:.4f} beside {recipe_loss:.4f}")


if __name__ == "__main__":
    main()
