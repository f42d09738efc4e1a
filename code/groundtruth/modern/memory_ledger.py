"""Bytes of a training run: weights, gradients, moments by ZeRO stage, and activations.

Read with book/modern/training-in-practice.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

STAGES = (0, 1, 2, 3)
SAVING = ("all", "fused", "blocks")
KINDS = ("weights", "gradients", "optimizer states", "activations")
# the axis along which each scheme divides each kind, of (layers, pieces of a layer or of the
# batch); what is not named is on every process
SCHEMES: dict[str, dict[str, int]] = {
    "data parallel": {"activations": 1},
    "ZeRO, stage 1": {"optimizer states": 1, "activations": 1},
    "ZeRO, stage 2": {"gradients": 1, "optimizer states": 1, "activations": 1},
    "ZeRO, stage 3": dict.fromkeys(KINDS, 1),
    "tensor parallel": dict.fromkeys(KINDS[:3], 1),
    "pipeline": dict.fromkeys(KINDS, 0),
}


def state_bytes(stage: int, devices: int, weights: int = 2, gradients: int = 2) -> float:
    """Bytes per parameter and device of mixed-precision Adam under ZeRO (Rajbhandari et al., 2020).

    The optimizer holds 12: a float32 copy of the weights and two moments. Stage 1 divides these
    among the devices, stage 2 also the gradients, stage 3 also the weights.

    Examples
    --------
    >>> [state_bytes(stage, 64) for stage in STAGES]
    [16.0, 4.1875, 2.21875, 0.25]
    """
    if stage not in STAGES or devices < 1:
        raise ValueError(f"need a stage of {STAGES} and a device, got {stage} and {devices}")
    scheme = [*SCHEMES][stage]  # stage 0 is plain data parallelism
    return scheme_bytes(scheme, devices, (weights, gradients, 12))


def held(scheme: str, kind: str, rank: int, devices: int) -> NDArray[np.bool_]:
    """What a process holds of p layers in p pieces each, (p, p): states at the optimizer's step.

    The columns are pieces of each layer's parameters or, of the activations, of the batch. The
    activations of tensor parallelism are those between blocks; inside a block they are divided.

    Examples
    --------
    >>> held("pipeline", "weights", 1, 2).tolist()
    [[False, False], [True, True]]
    >>> held("ZeRO, stage 3", "weights", 1, 2).tolist()
    [[False, True], [False, True]]
    """
    if scheme not in SCHEMES or kind not in KINDS:
        raise ValueError(f"need one of {[*SCHEMES]} and of {KINDS}, got {scheme!r} and {kind!r}")
    if not 0 <= rank < devices:
        raise ValueError(f"rank {rank} is not one of {devices} processes")
    grid = np.ones((devices, devices), bool)
    if kind in SCHEMES[scheme]:
        grid &= np.indices(grid.shape)[SCHEMES[scheme][kind]] == rank
    return grid


def scheme_bytes(scheme: str, devices: int, bytes_each: tuple[int, int, int] = (2, 2, 12)) -> float:
    """Bytes per parameter and process of weights, gradients and optimizer states, equal layers.

    Examples
    --------
    >>> scheme_bytes("ZeRO, stage 1", 4)
    7.0
    """
    if scheme not in SCHEMES or devices < 1:
        raise ValueError(
            f"need one of {[*SCHEMES]} and a process, got {scheme!r} and {devices} processes"
        )
    divided = [devices if kind in SCHEMES[scheme] else 1 for kind in KINDS[:3]]
    return sum(n / p for n, p in zip(bytes_each, divided, strict=True))


class Shape(NamedTuple):
    """A transformer: L layers of width C with H heads, each with an MLP of width 4 C."""

    layers: int
    width: int
    heads: int

    @property
    def parameters(self) -> int:
        """Of the layers alone: 12 C^2 each."""
        return 12 * self.layers * self.width**2


def activation_numbers(shape: Shape, tokens: int, length: int, saving: str = "all") -> int:
    """Numbers saved for the backward pass of all layers, for sequences of `length` tokens.

    Parameters
    ----------
    tokens : tokens on the device, a multiple of the length
    saving : "all" keeps the attention matrices; "fused" does not; "blocks" keeps the input of each
        layer and, while that layer is computed a second time, what "fused" keeps of it

    Examples
    --------
    >>> activation_numbers(Shape(2, 8, 2), 4, 4)
    1120
    """
    if saving not in SAVING:
        raise ValueError(f"saving must be one of {SAVING}, got {saving!r}")
    if length < 1 or tokens % length:
        raise ValueError(f"{tokens} tokens are not sequences of {length}")
    inside = tokens * (16 * shape.width + 4)  # with mean and scale of two norms
    if saving == "all":
        return shape.layers * (inside + shape.heads * tokens * length)
    inside += tokens * shape.heads  # log-sum-exp of each row of scores
    if saving == "fused":
        return shape.layers * inside
    return shape.layers * tokens * shape.width + inside


class Block(nn.Module):
    """A pre-norm transformer layer without dropout and biases, its attention written out."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(2)])
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        B, T, C = x.shape
        parts = self.qkv(self.norms[0](x)).view(B, T, 3, self.heads, C // self.heads)
        q, k, v = (part.transpose(1, 2).contiguous() for part in parts.unbind(2))  # (B, H, T, D)
        p = (q @ k.transpose(2, 3) * (C // self.heads) ** -0.5).softmax(-1)
        x = x + self.out((p @ v).transpose(1, 2).reshape(B, T, C))
        return x + self.down(nn.functional.gelu(self.up(self.norms[1](x))))


def saved_numbers(f: Callable[[Tensor], Tensor], x: Tensor, leave_out: list[Tensor]) -> int:
    """Numbers that torch saves for the backward pass of f(x), each memory counted once.

    Parameters
    ----------
    leave_out : tensors that exist anyway, the parameters
    """
    known = {t.untyped_storage().data_ptr() for t in leave_out}
    saved: dict[int, Tensor] = {}

    def keep(t: Tensor) -> Tensor:
        place = t.untyped_storage().data_ptr()
        if place not in known:
            saved[place] = t
        return t

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
        f(x)
    return sum(t.untyped_storage().nbytes() // t.element_size() for t in saved.values())
