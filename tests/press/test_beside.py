"""Work beside the render finds what it would find alone, and a worker that dies is no silence."""

from __future__ import annotations

import os
import threading
import time

import pytest
from press.errors import Finding
from press.execute.beside import beside

FOUND = [
    Finding("book/a.md", 3, "numbers", "what", "fix", "é\n", "a", 2),
    Finding("book/b.md", 0, "terms", "w", "f"),
]


def test_findings_come_back_as_they_are():
    assert beside(lambda: FOUND)() == FOUND and beside(list)() == []


@pytest.mark.skipif("os.cpu_count() == 1", reason="one core does one thing at a time")
def test_it_is_done_beside():
    parent = os.getpid()
    wait = beside(lambda: [Finding("x", os.getpid(), "r", "w", "f")])
    [found] = wait()
    assert (found.line != parent) == (
        threading.active_count() == 1 and os.uname().sysname == "Linux"
    )


def test_with_a_second_thread_it_is_done_at_once():
    stop = threading.Event()
    other = threading.Thread(target=stop.wait)
    other.start()
    try:
        assert beside(lambda: [Finding("x", os.getpid(), "r", "w", "f")])()[0].line == os.getpid()
    finally:
        stop.set()
        other.join()


def test_a_worker_that_is_killed_is_replaced():
    parent = os.getpid()

    def work():
        if os.getpid() != parent:
            os.kill(os.getpid(), 9)
        return FOUND

    assert beside(work)() == FOUND


def test_a_worker_that_never_ends_is_given_up():
    parent, started = os.getpid(), time.monotonic()

    def work():
        if os.getpid() != parent:
            time.sleep(600)
        return FOUND

    assert beside(work, patience_s=0.3)() == FOUND and time.monotonic() - started < 300


def test_what_the_work_raises_is_raised_here():
    def work():
        raise ValueError("broken audit")

    with pytest.raises(ValueError, match="broken audit"):
        beside(work)()


def test_much_is_waited_for():
    many = [Finding("x", i, "r", "w" * 1000, "f") for i in range(2000)]
    wait = beside(lambda: many)
    time.sleep(0.2)
    assert wait() == many
