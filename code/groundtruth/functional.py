"""The functions between scores and probabilities, in forms that neither overflow nor lose digits.

Read with book/learning/linear-models.md.

Scores z of any shape.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array


def sigmoid(z: ArrayLike) -> Array:
    """1 / (1 + e^-z), entry by entry; e is only ever raised to a power <= 0.

    Examples
    --------
    >>> sigmoid([0.0, 1000.0, -1000.0]).tolist()
    [0.5, 1.0, 0.0]
    """
    score = np.asarray(z, dtype=float)
    if np.isnan(score).any():
        raise ValueError("z holds NaN; find where it comes from before squashing it")
    small = np.exp(-np.abs(score))  # never above 1
    return np.where(score >= 0, 1.0, small) / (1 + small)


def softplus(z: ArrayLike) -> Array:
    """ln(1 + e^z): the area under the sigmoid, and the loss of a wrong score.

    Examples
    --------
    >>> softplus([-1000.0, 0.0, 1000.0]).round(4).tolist()
    [0.0, 0.6931, 1000.0]
    """
    score = np.asarray(z, dtype=float)
    if np.isnan(score).any():
        raise ValueError("z holds NaN; find where it comes from before squashing it")
    return np.maximum(score, 0) + np.log1p(np.exp(-np.abs(score)))


def logsumexp(z: ArrayLike, axis: int = -1) -> Array:
    """ln of the sum of e^z along an axis, with the largest score taken out first.

    Examples
    --------
    >>> logsumexp([1000.0, 1001.0]).round(3).item()
    1001.313
    """
    score = np.asarray(z, dtype=float)
    if np.isnan(score).any():
        raise ValueError("z holds NaN; find where it comes from before it spreads")
    if not score.size or score.shape[axis] == 0:
        raise ValueError(f"no scores along axis {axis} of shape {score.shape}")
    top = score.max(axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)  # a row of minus infinities is ln 0
    with np.errstate(divide="ignore"):
        return np.squeeze(top, axis) + np.log(np.exp(score - top).sum(axis=axis))


def log_softmax(z: ArrayLike, axis: int = -1) -> Array:
    """z minus its logsumexp along an axis: logarithms of probabilities, without forming the
    probabilities.

    Examples
    --------
    >>> log_softmax([0.0, 0.0]).round(4).tolist()
    [-0.6931, -0.6931]
    """
    total = np.expand_dims(logsumexp(z, axis), axis)
    if not np.isfinite(total).all():
        raise ValueError(
            "a group of scores holds +infinity, or -infinity only: its probabilities are not"
            " defined; leave one score finite"
        )
    return np.asarray(z, dtype=float) - total


def softmax(z: ArrayLike, axis: int = -1) -> Array:
    """e^z over its sum along an axis: K scores to K probabilities; a constant added to all scores
    changes nothing.

    Examples
    --------
    >>> softmax([2.0, 1.0, 0.1]).round(3).tolist()
    [0.659, 0.242, 0.099]
    """
    return np.exp(log_softmax(z, axis))
