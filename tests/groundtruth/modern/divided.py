"""What tests of divided training share: a job, its training by one process, processes as threads.

Threads are quick enough for many small cases; `test_divided_training.py` has real processes.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from groundtruth.modern import processes, sharding
from torch import Tensor, nn

WAIT_S = 20.0


def job(steps: int = 3, B: int = 13) -> sharding.Job:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(steps, B, 64, generator=generator, dtype=torch.float64)
    y = torch.randint(0, 10, (steps, B), generator=generator)
    return sharding.Job(x, y, 0.01, 3)


def network(vectors: list[Tensor]) -> nn.Module:
    """The network of `sharding` from torch's modules, with these numbers."""
    layers = [nn.Linear(64, 96), nn.Linear(96, 64, bias=False)]
    layers += [nn.Linear(64, 96), nn.Linear(96, 10, bias=False)]

    class Reference(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(layers)

        def forward(self, x: Tensor) -> Tensor:
            x = x + self.layers[1](torch.relu(self.layers[0](x)))
            return self.layers[3](torch.relu(self.layers[2](x)))

    model = Reference().double()
    with torch.no_grad():
        for i, vector in enumerate(vectors):
            k = 64 if i == 0 else 10
            first, last = layers[2 * i], layers[2 * i + 1]
            first.weight.copy_(vector[: 64 * 96].view(64, 96).T)
            first.bias.copy_(vector[64 * 96 : 65 * 96])
            last.weight.copy_(vector[65 * 96 :].view(96, k).T)
    return model


def numbers(model: nn.Module) -> Tensor:
    """All parameters of such a network in one vector, in the order of `sharding`."""
    tensors = [(p.T if p.ndim == 2 else p).detach().flatten() for p in model.parameters()]
    return torch.cat(tensors)


def alone(job: sharding.Job) -> Tensor:
    """The parameters after a training by torch's modules and Adam in one process."""
    model = network(sharding.initial(job.seed))
    optimizer = torch.optim.Adam(model.parameters(), lr=job.rate)
    for x, y in zip(job.x, job.y, strict=True):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    return numbers(model)


class Threads:
    """Stands for torch.distributed: tensors must be contiguous, as in its backends."""

    def __init__(self, size: int) -> None:
        self.barrier = threading.Barrier(size, timeout=WAIT_S)
        self.places: list[Tensor] = [torch.empty(0)] * size
        self.mail: dict[tuple[int, int], deque[Tensor]] = defaultdict(deque)
        self.local = threading.local()
        self.failed = False

    def _copy(self, x: Tensor) -> Tensor:
        assert x.is_contiguous()
        return x.detach().clone()

    def _exchange(self, x: Tensor) -> list[Tensor]:
        """What all threads gave, in order of rank."""
        self.places[self.local.rank] = self._copy(x)
        self.barrier.wait()
        given = list(self.places)
        self.barrier.wait()
        return given

    def all_reduce(self, x: Tensor) -> None:
        x.copy_(torch.stack(self._exchange(x)).sum(0))

    def reduce_scatter_single(self, own: Tensor, x: Tensor) -> None:
        given = self._exchange(x)
        assert own.numel() * len(given) == x.numel()
        total = torch.stack(given).sum(0).flatten()
        start = self.local.rank * own.numel()
        own.copy_(total[start : start + own.numel()].view_as(own))

    def all_gather(self, pieces: list[Tensor], own: Tensor) -> None:
        for piece, given in zip(pieces, self._exchange(own), strict=True):
            piece.copy_(given)

    def send(self, x: Tensor, to: int) -> None:
        assert to != self.local.rank
        self.mail[self.local.rank, to].append(self._copy(x))

    def recv(self, x: Tensor, source: int) -> None:
        letters = self.mail[source, self.local.rank]
        end = time.monotonic() + WAIT_S
        while not letters:
            assert not self.failed
            assert time.monotonic() < end
            time.sleep(0.0005)
        x.copy_(letters.popleft())


def together(
    monkeypatch: pytest.MonkeyPatch, worker: Callable[..., Any], size: int, *args: Any
) -> list[Any]:
    """What `worker(group, *args)` returns in each thread, in order of rank."""
    world = Threads(size)
    monkeypatch.setattr(processes, "dist", world)
    results: list[Any] = [None] * size
    errors: list[BaseException] = []

    def body(rank: int) -> None:
        world.local.rank = rank
        try:
            results[rank] = worker(processes.Group(rank, size), *args)
        except BaseException as error:
            errors.append(error)
            world.failed = True
            world.barrier.abort()

    running = [threading.Thread(target=body, args=(rank,)) for rank in range(size)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    if errors:
        raise errors[0]
    return results


def collectives(group: processes.Group) -> dict[str, Any]:
    x = torch.arange(4.0) + 10 * group.rank
    summed = group.all_reduce(x)
    piece = group.reduce_scatter(x)
    whole = group.all_gather(x[:2])
    return {"sum": summed, "piece": piece, "whole": whole, "sent": group.sent, "x": x}


def check_collectives(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert first["sum"].tolist() == second["sum"].tolist() == [10, 12, 14, 16]
    assert first["piece"].tolist() == [10, 12]
    assert second["piece"].tolist() == [14, 16]
    assert first["whole"].tolist() == second["whole"].tolist() == [0, 1, 10, 11]
    assert first["x"].tolist() == [0, 1, 2, 3]  # an all-reduce leaves its argument
    assert first["sent"] == second["sent"] == 4 + 2 + 2
