"""Which pixels a classifier's score depends on: saliency, occlusion, Grad-CAM.

The model should be in evaluation mode: in training mode batch statistics and dropout are part of
the answer. Read with `book/capstones/cnn.md`.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def saliency(model: nn.Module, X: Tensor, y: Tensor) -> Tensor:
    """|d score of class y / d pixel|, (n, H, W), the largest over input channels: how much a small
    change of each pixel would change the score (Simonyan et al., 2014).
    """
    X = X.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        score = model(X).gather(1, y[:, None]).sum()
    (gradient,) = torch.autograd.grad(score, X)
    return gradient.abs().amax(1)


def occlusion(
    model: nn.Module, X: Tensor, y: Tensor, size: int = 2, fill: float | None = None
) -> Tensor:
    """How far the score of class y falls when a square around each pixel is covered, (n, H, W)
    (Zeiler and Fergus, 2014).

    The square has 2 size - 1 pixels per side and is filled with the value `fill`, or, if that is
    None, with the smallest value of its image. Covering pixels that have the fill already changes
    nothing, so the map depends on it.

    Raises
    ------
    ValueError
        For a size below 1, or a fill that is not finite.
    """
    if size < 1:
        raise ValueError(f"need size >= 1, got {size}")
    if fill is not None and not math.isfinite(fill):
        raise ValueError(f"need a finite fill, got {fill}")
    n, _, H, W = X.shape
    falls = torch.zeros(n, H, W)
    # (n, 1, 1, 1)
    value = X.amin((1, 2, 3), keepdim=True) if fill is None else X.new_full((n, 1, 1, 1), fill)
    with torch.no_grad():
        whole = model(X).gather(1, y[:, None])[:, 0]
        for i in range(H):
            for j in range(W):
                covered = X.clone()
                rows = slice(max(0, i - size + 1), i + size)
                columns = slice(max(0, j - size + 1), j + size)
                covered[:, :, rows, columns] = value
                falls[:, i, j] = whole - model(covered).gather(1, y[:, None])[:, 0]
    return falls


def gradcam(model: nn.Module, X: Tensor, y: Tensor, layer: nn.Module) -> Tensor:
    """Grad-CAM of class y at a layer's output, (n, H, W), each map scaled to at most 1
    (Selvaraju et al., 2017).
    """
    activations: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _, __, output: activations.append(output))
    try:
        with torch.enable_grad():
            score = model(X.detach().clone().requires_grad_(True)).gather(1, y[:, None]).sum()
    finally:
        hook.remove()
    (gradient,) = torch.autograd.grad(score, activations[0])
    weights = gradient.mean((2, 3), keepdim=True)  # (n, C, 1, 1)
    maps = F.relu((weights * activations[0]).sum(1, keepdim=True)).detach()
    maps = F.interpolate(maps, X.shape[2:], mode="bilinear", align_corners=False)[:, 0]
    return maps / maps.amax((1, 2), keepdim=True).clamp_min(1e-12)
