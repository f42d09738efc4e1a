"""The book itself: stock nbval passes on it, and a clean build in another folder is byte-identical with the one here."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys

import pytest
from press import config as project
from press.machines import profiles

from tests.conftest import ROOT
from tests.press import shop

pytestmark = pytest.mark.slow


def clone(to):
    """A copy without anything that was built; the history comes along, because a page names its commit."""
    shutil.copytree(
        ROOT,
        to,
        ignore=shutil.ignore_patterns(
            "_build",
            ".venv",
            "node_modules",
            "__pycache__",
            ".pytest_cache",
            ".mypy_cache",
            ".ruff_cache",
            ".hypothesis",
        ),
    )
    (to / "node_modules").symlink_to(ROOT / "node_modules")
    return to


@pytest.mark.timeout(3000)
def test_stock_nbval_passes_on_the_committed_expectations_as_on_an_older_processor(tmp_path):
    """What somebody does who knows only nbval, and whose processor has no AVX: the profile is first shown to be one."""
    book, older = project.load(ROOT), profiles.ALL["sse"]
    plain = project.kernel_env(book)
    env = {
        **os.environ,
        **{knob: "1" for knob in project.THREAD_KNOBS},
        "PYTHONPATH": str(ROOT / "code"),
        **older.env,
    }
    if platform.machine() == "x86_64":
        assert set(older.moves) & {"numpy", "aten", "onednn", "mkl"} - set(
            profiles.unmoved(
                older, profiles.facts(book, plain), profiles.facts(book, {**plain, **older.env})
            )
        )
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "--nbval",
            "tests/expected",
            "-q",
            "--nbval-cell-timeout=300",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=env,
    )
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    assert done.returncode == 0, (
        "\n".join(failed[:20])
        + "\n"
        + done.stdout[max(done.stdout.find("= FAILURES ="), 0) :][:6000]
    )  # what failed first made the rest fail


@pytest.mark.timeout(3000)
def test_a_clean_build_in_another_folder_is_byte_identical_with_the_site_that_stands_here(tmp_path):
    """Whatever was built, edited and built again here, page by page: the site is the one a fresh clone gets, for another user in another zone."""
    root = clone(tmp_path / "there" / "and" / "deeper")
    (tmp_path / "home").mkdir()
    abroad = {
        **os.environ,
        **profiles.ALL["abroad"].env,
        "HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(root / "code"),
    }
    for where, env in ((ROOT, os.environ), (root, abroad)):
        done = subprocess.run(
            [sys.executable, "-m", "press", "--root", str(where), "build"],
            cwd=where,
            capture_output=True,
            text=True,
            env=env,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert shop.digest(root / "_build" / "html") == shop.digest(ROOT / "_build" / "html")
    text = "".join(p.read_text() for p in (root / "_build" / "html").rglob("*.html"))
    assert str(tmp_path) not in text and str(ROOT) not in text
