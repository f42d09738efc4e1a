"""GPT-2 of 124 million parameters: training speed beside other implementations, in turn.

    python -m tests.bench.gpt [--small] [--peer FOLDER] [--json FILE]
    python -m tests.bench.gpt --alone --heads 6 --no-biases --batch 64

On a GPU all are compiled, in bf16 autocast, with the same fused AdamW and the same clipping. The
Hugging Face model is always beside ours. FOLDER may hold the unpacked PyPI package buildNanoGPT
(0.1.6), whose model is that of build-nanogpt, by the author of nanoGPT. `--small` is for a CPU.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from projects import gpt
from projects.runner import devices
from torch import Tensor, nn

Loss = Callable[[Tensor, Tensor], Tensor]


def ours(V: int, T: int, L: int, H: int, C: int, bias: bool = True) -> tuple[nn.Module, Loss]:
    model = gpt.GPT(gpt.Settings(layers=L, heads=H, width=C, context=T, bias=bias), V)
    return model, lambda x, y: model(x, y)


def hugging_face(V: int, T: int, L: int, H: int, C: int) -> tuple[nn.Module, Loss]:
    import torch.nn.functional as F
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=V,
            n_positions=T,
            n_layer=L,
            n_head=H,
            n_embd=C,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            use_cache=False,
        )
    )
    return model, lambda x, y: F.cross_entropy(model(x).logits.flatten(0, 1), y.flatten())


def build_nanogpt(folder: Path) -> Callable[..., tuple[nn.Module, Loss]]:
    """The model of the package; its module of data, which asks for the network, is left out."""
    sys.path.insert(0, str(folder))
    data = types.ModuleType("buildNanoGPT.data")
    for name in ("render_example", "iterate_examples", "get_most_likely_row"):
        setattr(data, name, None)
    sys.modules[data.__name__] = data

    def make(V: int, T: int, L: int, H: int, C: int) -> tuple[nn.Module, Loss]:
        from buildNanoGPT.model import GPT, GPTConfig

        model = GPT(False, GPTConfig(block_size=T, vocab_size=V, n_layer=L, n_head=H, n_embd=C))
        return model, lambda x, y: model(x, y)[1]

    return make


class Racer:
    """One model and its optimizer; `step` is a whole training step on new tokens."""

    def __init__(
        self, made: tuple[nn.Module, Loss], place: devices.Place, V: int, B: int, T: int
    ) -> None:
        self.place = place
        self.model, loss = made
        self.model.to(place.device)
        fast = place.device.type == "cuda"
        self.loss = torch.compile(loss) if fast else loss
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=6e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True
        )
        self.shape = (B, T + 1)
        self.V = V

    def step(self) -> Tensor:
        window = torch.randint(self.V, self.shape, device=self.place.device)
        self.optimizer.zero_grad(set_to_none=True)
        with self.place.autocast():
            loss = self.loss(window[:, :-1].contiguous(), window[:, 1:].contiguous())
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return loss.detach()

    def tokens_a_second(self, steps: int) -> float:
        devices.synchronize(self.place.device)
        start = time.perf_counter()
        for _ in range(steps):
            self.step()
        devices.synchronize(self.place.device)
        return steps * self.shape[0] * (self.shape[1] - 1) / (time.perf_counter() - start)


def flops(V: int, T: int, L: int, C: int) -> float:
    """Operations per token of a training step: 6 per weight, and the two products of attention."""
    return 6.0 * (12 * L * C * C + V * C) + 12.0 * L * C * T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a model for a processor")
    parser.add_argument("--peer", type=Path, help="folder that holds the package buildNanoGPT")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--alone", action="store_true", help="nothing beside ours")
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--no-biases", action="store_true", help="of ours; the others have them")
    parser.add_argument("--json", type=Path, help="file for the results")
    asked = parser.parse_args()
    place = devices.choose()
    V, T, L, H, C, B, steps, rounds = (
        (64, 128, 4, 4, 256, 8, 10, 5)
        if asked.small
        else (50304, 1024, 12, asked.heads, 768, asked.batch, 20, 5)
    )
    makers: dict[str, Callable[..., tuple[nn.Module, Loss]]] = {
        "ours": partial(ours, bias=not asked.no_biases)
    }
    if not asked.alone:
        makers["Hugging Face"] = hugging_face
    if asked.peer and not asked.alone:
        makers["build-nanogpt"] = build_nanogpt(asked.peer)
    racers = {}
    for name, make in makers.items():
        torch.manual_seed(0)
        racers[name] = Racer(make(V, T, L, H, C), place, V, B, T)
        for _ in range(3):
            loss = racers[name].step()
        count = sum(p.numel() for p in racers[name].model.parameters())
        print(f"{name}: ready, loss {float(loss):.3f}, {count:,} parameters", flush=True)
    turns = [
        {name: racer.tokens_a_second(steps) for name, racer in racers.items()}
        for _ in range(rounds)
    ]
    speeds = {name: statistics.median(turn[name] for turn in turns) for name in racers}
    peak = devices.peak_flops(place.name) if place.device.type == "cuda" else None
    print(f"{place.name}, {place.precision}, {B} windows of {T}")
    facts = {
        "device": place.name,
        "precision": place.precision,
        "batch": B,
        "context": T,
        "heads": H,
        "biases": not asked.no_biases,
        "torch": torch.__version__,
        "parameters": sum(p.numel() for p in racers["ours"].model.parameters()),
        "tokens_per_s": {name: round(speed) for name, speed in speeds.items()},
        "rounds": {name: [round(turn[name]) for turn in turns] for name in racers},
        "share_of_peak": {
            name: round(speed * flops(V, T, L, C) / peak, 4) for name, speed in speeds.items()
        }
        if peak
        else {},
    }
    if asked.json:
        asked.json.write_text(json.dumps(facts, indent=1) + "\n")
    for name, speed in speeds.items():
        share = (
            f", {speed * flops(V, T, L, C) / peak:.1%} of the chip's dense bf16 peak"
            if peak
            else ""
        )
        quotient = speeds["ours"] / speed
        print(f"{name:14} {speed:12,.0f} tokens/s{share}, ours is {quotient:.2f} times it")


if __name__ == "__main__":
    main()
