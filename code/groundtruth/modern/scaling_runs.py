"""Language models of several sizes trained once through a text: the data of a scaling law.

Read with book/modern/training-in-practice.md.

A model predicts a character from the 8 before it: embeddings, one hidden layer, logits. It is
trained at a constant rate, and from several points of this run the rate falls to zero on a copy
(warm-up, stable, decay), so one run gives the losses at several numbers of examples.
"""

from __future__ import annotations

import copy
import hashlib
from collections import Counter
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

CONTEXT = 8
EMBEDDING = 16
SYMBOLS = 48  # the most frequent characters; all others are one symbol
BATCH = 128
BASE_WIDTH = 16  # at this width muP is the standard parametrization

Examples = tuple[NDArray[np.int64], NDArray[np.int64]]


def encode(texts: list[str]) -> list[NDArray[np.int64]]:
    """Texts in lower case as numbers of symbols, the most frequent first.

    Examples
    --------
    >>> encode(["abaB", "a"])[0].tolist()
    [0, 1, 0, 1]
    """
    counts = Counter("".join(texts).lower())
    ordered = sorted(counts, key=lambda c: (-counts[c], c))
    number = {c: min(i, SYMBOLS - 1) for i, c in enumerate(ordered)}
    return [np.array([number[c] for c in text.lower()], np.int64) for text in texts]


def windows(documents: list[NDArray[np.int64]]) -> Examples:
    """Contexts (n, 8) and next characters (n,) of every position of every document."""
    long_enough = [d for d in documents if len(d) > CONTEXT]
    views = [np.lib.stride_tricks.sliding_window_view(d, CONTEXT + 1) for d in long_enough]
    joined = np.concatenate(views)
    return joined[:, :-1], joined[:, -1]


def held_out(name: str, fraction: float = 0.1) -> bool:
    """Whether a document belongs to the validation set, by a hash of its name.

    Examples
    --------
    >>> sum(held_out(f"document {i}") for i in range(1000))
    113
    """
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], "big") < fraction * 2**64


def book_text() -> tuple[Examples, Examples]:
    """Training and validation windows of the frozen sections of this book, split by section."""
    from groundtruth.modern.retrieval_corpus import load

    corpus = load()
    names = [f"{page} {title}" for page, title in zip(corpus.pages, corpus.titles, strict=True)]
    encoded = encode([" " * CONTEXT + text for text in corpus.texts])
    outside = [held_out(name) for name in names]
    train = windows([d for d, out in zip(encoded, outside, strict=True) if not out])
    return train, windows([d for d, out in zip(encoded, outside, strict=True) if out])


class Predictor(nn.Module):
    """Logits (B, 48) of the next character from contexts (B, 8); h hidden units."""

    def __init__(self, h: int, rng: np.random.Generator) -> None:
        super().__init__()
        if h < 1:
            raise ValueError(f"at least one hidden unit, got {h}")
        shapes = [(SYMBOLS, EMBEDDING), (h, CONTEXT * EMBEDDING), (SYMBOLS, h)]
        scales = [1.0, (2 / (CONTEXT * EMBEDDING)) ** 0.5, BASE_WIDTH**0.5 / h]
        self.weights = nn.ParameterList(
            [
                nn.Parameter(torch.tensor(rng.normal(0, s, shape), dtype=torch.float32))
                for s, shape in zip(scales, shapes, strict=True)
            ]
        )
        self.bias = nn.Parameter(torch.zeros(h))

    def forward(self, x: Tensor) -> Tensor:
        embeddings, hidden, out = self.weights
        features = embeddings[x].flatten(1)  # (B, 128)
        return torch.relu(F.linear(features, hidden, self.bias)) @ out.T

    def groups(self, rate: float) -> list[dict[str, Any]]:
        """Parameters of Adam: the rate of the matrix with h inputs falls as 1/h (muP)."""
        *inputs, out = self.weights
        width = len(self.bias)
        return [
            {"params": [*inputs, self.bias], "lr": rate},
            {"params": [out], "lr": rate * BASE_WIDTH / width},
        ]


def steps(
    model: Predictor,
    optimizer: torch.optim.Adam,
    data: Examples,
    order: NDArray[np.int64],
    first: int,
    last: int,
    falling: bool,
) -> None:
    """Steps first to last - 1 on consecutive batches, at a constant or falling rate."""
    base = [group["lr"] for group in optimizer.param_groups]
    for t in range(first, last):
        rows = order[t * BATCH : (t + 1) * BATCH]
        factor = (last - t) / (last - first) if falling else min(1.0, (t + 1) / 30)
        for group, rate in zip(optimizer.param_groups, base, strict=True):
            group["lr"] = rate * factor
        loss = F.cross_entropy(model(torch.tensor(data[0][rows])), torch.tensor(data[1][rows]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for group, rate in zip(optimizer.param_groups, base, strict=True):
        group["lr"] = rate


@torch.no_grad()
def loss_nats(model: Predictor, data: Examples) -> float:
    """Mean cross-entropy per character."""
    total = 0.0
    for i in range(0, len(data[1]), 4096):
        logits = model(torch.tensor(data[0][i : i + 4096]))
        total += F.cross_entropy(
            logits, torch.tensor(data[1][i : i + 4096]), reduction="sum"
        ).item()
    return total / len(data[1])


def branched_run(
    h: int, examples: list[int], rate: float, seed: int, train: Examples, val: Examples
) -> list[float]:
    """Validation losses after each number of examples, from one stable run with a decay for each.

    The last fifth of each number of examples is the decay. Each example is seen once.
    """
    order = np.random.default_rng(seed).permutation(len(train[1]))
    if max(examples) > len(order):
        raise ValueError(f"{max(examples)} examples asked for, the text has {len(order)}")
    model = Predictor(h, np.random.default_rng([seed, h]))
    optimizer = torch.optim.Adam(model.groups(rate))
    done = 0
    losses = []
    for n in sorted(examples):
        stable = int(0.8 * n / BATCH)
        steps(model, optimizer, train, order, done, stable, falling=False)
        done = stable
        branch, its_optimizer = copy.deepcopy((model, optimizer))
        steps(branch, its_optimizer, train, order, stable, n // BATCH, falling=True)
        losses.append(loss_nats(branch, val))
    return losses


def parameters(h: int) -> int:
    """Number of parameters of a predictor with h hidden units.

    Examples
    --------
    >>> parameters(8) == sum(p.numel() for p in Predictor(8, np.random.default_rng(0)).parameters())
    True
    """
    return SYMBOLS * EMBEDDING + h * (CONTEXT * EMBEDDING + 1 + SYMBOLS)


def _mean_losses(record: dict[str, Any]) -> tuple[list[int], list[float], NDArray[Any]]:
    """Hidden units, rates, and losses (units, rates, examples) averaged over the seeds."""
    table: dict[tuple[int, float], list[list[float]]] = {}
    for run in record["runs"]:
        table.setdefault((run["h"], run["rate"]), []).append(run["losses"])
    sizes = sorted({h for h, _ in table})
    rates = sorted({rate for _, rate in table})
    missing = np.full(len(record["examples"]), np.inf)
    losses = [[np.mean(table.get((h, r), [missing]), 0) for r in rates] for h in sizes]
    return sizes, rates, np.array(losses)


def best_losses(record: dict[str, Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Parameters N, examples D and losses L (runs,) of a record: means over seeds at the best rate.

    A record is book/_assets/results/scaling-runs.json: {"examples": [...], "runs": [{"h", "rate",
    "seed", "losses"}, ...]}, each run written by `branched_run`.
    """
    sizes, _, losses = _mean_losses(record)
    N = np.repeat([parameters(h) for h in sizes], len(record["examples"]))
    return N, np.tile(record["examples"], len(sizes)), losses.min(1).ravel()


def best_rates(record: dict[str, Any]) -> tuple[list[float], NDArray[Any]]:
    """All rates of a record, and the best of each size and number of examples (runs,)."""
    _, rates, losses = _mean_losses(record)
    return rates, np.array(rates)[losses.argmin(1)].ravel()
