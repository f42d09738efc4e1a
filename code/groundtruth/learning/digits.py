"""A small real task for experiments: scikit-learn's digits and a network with one hidden layer, its
gradients derived by hand.

Read with book/learning/optimizers.md.

Used by the chapters on optimizers, generalization, regularization and search. Images X (n, 64),
one-hot labels Y (n, 10).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from groundtruth.arrays import Array
from groundtruth.functional import log_softmax


class Split(NamedTuple):
    """Training and validation images in [-0.5, 0.5] and their one-hot labels."""

    X: Array  # (n, 64)
    Y: Array  # (n, 10)
    X_val: Array  # (1797 - n, 64)
    Y_val: Array  # (1797 - n, 10)


def split(n: int = 1297, seed: int = 0) -> Split:
    """The 1797 digits in a random order, the first n for training (Alpaydin and Kaynak, 1998).

    Examples
    --------
    >>> [part.shape for part in split(1000)]
    [(1000, 64), (1000, 10), (797, 64), (797, 10)]
    """
    from sklearn.datasets import load_digits

    images = load_digits()
    if not 1 <= n < len(images.target):
        raise ValueError(f"n must lie between 1 and {len(images.target) - 1}, got {n}")
    order = np.random.default_rng(seed).permutation(len(images.target))
    X = (images.data / 16 - 0.5)[order]
    Y = np.eye(10)[images.target[order]]
    return Split(X[:n], Y[:n], X[n:], Y[n:])


def network(seed: int, hidden: int = 32) -> list[Array]:
    """Random weights W1 (64, h), b1 (h,), W2 (h, 10), b2 (10,), of variance one over the number of
    inputs.

    Examples
    --------
    >>> [p.shape for p in network(0)]
    [(64, 32), (32,), (32, 10), (10,)]
    """
    if hidden < 1:
        raise ValueError(f"hidden must be at least 1, got {hidden}")
    rng = np.random.default_rng(seed)
    return [
        rng.normal(0, 1 / 8, (64, hidden)),
        np.zeros(hidden),
        rng.normal(0, hidden**-0.5, (hidden, 10)),
        np.zeros(10),
    ]


def logits(params: list[Array], X: Array) -> Array:
    """Scores (n, 10) of tanh(X W1 + b1) W2 + b2."""
    W1, b1, W2, b2 = params
    return np.tanh(X @ W1 + b1) @ W2 + b2


def loss_and_grads(
    params: list[Array], X: Array, Y: Array, mask: Array | float = 1.0
) -> tuple[float, list[Array]]:
    """Mean cross-entropy in nats and its gradient for each parameter; Y may hold soft labels,
    `mask` (n, h) drops hidden units.

    Examples
    --------
    >>> loss, grads = loss_and_grads(
    ...     [np.zeros((64, 2)), np.zeros(2), np.zeros((2, 10)), np.zeros(10)],
    ...     np.zeros((1, 64)),
    ...     np.eye(10)[:1],
    ... )
    >>> round(loss, 3), grads[3].round(1).tolist()[:2]
    (2.303, [-0.9, 0.1])
    """
    if len(X) != len(Y) or not len(X):
        raise ValueError(
            f"need as many labels as images and at least one, got {len(X)} and {len(Y)}"
        )
    W1, b1, W2, b2 = params
    H = np.tanh(X @ W1 + b1)  # (n, h)
    D = H * mask  # (n, h), what is left of it
    logp = log_softmax(D @ W2 + b2)  # (n, 10)
    d = (np.exp(logp) * Y.sum(1, keepdims=True) - Y) / len(X)
    dH = (d @ W2.T) * mask * (1 - H * H)
    return float(-(Y * logp).sum() / len(X)), [X.T @ dH, dH.sum(0), D.T @ d, d.sum(0)]


def accuracy(params: list[Array], X: Array, Y: Array) -> float:
    """Fraction of the images whose largest score is that of the label."""
    return float(np.mean(logits(params, X).argmax(1) == Y.argmax(1)))
