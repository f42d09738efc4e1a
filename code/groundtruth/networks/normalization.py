"""Normalizing layers and their backward passes: batch, layer, instance, group and RMS
normalization.

Read with book/networks/initialization-and-normalization.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array


class Cache(NamedTuple):
    """What a backward pass needs: the normalized values, the divisor, the scale, the axes that were
    reduced.
    """

    x_hat: Array
    s: Array
    gamma: Array
    axes: tuple[int, ...]


def _checked(x: ArrayLike, ndim: tuple[int, ...], eps: float) -> Array:
    values = np.asarray(x, dtype=float)
    if values.ndim not in ndim or not values.size:
        raise ValueError(
            f"need a non-empty array with {' or '.join(map(str, ndim))} axes, got the shape"
            f" {values.shape}"
        )
    if not np.isfinite(values).all():
        raise ValueError("x holds NaN or infinity; find out where it comes from")
    if not 0 <= eps < np.inf:
        raise ValueError(f"eps must be >= 0, got {eps}")
    return values


def standardise(x: Array, axes: tuple[int, ...], eps: float) -> tuple[Array, Array]:
    """(x - mean) / sqrt(var + eps) over the axes, with the biased variance, and the divisor with
    those axes kept.
    """
    centered = x - x.mean(axes, keepdims=True)
    s = np.sqrt((centered**2).mean(axes, keepdims=True) + eps)
    if not (s > 0).all():
        raise ValueError("a group of equal values has no variance to divide by; use eps > 0")
    return centered / s, s


def _back(dx_hat: Array, x_hat: Array, s: Array, axes: tuple[int, ...]) -> Array:
    # what is constant over the group, and what is proportional to x_hat, cannot change the output
    return (
        dx_hat
        - dx_hat.mean(axes, keepdims=True)
        - x_hat * (dx_hat * x_hat).mean(axes, keepdims=True)
    ) / s


def batch_norm(
    x: ArrayLike, gamma: ArrayLike, beta: ArrayLike, eps: float = 1e-5
) -> tuple[Array, Cache]:
    """gamma (x - mean) / sqrt(var + eps) + beta per feature, over the batch (Ioffe and Szegedy,
    2015, algorithm 1).

    Parameters
    ----------
    x : array_like (m, d) or (N, C, H, W)
        Reduced over rows, or over N, H and W for each channel.
    gamma, beta : array_like (d,) or (C,)
    eps : float

    Returns
    -------
    y in the shape of x, and the cache for `batch_norm_backward`.

    Raises
    ------
    ValueError
        If only one value per feature is there: its output would be beta whatever the input.

    Examples
    --------
    >>> batch_norm([[1.0], [5.0]], [1.0], [0.0], eps=0.0)[0].ravel().tolist()
    [-1.0, 1.0]
    """
    values = _checked(x, (2, 4), eps)
    axes: tuple[int, ...] = (0,) if values.ndim == 2 else (0, 2, 3)
    if values.size // values.shape[1] < 2:
        raise ValueError(
            "batch normalization needs more than one value per feature, got the shape"
            f" {values.shape}; use layer or group normalization"
        )
    scale, shift = (_per_channel(name, v, values) for name, v in (("gamma", gamma), ("beta", beta)))
    x_hat, s = standardise(values, axes, eps)
    return scale * x_hat + shift, Cache(x_hat, s, scale, axes)


def _per_channel(name: str, value: ArrayLike, x: Array) -> Array:
    v = np.asarray(value, dtype=float)
    if v.shape != (x.shape[1],):
        raise ValueError(
            f"{name} must have the shape ({x.shape[1]},), one per feature, got {v.shape}"
        )
    return v.reshape((1, -1) + (1,) * (x.ndim - 2))


def batch_norm_backward(dy: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """(dx, dgamma, dbeta) in the shapes of x, gamma and beta."""
    x_hat, s, gamma, axes = cache
    if dy.shape != x_hat.shape:
        raise ValueError(f"the output has shape {x_hat.shape}, its gradient {dy.shape}")
    return _back(dy * gamma, x_hat, s, axes), (dy * x_hat).sum(axes), dy.sum(axes)


def layer_norm(
    x: ArrayLike, gamma: ArrayLike, beta: ArrayLike, eps: float = 1e-5
) -> tuple[Array, Cache]:
    """Per row over the last axis: x (..., d), gamma and beta (d,) (Ba, Kiros and Hinton, 2016).

    Examples
    --------
    >>> layer_norm([[3.0, 7.0]], [1.0, 1.0], [0.0, 0.0], eps=0.0)[0].tolist()
    [[-1.0, 1.0]]
    """
    values = _checked(x, (1, 2, 3, 4), eps)
    scale = np.asarray(gamma, dtype=float)
    shift = np.asarray(beta, dtype=float)
    if scale.shape != values.shape[-1:] or shift.shape != scale.shape:
        raise ValueError(
            f"gamma and beta must have the shape ({values.shape[-1]},), got {scale.shape} and"
            f" {shift.shape}"
        )
    x_hat, s = standardise(values, (values.ndim - 1,), eps)
    return scale * x_hat + shift, Cache(x_hat, s, scale, (values.ndim - 1,))


def layer_norm_backward(dy: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """(dx, dgamma, dbeta): the same projection as batch normalization's, along rows."""
    x_hat, s, gamma, axes = cache
    if dy.shape != x_hat.shape:
        raise ValueError(f"the output has shape {x_hat.shape}, its gradient {dy.shape}")
    rows = tuple(range(dy.ndim - 1))
    return _back(dy * gamma, x_hat, s, axes), (dy * x_hat).sum(rows), dy.sum(rows)


def rms_norm(x: ArrayLike, gamma: ArrayLike, eps: float = 1e-6) -> tuple[Array, Cache]:
    """gamma x / sqrt(mean of x^2 + eps) over the last axis: no centering, no shift (Zhang and
    Sennrich, 2019).

    Examples
    --------
    >>> rms_norm([[3.0, -3.0]], [1.0, 2.0], eps=0.0)[0].tolist()
    [[1.0, -2.0]]
    """
    values = _checked(x, (1, 2, 3, 4), eps)
    scale = np.asarray(gamma, dtype=float)
    if scale.shape != values.shape[-1:]:
        raise ValueError(f"gamma must have the shape ({values.shape[-1]},), got {scale.shape}")
    s = np.sqrt((values**2).mean(-1, keepdims=True) + eps)
    return scale * values / s, Cache(values / s, s, scale, (values.ndim - 1,))


def rms_norm_backward(dy: Array, cache: Cache) -> tuple[Array, Array]:
    """(dx, dgamma): the part along x_hat is taken out, the mean is not."""
    x_hat, s, gamma, axes = cache
    if dy.shape != x_hat.shape:
        raise ValueError(f"the output has shape {x_hat.shape}, its gradient {dy.shape}")
    d = dy * gamma
    return (d - x_hat * (d * x_hat).mean(axes, keepdims=True)) / s, (dy * x_hat).sum(
        tuple(range(dy.ndim - 1))
    )


def group_norm(
    x: ArrayLike,
    groups: int,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    eps: float = 1e-5,
) -> Array:
    """Per example and group of channels: x (N, C, ...), over C / groups channels and all places (Wu
    and He, 2018).

    One group gives the statistics of layer normalization over (C, H, W), C groups those of instance
    normalization.

    Examples
    --------
    >>> group_norm([[[[1.0, 3.0]], [[10.0, 30.0]]]], 2, eps=0.0).ravel().tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """
    values = _checked(x, (2, 3, 4), eps)
    N, C = values.shape[:2]
    if groups < 1 or C % groups:
        raise ValueError(f"groups must divide the {C} channels, got {groups}")
    x_hat, _ = standardise(values.reshape(N, groups, -1), (2,), eps)
    y = x_hat.reshape(values.shape)
    if gamma is not None:
        y = y * _per_channel("gamma", gamma, values)
    return y if beta is None else y + _per_channel("beta", beta, values)


def instance_norm(x: ArrayLike, eps: float = 1e-5) -> Array:
    """Per example and channel, over all places: x (N, C, H, W) (Ulyanov, Vedaldi and Lempitsky,
    2016).
    """
    values = _checked(x, (3, 4), eps)
    return group_norm(values, values.shape[1], eps=eps)


class BatchNorm:
    """Batch normalization with its running statistics: what a framework's layer does in its two
    modes.

    Parameters
    ----------
    d : int
        Features.
    momentum : float
        Weight of the *new* value in the running averages, as in torch; Keras counts the old one.

    Examples
    --------
    >>> layer = BatchNorm(1)
    >>> _ = layer([[0.0], [2.0]])
    >>> layer.mean.tolist(), layer.var.tolist()
    ([0.1], [1.1])
    """

    def __init__(self, d: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        if d < 1 or not 0 < momentum <= 1:
            raise ValueError(f"need d >= 1 and momentum in (0, 1], got {d} and {momentum}")
        self.gamma = np.ones(d)
        self.beta = np.zeros(d)
        self.mean = np.zeros(d)
        self.var = np.ones(d)
        self.momentum = momentum
        self.eps = eps
        self.training = True

    def __call__(self, x: ArrayLike) -> Array:
        """x (m, d): by the batch's statistics while training, by the running ones otherwise."""
        values = np.asarray(x, dtype=float)
        if values.ndim != 2 or values.shape[1] != len(self.gamma):
            raise ValueError(f"x must have the shape (m, {len(self.gamma)}), got {values.shape}")
        if not self.training:
            return self.gamma * (values - self.mean) / np.sqrt(self.var + self.eps) + self.beta
        y, _ = batch_norm(values, self.gamma, self.beta, self.eps)
        a = self.momentum
        self.mean = (1 - a) * self.mean + a * values.mean(0)
        # running: unbiased; normalizing: biased
        self.var = (1 - a) * self.var + a * values.var(0, ddof=1)
        return y

    def folded(self, W: ArrayLike, b: ArrayLike) -> tuple[Array, Array]:
        """Weights (n_in, d) and bias (d,) of one linear layer that equals X W + b followed by this
        layer in evaluation.
        """
        scale = self.gamma / np.sqrt(self.var + self.eps)
        weights = np.asarray(W, dtype=float)
        bias = np.asarray(b, dtype=float)
        if weights.ndim != 2 or weights.shape[1] != len(scale) or bias.shape != scale.shape:
            raise ValueError(
                f"need weights (n_in, {len(scale)}) and a bias ({len(scale)},), got {weights.shape}"
                f" and {bias.shape}"
            )
        return weights * scale, (bias - self.mean) * scale + self.beta
