"""A clean build of the book elsewhere is byte-identical with the site that is built here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from press.machines import profiles

from tests.conftest import ROOT
from tests.press import sample_book

# not the history: which commit a page names is the same on both sides
DEPENDS = (
    "book/**",
    "code/**",
    "tests/expected/**",
    "_config.yml",
    "_toc.yml",
    "dependencies.yml",
    "jupytext.toml",
    "CITATION.cff",
    "LICENSE",
    "README.md",
    "_build/html/**",
)
pytestmark = pytest.mark.slow


def clone(to):
    """A copy of all but what is built; with the history, because a page names its commit."""
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
def test_a_clean_build_elsewhere_is_byte_identical_with_the_site_that_is_here(tmp_path):
    """A fresh clone gives the site that was built, edited and built again here, page by page.

    It belongs to another user, in another time zone.
    """
    root = clone(tmp_path / "there" / "and" / "deeper")
    (tmp_path / "home").mkdir()
    elsewhere = {
        **os.environ,
        **profiles.ALL["abroad"].env,
        "HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(root / "code"),
    }
    for folder, env in ((ROOT, os.environ), (root, elsewhere)):
        command = [sys.executable, "-m", "press", "--root", str(folder), "build"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
    assert sample_book.digest(root / "_build" / "html") == sample_book.digest(
        ROOT / "_build" / "html"
    )
    text = "".join(path.read_text() for path in (root / "_build" / "html").rglob("*.html"))
    assert str(tmp_path) not in text
    assert str(ROOT) not in text
