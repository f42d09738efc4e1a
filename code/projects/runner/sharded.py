"""The plain loop with weights, gradients and moments divided among processes: PyTorch's FSDP2.

The runner does not use it: its models fit on one device. Read with `book/capstones/runner.md`.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
import torch.distributed.checkpoint as dcp
from groundtruth.modern import processes as launched
from torch import nn
from torch.distributed.checkpoint.state_dict import get_state_dict
from torch.distributed.fsdp import fully_shard

from projects.runner import processes
from projects.runner.settings import Settings
from projects.runner.task import Task
from projects.runner.training import rate


def train(
    group: launched.Group, kind: type[Task[Any]], settings: Settings, folder: str
) -> dict[str, Any]:
    """Train a task in the processes of a group and save a sharded checkpoint.

    Parameters
    ----------
    group : the processes that `groundtruth.modern.processes.launch` has started
    kind : class of the task; its model is an `nn.Sequential`, each module of which is sharded
    settings : of the task
    folder : path of the checkpoint, a folder with one file or more per process

    Returns
    -------
    dict with `weights` (n,), all of them, and the numbers of weights and of moment estimates that
    this process holds, `own` and `moments`

    Raises
    ------
    UserError
        When the batch has fewer examples than there are processes.

    References
    ----------
    PyTorch, `torch.distributed.fsdp.fully_shard` and `torch.distributed.checkpoint`; Rajbhandari et
    al. (2020), stage 3.
    """
    task = kind(settings)
    model = shard(task.model)
    optimizer = task.optimizer(fused=False)
    steps(task, model, optimizer, group.rank, group.size)
    save(model, optimizer, folder)
    parameters: list[Any] = list(model.parameters())  # distributed tensors
    return {
        "weights": torch.cat([p.full_tensor().detach().flatten() for p in parameters]),
        "own": sum(p.to_local().numel() for p in parameters),
        "moments": sum(
            state[name].to_local().numel()
            for state in optimizer.state.values()
            for name in ("exp_avg", "exp_avg_sq")
        ),
    }


def shard(model: nn.Module) -> nn.Module:
    """Divide a model among the processes; one layer is gathered at a time."""
    for layer in model.children():
        if any(True for _ in layer.parameters()):
            fully_shard(layer)
    fully_shard(model)
    return model


def steps(
    task: Task[Any],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    rank: int,
    size: int,
) -> None:
    """The plain loop of one process, on a CPU, on its whole share of each batch.

    With micro-batches, every process would need the same number of them,
    because all processes gather each layer together.
    """
    settings = task.settings
    limit = settings.clip_norm or float("inf")
    for step in range(settings.steps):
        for group in optimizer.param_groups:
            group["lr"] = rate(step, settings)
        share = processes.Group(rank, size=size).share(task.batch(step))
        optimizer.zero_grad()
        weight = size * len(share[0]) / settings.batch_size
        (task.loss(model, share) * weight).backward()  # averaged
        nn.utils.clip_grad_norm_(model.parameters(), limit)
        optimizer.step()


def save(model: nn.Module, optimizer: torch.optim.Optimizer, folder: str) -> None:
    """Write a checkpoint to which every process contributes its part."""
    weights, moments = get_state_dict(model, optimizer)
    dcp.save({"model": weights, "optimizer": moments}, checkpoint_id=folder)


def load(model: nn.Module, folder: str) -> None:
    """Read the weights of such a checkpoint into a model of one process.

    `dcp.load` reads into the tensors that it is given, whole ones here. The file `.metadata` is a
    pickle, which can run code as it is read: load only what you have written.

    Raises
    ------
    torch.distributed.checkpoint.CheckpointException
        When the folder holds no checkpoint, or one of another model.
    """
    with warnings.catch_warnings():  # the warning describes what we want
        warnings.filterwarnings("ignore", "torch.distributed is disabled")
        dcp.load({"model": model.state_dict()}, checkpoint_id=folder, no_dist=True)
