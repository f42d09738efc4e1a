"""Answers to exercises on fine-tuning with low-rank adapters.

Read with book/capstones/lora.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from groundtruth.answers import Judge, functions, numbers
from groundtruth.arrays import Array


def _count() -> list[float]:
    """Parameters of the adapters, and their percentage of GPT-2 small."""
    n = 12 * 8 * (768 + 2304)
    return [n, 100 * n / 124_439_808]


def _truncated(M: Array) -> Array:
    """The best approximation of rank 1."""
    U, s, V = np.linalg.svd(M)
    return s[0] * np.outer(U[:, 0], V[0])


def _whitened(best_update: Callable[..., Any]) -> str | None:
    """Whether a function finds the best update of rank 1 for inputs of covariance S S'."""
    rng = np.random.default_rng(0)
    D = rng.normal(size=(4, 5))
    S = rng.normal(size=(5, 5)) + 3 * np.eye(5)
    given = np.asarray(best_update(D, S), float)
    if given.shape != (4, 5):
        return f"the shape is {given.shape}, not (4, 5)"
    mistakes = {
        "this is the best update for white inputs": _truncated(D),
        "this approximates D S: multiply by the inverse of S": _truncated(D @ S),
        "multiply by the inverse of S, not of its transpose": _truncated(D @ S)
        @ np.linalg.inv(S.T),
    }
    if np.allclose(given, _truncated(D @ S) @ np.linalg.inv(S), atol=1e-6):
        return None
    for explanation, wrong in mistakes.items():
        if np.allclose(given, wrong, atol=1e-6):
            return explanation
    return "the update is not the one of smallest error"


def _dora(weight: Callable[..., Any]) -> str | None:
    """Whether a function computes the weight of DoRA."""
    rng = np.random.default_rng(0)
    W0 = rng.normal(size=(4, 3))
    update = rng.normal(size=(4, 3))
    m = rng.uniform(1, 2, size=4)
    given = np.asarray(weight(W0, update, m), float)
    if given.shape != (4, 3):
        return f"the shape is {given.shape}, not (4, 3)"
    V = W0 + update
    if np.allclose(given, m[:, None] * V / np.linalg.norm(V, axis=1, keepdims=True), atol=1e-6):
        return None
    if np.allclose(given, m[:, None] * V / np.linalg.norm(W0, axis=1, keepdims=True), atol=1e-6):
        return "divide by the norms of the rows of W0 + update, not of W0"
    if np.allclose(given, m[:, None] * V, atol=1e-6):
        return "divide each row by its norm"
    return "row i has to be m_i times the direction of row i of W0 + update"


ANSWERS: dict[str, Judge] = {
    "ex-lora-count": numbers(
        ("parameters", "percent"),
        _count,
        {
            "give the percentage, not the fraction": [294912, 294912 / 124_439_808],
            "count all twelve layers": [24576, np.nan],
            "the three maps are one matrix, with one A of shape (8, 768)": [442368, np.nan],
        },
    ),
    "ex-lora-whitened": functions(("the best update of rank 1",), _whitened),
    "ex-lora-dora": functions(("the weight of DoRA",), _dora),
}
