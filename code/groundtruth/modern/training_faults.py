"""A small training pipeline for the digits in which one of fifteen faults can be planted.

Read with book/modern/diagnosing-training.md.

Every part that a fault can sit in is a method: data, order of the batches, network, loss, step,
evaluation. The tests of `groundtruth.modern.diagnosis` call these methods and never ask which fault
was planted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import numpy as np

from groundtruth.arrays import Array

CLASSES = 10
ONE_HOT = np.eye(CLASSES)
VALIDATION = 300  # images held out
WINDOW = 25  # steps between two evaluations
STRENGTHS = {  # each cause with the usual size of its fault
    "healthy": 0.0,
    "rate too high": 50.0,  # times the usual rate
    "rate too low": 1e-3,  # times the usual rate
    "not shuffled": 1.0,  # batches in the order of the classes
    "labels shuffled": 1.0,  # fraction of the labels that are permuted
    "gradients not zeroed": 1.0,  # weight of the old gradient
    "softmax twice": 1.0,
    "layers frozen": 2.0,  # how many of the three layers, from the first
    "dead ReLUs": 10.0,  # their biases start at minus this
    "label noise": 0.2,  # fraction of the labels that are replaced
    "few examples": 30.0,  # training images
    "few units": 3.0,  # in each hidden layer
    "other preprocessing": 0.5,  # added to the validation images
    "NaN in the inputs": 1.0,  # pixels
    "dropout at evaluation": 0.5,  # probability
    "validation in training": 1.0,  # fraction of the validation images
}
CAUSES = tuple(STRENGTHS)


@dataclass(frozen=True)
class Setting:
    """How to train, and which fault to plant.

    Raises
    ------
    ValueError
        For an unknown cause or a number out of range.
    """

    cause: str = "healthy"
    strength: float | None = None
    """Size of the fault; by default that of `STRENGTHS`."""
    seed: int = 0
    width: int = 32
    rate: float = 0.2
    batch: int = 32
    examples: int = 800
    dropout: float = 0.0
    windows: int = 16
    """Evaluations, one every 25 steps."""

    def __post_init__(self) -> None:
        if self.cause not in STRENGTHS:
            raise ValueError(f"cause {self.cause!r} must be one of {list(CAUSES)}")
        if not 1 <= self.examples <= 1797 - VALIDATION or min(self.width, self.batch) < 1:
            raise ValueError(
                "need a width and a batch of at least 1 and 1 to 1497 examples, got"
                f" {self.width}, {self.batch}, {self.examples}"
            )
        if not (0 < self.rate < np.inf and 0 <= self.dropout < 1 and self.windows >= 2):
            raise ValueError(
                "need a positive rate, dropout in [0, 1) and two windows, got"
                f" {self.rate}, {self.dropout}, {self.windows}"
            )


class Curves(NamedTuple):
    """What a training run logs."""

    first: float  # loss of the first batch, before any step
    batches: Array  # (S,) loss of each batch, before its step
    train: Array  # (w,) their mean in each window
    val: Array  # (w,) validation loss after it
    accuracy: Array  # (w,) validation accuracy


@cache
def _digits() -> tuple[Array, Array]:
    """Images (1797, 64) in [-0.5, 0.5] and labels (1797,), read once because parsing is slow."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.data / 16 - 0.5, digits.target


def _softmax_and_loss(z: Array, y: Array) -> tuple[Array, float]:
    """Softmax (n, k) of the logits and the mean cross-entropy with the labels y (n,).

    NaN passes through, as in a training loop.
    """
    shifted = z - z.max(1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(1, keepdims=True)
    loss = np.log(total[:, 0]) - shifted[np.arange(len(y)), y]
    return e / total, float(loss.sum() / len(y))


class Pipeline:
    """Data, a ReLU network with two hidden layers, and its training by SGD.

    Examples
    --------
    >>> curves = Pipeline(Setting()).run()
    >>> bool(curves.accuracy[-1] > 0.9), curves.train.shape
    (True, (16,))
    """

    def __init__(self, setting: Setting) -> None:
        given = STRENGTHS[setting.cause] if setting.strength is None else setting.strength
        self.size = float(given)
        self.setting = self._changed(setting)
        self.rng = np.random.default_rng(1000 + setting.seed)
        self._load()
        self.params = self.initial()
        self.buffers = [np.zeros_like(p) for p in self.params]
        self.frozen = 2 * int(self.size) if self.has("layers frozen") else 0

    def has(self, cause: str) -> bool:
        return self.setting.cause == cause

    def _changed(self, s: Setting) -> Setting:
        """Faults that are settings out of place."""
        if s.cause in ("rate too high", "rate too low"):
            return replace(s, rate=s.rate * self.size)
        if s.cause == "few examples":
            return replace(s, examples=int(self.size))
        if s.cause == "few units":
            return replace(s, width=int(self.size))
        if s.cause == "dropout at evaluation":
            return replace(s, dropout=self.size)
        return s

    def _load(self) -> None:
        """Images (n, 64) in [-0.5, 0.5], labels (n,), and the faults of the data."""
        images, labels = _digits()
        s = self.setting
        order = self.rng.permutation(len(labels))
        X = images[order]  # indexing by an array copies
        y = labels[order]
        if self.has("label noise"):
            wrong = self.rng.random(len(y)) < self.size
            y[wrong] = (y[wrong] + self.rng.integers(1, CLASSES, wrong.sum())) % CLASSES
        if self.has("labels shuffled"):
            y = self.rng.permutation(y)
        self.X_val, self.y_val = X[:VALIDATION], y[:VALIDATION]
        rows = np.arange(VALIDATION, VALIDATION + s.examples)
        if self.has("validation in training"):
            leaked = min(int(self.size * VALIDATION), s.examples)
            rows[:leaked] = np.arange(leaked)
        self.X, self.y = X[rows].copy(), y[rows]
        if self.has("other preprocessing"):
            self.X_val = self.X_val + self.size
        if self.has("NaN in the inputs"):
            spoiled = self.rng.integers(0, s.examples, int(self.size))
            self.X[spoiled, self.rng.integers(0, 64)] = np.nan

    def initial(self) -> list[Array]:
        """He-initialized weights and zero biases of layers 64, h, h, 10; a small head."""
        h = self.setting.width
        sizes = ((64, h, (2 / 64) ** 0.5), (h, h, (2 / h) ** 0.5), (h, CLASSES, 0.5 * h**-0.5))
        params: list[Array] = []
        for inputs, outputs, scale in sizes:
            params += [self.rng.normal(0, scale, (inputs, outputs)), np.zeros(outputs)]
        if self.has("dead ReLUs"):
            params[1] -= self.size
            params[3] -= self.size
        return params

    def stream(self) -> Iterator[Array]:
        """Index arrays (B,) of batches without end; each pass visits every example once."""
        n = len(self.X)
        size = min(self.setting.batch, n)
        while True:
            order = self.rng.permutation(n)
            if self.has("not shuffled"):
                order = np.argsort(self.y, kind="stable")
            for start in range(0, n - size + 1, size):
                yield order[start : start + size]

    def forward(self, X: Array, training: bool) -> list[Array]:
        """Inputs, two hidden activations (n, h) and logits (n, 10)."""
        W1, b1, W2, b2, W3, b3 = self.params
        drop = self.setting.dropout
        active = drop > 0 and (training or self.has("dropout at evaluation"))
        H1 = np.maximum(X @ W1 + b1, 0)
        if active:
            H1 = H1 * (self.rng.random(H1.shape) >= drop) / (1 - drop)
        H2 = np.maximum(H1 @ W2 + b2, 0)
        if active:
            H2 = H2 * (self.rng.random(H2.shape) >= drop) / (1 - drop)
        return [X, H1, H2, H2 @ W3 + b3]

    def loss(self, logits: Array, y: Array) -> float:
        """Mean cross-entropy in nats."""
        p, value = _softmax_and_loss(logits, y)
        return _softmax_and_loss(p, y)[1] if self.has("softmax twice") else value

    def gradients(self, X: Array, y: Array) -> tuple[float, list[Array]]:
        """Loss and the gradient with respect to every parameter, as the optimizer receives it."""
        layers = self.forward(X, training=True)
        target = ONE_HOT[y]
        p, value = _softmax_and_loss(layers[3], y)
        d = (p - target) / len(y)  # (B, 10), of the logits
        if self.has("softmax twice"):
            q, value = _softmax_and_loss(p, y)
            upstream = (q - target) / len(y)
            d = p * (upstream - (upstream * p).sum(1, keepdims=True))
        grads: list[Array] = []
        for i in (2, 1, 0):
            grads = [layers[i].T @ d, d.sum(0), *grads]
            if i:
                d = (d @ self.params[2 * i].T) * (layers[i] > 0)
                if self.setting.dropout:
                    # an active unit's value is z / (1 - dropout), so this is its derivative
                    d = d / (1 - self.setting.dropout)
        if self.has("gradients not zeroed"):
            grads = [g + self.size * old for g, old in zip(grads, self.buffers, strict=True)]
            self.buffers = grads
        return value, grads

    def step(self, X: Array, y: Array) -> float:
        """One step of SGD on a batch; returns the loss before it."""
        value, grads = self.gradients(X, y)
        for i, (p, g) in enumerate(zip(self.params, grads, strict=True)):
            if i >= self.frozen:
                p -= self.setting.rate * g
        return value

    def evaluate(self) -> tuple[float, float]:
        """Validation loss and accuracy."""
        logits = self.forward(self.X_val, training=False)[3]
        hits = logits.argmax(1) == self.y_val
        return self.loss(logits, self.y_val), float(hits.mean())

    def run(self) -> Curves:
        """Train and log."""
        losses: list[float] = []
        rows: list[tuple[float, float]] = []
        stream = self.stream()
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(self.setting.windows):
                for _ in range(WINDOW):
                    batch = next(stream)
                    losses.append(self.step(self.X[batch], self.y[batch]))
                rows.append(self.evaluate())
        values = np.array(losses)
        val, accuracy = np.array(rows).T
        return Curves(losses[0], values, values.reshape(-1, WINDOW).mean(1), val, accuracy)


_RANGES = {  # of the size of a fault, where it has one
    "rate too high": (30.0, 100.0),
    "rate too low": (3e-4, 3e-3),
    "layers frozen": (1.0, 2.9),
    "dead ReLUs": (5.0, 20.0),
    "label noise": (0.1, 0.4),
    "few examples": (20.0, 60.0),
    "few units": (2.0, 4.9),
    "other preprocessing": (0.3, 1.0),
    "NaN in the inputs": (1.0, 10.0),
    "dropout at evaluation": (0.2, 0.6),
    "validation in training": (0.4, 1.0),
}


def random_setting(cause: str, rng: np.random.Generator) -> Setting:
    """A setting with random width, rate, batch, data, dropout and strength of the fault.

    Examples
    --------
    >>> 0.1 <= random_setting("label noise", np.random.default_rng(0)).strength <= 0.4
    True
    """

    def between(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    strength = between(*_RANGES[cause]) if cause in _RANGES else None
    return Setting(
        cause,
        strength,
        seed=int(rng.integers(100, 10**6)),
        width=int(between(20, 60)),
        rate=between(0.1, 0.3),
        batch=int(between(16, 64)),
        examples=int(between(500, 1200)),
        dropout=float(rng.choice((0.0, 0.2))),
    )


def recorded_grid(
    rates: tuple[float, ...] = (0.002, 0.02, 0.2, 1.0, 10.0),
    noises: tuple[float, ...] = (0.0, 0.1, 0.2, 0.5),
    widths: tuple[int, ...] = (3, 8, 24, 64),
) -> dict[str, object]:
    """Losses of one run for each combination, rounded: the data of the interactive figure.

    Written to book/_assets/results/diagnosing-grid.json, which a test compares with some of it.

    Examples
    --------
    >>> len(recorded_grid((0.2,), (0.0,), (3,))["runs"])
    1
    """
    runs = []
    for rate in rates:
        for noise in noises:
            for width in widths:
                setting = Setting("label noise", noise, rate=rate, width=width)
                curves = Pipeline(setting).run()
                runs.append(
                    {
                        "rate": rate,
                        "noise": noise,
                        "width": width,
                        "train": np.round(curves.train, 2).tolist(),
                        "val": np.round(curves.val, 2).tolist(),
                    }
                )
    return {"rates": list(rates), "noises": list(noises), "widths": list(widths), "runs": runs}


# the exercise with six curves: letters, causes and seeds
UNLABELED = {
    "A": ("few examples", 31),
    "B": ("rate too low", 32),
    "C": ("label noise", 33),
    "D": ("rate too high", 34),
    "E": ("softmax twice", 35),
    "F": ("not shuffled", 36),
}


def unlabeled() -> dict[str, Curves]:
    """Six runs by letter, without their causes.

    Examples
    --------
    >>> list(unlabeled())
    ['A', 'B', 'C', 'D', 'E', 'F']
    """
    return {
        letter: Pipeline(Setting(cause, seed=seed)).run()
        for letter, (cause, seed) in UNLABELED.items()
    }
