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

from tests import warm
from tests.conftest import ROOT

TIMEOUT_S = 2 * config.load(ROOT).cell_timeout_s  # workers of the tests share the cores
OPTIONS = ("-vv", f"--nbval-cell-timeout={TIMEOUT_S}", "-p", "no:cacheprovider", "-p", "no:xdist")


def main(notebooks: list[str]) -> int:
    """Run nbval over notebooks; the exit code is pytest's."""
    with tempfile.TemporaryDirectory() as folder, warm.kernels(Path(folder)) as env:
        command = [sys.executable, "-m", "pytest", "--nbval", *OPTIONS, *notebooks]
        return subprocess.run(command, env=env).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
