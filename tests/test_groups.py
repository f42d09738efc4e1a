"""Tests of one group run on one worker: what such a group shares is made once."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tests.conftest import ROOT, scheduler

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


class Worker:
    """What the scheduler asks of a worker, which runs nothing."""

    shutting_down = False
    gateway = SimpleNamespace(id="gw0")

    def __init__(self) -> None:
        self.given: list[int] = []

    def send_runtest_some(self, numbers: list[int]) -> None:
        self.given += numbers

    def shutdown(self) -> None:
        self.shutting_down = True


def test_the_scheduler_gives_every_test_once_and_forgets_what_is_done():
    """The one of xdist goes through all that was ever given, after each test."""
    config = SimpleNamespace(
        getvalue=lambda name: ["popen"],
        option=SimpleNamespace(loadscopereorder=False),
    )
    plan = scheduler(config)
    worker = Worker()
    names = [f"test_a.py::test_{number}" for number in range(9)]
    names[3:6] = [f"{name}@group" for name in names[3:6]]
    plan.add_node(worker)
    plan.add_node_collection(worker, names)
    plan.schedule()
    units = []
    for done in range(len(names)):
        plan.mark_test_complete(worker, worker.given[done])
        units.append(len(plan.assigned_work[worker]))
    assert worker.given == list(range(9))
    assert max(units) <= 3
    assert units[-1] == 0
    assert plan.tests_finished
    assert worker.shutting_down
