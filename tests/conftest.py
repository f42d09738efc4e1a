"""What every test may use: the project, and a place to put what was measured."""

from __future__ import annotations

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


def pytest_terminal_summary(terminalreporter) -> None:
    """What the tests measured, before the runner's own last line."""
    lines = [value for reports in terminalreporter.stats.values() for report in reports
             for name, value in getattr(report, "user_properties", ()) if name == "measured" and getattr(report, "when", "") == "call"]
    if lines:
        terminalreporter.section("measured")
        for line in sorted(set(lines)):
            terminalreporter.write_line(line)
