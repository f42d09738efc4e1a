"""Changes of weights that need only what a connection sees: Hebb's rule and Oja's, and feedback by
fixed random weights.

Read with book/networks/learning-rules.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array
from groundtruth.functional import softmax


def hebb(X: ArrayLike, w0: ArrayLike, lr: float, decay: bool = False) -> Array:
    """Weights after every row of X (n, d), (n, d): w += lr y x with y = w.x; with `decay` Oja's
    rule w += lr y (x - y w) (Oja, 1982).
    """
    x = np.asarray(X, dtype=np.float64)
    w = np.array(w0, dtype=np.float64)
    if x.ndim != 2 or w.shape != x.shape[1:] or not lr > 0:
        raise ValueError(
            f"need rows (n, d), weights (d,) and lr > 0, got {x.shape}, {w.shape} and {lr}"
        )
    out = np.empty_like(x)
    for i, row in enumerate(x):
        y = w @ row
        w = w + lr * y * (row - y * w if decay else row)
        out[i] = w
    return out


class TwoLayers:
    """A network in - hidden - out with tanh and softmax, whose error travels back by W2 or by a
    fixed random matrix B (Lillicrap et al., 2016).
    """

    def __init__(self, sizes: tuple[int, int, int], seed: int = 0) -> None:
        if min(sizes) < 1:
            raise ValueError(f"every layer needs at least one unit, got {sizes}")
        a, h, k = sizes
        rng = np.random.default_rng(seed)
        self.W1 = rng.normal(size=(a, h)) / np.sqrt(a)
        self.W2 = rng.normal(size=(h, k)) / np.sqrt(h)
        self.B = rng.normal(size=(h, k)) / np.sqrt(h)

    def gradients(
        self, X: Array, Y: Array, feedback: str = "weights"
    ) -> tuple[float, Array, Array]:
        """Mean cross-entropy on rows X (n, in) with one-hot Y (n, out), and the changes by W1 and
        W2; only `weights` gives the true one for W1.
        """
        if feedback not in ("weights", "random"):
            raise ValueError(f"feedback is 'weights' or 'random', got {feedback!r}")
        H = np.tanh(X @ self.W1)
        P = softmax(H @ self.W2)
        E = (P - Y) / len(X)  # (n, out)
        back = E @ (self.W2 if feedback == "weights" else self.B).T
        loss = -np.log((P * Y).sum(1)).mean()
        return float(loss), X.T @ (back * (1 - H**2)), H.T @ E

    def accuracy(self, X: Array, Y: Array) -> float:
        return float(np.mean((np.tanh(X @ self.W1) @ self.W2).argmax(1) == Y.argmax(1)))
