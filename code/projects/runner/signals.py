"""Ctrl-C and SIGTERM as a question the loop answers between two steps.

Read with `book/capstones/runner.md`.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from threading import current_thread, main_thread
from typing import Any


class OnSignals:
    """Turn the first Ctrl-C or SIGTERM into a question; a second one interrupts as usual.

    Parameters
    ----------
    ask : called once, by the first signal
    once_s : float, a second signal within this time is taken for the same question: a terminal
        and a launcher send one each
    repeat : bool, whether no signal interrupts: the process that is asked decides when it ends
    """

    def __init__(
        self, ask: Callable[[], object], once_s: float = 0.0, repeat: bool = False
    ) -> None:
        self.ask = ask
        self.once_s = once_s
        self.repeat = repeat
        self.asked = 0.0  # when, by the clock of `time.monotonic`

    def __enter__(self) -> OnSignals:
        self.old: dict[int, Any] = {}
        if current_thread() is main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self.old[number] = signal.signal(number, self._handle)
        return self

    def _handle(self, number: int, _: Any) -> None:
        now = time.monotonic()
        if not self.asked:
            self.asked = now
            self.ask()
        elif not self.repeat and now - self.asked > self.once_s:
            signal.signal(number, self.old[number] or signal.SIG_DFL)
            signal.raise_signal(number)

    def __exit__(self, *_: Any) -> None:
        for number, handler in self.old.items():
            signal.signal(number, handler or signal.SIG_DFL)
