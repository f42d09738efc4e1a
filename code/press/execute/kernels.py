"""Run a chapter once, in a fresh kernel, and say exactly what went wrong if it does not end.

Several chapters run at a time: kernels are processes of their own, so one event loop is enough to
feed them. A kernel watches its parent and ends when the press is killed.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any, cast

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.session import Session
from jupyter_core.utils import ensure_async
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat.v4 import new_code_cell, new_notebook

from press.config import Project, kernel_env
from press.execute.forked import Manager, Preloaded, preloaded
from press.execute.run import Fault, Run
from press.source.chapter import Chapter

ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Bounded(Session):
    """A session that does not open outputs that are certainly too long: a kernel sends at once what it printed in a fifth of a second."""

    limit_bytes = 1_000_000
    outputs = frozenset({"stream", "display_data", "update_display_data", "execute_result"})

    def deserialize(self, msg_list: Any, content: bool = True, copy: bool = True) -> dict[str, Any]:
        # one character is at most twelve bytes of JSON
        if (
            not content
            or not copy
            or len(msg_list) < 5
            or len(msg_list[4]) < 12 * self.limit_bytes + 10_000
        ):
            return super().deserialize(msg_list, content, copy)
        message = super().deserialize(msg_list, content=False)
        if message["msg_type"] not in self.outputs:
            return super().deserialize(msg_list)
        text = " " * (self.limit_bytes + 1)  # as good as what was sent: it is counted and dropped
        message["content"] = (
            {"name": "stdout", "text": text}
            if message["msg_type"] == "stream"
            else {
                "data": {"text/plain": text},
                "metadata": {},
                "transient": {},
                "execution_count": None,
            }
        )
        return message


class Client(NotebookClient):
    """nbclient with a limit on what one cell may print."""

    limit_bytes = 1_000_000
    printed = 0
    flooded = False
    flooded_at = 0

    async def async_start_new_kernel(self, **kwargs: Any) -> None:
        _take_signals()  # nbclient has just taken them: a Ctrl-C while the kernel starts must end the build as well
        await super().async_start_new_kernel(**kwargs)

    async def async_execute_cell(self, cell, cell_index, execution_count=None, store_history=True):  # type: ignore[override]
        self.printed = 0
        return await super().async_execute_cell(cell, cell_index, execution_count, store_history)

    def process_message(self, msg, cell, cell_index):
        if msg["msg_type"] in ("stream", "display_data", "execute_result"):
            content = msg["content"]
            self.printed += (
                len(content.get("text", ""))
                if msg["msg_type"] == "stream"
                else len(str(content.get("data", "")))
            )
            if self.printed > self.limit_bytes:
                if not self.flooded:
                    self.flooded, self.flooded_at = True, cell_index + 1
                    assert self.km is not None
                    self.interrupt = asyncio.ensure_future(
                        ensure_async(cast(Any, self.km.interrupt_kernel()))
                    )
                return None  # drop it: no more of it is kept
        return super().process_message(msg, cell, cell_index)


def kernel_manager(
    python: str, sockets: str, limit_bytes: int, parent: Preloaded | None = None
) -> Manager:
    """A manager whose kernel is `python -m ipykernel_launcher`, whatever kernels are installed, or a copy of `parent`.

    It talks through sockets in a private folder: no port, nothing to overhear.
    """
    manager = Manager()
    manager.preloaded = parent
    manager.session = Bounded(parent=manager)
    manager.session.limit_bytes = limit_bytes
    if sys.platform != "win32":
        manager.transport, manager.ip = "ipc", os.path.join(sockets, "k")
    manager._kernel_spec = KernelSpec(
        argv=[python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        display_name="Python 3",
        language="python",
    )
    return manager


async def run_chapter(
    project: Project,
    chapter: Chapter,
    tell: Callable[[str, int, int], None],
    python: str,
    env: dict[str, str],
    parent: Preloaded | None = None,
) -> Run:
    """Execute `chapter` in `env`, in a kernel that is a copy of `parent` if there is one; faults are returned, not raised."""
    run = Run(chapter.slug)
    if not chapter.cells:
        return run
    book = new_notebook(
        cells=[new_code_cell(cell.source, metadata={"tags": cell.tags}) for cell in chapter.cells]
    )
    book.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    current, started, spent = 0, 0.0, 0.0

    def on_start(**_: Any) -> None:
        _take_signals()

    def on_cell(cell: Any, cell_index: int) -> None:
        nonlocal current, started
        current, started = cell_index + 1, time.monotonic()
        tell(chapter.slug, current, len(chapter.cells))

    def on_done(cell: Any, cell_index: int, execute_reply: Any) -> None:
        nonlocal spent
        spent += time.monotonic() - started

    client = Client(
        book,
        km=None,
        timeout=project.cell_timeout_s,
        kernel_name="python3",
        resources={"metadata": {"path": str(project.book)}},
        record_timing=False,
        on_notebook_start=on_start,
        on_cell_start=on_cell,
        on_cell_executed=on_done,
        shutdown_kernel="immediate",
    )
    client.limit_bytes = project.output_limit_bytes
    sockets = tempfile.mkdtemp(prefix="press-")
    client.km = kernel_manager(python, sockets, project.output_limit_bytes, parent)
    client.owns_km = True
    try:
        await client.async_execute(env=dict(env))
        if client.flooded:  # the cell was done before the interrupt reached it
            run.fault = _fault(RuntimeError("flood"), client, current, project)
    except asyncio.CancelledError:
        raise
    except Exception as error:  # every kind is told apart below; none is swallowed
        run.fault = _fault(error, client, current, project)
    finally:
        await _put_down(client)
        shutil.rmtree(sockets, ignore_errors=True)
    run.outputs = [merged([dict(output) for output in cell.outputs]) for cell in book.cells]
    run.counts = [cell.execution_count for cell in book.cells]
    run.seconds = spent
    return run


def merged(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neighbouring pieces of one stream as one output: where a kernel flushes is a matter of time, not of the page."""
    found: list[dict[str, Any]] = []
    for output in outputs:
        last = found[-1] if found else {}
        if (
            output["output_type"] == "stream" == last.get("output_type")
            and output["name"] == last["name"]
        ):
            last["text"] += output["text"]
        else:
            found.append(output)
    return found


def _take_signals() -> None:
    """nbclient takes Ctrl-C for itself and leaves a dead kernel; give it back to the whole build."""
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


def _fault(error: Exception, client: Client, cell: int, project: Project) -> Fault:
    if client.flooded:
        return Fault(
            "flood",
            client.flooded_at,
            f"the cell printed more than {project.output_limit_bytes:,} bytes and was stopped",
            "print a summary; or raise output_limit_bytes under [tool.press] in pyproject.toml",
        )
    if isinstance(error, CellTimeoutError):
        return Fault(
            "timeout",
            cell,
            f"the cell did not end within {project.cell_timeout_s} s and was stopped",
            "make the cell smaller; or raise cell_timeout_s under [tool.press] in pyproject.toml",
        )
    if isinstance(error, DeadKernelError):
        return Fault(
            "died",
            cell,
            "the kernel died while the cell ran",
            "look for os._exit, a crash in a compiled library or a lack of memory in this cell",
        )
    if isinstance(error, CellExecutionError):
        trace = ANSI.sub("", error.traceback).strip().splitlines()
        return Fault(
            "raised",
            cell,
            f"the cell raised {error.ename}: {ANSI.sub('', str(error.evalue)).splitlines()[0] if error.evalue else ''}".rstrip(
                ": "
            ),
            "mend the cell, or the module of code/ that it calls",
            "\n".join(trace[-25:]),
        )
    return Fault(
        "start" if cell == 0 else "died",
        cell,
        f"the kernel could not be used: {type(error).__name__}: {error}",
        "see that ipykernel is installed for this interpreter: `python -m ipykernel_launcher --version`",
    )


async def run_many(
    project: Project,
    chapters: list[Chapter],
    tell: Callable[[str, int, int], None],
    done: Callable[[Run], None],
    python: str = sys.executable,
    env: dict[str, str] | None = None,
) -> None:
    """Execute chapters, `project.workers` at a time, in `env` or as a build does; `done` is called as each one ends."""
    gate, env = asyncio.Semaphore(project.workers), env or kernel_env(project)

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
