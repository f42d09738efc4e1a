"""The book itself: stock nbval passes on it, and a clean build in another folder is byte-identical with the one here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from press.project import THREAD_KNOBS

from tests.conftest import ROOT
from tests.press import shop

pytestmark = pytest.mark.slow


def clone(to):
    """A copy without anything that was built; the history comes along, because a page names its commit."""
    shutil.copytree(ROOT, to, ignore=shutil.ignore_patterns("_build", ".venv", "node_modules", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"))
    (to / "node_modules").symlink_to(ROOT / "node_modules")
    return to


def test_stock_nbval_passes_on_the_committed_expectations():
    """What somebody does who knows only nbval. One thread, because other tests run beside it on the same cores."""
    done = subprocess.run([sys.executable, "-m", "pytest", "--nbval", "tests/expected", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"], cwd=ROOT, capture_output=True, text=True,
                          env={**os.environ, **{knob: "1" for knob in THREAD_KNOBS}, "PYTHONPATH": str(ROOT / "code")})
    assert done.returncode == 0, done.stdout[-3000:]


def test_a_clean_build_in_another_folder_is_byte_identical_with_the_site_that_stands_here(tmp_path):
    """Whatever was built, edited and built again here, page by page: the site is the one a fresh clone gets."""
    root = clone(tmp_path / "there" / "and" / "deeper")
    for where, env in ((ROOT, os.environ), (root, {**os.environ, "PYTHONPATH": str(root / "code")})):
        done = subprocess.run([sys.executable, "-m", "press", "--root", str(where), "build"], cwd=where, capture_output=True, text=True, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
    assert shop.digest(root / "_build" / "html") == shop.digest(ROOT / "_build" / "html")
    text = "".join(p.read_text() for p in (root / "_build" / "html").rglob("*.html"))
    assert str(tmp_path) not in text and str(ROOT) not in text
