"""A multilayer perceptron by hand: forward with a cache, backward line by line, and the two-class
data it is first tried on.

Read with book/networks/mlp.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array
from groundtruth.functional import sigmoid, softmax
from groundtruth.learning import losses
from groundtruth.networks.activations import named

# for each layer what came in, A (n, d_in), and its scores Z (n, d_out)
Cache = list[tuple[Array, Array]]


class MLP:
    """Layers A W + b with one activation between them and none at the end.

    One output is a score for class 1 (binary cross-entropy); K > 1 outputs are scores of K classes
    (softmax).

    Parameters
    ----------
    sizes : sequence of int
        (d_in, hidden, ..., d_out), all >= 1.
    activation : str
        A name of `groundtruth.networks.activations`.
    seed : int
    gain : float
        Weights are normal with standard deviation gain / sqrt(d_in); biases start at zero.

    Examples
    --------
    >>> net = MLP((2, 8, 1))
    >>> net.size, [p.shape for p in net.params]
    (33, [(2, 8), (8,), (8, 1), (1,)])
    """

    def __init__(
        self, sizes: Sequence[int], activation: str = "tanh", seed: int = 0, gain: float = 1.0
    ) -> None:
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(
                f"need at least an input and an output size, all >= 1, got {tuple(sizes)}"
            )
        if not 0 <= gain < np.inf:
            raise ValueError(f"gain must be a finite number >= 0, got {gain}")
        rng = np.random.default_rng(seed)
        self.sizes = tuple(sizes)
        self.f = named(activation)
        self.params: list[Array] = []
        for a, b in pairwise(sizes):
            self.params += [rng.normal(0, gain / np.sqrt(a), (a, b)), np.zeros(b)]

    @property
    def size(self) -> int:
        """How many numbers training may change."""
        return sum(p.size for p in self.params)

    @property
    def layers(self) -> list[tuple[Array, Array]]:
        """Pairs (W, b)."""
        return list(zip(self.params[::2], self.params[1::2], strict=True))

    def forward(self, X: ArrayLike) -> tuple[Array, Cache]:
        """Scores (n, d_out) of rows X (n, d_in), and what the backward pass will need."""
        A = np.asarray(X, dtype=float)
        if A.ndim != 2 or A.shape[1] != self.sizes[0] or not len(A):
            raise ValueError(f"X must have shape (n, {self.sizes[0]}) with n >= 1, got {A.shape}")
        cache: Cache = []
        for W, b in self.layers:
            Z = A @ W + b  # (n, d_out)
            cache.append((A, Z))
            A = self.f.f(Z)
        return Z, cache

    def backward(self, cache: Cache, dZ: Array) -> list[Array]:
        """Gradients of all parameters, in their order and shapes, from the gradient dZ (n, d_out)
        of the scores.
        """
        if dZ.shape != cache[-1][1].shape:
            raise ValueError(
                f"the scores have shape {cache[-1][1].shape}, their gradient has {dZ.shape}"
            )
        grads: list[Array] = []
        for i in reversed(range(len(cache))):
            A, Z = cache[i]
            if i < len(cache) - 1:
                # through the next weights, then the valve
                dZ = (dZ @ self.params[2 * i + 2].T) * self.f.slope(Z)
            # W: outer products summed over rows; b: rows summed
            grads = [
                A.T @ dZ,
                dZ.sum(0),
                *grads,
            ]
        return grads

    def loss(self, X: ArrayLike, y: ArrayLike) -> float:
        """Mean cross-entropy in nats; y (n,) holds 0 and 1, or class numbers when there are several
        outputs.
        """
        Z, _ = self.forward(X)
        return (
            losses.bce_with_logits(self._labels(y, Z), Z[:, 0])
            if self.sizes[-1] == 1
            else losses.softmax_ce(y, Z)
        )

    def loss_and_grads(
        self, X: ArrayLike, y: ArrayLike, l2: float = 0.0
    ) -> tuple[float, list[Array]]:
        """Loss plus l2/2 times the sum of squared weights (biases are free), and its gradients."""
        if not 0 <= l2 < np.inf:
            raise ValueError(f"l2 must be a finite number >= 0, got {l2}")
        Z, cache = self.forward(X)
        if self.sizes[-1] == 1:
            label = self._labels(y, Z)
            value = losses.bce_with_logits(label, Z[:, 0])
            dZ = losses.bce_with_logits_grad(label, Z[:, 0])[:, None]
        else:
            value = losses.softmax_ce(y, Z)
            dZ = losses.softmax_ce_grad(y, Z)
        grads = self.backward(cache, dZ)
        if l2:
            value += l2 / 2 * sum(float((W**2).sum()) for W in self.params[::2])
            grads = [
                g + l2 * p if i % 2 == 0 else g
                for i, (g, p) in enumerate(zip(grads, self.params, strict=True))
            ]
        return value, grads

    def descend(self, grads: Sequence[Array], lr: float) -> None:
        """One step of gradient descent, in place: every gradient belongs to the weights as they
        were.
        """
        for p, g in zip(self.params, grads, strict=True):
            p -= lr * g

    def predict(self, X: ArrayLike) -> Array:
        """P(class 1) (n,) with one output, else probabilities (n, K)."""
        Z, _ = self.forward(X)
        return sigmoid(Z[:, 0]) if self.sizes[-1] == 1 else softmax(Z)

    def accuracy(self, X: ArrayLike, y: ArrayLike) -> float:
        """Share of rows whose more probable class is y (n,)."""
        p = self.predict(X)
        return float(np.mean((p > 0.5 if p.ndim == 1 else p.argmax(1)) == np.asarray(y)))

    @staticmethod
    def _labels(y: ArrayLike, Z: Array) -> Array:
        label = np.asarray(y, dtype=float)
        if label.shape != (len(Z),):
            raise ValueError(
                f"y must have shape ({len(Z)},), got {label.shape}; a column of labels would be"
                " stretched against the scores"
            )
        return label


def train(
    net: MLP, X: ArrayLike, y: ArrayLike, lr: float, steps: int, l2: float = 0.0
) -> list[float]:
    """Full-batch gradient descent; returns the loss before each step and after the last (steps +
    1,).
    """
    if steps < 0 or not 0 < lr < np.inf:
        raise ValueError(f"need steps >= 0 and a positive finite lr, got {steps} and {lr}")
    history = []
    for _ in range(steps):
        value, grads = net.loss_and_grads(X, y, l2)
        history.append(value)
        net.descend(grads, lr)
    return [*history, net.loss_and_grads(X, y, l2)[0]]


def xor_blobs(n: int = 400, sd: float = 0.35, seed: int = 0) -> tuple[Array, Array]:
    """Points X (n, 2) around (+-1, +-1), the same number around each; y (n,) is 1 where the signs
    of the center differ.

    Examples
    --------
    >>> X, y = xor_blobs(8, sd=0.0)
    >>> X[:4].tolist(), y[:4].tolist()
    ([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]], [0.0, 1.0, 1.0, 0.0])
    """
    if n < 4 or n % 4 or not 0 <= sd < np.inf:
        raise ValueError(
            f"n must be a multiple of 4 and sd a finite number >= 0, got n = {n} and sd = {sd}"
        )
    centres = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    X = np.tile(centres, (n // 4, 1)) + np.random.default_rng(seed).normal(0, sd, (n, 2))
    return X, np.tile([0.0, 1.0, 1.0, 0.0], n // 4)


def best_line(X: ArrayLike, y: ArrayLike, directions: int = 360) -> float:
    """Highest accuracy that any line reaches on points X (n, 2) with labels 0 and 1, over that many
    directions and every threshold.

    Examples
    --------
    >>> best_line([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])
    0.75
    """
    points = np.asarray(X, dtype=float)
    label = np.asarray(y, dtype=float)
    if (
        points.ndim != 2
        or points.shape[1] != 2
        or not len(points)
        or label.shape != (len(points),)
        or not np.isin(label, (0.0, 1.0)).all()
    ):
        raise ValueError(
            f"need points X (n, 2) and labels 0 or 1 (n,), got {points.shape} and {label.shape}"
        )
    if directions < 1:
        raise ValueError(f"need at least one direction, got {directions}")
    angle = np.pi * (np.arange(directions) + 0.5) / directions
    along = points[:, :1] * np.cos(angle) + points[:, 1:] * np.sin(angle)  # (n, directions)
    order = np.argsort(along, axis=0)
    ordered = label[order]  # labels in the order of each direction
    ones_below = np.vstack([np.zeros(directions), np.cumsum(ordered, axis=0)])
    right = (ones_below[-1] - ones_below) + (np.arange(len(points) + 1)[:, None] - ones_below)
    tied = np.diff(np.take_along_axis(along, order, axis=0), axis=0) == 0
    right[1:-1][tied] = right[0, 0]  # no threshold parts equal points
    return float(np.maximum(right, len(points) - right).max() / len(points))
