r"""One process or many: the rank of each, its share of a batch, and what they exchange.

Read with `book/capstones/runner.md`.

Several processes are started by torchrun, here (`--processes 2`) or by hand on several computers:

    torchrun --nnodes 2 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint HOST:29500 \
        -m projects run gpt --preset gpu

Each one computes the whole batch's indices and takes its share; gradients are averaged by
DistributedDataParallel, over gloo on CPUs and NCCL on CUDA. The first process alone writes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from clikit.errors import Exit, UserError
from torch import Tensor, nn

from projects.runner.task import Batch


@dataclass(frozen=True)
class Group:
    """The processes of a run and the place of this one among them."""

    rank: int = 0
    local_rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        return self.rank == 0

    def share(self, batch: Batch) -> Batch:
        """This process's examples of a batch; the shares differ by one example at most."""
        B = len(batch[0])
        if self.size > B:
            raise UserError(
                f"a batch of {B} cannot be shared by {self.size} processes",
                f"use --set batch_size={self.size} or more, or fewer processes",
                Exit.USAGE,
            )
        start = self.rank * B // self.size
        end = (self.rank + 1) * B // self.size
        return tuple(part[start:end] for part in batch)

    def total(self, values: Tensor) -> Tensor:
        """The sum over the processes, entry by entry."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def gather(self, value: Any) -> list[Any]:
        """The value of every process, in order of rank."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def wait(self) -> None:
        if self.size > 1:
            dist.barrier()

    def wrap(self, model: nn.Module, device: torch.device) -> nn.Module:
        """The model whose backward pass averages gradients over the processes."""
        if self.size == 1:
            return model
        return nn.parallel.DistributedDataParallel(
            model, device_ids=[device.index] if device.type == "cuda" else None
        )


def current_group() -> Group:
    """The group torchrun put this process in, or the group of one."""
    if "RANK" not in os.environ or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Group()
    return Group(
        int(os.environ["RANK"]),
        int(os.environ.get("LOCAL_RANK", "0")),
        int(os.environ["WORLD_SIZE"]),
    )


def init_group(group: Group, device: torch.device) -> None:
    """Connect the processes: after the device is chosen, before the first tensor is exchanged."""
    if group.size > 1 and not dist.is_initialized():
        dist.init_process_group(
            "nccl" if device.type == "cuda" else "gloo", timeout=timedelta(minutes=10)
        )


def destroy_group() -> None:
    """Disconnect."""
    if dist.is_initialized():
        dist.destroy_process_group()
