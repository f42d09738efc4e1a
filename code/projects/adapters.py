"""Low-rank adapters: LoRA (Hu et al., 2022) on any linear layer, merged, taken off, saved, swapped,
over a four-bit base.

Writing x for rows: y = x W0' + (alpha / r) x A' B', with A (r, d) random and B (k, r) zero, so that
the first step starts at the base. Four bits are the NormalFloat levels of QLoRA (Dettmers et al.,
2023), in blocks with one scale each.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from clikit.errors import Exit, UserError, nearest
from torch import Tensor, nn


class LoRALinear(nn.Module):
    """A frozen linear layer and a trainable update of rank r beside it.

    Parameters
    ----------
    base : nn.Linear or FourBitLinear
        Kept as it is and frozen.
    r : int
        Rank of the update, at least 1 and at most min(d, k).
    alpha : float
        The update is scaled by alpha / r, or, with `rank_stable`, by alpha / sqrt(r)
        (Kalajdzievski, 2023).
    dropout : float
        Applied to the input of the update only.
    """

    def __init__(
        self,
        base: nn.Linear | FourBitLinear,
        r: int,
        alpha: float = 8.0,
        dropout: float = 0.0,
        rank_stable: bool = False,
    ) -> None:
        super().__init__()
        d = base.in_features
        k = base.out_features
        if not 1 <= r <= min(d, k):
            raise ValueError(
                f"rank {r} does not fit a layer from {d} to {k}; give 1 to {min(d, k)}"
            )
        self.base: nn.Linear | FourBitLinear = base.requires_grad_(False)
        self.r = r
        self.scale = alpha / (math.sqrt(r) if rank_stable else r)
        self.A = nn.Parameter(torch.empty(r, d))
        self.B = nn.Parameter(torch.zeros(k, r))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))
        self.drop = nn.Dropout(dropout)
        self.enabled = True
        self.saved: list[Any] = []  # the base's weight while the update is merged

    def forward(self, x: Tensor) -> Tensor:
        y = self.base(x)
        if self.merged or not self.enabled:
            return y
        return y + self.scale * F.linear(F.linear(self.drop(x), self.A), self.B)

    def update(self) -> Tensor:
        """The matrix (k, d) that is added to the base's weight."""
        return self.scale * self.B @ self.A

    @torch.no_grad()
    def merge(self) -> None:
        """Replace the base's weight by one with the update: the layer then costs what the base
        does.

        Merging twice changes nothing. The base's own weight is set aside, not written to: another
        layer may share it, and taking the update out by subtraction would leave rounding behind.

        Raises
        ------
        ValueError
            For a four-bit base.
        """
        if not isinstance(self.base, nn.Linear):
            raise ValueError(
                "a four-bit base cannot take the update in: rounding would destroy it; "
                "merge into an nn.Linear of `base.weight` instead"
            )
        if not self.merged:
            self.saved.append(self.base.weight)
            weight = self.base.weight + self.update()
            self.base.weight = nn.Parameter(weight, requires_grad=False)

    def unmerge(self) -> None:
        """Put the base's own weight back: the same tensor, shared with whatever shared it."""
        if self.merged and isinstance(self.base, nn.Linear):
            device = self.base.weight.device
            self.base.weight = self.saved.pop()
            self.base.to(device)

    @property
    def merged(self) -> bool:
        """Whether the update is part of the base's weight."""
        return bool(self.saved)


class FourBitLinear(nn.Module):
    """A frozen linear layer whose weights are held in four bits: blocks of 64, each with its
    largest size as a scale.
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
        return F.linear(x, self.weight.to(x.dtype), self.bias)


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


def quantize(weight: Tensor, block: int = 64) -> tuple[Tensor, Tensor]:
    """Two codes a byte, and a scale for each block, of weights of any shape.

    Raises
    ------
    ValueError
        When the number of weights is not a multiple of the block, the block is odd, or a weight is
        not finite.
    """
    if weight.numel() % block or block % 2:
        raise ValueError(
            f"{weight.numel()} weights do not split into blocks of {block}; choose an even block "
            "that divides them"
        )
    if not bool(torch.isfinite(weight).all()):
        raise ValueError("a weight is not finite; quantising it would spoil its whole block")
    blocks = weight.float().reshape(-1, block)
    scales = blocks.abs().amax(1, keepdim=True).clamp_min(1e-12)
    table = levels()
    codes = torch.bucketize(blocks / scales, (table[1:] + table[:-1]) / 2).to(
        torch.uint8
    )  # nearest level
    return (codes[:, ::2] * 16 + codes[:, 1::2]), scales[:, 0]


def dequantize(codes: Tensor, scales: Tensor, shape: tuple[int, ...], block: int = 64) -> Tensor:
    """The weights of a shape that codes and scales stand for."""
    pairs = torch.stack([codes // 16, codes % 16], -1).reshape(-1, block).long()
    return (levels().to(codes.device)[pairs] * scales[:, None]).reshape(shape)


def inject(
    model: nn.Module,
    targets: Iterable[str],
    r: int,
    alpha: float = 8.0,
    dropout: float = 0.0,
    four_bit: bool = False,
    rank_stable: bool = False,
) -> list[str]:
    """Freeze a model and put an adapter on every linear layer whose name ends in one of the
    targets; return their names.

    Raises
    ------
    UserError
        When nothing matches: a run that trains nothing looks like one that learns slowly.
    """
    targets = tuple(targets)
    linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    chosen = [name for name in linear if any(name == t or name.endswith(f".{t}") for t in targets)]
    if not chosen:
        endings = sorted(
            {name.rpartition(".")[2] for name in linear}
            | {name.partition(".")[2].partition(".")[2] for name in linear} - {""}
        )
        hint = nearest(targets[0], endings) if targets else ""
        raise UserError(
            f"no linear layer ends in {' or '.join(map(repr, targets)) or 'nothing'}{hint}",
            f"the layers are: {', '.join(linear)}",
            Exit.USAGE,
        )
    model.requires_grad_(False)
    for name in chosen:
        parent, _, child = name.rpartition(".")
        base: Any = model.get_submodule(name)
        layer = LoRALinear(
            FourBitLinear(base) if four_bit else base, r, alpha, dropout, rank_stable
        )
        setattr(model.get_submodule(parent), child, layer)
    return chosen


def layers(model: nn.Module) -> dict[str, LoRALinear]:
    """The adapted layers of a model by name."""
    return {
        name: module for name, module in model.named_modules() if isinstance(module, LoRALinear)
    }


def merge(model: nn.Module) -> None:
    """Merge every adapter into its base."""
    for layer in layers(model).values():
        layer.merge()


def unmerge(model: nn.Module) -> None:
    """Take every adapter out of its base again."""
    for layer in layers(model).values():
        layer.unmerge()


def count(model: nn.Module) -> tuple[int, int]:
    """Trained parameters, and all of them; a four-bit base counts its weights."""
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    packed = sum(
        m.in_features * m.out_features for m in model.modules() if isinstance(m, FourBitLinear)
    )
    return trained, sum(p.numel() for p in model.parameters()) + packed


def base_hash(model: nn.Module) -> str:
    """A short fingerprint of everything in a model that is not an adapter, merged or not: which
    base an adapter belongs to.
    """
    digest = hashlib.sha256()
    adapted = layers(model)
    for name, value in sorted(model.state_dict().items()):
        if any(name in (f"{layer}.A", f"{layer}.B") for layer in adapted):
            continue
        digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def adapter_state(model: nn.Module) -> dict[str, Any]:
    """The adapters alone, with the fingerprint of their base: what is saved and shipped."""
    if any(layer.merged for layer in layers(model).values()):
        raise ValueError(
            "an adapter is merged; unmerge first, so that the fingerprint is the base's"
        )
    tensors = {
        f"{name}.{part}": getattr(layer, part).detach().clone()
        for name, layer in layers(model).items()
        for part in ("A", "B")
    }
    return {
        "base": base_hash(model),
        "scale": {name: layer.scale for name, layer in layers(model).items()},
        "tensors": tensors,
    }


def load_adapter(model: nn.Module, state: dict[str, Any]) -> None:
    """Put saved adapters in place of those a model has; the base is checked first.

    Raises
    ------
    UserError
        When the adapter was trained on another base, or has other layers or ranks.
    """
    base = base_hash(model)
    if state["base"] != base:
        raise UserError(
            f"the adapter belongs to base {state['base']}, this model is {base}",
            "load the base it was trained on; adapters do not move between bases",
            Exit.USAGE,
        )
    adapted = layers(model)
    expected = {
        f"{name}.{part}": getattr(layer, part)
        for name, layer in adapted.items()
        for part in ("A", "B")
    }
    if set(expected) != set(state["tensors"]) or any(
        expected[n].shape != t.shape for n, t in state["tensors"].items()
    ):
        raise UserError(
            f"the adapter has {len(state['tensors']) // 2} layers that do not match the model's "
            f"{len(adapted)}",
            "inject with the same targets and rank first",
            Exit.USAGE,
        )
    with torch.no_grad():
        for name, tensor in state["tensors"].items():
            expected[name].copy_(tensor)
        for name, layer in adapted.items():
            layer.scale = state["scale"][name]


def stack(model: nn.Module, states: list[dict[str, Any]], weights: list[float]) -> None:
    """Several adapters of one base at once, as one of the summed rank: sum over i of weights[i]
    times update i.
    """
    if len(states) != len(weights) or not states:
        raise ValueError(f"need one weight for each adapter, got {len(states)} and {len(weights)}")
    for state in states:
        if state["base"] != base_hash(model):
            raise UserError(
                f"an adapter belongs to base {state['base']}, this model is {base_hash(model)}",
                "stack adapters of one base",
                Exit.USAGE,
            )
    for name, layer in layers(model).items():
        A = torch.cat([s["tensors"][f"{name}.A"] for s in states])
        B = torch.cat(
            [
                w * s["scale"][name] * s["tensors"][f"{name}.B"]
                for s, w in zip(states, weights, strict=True)
            ],
            1,
        )
        layer.A = nn.Parameter(A)
        layer.B = nn.Parameter(B)
        layer.r = len(A)
        layer.scale = 1.0
