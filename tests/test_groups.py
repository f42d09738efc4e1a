"""Tests of one group run on one worker: what such a group shares is made once."""

from __future__ import annotations

import subprocess
import sys

GROUPED = """
import os, pytest

@pytest.mark.xdist_group("shared")
@pytest.mark.parametrize("number", range(6))
def test_member(number):
    print(os.environ["PYTEST_XDIST_WORKER"])
"""


def test_a_group_runs_on_one_worker(tmp_path):
    """pytest 9.2 renamed what pytest-xdist 3.8 writes to, and groups were scattered unnoticed."""
    (tmp_path / "test_group.py").write_text(GROUPED)
    command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", "-rP", "-q"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("\ngw") == 6
    assert len({line for line in done.stdout.splitlines() if line.startswith("gw")}) == 1
