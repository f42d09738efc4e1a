"""Stock nbval with kernels that are forked: `python -m tests.nbval_warm NOTEBOOK...`.

nbval collects, executes and compares as it always does. Only the start of its kernels is ours: they
fork from a process that has imported what the pages import, which costs seconds for each notebook.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from press import config
from press.source import chapter

from tests import warm
from tests.conftest import ROOT

OPTIONS = ("-vv", "-p", "no:cacheprovider", "-p", "no:xdist")


def time_limit(notebooks: list[str]) -> int:
    """Seconds for a cell: nbval has one limit for all pages, and workers share the cores."""
    project = config.load(ROOT)
    limits_s = [project.cell_timeout_s]
    for notebook in notebooks:
        slug = notebook.removeprefix("tests/expected/").removesuffix(".ipynb")
        page = chapter.read(slug, project.page(slug))
        limits_s.append(page.time_limit(project.cell_timeout_s))
    return 2 * max(limits_s)


def main(notebooks: list[str]) -> int:
    """Run nbval over notebooks; the exit code is pytest's."""
    with tempfile.TemporaryDirectory() as folder, warm.kernels(Path(folder)) as env:
        limit = f"--nbval-cell-timeout={time_limit(notebooks)}"
        command = [sys.executable, "-m", "pytest", "--nbval", limit, *OPTIONS, *notebooks]
        return subprocess.run(command, env=env).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
