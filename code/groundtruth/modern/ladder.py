"""Neural language models below the transformer: bigram table, fixed window, GRU; all trained alike.

Read with book/modern/language-models.md.

Tokens (B, T) to logits (B, T, V) of the next token. The window is that of Bengio et al. (2003), the
recurrent model a gated recurrent unit (Cho et al., 2014).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Bigram(nn.Module):
    """One row of logits for each current token: a table (V, V), trained by gradients.

    Examples
    --------
    >>> Bigram(5)(torch.zeros(2, 3, dtype=torch.long)).shape
    torch.Size([2, 3, 5])
    """

    def __init__(self, V: int) -> None:
        super().__init__()
        self.table = nn.Embedding(V, V)
        nn.init.zeros_(self.table.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.table(x)


class Window(nn.Module):
    """An MLP on the embeddings of the last w tokens; before the first token stands padding.

    Parameters
    ----------
    V, w, C, hidden : int, vocabulary, tokens that are seen, width of an embedding, hidden units

    Examples
    --------
    >>> Window(5, 3, 4, 8)(torch.zeros(2, 3, dtype=torch.long)).shape
    torch.Size([2, 3, 5])
    """

    def __init__(self, V: int, w: int, C: int, hidden: int) -> None:
        super().__init__()
        if w < 1:
            raise ValueError(f"a window has at least 1 token, got {w}")
        self.w = w
        self.V = V
        self.token = nn.Embedding(V + 1, C)
        self.hidden = nn.Linear(w * C, hidden)
        self.head = nn.Linear(hidden, V)

    def forward(self, x: Tensor) -> Tensor:
        padded = F.pad(x, (self.w - 1, 0), value=self.V)  # (B, w - 1 + T)
        seen = padded.unfold(1, self.w, 1)  # (B, T, w)
        return self.head(torch.relu(self.hidden(self.token(seen).flatten(2))))


class Recurrent(nn.Module):
    """Embeddings, a gated recurrent unit whose state starts at zero, and a linear head.

    Examples
    --------
    >>> Recurrent(5, 4, 8)(torch.zeros(2, 3, dtype=torch.long)).shape
    torch.Size([2, 3, 5])
    """

    def __init__(self, V: int, C: int, hidden: int) -> None:
        super().__init__()
        self.token = nn.Embedding(V, C)
        self.rnn = nn.GRU(C, hidden, batch_first=True)
        self.head = nn.Linear(hidden, V)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(self.token(x))[0])


def batch(tokens: Tensor, B: int, T: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """B windows of T tokens from random places, and the token after each of theirs.

    Raises
    ------
    ValueError
        If the text has no window of T + 1 tokens.
    """
    if len(tokens) <= T:
        raise ValueError(f"a window of {T} tokens and the next need {T + 1}, got {len(tokens)}")
    starts = torch.randint(len(tokens) - T, (B, 1), generator=rng)
    window = tokens[starts + torch.arange(T + 1)]  # (B, T + 1)
    return window[:, :-1], window[:, 1:]


def mean_loss(model: Callable[[Tensor], Tensor], tokens: Tensor, T: int) -> float:
    """Mean loss in nats per token over all whole windows of T tokens, which do not overlap.

    Examples
    --------
    >>> round(mean_loss(Bigram(4), torch.tensor([0, 1, 2, 3, 0]), 2), 4)  # ln 4
    1.3863
    """
    count = (len(tokens) - 1) // T
    if count < 1:
        raise ValueError(f"a window of {T} tokens and the next need {T + 1}, got {len(tokens)}")
    windows = tokens[torch.arange(count)[:, None] * T + torch.arange(T + 1)]  # (n, T + 1)
    total = 0.0
    with torch.no_grad():
        for part in windows.split(128):
            logits = model(part[:, :-1])
            total += float(F.cross_entropy(logits.flatten(0, 1), part[:, 1:].flatten())) * len(part)
    return total / count


def train(
    model: nn.Module,
    tokens: Tensor,
    steps: int,
    rate: float,
    seed: int = 0,
    B: int = 32,
    T: int = 64,
    held_out: Tensor | None = None,
    every: int = 0,
) -> list[float]:
    """AdamW with warm-up over a tenth of the steps, then a cosine to a tenth of the rate.

    Returns the loss of each step, or, with `held_out` and `every`, the held-out loss at every so
    many steps.

    Raises
    ------
    ValueError
        If there is no step or the rate is not positive.
    """
    if steps < 1 or not rate > 0:
        raise ValueError(f"need at least 1 step and a rate above 0, got {steps} and {rate}")
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.1, betas=(0.9, 0.95))
    rng = torch.Generator().manual_seed(seed)
    losses = []
    for step in range(steps):
        warm = min(1.0, (step + 1) / max(1, steps // 10))
        cosine = 0.55 + 0.45 * math.cos(math.pi * step / steps)
        for group in optimizer.param_groups:
            group["lr"] = rate * warm * cosine
        x, y = batch(tokens, B, T, rng)
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if not every:
            losses.append(loss.item())
        elif held_out is not None and (step + 1) % every == 0:
            model.eval()
            losses.append(mean_loss(model, held_out, T))
            model.train()
    return losses


def tuned(
    make: Callable[[], nn.Module],
    tokens: Tensor,
    held_out: Tensor,
    rates: Sequence[float],
    seeds: Sequence[int],
    steps: int,
    every: int,
) -> dict[str, object]:
    """Held-out curves of the best rate: all rates are tried with the first seed on the last tenth
    of the training text, and the best one is then run with every seed on all of it.

    Returns the rate, the number of parameters, and one curve for each seed.

    Raises
    ------
    ValueError
        If there is no rate or no seed.
    """
    if not rates or not seeds:
        raise ValueError("give at least one rate and one seed")
    cut = len(tokens) * 9 // 10
    trial = {}
    for rate in rates:
        torch.manual_seed(seeds[0])
        trial[rate] = min(
            train(make(), tokens[:cut], steps, rate, seeds[0], held_out=tokens[cut:], every=every)
        )
    best = min(trial, key=trial.__getitem__)
    curves = []
    for seed in seeds:
        torch.manual_seed(seed)
        model = make()
        curves.append(train(model, tokens, steps, best, seed, held_out=held_out, every=every))
    return {
        "rate": best,
        "parameters": sum(p.numel() for p in model.parameters()),
        "curves": [[round(value, 4) for value in curve] for curve in curves],
    }
