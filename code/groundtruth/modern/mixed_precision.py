"""Loss scaling, and training with weights of 16 bits, with and without a copy of 32.

Read with book/modern/training-in-practice.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


class LossScaler:
    """The factor of the loss: halved after an overflow, doubled after `interval` good steps.

    Parameters
    ----------
    scale : first factor, > 0
    interval : good steps in a row until the factor is doubled, at least 1

    Examples
    --------
    >>> scaler = LossScaler(4.0, interval=2)
    >>> [scaler.update(finite) for finite in (True, True, False)]
    [4.0, 8.0, 4.0]
    """

    def __init__(self, scale: float = 2.0**16, interval: int = 2000) -> None:
        if not 0 < scale < float("inf") or interval < 1:
            raise ValueError(f"need scale > 0 and interval >= 1, got {scale} and {interval}")
        self.scale = scale
        self.interval = interval
        self.good = 0

    def unscale(self, grads: Sequence[Tensor]) -> tuple[list[Tensor], bool]:
        """Gradients in float32 divided by the factor, and whether all of them are finite."""
        finite = all(bool(torch.isfinite(g).all()) for g in grads)
        return [g.float() / self.scale for g in grads], finite

    def update(self, finite: bool) -> float:
        """The factor of the next step. If the gradients were not finite, skip this step."""
        self.good = self.good + 1 if finite else 0
        if not finite:
            self.scale /= 2
        elif self.good == self.interval:
            self.scale *= 2
            self.good = 0
        return self.scale


def forward(weights: Sequence[Tensor], x: Tensor) -> Tensor:
    """Logits (B, k): matrix products with ReLU between them, in the type of the weights."""
    for i, W in enumerate(weights):
        x = (torch.relu(x) if i else x.to(W.dtype)) @ W
    return x


def gradients(
    weights: Sequence[Tensor], x: Tensor, y: Tensor, kind: torch.dtype, scale: float = 1.0
) -> list[Tensor]:
    """Gradients of scale times the loss, by a pass in the given type; the loss is in float32."""
    low = [W.detach().to(kind).requires_grad_() for W in weights]
    loss = F.cross_entropy(forward(low, x).float(), y)
    return list(torch.autograd.grad(scale * loss, low))


def train(
    weights: Sequence[Tensor],
    x: Tensor,
    y: Tensor,
    batches: Sequence[Tensor],
    rate: float,
    kind: torch.dtype,
    master: bool,
    scaler: LossScaler | None = None,
) -> list[Tensor]:
    """Adam on the given batches of indices, from a copy of the weights.

    With `master` the weights are float32 and a copy in `kind` is used for the gradients; without
    it they are stored in `kind` and every update is rounded to it.
    """
    stored = [W.detach().to(torch.float32 if master else kind).clone() for W in weights]
    m = [torch.zeros_like(W, dtype=torch.float32) for W in stored]
    v = [torch.zeros_like(W, dtype=torch.float32) for W in stored]
    t = 0
    for rows in batches:
        scale = scaler.scale if scaler else 1.0
        grads = gradients(stored, x[rows], y[rows], kind, scale)
        if scaler:
            grads, finite = scaler.unscale(grads)
            scaler.update(finite)
            if not finite:
                continue
        t += 1
        for W, g, mi, vi in zip(stored, grads, m, v, strict=True):
            mi.mul_(0.9).add_(g.float(), alpha=0.1)
            vi.mul_(0.999).addcmul_(g.float(), g.float(), value=0.001)
            step = mi / (1 - 0.9**t) / ((vi / (1 - 0.999**t)).sqrt() + 1e-8)
            W.copy_((W.float() - rate * step).to(W.dtype))
    return stored
