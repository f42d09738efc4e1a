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
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, cast

from jupyter_client.kernelspec import KernelSpec
from jupyter_core.utils import ensure_async
from nbformat.v4 import new_code_cell, new_notebook

from press import patches
from press.config import Project, kernel_env
from press.execute import faults, reads
from press.execute.expectations import KERNELSPEC
from press.execute.forked import Manager, Preloaded, preloaded
from press.execute.limits import Bounded, Client, unreadable
from press.execute.run import Fault, Run
from press.source.chapter import Chapter

LOG = "reads"
RECORDER = Path(__file__).with_name("recorder.py")
SOCKET_BYTES = 80  # a socket's path ends at 103 bytes on some systems, and its name comes behind


class Signaling(Client):
    """A client that leaves Ctrl-C to the whole build."""

    async def async_start_new_kernel(self, **kwargs: Any) -> None:
        # nbclient has just taken them: a Ctrl-C while the kernel starts must end the build as well
        _take_signals()
        await super().async_start_new_kernel(**kwargs)


def kernel_manager(
    project: Project, python: str, sockets: str, parent: Preloaded | None = None
) -> Manager:
    """A manager whose kernel is `python -m ipykernel_launcher`, recorded, or a copy of `parent`.

    It talks through sockets in a private folder: no port, nothing to overhear.
    """
    manager = Manager()
    manager.preloaded = parent
    session = Bounded(parent=manager)
    session.limit_bytes = project.output_limit_bytes
    manager.session = session
    if sys.platform != "win32" and len(os.fsencode(sockets)) < SOCKET_BYTES:
        manager.transport = "ipc"
        manager.ip = os.path.join(sockets, "k")
    record = [os.path.join(sockets, LOG), str(project.code), json.dumps(reads.roots(project))]
    manager._kernel_spec = KernelSpec(
        argv=[python, str(RECORDER), *record, "-f", "{connection_file}"],
        display_name="Python 3",
        language="python",
    )
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


async def run_chapter(
    project: Project,
    chapter: Chapter,
    tell: Callable[[str, int, int], None],
    python: str,
    env: dict[str, str],
    parent: Preloaded | None = None,
) -> Run:
    """Execute `chapter` in `env`, in a kernel that is a copy of `parent` if there is one.

    Faults are returned, not raised.
    """
    run = Run(chapter.slug)
    if not chapter.cells:
        return run
    notebook = _notebook(chapter)
    clock = _Clock(chapter, tell)
    timeout_s = chapter.settings.get("timeout_s", project.cell_timeout_s)
    client = Signaling(
        notebook,
        km=None,
        timeout=timeout_s,
        kernel_name="python3",
        resources={"metadata": {"path": str(project.book)}},
        record_timing=False,
        on_notebook_start=lambda **_: _take_signals(),
        on_cell_start=clock.start,
        on_cell_executed=clock.stop,
        shutdown_kernel="immediate",
    )
    client.limit_bytes = project.output_limit_bytes
    sockets = _private_folder()
    client.km = kernel_manager(project, python, sockets, parent)
    client.owns_km = True
    try:
        await client.async_execute(env=dict(env))
    except asyncio.CancelledError:
        raise
    except Exception as error:  # every kind is told apart; none is swallowed
        run.fault = faults.of(error, clock.cell, timeout_s)
    finally:
        await _put_down(client)
        run.reads = reads.collect(project, Path(sockets, LOG), [c.source for c in chapter.cells])
        shutil.rmtree(sockets, ignore_errors=True)
    run.outputs = [merged([dict(output) for output in cell.outputs]) for cell in notebook.cells]
    run.counts = [cell.execution_count for cell in notebook.cells]
    run.seconds = clock.spent_s
    if client.flooded:  # also where the cell was done before the interrupt reached it
        run.fault = faults.flood(project, client.flooded_at)
    run.fault = run.fault or _unreadable(run)
    return run


def _notebook(chapter: Chapter) -> Any:
    """The cells of a page as nbclient wants them."""
    notebook = new_notebook(
        cells=[
            new_code_cell(cell.source, metadata={"tags": cell.execution_tags})
            for cell in chapter.cells
        ]
    )
    notebook.metadata["kernelspec"] = dict(KERNELSPEC)
    return notebook


def _unreadable(run: Run) -> Fault | None:
    for number, outputs in enumerate(run.outputs, 1):
        if what := unreadable(outputs):
            return Fault("flood", number, what, "print a summary, in lines that fit on the page")
    return None


class _Clock:
    """Which cell runs, and the seconds spent inside cells."""

    def __init__(self, chapter: Chapter, tell: Callable[[str, int, int], None]) -> None:
        self.chapter = chapter
        self.tell = tell
        self.cell = 0
        self.started = 0.0
        self.spent_s = 0.0

    def start(self, cell: Any, cell_index: int) -> None:
        self.cell = cell_index + 1
        self.started = time.monotonic()
        self.tell(self.chapter.slug, self.cell, len(self.chapter.cells))

    def stop(self, cell: Any, cell_index: int, execute_reply: Any) -> None:
        self.spent_s += time.monotonic() - self.started


def merged(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neighbouring pieces of one stream as one output.

    Where a kernel flushes is a matter of time, not of the page.
    """
    pieces: list[dict[str, Any]] = []
    for output in outputs:
        last = pieces[-1] if pieces else {}
        if (
            output["output_type"] == "stream" == last.get("output_type")
            and output["name"] == last["name"]
        ):
            last["text"] += output["text"]
        else:
            pieces.append(output)
    return pieces


def _take_signals() -> None:
    """nbclient takes Ctrl-C for itself and leaves a dead kernel.

    Give it back to the whole build.
    """
    loop = asyncio.get_running_loop()
    with suppress(RuntimeError, ValueError):
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)
        loop.add_signal_handler(signal.SIGINT, _cancel_all)
        loop.add_signal_handler(signal.SIGTERM, _cancel_all)


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
        async with gate:
            done(await run_chapter(project, chapter, tell, python, env, parent))

    with preloaded(project, chapters, python, env) or nullcontext() as parent:
        tasks = [asyncio.ensure_future(one(chapter)) for chapter in chapters]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
