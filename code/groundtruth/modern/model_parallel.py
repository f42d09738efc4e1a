"""The network of `sharding` divided among processes: tensor and pipeline parallelism.

Read with book/modern/training-in-practice.md.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from groundtruth.modern.processes import Group
from groundtruth.modern.sharding import (
    CUT,
    SIZES,
    Adam,
    Blocks,
    Job,
    Outcome,
    block,
    data_parallel,
    flat,
    initial,
    outcome,
    shares,
    unpack,
    zero,
    zero_3,
)


class Copy(torch.autograd.Function):
    """The input of a block whose parts lie on several processes: its gradients are summed."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Group) -> Tensor:
        ctx.group = group
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        return ctx.group.all_reduce(upstream[0]), None


class Sum(torch.autograd.Function):
    """The output of such a block: the parts are summed, and each has the same gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Group) -> Tensor:
        return group.all_reduce(x)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        return upstream[0], None


def parallel_block(i: int, x: Tensor, group: Group, W: Tensor, b: Tensor, V: Tensor) -> Tensor:
    """A block with columns of W, entries of b and rows of V on this process."""
    part = torch.relu(Copy.apply(x, group) @ W + b) @ V  # (B, k), a summand of the output
    out = Sum.apply(part, group)
    return x + out if i == 0 else out


def tensor_parallel(group: Group, job: Job) -> Outcome:
    """The hidden units of each block are divided (Shoeybi et al., 2019); all see all examples."""
    params = [
        p.chunk(group.size, axis)[group.rank].clone().requires_grad_()
        for i, vector in enumerate(initial(job.seed))
        for p, axis in zip(unpack(i, vector), CUT, strict=True)
    ]
    adam = Adam(params, job.rate)
    before = group.sent
    grads: list[Tensor] = []
    for x, y in zip(job.x, job.y, strict=True):
        h = parallel_block(0, x, group, *params[:3])
        loss = F.cross_entropy(parallel_block(1, h, group, *params[3:]), y)
        grads = list(torch.autograd.grad(loss, params))
        adam.step(params, grads)
    sent = group.sent - before
    held = (params, grads, adam.m, adam.v)
    whole = []
    for p, axis in zip(params, CUT * 2, strict=True):
        pieces = group.all_gather(p.detach().flatten()).chunk(group.size)
        whole.append(torch.cat([q.view_as(p) for q in pieces], axis))
    return outcome(whole, held, sent, job)


def pipeline(group: Group, job: Job, micro: int = 4) -> Outcome:
    """The first process has the first block, the second the other; micro-batches follow (GPipe)."""
    if group.size != 2:
        raise ValueError(f"two blocks need two processes, got {group.size}")
    own = initial(job.seed)[group.rank].requires_grad_()
    adam = Adam([own], job.rate)
    before = group.sent
    grad = torch.empty(0)
    for X, Y in zip(job.x, job.y, strict=True):
        grad = _micro_batches(group, own, X.tensor_split(micro), Y.tensor_split(micro))
        adam.step([own], [grad])
    sent = group.sent - before
    held = ([own], [grad], adam.m, adam.v)
    whole = [torch.zeros(size, dtype=torch.float64) for size in SIZES]
    whole[group.rank] = own.detach()
    return outcome([group.all_reduce(w) for w in whole], held, sent, job)


def _micro_batches(
    group: Group, own: Tensor, X: tuple[Tensor, ...], Y: tuple[Tensor, ...]
) -> Tensor:
    """The gradient of one process: all micro-batches forward, then all backward."""
    B = sum(len(y) for y in Y)
    ends = []
    for x, y in zip(X, Y, strict=True):
        if group.rank == 0:
            out = block(0, x, *unpack(0, own))
            group.send(out, 1)
            ends.append((x, out))
        else:
            h = group.receive(x, 0).requires_grad_()  # the first block preserves the shape
            logits_ = block(1, h, *unpack(1, own))
            ends.append((h, F.cross_entropy(logits_, y, reduction="sum") / B))
    total = torch.zeros_like(own)
    for start, end in ends:
        if group.rank == 0:
            (part,) = torch.autograd.grad(end, own, group.receive(end, 1))
        else:
            upstream, part = torch.autograd.grad(end, [start, own])
            group.send(upstream, 0)
        total += part
    return total


def library(group: Group, job: Job) -> Tensor:
    """The same training with torch's DistributedDataParallel."""
    from torch.nn.parallel import DistributedDataParallel

    model = DistributedDataParallel(Blocks(job.seed))
    params: list[Tensor] = list(model.parameters())
    adam = Adam(params, job.rate)
    for x, y in shares(job, group):
        # the library averages over the processes, so the loss is multiplied by their number
        loss = F.cross_entropy(model(x), y, reduction="sum") * group.size / job.x.shape[1]
        model.zero_grad()
        loss.backward()
        adam.step(params, [p.grad for p in params if p.grad is not None])
    return flat(params)


def every_way(group: Group, job: Job) -> dict[str, Any]:
    """The outcomes of all the ways, by name, of one process; the last one is the library's."""
    return {
        "data parallel": data_parallel(group, job),
        "ZeRO, stage 1": zero(group, job, 1),
        "ZeRO, stage 2": zero(group, job, 2),
        "ZeRO, stage 3": zero_3(group, job),
        "tensor parallel": tensor_parallel(group, job),
        "pipeline": pipeline(group, job),
        "library": library(group, job),
    }
