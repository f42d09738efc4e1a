"""The book itself: stock nbval passes on it, and two clean builds in two folders are byte-identical."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.press import shop

pytestmark = pytest.mark.slow


def clone(to):
    """A copy without anything that was built; the history comes along, because a page names its commit."""
    shutil.copytree(ROOT, to, ignore=shutil.ignore_patterns("_build", ".venv", "node_modules", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"))
    (to / "node_modules").symlink_to(ROOT / "node_modules")
    return to


def test_stock_nbval_passes_on_the_committed_expectations():
    done = subprocess.run([sys.executable, "-m", "pytest", "--nbval", "tests/expected", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"], cwd=ROOT, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT / "code")})
    assert done.returncode == 0, done.stdout[-3000:]


def test_two_clean_builds_of_the_book_are_byte_identical(tmp_path):
    digests = []
    for name in ("here", "there/and/deeper"):
        root = clone(tmp_path / name)
        done = subprocess.run([sys.executable, "-m", "press", "--root", str(root), "build"], cwd=root, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(root / "code")})
        assert done.returncode == 0, done.stdout + done.stderr
        digests.append(shop.digest(root / "_build" / "html"))
    assert digests[0] == digests[1]
    text = "".join(p.read_text() for p in (root / "_build" / "html").rglob("*.html"))
    assert str(tmp_path) not in text and str(ROOT) not in text
