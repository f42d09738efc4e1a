"""gpt: a decoder-only transformer, from a text file to samples.

Corpora: `sonnets` (Shakespeare's 154 sonnets, 1609, in the project), `sentence` (forty characters,
again and again), `echo` (words without meaning, each repeated), `stdlib` (the source of the Python
that runs this, some ten million characters), or the path of a text file or of a folder of them;
where these are large, their tokens stay on the disk (`token_files`). The last tenth of a single
text, or every tenth document of many, is never trained on. With `ends=true` a special token follows
every document (`special_tokens`): an empty prompt begins after it, and a text ends where it is
drawn. Windows of training cross the ends of documents. Read with `book/capstones/gpt.md`.
Sources: Vaswani et al. (2017), Radford et al. (2019).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import click
import torch
import torch.nn.functional as F
from clikit.errors import Exit, UserError
from groundtruth.modern.tokenizers import Tokenizer
from torch import Tensor, nn

from projects import corpora, gpt2, special_tokens, token_files
from projects.corpora import streams
from projects.runner.rng import generator
from projects.runner.settings import Settings as RunSettings
from projects.runner.settings import check_seed, finite, wrong
from projects.runner.task import Batch, S, Task
from projects.special_tokens import DocumentTokenizer, TextTokenizer
from projects.token_files import Tokens

SUMMARY = "a decoder-only transformer trained from scratch on text, and sampled"
COLDEST = 1e-20  # a lower temperature is 0 in 32 bits: the likeliest token
PIECE = 8192  # positions whose logits are held at a time when a loss is measured


@dataclass(frozen=True)
class Settings(RunSettings):
    """Settings of the model, the text and the training."""

    corpus: str = "sonnets"
    merges: int = 0  # byte-pair merges to learn; 0: one token a character
    layers: int = 2
    heads: int = 4
    kv_heads: int = 0  # heads of keys and values; 0: as many as heads
    width: int = 64
    context: int = 32
    dropout: float = 0.0
    bias: bool = True
    tie: bool = True  # the output matrix is the embedding's
    norm: str = "layer"  # layer, rms
    positions: str = "learned"  # learned, rope, none
    mlp: str = "gelu"  # gelu, swiglu
    eval_windows: int = 64  # windows of the held-out text an evaluation reads
    init: str = ""  # folder of a GPT-2 whose weights and tokenizer to start from; empty: none
    ends: bool = False  # a special token after every document, in place of a blank line

    def check(self) -> None:
        super().check()
        for name, names in (
            ("norm", ("layer", "rms")),
            ("positions", ("learned", "rope", "none")),
            ("mlp", ("gelu", "swiglu")),
        ):
            if getattr(self, name) not in names:
                raise wrong(name, getattr(self, name), f"is not one of: {', '.join(names)}")
        for name in ("layers", "heads", "width", "context", "eval_windows"):
            if getattr(self, name) < 1:
                raise wrong(name, getattr(self, name), "must be at least 1")
        if self.width % self.heads or (self.positions == "rope" and self.width // self.heads % 2):
            raise wrong(
                "width",
                self.width,
                f"does not split into {self.heads} heads"
                + (" of even size, which rope needs" if self.positions == "rope" else ""),
            )
        if self.kv_heads < 0 or self.heads % (self.kv_heads or self.heads):
            raise wrong("kv_heads", self.kv_heads, f"does not divide {self.heads} heads")
        if not 0 <= self.dropout < 1:
            raise wrong("dropout", self.dropout, "is a probability below 1")
        if self.merges < 0:
            raise wrong("merges", self.merges, "must not be negative")


PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {
        "corpus": "sentence",
        "steps": 60,
        "batch_size": 16,
        "learning_rate": 3e-3,
        "tie": False,
        "eval_every": 30,
        "save_every": 30,
    },
    "laptop": {
        "layers": 4,
        "width": 128,
        "context": 64,
        "batch_size": 32,
        "steps": 450,
        "learning_rate": 3e-3,
        "warmup_steps": 30,
        "weight_decay": 0.1,
        "positions": "rope",
        "bias": False,
        "eval_every": 50,
        "save_every": 225,
        "eval_windows": 128,
    },
    "gpu": {
        "corpus": "stdlib",
        "merges": 7936,
        "layers": 8,
        "heads": 8,
        "width": 512,
        "context": 512,
        "batch_size": 64,
        "steps": 2000,
        "learning_rate": 1e-3,
        "warmup_steps": 100,
        "weight_decay": 0.1,
        "dropout": 0.1,
        "norm": "rms",
        "positions": "rope",
        "bias": False,
        "eval_every": 250,
        "save_every": 500,
    },
    "gpt2": {
        "corpus": "stdlib",
        "merges": 50048,
        "layers": 12,
        "heads": 12,
        "width": 768,
        "context": 1024,
        "batch_size": 32,
        "steps": 200,
        "learning_rate": 6e-4,  # 50304 tokens: a multiple of 64 suits the chip
        "warmup_steps": 20,
        "weight_decay": 0.1,
        "eval_every": 100,
        "save_every": 100,
    },
}


@dataclass(frozen=True)
class Sample:
    """Options of sampling."""

    prompt: str = ""  # empty: the end of a document, or a line break, or the first character
    length: int = 400
    temperature: float = 0.8
    top_k: int = 0  # keep this many tokens; 0: all
    top_p: float = 1.0  # keep the fewest likeliest tokens whose probabilities reach this sum
    seed: int = 0

    def check(self) -> None:
        """Refuse values that cannot be sampled with."""
        finite(self)
        if self.length < 1:
            raise wrong("length", self.length, "must be at least 1")
        if self.temperature < 0:
            raise wrong("temperature", self.temperature, "must not be negative")
        if self.top_k < 0:
            raise wrong("top_k", self.top_k, "must not be negative")
        if not 0 < self.top_p <= 1:
            raise wrong("top_p", self.top_p, "must be a probability above 0 and at most 1")
        check_seed(self.seed)


# -- the model ------------------------------------------------------------------------------------

Cache = list[tuple[Tensor, Tensor]]  # keys and values of each layer, (B, KV, T, d)


def rope_table(start: int, T: int, d: int, device: torch.device) -> Tensor:
    """Cosines and sines, each (T, d), of position times 10000^(-2i/d), one for two neighbors."""
    rates = 10_000.0 ** (-torch.arange(0, d, 2, device=device, dtype=torch.float32) / d)  # (d / 2)
    angle = torch.arange(start, start + T, device=device)[:, None] * rates  # (T, d / 2)
    return torch.stack([angle.cos(), angle.sin()]).repeat_interleave(2, -1)  # (2, T, d)


cached_rope_table = lru_cache(maxsize=64)(rope_table)  # the same table serves every layer and step


def apply_rope(x: Tensor, start: int) -> Tensor:
    """Rotate the pairs (x_2i, x_2i+1) of x (B, H, T, d) by position times 10000^(-2i/d)."""
    _, _, T, d = x.shape
    c, s = (rope_table if torch.compiler.is_compiling() else cached_rope_table)(
        start, T, d, x.device
    )
    quarter = torch.stack([-x[..., 1::2], x[..., ::2]], -1).flatten(
        -2
    )  # each pair rotated by 90 degrees
    return (x * c + quarter * s).to(x.dtype)  # (B, H, T, d)


class Attention(nn.Module):
    """Causal self-attention: each position attends to those up to its own."""

    def __init__(self, s: Settings) -> None:
        super().__init__()
        self.heads = s.heads
        self.kv_heads = s.kv_heads or s.heads
        self.size = s.width // s.heads
        self.rope = s.positions == "rope"
        self.dropout = s.dropout
        self.qkv = nn.Linear(s.width, (self.heads + 2 * self.kv_heads) * self.size, bias=s.bias)
        self.out = nn.Linear(s.width, s.width, bias=s.bias)

    def forward(
        self, x: Tensor, cache: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        B, T, C = x.shape
        start = cache[0].shape[2] if cache else 0
        parts = self.qkv(x).split(
            [n * self.size for n in (self.heads, self.kv_heads, self.kv_heads)], -1
        )
        q, k, v = (
            part.view(B, T, -1, self.size).transpose(1, 2) for part in parts
        )  # (B, H, T, d), (B, KV, T, d) twice
        if self.rope:
            q = apply_rope(q, start)
            k = apply_rope(k, start)
        if cache:
            k = torch.cat([cache[0], k], 2)
            v = torch.cat([cache[1], v], 2)  # (B, KV, start + T, d)
        keys_values = (k, v)
        if self.kv_heads < self.heads:  # each key and value head serves several query heads
            k, v = (t.repeat_interleave(self.heads // self.kv_heads, 1) for t in (k, v))
        mask = None
        if start and T > 1:  # row i may see the cache and the new positions up to its own
            mask = torch.ones(T, start + T, dtype=torch.bool, device=x.device).tril(start)
        y = F.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=mask,
            is_causal=start == 0 and T > 1,
            dropout_p=self.dropout if self.training else 0.0,
        )
        return self.out(y.transpose(1, 2).reshape(B, T, C)), keys_values  # (B, T, C)


class MLP(nn.Module):
    """The same two layers at every position, four times as wide inside; SwiGLU has about as many
    parameters.
    """

    def __init__(self, s: Settings) -> None:
        super().__init__()
        self.gated = s.mlp == "swiglu"
        inner = 8 * s.width // 3 if self.gated else 4 * s.width
        self.up = nn.Linear(s.width, 2 * inner if self.gated else inner, bias=s.bias)
        self.out = nn.Linear(inner, s.width, bias=s.bias)

    def forward(self, x: Tensor) -> Tensor:
        h = self.up(x)
        if self.gated:
            gate, value = h.chunk(2, -1)
            return self.out(F.silu(gate) * value)
        return self.out(F.gelu(h, approximate="tanh"))


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)): the residual stream itself is not normed."""

    def __init__(self, s: Settings) -> None:
        super().__init__()
        self.norm1 = _norm(s)
        self.norm2 = _norm(s)
        self.attention = Attention(s)
        self.mlp = MLP(s)
        self.drop = nn.Dropout(s.dropout)

    def forward(
        self, x: Tensor, cache: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        a, keys_values = self.attention(self.norm1(x), cache)
        x = x + self.drop(a)
        return x + self.drop(self.mlp(self.norm2(x))), keys_values


class RMSNorm(nn.RMSNorm):
    """torch's, with the weight in the type of x: for two types torch takes no fused kernel, and
    says so.
    """

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.normalized_shape, self.weight.to(x.dtype), self.eps)


def _norm(s: Settings) -> nn.Module:
    return RMSNorm(s.width, eps=1e-5) if s.norm == "rms" else nn.LayerNorm(s.width, bias=s.bias)


class GPT(nn.Module):
    """Tokens to logits of the next token.

    Parameters
    ----------
    s : Settings
    V : int, size of the vocabulary
    """

    def __init__(self, s: Settings, V: int) -> None:
        super().__init__()
        self.s = s
        self.V = V
        self.token = nn.Embedding(V, s.width)
        self.position = nn.Embedding(s.context, s.width) if s.positions == "learned" else None
        self.drop = nn.Dropout(s.dropout)
        self.blocks = nn.ModuleList(Block(s) for _ in range(s.layers))
        self.norm = _norm(s)
        self.head = nn.Linear(s.width, V, bias=not s.tie)
        self.apply(self._start)
        for name, p in self.named_parameters():
            if name.endswith(
                "out.weight"
            ):  # 2 L branches add to one stream: its variance should not grow with L
                nn.init.normal_(p, std=0.02 / math.sqrt(2 * s.layers))
        if s.tie:
            self.head.weight = self.token.weight

    @staticmethod
    def _start(module: nn.Module) -> None:
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def forward(
        self,
        tokens: Tensor,
        targets: Tensor | None = None,
        cache: Cache | None = None,
        new_cache: Cache | None = None,
    ) -> Tensor:
        """Logits (B, T, V) for tokens (B, T), or, with targets (B, T), the mean loss.

        `cache` holds keys and values of earlier positions; those of all positions are appended to
        `new_cache`.
        """
        _, T = tokens.shape
        start = cache[0][0].shape[2] if cache else 0
        if start + T > self.s.context and self.position is not None:
            raise ValueError(
                f"{start + T} positions, but the model has learned {self.s.context}; keep the last "
                f"{self.s.context} tokens"
            )
        x = self.token(tokens)  # (B, T, C)
        if self.position is not None:
            x = x + self.position(torch.arange(start, start + T, device=tokens.device))
        if torch.is_autocast_enabled(
            x.device.type
        ):  # the residual stream is read and written most often
            x = x.to(torch.get_autocast_dtype(x.device.type))
        x = self.drop(x)
        for i, block in enumerate(self.blocks):
            x, keys_values = block(x, cache[i] if cache else None)
            if new_cache is not None:
                new_cache.append(keys_values)
        logits = self.head(self.norm(x))  # (B, T, V)
        if targets is None:
            return logits
        return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten())

    @torch.no_grad()
    def stream(
        self,
        tokens: Tensor,
        length: int,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = Sample.top_p,
        rng: torch.Generator | None = None,
        cached: bool = True,
    ) -> Iterator[Tensor]:
        """`length` tokens (B, 1), one after the other, each drawn from the model's distribution
        given the text before it.

        Temperature 0 takes the likeliest token. While the text fits into the context, keys and
        values are cached and only the new token is computed; after that the window slides and all
        of it is recomputed, as it always is with `cached=False`.
        """
        if tokens.shape[1] == 0:
            raise ValueError("the prompt is empty; give at least one token to start from")
        cache: Cache | None = None
        for _ in range(length):
            window = tokens[:, -self.s.context :]
            fits = cached and tokens.shape[1] <= self.s.context
            new_cache: Cache = []
            logits = (
                self(window[:, -1:], cache=cache, new_cache=new_cache)
                if fits and cache
                else self(window, new_cache=new_cache)
            )
            cache = new_cache if fits else None
            drawn = sample_token(logits[:, -1], temperature, top_k, top_p, rng)  # (B, 1)
            tokens = torch.cat([tokens, drawn], 1)
            yield drawn

    def generate(
        self,
        tokens: Tensor,
        length: int,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = Sample.top_p,
        rng: torch.Generator | None = None,
        cached: bool = True,
    ) -> Tensor:
        """Tokens (B, T) and `length` more: what `stream` yields, in one tensor (B, T + length)."""
        return torch.cat(
            [tokens, *self.stream(tokens, length, temperature, top_k, top_p, rng, cached)], 1
        )


@torch.no_grad()
def attention_maps(model: GPT, tokens: Tensor) -> list[Tensor]:
    """Weights of every layer, (B, H, T, T) each: row t holds the weights of position t on all
    positions up to its own.
    """
    maps: list[Tensor] = []

    def look(module: Any, inputs: tuple[Tensor, ...], _: Any) -> None:
        B, T, _C = inputs[0].shape
        qkv = module.qkv(inputs[0]).view(B, T, -1, module.size).transpose(1, 2)
        q, k, _v = qkv.split([module.heads, module.kv_heads, module.kv_heads], dim=1)
        if module.rope:
            q = apply_rope(q, 0)
            k = apply_rope(k, 0)
        k = k.repeat_interleave(module.heads // module.kv_heads, 1)
        scores = q @ k.transpose(-1, -2) / math.sqrt(module.size)  # (B, H, T, T)
        maps.append(
            scores.masked_fill(torch.ones(T, T, device=k.device).triu(1).bool(), -math.inf).softmax(
                -1
            )
        )

    hooks = [
        module.register_forward_hook(look)
        for module in model.modules()
        if isinstance(module, Attention)
    ]
    try:
        model.eval()(tokens)
    finally:
        for hook in hooks:
            hook.remove()
    return maps


def next_token_probs(
    logits: Tensor, temperature: float = 1.0, top_k: int = 0, top_p: float = Sample.top_p
) -> Tensor:
    """Probabilities (..., V) of the next token after temperature, top-k and top-p, in this order.

    Raises
    ------
    ValueError
        For a temperature that is not positive, a negative k and a top_p outside (0, 1].
    """
    if not temperature > 0 or top_k < 0 or not 0 < top_p <= 1:
        raise ValueError(
            f"need temperature > 0, top_k >= 0 and 0 < top_p <= 1, "
            f"got {temperature}, {top_k} and {top_p}"
        )
    if not bool(torch.isfinite(logits.amax(-1)).all()):
        raise ValueError("the logits are not finite: the model has no next token to offer")
    logits = logits.float()
    if temperature < 1e-3:  # a division by less could overflow: the largest becomes 0 first
        logits = logits - logits.amax(-1, keepdim=True)
    logits = logits / max(temperature, COLDEST)
    if 0 < top_k < logits.shape[-1]:
        smallest = logits.topk(top_k).values[..., -1:]
        logits = logits.masked_fill(logits < smallest, -math.inf)
    p = logits.softmax(-1)
    if top_p < 1:
        ordered, order = p.sort(descending=True)
        preceding = ordered.cumsum(-1) - ordered  # probability of all likelier tokens
        outside = preceding >= top_p
        outside[..., 0] = False  # the likeliest always stays
        p = torch.zeros_like(p).scatter(-1, order, ordered.masked_fill(outside, 0.0))
        p = p / p.sum(-1, keepdim=True)
    return p


def sample_token(
    logits: Tensor, temperature: float, top_k: int, top_p: float, rng: torch.Generator | None
) -> Tensor:
    """One token (B, 1) for each row of logits (B, V); temperature 0 takes the likeliest."""
    if temperature == 0:
        return logits.argmax(-1, keepdim=True)
    return torch.multinomial(next_token_probs(logits, temperature, top_k, top_p), 1, generator=rng)


# -- the task -------------------------------------------------------------------------------------


class TextTask(Task[S]):
    """Predict the next token of a text, with whatever settings the training has.

    Attributes
    ----------
    model : GPT, whose settings `s` are those of its sizes
    tokenizer : Tokenizer, or a DocumentTokenizer with its special token
    train, held_out : Tensor, or Tokens of a file; absent where only the weights of a checkpoint
        are used
    """

    unit = "tokens"
    model: GPT
    tokenizer: TextTokenizer
    train: Tensor | Tokens
    held_out: Tensor | Tokens
    held_out_bytes: int

    def batch(self, step: int) -> Batch:
        """(B, T) tokens and the (B, T) that follow them, from random positions of the text."""
        T = self.model.s.context
        starts = torch.randint(
            len(self.train) - T,
            (self.settings.batch_size, 1),
            generator=generator(self.settings.seed, step),
        )
        window = self.train[starts + torch.arange(T + 1)]  # (B, T + 1)
        return window[:, :-1], window[:, 1:]

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        return model(*batch)

    def units(self, batch: Batch) -> int:
        return batch[0].numel()

    def flops(self) -> float:
        """6 for each parameter that multiplies (forward 2, backward 4), and the two products of
        attention.
        """
        N = sum(p.numel() for p in self.model.parameters()) - (
            self.model.position.weight.numel() if self.model.position is not None else 0
        )
        if not self.model.s.tie:
            N -= self.model.token.weight.numel()  # looked up, not multiplied
        return 6.0 * N + 12.0 * self.model.s.layers * self.model.s.width * self.model.s.context

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Losses in nats per token, and bits per byte of the held-out text.

        Special tokens are predicted too, and their loss is part of both. The bytes are those of
        the documents: a special token has none, so a text with it has more bits and not more bytes.
        """
        val = self.mean_loss(model, self.held_out, device)
        per_byte = val * len(self.held_out) / self.held_out_bytes / math.log(2)
        return {
            "val_loss": val,
            "train_loss": self.mean_loss(model, self.train, device),
            "perplexity": math.exp(val),
            "bits_per_byte": per_byte,
        }

    @torch.no_grad()
    def mean_loss(self, model: nn.Module, tokens: Tensor | Tokens, device: torch.device) -> float:
        """Mean loss, nats per token, over windows that do not overlap, spread over the text."""
        T = self.model.s.context
        count = (len(tokens) - 1) // T
        chosen = torch.linspace(0, count - 1, min(count, self.model.s.eval_windows)).round().long()
        windows = tokens[chosen[:, None] * T + torch.arange(T + 1)]  # (n, T + 1)
        total = 0.0
        for part in windows.split(max(1, PIECE // T)):
            part = part.to(device)
            total += float(model(part[:, :-1], part[:, 1:])) * len(part)
        return total / len(windows)

    @cached_property
    def corpus_digest(self) -> str:
        """Number and SHA-256 of the tokens, by which a changed corpus is noticed."""
        return token_files.digest(self.train, self.held_out)

    def state(self) -> dict[str, Any]:
        return {"corpus": self.corpus_digest, "tokenizer": self.tokenizer.state()}

    def extras(self, model: nn.Module, device: torch.device) -> dict[str, Any]:
        """Logits after the first 21 tokens of the held-out text."""
        start = self.held_out[: min(21, self.model.s.context)]
        logits = model(start[None].to(device))[0, -1].detach().float().cpu()
        best = logits.topk(min(100, len(logits)))
        names = [self.tokenizer.decode([int(i)]) for i in best.indices]
        return {
            "example": {
                "prompt": self.tokenizer.decode(start.tolist()),
                "tokens": names,
                "logits": [round(float(v), 4) for v in best.values],
            }
        }

    def sample(self, model: nn.Module, options: Sample, device: torch.device) -> str:
        """The prompt and what the model appends to it."""
        options.check()
        prompt = options.prompt or self.default_prompt()
        try:
            text = "".join(self.pieces(model, replace(options, prompt=prompt), device))
        except ValueError as error:
            raise UserError(
                str(error),
                f"change it with --set, for example --set prompt={self.default_prompt()!r}",
                Exit.USAGE,
            ) from None
        return prompt + text

    def default_prompt(self) -> str:
        """Nothing where a special token can begin a document; otherwise a line break if the
        vocabulary has one, or its first character.
        """
        if special_tokens.end(self.tokenizer) is not None:
            return ""
        try:
            self.tokenizer.encode("\n")
        except ValueError:
            return next(text for i in range(len(self.tokenizer)) if (text := self._decode(i)))
        return "\n"

    def _decode(self, token: int) -> str:
        return self.tokenizer.decode([token]).strip()

    def pieces(
        self,
        model: nn.Module,
        options: Sample,
        device: torch.device,
        tokens: list[int] | None = None,
    ) -> Iterator[str]:
        """The text after a prompt, piece by piece; a character of several tokens comes complete.

        A special token ends the text and is no part of it; an empty prompt begins after one. What
        is drawn before it is appended to `tokens`, if a list is given.
        """
        assert isinstance(model, GPT)
        options.check()
        end = special_tokens.end(self.tokenizer)
        start = self.tokenizer.encode(options.prompt) or ([] if end is None else [end])
        prompt = torch.tensor([start], dtype=torch.long, device=device)
        rng = torch.Generator(device).manual_seed(options.seed)
        stream = model.stream(
            prompt, options.length, options.temperature, options.top_k, options.top_p, rng
        )
        tokens = [] if tokens is None else tokens
        text = ""
        sent = 0
        for token in stream:
            if int(token) == end:
                break
            tokens.append(int(token))
            text = self.tokenizer.decode(tokens)
            if not text.endswith("\ufffd"):
                yield text[sent:]
                sent = len(text)
        if sent < len(text):
            yield text[sent:]


class Language(TextTask[Settings]):
    """A model trained from scratch on a corpus."""

    def __init__(self, settings: Settings, state: dict[str, Any] | None = None) -> None:
        super().__init__(settings)
        if state is not None:
            self.tokenizer = special_tokens.load(state["tokenizer"])
        else:
            if streams.size(settings.corpus) > token_files.IN_MEMORY:
                self._read_files()
            else:
                self._read()
            for name, tokens in (("training", self.train), ("held-out", self.held_out)):
                if len(tokens) <= settings.context:
                    raise UserError(
                        f"the {name} text of corpus {settings.corpus!r} has {len(tokens)} tokens, "
                        f"a window needs {settings.context + 1}",
                        "use a longer text, or --set context=... (smaller)",
                        Exit.USAGE,
                    )
        torch.manual_seed(settings.seed)
        self.model = GPT(settings, len(self.tokenizer))
        if settings.init and state is None:
            gpt2.load(self.model, Path(settings.init))

    def _read(self) -> None:
        """Texts and their tokens in memory."""
        documents = corpora.documents(self.settings.corpus) if self.settings.ends else []
        if self.settings.ends:
            corpora.check_documents(self.settings.corpus, len(documents))
        train, held_out = corpora.split(self.settings.corpus)
        tokenizer = self._pretrained() or token_files.learn(
            train, train + held_out, self.settings.merges
        )
        if self.settings.ends:
            self._encode_documents(DocumentTokenizer(tokenizer), documents)
            return
        self.tokenizer = tokenizer
        self.train, self.held_out = (
            torch.tensor(tokenizer.encode(text)) for text in (train, held_out)
        )
        self.held_out_bytes = len(held_out.encode())

    def _encode_documents(self, tokenizer: DocumentTokenizer, documents: list[str]) -> None:
        """Tokens of documents in memory, each followed by the special one."""
        self.tokenizer = tokenizer
        train, held_out = corpora.apart(documents)
        self.train, self.held_out = (
            torch.tensor(tokenizer.encode_documents(texts)) for texts in (train, held_out)
        )
        self.held_out_bytes = sum(len(text.encode()) for text in held_out)

    def _read_files(self) -> None:
        """Tokens in files, encoded if this was not done before."""
        encoded = token_files.load(
            self.settings.corpus,
            self.settings.merges,
            self._pretrained(),
            lambda text: click.echo(f"projects: {text}", err=True),
            self.settings.ends,
        )
        self.tokenizer = encoded.tokenizer
        self.train, self.held_out = encoded.train, encoded.held_out
        self.held_out_bytes = encoded.held_out_bytes
        self.corpus_digest = encoded.digest

    def _pretrained(self) -> Tokenizer | None:
        """The tokenizer of the pretrained model that the run starts from, if there is one."""
        if not self.settings.init:
            return None
        return gpt2.start(Path(self.settings.init), self.settings)


def build(settings: Settings, state: dict[str, Any] | None = None) -> Language:
    """The task; with the state of a checkpoint no corpus is read."""
    return Language(settings, state)
