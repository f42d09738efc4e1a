"""Threads that compute for callers of an event loop, with a bounded queue in front of them.

A caller waits on the event loop and holds no thread, so any number of callers cannot block each
other or `/health`. What was computed waits in memory for its caller, so a slow reader does not hold
the model. Read with `book/capstones/gpt.md` and `book/capstones/agent.md`.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

END = object()  # after the last item of a job


class Busy(Exception):
    """The queue is full: a caller has to come back later."""


class Cancelled(Exception):
    """The caller has gone away."""


class Job:
    """Items that a worker computes, as an asynchronous iterator of the loop that submitted it.

    An exception of the worker is raised where the items are read.
    """

    def __init__(self, compute: Callable[[], Iterator[Any]]) -> None:
        self.compute = compute
        self.loop = asyncio.get_running_loop()
        self.items: asyncio.Queue[Any] = asyncio.Queue()
        self.cancelled = threading.Event()

    def run(self) -> None:
        """Compute every item, in a worker's thread; stop when the caller has gone."""
        try:
            for item in self.compute() if not self.cancelled.is_set() else ():
                if self.cancelled.is_set():
                    return
                self._send(item)
            self._send(END)
        except Exception as error:  # whatever happens belongs to this caller; the worker goes on
            self._send(error)

    def _send(self, item: Any) -> None:
        try:
            self.loop.call_soon_threadsafe(self.items.put_nowait, item)
        except RuntimeError:  # the loop was closed: the server is shutting down
            self.cancelled.set()

    def cancel(self) -> None:
        """Tell the worker that nobody reads the rest."""
        self.cancelled.set()

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            while (item := await self.items.get()) is not END:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            self.cancel()

    async def collect(
        self, disconnected: Callable[[], Awaitable[bool]], poll_s: float = 0.5
    ) -> list[Any]:
        """All items; `Cancelled` when the caller disconnects before they are there.

        Parameters
        ----------
        disconnected : asynchronous function that says whether the caller has gone
        poll_s : seconds between two such questions
        """

        async def watch() -> None:
            while not await disconnected():
                await asyncio.sleep(poll_s)
            self.items.put_nowait(Cancelled())

        watcher = asyncio.create_task(watch())
        try:
            return [item async for item in self]
        finally:
            watcher.cancel()


class Workers:
    """A fixed number of threads and a bounded queue of jobs.

    Parameters
    ----------
    threads : int, jobs computed at the same time
    waiting : int, jobs that may wait; one more is refused with `Busy`
    """

    def __init__(self, threads: int = 1, waiting: int = 64) -> None:
        if threads < 1 or waiting < 1:
            raise ValueError(f"need at least 1 thread and 1 place, got {threads} and {waiting}")
        self.threads = threads
        self.jobs: queue.Queue[Job] = queue.Queue(maxsize=waiting)
        self.lock = threading.Lock()
        self.started = 0

    def submit(self, compute: Callable[[], Iterator[Any]]) -> Job:
        """Queue the iterator that `compute` returns; call it on an event loop.

        Raises
        ------
        Busy
            When as many jobs wait already as may.
        """
        self._start()
        job = Job(compute)
        try:
            self.jobs.put_nowait(job)
        except queue.Full:
            self._drop_cancelled()
            try:
                self.jobs.put_nowait(job)
            except queue.Full:
                raise Busy from None
        return job

    def _drop_cancelled(self) -> None:
        """Remove waiting jobs whose callers have gone: they would keep others out."""
        with self.jobs.mutex:
            live = [job for job in self.jobs.queue if not job.cancelled.is_set()]
            self.jobs.queue.clear()
            self.jobs.queue.extend(live)

    def _start(self) -> None:
        with self.lock:
            while self.started < self.threads:
                self.started += 1
                threading.Thread(target=self._work, daemon=True, name="worker").start()

    def _work(self) -> None:
        while True:
            self.jobs.get().run()
