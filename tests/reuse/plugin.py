"""Leaves out tests that passed before on the same bytes, and records those that pass.

`pytest -p tests.reuse.plugin --passes=reuse` leaves out and records, `--passes=fresh` forgets.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.reuse.observe import Observer
from tests.reuse.sources import ROOT, Scope, Tree

RECORD = Path("_build") / "tests" / "passed.txt"
FLUSH_S = 15


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--passes",
        choices=("reuse", "fresh"),
        default="fresh",
        help="leave out what passed before on the same bytes, or forget it",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "depends(*patterns): files of the project a test depends on")
    worker = getattr(config, "workerinput", None)
    reuse = Reuse(ROOT, keys=set(worker["passed"]) if worker else None)
    if worker is None:
        recorder = Recorder(ROOT, reuse.tree, fresh=config.getoption("--passes") == "fresh")
        reuse.passed = recorder.passed
        config.pluginmanager.register(recorder, "passes-recorder")
    config.pluginmanager.register(reuse, "passes-reuse")


def read_record(path: Path) -> set[str]:
    """Keys of the tests that passed; a line that was cut off is no key that a test could have."""
    return set(path.read_text(encoding="utf-8").split()) if path.is_file() else set()


class Reuse:
    """In the process that runs tests: leaves out what passed, and sends the key of what passes."""

    def __init__(self, root: Path, keys: set[str] | None) -> None:
        self.tree = Tree(root)
        self.passed = keys or set()
        self.observer = Observer(self.tree)
        self.observer.install()
        self.left_out: Counter[str] = Counter()
        self._scopes: dict[tuple[str, tuple[str, ...]], Scope] = {}
        self._whole = self.tree.whole()

    def file(self, item: pytest.Item) -> str:
        return item.path.relative_to(self.tree.root).as_posix()

    def scope(self, item: pytest.Item) -> Scope:
        marked = tuple(
            sorted({pattern for mark in item.iter_markers("depends") for pattern in mark.args})
        )
        place = (self.file(item), marked)
        if place not in self._scopes:
            self._scopes[place] = self.tree.scope(*place)
        return self._scopes[place]

    def has_passed(self, item: pytest.Item) -> bool:
        scope = self.scope(item)
        if scope.certain and self.tree.key(item.nodeid, scope) in self.passed:
            return True
        return self.tree.key(item.nodeid, self._whole) in self.passed

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        if not self.passed:
            return
        left_out = [item for item in items if self.has_passed(item)]
        self.left_out.update(self.file(item) for item in left_out)
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item):
        self.observer.begin(self.file(item), item.get_closest_marker("depends") is not None)
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef):
        """What a fixture of several tests reads counts for all tests of the file."""
        own = self.observer.own
        if fixturedef.scope != "function":
            self.observer.own = ""
        try:
            return (yield)
        finally:
            self.observer.own = own

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo):
        report = yield
        if call.when == "teardown":
            scope = self.scope(item)
            within = scope.certain and self.observer.kept_within(self.file(item), scope)
            key = self.tree.key(item.nodeid, scope if within else self._whole)
            report.user_properties.append(("passes-key", key))
        return report

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["left_out"] = dict(self.left_out)


class Recorder:
    """In the process that everything is reported to: the record, and what is said at the end."""

    def __init__(self, root: Path, tree: Tree, fresh: bool) -> None:
        self.path = root / RECORD
        self.tree = tree
        if fresh:
            self.path.unlink(missing_ok=True)
        self.passed = read_record(self.path)
        self.left_out: Counter[str] = Counter()
        self.unsettled: set[str] = set()
        self.waiting: list[str] = []
        self.signature = tree.signature()
        self.changed = False
        self.flushed = time.monotonic()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node) -> None:
        node.workerinput["passed"] = sorted(self.passed)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node, error) -> None:
        output = getattr(node, "workeroutput", {})
        self.left_out = self.left_out or Counter(output.get("left_out", {}))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:  # what was skipped has not been shown either
            self.unsettled.add(report.nodeid)
        if report.when == "teardown" and report.nodeid not in self.unsettled:
            self.waiting += [key for name, key in report.user_properties if name == "passes-key"]
        if time.monotonic() - self.flushed > FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Record what passed, if the project is still the one whose bytes the keys hold."""
        self.flushed = time.monotonic()
        self.changed = self.changed or self.tree.signature() != self.signature
        if self.waiting and not self.changed:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as record:
                record.write("".join(f"{key}\n" for key in self.waiting))
        self.waiting = []

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.flush()
        reuse = session.config.pluginmanager.get_plugin("passes-reuse")
        self.left_out = self.left_out or reuse.left_out
        nothing_to_run = session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED
        if nothing_to_run and self.left_out:
            session.exitstatus = pytest.ExitCode.OK

    def pytest_terminal_summary(self, terminalreporter) -> None:
        if self.changed:
            terminalreporter.write_line(
                "files changed while the tests ran: what passed since then is not remembered"
            )
        if not self.left_out:
            return
        terminalreporter.section("passed before on the same bytes, not run again")
        for name, count in sorted(self.left_out.items()):
            terminalreporter.write_line(f"{count:5d}  {name}")
        total = sum(self.left_out.values())
        terminalreporter.write_line(f"{total:5d}  in all; make test FRESH=1 runs them again")


def dump_scope(root: Path, name: str) -> str:
    """The scope of a test file as JSON, to look at: `python -m tests.reuse.plugin FILE`."""
    scope = Tree(root).scope(name)
    return json.dumps({"certain": scope.certain, "files": sorted(scope.files)}, indent=1)


if __name__ == "__main__":
    import sys

    print(dump_scope(ROOT, sys.argv[1]))
