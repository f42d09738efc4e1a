"""Kernels that are copies of one process that has imported the libraries, where the system can.

Importing torch, scikit-learn and matplotlib takes 5 s of CPU time, as much as many a page computes.
`preloaded` pays for it once a build. Each kernel is still a process of its own that shares nothing
with another, in the same environment; the stock test with nbval starts every kernel separately, so
a page that lives on what another page imported is found there. Linux only; where a copy cannot be
had, the kernel is started by its command.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast

from jupyter_client.provisioning import LocalProvisioner

from press.config import Project
from press.execute import imports
from press.source.chapter import Chapter

RECORDER = str(Path(__file__).with_name("recorder.py"))
SERVER = str(Path(__file__).with_name("preload.py"))
PATIENCE_S = 60.0  # until the libraries are imported; 4 s on a quiet machine
WORTH = 3  # pages from which on it pays, and pages that must ask for a library
NOT_EARLY = {"IPython", "matplotlib_inline"}  # look for the running kernel when they are imported


def kernel_command(python: str, *record: str) -> list[str]:
    """What starts a kernel that is recorded; `recorder.launch` explains `record`."""
    return [python, RECORDER, *record, "-f", "{connection_file}"]


class Forked:
    """What a kernel's manager asks of `subprocess.Popen`, for a process that is not our child.

    It is held by a file descriptor and not by its number, which the system may give to another
    process. Raises ProcessLookupError when it has ended before.
    """

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.fd = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """None while it runs. How it ended only its parent could know: 1 stands for any end."""
        return 1 if select.select([self.fd], [], [], 0)[0] else None

    def wait(self) -> int:
        """Wait for its end."""
        select.select([self.fd], [], [])
        return 1

    def send_signal(self, signum: int) -> None:
        """Send a signal, unless it has ended."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.fd, signum)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def __del__(self) -> None:
        if hasattr(self, "fd"):
            os.close(self.fd)


class Preloaded:
    """The running `preload.py`."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.works = True
        self.turn = asyncio.Lock()

    async def kernel(self, command: list[str]) -> Forked | None:
        """A copy of the process that runs as the kernel of `command`; None when it cannot be had.

        It has the environment and the working folder of the process.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        arguments = command[command.index(RECORDER) + 1 :]
        async with self.turn:
            if not self.works:
                return None
            try:
                self.process.stdin.write(json.dumps(arguments).encode() + b"\n")
                answer = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE_S)
                return Forked(int(answer))
            except (OSError, ValueError, TimeoutError):  # it has ended, or hangs
                self.works = False
                return None


class Provisioner(LocalProvisioner):
    """Starts a kernel as a copy of a preloaded process where there is one, or by its command."""

    preloaded: Preloaded | None = None

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start the kernel and return where it listens."""
        forked = await self.preloaded.kernel(cmd) if self.preloaded else None
        if forked is None:
            return await super().launch_kernel(cmd, **kwargs)
        self.process = cast(Any, forked)
        self.pid = forked.pid
        self.pgid = forked.pid
        self.cwd = kwargs["cwd"]
        return self.connection_info


def possible() -> bool:
    """Whether this system copies processes that have such libraries in them without harm."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")


def _outside(project: Project, chapter: Chapter) -> set[str]:
    """What a page imports from elsewhere, itself and through `code/`.

    Names of attributes may be among it.
    """
    roots = imports.cell_names([cell.source for cell in chapter.cells])
    names = set(roots)
    for path in imports.files(roots, project.code, project.packages):
        package = ".".join(path.relative_to(project.code).with_suffix("").parts[:-1])
        names.update(imports.of(path.read_text(encoding="utf-8"), package))
    return {name for name in names if name.split(".")[0] not in NOT_EARLY | {"", *project.packages}}


@asynccontextmanager
async def preloaded(
    project: Project, chapters: list[Chapter], python: str, env: dict[str, str]
) -> AsyncIterator[Preloaded | None]:
    """A process for the kernels of `chapters`, when there are enough of them for it to pay.

    It imports what several ask for, and ends with the context.
    """
    chapters = [chapter for chapter in chapters if chapter.cells]
    if len(chapters) < WORTH or not possible():
        yield None
        return
    counts = Counter(name for chapter in chapters for name in _outside(project, chapter))
    process = await asyncio.create_subprocess_exec(
        *(python, SERVER, str(os.getpid())),
        *sorted(name for name, count in counts.items() if count >= WORTH),
        env=env,
        cwd=project.book,
        stdin=PIPE,
        stdout=PIPE,
        start_new_session=True,
    )
    try:
        yield Preloaded(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()  # its kernels have ended; it holds nothing that must be put away
        await process.wait()
