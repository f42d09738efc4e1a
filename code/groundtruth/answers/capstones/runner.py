"""Answers to exercises on the training runner.

Read with book/capstones/runner.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from groundtruth.answers import Judge, functions, numbers


def _utilization() -> list[float]:
    """The utilization of a run, and its tokens per second at one half."""
    return [6 * 30e6 * 1.2e6 / 989e12, 0.5 * 989e12 / (6 * 30e6)]


def _adam(weights: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
    """The weights (n,) after a step of Adam for each of the gradients (s, n)."""
    parameter = nn.Parameter(weights.clone())
    optimizer = torch.optim.Adam([parameter], lr=0.1)
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
    return parameter.detach()


def _sharded(sharded: Callable[..., Any]) -> str | None:
    """Whether a function is Adam with the moments divided among processes."""
    draw = torch.Generator().manual_seed(1)
    start = torch.randn(12, generator=draw)
    gradients = torch.randn(5, 12, generator=draw)
    wanted = _adam(start, gradients)
    for p in (1, 3):
        given, moments = sharded(start.clone(), gradients.clone(), p)
        given = torch.as_tensor(given).detach()
        if given.shape != wanted.shape:
            return f"the weights have the shape {tuple(given.shape)}, not (12,)"
        if not torch.allclose(given, wanted, atol=1e-5):
            if torch.allclose(given, _adam(start, gradients[:1]), atol=1e-5):
                return "only the first of the gradients was used"
            changed = (given != start).sum()
            if changed < len(start):
                return f"only {changed} of the 12 weights were updated: exchange the shards"
            return f"for p = {p} the weights differ from those of Adam"
        if moments == 12 // p and p > 1:
            return "Adam has two moment estimates for each weight"
        if moments != 24 // p:
            return f"for n = 12 and p = {p} a process stores {24 // p} moments; got {moments}"
    return None


ANSWERS: dict[str, Judge] = {
    "ex-runner-mfu": numbers(
        ("utilization", "tokens per second at one half"),
        _utilization,
        {
            "6 N tokens per second, not 2 N: the backward pass counts too": [0.0728, 8.242e6],
            "give the second number in tokens per second, not in millions": [0.2184, 2.747],
            "give the utilization as a fraction, not in percent": [21.84, 2.747e6],
            "one half of the peak, not of the speed": [0.2184, 6e5],
        },
        rtol=5e-3,
    ),
    "ex-runner-kill": numbers(
        ("step it resumes from", "finished steps that are computed again"),
        lambda: [30, 6],
        {
            "a killed process saves nothing: look for the last multiple of 10": [36, 0],
            "step 37 was not finished": [30, 7],
            "the steps up to 30 are saved": [30, 36],
        },
    ),
    "ex-runner-shard": functions(("sharded Adam",), _sharded),
}
