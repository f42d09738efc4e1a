"""Adapters alone: taken from a model, written to a file, read, checked against their base, loaded,
stacked.

A file holds the factors A and B of each layer, their scales and the fingerprint of the base. It is
torch's zip of tensors and plain values, read with `weights_only=True`: a file from a stranger can
hold wrong numbers, but runs nothing. Read with `book/capstones/lora.md`.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from clikit.errors import Exit, UserError
from torch import Tensor, nn

from projects.adapters import LoRALinear, base_hash, inject, layers
from projects.runner import checkpoints

FORMAT = "lora adapter 1"
State = dict[str, Any]  # base: str; scale: {layer: float}; tensors: {layer.A or layer.B: Tensor}


def adapter_state(model: nn.Module) -> State:
    """The adapters of a model with the fingerprint of their base.

    Raises
    ------
    ValueError
        When the model has no adapter, or one that is merged.
    """
    adapted = layers(model)
    if not adapted:
        raise ValueError("the model has no adapters: inject them first")
    tensors = {
        f"{name}.{part}": getattr(layer, part).detach().clone()
        for name, layer in adapted.items()
        for part in ("A", "B")
    }
    return {
        "base": base_hash(model),
        "scale": {name: layer.scale for name, layer in adapted.items()},
        "tensors": tensors,
    }


def save(model: nn.Module, path: Path) -> None:
    """Write the adapters of a model to a file, complete or not at all."""
    state = {"format": FORMAT, **adapter_state(model)}
    state["tensors"] = {name: tensor.cpu() for name, tensor in state["tensors"].items()}
    checkpoints.write(path, lambda handle: torch.save(state, handle))


def read(path: Path) -> State:
    """The adapters in a file.

    Raises
    ------
    UserError
        When the file is missing or damaged, or does not hold adapters.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251
    except FileNotFoundError:
        raise UserError(
            f"there is no file {path}",
            "write one with: python -m projects sample RUN --set save=FILE",
            Exit.USAGE,
        ) from None
    except Exception as error:  # torch raises what it likes on bad bytes
        raise UserError(
            f"{path} is damaged or not an adapter: {str(error).splitlines()[0]}",
            "write it again from its run",
            Exit.USAGE,
        ) from None
    try:
        if not isinstance(state, dict) or state.get("format") != FORMAT:
            raise ValueError(f"its format is not {FORMAT!r}")
        _check(state)
    except ValueError as error:
        raise UserError(
            f"{path} is not an adapter: {error}", "write it again from its run", Exit.USAGE
        ) from None
    return state


def _check(state: State) -> None:
    """Refuse a state without one of its parts, or with numbers that cannot be (ValueError)."""
    base = state.get("base")
    scales = state.get("scale")
    tensors = state.get("tensors")
    if not (isinstance(base, str) and isinstance(scales, dict) and isinstance(tensors, dict)):
        raise ValueError("it needs the parts base, scale and tensors")
    if not scales or set(tensors) != {f"{name}.{part}" for name in scales for part in ("A", "B")}:
        raise ValueError("each layer needs a scale, A and B")
    for name, scale in scales.items():
        if not isinstance(scale, float) or not 0 < scale < math.inf:
            raise ValueError(f"the scale of {name} is {scale!r}, not a positive number")
        for part in ("A", "B"):
            tensor = tensors[f"{name}.{part}"]
            if not isinstance(tensor, Tensor) or tensor.dim() != 2:
                raise ValueError(f"{name}.{part} is not a matrix")
            if not bool(torch.isfinite(tensor).all()):
                raise ValueError(f"{name}.{part} holds a number that is not finite")


def _check_base(model: nn.Module, state: State) -> None:
    try:
        _check(state)
    except ValueError as error:
        raise UserError(
            f"this is not an adapter: {error}", "use one of adapter_state or read", Exit.USAGE
        ) from None
    base = base_hash(model)
    if state["base"] != base:
        raise UserError(
            f"the adapter belongs to base {state['base']}, this model is {base}",
            "load the base it was trained on, in the same precision; adapters do not move between "
            "bases",
            Exit.USAGE,
        )


def _check_layers(adapted: dict[str, LoRALinear], state: State) -> None:
    """Refuse other layers, or factors that do not fit them."""
    if set(adapted) != set(state["scale"]):
        raise UserError(
            f"the adapter has the layers {', '.join(state['scale'])}, the model has adapters on "
            f"{', '.join(adapted) or 'none'}",
            "inject with the same targets first, or attach it to the plain base",
            Exit.USAGE,
        )
    for name, layer in adapted.items():
        A = state["tensors"][f"{name}.A"]
        B = state["tensors"][f"{name}.B"]
        _, d = layer.A.shape
        k, _ = layer.B.shape
        if A.shape[1] != d or B.shape != (k, len(A)):
            raise UserError(
                f"{name} has A {tuple(A.shape)} and B {tuple(B.shape)}, the layer is from {d} to "
                f"{k}",
                "write the adapter again from its run",
                Exit.USAGE,
            )


@torch.no_grad()
def load_adapter(model: nn.Module, state: State) -> None:
    """Put saved adapters in place of those that a model has; rank and scale are the saved ones.

    Where the rank changes, A and B are new parameters: build the optimizer afterwards.

    Raises
    ------
    UserError
        When the adapter was trained on another base, has other layers, or is damaged.
    """
    _check_base(model, state)
    adapted = layers(model)
    _check_layers(adapted, state)
    for name, layer in adapted.items():
        A = state["tensors"][f"{name}.A"]
        B = state["tensors"][f"{name}.B"]
        _put(layer, A, B, state["scale"][name])


def _put(layer: LoRALinear, A: Tensor, B: Tensor, scale: float) -> None:
    if A.shape == layer.A.shape:
        layer.A.copy_(A)
        layer.B.copy_(B)
    else:
        layer.A = nn.Parameter(A.to(layer.A).clone())
        layer.B = nn.Parameter(B.to(layer.B).clone())
    layer.r = len(A)
    layer.scale = scale


def attach(model: nn.Module, state: State) -> list[str]:
    """Inject adapters where a saved adapter has them, load it, and return the names of the layers.

    Raises
    ------
    UserError
        When the adapter belongs to another base or does not fit; the model is then unchanged.
    """
    _check_base(model, state)
    names = list(state["scale"])
    inject(model, names, r=1)
    load_adapter(model, state)
    return names


@torch.no_grad()
def stack(model: nn.Module, states: list[State], weights: list[float]) -> None:
    """Several adapters of one base at once, as one of the summed rank: sum over i of weights[i]
    times update i.

    A and B are new parameters: build an optimizer afterwards.

    Raises
    ------
    ValueError
        When there are not as many weights as adapters, or none.
    UserError
        As `load_adapter` does.
    """
    if len(states) != len(weights) or not states:
        raise ValueError(f"need one weight for each adapter, got {len(states)} and {len(weights)}")
    adapted = layers(model)
    for state in states:
        _check_base(model, state)
        _check_layers(adapted, state)
    for name, layer in adapted.items():
        A = torch.cat([s["tensors"][f"{name}.A"] for s in states])
        B = torch.cat(
            [
                w * s["scale"][name] * s["tensors"][f"{name}.B"]
                for s, w in zip(states, weights, strict=True)
            ],
            1,
        )
        _put(layer, A, B, 1.0)
