"""Findings that are looked for in a copy of this process, while it goes on with something else.

A fork shares all that was read so far and costs milliseconds. It is safe only where this process has one
thread; elsewhere, and on systems whose libraries do not like forks, the work is simply done first. A copy
that does not end (a lock that was held when it was made stays held in it) is given up, and the work done here.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable

from press.errors import Finding

Work = Callable[[], list[Finding]]
PATIENCE_S = 120.0  # the audits of the whole book take 3 s


def beside(work: Work, patience_s: float = PATIENCE_S) -> Work:
    """Start `work`; the function that comes back waits for it, at most `patience_s` seconds, and returns what it found."""
    if sys.platform != "linux" or threading.active_count() > 1 or (os.cpu_count() or 1) < 2:
        found = work()
        return lambda: found
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.close(reader)
            with os.fdopen(writer, "w", encoding="utf-8") as handle:
                json.dump([finding.as_dict() for finding in work()], handle)
            status = 0
        finally:
            os._exit(
                status
            )  # nothing of the parent's may run here: no handlers, no flushing of its files
    os.close(writer)

    def wait() -> list[Finding]:
        text = _all(reader, patience_s)
        if text is None:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if text is None or status:  # whatever it died of is met again here, and told
            return work()
        return [Finding(**row) for row in json.loads(text)]

    return wait


def _all(reader: int, patience_s: float) -> str | None:
    """What is written into a pipe until its other end closes; None when it does not close in time."""
    pieces: list[bytes] = []
    deadline = time.monotonic() + patience_s
    with os.fdopen(reader, "rb", buffering=0) as handle:
        while select.select([handle], [], [], max(0.0, deadline - time.monotonic()))[0]:
            piece = handle.read(1 << 16)
            if not piece:
                return b"".join(pieces).decode("utf-8")
            pieces.append(piece)
    return None
