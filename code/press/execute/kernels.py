"""Run a chapter once, in a fresh kernel, and say exactly what went wrong if it does not end.

Several chapters run at a time: kernels are processes of their own, so one event loop is enough to
feed them. A kernel watches its parent and ends when the press is killed.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_async
from nbformat.v4 import new_code_cell, new_notebook

from press import patches
from press.config import KERNELSPEC, Project, kernel_env
from press.execute import faults, reads
from press.execute.forked import Preloaded, Provisioner, kernel_command, preloaded
from press.execute.output_limits import Bounded, Client, unreadable
from press.execute.run import Run
from press.source.chapter import Chapter

LOG = "reads"
SOCKET_BYTES = 80  # a socket's path ends at 103 bytes on some systems, and its name comes behind


class ChapterClient(Client):
    """A client that reports its cells, measures them, and leaves Ctrl-C to the whole build."""

    report: Callable[[int], None]  # called with the number of each cell
    cell = 0  # that runs, or ran last
    spent_s = 0.0  # inside cells

    async def async_start_new_kernel(self, **kwargs: Any) -> None:
        """Start the kernel; a Ctrl-C while it starts must end the build as well."""
        _take_signals()
        await super().async_start_new_kernel(**kwargs)

    async def async_execute_cell(
        self, cell: Any, cell_index: int, *args: Any, **kwargs: Any
    ) -> Any:
        """Execute a cell by the clock."""
        self.cell = cell_index + 1
        self.report(self.cell)
        started = time.monotonic()
        try:
            return await super().async_execute_cell(cell, cell_index, *args, **kwargs)
        finally:
            self.spent_s += time.monotonic() - started


def kernel_manager(
    project: Project, python: str, sockets: str, parent: Preloaded | None
) -> AsyncKernelManager:
    """A manager whose kernel is recorded, started by `kernel_command` or as a copy of `parent`.

    It talks through sockets in a private folder: no port, nothing to overhear.
    """
    manager = AsyncKernelManager()
    session = Bounded(parent=manager)
    session.limit_bytes = project.output_limit_bytes
    manager.session = session
    if sys.platform != "win32" and len(os.fsencode(sockets)) < SOCKET_BYTES:
        manager.transport = "ipc"
        manager.ip = os.path.join(sockets, "k")
    log = os.path.join(sockets, LOG)
    command = kernel_command(python, log, str(project.code), json.dumps(reads.roots(project)))
    names = {key: KERNELSPEC[key] for key in ("display_name", "language")}
    manager._kernel_spec = KernelSpec(argv=command, **names)
    manager.provisioner = Provisioner(kernel_spec=manager._kernel_spec, parent=manager)
    manager.provisioner.preloaded = parent
    return manager


def _private_folder() -> str:
    """A folder for the sockets of one kernel.

    Where the usual one has too long a name, a shorter one.
    """
    for base in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        short = len(os.fsencode(base)) + len("/press-") + 8 < SOCKET_BYTES
        if short and os.access(base, os.W_OK | os.X_OK):
            return tempfile.mkdtemp(prefix="press-", dir=base)
    return tempfile.mkdtemp(prefix="press-")


def _client(project: Project, chapter: Chapter, timeout_s: int) -> ChapterClient:
    """A client for the cells of a page."""
    cells = [
        new_code_cell(cell.source, metadata={"tags": cell.execution_tags}) for cell in chapter.cells
    ]
    client = ChapterClient(
        new_notebook(cells=cells, metadata={"kernelspec": dict(KERNELSPEC)}),
        timeout=timeout_s,
        kernel_name=KERNELSPEC["name"],
        resources={"metadata": {"path": str(project.book)}},
        record_timing=False,
        on_notebook_start=lambda **_: _take_signals(),
        shutdown_kernel="immediate",
    )
    client.limit_bytes = project.output_limit_bytes
    return client


async def run_chapter(
    project: Project,
    chapter: Chapter,
    report: Callable[[int], None],
    python: str,
    env: dict[str, str],
    parent: Preloaded | None,
) -> Run:
    """Execute `chapter` in `env`, in a kernel that is a copy of `parent` if there is one.

    Faults are returned, not raised.
    """
    run = Run(chapter.slug)
    if not chapter.cells:
        return run
    sockets = _private_folder()
    timeout_s = chapter.time_limit(project.cell_timeout_s)
    client = _client(project, chapter, timeout_s)
    client.report = report
    client.km = kernel_manager(project, python, sockets, parent)
    client.owns_km = True
    try:
        await client.async_execute(env=dict(env))
    except Exception as error:  # every kind is told apart; none is swallowed
        run.fault = faults.of(error, client.cell, timeout_s)
    finally:
        await _put_down(client)
        run.reads = reads.collect(project, Path(sockets, LOG), [c.source for c in chapter.cells])
        shutil.rmtree(sockets, ignore_errors=True)
    run.outputs = [merged([dict(output) for output in cell.outputs]) for cell in client.nb.cells]
    run.counts = [cell.execution_count for cell in client.nb.cells]
    run.seconds = client.spent_s
    if client.flooded_at:  # also where the cell was done before the interrupt reached it
        run.fault = faults.flood(project, client.flooded_at)
    for number, outputs in enumerate(run.outputs, 1):
        if not run.fault and (what := unreadable(outputs)):
            run.fault = faults.unreadable(what, number)
    return run


def merged(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neighboring pieces of one stream as one output.

    Where a kernel flushes is a matter of time, not of the page.
    """
    pieces: list[dict[str, Any]] = []
    for output in outputs:
        stream = output.get("name") if output["output_type"] == "stream" else None
        if stream and pieces and pieces[-1].get("name") == stream:
            pieces[-1]["text"] += output["text"]
        else:
            pieces.append(output)
    return pieces


def _take_signals() -> None:
    """nbclient takes Ctrl-C for itself and leaves a dead kernel.

    Give it back to the whole build.
    """
    loop = asyncio.get_running_loop()
    with suppress(RuntimeError, ValueError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, _cancel_all)


def _cancel_all() -> None:
    # what a kernel that was just starting has to say about its end is of no use to anybody
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL + 1)
    logging.getLogger("traitlets").setLevel(logging.CRITICAL + 1)
    for task in asyncio.all_tasks():
        task.cancel()


async def _put_down(client: Client) -> None:
    """End the kernel, however the execution ended."""
    atexit.unregister(client._cleanup_kernel)
    with suppress(Exception):
        if client.km is not None and await ensure_async(client.km.is_alive()):
            await ensure_async(cast(Any, client.km.shutdown_kernel(now=True)))
    with suppress(Exception):
        if client.kc is not None:
            client.kc.stop_channels()


async def run_many(
    project: Project,
    chapters: list[Chapter],
    tell: Callable[[str, int, int], None],
    done: Callable[[Run], None],
    python: str = sys.executable,
    env: dict[str, str] | None = None,
) -> None:
    """Execute chapters, `project.workers` at a time, in `env` or as a build does.

    `done` is called as each one ends.
    """
    patches.CLIENT.require()
    patches.KERNELS.require()
    gate = asyncio.Semaphore(project.workers)
    env = env or kernel_env(project)

    async def one(chapter: Chapter) -> None:
        def report(cell: int) -> None:
            tell(chapter.slug, cell, len(chapter.cells))

        async with gate:
            done(await run_chapter(project, chapter, report, python, env, parent))

    async with preloaded(project, chapters, python, env) as parent:
        tasks = [asyncio.ensure_future(one(chapter)) for chapter in chapters]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
