"""Networks of several widths under the standard parametrization and under muP.

Read with book/modern/training-in-practice.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

BASE_WIDTH = 64  # at this width the two are the same
KINDS = ("standard", "muP")


class Rule(NamedTuple):
    """Standard deviation of the initial weights of one matrix, and factor of Adam's rate."""

    scale: float
    rate: float


def rules(width: int, kind: str, inputs: int = 64, hidden: int = 3) -> list[Rule]:
    """For the first matrix, the hidden ones and the last (Yang et al., 2021, Table 3).

    Under muP the rate of a matrix with `width` inputs falls as 1 / width, and the last matrix
    begins smaller by another factor 1 / sqrt(width), relative to the base width.

    Examples
    --------
    >>> [round(r.rate, 2) for r in rules(256, "muP")]
    [1.0, 0.25, 0.25, 0.25]
    """
    if width < 1 or kind not in KINDS:
        raise ValueError(f"need a positive width and a kind of {KINDS}, got {width} and {kind!r}")
    relative = BASE_WIDTH / width if kind == "muP" else 1.0
    first = Rule((2 / inputs) ** 0.5, 1.0)
    middle = Rule((2 / width) ** 0.5, relative)
    return [first, *[middle] * (hidden - 1), Rule((relative / width) ** 0.5, relative)]


class Network:
    """A perceptron 64, width, width, width, 10 with Adam; its rate is given at the base width."""

    def __init__(self, width: int, kind: str, rate: float, seed: int) -> None:
        rng = np.random.default_rng(seed)
        rule = rules(width, kind)
        sizes = [64, width, width, width, 10]
        self.weights = [
            torch.tensor(rng.normal(0, r.scale, (k, d)), dtype=torch.float32).requires_grad_()
            for r, d, k in zip(rule, sizes[:-1], sizes[1:], strict=True)
        ]
        self.biases = [torch.zeros(k, requires_grad=True) for k in sizes[1:]]
        groups: list[dict[str, Any]] = [
            {"params": [W], "lr": rate * r.rate} for W, r in zip(self.weights, rule, strict=True)
        ]
        self.optimizer = torch.optim.Adam([*groups, {"params": self.biases, "lr": rate}])
        self.rates = [group["lr"] for group in self.optimizer.param_groups]

    def outputs(self, x: Tensor) -> list[Tensor]:
        """The output of each layer before its nonlinearity; the last are the logits."""
        values: list[Tensor] = []
        for W, b in zip(self.weights, self.biases, strict=True):
            values.append(F.linear(torch.relu(values[-1]) if values else x, W, b))
        return values

    def step(self, x: Tensor, y: Tensor, factor: float = 1.0) -> None:
        """One step of Adam at this factor times the rates."""
        loss = F.cross_entropy(self.outputs(x)[-1], y)
        self.optimizer.zero_grad()
        loss.backward()
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = factor * rate
        self.optimizer.step()

    @torch.no_grad()
    def loss(self, x: Tensor, y: Tensor) -> float:
        return F.cross_entropy(self.outputs(x)[-1], y).item()


def final_loss(
    width: int, kind: str, rate: float, seed: int, x: Tensor, y: Tensor, steps: int = 40
) -> float:
    """Training loss after steps on 64 examples each, with the rate falling to zero."""
    network = Network(width, kind, rate, seed)
    rng = np.random.default_rng([seed, 1])
    for t in range(steps):
        rows = torch.tensor(rng.integers(0, len(y), 64))
        network.step(x[rows], y[rows], 1 - t / steps)
    value = network.loss(x, y)
    return value if np.isfinite(value) else np.inf


def coordinate_check(
    width: int, kind: str, rate: float, seed: int, x: Tensor, y: Tensor, steps: int = 4
) -> list[float]:
    """Root mean square change of each layer's outputs after some steps on one batch."""
    network = Network(width, kind, rate, seed)
    before = [v.detach() for v in network.outputs(x)]
    for _ in range(steps):
        network.step(x, y)
    after = [v.detach() for v in network.outputs(x)]
    return [float((a - b).square().mean().sqrt()) for a, b in zip(after, before, strict=True)]


def recorded_grid(
    x: Tensor, y: Tensor, widths: Sequence[int], powers: Sequence[int], seeds: Sequence[int]
) -> dict[str, Any]:
    """Median final loss over the seeds for each kind, width and rate 2^power.

    Written to book/_assets/results/mup-grid.json, which a test and the page compare with parts.
    """
    losses = {
        kind: [
            [
                round(float(np.median([final_loss(w, kind, 2.0**k, s, x, y) for s in seeds])), 3)
                for k in powers
            ]
            for w in widths
        ]
        for kind in KINDS
    }
    return {"widths": list(widths), "powers": list(powers), "seeds": len(seeds), "losses": losses}
