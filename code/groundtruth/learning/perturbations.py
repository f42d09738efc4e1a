"""Regularizers that act on data and activations: dropout, label smoothing, mix-up, shifts of
images, early stopping.

Read with book/learning/regularization.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array


def dropout_mask(shape: tuple[int, ...], p: float, rng: np.random.Generator) -> Array:
    """Zeros with probability p, and 1 / (1 - p) elsewhere, so that the mean is one (inverted
    scaling).

    Examples
    --------
    >>> sorted(set(dropout_mask((100,), 0.5, np.random.default_rng(0)).tolist()))
    [0.0, 2.0]
    """
    if not 0 <= p < 1:
        raise ValueError(f"p is the probability to drop and must lie in [0, 1), got {p}")
    return (rng.random(shape) >= p) / (1 - p)


def dropout(x: ArrayLike, p: float, rng: np.random.Generator, train: bool) -> Array:
    """x times a fresh mask in training, x itself in evaluation (Srivastava et al., 2014).

    Examples
    --------
    >>> dropout([1.0, 2.0], 0.5, np.random.default_rng(0), train=False).tolist()
    [1.0, 2.0]
    """
    a = np.asarray(x, dtype=float)
    mask = dropout_mask(a.shape, p, rng)
    return a * mask if train else a


def mc_dropout(predict: Callable[[Any], ArrayLike], x: Any, draws: int) -> tuple[Array, Array]:
    """Mean and standard deviation over `draws` calls of a prediction that drops at random (Gal and
    Ghahramani, 2016).

    Examples
    --------
    >>> [float(v) for v in mc_dropout(lambda x: x, 2.0, 3)]
    [2.0, 0.0]
    """
    if draws < 2:
        raise ValueError(f"need at least two draws for a standard deviation, got {draws}")
    batch = np.array([predict(x) for _ in range(draws)])
    return batch.mean(0), batch.std(0, ddof=1)


def label_smooth(Y: ArrayLike, eps: float) -> Array:
    """(1 - eps) Y + eps / K for labels Y (n, K) that sum to one in each row (Szegedy et al., 2016).

    Examples
    --------
    >>> label_smooth([[0.0, 1.0]], 0.2).round(3).tolist()
    [[0.1, 0.9]]
    """
    T = np.asarray(Y, dtype=float)
    if T.ndim != 2 or not T.size or not np.allclose(T.sum(1), 1):
        raise ValueError(
            f"need one-hot or soft labels (n, K) whose rows sum to one, got shape {T.shape}"
        )
    if not 0 <= eps < 1:
        raise ValueError(f"eps must lie in [0, 1), got {eps}")
    return (1 - eps) * T + eps / T.shape[1]


def mixup(
    X: ArrayLike, Y: ArrayLike, alpha: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Each row mixed with another, inputs and labels in one proportion from Beta(alpha, alpha)
    (Zhang et al., 2018).

    Examples
    --------
    >>> X, Y = mixup([[0.0], [1.0]], [[1.0, 0.0], [0.0, 1.0]], 0.2, np.random.default_rng(0))
    >>> bool(np.allclose(X[:, 0], Y[:, 1]))
    True
    """
    A = np.asarray(X, dtype=float)
    T = np.asarray(Y, dtype=float)
    if len(A) != len(T) or not len(A) or alpha <= 0:
        raise ValueError(
            f"need as many labels as inputs and a positive alpha, got {len(T)}, {len(A)} and"
            f" {alpha}"
        )
    part = rng.beta(alpha, alpha, size=len(A))
    other = rng.permutation(len(A))

    def mixed(V: Array) -> Array:
        p = part.reshape(-1, *[1] * (V.ndim - 1))  # one share per row
        return V * p + V[other] * (1 - p)

    return mixed(A), mixed(T)


def shift_images(X: ArrayLike, side: int, rng: np.random.Generator, fill: float = 0.0) -> Array:
    """Flat square images (n, side^2), each moved by -1, 0 or 1 pixel along both axes, empty edges
    filled.

    Examples
    --------
    >>> bool(shift_images(np.ones((1, 9)), 3, np.random.default_rng(1)).sum() <= 9)
    True
    """
    A = np.asarray(X, dtype=float)
    if A.ndim != 2 or A.shape[1] != side * side:
        raise ValueError(f"need images (n, {side * side}) for side {side}, got {A.shape}")
    padded = np.pad(A.reshape(-1, side, side), ((0, 0), (1, 1), (1, 1)), constant_values=fill)
    dy, dx = rng.integers(0, 3, size=(2, len(A), 1, 1))
    rows = np.arange(side)[:, None]
    cols = np.arange(side)
    return padded[np.arange(len(A))[:, None, None], dy + rows, dx + cols].reshape(len(A), -1)


class EarlyStopping:
    """Stop after `patience` reports in a row without an improvement of more than `min_delta`; the
    best state is kept.

    Examples
    --------
    >>> stop = EarlyStopping(patience=2)
    >>> [stop.report(loss, step) for step, loss in enumerate([3.0, 2.0, 2.5, 2.2])], stop.best_state
    ([False, False, False, True], 1)
    """

    def __init__(self, patience: int, min_delta: float = 0.0) -> None:
        if patience < 1 or min_delta < 0:
            raise ValueError(
                f"need a patience of at least 1 and min_delta >= 0, got {patience} and {min_delta}"
            )
        self.patience = patience
        self.min_delta = min_delta
        self.best = np.inf
        self.best_state = None
        self.bad = 0

    def report(self, loss: float, state: Any = None) -> bool:
        """Take in a validation loss with the state to go back to; True when it is time to stop.
        Hand in a copy.
        """
        if np.isnan(loss):
            raise ValueError(
                "the reported loss is NaN; go back to best_state and look at the last step"
            )
        if loss < self.best - self.min_delta:
            self.best = loss
            self.best_state = state
            self.bad = 0
        else:
            self.bad += 1
        return self.bad >= self.patience
