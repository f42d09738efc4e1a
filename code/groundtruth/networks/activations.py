"""Activation functions and their slopes: arrays of any shape in, arrays of the same shape out.

Read with book/networks/neuron.md.

Every function f has a partner d_f, its derivative; at a kink the partner gives the slope from the
left, as torch does for the ReLU. `ACTIVATIONS` holds the pairs by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erfc

from groundtruth.arrays import Array
from groundtruth.functional import sigmoid, softplus

SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717
ROOT_2_PI = np.sqrt(2 / np.pi)


def _scores(z: ArrayLike) -> Array:
    score = np.asarray(z, dtype=float)
    if np.isnan(score).any():
        raise ValueError("z holds NaN; find where it comes from before bending it")
    return score


def _positive(name: str, value: float) -> float:
    if not 0 <= value < np.inf:
        raise ValueError(f"{name} must be a finite number >= 0, got {value}")
    return float(value)


def identity(z: ArrayLike) -> Array:
    """z itself: the output of a regression."""
    return _scores(z).copy()


def d_identity(z: ArrayLike) -> Array:
    """One everywhere."""
    return np.ones_like(_scores(z))


def step(z: ArrayLike) -> Array:
    """1 where z >= 0, else 0: the unit of Rosenblatt's perceptron (1958). Its slope is 0 wherever
    it exists.

    Examples
    --------
    >>> step([-0.1, 0.0, 2.0]).tolist()
    [0.0, 1.0, 1.0]
    """
    return (_scores(z) >= 0).astype(float)


def d_step(z: ArrayLike) -> Array:
    """Zero everywhere: nothing for gradient descent to follow."""
    return np.zeros_like(_scores(z))


def relu(z: ArrayLike) -> Array:
    """max(0, z), the ReLU (Nair and Hinton, 2010).

    Examples
    --------
    >>> relu([-2.0, 0.0, 2.0]).tolist()
    [0.0, 0.0, 2.0]
    """
    return np.maximum(_scores(z), 0.0)


def d_relu(z: ArrayLike) -> Array:
    """1 where z > 0, else 0."""
    return (_scores(z) > 0).astype(float)


def leaky_relu(z: ArrayLike, slope: float = 0.01) -> Array:
    """z where positive, slope z elsewhere (Maas, Hannun and Ng, 2013); with a learned slope it is
    called PReLU.

    Examples
    --------
    >>> leaky_relu([-2.0, 2.0]).tolist()
    [-0.02, 2.0]
    """
    score = _scores(z)
    return np.where(score > 0, score, _positive("slope", slope) * score)


def d_leaky_relu(z: ArrayLike, slope: float = 0.01) -> Array:
    """1 where z > 0, else the slope."""
    return np.where(_scores(z) > 0, 1.0, _positive("slope", slope))


def elu(z: ArrayLike, alpha: float = 1.0) -> Array:
    """z where positive, alpha (e^z - 1) elsewhere (Clevert, Unterthiner and Hochreiter, 2016).

    Examples
    --------
    >>> elu([-1000.0, 3.0]).tolist()
    [-1.0, 3.0]
    """
    score = _scores(z)
    return np.where(score > 0, score, _positive("alpha", alpha) * np.expm1(np.minimum(score, 0.0)))


def d_elu(z: ArrayLike, alpha: float = 1.0) -> Array:
    """1 where z > 0, else alpha e^z."""
    score = _scores(z)
    return np.where(score > 0, 1.0, _positive("alpha", alpha) * np.exp(np.minimum(score, 0.0)))


def selu(z: ArrayLike) -> Array:
    """A scaled ELU whose constants keep mean 0 and variance 1 from layer to layer (Klambauer et
    al., 2017).

    Examples
    --------
    >>> selu([1.0]).round(4).tolist()
    [1.0507]
    """
    return SELU_SCALE * elu(z, SELU_ALPHA)


def d_selu(z: ArrayLike) -> Array:
    """The slope of the ELU times the scale."""
    return SELU_SCALE * d_elu(z, SELU_ALPHA)


def repu(z: ArrayLike, power: int = 2) -> Array:
    """max(0, z)^power: an amplifier, whose slope grows with z.

    Examples
    --------
    >>> repu([-1.0, 3.0]).tolist()
    [0.0, 9.0]
    """
    if power != int(power) or power < 1:
        raise ValueError(f"power must be a whole number >= 1, got {power}")
    return relu(z) ** int(power)


def d_repu(z: ArrayLike, power: int = 2) -> Array:
    """power max(0, z)^(power - 1), and 0 where z <= 0."""
    if power != int(power) or power < 1:
        raise ValueError(f"power must be a whole number >= 1, got {power}")
    return power * d_relu(z) * relu(z) ** (int(power) - 1)


def d_softplus(z: ArrayLike) -> Array:
    """The sigmoid: the softplus is the area under it."""
    return sigmoid(z)


def d_sigmoid(z: ArrayLike) -> Array:
    """s (1 - s), at most 1/4; written as s(z) s(-z), which loses no digits where s is nearly 1."""
    score = _scores(z)
    return sigmoid(score) * sigmoid(-score)


def tanh(z: ArrayLike) -> Array:
    """The hyperbolic tangent, 2 sigmoid(2z) - 1: a sigmoid centered on zero.

    Examples
    --------
    >>> tanh([0.0, 0.5]).round(3).tolist()
    [0.0, 0.462]
    """
    return np.tanh(_scores(z))


def d_tanh(z: ArrayLike) -> Array:
    """1 - tanh^2, at most 1."""
    t = np.tanh(_scores(z))
    return 1 - t * t


def gelu(z: ArrayLike, approximate: str = "none") -> Array:
    """z Phi(z), the score times the share of a standard normal below it (Hendrycks and Gimpel,
    2016).

    approximate="tanh" is the formula of GPT-2, z/2 (1 + tanh(sqrt(2/pi) (z + 0.044715 z^3))).

    Examples
    --------
    >>> gelu([0.0, 1.0]).round(4).tolist()
    [0.0, 0.8413]
    """
    score = _scores(z)
    if approximate == "none":
        return score * _phi_below(score)
    if approximate == "tanh":
        return 0.5 * score * (1 + np.tanh(ROOT_2_PI * (score + 0.044715 * score**3)))
    raise ValueError(f"approximate must be 'none' or 'tanh', got {approximate!r}")


def d_gelu(z: ArrayLike, approximate: str = "none") -> Array:
    """Phi(z) + z phi(z): between -0.13 and 1.13."""
    score = _scores(z)
    if approximate == "none":
        return _phi_below(score) + score * np.exp(-(score**2) / 2) / np.sqrt(2 * np.pi)
    if approximate == "tanh":
        inside = ROOT_2_PI * (score + 0.044715 * score**3)
        return 0.5 * (1 + np.tanh(inside)) + 0.5 * score * d_tanh(inside) * ROOT_2_PI * (
            1 + 3 * 0.044715 * score**2
        )
    raise ValueError(f"approximate must be 'none' or 'tanh', got {approximate!r}")


def _phi_below(z: Array) -> Array:
    # erfc keeps the digits of the far left tail, 1 + erf loses them
    return 0.5 * erfc(-z / np.sqrt(2))


def silu(z: ArrayLike) -> Array:
    """z sigmoid(z), also called Swish (Ramachandran, Zoph and Le, 2017).

    Examples
    --------
    >>> silu([0.0, 1.0]).round(4).tolist()
    [0.0, 0.7311]
    """
    score = _scores(z)
    return score * sigmoid(score)


def d_silu(z: ArrayLike) -> Array:
    """s + z s (1 - s) with s = sigmoid(z)."""
    score = _scores(z)
    return sigmoid(score) + score * d_sigmoid(score)


def hard_swish(z: ArrayLike) -> Array:
    """z clip(z + 3, 0, 6) / 6: the SiLU from straight pieces, for chips without exponentials
    (Howard et al., 2019).

    Examples
    --------
    >>> hard_swish([0.0, 1.5, 3.0]).tolist()
    [0.0, 1.125, 3.0]
    """
    score = _scores(z)
    return score * np.clip(score + 3, 0, 6) / 6


def d_hard_swish(z: ArrayLike) -> Array:
    """0 up to -3, (2z + 3) / 6 in between, 1 from 3 on."""
    score = _scores(z)
    return np.where(score <= -3, 0.0, np.where(score >= 3, 1.0, (2 * score + 3) / 6))


def maxout(Z: ArrayLike) -> Array:
    """The largest of k scores per unit (Goodfellow et al., 2013): Z (..., k) to (...).

    Examples
    --------
    >>> maxout([[1.0, -1.0], [-2.0, 2.0]]).tolist()
    [1.0, 2.0]
    """
    score = _scores(Z)
    if score.ndim < 1 or score.shape[-1] == 0:
        raise ValueError(
            f"maxout needs at least one score per unit along the last axis, got shape {score.shape}"
        )
    return score.max(axis=-1)


class Activation(NamedTuple):
    """A function and its slope."""

    f: Callable[..., Array]
    slope: Callable[..., Array]


ACTIVATIONS = {
    "identity": Activation(identity, d_identity),
    "step": Activation(step, d_step),
    "relu": Activation(relu, d_relu),
    "leaky_relu": Activation(leaky_relu, d_leaky_relu),
    "elu": Activation(elu, d_elu),
    "selu": Activation(selu, d_selu),
    "softplus": Activation(softplus, d_softplus),
    "sigmoid": Activation(sigmoid, d_sigmoid),
    "tanh": Activation(tanh, d_tanh),
    "repu": Activation(repu, d_repu),
    "gelu": Activation(gelu, d_gelu),
    "silu": Activation(silu, d_silu),
    "hard_swish": Activation(hard_swish, d_hard_swish),
}


def named(name: str) -> Activation:
    """The pair of that name. Raises ValueError with the names there are."""
    if name not in ACTIVATIONS:
        raise ValueError(f"no activation is called {name!r}; there are {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]
