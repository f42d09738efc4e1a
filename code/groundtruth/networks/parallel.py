"""Many small networks trained at once: one leading axis for the runs, so that an experiment with 32
seeds costs little more than one run.

Read with book/networks/embeddings.md.

Each run has its own weights, batches and training set; the losses of all runs are added, so no run
influences another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Networks = list[Tensor]  # W1 (S, d, h), b1 (S, 1, h), W2 (S, h, k), b2 (S, 1, k), ...


def networks(runs: int, sizes: Sequence[int], seed: int = 0) -> Networks:
    """Weights of S networks with ReLU between linear layers, He initialization, biases zero.

    Parameters
    ----------
    runs : int
        Number S of networks.
    sizes : sequence of int
        Width of the input, of each hidden layer, and of the output.

    Examples
    --------
    >>> [tuple(p.shape) for p in networks(3, (64, 32, 10))]
    [(3, 64, 32), (3, 1, 32), (3, 32, 10), (3, 1, 10)]
    """
    if runs < 1 or len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"need at least one run and two positive sizes, got {runs} and {sizes}")
    rng = np.random.default_rng(seed)
    weights = []
    for d, h in pairwise(sizes):
        W = rng.normal(0, np.sqrt(2 / d), (runs, d, h))
        weights += [torch.tensor(W, dtype=torch.float32), torch.zeros(runs, 1, h)]
    return weights


def outputs(nets: Networks, X: Tensor, layers: int | None = None) -> Tensor:
    """Logits (S, n, k) of X (n, d) or (S, n, d); with `layers`, the output of that many hidden
    layers, X itself for 0.

    Examples
    --------
    >>> outputs(networks(3, (4, 5, 2)), torch.ones(7, 4)).shape
    torch.Size([3, 7, 2])
    """
    depth = len(nets) // 2
    stop = depth if layers is None else layers
    if not 0 <= stop <= depth:
        raise ValueError(f"layers must lie between 0 and {depth}, got {layers}")
    h = X.expand(len(nets[0]), *X.shape) if X.ndim == 2 else X
    for i in range(stop):
        h = h @ nets[2 * i] + nets[2 * i + 1]
        if i < depth - 1:
            h = torch.relu(h)
    return h


def train(
    nets: Networks,
    X: Tensor,
    y: Tensor,
    steps: int,
    batch: int = 50,
    lr: float = 3e-3,
    seed: int = 0,
    frozen: int = 0,
    penalty: Callable[[Networks], Tensor] | None = None,
    replay: tuple[Tensor, Tensor, int] | None = None,
) -> Networks:
    """Copies of the networks after steps of Adam on the cross-entropy, each run by itself.

    Parameters
    ----------
    X, y : (n, d) and (n,), or (S, n, d) and (S, n)
        One training set for all runs, or one for each.
    frozen : int
        Number of layers, from the input, that keep their weights.
    penalty : callable, optional
        Given the networks, returns the sum over runs of what is added to the mean loss.
    replay : (X, y, count), optional
        Each batch gets that many random examples of these as well.
    """
    runs = len(nets[0])
    if steps < 1 or batch < 1 or not 0 <= frozen < len(nets) // 2 or X.shape[-2] != y.shape[-1]:
        raise ValueError(
            f"need positive steps and batch, frozen below {len(nets) // 2} and one label for each"
            f" example, got steps={steps}, batch={batch}, frozen={frozen}, {tuple(X.shape)} and"
            f" {tuple(y.shape)}"
        )
    rng = np.random.default_rng(seed)
    copies = [p.detach().clone().requires_grad_(i >= 2 * frozen) for i, p in enumerate(nets)]
    opt = torch.optim.Adam([p for p in copies if p.requires_grad], lr)
    for _ in range(steps):
        x, k = _draw(X, y, batch, runs, rng)
        if replay is not None:
            old_x, old_k = _draw(*replay, runs, rng)
            x, k = torch.cat([x, old_x], 1), torch.cat([k, old_k], 1)
        z = outputs(copies, x)  # (S, B, k)
        loss = F.cross_entropy(z.flatten(0, 1), k.flatten(), reduction="sum") / k.shape[1]
        if penalty is not None:
            loss = loss + penalty(copies)
        opt.zero_grad()
        loss.backward()
        opt.step()
    return [p.detach() for p in copies]


def _draw(
    X: Tensor, y: Tensor, count: int, runs: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Random examples (S, count, d) and their labels (S, count), other ones for each run."""
    rows = torch.tensor(rng.integers(0, X.shape[-2], (runs, count)))
    if X.ndim == 2:
        return X[rows], y[rows]
    each = torch.arange(runs)[:, None]
    return X[each, rows], y[each, rows]


def accuracy(nets: Networks, X: Tensor, y: Tensor) -> np.ndarray:
    """Fraction of correct classes of each run, (S,)."""
    return (outputs(nets, X).argmax(-1) == y).double().mean(-1).numpy()
