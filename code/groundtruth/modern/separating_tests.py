"""Tests that separate the causes of a failed training run, and the order in which to run them.

Read with book/modern/diagnosing-training.md.

Each test takes a pipeline, uses only what a practitioner can call, and returns one number. None of
them reads which fault was planted.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from groundtruth.arrays import Array
from groundtruth.modern.data_inspection import adversarial_validation
from groundtruth.modern.training_faults import CLASSES, Pipeline


def _fresh(p: Pipeline, **changes: Any) -> Pipeline:
    """The same pipeline before training, with other settings but the same fault."""
    twin = copy.deepcopy(p)
    twin.setting = replace(p.setting, **changes)
    twin.rng = np.random.default_rng(5000 + p.setting.seed)
    twin.params = twin.initial()
    twin.buffers = [np.zeros_like(q) for q in twin.params]
    return twin


def _trained(p: Pipeline, steps: int) -> float:
    """Mean loss of the last twenty batches of a short run; infinite if it is not finite."""
    stream = p.stream()
    losses = []
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            batch = next(stream)
            losses.append(p.step(p.X[batch], p.y[batch]))
    value = float(np.mean(losses[-20:]))
    return value if np.isfinite(value) else np.inf


def nonfinite_inputs(p: Pipeline) -> float:
    """Number of input values that are not finite."""
    return float((~np.isfinite(p.X)).sum() + (~np.isfinite(p.X_val)).sum())


def overfit_batch(p: Pipeline, size: int = 64, steps: int = 300) -> float:
    """Loss after training on the same few examples again and again, without dropout."""
    twin = _fresh(p, dropout=0.0)
    X, y = np.nan_to_num(p.X[:size]), p.y[:size]
    with np.errstate(over="ignore", invalid="ignore"):
        losses = [twin.step(X, y) for _ in range(steps)]
    return losses[-1] if np.isfinite(losses[-1]) else np.inf


def accumulated_gradient(p: Pipeline) -> float:
    """Norm of a batch's gradient when it is computed a second time, over the first time, minus 1.

    The two are equal if nothing is kept between steps; dropout is switched off for the comparison.
    """
    twin = _fresh(p, dropout=0.0)
    X, y = np.nan_to_num(twin.X[:32]), twin.y[:32]
    norms = [np.sqrt(sum(float((g**2).sum()) for g in twin.gradients(X, y)[1])) for _ in range(2)]
    return float(norms[1] / max(norms[0], 1e-12) - 1)


def loss_floor(p: Pipeline) -> float:
    """The loss of an output that gives all the probability to the right class."""
    y = np.arange(CLASSES)
    return p.loss(50.0 * np.eye(CLASSES), y)


def evaluation_noise(p: Pipeline) -> float:
    """Largest difference between the logits of two evaluations of the same images."""
    first, second = (p.forward(p.X_val[:50], training=False)[3] for _ in range(2))
    return float(np.nan_to_num(np.abs(first - second)).max())


def input_shift(p: Pipeline) -> float:
    """AUC with which a classifier tells validation inputs from training inputs; 0.5 if it cannot.

    Copies are left out: they would push the AUC below one half.
    """
    return adversarial_validation(np.nan_to_num(p.X[:300]), p.X_val)


def copies(p: Pipeline) -> float:
    """Fraction of the validation images that are in the training set too."""
    training = {row.tobytes() for row in p.X}
    return float(np.mean([row.tobytes() in training for row in p.X_val]))


def one_sided_batches(p: Pipeline) -> float:
    """One minus the number of classes in a batch over that in a random sample of its size."""
    stream = p.stream()
    rng = np.random.default_rng(7)
    ratios = []
    for _ in range(10):
        batch = next(stream)
        sample = rng.choice(len(p.y), len(batch), replace=False)
        ratios.append(len(set(p.y[batch])) / len(set(p.y[sample])))
    return float(1 - np.mean(ratios))


def dead_units(p: Pipeline) -> float:
    """Fraction of the hidden units that are zero for every example, before training."""
    layers = _fresh(p).forward(np.nan_to_num(p.X[:200]), training=False)
    return float(np.mean(np.concatenate([(h <= 0).all(0) for h in layers[1:3]])))


def unchanged_weights(p: Pipeline) -> float:
    """Fraction of the weight matrices that a step leaves as they are although their gradient is
    not zero."""
    twin = _fresh(p)
    X, y = np.nan_to_num(twin.X[:64]), twin.y[:64]
    before = copy.deepcopy(twin.params)
    grads = twin.gradients(X, y)[1]
    twin.step(X, y)
    still = [
        bool(np.abs(g).max() > 0 and np.array_equal(a, b))
        for a, b, g in zip(before[::2], twin.params[::2], grads[::2], strict=True)
    ]
    return float(np.mean(still))


def _neighbor_labels(p: Pipeline) -> tuple[Array, Array]:
    """Labels (n,) and those of each example's ten nearest neighbors (n, 10), fewer if n < 100."""
    X = np.nan_to_num(p.X[:800])
    y = p.y[:800]
    distance = (X**2).sum(1)[:, None] - 2 * X @ X.T + (X**2).sum(1)
    np.fill_diagonal(distance, np.inf)
    count = min(10, max(len(y) // 10, 1))
    near = np.argpartition(distance, count, axis=1)[:, :count]
    return y, y[near]


def neighbor_disagreement(p: Pipeline) -> float:
    """Mean fraction of an example's nearest neighbors with another label."""
    y, near = _neighbor_labels(p)
    return float(np.mean(near != y[:, None]))


def contradicted_labels(p: Pipeline) -> float:
    """Fraction of the labels for which at least six of ten neighbors agree on another one."""
    y, near = _neighbor_labels(p)
    counts = np.stack([(near == k).sum(1) for k in range(CLASSES)], axis=1)
    counts[np.arange(len(y)), y] = 0
    return float(np.mean(counts.max(1) >= 6))


def better_rate(p: Pipeline, steps: int = 120) -> float:
    """Decimal logarithm of the factor of the learning rate that gives the lowest loss.

    Zero unless the best of the factors 0.01, 0.1, 1, 100 and 1000 lowers the loss of a short run by
    more than 40 %. (Ten times the rate often trains faster in a short run without being better.)
    """
    factors = (1e-2, 1e-1, 1.0, 1e2, 1e3)
    losses = [_trained(_fresh(p, rate=p.setting.rate * f), steps) for f in factors]
    best = int(np.argmin(losses))
    return float(np.log10(factors[best])) if losses[best] < 0.6 * losses[2] else 0.0


def data_response(p: Pipeline, steps: int = 200) -> float:
    """Gain in validation accuracy from a quarter of the training data to all of it."""
    accuracies = []
    for n in (max(len(p.X) // 4, 1), len(p.X)):
        twin = _fresh(p)
        twin.X, twin.y = p.X[:n], p.y[:n]
        _trained(twin, steps)
        accuracies.append(twin.evaluate()[1])
    return accuracies[1] - accuracies[0]


Test = Callable[[Pipeline], float]
TESTS: dict[str, tuple[Test, float, float]] = {  # cause: test, and the values that confirm it
    "NaN in the inputs": (nonfinite_inputs, 0.5, np.inf),
    "gradients not zeroed": (accumulated_gradient, 0.5, np.inf),
    "softmax twice": (loss_floor, 0.5, np.inf),
    "dropout at evaluation": (evaluation_noise, 1e-9, np.inf),
    "layers frozen": (unchanged_weights, 0.1, np.inf),
    "dead ReLUs": (dead_units, 0.9, np.inf),
    "validation in training": (copies, 0.05, np.inf),
    "not shuffled": (one_sided_batches, 0.3, np.inf),
    "labels shuffled": (neighbor_disagreement, 0.75, np.inf),
    "label noise": (contradicted_labels, 0.05, np.inf),
    "other preprocessing": (input_shift, 0.75, np.inf),
    "rate too high": (better_rate, -2.5, -0.5),
    "rate too low": (better_rate, 1.5, 3.5),
    "few units": (overfit_batch, 0.15, np.inf),
    "few examples": (data_response, 0.12, np.inf),
}
TRAINS = (better_rate, overfit_batch, data_response)  # in this order, and after the others


class Decision:
    """The tests of one pipeline, each run at most once.

    Parameters
    ----------
    pipeline : Pipeline
        Not changed.
    known : mapping from tests to their values, optional
        Values of tests of this pipeline that need not be computed again; they count as run when
        they are used.

    Examples
    --------
    >>> from groundtruth.modern.training_faults import Setting
    >>> decision = Decision(Pipeline(Setting("softmax twice")))
    >>> decision.first_confirmed(["dead ReLUs", "softmax twice"]), decision.runs
    ('softmax twice', 2)
    """

    def __init__(self, pipeline: Pipeline, known: Mapping[Test, float] | None = None) -> None:
        self.pipeline = pipeline
        self.values = dict(known or {})
        self.used: set[Test] = set()

    @property
    def runs(self) -> int:
        """Number of tests used so far."""
        return len(self.used)

    def confirms(self, cause: str) -> bool:
        """Whether the test of a cause comes out as it does where the cause is present."""
        test, low, high = TESTS[cause]
        if test not in self.values:
            self.values[test] = test(self.pipeline)
        self.used.add(test)
        return bool(low <= self.values[test] < high)

    def first_confirmed(self, order: Sequence[str]) -> str:
        """The first cause of an order that its test confirms, or "healthy" if none does.

        Tests that train again wait for all others, and one another in the order of `TRAINS`.

        Raises
        ------
        ValueError
            For a cause without a test.
        """
        unknown = set(order) - set(TESTS) - {"healthy"}
        if unknown:
            raise ValueError(f"no test for {sorted(unknown)}; causes with one: {list(TESTS)}")
        tested = [cause for cause in order if cause != "healthy"]
        waiting = [cause for cause in tested if TESTS[cause][0] in TRAINS]
        waiting.sort(key=lambda cause: TRAINS.index(TESTS[cause][0]))
        quick = [cause for cause in tested if cause not in waiting]
        for cause in quick + waiting:
            if self.confirms(cause):
                return cause
        return "healthy"
