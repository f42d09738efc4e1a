"""Seconds that each further page costs the build and the tests: `python -m tests.bench.pages 10`.

In a copy of the book N generated pages are added, then N more. What the second N cost beyond the
first is the cost of N pages, without what every change costs once (the sidebar of all pages).
The copy brings what was built here: run `make book` first.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import yaml
from press import config as project

from tests.conftest import ROOT
from tests.press.sample_book import HEAD, cell

LEFT_OUT = (".git", ".venv", "node_modules", "__pycache__", "*_cache", ".hypothesis")
PART = "generated"
SECTIONS = 8
PARAGRAPH = (
    "Section {section} of page {page} draws {draws} numbers and prints their mean, which comes "
    "closer to zero as more of them are drawn, because its standard deviation is $1/\\sqrt{{n}}$."
)
DRAW = """
import numpy as np
import matplotlib.pyplot as plt

rng = np.random.default_rng({seed})
sample = rng.normal(size={draws})
print(f"mean {{sample.mean():.2f}}, standard deviation {{sample.std():.2f}}")
"""
FIGURE = """
figure, axes = plt.subplots(figsize=(6, 3))
axes.plot(np.cumsum(sample) / np.arange(1, sample.size + 1))
axes.set(xlabel="numbers drawn", ylabel="mean so far")
plt.show()
"""


def page(number: int) -> str:
    """A page of eight sections with two cells each: text, a formula, a printed line, a figure."""
    parts = [f"{HEAD}# Generated page {number}\n"]
    for section in range(SECTIONS):
        draws = 1000 + 100 * number + section
        text = PARAGRAPH.format(section=section, page=number, draws=draws)
        draw = DRAW.format(seed=100 * number + section, draws=draws)
        parts.append(f"## Section {section}\n\n{text}\n\n{cell(draw.strip())}")
        parts.append(f"The figure shows how the mean settles.\n\n{cell(FIGURE.strip())}")
    return "\n".join(parts)


def copy_built(to: Path) -> Path:
    """A copy of the project with what was built, and with no audits: generated text repeats."""
    shutil.copytree(ROOT, to, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
    for name in (".venv", "node_modules"):
        (to / name).symlink_to((ROOT / name).resolve())
    settings = (to / "pyproject.toml").read_text(encoding="utf-8")
    without = settings.replace("[tool.press]", "[tool.press]\naudits = []")
    (to / "pyproject.toml").write_text(without, encoding="utf-8")
    return to


def add_pages(root: Path, numbers: range) -> list[str]:
    """Write pages and name them in the contents; returns their names."""
    contents = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    parts = [part for part in contents["parts"] if part["caption"] != PART]
    names = [f"{PART}/page{number}" for number in range(numbers.stop)]
    parts.append({"caption": PART, "chapters": [{"file": name} for name in names]})
    contents["parts"] = parts
    text = yaml.safe_dump(contents, sort_keys=False)
    (root / "_toc.yml").write_text(text, encoding="utf-8")
    (root / "book" / PART).mkdir(exist_ok=True)
    for number in numbers:
        path = root / "book" / PART / f"page{number}.md"
        path.write_text(page(number), encoding="utf-8")
    return names[numbers.start :]


def seconds(root: Path, *command: str, accepted: tuple[int, ...] = (0,)) -> float:
    """Wall time of a Python command in the copy; its output is shown if it fails."""
    threads = dict.fromkeys(project.THREAD_KNOBS, "1")
    env = {**os.environ, **threads, "PYTHONPATH": str(root / "code")}
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=root, env=env, capture_output=True, text=True
    )
    if done.returncode not in accepted:
        raise SystemExit(f"bench: {' '.join(command)} failed:\n{done.stdout[-3000:]}{done.stderr}")
    return time.monotonic() - start


def measure(root: Path, numbers: range) -> dict[str, float]:
    """Seconds of each step for the pages `numbers`, which are added to the copy first."""
    names = add_pages(root, numbers)
    spent = {"execute": seconds(root, "press", "check", accepted=(0, 1))}
    for name in names:
        seconds(root, "press", "accept", name)
    spent["render"] = seconds(root, "press", "build")
    chosen = " or ".join(names)
    pytest = ("pytest", "-n", "2", "--dist", "loadgroup", "-p", "no:cacheprovider", "-k", chosen)
    spent["nbval"] = seconds(root, *pytest, "tests/test_nbval.py")
    spent["site tests"] = seconds(root, *pytest, "tests/site")
    spent["other tests"] = seconds(root, *pytest, "tests/test_jupyter.py", "tests/press")
    return spent


def report(first: dict[str, float], second: dict[str, float], count: int) -> str:
    """A line for each step: seconds for the first and second N pages, and for each further page."""
    lines = [f"{'step':12s} {'first':>8s} {'second':>8s}   of {count} pages"]
    lines += [f"{name:12s} {first[name]:8.1f} {second[name]:8.1f}" for name in first]
    both = sum(second.values()) / count
    lines.append(f"the second {count} pages took {both:.1f} s each, with what each run costs once")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=textwrap.dedent(__doc__))
    parser.add_argument("count", type=int, nargs="?", default=10, help="pages to add, twice")
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory() as folder:
        root = copy_built(Path(folder) / "book")
        first = measure(root, range(count))
        second = measure(root, range(count, 2 * count))
    print(report(first, second, count))


if __name__ == "__main__":
    main()
