"""Answers to exercises on training in practice.

Read with book/modern/training-in-practice.md.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from groundtruth.answers import Judge, functions, numbers


def _bytes() -> list[float]:
    from groundtruth.modern.memory_ledger import STAGES, state_bytes

    return [7 * state_bytes(stage, 8) for stage in STAGES]


def _bubble() -> list[int]:
    """Micro-batches of 16 stages with at most a tenth of waiting, and how many are stored."""
    micros = next(m for m in range(1, 1000) if 15 / (m + 15) <= 0.1 + 1e-12)
    return [micros, micros, 16]


def _noise_scale() -> list[float]:
    from sklearn.datasets import load_digits

    images = load_digits()
    A = np.column_stack([images.data / 16 - 0.5, np.ones(len(images.target))])
    A = A.astype(np.float32).astype(float)
    onehot = np.eye(10)[images.target]
    W = np.zeros((65, 10))
    scales = []
    for step in range(201):
        z = A @ W
        p = np.exp(z - z.max(1, keepdims=True))
        d = p / p.sum(1, keepdims=True) - onehot
        g = A.T @ d / len(A)
        if step in (0, 200):
            squares = np.mean((A**2).sum(1) * (d**2).sum(1))
            scales.append(squares / float((g**2).sum()) - 1)
        W -= 0.4 * g
    return scales


def _accumulated(f: Callable[..., Any]) -> str | None:
    """What is wrong with a mean loss over micro-batches."""
    equal = float(f([2.0, 1.0], [5, 5]))
    if abs(equal - 1.5) > 1e-12:
        return "two micro-batches of equal size give the mean of their means"
    unequal = float(f([2.0, 1.0], [10, 30]))
    if abs(unequal - 1.5) < 1e-12:
        return "every micro-batch has the same weight: weight it by its tokens"
    if abs(unequal - 1.25) > 1e-12:
        return "means 2 and 1 over 10 and 30 tokens give 50 / 40"
    empty = float(f([2.0, 1.0, math.nan], [10, 30, 0]))
    if math.isnan(empty):
        return "a micro-batch without tokens makes it NaN: leave it out"
    if abs(empty - 1.25) > 1e-12:
        return "a micro-batch without tokens must not change the mean"
    return None


def _lines(losses: Sequence[tuple[float, float | None]]) -> list[str]:
    """A line of a log for each rate and validation loss; None is a run that crashed."""
    runs = [
        {"settings": {"rate": rate}} | ({} if loss is None else {"validation": loss})
        for rate, loss in losses
    ]
    return [json.dumps(run) for run in runs]


def _best(f: Callable[..., Any]) -> str | None:
    """What is wrong with a query for the settings of the best run."""
    plain = [(0.1, 0.7), (0.2, 0.5), (0.3, 0.9)]
    chosen = f(_lines(plain))
    if chosen == {"rate": 0.3}:
        return "the smallest loss is the best, not the largest"
    if chosen != {"rate": 0.2}:
        return f"of the losses 0.7, 0.5 and 0.9 the settings of 0.5 are the best, not {chosen!r}"
    for place in (0, 3):
        diverged = [*plain[:place], (0.4, math.nan), *plain[place:]]
        if f(_lines(diverged)) != {"rate": 0.2}:
            return "a run with the loss NaN was chosen, or hides the others: leave it out"
    if f(_lines([(0.5, None), *plain])) != {"rate": 0.2}:
        return "a run that crashed has no loss: leave it out"
    if f(_lines([(0.1, 0.3), *plain])) != {"rate": 0.2}:
        return "of two lines with the same settings the later one counts, also if it is worse"
    if f(_lines([*plain, (0.2, None)])) != {"rate": 0.1}:
        return "a later line without a loss replaces an earlier one with the same settings"
    return None


ANSWERS: dict[str, Judge] = {
    "ex-training-bytes": numbers(
        ["GB at stage 0", "GB at stage 1", "GB at stage 2", "GB at stage 3"],
        _bytes,
        {
            "stage 0 divides nothing: 16 bytes for each parameter": [98, np.nan, np.nan, np.nan],
            "stage 1 divides the 12 bytes of the optimizer, the float32 weights among them": [
                112,
                7 * (8 + 8 / 8),
                np.nan,
                np.nan,
            ],
            "stage 3 divides the weights too": [112, 38.5, 26.25, 26.25],
        },
    ),
    "ex-training-tokens": functions(("accumulated(means, tokens)",), _accumulated),
    "ex-training-bubble": numbers(
        ["micro-batches", "stored by GPipe", "stored by 1F1B"],
        _bubble,
        {
            "(p - 1) / m is the waiting time over the working time, not over all of it": [
                150,
                np.nan,
                np.nan,
            ],
            "GPipe stores every micro-batch until its backward pass": [135, 16, np.nan],
            "1F1B begins backward passes once the pipeline is full": [135, 135, 135],
        },
        rtol=1e-9,
    ),
    "ex-training-leaks": numbers(
        ["random split", "hashed split", "standardized on all", "selected on all"],
        lambda: [1, 0, 0, 1],
        {
            "scans of one patient on both sides carry the patient's label across": [0]
            + [np.nan] * 3,
            "no patient of the hashed split is on both sides: the rest is chance": [1, 1]
            + [np.nan] * 2,
            "means and variances of the features use no labels: they gain nothing here": [
                1,
                0,
                1,
                np.nan,
            ],
            "features chosen by the labels of the test scans fit these labels": [1, 0, 0, 0],
        },
        rtol=1e-9,
    ),
    "ex-training-tracking": functions(("best(lines)",), _best),
    "ex-training-noise": numbers(
        ["noise scale at the start", "noise scale at the end"],
        _noise_scale,
        {
            "the covariance subtracts the squared mean gradient": [56.748, np.nan],
            "the rate is 0.4 for 200 steps: this is the start": [np.nan, 55.748],
        },
        rtol=0.01,
    ),
}
