"""The symbols of the book as a table that can be executed: every shape in it is computed, not
typed.

Read with book/front/notation.md.

Sizes of the instance: n = 4 samples, d = 3 features, K = 2 classes, B = 2 sequences or images, T
= 5 steps, C = 6 channels, H = 2 heads, P = 7 parameters, m = 2 outputs, images of h = 8 by v = 9
pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

SIZES = {"n": 4, "d": 3, "K": 2, "P": 7, "m": 2, "B": 2, "T": 5, "C": 6, "H": 2, "h": 8, "v": 9}


@dataclass(frozen=True)
class Row:
    """One symbol: how it is written, read and spelt in NumPy, and its shape in letters."""

    symbol: str
    reads: str
    letters: tuple[str, ...]  # ("n", "d") for (n, d)
    numpy: str  # as the page shows it
    make: Callable[[np.random.Generator], Any]  # one instance

    def shape(self) -> tuple[int, ...]:
        """The shape that the letters promise for the instance's sizes."""
        return tuple(SIZES[letter] for letter in self.letters)


def _p(z: Any) -> Any:
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


TABLE = [
    Row("x", "one example", ("d",), "x", lambda r: r.normal(size=3)),
    Row("X", "all examples, one a row", ("n", "d"), "X", lambda r: r.normal(size=(4, 3))),
    Row("y", "targets", ("n",), "y", lambda r: r.normal(size=4)),
    Row(
        "Y", "one-hot targets", ("n", "K"), "np.eye(K)[y]", lambda r: np.eye(2)[r.integers(0, 2, 4)]
    ),
    Row(
        "y = k",
        "indicator: 1 where true",
        ("n",),
        "(y == k) * 1",
        lambda r: (r.integers(0, 2, 4) == 1) * 1,
    ),
    Row("w", "weights of a linear model", ("d",), "w", lambda r: r.normal(size=3)),
    Row("b", "its intercept", (), "b", lambda r: r.normal()),
    Row("W", "weights of a layer", ("d", "K"), "W", lambda r: r.normal(size=(3, 2))),
    Row(
        "z = XW + b",
        "logits",
        ("n", "K"),
        "X @ W + b",
        lambda r: r.normal(size=(4, 3)) @ r.normal(size=(3, 2)) + r.normal(size=2),
    ),
    Row(
        "p",
        "probabilities, rows sum to 1",
        ("n", "K"),
        "softmax(z)",
        lambda r: _p(r.normal(size=(4, 2))),
    ),
    Row(
        "y_hat",
        "predictions",
        ("n",),
        "X @ w + b",
        lambda r: r.normal(size=(4, 3)) @ r.normal(size=3) + 1.0,
    ),
    Row(
        "l",
        "loss of each example",
        ("n",),
        "(y_hat - y) ** 2",
        lambda r: (r.normal(size=4) - r.normal(size=4)) ** 2,
    ),
    Row("L", "loss", (), "l.mean()", lambda r: r.normal(size=4).mean()),
    Row(
        "grad_W L",
        "gradient, of the shape of W",
        ("d", "K"),
        "X.T @ (p - Y) / n",
        lambda r: r.normal(size=(4, 3)).T @ r.normal(size=(4, 2)) / 4,
    ),
    Row("theta", "all parameters in one vector", ("P",), "theta", lambda r: r.normal(size=7)),
    Row("eta", "learning rate", (), "lr", lambda r: 0.1),
    Row("J", "Jacobian, J_ij = df_i/dx_j", ("m", "d"), "J", lambda r: r.normal(size=(2, 3))),
    Row(
        "Hess",
        "Hessian, second derivatives",
        ("P", "P"),
        "H",
        lambda r: np.outer(v := r.normal(size=7), v),
    ),
    Row("mu", "mean of each feature", ("d",), "X.mean(0)", lambda r: r.normal(size=(4, 3)).mean(0)),
    Row(
        "sigma",
        "spread of each feature",
        ("d",),
        "X.std(0)",
        lambda r: r.normal(size=(4, 3)).std(0),
    ),
    Row(
        "Sigma",
        "covariance of the features",
        ("d", "d"),
        "np.cov(X.T)",
        lambda r: np.cov(r.normal(size=(4, 3)).T),
    ),
    Row(
        "K",
        "kernel matrix of the examples",
        ("n", "n"),
        "X @ X.T",
        lambda r: (lambda X: X @ X.T)(r.normal(size=(4, 3))),
    ),
    Row("I", "identity", ("d", "d"), "np.eye(d)", lambda r: np.eye(3)),
    Row(
        "diag(A)",
        "diagonal of a square matrix",
        ("d",),
        "np.diag(A)",
        lambda r: np.diag(r.normal(size=(3, 3))),
    ),
    Row(
        "tr(A)",
        "trace, sum of the diagonal",
        (),
        "np.trace(A)",
        lambda r: np.trace(r.normal(size=(3, 3))),
    ),
    Row(
        "|x|_2",
        "Euclidean length",
        (),
        "np.linalg.norm(x)",
        lambda r: np.linalg.norm(r.normal(size=3)),
    ),
    Row(
        "a b'",
        "outer product",
        ("n", "d"),
        "np.outer(a, b)",
        lambda r: np.outer(r.normal(size=4), r.normal(size=3)),
    ),
    Row("X'", "transpose", ("d", "n"), "X.T", lambda r: r.normal(size=(4, 3)).T),
    Row(
        "X+",
        "pseudo-inverse",
        ("d", "n"),
        "np.linalg.pinv(X)",
        lambda r: np.linalg.pinv(r.normal(size=(4, 3))),
    ),
    Row(
        "images",
        "a batch of pictures",
        ("B", "C", "h", "v"),
        "x",
        lambda r: r.normal(size=(2, 6, 8, 9)),
    ),
    Row("tokens", "a batch of sequences", ("B", "T", "C"), "x", lambda r: r.normal(size=(2, 5, 6))),
    Row(
        "Q",
        "queries of all heads",
        ("B", "H", "T", "D"),
        "q",
        lambda r: r.normal(size=(2, 2, 5, 3)),
    ),
    Row(
        "QK'",
        "attention scores",
        ("B", "H", "T", "T"),
        "q @ k.mT",
        lambda r: r.normal(size=(2, 2, 5, 3)) @ r.normal(size=(2, 2, 5, 3)).swapaxes(-1, -2),
    ),
]
SIZES["D"] = SIZES["C"] // SIZES["H"]


def check_table(rows: Iterable[Row] = TABLE, seed: int = 0) -> list[tuple[Row, tuple[int, ...]]]:
    """Make an instance of every row and return it with the shape it really has.

    Raises
    ------
    ValueError
        If an instance has another shape than its letters promise; the table would lie.

    Examples
    --------
    >>> [shape for row, shape in check_table(TABLE[:2])]
    [(3,), (4, 3)]
    """
    rng = np.random.default_rng(seed)
    instances = []
    for row in rows:
        shape = np.shape(row.make(rng))
        if shape != row.shape():
            raise ValueError(
                f"the row {row.symbol!r} promises {row.shape()} and has {shape}; correct its"
                " letters or its spelling"
            )
        instances.append((row, shape))
    return instances
