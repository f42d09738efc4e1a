"""A build under bad circumstances ends as a build under good ones.

Busy cores, another year, little memory a process.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.press import sample_book

pytestmark = pytest.mark.slow

NEXT_YEAR = """
import datetime, time
_year, _time, _gmtime, _localtime = 366 * 86400, time.time, time.gmtime, time.localtime
time.time = lambda: _time() + _year
time.time_ns = lambda: int((_time() + _year) * 1e9)
time.gmtime = lambda s=None: _gmtime(_time() + _year if s is None else s)
time.localtime = lambda s=None: _localtime(_time() + _year if s is None else s)
"""


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The digest of a site that was built in peace, and the making of the same book elsewhere."""
    folder = tmp_path_factory.mktemp("load")
    sample_book.accepted(sample_book.make(folder / "good"))
    assert sample_book.press(folder / "good", "build").returncode == 0

    def again(name: str):
        root = sample_book.make(folder / name)
        for path in (folder / "good" / "tests").rglob("*"):
            if path.is_file():
                sample_book.write(root / path.relative_to(folder / "good"), path.read_text())
        return root

    return sample_book.digest(folder / "good" / "_build" / "html"), again


def test_while_every_core_is_kept_busy(good):
    digest, again = good
    spin = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(2 * (os.cpu_count() or 1))
    ]
    try:
        root = again("busy")
        done = sample_book.press(root, "build")
    finally:
        for process in spin:
            process.kill()
            process.wait()
    assert done.returncode == 0, done.stderr
    assert sample_book.digest(root / "_build" / "html") == digest


def test_a_year_later(good, tmp_path):
    digest, again = good
    root = again("later")
    sample_book.write(tmp_path / "sitecustomize.py", NEXT_YEAR)
    env = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT / 'code'}"}
    year = subprocess.run(
        [sys.executable, "-c", "import time; print(time.gmtime().tm_year)"],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
    ).stdout
    here = subprocess.run(
        [sys.executable, "-c", "import time; print(time.gmtime().tm_year)"],
        capture_output=True,
        text=True,
    ).stdout
    assert int(year) in (int(here) + 1, int(here) + 2), "the clock is set forward"
    done = sample_book.press(root, "build", env=env)
    assert done.returncode == 0, done.stderr
    assert sample_book.digest(root / "_build" / "html") == digest


@pytest.mark.skipif("sys.platform != 'linux'", reason="other systems do not keep this limit")
def test_with_two_gigabytes_a_process(good):
    digest, again = good
    root = again("small")
    done = sample_book.press(
        root,
        "build",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (2 << 30, 2 << 30)),
    )
    assert done.returncode == 0, done.stderr
    assert sample_book.digest(root / "_build" / "html") == digest
