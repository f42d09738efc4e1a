"""Fixtures of the tests of this part."""

from __future__ import annotations

import signal

import pytest

LIMIT_S = 2  # of processor time; none of these tests needs a tenth of it


@pytest.fixture
def in_time():
    """Fail when a test computes for much too long, in a loop that waits for what never comes."""
    if not hasattr(signal, "setitimer"):  # Windows
        yield
        return

    def stop(number, frame):
        raise AssertionError(f"the test has not ended after {LIMIT_S} s of processor time")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT_S)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)
