"""The conftest.py of the folder in which mutmut works: how a mutant is tried, quickly and fairly.

Every mutant is tried in a fork of one process that has imported everything and run no test: the
threads that a test started would be missing in the fork. The first run, without a mistake, notes
the processor time of each test and the modules that tests import late. Later runs begin with the
shortest test. A mutant has ten times the processor time of its tests: the clock on the wall would
call a mutant endless on a busy computer, and so caught.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

NOTES = Path("notes.json")
LEAST_S = 10

seconds: dict[str, float] = {}


def _notes() -> dict:
    return json.loads(NOTES.read_text(encoding="utf-8")) if NOTES.is_file() else {}


def pytest_configure() -> None:
    gc.disable()  # looking for garbage would copy the memory of the process that is forked


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    start = time.process_time()
    yield
    seconds[item.nodeid] = time.process_time() - start


def pytest_sessionfinish(session: pytest.Session) -> None:
    if seconds and not NOTES.is_file():
        notes = {"seconds": seconds, "modules": list(sys.modules)}
        NOTES.write_text(json.dumps(notes), encoding="utf-8")


def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    notes = _notes()
    if not notes:
        return
    if session.config.option.collectonly:  # in the process that is forked
        for name in notes["modules"]:
            if name not in sys.modules:
                with contextlib.suppress(Exception):
                    importlib.import_module(name)
        return
    needs = notes["seconds"]
    items.sort(key=lambda item: needs.get(item.nodeid, 0.0))
    if "__mutmut_" in os.environ.get("MUTANT_UNDER_TEST", ""):
        import resource

        total = sum(needs.get(item.nodeid, 0.0) for item in items)
        limit = int(time.process_time() + LEAST_S + 10 * total)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
