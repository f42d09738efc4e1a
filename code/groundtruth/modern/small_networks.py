"""Multilayer perceptrons on the digits, trained, masked and rounded, to compress them.

Read with book/modern/compression.md.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

from groundtruth.modern.pruning import lowest_mask
from groundtruth.modern.quantization import fake_quantize

Layers = list[tuple[torch.Tensor, torch.Tensor]]
Split = tuple[torch.Tensor, torch.Tensor]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def digits(train: int, rng: np.random.Generator) -> tuple[Split, Split]:
    """The 1,797 digits (n, 64), scaled to [0, 1], in random order: training and test examples."""
    data = load_digits()
    if not 0 < train < len(data.target):
        raise ValueError(f"choose from 1 to {len(data.target) - 1} training examples, got {train}")
    order = rng.permutation(len(data.target))
    x = torch.tensor(data.data[order] / 16, dtype=torch.float32)
    y = torch.tensor(data.target[order])
    return (x[:train], y[:train]), (x[train:], y[train:])


def mlp(sizes: Sequence[int], rng: np.random.Generator) -> Layers:
    """Layers (W (out, in), b (out,)) with He initialization.

    Examples
    --------
    >>> count(mlp((64, 256, 256, 10), np.random.default_rng(0)))
    85002
    """
    layers = []
    for d, k in itertools.pairwise(sizes):
        W = torch.tensor(rng.normal(0, (2 / d) ** 0.5, (k, d)), dtype=torch.float32)
        layers.append((W.requires_grad_(), torch.zeros(k, requires_grad=True)))
    return layers


def count(layers: Layers) -> int:
    """Number of parameters."""
    return sum(p.numel() for pair in layers for p in pair)


def forward(layers: Layers, x: torch.Tensor) -> torch.Tensor:
    """Logits (n, k): linear layers with ReLU between them."""
    for i, (W, b) in enumerate(layers):
        x = F.linear(torch.relu(x) if i else x, W, b)
    return x


def copy(layers: Layers) -> Layers:
    """The same values in new parameters."""
    return [
        (W.detach().clone().requires_grad_(), b.detach().clone().requires_grad_())
        for W, b in layers
    ]


def masked(layers: Layers, masks: Sequence[np.ndarray]) -> Layers:
    """A copy with the weights outside the masks set to zero."""
    return [
        ((W.detach() * torch.tensor(m)).requires_grad_(), b.detach().clone().requires_grad_())
        for (W, b), m in zip(layers, masks, strict=True)
    ]


def pruned(layers: Layers, fractions: Sequence[float]) -> Layers:
    """A copy without the smallest weights of each layer, a fraction for each."""
    arrays_ = [np.abs(w) for w in arrays(layers)]
    pairs = zip(arrays_, fractions, strict=True)
    return masked(layers, [lowest_mask(w, float(f)) for w, f in pairs])


def rounded_layers(layers: Layers, bits: int | Sequence[int]) -> Layers:
    """Weights rounded with one scale for each output; gradients pass straight through.

    Parameters
    ----------
    bits : one number for all layers, or one for each; 32 leaves a layer as it is
    """
    widths = [bits] * len(layers) if isinstance(bits, int) else bits
    return [
        (W if k == 32 else fake_quantize(W, int(k), 0), b)
        for (W, b), k in zip(layers, widths, strict=True)
    ]


def train(
    layers: Layers,
    data: Split,
    steps: int,
    rate: float,
    rng: np.random.Generator,
    masks: Sequence[np.ndarray] | None = None,
    bits: int | None = None,
    loss: Loss | None = None,
) -> Layers:
    """Adam on batches of 64, in place; the learning rate falls linearly to zero.

    Parameters
    ----------
    masks : weights outside them stay zero: the mask is applied after every step
    bits : weights are rounded in every forward pass (quantization-aware training)
    loss : of logits (64, k) and the indices of the examples (64,); by default the cross-entropy
    """
    x, y = data
    tensors = [p for pair in layers for p in pair]
    optimizer = torch.optim.Adam(tensors, lr=rate)
    size = min(64, len(x))
    for step in range(steps):
        rows = torch.tensor(rng.integers(0, len(x), size))
        active = layers if bits is None else rounded_layers(layers, bits)
        logits = forward(active, x[rows])
        value = F.cross_entropy(logits, y[rows]) if loss is None else loss(logits, rows)
        optimizer.zero_grad()
        value.backward()
        optimizer.param_groups[0]["lr"] = rate * (1 - step / steps)
        optimizer.step()
        if masks is not None:
            with torch.no_grad():
                for (W, _), m in zip(layers, masks, strict=True):
                    W *= torch.tensor(m)
    return layers


@torch.no_grad()
def accuracy(layers: Layers, data: Split) -> float:
    """Fraction of correct labels."""
    x, y = data
    return float((forward(layers, x).argmax(1) == y).double().mean())


def gradients(layers: Layers, data: Split) -> list[np.ndarray]:
    """Gradient of the mean cross-entropy with respect to each weight matrix."""
    x, y = data
    weights = [W for W, _ in layers]
    result = torch.autograd.grad(F.cross_entropy(forward(layers, x), y), weights)
    return [g.numpy() for g in result]


def arrays(layers: Layers) -> list[np.ndarray]:
    """The weight matrices as NumPy arrays."""
    return [W.detach().numpy() for W, _ in layers]


def size_bytes(layers: Layers, bits: int = 32, scale_bits: int = 32) -> int:
    """Bytes of all parameters: below 32 bits, packed weights, a scale per output and 32-bit biases.

    Examples
    --------
    >>> size_bytes(mlp((64, 32, 10), np.random.default_rng(0)))
    9640
    """
    total = 0
    for W, b in layers:
        scales = 0 if bits == 32 else scale_bits * len(b)
        total += -(-W.numel() * bits // 8) * 8 + scales + 32 * len(b)
    return total // 8


def fisher_diagonals(layers: Layers, data: Split) -> list[np.ndarray]:
    """Mean squared gradient of one example's cross-entropy for each weight: an estimate of the
    diagonal of the Hessian that is never negative.
    """
    x, y = data
    signals = [x]  # inputs of the layers, (n, d) each
    outputs = []
    for i, (W, b) in enumerate(layers):
        outputs.append(F.linear(torch.relu(signals[-1]) if i else x, W, b))
        signals.append(outputs[-1])
    upstream = torch.autograd.grad(F.cross_entropy(outputs[-1], y, reduction="sum"), outputs)
    inputs = [x] + [torch.relu(z) for z in outputs[:-1]]
    return [
        ((g**2).T @ (a.detach() ** 2) / len(x)).numpy()
        for g, a in zip(upstream, inputs, strict=True)
    ]


@torch.no_grad()
def class_accuracies(layers: Layers, data: Split) -> np.ndarray:
    """Fraction of correct labels within each class (k,), in the order of the labels."""
    x, y = data
    right = (forward(layers, x).argmax(1) == y).numpy()
    return np.array([right[y.numpy() == c].mean() for c in np.unique(y.numpy())])
