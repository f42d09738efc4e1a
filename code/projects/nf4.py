"""Frozen linear layers in four bits: the NormalFloat levels of QLoRA (Dettmers et al., 2023).

Weights are stored in blocks, each with one scale in 32 bits. QLoRA also quantizes the scales and
pages the optimizer's state; this module does neither. Read with `book/capstones/lora.md`.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


def levels() -> Tensor:
    """The sixteen NormalFloat levels from -1 to 1: quantiles of a normal distribution with zero
    among them.

    Eight of the upper half and seven of the lower, of equal probability on either side, divided by
    the largest (Dettmers et al., 2023, section 3; the outermost quantile is theirs).
    """
    normal = torch.distributions.Normal(0.0, 1.0)
    edge = 0.9677083
    up = normal.icdf(torch.linspace(edge, 0.5, 9)[:-1].double())  # (8,)
    down = -normal.icdf(torch.linspace(edge, 0.5, 8)[:-1].double())  # (7,)
    values = torch.cat([down, torch.zeros(1).double(), up]).sort().values
    return (values / values.max()).float()


def check_blocks(count: int, block: int) -> None:
    """Refuse a number of weights that does not split into even blocks (ValueError)."""
    if block < 2 or block % 2 or count % block:
        raise ValueError(
            f"{count} weights do not split into blocks of {block}; choose an even block "
            "that divides them"
        )


def quantize(weight: Tensor, block: int = 64) -> tuple[Tensor, Tensor]:
    """Two codes per byte, and a scale for each block, of weights of any shape.

    Raises
    ------
    ValueError
        When the number of weights is not a multiple of the block, the block is not even and
        positive, or a weight is not finite.

    Examples
    --------
    >>> codes, scales = quantize(torch.tensor([0.0, 2.0, -2.0, 0.1]), block=4)
    >>> codes.tolist(), scales.tolist()  # levels 7 and 15, then 0 and 8
    ([[127, 8]], [2.0])
    """
    check_blocks(weight.numel(), block)
    if not bool(torch.isfinite(weight).all()):
        raise ValueError("a weight is not finite; quantizing it would spoil its whole block")
    blocks = weight.float().reshape(-1, block)
    scales = blocks.abs().amax(1, keepdim=True)
    scales = torch.where(scales > 0, scales, 1.0)  # a block of zeros has codes of zero
    table = levels().to(weight.device)
    middle = (table[1:] + table[:-1]) / 2
    codes = torch.bucketize(blocks / scales, middle).to(torch.uint8)  # of the nearest level
    return (codes[:, ::2] * 16 + codes[:, 1::2]), scales[:, 0]


def dequantize(codes: Tensor, scales: Tensor, shape: tuple[int, ...], block: int = 64) -> Tensor:
    """The weights of a shape that codes and scales stand for, in 32 bits."""
    pairs = torch.stack([codes // 16, codes % 16], -1).reshape(-1, block).long()
    return (levels().to(codes.device)[pairs] * scales[:, None]).reshape(shape)


class _Product(torch.autograd.Function):
    """x W' of a four-bit W, of which only codes and scales wait for the backward pass."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, codes: Tensor, scales: Tensor, shape: tuple[int, int], block: int
    ) -> Tensor:
        ctx.save_for_backward(codes, scales)
        ctx.layout = (shape, block)
        ctx.dtype = x.dtype
        return F.linear(x, dequantize(codes, scales, shape, block).to(x.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, G: Tensor) -> tuple[Tensor, None, None, None, None]:
        weight = dequantize(*ctx.saved_tensors, *ctx.layout)
        return (G @ weight.to(G.dtype)).to(ctx.dtype), None, None, None, None


class FourBitLinear(nn.Module):
    """A frozen linear layer whose weights are stored in four bits: blocks of 64, each with its
    largest magnitude as a scale. Forward and backward pass dequantize them anew.
    """

    codes: Tensor
    scales: Tensor

    def __init__(self, base: nn.Linear, block: int = 64) -> None:
        super().__init__()
        self.in_features = base.in_features
        self.out_features = base.out_features
        self.block = block
        codes, scales = quantize(base.weight.detach(), block)
        self.register_buffer("codes", codes)
        self.register_buffer("scales", scales)
        self.bias = (
            nn.Parameter(base.bias.detach().clone(), requires_grad=False)
            if base.bias is not None
            else None
        )

    @property
    def weight(self) -> Tensor:
        """The weights (k, d) that the codes stand for."""
        return dequantize(
            self.codes, self.scales, (self.out_features, self.in_features), self.block
        )

    def forward(self, x: Tensor) -> Tensor:
        shape = (self.out_features, self.in_features)
        y = _Product.apply(x, self.codes, self.scales, shape, self.block)
        return y if self.bias is None else y + self.bias.to(y.dtype)
