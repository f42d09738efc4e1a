"""What to log of a network while it trains, and how to take a loss spike apart.

Read with book/modern/diagnosing-training.md.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class LayerStats(NamedTuple):
    """One layer's outputs on a batch."""

    name: str
    mean: float
    std: float
    dead: float  # fraction of the units that are zero for every example
    saturated: float  # fraction of the values within 0.01 of an end of (-1, 1) or (0, 1)


class ParameterStats(NamedTuple):
    """One parameter, its gradient, and the update that a step would make."""

    name: str
    weight: float  # Frobenius norms
    gradient: float
    ratio: float  # norm of the update over the norm of the parameter


def activation_stats(model: nn.Module, X: Tensor) -> list[LayerStats]:
    """Statistics of every activation function of a model on one batch, by forward hooks.

    Parameters
    ----------
    model : Module
        Its ReLU, Tanh, Sigmoid and GELU modules are looked at. Parameters and mode are unchanged.
    X : Tensor (B, ...)
        Units are on the last axis of an output, channels of images (B, C, H, W) on the second.

    Raises
    ------
    ValueError
        If the model has none of these modules.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    >>> with torch.no_grad():
    ...     _ = model[0].bias.fill_(-9.0)
    >>> activation_stats(model, torch.zeros(4, 2))[0].dead
    1.0
    """
    stats: list[LayerStats] = []
    kinds = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.GELU)
    handles = []

    def recorder(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def record(module: nn.Module, _: Any, out: Tensor) -> None:
            values = out.detach().double()
            if values.ndim == 4:  # images (B, C, H, W): a channel is a unit
                values = values.movedim(1, -1)
            units = values.reshape(-1, values.shape[-1])
            saturated = torch.zeros(())
            if isinstance(module, nn.Tanh):
                saturated = (values.abs() > 0.99).double().mean()
            if isinstance(module, nn.Sigmoid):
                saturated = ((values - 0.5).abs() > 0.49).double().mean()
            dead = (units == 0).all(0).double().mean()
            stats.append(
                LayerStats(
                    name, float(values.mean()), float(values.std()), float(dead), float(saturated)
                )
            )

        return record

    for name, module in model.named_modules():
        if isinstance(module, kinds):
            handles.append(module.register_forward_hook(recorder(name)))
    if not handles:
        raise ValueError("the model has no ReLU, Tanh, Sigmoid or GELU module to look at")
    try:
        with torch.no_grad():
            model(X)
    finally:
        for handle in handles:
            handle.remove()
    return stats


def gradient_stats(model: nn.Module, loss: Tensor, rate: float) -> list[ParameterStats]:
    """Norm of each weight matrix, of its gradient, and of the SGD update relative to it.

    Parameters
    ----------
    model : Module
        Its `.grad` fields are not touched.
    loss : Tensor ()
        Computed from the model.
    rate : float, > 0

    Raises
    ------
    ValueError
        If the rate is not positive or no parameter requires a gradient.

    Examples
    --------
    >>> model = nn.Linear(1, 1, bias=False)
    >>> with torch.no_grad():
    ...     _ = model.weight.fill_(2.0)
    >>> gradient_stats(model, model(torch.ones(1, 1)).sum(), 0.1)[0].ratio
    0.05
    """
    if not 0 < rate < float("inf"):
        raise ValueError(f"the learning rate must be positive and finite, got {rate}")
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad and p.ndim > 1]
    if not named:
        raise ValueError("no weight matrix requires a gradient; everything is frozen")
    grads = torch.autograd.grad(loss, [p for _, p in named], retain_graph=True, allow_unused=True)
    rows = []
    for (name, p), g in zip(named, grads, strict=True):
        weight = float(p.detach().double().norm())
        gradient = 0.0 if g is None else float(g.double().norm())
        rows.append(ParameterStats(name, weight, gradient, rate * gradient / max(weight, 1e-12)))
    return rows


class Step(NamedTuple):
    """One replayed step from a checkpoint."""

    loss: float  # of the batch, before the step
    gradient: float  # norm
    update: float  # norm of the change of all parameters
    after: float  # loss on other data, after the step


def replay(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: tuple[Tensor, Tensor],
    other: tuple[Tensor, Tensor],
    clip: float | None = None,
) -> Step:
    """Make one step on copies of a model and its optimizer, and measure it.

    Parameters
    ----------
    model, optimizer
        As they were before the step, for example from a checkpoint. Neither is changed.
    batch, other : (inputs, integer labels)
        The batch of the step, and other data on which the loss is computed after it.
    clip : float, optional
        Largest norm of the gradient.

    Raises
    ------
    ValueError
        If clip is not positive.

    Examples
    --------
    >>> model = nn.Linear(2, 2)
    >>> data = (torch.ones(3, 2), torch.zeros(3, dtype=torch.long))
    >>> step = replay(model, torch.optim.SGD(model.parameters(), 0.1), data, data)
    >>> step.after < step.loss
    True
    """
    if clip is not None and not clip > 0:
        raise ValueError(f"clip must be positive, got {clip}")
    twin, steps = copy.deepcopy((model, optimizer))
    before = [p.detach().clone() for p in twin.parameters()]
    loss = nn.functional.cross_entropy(twin(batch[0]), batch[1])
    steps.zero_grad()
    loss.backward()
    norm = float(
        nn.utils.clip_grad_norm_(twin.parameters(), float("inf") if clip is None else clip)
    )
    steps.step()
    with torch.no_grad():
        changes = [p - b for p, b in zip(twin.parameters(), before, strict=True)]
        update = float(torch.stack([(c**2).sum() for c in changes]).sum().sqrt())
        after = float(nn.functional.cross_entropy(twin(other[0]), other[1]))
    return Step(float(loss.detach()), norm, update, after)
