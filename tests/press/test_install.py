"""Setup shows progress, asks only for what is missing, and shows the output of pip if pip fails."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest
from press.supply import install

DOWNLOADING = "  Downloading torch-2.13.0-cp311-none-linux_x86_64.whl (183.1 MB)\n"


def displayed(counts: list[int], terminal: bool, lines: tuple[str, ...] = ()) -> str:
    texts: list[str] = []
    display = install.Display(40, texts.append, terminal)
    for line in lines:
        display.line(line)
    for count in counts:
        display.count(count)
    display.end()
    return "".join(texts)


def test_only_exact_pins_are_read():
    text = "# comment==1\na-b==1.0\nc==2.0 # why\nd>=3\n"
    assert install.pins(text) == {"a-b": "1.0", "c": "2.0"}


def test_what_is_installed_in_the_pinned_version_is_not_missing():
    version = metadata.version("click")
    assert install.missing({"click": version}) == []


@pytest.mark.parametrize(("name", "version"), [("click", "0.1"), ("no-such-package", "1.0")])
def test_another_version_and_an_absent_package_are_missing(name, version):
    assert install.missing({name: version}) == [name]


def test_a_log_gets_a_line_at_each_tenth_and_no_other():
    shown = displayed(list(range(41)), terminal=False)
    assert len(shown.splitlines()) == 10
    assert shown.endswith("setup: 40 of 40 packages installed\n")
    assert "\r" not in shown


def test_a_log_names_large_downloads():
    assert "setup: downloading torch (183.1 MB)\n" in displayed([], False, (DOWNLOADING,))


def test_a_log_is_silent_about_small_downloads():
    assert displayed([], False, (DOWNLOADING.replace("183.1 MB", "12 kB"),)) == ""


def test_a_terminal_gets_one_line_that_is_rewritten_and_cleared():
    shown = displayed([0, 20, 40], True, (DOWNLOADING,))
    assert "\n" not in shown
    assert "downloading torch (183.1 MB)" in shown
    assert "20 of 40 packages installed" in shown
    assert shown.endswith("\r")


def test_no_line_on_a_terminal_is_wider_than_it():
    shown = displayed([0], True, (DOWNLOADING.replace("torch", "t" * 100),))
    assert max(len(line) for line in shown.split("\r")) <= 79


def test_nothing_is_asked_for_when_nothing_is_missing(tmp_path, monkeypatch, capsys):
    pins = tmp_path / "requirements.txt"
    pins.write_text(f"click=={metadata.version('click')}\n")
    monkeypatch.setattr(install, "run_pip", lambda *_: pytest.fail("pip was run"))
    assert install.main([str(pins)]) == 0
    assert "1 packages are installed in the pinned versions" in capsys.readouterr().out


def test_pip_s_own_words_are_shown_when_it_fails(tmp_path):
    pins = tmp_path / "requirements.txt"
    pins.write_text("no-such-package-of-ground-truth==1.0\n")
    command = [sys.executable, install.__file__, str(pins)]
    environment = {"PATH": "/usr/bin:/bin", "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    assert "No matching distribution" in done.stderr
    assert "Traceback" not in done.stderr
