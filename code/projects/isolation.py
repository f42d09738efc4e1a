"""Running a function within a time: in a thread that is given up, or in a process that is killed.

A thread cannot be stopped: when its time is over the caller goes on, and the thread computes until
it ends by itself. A process can be killed with everything it started. Read with
`book/capstones/agent.md`.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

START_S = 30.0  # a process may take to start and import, apart from the time of the function
MEMORY = 1 << 30  # bytes of address space that the function may add, where the system can limit it
PASSED = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LANG", "LC_ALL", "OMP_NUM_THREADS")


@dataclass(frozen=True)
class Ended:
    """How a function ended: its result as a string, or what went wrong.

    Attributes
    ----------
    text : str, the result or the message of the error, cut to the limit
    length : int, characters before the cut
    error : bool
    """

    text: str
    length: int
    error: bool = False


def in_thread(function: Callable[[], Any], seconds: float) -> Any:
    """What a function returns or raises, within a time; then the thread is left to itself.

    Raises
    ------
    TimeoutError
        When it takes longer. The thread goes on: what it does may still happen.
    """
    results: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue()

    def work() -> None:
        try:
            results.put((function(), None))
        except BaseException as error:  # SystemExit too: the caller must hear of every end
            results.put((None, error))

    threading.Thread(target=work, daemon=True, name="limited").start()
    try:
        result, error = results.get(timeout=max(seconds, 0.0))
    except queue.Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return result


def address(function: Callable[..., Any]) -> tuple[str, str]:
    """The module and name by which another process imports a function.

    Raises
    ------
    TypeError
        For a function that cannot be imported: a closure, a lambda, one of a notebook's cells.
    """
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", "")
    if module in (None, "__main__") or "<" in name or not name:
        raise TypeError(
            f"{name or function!r} cannot run in a process of its own, because no module has it by "
            "that name; define it at the top level of a module"
        )
    return str(module), name


def in_process(
    function: Callable[..., Any],
    arguments: dict[str, Any],
    seconds: float,
    limit: int,
    memory: int = MEMORY,
    deadline: float = math.inf,
) -> Ended:
    """Run a function in a process of its own, which is killed when its time is over.

    The process inherits only the variables of the environment in `PASSED`, so no API key. `seconds`
    is counted from when the function was imported.

    Parameters
    ----------
    function : function at the top level of a module
    arguments : dict that can be written as JSON
    seconds : float
    limit : int, characters of the result that are handed back
    memory : int, bytes that the function may add, where the system can limit it
    deadline : float, a time of `time.monotonic` that holds for starting and running together

    Raises
    ------
    TimeoutError
        When it takes longer; the process and its children have been killed.
    TypeError
        For a function that cannot be imported.
    """
    module, name = address(function)
    request = {
        "module": module,
        "name": name,
        "arguments": arguments,
        "limit": limit,
        "memory": memory,
        "seconds": seconds,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "projects.isolation"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
        start_new_session=True,
    )
    try:
        _write(process.stdin, request)
        start_s = min(START_S, deadline - time.monotonic())
        if in_thread(lambda: _line(process.stdout), start_s) != "ready":
            _close(process.stdout)
            return _ended("its process could not start")
        seconds = min(seconds, deadline - time.monotonic())
        answer = in_thread(lambda: _line(process.stdout), seconds)
        _close(process.stdout)
    finally:
        kill(process)  # after a timeout the pipe stays open: its reader holds the lock on it
    if not answer:
        return _ended("its process ended without a result; it may have used too much memory")
    return Ended(**json.loads(answer))


def kill(process: subprocess.Popen[Any]) -> None:
    """End a process and all that it started, and wait for it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    _close(process.stdin)


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is not None:
        with contextlib.suppress(OSError):
            pipe.close()


def _environment() -> dict[str, str]:
    passed = {name: os.environ[name] for name in PASSED if name in os.environ}
    return {**passed, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def _write(pipe: IO[bytes] | None, request: dict[str, Any]) -> None:
    assert pipe is not None
    with contextlib.suppress(BrokenPipeError):
        pipe.write(json.dumps(request).encode() + b"\n")
        pipe.close()


def _line(pipe: IO[bytes] | None) -> str:
    assert pipe is not None
    return pipe.readline().decode().strip()


def _ended(message: str) -> Ended:
    return Ended(message, len(message), error=True)


# -- the other side -------------------------------------------------------------------------------


def child() -> None:
    """Read a request, run its function, write how it ended; what the function prints is lost."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    request = json.loads(sys.stdin.buffer.readline())
    function: Any = importlib.import_module(request["module"])
    for part in request["name"].split("."):
        function = getattr(function, part)
    _limit(request["memory"], request["seconds"])
    print("ready", file=answers, flush=True)
    try:
        text = str(function(**request["arguments"]))
        error = False
    except BaseException as problem:
        text = str(problem) or type(problem).__name__
        error = True
    answer = {"text": text[: request["limit"]], "length": len(text), "error": error}
    print(json.dumps(answer), file=answers, flush=True)


def _limit(memory: int, seconds: float) -> None:
    """Ask the system to hold the limits too, should the parent die before it can kill."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    with contextlib.suppress(ValueError, OSError):
        now = _size()
        resource.setrlimit(resource.RLIMIT_AS, (now + memory, now + memory))
    with contextlib.suppress(ValueError, OSError):
        used = resource.getrusage(resource.RUSAGE_SELF)
        cpu = math.ceil(used.ru_utime + used.ru_stime + seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))


def _size() -> int:
    """Bytes of address space that this process has already; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


if __name__ == "__main__":
    child()
