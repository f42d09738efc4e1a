"""Kernels that are copies of one process that has imported the libraries, where the system can.

Importing torch, scikit-learn and matplotlib takes 5 s of CPU time, as much as many a page computes.
`Preloaded` pays for it once a build. Each kernel is still a process of its own that shares nothing
with another, in the same environment; the stock test with nbval starts every kernel anew, so a page
that lives on what another page imported is found there. Linux only; where anything is in the way,
`kernel` answers None and the kernel is started in the usual way.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_client.manager import AsyncKernelManager

from press.config import Project
from press.execute import imports
from press.source.chapter import Chapter

PATIENCE_S = 60.0  # until the libraries are imported; 4 s on a quiet machine
WORTH = 3  # pages from which on it pays, and pages that must ask for a library
NOT_EARLY = {"IPython", "matplotlib_inline"}  # look for the running kernel when they are imported


class Forked:
    """What a kernel's manager asks of `subprocess.Popen`, for a process that is not our child.

    It is held by a file descriptor and not by its number, which the system may give to another
    process.
    """

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        try:
            self.fd = os.pidfd_open(pid)
        except ProcessLookupError:
            self.fd, self.returncode = -1, 1

    def poll(self) -> int | None:
        """None while it runs. How it ended only its parent could know: 1 stands for any end."""
        if self.returncode is None and select.select([self.fd], [], [], 0)[0]:
            os.close(self.fd)
            self.returncode = 1
        return self.returncode

    def wait(self) -> int:
        """Wait for its end."""
        if self.returncode is None:
            select.select([self.fd], [], [])
        return self.poll() or 0

    def send_signal(self, signum: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.fd, signum)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


class Preloaded:
    """The process that has imported `modules`; a context that ends with it."""

    def __init__(self, python: str, env: dict[str, str], modules: Iterable[str]) -> None:
        self.works = False
        if not possible():
            return
        asked, self.asked = os.pipe()
        self.answers, answers = os.pipe()
        self.process = subprocess.Popen(
            [
                python,
                str(Path(__file__).with_name("preload.py")),
                *map(str, (os.getpid(), asked, answers)),
                *sorted(modules),
            ],
            env=env,
            stdin=subprocess.DEVNULL,
            pass_fds=(asked, answers),
            start_new_session=True,
        )
        os.close(asked)
        os.close(answers)
        self.works = True
        self.turn = asyncio.Lock()

    async def kernel(self, command: list[str], cwd: str, env: dict[str, str]) -> Forked | None:
        """A copy of the process that runs as the kernel of `command`.

        None when it cannot be had.
        """
        if not self.works:
            return None
        request = {"record": command[2:5], "argv": command[5:], "cwd": cwd, "env": env}
        async with self.turn:
            answer = await self._ask(json.dumps(request) + "\n")
        if not answer.isdigit():
            self.works = False
            return None
        return Forked(int(answer))

    async def _ask(self, line: str) -> str:
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self.answers, _answer, answered)
        try:
            os.write(self.asked, line.encode())
            await asyncio.wait_for(answered, PATIENCE_S)
            return os.read(self.answers, 100).decode().strip()  # so short a line comes whole
        except (OSError, TimeoutError):  # it has ended, or hangs
            return ""
        finally:
            loop.remove_reader(self.answers)

    def __enter__(self) -> Preloaded:
        return self

    def __exit__(self, *_: Any) -> None:
        if hasattr(self, "process"):
            os.close(self.asked)
            os.close(self.answers)
            self.process.kill()  # its kernels have ended; it holds nothing that must be put away
            self.process.wait()


def _answer(answered: asyncio.Future[None]) -> None:
    if not answered.done():
        answered.set_result(None)


class Manager(AsyncKernelManager):
    """A manager that takes its kernel from a preloaded process when there is one."""

    preloaded: Preloaded | None = None

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kw: Any) -> None:
        forked = None
        if self.preloaded is not None:
            forked = await self.preloaded.kernel(kernel_cmd, str(kw["cwd"]), kw["env"])
        if forked is None:
            return await super()._async_launch_kernel(kernel_cmd, **kw)
        local: Any = self.provisioner
        local.process, local.pid, local.pgid, local.cwd = forked, forked.pid, forked.pid, kw["cwd"]
        self._reconcile_connection_info(local.connection_info)

    _launch_kernel = _async_launch_kernel  # type: ignore[assignment]


def possible() -> bool:
    """Whether this system copies processes that have such libraries in them without harm."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")


def outside(project: Project, chapter: Chapter) -> set[str]:
    """What a page imports from elsewhere, itself and through `code/`.

    Names of attributes may be among it.
    """
    roots = imports.cell_names([cell.source for cell in chapter.cells])
    names = set(roots)
    for path in imports.files(roots, project.code, project.packages):
        package = ".".join(path.relative_to(project.code).with_suffix("").parts[:-1])
        names.update(imports.of(path.read_text(encoding="utf-8"), package))
    return {name for name in names if name.split(".")[0] not in NOT_EARLY | {"", *project.packages}}


def preloaded(
    project: Project, chapters: list[Chapter], python: str, env: dict[str, str]
) -> Preloaded | None:
    """A process for the kernels of `chapters`, when there are enough of them for it to pay.

    It imports what several ask for.
    """
    chapters = [chapter for chapter in chapters if chapter.cells]
    if len(chapters) < WORTH or not possible():
        return None
    asked = Counter(name for chapter in chapters for name in outside(project, chapter))
    return Preloaded(python, env, (name for name, times in asked.items() if times >= WORTH))
