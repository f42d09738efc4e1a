"""Low-rank adapters: LoRA (Hu et al., 2022) on any linear layer, merged, taken off, saved, swapped,
over a base in 32, 16 or four bits.

Writing x for rows: y = x W0' + (alpha / r) x A' B', with A (r, d) random and B (k, r) zero, so that
the first step starts at the base. Read with `book/capstones/lora.md`.
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

from projects.nf4 import FourBitLinear, check_blocks, dequantize, levels, quantize

__all__ = [
    "FourBitLinear",
    "LoRALinear",
    "base_hash",
    "count",
    "dequantize",
    "inject",
    "layers",
    "levels",
    "merge",
    "quantize",
    "switch",
    "unload",
    "unmerge",
]


class LoRALinear(nn.Module):
    """A frozen linear layer and a trainable update of rank r beside it.

    Parameters
    ----------
    base : nn.Linear or FourBitLinear
        Frozen, otherwise unchanged. A and B are created on its device, in its type, but in 32 bits
        over a base of 16 or fewer: in 16 bits most steps of an optimizer would be rounded away.
    r : int
        Rank of the update, at least 1 and at most min(d, k).
    alpha : float, positive
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
        if not 0 < alpha < math.inf:
            raise ValueError(f"alpha is {alpha}; give a positive number")
        self.base: nn.Linear | FourBitLinear = base.requires_grad_(False)
        self.r = r
        self.scale = alpha / (math.sqrt(r) if rank_stable else r)
        dtype = torch.promote_types(base.weight.dtype, torch.float32)
        device = base.weight.device
        self.A = nn.Parameter(torch.empty(r, d, dtype=dtype, device=device))
        self.B = nn.Parameter(torch.zeros(k, r, dtype=dtype, device=device))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))
        self.drop = nn.Dropout(dropout)
        self.enabled = True
        self.saved: list[Any] = []  # the base's weight while the update is merged

    def forward(self, x: Tensor) -> Tensor:
        y = self.base(x)
        if self.merged or not self.enabled:
            return y
        x = self.drop(x)
        if not torch.is_autocast_enabled(x.device.type):
            x = x.to(self.A.dtype)
        return y + (self.scale * F.linear(F.linear(x, self.A), self.B)).to(y.dtype)

    def update(self) -> Tensor:
        """The matrix (k, d) that is added to the base's weight."""
        return self.scale * self.B @ self.A

    @torch.no_grad()
    def merge(self) -> None:
        """Replace the base's weight by one with the update: the layer then costs what the base
        does.

        Merging twice changes nothing, and an adapter that is switched off is not merged. The
        base's own weight is set aside, not written to: another layer may share it, and taking the
        update out by subtraction would leave rounding behind. Over a base in 16 bits the sum is
        computed in 32 bits and rounded once.

        Raises
        ------
        ValueError
            For a four-bit base.
        """
        if not isinstance(self.base, nn.Linear):
            raise ValueError(
                "a four-bit base cannot take the update in: the sum would be rounded again; merge "
                "into an nn.Linear of the dequantized `base.weight`, over which the adapter was "
                "trained"
            )
        if not self.merged and self.enabled:
            self.saved.append(self.base.weight)
            weight = (self.base.weight + self.update()).to(self.base.weight.dtype)
            self.base.weight = nn.Parameter(weight, requires_grad=False)

    def unmerge(self) -> None:
        """Put the base's own weight back: the same tensor, shared with whatever shared it."""
        if self.merged and isinstance(self.base, nn.Linear):
            merged = self.base.weight
            self.base.weight = self.saved.pop()
            self.base.to(merged.device, merged.dtype)

    @property
    def merged(self) -> bool:
        """Whether the update is part of the base's weight."""
        return bool(self.saved)

    def _save_to_state_dict(self, *args: Any, **options: Any) -> None:
        if self.merged:  # loaded elsewhere, the update would count twice
            raise ValueError("an adapter is merged; unmerge first, or unload for a plain model")
        super()._save_to_state_dict(*args, **options)


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

    A layer that is used in several places has one adapter, in all of them. Adapters that are there
    already stay, and stay trainable.

    Raises
    ------
    UserError
        When a target matches nothing (a run that trains too little looks like one that learns
        slowly), or when the rank or the blocks of four bits do not fit a layer. The model is then
        unchanged.
    """
    places = _linear_layers(model)
    chosen = _choose(places, tuple(targets))
    for name in chosen:
        _check_fit(name, places[name], r, four_bit)
    adapted: dict[int, LoRALinear] = {}
    for name in chosen:
        base: Any = places[name]
        if id(base) not in adapted:
            source = FourBitLinear(base) if four_bit else base
            adapted[id(base)] = LoRALinear(source, r, alpha, dropout, rank_stable)
    for name, module in places.items():
        if id(module) in adapted:
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, adapted[id(module)])
    factors = {id(p) for layer in layers(model).values() for p in (layer.A, layer.B)}
    for p in model.parameters():
        p.requires_grad_(p.requires_grad and id(p) in factors)
    return [name for name, layer in layers(model).items() if layer in adapted.values()]


def _linear_layers(model: nn.Module) -> dict[str, nn.Linear]:
    """Every linear layer at each of its names, except those that have an adapter."""
    adapted = tuple(f"{name}." for name in _places(model))
    return {
        name: module
        for name, module in model.named_modules(remove_duplicate=False)
        if isinstance(module, nn.Linear) and not name.startswith(adapted)
    }


def _places(model: nn.Module) -> list[str]:
    """The names of adapted layers, with every name of one that is used in several places."""
    modules = model.named_modules(remove_duplicate=False)
    return [name for name, module in modules if isinstance(module, LoRALinear)]


def _choose(places: dict[str, nn.Linear], targets: tuple[str, ...]) -> list[str]:
    """The names that end in a target; each target has to match one."""
    matches = {t: [name for name in places if f".{name}".endswith(f".{t}")] for t in targets}
    missing = [target for target, names in matches.items() if not names]
    if missing or not targets:
        endings = sorted(
            {name.rpartition(".")[2] for name in places}
            | {name.partition(".")[2].partition(".")[2] for name in places} - {""}
        )
        hint = nearest(missing[0], endings) if missing else ""
        raise UserError(
            f"no linear layer ends in {' or '.join(map(repr, missing)) or 'nothing'}{hint}",
            f"the layers without an adapter are: {', '.join(places) or 'none'}",
            Exit.USAGE,
        )
    chosen = {name for names in matches.values() for name in names}
    return [name for name in places if name in chosen]


def _check_fit(name: str, base: nn.Linear, r: int, four_bit: bool) -> None:
    most = min(base.in_features, base.out_features)
    if not 1 <= r <= most:
        raise UserError(
            f"rank={r} does not fit the layer {name}, from {base.in_features} to "
            f"{base.out_features}",
            f"give a rank of 1 to {most}, or targets without {name}",
            Exit.USAGE,
        )
    if four_bit:
        try:
            check_blocks(base.weight.numel(), 64)
        except ValueError as error:
            raise UserError(
                f"the layer {name} cannot be stored in four bits: {error}",
                f"give targets without {name}",
                Exit.USAGE,
            ) from None


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


def switch(model: nn.Module, on: bool) -> None:
    """Switch every adapter on, or off: the model then computes what the base does.

    Raises
    ------
    ValueError
        When an adapter is merged: the base's own weight is then not in use.
    """
    if any(layer.merged for layer in layers(model).values()):
        raise ValueError("an adapter is merged; unmerge before switching")
    for layer in layers(model).values():
        layer.enabled = on


def unload(model: nn.Module) -> None:
    """Merge every adapter and leave plain linear layers, named as in the base.

    Raises
    ------
    ValueError
        For a four-bit base, or a weight that another layer shares: a file of the plain model could
        not hold both.
    """
    names: dict[int, set[str]] = {}
    for name, p in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(p), set()).add(name)
    for name, layer in layers(model).items():
        layer.unmerge()
        others = names.get(id(layer.base.weight), {name})
        if len(others) > 1 and not all(o.startswith(tuple(_places(model))) for o in others):
            raise ValueError(
                f"the weight of {name} is shared: {', '.join(sorted(others))}; give {name} a copy "
                "of its own before injecting, or keep the adapter beside it"
            )
    merge(model)
    for name in _places(model):
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, model.get_submodule(name).base)


def count(model: nn.Module) -> tuple[int, int]:
    """Trained parameters, and all of them; a four-bit base counts its weights."""
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    packed = sum(
        m.in_features * m.out_features for m in model.modules() if isinstance(m, FourBitLinear)
    )
    return trained, sum(p.numel() for p in model.parameters()) + packed


def base_hash(model: nn.Module) -> str:
    """A fingerprint of everything in a model that is not an adapter: which base it has.

    It is the same before and after `inject`, whatever the targets. A base rounded to 16 or four
    bits has a fingerprint of its own.

    Raises
    ------
    ValueError
        When an adapter is merged.
    """
    adapted = _places(model)
    tensors = {}
    for name, value in model.state_dict().items():
        layer = next((a for a in adapted if name.startswith(f"{a}.")), None)
        if layer is not None:
            inner = name.removeprefix(f"{layer}.")
            if inner in ("A", "B"):
                continue
            name = f"{layer}.{inner.removeprefix('base.')}"  # as the plain base names it
        tensors[name] = value
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        raw = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(raw.numpy().tobytes())
    return digest.hexdigest()[:16]
