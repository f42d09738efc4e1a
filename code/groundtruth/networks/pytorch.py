"""A training loop in PyTorch that makes none of the silent mistakes, and the small tools around it.

Read with book/networks/pytorch.md.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


def set_seed(seed: int) -> torch.Generator:
    """Seed torch's global generator and return one of its own for shuffling.

    The same seed gives the same numbers on one machine with one version and one number of threads;
    nothing more is promised.

    Examples
    --------
    >>> a = torch.rand(2, generator=set_seed(0))
    >>> b = torch.rand(2, generator=set_seed(0))
    >>> bool((a == b).all())
    True
    """
    if seed < 0:
        raise ValueError(f"seed must be >= 0, got {seed}")
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)


def count_params(model: nn.Module, trainable: bool = False) -> int:
    """Numbers in the parameters of a model; a tensor that two layers share counts once.

    Examples
    --------
    >>> count_params(nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)))
    33
    """
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable)


def train_step(
    model: nn.Module,
    batch: tuple[Tensor, Tensor],
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    opt: torch.optim.Optimizer,
    clip: float | None = None,
) -> float:
    """The five statements, and the loss before the step as a plain number, which keeps no graph
    alive.
    """
    x, y = batch
    opt.zero_grad()  # forget the slopes of the last step
    loss = loss_fn(model(x), y)  # forward: the graph is recorded
    if not math.isfinite(loss.item()):
        raise FloatingPointError(
            f"the loss is {loss.item()}; lower the learning rate, clip the gradient, or look at"
            " this batch"
        )
    loss.backward()  # every slope, added into .grad
    if clip is not None:
        nn.utils.clip_grad_norm_(model.parameters(), clip)
    opt.step()  # move against them
    return loss.item()


def fit(
    model: nn.Module,
    loader: Iterable[tuple[Tensor, Tensor]],
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    opt: torch.optim.Optimizer,
    epochs: int,
    scheduler: Any = None,
    clip: float | None = None,
) -> list[float]:
    """Train for that many passes over the loader; the scheduler steps after each pass.

    Parameters
    ----------
    model : nn.Module
        Put into training mode at the start of each pass and left there.
    loader : iterable of (x, y)
        Must be iterable again for every epoch.
    loss_fn : callable
        Takes the model's output and y, returns a scalar tensor, the mean over the batch.
    opt : torch.optim.Optimizer
    epochs : int
    scheduler : torch.optim.lr_scheduler, optional
    clip : float, optional
        Largest norm of all gradients together.

    Returns
    -------
    list of float
        The mean loss of each epoch, as seen while training.
    """
    if epochs < 1 or (clip is not None and not clip > 0):
        raise ValueError(f"need at least one epoch and a positive clip, got {epochs} and {clip}")
    _owns(model, opt)
    history = []
    for _ in range(epochs):
        model.train()
        total = 0.0
        rows = 0
        for batch in loader:
            total += train_step(model, batch, loss_fn, opt, clip) * len(batch[0])
            rows += len(batch[0])
        if not rows:
            raise ValueError(
                "the loader gave no batch; an iterator can be used once, pass a DataLoader or a"
                " list"
            )
        if scheduler is not None:
            scheduler.step()
        history.append(total / rows)
    return history


def _owns(model: nn.Module, opt: torch.optim.Optimizer) -> None:
    optimized = {id(p) for group in opt.param_groups for p in group["params"]}
    missing = [
        name for name, p in model.named_parameters() if p.requires_grad and id(p) not in optimized
    ]
    if missing:
        raise ValueError(
            f"the optimizer does not hold {missing[0]!r} and {len(missing) - 1} more; make it from"
            " model.parameters() after the model is complete"
        )


@torch.no_grad()
def evaluate(
    model: nn.Module,
    loader: Iterable[tuple[Tensor, Tensor]],
    metrics: dict[str, Callable[[Tensor, Tensor], Tensor]],
) -> dict[str, float]:
    """Means over all rows of metrics(output, y), in evaluation mode and without a graph; the mode
    of each layer is put back.
    """
    if not metrics:
        raise ValueError("no metric was given")
    # each: a frozen layer stays in evaluation
    was = [(module, module.training) for module in model.modules()]
    totals = dict.fromkeys(metrics, 0.0)
    rows = 0
    model.eval()
    try:
        for x, y in loader:
            out = model(x)
            rows += len(x)
            for name, metric in metrics.items():
                totals[name] += float(metric(out, y)) * len(x)
    finally:
        for module, mode in was:
            module.training = mode
    if not rows:
        raise ValueError("the loader gave no batch")
    return {name: total / rows for name, total in totals.items()}


def save(
    path: str | os.PathLike[str], model: nn.Module, opt: torch.optim.Optimizer, **more: Any
) -> None:
    """Weights, optimizer state and random state in one file, which is either whole or not there."""
    path = Path(path)
    part = path.with_name(path.name + ".part")
    torch.save(
        {
            "model": model.state_dict(),
            "opt": opt.state_dict(),
            "rng": torch.get_rng_state(),
            **more,
        },
        part,
    )
    os.replace(part, path)


def load(
    path: str | os.PathLike[str], model: nn.Module, opt: torch.optim.Optimizer
) -> dict[str, Any]:
    """Put back what `save` wrote and return the rest; only tensors and plain values are read, never
    code.
    """
    state = torch.load(path, weights_only=True, map_location="cpu")  # noqa: TID251
    model.load_state_dict(state.pop("model"))
    opt.load_state_dict(state.pop("opt"))
    torch.set_rng_state(state.pop("rng"))
    return dict(state)


class SiLU(torch.autograd.Function):
    """z sigmoid(z) with a backward pass of its own: what is saved, and the slope times the upstream
    gradient.

    Only the input is saved. A saved intermediate would be a constant to a second backward pass,
    whose result would be wrong.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(z)
        return z * torch.sigmoid(z)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:  # type: ignore[override]
        (z,) = ctx.saved_tensors
        s = torch.sigmoid(z)
        return g * (s + z * s * (1 - s))


def copied(params: list[np.ndarray], activation: type[nn.Module] = nn.Tanh) -> nn.Sequential:
    """The torch twin of a NumPy network W1, b1, W2, b2, ...: its weights transposed, in float64.

    Examples
    --------
    >>> copied([np.ones((2, 3)), np.zeros(3), np.ones((3, 1)), np.zeros(1)])[0].weight.shape
    torch.Size([3, 2])
    """
    if not params or len(params) % 2:
        raise ValueError(f"need pairs of weights and biases, got {len(params)} arrays")
    parts: list[nn.Module] = []
    for W, b in zip(params[::2], params[1::2], strict=True):
        if np.ndim(W) != 2 or np.shape(b) != (W.shape[1],):
            raise ValueError(
                f"weights (in, out) need biases (out,), got {np.shape(W)} and {np.shape(b)}"
            )
        linear = nn.Linear(W.shape[0], W.shape[1], dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(W.T.copy()))
            linear.bias.copy_(torch.tensor(b))
        parts += [linear, activation()]
    return nn.Sequential(*parts[:-1])


class Batches:
    """Shuffled mini-batches of two tensors, in an order that comes from NumPy and so is the same on
    every platform.

    Parameters
    ----------
    x, y : tensors with the same first length n
    size : int
        Rows a batch; the last batch of a pass may be smaller.
    rng : numpy Generator
        Drawn from once a pass, so that each pass has another order.

    Examples
    --------
    >>> batches = Batches(torch.arange(5), torch.arange(5), 2, np.random.default_rng(0))
    >>> [len(x) for x, y in batches], sorted(int(v) for x, y in batches for v in x)
    ([2, 2, 1], [0, 1, 2, 3, 4])
    """

    def __init__(self, x: Tensor, y: Tensor, size: int, rng: np.random.Generator) -> None:
        if len(x) != len(y) or not len(x):
            raise ValueError(
                f"need as many targets as rows and at least one, got {len(x)} and {len(y)}"
            )
        if size < 1:
            raise ValueError(f"a batch needs at least one row, got size {size}")
        self.x = x
        self.y = y
        self.size = size
        self.rng = rng

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.from_numpy(self.rng.permutation(len(self.x)))
        for rows in order.split(self.size):
            yield self.x[rows], self.y[rows]
