"""Continuous integration runs every step, prints its time, and ends with the summary of pytest."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
import yaml
from press import patches
from press.execute import times

from tests.conftest import ROOT

DEPENDS = (".ci/run", ".github/**", "Makefile", "requirements*.txt")
# one has no make, one installs scanners and not the book
WITHOUT_MAKE = {"windows", "vulnerabilities"}
MAKE = """#!/bin/sh
echo "make $@" >> {log}
case "$1" in
  test) echo "1 passed in 2.00s"; echo "make: *** [Makefile:1: test] Error 1" >&2 ;;
esac
[ "$1" != "{failing}" ]
"""


def run_ci(folder, failing: str = "") -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """`.ci/run` beside commands that do nothing; the commands that `make` was called with."""
    log = folder / "log"
    commands = folder / "bin"
    commands.mkdir()
    for name, text in (
        ("make", MAKE.format(log=log, failing=failing)),
        ("chromium", "#!/bin/sh\n"),
        ("java", "#!/bin/sh\n"),
        ("fc-list", "#!/bin/sh\necho DejaVu\n"),
    ):
        (commands / name).write_text(text, encoding="utf-8")
        (commands / name).chmod(0o755)
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
    env = {**os.environ, "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", ".ci/run"], cwd=folder, env=env, capture_output=True, text=True, timeout=60
    )
    return done, sorted(log.read_text(encoding="utf-8").splitlines())


def test_every_step_runs_and_its_time_is_printed(tmp_path):
    done, commands = run_ci(tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line.split()[1] for line in commands] == ["book", "lint", "mutmut", "setup", "test"]
    for step in ("packages", "the book"):
        assert f"ci: {step} took" in done.stdout


def test_the_tests_of_ci_start_fresh(tmp_path):
    commands = run_ci(tmp_path)[1]
    assert any(command.split()[:3] == ["make", "test", "FRESH=1"] for command in commands)


@pytest.mark.parametrize("failing", ["test", "lint"])
def test_a_failure_ends_with_the_summary_of_pytest_and_with_one(tmp_path, failing):
    done, _ = run_ci(tmp_path, failing)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "1 passed in 2.00s"
    assert "Error 1" not in done.stderr


def test_a_book_that_does_not_build_ends_the_run(tmp_path):
    done, commands = run_ci(tmp_path, "book")
    assert done.returncode == 1
    assert "ci: the book failed" in done.stdout
    assert not any("make test" in command for command in commands)


def test_every_workflow_is_set_up_by_the_one_action():
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        text = path.read_text(encoding="utf-8")
        jobs = yaml.safe_load(text)["jobs"]
        own = {name for name, job in jobs.items() if "./.github/actions/setup" in str(job["steps"])}
        assert own == set(jobs) - WITHOUT_MAKE, path.name
        assert "torch==" not in text, path.name


def test_the_weekly_workflow_leaves_out_no_page():
    """What each commit does for some pages is done for all of them."""
    text = (ROOT / ".github" / "workflows" / "weekly.yml").read_text(encoding="utf-8")
    jobs = yaml.safe_load(text)["jobs"]
    profiles = [step.get("run", "") for step in jobs["configurations"]["steps"]]
    assert any(run.startswith(".venv/bin/python -m press profiles --markdown") for run in profiles)
    settings: dict[str, str] = {}
    for step in jobs["whole-book"]["steps"]:
        settings |= step.get("env", {})
    assert settings["REBUILD_SHARD"] == "1/1"
    assert int(settings["NBVAL_SECONDS"]) == times.STEPS_S[-1]


def test_the_job_of_the_newest_versions_tries_those_that_the_press_does_not_know():
    text = (ROOT / ".github" / "workflows" / "weekly.yml").read_text(encoding="utf-8")
    steps = yaml.safe_load(text)["jobs"]["newest-sphinx"]["steps"]
    names = [step.get("name", "") for step in steps]
    newest = steps[names.index("build with the newest versions")]
    assert newest["env"] == {patches.OVERRIDE: "1"}
    assert "env" not in steps[names.index("build with the pinned versions")]


def test_pytorch_is_pinned_once():
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert pins.count("torch==") == 1
