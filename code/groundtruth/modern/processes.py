"""Functions run by several processes that exchange tensors, each with a rank.

Read with book/modern/training-in-practice.md.
"""

from __future__ import annotations

import socket
import tempfile
import time
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor

LOOPBACK = ("lo", "lo0")  # names of the interface of 127.0.0.1 on Linux and on macOS


class Group:
    """The processes of one run as seen by one of them, and what it sent.

    `sent` counts numbers by the formulas of ring algorithms: a process sends n (p - 1) / p numbers
    for a reduce-scatter or an all-gather of n numbers, and twice as many for an all-reduce.
    """

    def __init__(self, rank: int, size: int) -> None:
        self.rank = rank
        self.size = size
        self.sent = 0.0

    def _count(self, n: int, rounds: int) -> None:
        self.sent += rounds * n * (self.size - 1) / self.size

    def all_reduce(self, x: Tensor) -> Tensor:
        """The sum over all processes, in a new tensor."""
        total = x.detach().clone().contiguous()
        dist.all_reduce(total)
        self._count(x.numel(), 2)
        return total

    def reduce_scatter(self, x: Tensor) -> Tensor:
        """This process's piece (n / p,) of the sum of x (n,) over all processes."""
        own = x.new_empty(x.numel() // self.size)
        dist.reduce_scatter_single(own, x.detach().contiguous())
        self._count(x.numel(), 1)
        return own

    def all_gather(self, piece: Tensor) -> Tensor:
        """The pieces (m,) of all processes joined, (p m,)."""
        pieces = [torch.empty_like(piece) for _ in range(self.size)]
        dist.all_gather(pieces, piece.detach().contiguous())
        self._count(piece.numel() * self.size, 1)
        return torch.cat(pieces)

    def send(self, x: Tensor, to: int) -> None:
        """Send to one process, which must receive."""
        dist.send(x.detach().contiguous(), to)
        self.sent += x.numel()

    def receive(self, like: Tensor, source: int) -> Tensor:
        """A tensor in the shape and type of `like` from one process."""
        x = torch.empty_like(like)
        dist.recv(x, source)
        return x


Worker = Callable[..., Any]


def launch(worker: Worker, size: int, *args: Any, timeout_s: float = 90.0) -> list[Any]:
    """What `worker(group, *args)` returns in each of several new processes, in order of rank.

    The processes meet through a file in a temporary folder and talk over 127.0.0.1 by gloo. Nothing
    is left when the function returns: a process that is late is ended.

    Parameters
    ----------
    worker : function of a module, so that a new process can import it
    size : number of processes, at least 1
    args : passed on; a result holds tensors, numbers and strings, in lists, tuples and dictionaries
    timeout_s : for all of it, the start of the processes included

    Raises
    ------
    ValueError
        If size or timeout is not positive.
    RuntimeError
        If a process fails, with its traceback.
    TimeoutError
        If a process is not done in time.
    """
    if size < 1 or timeout_s <= 0:
        raise ValueError(f"need a positive size and timeout, got {size} and {timeout_s}")
    context = mp.get_context("spawn")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        job = (worker, size, args, str(folder), timeout_s)
        running = [context.Process(target=_run, args=(r, *job), daemon=True) for r in range(size)]
        deadline = time.monotonic() + timeout_s
        try:
            for process in running:
                process.start()
            _wait(running, folder, deadline)
        finally:
            for process in running:
                if process.is_alive():
                    process.kill()
                process.join(5)
        paths = [folder / f"result-{r}" for r in range(size)]
        return [torch.load(path, weights_only=True) for path in paths]  # noqa: TID251


def _wait(running: list[Any], folder: Path, deadline: float) -> None:
    """Until all processes are done; the first failure is raised at once."""
    while any(process.is_alive() for process in running):
        if any(process.exitcode for process in running):
            break
        if time.monotonic() > deadline:
            late = [r for r, process in enumerate(running) if process.is_alive()]
            raise TimeoutError(f"the processes {late} are not done in time")
        time.sleep(0.02)
    # the error that was written first is the cause; others lost their connection to it
    errors = sorted(folder.glob("error-*"), key=lambda path: path.stat().st_mtime_ns)
    if errors:
        raise RuntimeError(
            f"process {errors[0].name[6:]} failed:\n{errors[0].read_text(encoding='utf-8')}"
        )
    for r, process in enumerate(running):
        if process.exitcode:
            raise RuntimeError(f"process {r} ended with code {process.exitcode}")


def _run(
    rank: int, worker: Worker, size: int, args: tuple[Any, ...], name: str, timeout_s: float
) -> None:
    """The body of a process: join the group, work, write the result."""
    import os

    folder = Path(name)
    torch.set_num_threads(1)
    known = {interface for _, interface in socket.if_nameindex()}
    for interface in LOOPBACK:
        if interface in known:
            os.environ["GLOO_SOCKET_IFNAME"] = interface
    try:
        dist.init_process_group(
            "gloo",
            store=dist.FileStore(str(folder / "store"), size),
            rank=rank,
            world_size=size,
            timeout=timedelta(seconds=timeout_s),
        )
        result = worker(Group(rank, size), *args)
        torch.save(result, folder / f"result-{rank}")
        dist.barrier()
    except Exception:
        (folder / f"error-{rank}").write_text(traceback.format_exc(), encoding="utf-8")
        raise SystemExit(1) from None
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
