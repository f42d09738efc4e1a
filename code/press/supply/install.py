"""Installs the pinned packages and shows progress: `make setup` runs this file before all else.

On a terminal one line counts the packages; in a log a line is printed at each tenth. The output of
pip is shown only if pip fails. If the pinned versions are installed already, pip is not started.
It imports the standard library only. Read with no page: it belongs to `make setup`.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;#]+)", re.MULTILINE)
DOWNLOAD = re.compile(r"^\s*Downloading (\S+?)-[^-\s]+\S* \(([\d.]+ [kMG]?B)\)")
PIP = (sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-compile")
POLL_S = 0.5


def pins(requirements: str) -> dict[str, str]:
    """The exact pins of a requirements file: versions by name."""
    return {name: version for name, version in PIN.findall(requirements)}


def missing(wanted: dict[str, str]) -> list[str]:
    """Names not installed in the pinned version; a local build such as `+cpu` counts as it."""
    absent = []
    for name, version in wanted.items():
        try:
            installed = metadata.version(name).split("+")[0]
        except metadata.PackageNotFoundError:
            installed = ""
        if installed != version:
            absent.append(name)
    return absent


class Display:
    """Progress of an installation: one line, rewritten, on a terminal; ten lines in a log."""

    def __init__(self, total: int, write: Callable[[str], object], terminal: bool) -> None:
        self.total = total
        self.write = write
        self.terminal = terminal
        self.downloading = ""
        self.tenth = 0

    def line(self, text: str) -> None:
        """Take note of one line of pip's output."""
        if download := DOWNLOAD.match(text):
            self.downloading = f"downloading {download[1]} ({download[2]})"
            if not self.terminal and download[2].endswith(("MB", "GB")):
                self.write(f"setup: {self.downloading}\n")

    def count(self, installed: int) -> None:
        """Show that so many of the packages are installed."""
        installed = min(installed, self.total)
        text = f"setup: {installed} of {self.total} packages installed"
        tenth = 10 * installed // self.total
        if self.terminal:
            rest = "" if installed else f"; {self.downloading or 'resolving'}"
            self.write(f"\r{text}{rest}".ljust(79)[:79])
        elif tenth > self.tenth:
            self.write(f"{text}\n")
        self.tenth = tenth

    def end(self) -> None:
        if self.terminal:
            self.write("\r" + " " * 79 + "\r")


def run_pip(arguments: list[str], display: Display) -> int:
    """Run pip with its progress shown by `display`; its output is printed if it fails."""
    folder = Path(sysconfig.get_paths()["purelib"])
    before = len(list(folder.glob("*.dist-info")))
    lines: list[str] = []
    with subprocess.Popen(
        [*PIP, "--progress-bar=off", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as pip:
        assert pip.stdout is not None
        output = pip.stdout

        def read() -> None:
            for line in output:
                lines.append(line)
                display.line(line)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        while pip.poll() is None:
            display.count(len(list(folder.glob("*.dist-info"))) - before)
            time.sleep(POLL_S)
        reader.join()
    display.end()
    if pip.returncode:
        sys.stderr.write("".join(lines[-40:]))
    return pip.returncode


def main(arguments: list[str] | None = None) -> int:
    """Install what is missing of a requirements file; the exit code is pip's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("requirements", type=Path, help="a file of exact pins")
    parser.add_argument("--torch-index", default="", help="take PyTorch from this package index")
    options = parser.parse_args(arguments)
    wanted = pins(options.requirements.read_text(encoding="utf-8"))
    absent = missing(wanted)
    if not absent:
        print(f"setup: {len(wanted)} packages are installed in the pinned versions")
        return 0
    terminal = sys.stdout.isatty()
    if options.torch_index and "torch" in absent:
        print("setup: PyTorch")
        torch = [f"torch=={wanted['torch']}", "--index-url", options.torch_index]
        if code := run_pip(torch, Display(1, _show, terminal)):
            return code
        absent = missing(wanted)
    code = run_pip(["-r", str(options.requirements)], Display(len(absent), _show, terminal))
    if code == 0:
        print(f"setup: {len(wanted)} packages are installed in the pinned versions")
    return code


def _show(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
