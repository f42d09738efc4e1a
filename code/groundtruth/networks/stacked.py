"""Train many small networks at once, one for each seed and learning rate.

Read with book/networks/gates.md. Every parameter has a leading axis of runs, so that a comparison
over seeds and learning rates costs one loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from groundtruth.arrays import Array

# parameters and inputs (R, B, d) to outputs (R, B) and an extra loss per run (R,), or 0
Forward = Callable[[list[Tensor], Tensor], tuple[Tensor, Tensor | float]]


def weights(
    runs: int, shape: tuple[int, ...], rng: np.random.Generator, scale: float | None = None
) -> Tensor:
    """Normal weights (runs, *shape), with the standard deviation `scale` or 1 over the square root
    of the number of inputs, the second to last entry of the shape.

    Examples
    --------
    >>> weights(3, (2, 5), np.random.default_rng(0)).shape
    torch.Size([3, 2, 5])
    """
    if runs < 1 or not shape:
        raise ValueError(f"need at least one run and a shape, got {runs} and {shape}")
    if scale is None:
        scale = shape[max(len(shape) - 2, 0)] ** -0.5
    return torch.tensor(rng.normal(0, scale, (runs, *shape)), requires_grad=True)


def count(params: Sequence[Tensor]) -> int:
    """The number of parameters of one run.

    Examples
    --------
    >>> count([torch.zeros(7, 2, 3), torch.zeros(7, 3)])
    9
    """
    return sum(p[0].numel() for p in params)


def train(
    forward: Forward,
    params: list[Tensor],
    data: tuple[Tensor, Tensor],
    rates: Sequence[float],
    steps: int,
    batch: int,
    rng: np.random.Generator,
) -> None:
    """Minimize each run's mean squared error plus its extra loss by Adam, in place.

    Parameters
    ----------
    forward : function of the parameters and of inputs (R, batch, d)
        Returns outputs (R, batch) and an extra loss of each run (R,), or 0.
    params : list of R runs each, (R, ...)
        Those that do not require a gradient stay as they are.
    data : inputs (n, d) and targets (n,)
        The same for all runs; each run draws its own batches.
    rates : R learning rates
    steps, batch : int
        Number of steps, and of examples per step.

    Raises
    ------
    ValueError
        If a parameter does not have one entry per rate, or steps or batch is not positive.
    """
    x, y = data
    runs = len(rates)
    if any(p.shape[0] != runs for p in params):
        raise ValueError(f"every parameter needs {runs} runs, one per rate")
    if steps < 1 or batch < 1:
        raise ValueError(f"need positive steps and batch, got {steps} and {batch}")
    free = [p for p in params if p.requires_grad]
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in free]
    lr = [torch.tensor(rates).reshape(-1, *[1] * (p.ndim - 1)).to(p) for p in free]
    for t in range(1, steps + 1):
        index = torch.tensor(rng.integers(0, len(y), (runs, batch)))
        out, extra = forward(params, x[index])
        loss = (((out - y[index]) ** 2).mean(1) + extra).sum()  # runs do not share parameters
        grads = torch.autograd.grad(loss, free)
        with torch.no_grad():
            for p, g, (m, v), rate in zip(free, grads, moments, lr, strict=True):
                m.mul_(0.9).add_(g, alpha=0.1)
                v.mul_(0.999).addcmul_(g, g, value=0.001)
                p -= rate * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-8)


def errors(forward: Forward, params: list[Tensor], data: tuple[Tensor, Tensor]) -> Array:
    """Mean squared error of each run over the variance of the targets, (R,): 1 for the mean."""
    x, y = data
    with torch.no_grad():
        out, _ = forward(params, x.expand(params[0].shape[0], *x.shape))
        error = ((out - y) ** 2).mean(1) / y.var(correction=0)
    return np.asarray(error.numpy())


def at_best_rate(selection: Array, test: Array, rates: Sequence[float]) -> tuple[float, Array]:
    """The rate whose median error on the selection data is lowest, and its test errors.

    Parameters
    ----------
    selection, test : (R,) errors of the runs
    rates : R learning rates

    Examples
    --------
    >>> best, test = at_best_rate(np.array([3.0, 1, 2]), np.array([9.0, 8, 7]), [0.1, 0.2, 0.2])
    >>> best, test.tolist()
    (0.2, [8.0, 7.0])
    """
    at = np.asarray(rates)
    best = min(np.unique(at), key=lambda rate: float(np.median(selection[at == rate])))
    return float(best), test[at == best]
