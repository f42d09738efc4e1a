"""What every test may use: the project, and a place to put what was measured."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent

# a machine may be busy, so no example has a deadline; CI draws the same examples every time, you draw new ones
settings.register_profile("book", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("book")


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture
def measured(record_property):
    """`measured("text")` shows the text at the end of the run, from any worker."""

    def note(text: str) -> None:
        record_property("measured", text)

    return note


@pytest.fixture
def counted(record_property):
    """`counted("label", number)` adds to the number of that label, over all tests and workers."""

    def add(label: str, number: int) -> None:
        record_property("counted", (label, number))

    return add


def pytest_addoption(parser) -> None:
    parser.addoption("--counts", metavar="FILE", help="write what the tests counted to this file (make counts)")


def _write_counts(terminalreporter, path: str) -> None:
    """Counts of a whole run as JSON; a run with a failure leaves the file as it was."""
    stats = terminalreporter.stats
    if stats.get("failed") or stats.get("error"):
        terminalreporter.write_line(f"counts: a test failed, {path} stays as it was")
        return
    counts: dict[str, int] = {}
    for reports in stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                for name, value in getattr(report, "user_properties", ()):
                    if name == "counted":
                        counts[value[0]] = counts.get(value[0], 0) + value[1]
    if terminalreporter.config.args_source is not pytest.Config.ArgsSource.ARGS:  # the whole suite, not what somebody named
        counts["tests passed"] = len(stats.get("passed", []))
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps({"counts": dict(sorted(counts.items()))}, indent=1) + "\n", encoding="utf-8")


def pytest_terminal_summary(terminalreporter) -> None:
    """What the tests measured, before the runner's own last line."""
    if path := terminalreporter.config.getoption("--counts"):
        _write_counts(terminalreporter, path)
    lines = [value for reports in terminalreporter.stats.values() for report in reports
             for name, value in getattr(report, "user_properties", ()) if name == "measured" and getattr(report, "when", "") == "call"]
    if lines:
        terminalreporter.section("measured")
        for line in sorted(set(lines)):
            terminalreporter.write_line(line)
