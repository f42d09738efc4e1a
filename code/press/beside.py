"""Findings that are looked for in a copy of this process, while it goes on with something else.

A fork shares all that was read so far and costs milliseconds. It is safe only where this process has one
thread; elsewhere, and on systems whose libraries do not like forks, the work is simply done first.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable

from press.errors import Finding

Work = Callable[[], list[Finding]]


def beside(work: Work) -> Work:
    """Start `work`; the function that comes back waits for it and returns what it found."""
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
            os._exit(status)  # nothing of the parent's may run here: no handlers, no flushing of its files
    os.close(writer)

    def wait() -> list[Finding]:
        with os.fdopen(reader, encoding="utf-8") as handle:
            text = handle.read()
        _, status = os.waitpid(child, 0)
        if status:  # whatever it died of is met again here, and told
            return work()
        return [Finding(**row) for row in json.loads(text)]

    return wait
