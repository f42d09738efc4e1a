"""The press against the stock way in one run: `make bench`. Prints ratios; asserts nothing.

The stock way is what a book without a press would do: `jupyter-book build` with execution forced,
then `pytest --nbval` over the expectations, which executes everything once more.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import yaml
from press.config import node_folder

from tests.conftest import ROOT
from tests.press import sample_book

LEFT_OUT = shutil.ignore_patterns(
    "_build",
    ".venv",
    ".git",
    "node_modules",
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
)


def copy(to: Path) -> Path:
    shutil.copytree(ROOT, to, ignore=LEFT_OUT)
    (to / "node_modules").symlink_to(ROOT / "node_modules")
    return to


def memory(process: psutil.Process) -> int:
    """Bytes that a process adds to the memory in use: pages that forks share count once in all."""
    if not hasattr(psutil.Process, "memory_maps"):
        return process.memory_info().rss
    return getattr(process.memory_full_info(), "pss", process.memory_info().rss)


def wall(command: list[str], cwd: Path, **env: str) -> tuple[float, float]:
    """Seconds and peak megabytes of a command with its children; shows its output if it fails."""
    start = time.monotonic()
    peak = 0.0
    stop = threading.Event()
    log = tempfile.TemporaryFile(
        mode="w+"
    )  # not a pipe: a child that stays behind would hold it open
    process = subprocess.Popen(
        command, cwd=cwd, env={**os.environ, **env}, stdout=log, stderr=subprocess.STDOUT, text=True
    )

    def watch() -> None:
        nonlocal peak
        while not stop.is_set():
            try:
                root = psutil.Process(process.pid)
                total = sum(memory(p) for p in [root, *root.children(recursive=True)])
                peak = max(peak, total / 1e6)
            except psutil.Error:
                pass
            stop.wait(0.1)

    thread = threading.Thread(target=watch)
    thread.start()
    process.wait()
    stop.set()
    thread.join()
    log.seek(0)
    out = log.read()
    if process.returncode:
        raise SystemExit(f"bench: {' '.join(command)} failed:\n{out[-3000:]}")
    return time.monotonic() - start, peak


def press(root: Path, *args: str) -> tuple[float, float]:
    return wall(
        [sys.executable, "-m", "press", "--root", str(root), *(args or ("build",))],
        root,
        PYTHONPATH=str(root / "code" if (root / "code" / "press").is_dir() else ROOT / "code"),
    )


def against_stock(folder: Path) -> None:
    book = copy(folder / "book")
    config = yaml.safe_load((book / "_config.yml").read_text())
    config["execute"]["execute_notebooks"] = "force"
    config["sphinx"]["config"]["external_toc_path"] = str(book / "_toc.yml")
    (book / "_stock.yml").write_text(yaml.safe_dump(config, sort_keys=False))
    path = {"PYTHONPATH": str(book / "code")}
    node = node_folder() or ""
    build_s, _ = wall(
        [
            str(Path(sys.executable).parent / "jupyter-book"),
            "build",
            "book",
            "--config",
            "_stock.yml",
            "--toc",
            str(book / "_toc.yml"),
            "--path-output",
            str(folder / "stock"),
        ],
        book,
        PATH=node + os.pathsep + os.environ["PATH"],
        **path,
    )
    nbval_s, _ = wall(
        [sys.executable, "-m", "pytest", "--nbval", "tests/expected", "-q"], book, **path
    )
    cold_s, peak = press(book)
    print(f"stock way: build {build_s:.1f} s + nbval {nbval_s:.1f} s = {build_s + nbval_s:.1f} s")
    print(f"press, cold: {cold_s:.1f} s   ratio {cold_s / (build_s + nbval_s):.2f} (at most 0.25)")
    print(f"peak memory with two workers: {peak:.0f} MB (below 2000)")
    edited_expectations(book)
    nothing_s, _ = press(book)
    print(f"nothing to do: {nothing_s:.2f} s (at most 2)")
    page = book / "book" / "data" / "model.md"
    page.write_text(
        page.read_text().replace("A shop wants to predict", "A small shop wants to predict")
    )
    sentence_s, _ = press(book)
    print(f"one edited sentence: {sentence_s:.2f} s (at most 3)")
    page.write_text(
        page.read_text().replace("n, steps = x.size, 200", "n, steps = x.size, 100 + 100")
    )
    press_check = subprocess.run(
        [sys.executable, "-m", "press", "--root", str(book), "check"],
        cwd=book,
        capture_output=True,
        text=True,
        env={**os.environ, **path},
    )
    assert press_check.returncode == 1, "the changed cell must be noticed"
    press(book, "accept", "data/model")
    page.write_text(page.read_text().replace("100 + 100", "150 + 50"))
    expectation = book / "tests" / "expected" / "data" / "model.ipynb"
    expectation.write_text(expectation.read_text().replace("100 + 100", "150 + 50"))
    cell_s, _ = press(book)
    from press import config as project
    from press.execute import records
    from press.store import Store

    record = records.load(Store.of(project.load(book)), "data/model")
    assert record is not None
    run_s = record.seconds
    print(
        f"one edited cell: {cell_s:.2f} s, of which its page ran {run_s:.2f} s: "
        f"{cell_s - run_s:.2f} s above (at most 3)"
    )


def edited_expectations(book: Path, count: int = 30) -> None:
    """`check` after edits of expectations alone: they are compared with the recorded runs."""
    paths = sorted((book / "tests" / "expected").rglob("*.ipynb"))[:count]
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    for path, text in texts.items():
        path.write_text(text + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "press", "--root", str(book), "check", "--json"]
    env = {**os.environ, "PYTHONPATH": str(book / "code")}
    start = time.monotonic()
    done = subprocess.run(command, cwd=book, capture_output=True, text=True, env=env)
    seconds = time.monotonic() - start
    report = json.loads(done.stdout)
    print(
        f"check after {len(paths)} edited expectations: {seconds:.1f} s, "
        f"{len(report['executed'])} chapters executed, {len(report['findings'])} findings"
    )
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")


def generated(folder: Path, sizes: tuple[int, ...]) -> None:
    costs = []
    for size in sizes:
        pages = {"index": sample_book.chapter("Home", "print('home')")}
        for i in range(size - 1):
            pages[f"part{i % 8}/page{i}"] = sample_book.chapter(
                f"Page {i}",
                f"x = {i}\nprint(x)",
                "print(sum(range(1000)))",
                "[n**2 for n in range(5)]",
            )
        root = sample_book.accepted(sample_book.make(folder / f"generated{size}", pages))
        shutil.rmtree(root / "_build")
        seconds, peak = press(root)
        costs.append(seconds / size)
        again, _ = press(root)
        print(
            f"{size:4d} chapters: {seconds:6.1f} s, {1000 * seconds / size:5.0f} ms per chapter, "
            f"nothing to do {again:.2f} s, peak {peak:.0f} MB"
        )
    print(f"cost of a chapter, largest book over smallest: {costs[-1] / costs[0]:.2f}")


def main() -> None:
    sys.stdout.reconfigure(line_buffering=True)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10,40,160", help="chapters of the generated books")
    parser.add_argument("--only", choices=("stock", "generated"))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if chosen.only != "generated":
            against_stock(folder)
        if chosen.only != "stock":
            generated(folder, tuple(int(n) for n in chosen.sizes.split(",")))


if __name__ == "__main__":
    main()
