"""A run on more text than its process may hold: the source and text files of what is installed.

    python -m tests.bench.large_corpus --json book/_assets/results/gpt-large-corpus.json
        [--limit 550] [--steps 450] [FOLDER ...]

The corpus are the different files in the folders, by default those of Python's library and of the
installed packages: of files with equal content one, and none that is not UTF-8. The system
refuses the process more than `--limit` MB of data memory (RLIMIT_DATA, which Linux enforces; a map
of a file is not counted in it, but is in the peak that the card holds). One process encodes the
text, measures the untrained model, opens the encoded tokens again as `resume` does, and trains.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import sysconfig
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from projects import gpt, token_files
from projects.corpora import streams
from projects.runner import devices, processes
from projects.runner.settings import choose
from projects.runner.training import Trainer

SUFFIXES = (
    ".py",
    ".pyi",
    ".pyx",
    ".pxd",
    ".h",
    ".hpp",
    ".c",
    ".cpp",
    ".cuh",
    ".rst",
    ".md",
    ".txt",
)
SETTINGS = {"merges": 512, "eval_windows": 512}
CPU = torch.device("cpu")


def different(folders: Iterable[Path]) -> list[Path]:
    """Source and text files of folders, those with equal content once; none empty, all UTF-8."""
    seen: set[bytes] = set()
    chosen = []
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix not in SUFFIXES or not path.is_file():
                continue
            raw = path.read_bytes()
            digest = hashlib.sha256(raw).digest()
            try:
                new = digest not in seen and bool(raw.decode().strip())
            except UnicodeDecodeError:
                continue
            if new:
                seen.add(digest)
                chosen.append(path)
    return chosen


def link(paths: Iterable[Path], folder: Path) -> None:
    """A folder of links to files, which a run takes as one document each."""
    folder.mkdir()
    for i, path in enumerate(paths):
        (folder / f"{i:06}.txt").symlink_to(path.resolve())


def record(corpus: Path, cache: Path, out: Path, steps: int) -> dict[str, Any]:
    """What is measured of one run on a corpus; the settings are those of the laptop preset."""
    given = {**SETTINGS, "corpus": corpus, "steps": steps, "eval_every": steps, "save_every": steps}
    pairs = [f"{key}={value}" for key, value in given.items()]
    settings = choose(gpt.Settings(), gpt.PRESETS, "laptop", pairs)
    started = time.perf_counter()
    task = gpt.build(settings)
    encoded = time.perf_counter()
    print(f"encoded in {encoded - started:.0f} s", flush=True)
    assert isinstance(task.train, token_files.Tokens)
    before = task.evaluate(task.model.eval(), CPU)
    begun = time.perf_counter()
    task = gpt.build(settings)
    opened = time.perf_counter()
    config = devices.choose("cpu")
    card = Trainer(task, "gpt", config, processes.Group(), out).run()
    assert card is not None
    tokens = [len(task.train), len(task.held_out)]
    return {
        **{key: card[key] for key in ("project", "device", "precision", "versions", "commit")},
        "settings": {**SETTINGS, "preset": "laptop", "steps": steps},
        "documents": len(streams.survey(str(corpus)).paths),
        "text_bytes": streams.size(str(corpus)),
        "vocabulary": len(task.tokenizer),
        "tokens": sum(tokens),
        "disk_bytes": sum(path.stat().st_size for path in cache.rglob("*.bin")),
        "digest": task.corpus_digest,
        "encode_s": round(encoded - started, 1),
        "open_s": round(opened - begun, 1),
        "train_s": card["wall_s"],
        "parameters": card["parameters"],
        "before": {key: round(value, 4) for key, value in before.items()},
        "after": {key: round(value, 4) for key, value in card["metrics"].items()},
        "peak_memory_mb": round(devices.peak_memory(CPU), 1),
    }


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.large_corpus", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--limit", type=int, default=550, help="MB of data memory")
    parser.add_argument("--steps", type=int, default=450)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(words)
    installed = [Path(sysconfig.get_paths()[name]) for name in ("stdlib", "purelib")]
    folders = asked.folders or installed
    for folder in folders:
        if not folder.is_dir():
            parser.error(f"there is no folder {folder}")
    limit = asked.limit * 1_000_000
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    with tempfile.TemporaryDirectory() as scratch:
        corpus, cache, out = (Path(scratch) / name for name in ("corpus", "cache", "run"))
        os.environ["GROUNDTRUTH_CACHE"] = str(cache)
        link(different(folders), corpus)
        result = {"limit_mb": asked.limit, **record(corpus, cache, out, asked.steps)}
    text = json.dumps(result, indent=1)
    print(text)
    if asked.json:
        asked.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
