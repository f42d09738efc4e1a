"""Answers to exercises on attention.

Read with book/networks/attention.md.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from groundtruth.answers import Judge, functions, numbers
from groundtruth.arrays import Array
from groundtruth.networks.attention import sdpa


def _by_hand() -> Array:
    """The outputs of two queries that attend to two keys, without scaling."""
    return sdpa([[1, 0], [0, 2]], [[1, 0], [0, 1]], [[10], [20]], scale=1.0)[0]


def _grouped() -> list[int]:
    """Cached numbers per token and layer, before and after, and the parameters saved."""
    C = 4096
    H = 32
    groups = 8
    D = C // H
    return [2 * H * D, 2 * groups * D, 2 * C * (H - groups) * D]


def _previous(x: torch.Tensor) -> torch.Tensor:
    """A model whose output t depends on inputs t - 1 and t only."""
    return x + torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], 1)


def _leak(dependence: Callable[..., Any]) -> str | None:
    """Whether a function finds the inputs on which each output of a model depends."""
    x = torch.arange(1.0, 13.0).reshape(1, 4, 3)
    table = np.asarray(dependence(_previous, x))
    if table.shape != (4, 4):
        return f"the shape is {table.shape}, not (4, 4)"
    wanted = np.eye(4, dtype=bool) | np.eye(4, k=-1, dtype=bool)
    if np.array_equal(table, wanted):
        normalized = np.asarray(dependence(lambda v: v - v.mean(-1, keepdim=True), x))
        if np.array_equal(normalized, np.eye(4, dtype=bool)):
            return None
        return "a plain sum of centered outputs has no gradient: weight the entries at random"
    if np.array_equal(table, wanted.T):
        return "rows are outputs and columns are inputs; yours are exchanged"
    return "for a model whose output t depends on inputs t - 1 and t, the table is another"


def _window_memory(windowed: Callable[..., Any]) -> str | None:
    """Whether a function stores fewer than n x n / 4 numbers for n = 2000 tokens."""
    n = 2000
    Q, K, V = np.random.default_rng(0).normal(size=(3, n, 4))
    tracemalloc.start()
    try:
        windowed(Q, K, V, 3)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    if peak > 8 * n * n / 4:
        return "this stores an array of n by n entries: gather w keys for each query"
    return None


def _window(windowed: Callable[..., Any]) -> str | None:
    """Whether a function computes causal attention to the last w tokens."""
    Q, K, V = np.random.default_rng(0).normal(size=(3, 9, 4))
    distance = np.arange(9)[:, None] - np.arange(9)
    given = np.asarray(windowed(Q, K, V, 3), float)
    if given.shape != (9, 4):
        return f"the shape is {given.shape}, not (9, 4)"
    mistakes = {
        "these are w + 1 tokens: the query counts as one of the w": (distance >= 0)
        & (distance <= 3),
        "a query must not attend to later tokens": np.abs(distance) < 3,
        "only the last w tokens may be seen": distance >= 0,
    }
    if np.allclose(given, sdpa(Q, K, V, (distance >= 0) & (distance < 3))[0], atol=1e-9):
        return _window_memory(windowed)
    for explanation, mask in mistakes.items():
        if np.allclose(given, sdpa(Q, K, V, mask)[0], atol=1e-9):
            return explanation
    return "the outputs differ from masked attention, from the first tokens on or later"


def _phi(x: Array) -> Array:
    return np.where(x > 0, x + 1, np.exp(np.minimum(x, 0)))


def _linear(linear_attention: Callable[..., Any]) -> str | None:
    """Whether a function computes causal linear attention."""
    Q, K, V = np.random.default_rng(0).normal(size=(3, 7, 4))
    given = np.asarray(linear_attention(Q, K, V), float)
    if given.shape != (7, 4):
        return f"the shape is {given.shape}, not (7, 4)"
    products = _phi(Q) @ _phi(K).T
    weights = np.tril(products)
    if np.allclose(given, weights @ V / weights.sum(1, keepdims=True), atol=1e-9):
        return None
    if np.allclose(given, weights @ V, atol=1e-9):
        return "divide by the sum of the weights"
    if np.allclose(given, products @ V / products.sum(1, keepdims=True), atol=1e-9):
        return "the sums must run over the past only"
    return "the outputs differ from those of the n by n array of phi(q) phi(k)"


ANSWERS: dict[str, Judge] = {
    "ex-attn-hand": numbers(
        ("first output", "second output"),
        _by_hand,
        {
            "do not divide by the square root of D here": [13.302, 18.044],
            "the weights belong to the other keys": [17.311, 11.192],
            "the second query is (0, 2), so its best key is the second": [12.689, 11.192],
        },
        rtol=1e-3,
    ),
    "ex-attn-leak": functions(("dependence of a model on its inputs",), _leak),
    "ex-attn-gqa": numbers(
        ("cached before", "cached after", "parameters saved"),
        _grouped,
        {
            "both keys and values are cached": [4096, 1024, np.nan],
            "both the keys' and the values' matrix shrink": [8192, 2048, 12582912],
            "a group shares one head of keys: there are 8 of them, not 4": [8192, 1024, np.nan],
        },
    ),
    "ex-attn-window": functions(("windowed attention",), _window),
    "ex-attn-linear": functions(("linear attention",), _linear),
}
