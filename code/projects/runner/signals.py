"""Ctrl-C and SIGTERM as a question the loop answers between two steps."""

from __future__ import annotations

import signal
from collections.abc import Callable
from threading import current_thread, main_thread
from typing import Any


class OnSignals:
    """Turn the first Ctrl-C or SIGTERM into a question; a second one interrupts as usual."""

    def __init__(self, ask: Callable[[], None]) -> None:
        self.ask = ask

    def __enter__(self) -> None:
        self.old: dict[int, Any] = {}
        if current_thread() is main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self.old[number] = signal.signal(number, self._handle)

    def _handle(self, number: int, _: Any) -> None:
        signal.signal(number, self.old[number] or signal.SIG_DFL)
        self.ask()

    def __exit__(self, *_: Any) -> None:
        for number, handler in self.old.items():
            signal.signal(number, handler or signal.SIG_DFL)
