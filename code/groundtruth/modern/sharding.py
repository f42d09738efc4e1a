"""One small network trained by several processes: data parallelism and ZeRO.

Read with book/modern/training-in-practice.md.

Every function is the work of one process, and returns the parameters it holds after the last step.
The network has two blocks: x + relu(x W1 + b1) W2, and relu(x W3 + b3) W4.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypedDict

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from groundtruth.modern.processes import Group

SHAPES = (((64, 96), (96,), (96, 64)), ((64, 96), (96,), (96, 10)))  # W, b, V of each block
CUT = (1, 0, 0)  # the axis along which tensor parallelism cuts W, b and V
SIZES = tuple(sum(math.prod(shape) for shape in shapes) for shapes in SHAPES)


class Job(NamedTuple):
    """Data and settings, the same in all processes."""

    x: Tensor  # (steps, B, 64)
    y: Tensor  # (steps, B)
    rate: float
    seed: int


class Outcome(TypedDict):
    """What one process held and sent."""

    params: Tensor  # all parameters in one vector (P,), gathered after the last step
    numbers: float  # held just before a step, per parameter of the network
    sent: float  # per parameter and step


def initial(seed: int) -> list[Tensor]:
    """The parameters of each block in one vector, float64."""
    rng = np.random.default_rng(seed)
    return [
        torch.cat([torch.tensor(rng.normal(0, s[0] ** -0.5, math.prod(s))) for s in shapes])
        for shapes in SHAPES
    ]


def unpack(i: int, vector: Tensor) -> list[Tensor]:
    """W, b and V of block i as views of its vector."""
    parts = vector.split([math.prod(shape) for shape in SHAPES[i]])
    return [part.view(shape) for part, shape in zip(parts, SHAPES[i], strict=True)]


def block(i: int, x: Tensor, W: Tensor, b: Tensor, V: Tensor) -> Tensor:
    """The first block has a skip connection, the second has none."""
    out = torch.relu(x @ W + b) @ V
    return x + out if i == 0 else out


def logits(params: list[Tensor], x: Tensor) -> Tensor:
    """Of the whole network, from the vectors of its blocks."""
    for i, vector in enumerate(params):
        x = block(i, x, *unpack(i, vector))
    return x


def summed_loss(params: list[Tensor], x: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy of the network, summed over the examples."""
    return F.cross_entropy(logits(params, x), y, reduction="sum")


class Adam:
    """Adam with its usual settings on a list of tensors, in place."""

    def __init__(self, like: list[Tensor], rate: float) -> None:
        self.m = [torch.zeros_like(p) for p in like]
        self.v = [torch.zeros_like(p) for p in like]
        self.rate = rate
        self.t = 0

    @torch.no_grad()
    def step(self, params: list[Tensor], grads: list[Tensor]) -> None:
        self.t += 1
        for p, g, m, v in zip(params, grads, self.m, self.v, strict=True):
            m.mul_(0.9).add_(g, alpha=0.1)
            v.mul_(0.999).addcmul_(g, g, value=0.001)
            unbiased = (v / (1 - 0.999**self.t)).sqrt() + 1e-8
            p.sub_(self.rate / (1 - 0.9**self.t) * m / unbiased)


def shares(job: Job, group: Group) -> Iterator[tuple[Tensor, Tensor]]:
    """This process's examples of each batch."""
    for x, y in zip(job.x, job.y, strict=True):
        yield x.tensor_split(group.size)[group.rank], y.tensor_split(group.size)[group.rank]


def flat(tensors: list[Tensor]) -> Tensor:
    """All numbers in one vector."""
    return torch.cat([t.detach().flatten() for t in tensors])


def distinct_numbers(held: Sequence[Sequence[Tensor]]) -> int:
    """Numbers in the memory of these tensors; views of one memory count once.

    Examples
    --------
    >>> x = torch.zeros(6)
    >>> distinct_numbers([[x, x[:2]], [x[:2].clone()]])
    8
    """
    memory = {t.untyped_storage().data_ptr(): t for tensors in held for t in tensors}
    return sum(t.untyped_storage().nbytes() // t.element_size() for t in memory.values())


def outcome(params: list[Tensor], held: Sequence[list[Tensor]], sent: float, job: Job) -> Outcome:
    numbers = distinct_numbers(held)
    return {
        "params": flat(params),
        "numbers": numbers / sum(SIZES),
        "sent": sent / len(job.x) / sum(SIZES),
    }


class Blocks(torch.nn.Module):
    """The network as a module."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.params = torch.nn.ParameterList([torch.nn.Parameter(p) for p in initial(seed)])

    def forward(self, x: Tensor) -> Tensor:
        return logits(list(self.params), x)


def data_parallel(group: Group, job: Job) -> Outcome:
    """All processes hold everything; gradients are summed over the processes."""
    params = [p.requires_grad_() for p in initial(job.seed)]
    adam = Adam(params, job.rate)
    before = group.sent
    grads: list[Tensor] = []
    for x, y in shares(job, group):
        loss = summed_loss(params, x, y) / job.x.shape[1]  # of the whole batch
        grads = [group.all_reduce(g) for g in torch.autograd.grad(loss, params)]
        adam.step(params, grads)
    held = (params, grads, adam.m, adam.v)
    return outcome(params, held, group.sent - before, job)


def piece(vector: Tensor, group: Group) -> Tensor:
    """This process's part of a vector, as a view of it."""
    return vector.detach().chunk(group.size)[group.rank]


class Gather(torch.autograd.Function):
    """A vector from the pieces of all processes; backward, its gradient is summed and cut."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, group: Group) -> Tensor:
        ctx.group = group
        return group.all_gather(own)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        return ctx.group.reduce_scatter(upstream[0]), None


def zero(group: Group, job: Job, stage: int) -> Outcome:
    """Stage 1 divides the moments, stage 2 also the gradients (Rajbhandari et al., 2020)."""
    params = [p.requires_grad_() for p in initial(job.seed)]
    own = [piece(p, group) for p in params]  # views: no second copy
    adam = Adam(own, job.rate)
    before = group.sent
    held: tuple[list[Tensor], ...] = ()
    for x, y in shares(job, group):
        loss = summed_loss(params, x, y) / job.x.shape[1]
        grads = list(torch.autograd.grad(loss, params))
        pieces = [group.reduce_scatter(g) for g in grads]
        if stage == 1:  # into the whole gradients, which remain
            pieces = [piece(g, group).copy_(q) for g, q in zip(grads, pieces, strict=True)]
        else:
            grads = pieces  # the whole gradients are freed
        held = (params, own, grads, pieces, adam.m, adam.v)
        adam.step(own, pieces)
        with torch.no_grad():
            for p, q in zip(params, own, strict=True):
                p.copy_(group.all_gather(q))
    return outcome(params, held, group.sent - before, job)


def zero_3(group: Group, job: Job) -> Outcome:
    """Parameters are divided too; a block gathers its own before use, backward once more."""
    own = [piece(p, group).clone().requires_grad_() for p in initial(job.seed)]
    adam = Adam(own, job.rate)
    before = group.sent
    grads: list[Tensor] = []

    def gathered(i: int, x: Tensor, q: Tensor) -> Tensor:
        return block(i, x, *unpack(i, Gather.apply(q, group)))

    for h, y in shares(job, group):
        for i, q in enumerate(own):
            h = checkpoint(gathered, i, h, q, use_reentrant=False)
        loss = F.cross_entropy(h, y, reduction="sum") / job.x.shape[1]
        grads = list(torch.autograd.grad(loss, own))
        adam.step(own, grads)
    sent = group.sent - before
    held = (own, grads, adam.m, adam.v)
    whole = [group.all_gather(q) for q in own]
    return outcome(whole, held, sent, job)
