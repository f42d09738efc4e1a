"""Tests of one group run on one worker: what such a group shares is made once."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

MARKED = """
import os, pytest

@pytest.mark.xdist_group("shared")
@pytest.mark.parametrize("number", range(6))
def test_member(number):
    print(os.environ["PYTEST_XDIST_WORKER"])
"""
SHARING = """
import os, pytest

@pytest.fixture(scope="module")
def book():
    return []

@pytest.mark.parametrize("number", range(6))
def test_member(number, book):
    print(os.environ["PYTEST_XDIST_WORKER"])
"""


@pytest.mark.parametrize("source", [MARKED, SHARING], ids=["a mark", "a fixture of the module"])
def test_a_group_runs_on_one_worker(source, tmp_path):
    """pytest 9.2 renamed what pytest-xdist 3.8 writes to, and groups were scattered unnoticed."""
    (tmp_path / "test_group.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest"]
    command += ["-n", "2", "--dist", "loadgroup", "-rP", "-q"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "code"), str(ROOT)))}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\ngw") == 6
    assert len({line for line in done.stdout.splitlines() if line.startswith("gw")}) == 1
