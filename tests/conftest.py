"""What every test may use: the project, and a place to put what was measured."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent
DEPENDS = ()  # of itself: whoever uses ROOT says what for, see tests/reuse

# a computer may be busy, so no example has a deadline; CI draws the same examples every time
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
    parser.addoption(
        "--counts", metavar="FILE", help="write what the tests counted to this file (make counts)"
    )


def _write_counts(terminalreporter, path: str) -> None:
    """Counts of a whole run as JSON; a run with a failure leaves the file as it was."""
    stats = terminalreporter.stats
    if stats.get("failed") or stats.get("error"):
        terminalreporter.write_line(f"counts: a test failed, {path} stays as it was")
        return
    counts: dict[str, int] = {}
    for label, number in _properties(terminalreporter, "counted"):
        counts[label] = counts.get(label, 0) + number
    if terminalreporter.config.args_source is not pytest.Config.ArgsSource.ARGS:
        counts["tests passed"] = len(stats.get("passed", []))  # of the whole suite, not of a part
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"counts": dict(sorted(counts.items()))}, indent=1)
    Path(path).write_text(f"{text}\n", encoding="utf-8")


def _properties(terminalreporter, name: str) -> list[Any]:
    """Values that the tests of all workers recorded under a name."""
    return [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for key, value in getattr(report, "user_properties", ())
        if key == name
    ]


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]):
    """Groups first, because xdist reads them; the order last, when all that is left is known."""
    group_by_fixture(items)
    yield
    order(items)


def group_by_fixture(items: list[pytest.Item]) -> None:
    """Tests that share a fixture of their module run on one worker, which makes it once."""
    for item in items:
        if item.get_closest_marker("xdist_group") or item.get_closest_marker("browser"):
            continue
        definitions = getattr(item, "_fixtureinfo", None)
        shared = definitions and any(
            fixture.scope == "module" and fixture.baseid
            for fixtures in definitions.name2fixturedefs.values()
            for fixture in fixtures
        )
        if shared:
            module = item.nodeid.partition("::")[0].removesuffix(".py").removeprefix("tests/")
            item.add_marker(pytest.mark.xdist_group(module))


def order(items: list[pytest.Item]) -> None:
    """What takes long begins first, so that no core waits for it at the end; browsers come last.

    Groups are long. A worker is given two of them at once, so what follows the longest is short. A
    worker with a browser has a loop that runs, in which others cannot start theirs.
    """
    longest = [item for item in items if item.get_closest_marker("timeout")]
    if not longest:  # stock nbval comes here too, and the cells of a notebook are in order
        return
    placed = set(longest)
    others = [item for item in items if item not in placed]
    browsers = [item for item in others if item.get_closest_marker("browser")]
    groups = [
        item
        for item in others
        if item.get_closest_marker("xdist_group") and not item.get_closest_marker("browser")
    ]
    placed.update(browsers, groups)
    rest = [item for item in others if item not in placed]
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    few = len(rest) - max(2 * workers - len(longest), 0)
    items[:] = [*longest, *rest[few:], *groups, *rest[:few], *browsers]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Groups as xdist schedules them, in time that grows with the tests and not their square."""
    return scheduler(config, log) if config.getvalue("dist") == "loadgroup" else None


def scheduler(config: pytest.Config, log: Any = None) -> Any:
    """xdist's own scheduler, which counts all that a worker was ever given after every test.

    What is done is dropped, so that it counts what is left.
    """
    from xdist.scheduler import LoadGroupScheduling

    class Scheduler(LoadGroupScheduling):
        def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
            super().mark_test_complete(node, item_index, duration)
            units = self.assigned_work[node]
            unit = self._split_scope(self.registered_collections[node][item_index])
            if all(units[unit].values()):
                del units[unit]

    return Scheduler(config, log)


class FailureReporter:
    """Prints a failure when it happens: a run that is cut off has no summary."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        if not report.failed or terminal is None:
            return
        end = "\n".join(report.longreprtext.splitlines()[-12:])
        terminal.write_line(
            f"\nfailed now, in {report.when} after {report.duration:.0f} s: {report.nodeid}\n{end}"
        )


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # only where the reports of all workers come together
        config.pluginmanager.register(FailureReporter(config), "failure-reporter")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Where a test ran out of time, the processes it was waiting for."""
    outcome = yield
    if call.excinfo is not None and str(call.excinfo.value).startswith("Timeout"):
        outcome.get_result().sections.append(("child processes", _child_processes()))


def _child_processes() -> str:
    import psutil

    rows = []
    for process in psutil.Process().children(recursive=True):
        with process.oneshot(), contextlib.suppress(psutil.Error):
            command = " ".join(process.cmdline())[:200]
            state = f"{process.status()}, {process.num_threads()} threads"
            rows.append(f"{process.pid} of {process.ppid()}, {state}: {command}")
    return "\n".join(rows)


def pytest_terminal_summary(terminalreporter) -> None:
    """What the tests measured, before the runner's own last line."""
    if path := terminalreporter.config.getoption("--counts"):
        _write_counts(terminalreporter, path)
    lines = sorted(set(_properties(terminalreporter, "measured")))
    if lines:
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.write_line(line)
