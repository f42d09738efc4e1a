"""Losses with their gradients, computed from scores and without overflow.

Read with book/learning/losses.md.

Every loss is a mean over examples in the unit of its definition (nats for logarithmic ones); every
`*_grad` is its derivative with respect to the prediction or score, in that shape. Shapes: y,
prediction, z (n,); scores Z (n, K); labels (n,) in [0, K).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array
from groundtruth.functional import log_softmax, sigmoid, softplus


def _pair(y: ArrayLike, prediction: ArrayLike) -> tuple[Array, Array]:
    target = np.asarray(y, dtype=float)
    guess = np.asarray(prediction, dtype=float)
    if target.shape != guess.shape or target.ndim != 1 or not target.size:
        raise ValueError(
            f"target and prediction must be (n,) of one length >= 1, got {target.shape} and"
            f" {guess.shape}; a (n, 1) would broadcast to a table"
        )
    if not (np.isfinite(target).all() and np.isfinite(guess).all()):
        raise ValueError("target or prediction holds NaN or infinity; find out where it comes from")
    return target, guess


def _binary(y: ArrayLike, z: ArrayLike) -> tuple[Array, Array]:
    label, score = _pair(y, z)
    if (label < 0).any() or (label > 1).any():
        raise ValueError(
            f"labels must lie in [0, 1], got {label.min():g} to {label.max():g}; for labels -1 and"
            " +1 use (y + 1) / 2"
        )
    return label, score


def _signs(y: ArrayLike, z: ArrayLike) -> tuple[Array, Array]:
    sign, score = _pair(y, z)
    if not np.isin(sign, (-1.0, 1.0)).all():
        raise ValueError(
            f"labels must be -1 or +1, got {np.unique(sign)[:5]}; for labels 0 and 1 use 2 y - 1"
        )
    return sign, score


def mse(y: ArrayLike, prediction: ArrayLike) -> float:
    """Mean squared error; its best constant is the mean.

    Examples
    --------
    >>> mse([3, -0.5, 2, 7], [2.5, 0.0, 2, 8])
    0.375
    """
    t, p = _pair(y, prediction)
    return float(np.mean((p - t) ** 2))


def mse_grad(y: ArrayLike, prediction: ArrayLike) -> Array:
    """2 (prediction - y) / n."""
    t, p = _pair(y, prediction)
    return 2 * (p - t) / t.size


def mae(y: ArrayLike, prediction: ArrayLike) -> float:
    """Mean absolute error; its best constant is the median.

    Examples
    --------
    >>> mae([3, -0.5, 2, 7], [2.5, 0.0, 2, 8])
    0.5
    """
    t, p = _pair(y, prediction)
    return float(np.mean(np.abs(p - t)))


def mae_grad(y: ArrayLike, prediction: ArrayLike) -> Array:
    """The sign of prediction - y over n; 0 at the kink, one of its subgradients."""
    t, p = _pair(y, prediction)
    return np.sign(p - t) / t.size


def _delta(delta: float) -> float:
    if not 0 < delta < np.inf:
        raise ValueError(f"delta must be positive and finite, got {delta}")
    return delta


def huber(y: ArrayLike, prediction: ArrayLike, delta: float = 1.0) -> float:
    """Half the squared error up to delta, linear beyond: delta (|e| - delta / 2) (Huber, 1964).

    Examples
    --------
    >>> huber([0.0, 0.0], [1.0, 3.0], delta=1.0)
    1.5
    """
    t, p = _pair(y, prediction)
    e = np.abs(p - t)
    return float(np.mean(np.where(e <= _delta(delta), e**2 / 2, delta * (e - delta / 2))))


def huber_grad(y: ArrayLike, prediction: ArrayLike, delta: float = 1.0) -> Array:
    """The error cut to [-delta, delta], over n."""
    t, p = _pair(y, prediction)
    return np.clip(p - t, -_delta(delta), delta) / t.size


def log_cosh(y: ArrayLike, prediction: ArrayLike) -> float:
    """ln cosh(e): half the squared error for small errors, |e| - ln 2 for large ones, smooth
    between.

    Examples
    --------
    >>> round(log_cosh([0.0], [1000.0]), 3)
    999.307
    """
    t, p = _pair(y, prediction)
    e = np.abs(p - t)
    return float(np.mean(e + np.log1p(np.exp(-2 * e)) - np.log(2)))


def log_cosh_grad(y: ArrayLike, prediction: ArrayLike) -> Array:
    """tanh(prediction - y) / n."""
    t, p = _pair(y, prediction)
    return np.tanh(p - t) / t.size


def pinball(y: ArrayLike, prediction: ArrayLike, q: float) -> float:
    """q times what the prediction falls short, 1 - q times what it exceeds; its best constant is
    the q-quantile (Koenker and Bassett, 1978).

    Examples
    --------
    >>> round(pinball([10.0], [8.0], 0.9), 9), round(pinball([10.0], [12.0], 0.9), 9)
    (1.8, 0.2)
    """
    t, p = _pair(y, prediction)
    e = t - p
    return float(np.mean(np.maximum(_quantile(q) * e, (q - 1) * e)))


def pinball_grad(y: ArrayLike, prediction: ArrayLike, q: float) -> Array:
    """-q below the target, 1 - q above, over n; 0 at the kink."""
    t, p = _pair(y, prediction)
    return np.where(p < t, -_quantile(q), np.where(p > t, 1 - q, 0.0)) / t.size


def _quantile(q: float) -> float:
    if not 0 < q < 1:
        raise ValueError(f"q must lie between 0 and 1, got {q}")
    return q


def bce_with_logits(y: ArrayLike, z: ArrayLike) -> float:
    """Binary cross-entropy in nats from scores: mean of softplus(z) - y z; y in [0, 1].

    Examples
    --------
    >>> round(bce_with_logits([1, 0], [0.0, 0.0]), 4), bce_with_logits([1.0], [-1000.0])
    (0.6931, 1000.0)
    """
    label, score = _binary(y, z)
    return float(np.mean(softplus(score) - label * score))


def bce_with_logits_grad(y: ArrayLike, z: ArrayLike) -> Array:
    """(sigmoid(z) - y) / n."""
    label, score = _binary(y, z)
    return (sigmoid(score) - label) / label.size


def focal(y: ArrayLike, z: ArrayLike, gamma: float = 2.0) -> float:
    """Cross-entropy times (1 - p of the true label)^gamma: easy examples count less (Lin et al.,
    2017); y 0 or 1.

    Examples
    --------
    >>> focal([1], [0.0], gamma=0.0) == bce_with_logits([1], [0.0])
    True
    """
    _, wrong, nats = _focal_parts(y, z, gamma)
    return float(np.mean(wrong**gamma * nats))


def focal_grad(y: ArrayLike, z: ArrayLike, gamma: float = 2.0) -> Array:
    """With respect to the score: with s the label's sign, u = s z and p = sigmoid(u): -s
    (1-p)^gamma (gamma p (-ln p) + 1 - p) / n.
    """
    sign, wrong, nats = _focal_parts(y, z, gamma)
    return -sign * wrong**gamma * (gamma * (1 - wrong) * nats + wrong) / sign.size


def _focal_parts(y: ArrayLike, z: ArrayLike, gamma: float) -> tuple[Array, Array, Array]:
    label, score = _binary(y, z)
    if not np.isin(label, (0.0, 1.0)).all() or not 0 <= gamma < np.inf:
        raise ValueError(
            f"need labels 0 or 1 and gamma >= 0, got labels {np.unique(label)[:5]} and gamma"
            f" {gamma}"
        )
    sign = 2 * label - 1
    return sign, sigmoid(-sign * score), softplus(-sign * score)


def hinge(y: ArrayLike, z: ArrayLike) -> float:
    """max(0, 1 - y z) for labels -1 and +1: zero from the margin on.

    Examples
    --------
    >>> [hinge([1], [z]) for z in (2.0, 1.0, 0.5, -1.0)]
    [0.0, 0.0, 0.5, 2.0]
    """
    sign, score = _signs(y, z)
    return float(np.mean(np.maximum(0, 1 - sign * score)))


def hinge_grad(y: ArrayLike, z: ArrayLike) -> Array:
    """-y / n inside the margin, 0 at it and beyond."""
    sign, score = _signs(y, z)
    return np.where(sign * score < 1, -sign, 0.0) / sign.size


def softmax_ce(labels: ArrayLike, Z: ArrayLike) -> float:
    """Cross-entropy in nats of softmax(Z) at the labels: mean of -log_softmax(Z)[label].

    Examples
    --------
    >>> round(softmax_ce([1], [[0.0, 0.0, 0.0]]), 4)
    1.0986
    """
    label, scores = _classes(labels, Z)
    return float(-log_softmax(scores)[np.arange(label.size), label].mean())


def softmax_ce_grad(labels: ArrayLike, Z: ArrayLike) -> Array:
    """(softmax(Z) - one_hot) / n, in the shape (n, K)."""
    label, scores = _classes(labels, Z)
    p = np.exp(log_softmax(scores))
    p[np.arange(label.size), label] -= 1
    return p / label.size


def _classes(labels: ArrayLike, Z: ArrayLike) -> tuple[NDArray[np.intp], Array]:
    label = np.asarray(labels)
    scores = np.asarray(Z, dtype=float)
    if scores.ndim != 2 or label.shape != scores.shape[:1] or not scores.size:
        raise ValueError(
            f"need scores (n, K) and labels (n,), got {scores.shape} and {label.shape}; labels are"
            " class numbers, not one-hot rows"
        )
    if (
        not np.issubdtype(label.dtype, np.integer)
        or label.min() < 0
        or label.max() >= scores.shape[1]
    ):
        raise ValueError(
            f"labels must be whole numbers in [0, {scores.shape[1]}), got type {label.dtype},"
            f" {label.min()} to {label.max()}"
        )
    if not np.isfinite(scores).all():
        raise ValueError("a score is NaN or infinite; find out where it comes from")
    return label.astype(np.intp), scores


def poisson_nll(y: ArrayLike, z: ArrayLike) -> float:
    """Mean of e^z - y z for counts y >= 0 and the logarithm z of their mean; up to a constant the
    negative log-likelihood.

    Examples
    --------
    >>> poisson_nll([0.0], [0.0])
    1.0
    """
    count, score = _pair(y, z)
    if (count < 0).any():
        raise ValueError(f"counts must be >= 0, got {count.min():g}")
    return float(np.mean(np.exp(score) - count * score))


def perplexity(nats: float) -> float:
    """e to a mean cross-entropy in nats: the number of equally likely choices that would surprise
    as much.

    Examples
    --------
    >>> round(perplexity(np.log(10)), 9)
    10.0
    """
    if not nats >= 0:
        raise ValueError(
            f"a cross-entropy is >= 0 nats, got {nats}; if it is in bits, multiply by ln 2 first"
        )
    return float(np.exp(nats))
