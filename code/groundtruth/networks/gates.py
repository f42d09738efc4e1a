"""Soft logic, and soft, sparse and random choices among K: softmax's relatives and their gradients.

Read with book/networks/gates.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array
from groundtruth.functional import sigmoid, softmax


def _truth(*values: ArrayLike) -> list[Array]:
    out = [np.asarray(v, dtype=np.float64) for v in values]
    for v in out:
        if not np.all((v >= 0) & (v <= 1)):
            raise ValueError(
                f"a truth value lies from 0 to 1, got {v!r}; pass scores through a sigmoid first"
            )
    return out


def soft_not(a: ArrayLike) -> Array:
    """1 - a."""
    (x,) = _truth(a)
    return 1 - x


def soft_and(a: ArrayLike, b: ArrayLike, family: str = "product") -> Array:
    """And of truth values in [0, 1] by the product, the minimum, or Lukasiewicz' max(0, a + b - 1).

    Examples
    --------
    >>> [round(float(soft_and(0.9, 0.9, f)), 2) for f in ("product", "minimum", "lukasiewicz")]
    [0.81, 0.9, 0.8]
    """
    x, y = _truth(a, b)
    if family == "product":
        return x * y
    if family == "minimum":
        return np.minimum(x, y)
    if family == "lukasiewicz":
        return np.maximum(0, x + y - 1)
    raise ValueError(f"the family is 'product', 'minimum' or 'lukasiewicz', got {family!r}")


def soft_or(a: ArrayLike, b: ArrayLike, family: str = "product") -> Array:
    """Or by De Morgan's law: not (not a and not b); with the product that is a + b - ab."""
    return soft_not(soft_and(soft_not(a), soft_not(b), family))


def _scores(z: ArrayLike) -> Array:
    s = np.asarray(z, dtype=np.float64)
    if s.ndim < 1 or s.shape[-1] < 1 or not np.isfinite(s).all():
        raise ValueError(f"scores are finite numbers (..., K) with K >= 1, got {s!r}")
    return s


def sparsemax(z: ArrayLike) -> Array:
    """The point of the simplex nearest to z, (..., K) to (..., K): probabilities of which some are
    exactly 0 (Martins & Astudillo, 2016).

    Examples
    --------
    >>> sparsemax([1.0, 0.8, 0.1, -1.0]).round(6).tolist()
    [0.6, 0.4, 0.0, 0.0]
    """
    s = _scores(z)
    s = s - s.max(-1, keepdims=True)  # a constant added to all scores changes nothing
    K = s.shape[-1]
    down = -np.sort(-s, axis=-1)
    tau = ((np.cumsum(down, -1) - 1) / np.arange(1, K + 1)).max(-1, keepdims=True)
    return np.maximum(s - tau, 0)


def sparsemax_backward(dp: ArrayLike, p: ArrayLike) -> Array:
    """Gradient with respect to z, given dp (..., K) and p = sparsemax(z): the upstream gradient at
    the support, minus its mean there, and 0 elsewhere.
    """
    g = np.asarray(dp, dtype=np.float64)
    q = np.asarray(p, dtype=np.float64)
    if g.shape != q.shape:
        raise ValueError(f"the probabilities have the shape {q.shape}, their gradient {g.shape}")
    on = q > 0
    return on * (g - (g * on).sum(-1, keepdims=True) / on.sum(-1, keepdims=True))


def gumbel(shape: int | tuple[int, ...], rng: np.random.Generator) -> Array:
    """Standard Gumbel noise, -ln(-ln u) for uniform u."""
    return rng.gumbel(size=shape)


def gumbel_softmax(
    z: ArrayLike,
    T: float,
    rng: np.random.Generator | None = None,
    hard: bool = False,
    noise: ArrayLike | None = None,
) -> Array:
    """A relaxed draw softmax((z + noise) / T) of one of K, (..., K); `hard` gives the one-hot of
    its largest entry (Jang et al., 2017).

    Raises
    ------
    ValueError
        A temperature that is not above 0, scores that are not finite, or neither a generator nor
        noise.
    """
    s = _scores(z)
    if not T > 0:
        raise ValueError(f"the temperature must be > 0, got {T}; for 0 take hard=True")
    if noise is None:
        if rng is None:
            raise ValueError("give a random generator or the noise itself")
        noise = gumbel(s.shape, rng)
    y = softmax((s + np.asarray(noise)) / T)
    if not hard:
        return y
    return np.eye(s.shape[-1])[y.argmax(-1)]


def bernoulli_gradients(
    p: float,
    target: float,
    draws: int,
    rng: np.random.Generator,
    T: float = 0.5,
    baseline: float = 0.0,
) -> dict[str, Array]:
    """Single-draw estimates (draws,) of d/dtheta E (b - target)^2 with b ~ Bernoulli(p), p =
    sigmoid(theta).

    `score` is the score-function estimator (REINFORCE), `straight-through` takes the derivative of
    the loss at the drawn bit times p (1 - p), `relaxed` differentiates a binary Gumbel-softmax draw
    of temperature T.

    Raises
    ------
    ValueError
        p not strictly between 0 and 1, a temperature that is not above 0, or no draws.
    """
    if not 0 < p < 1 or not T > 0 or draws < 1:
        raise ValueError(
            f"need 0 < p < 1, T > 0 and at least one draw, got p={p}, T={T}, draws={draws}"
        )
    theta = np.log(p / (1 - p))
    noise = rng.logistic(size=draws)  # the difference of two Gumbel variables
    b = (theta + noise > 0).astype(float)
    y = sigmoid((theta + noise) / T)
    return {
        "score": ((b - target) ** 2 - baseline) * (b - p),
        "straight-through": 2 * (b - target) * p * (1 - p),
        "relaxed": 2 * (y - target) * y * (1 - y) / T,
    }
