"""Starting scales: how large random weights must be for signals to keep their size from layer to
layer.

Read with book/networks/initialization-and-normalization.md.

Weights W (n_in, n_out) act on rows; kernels have the shape (n_out, n_in, k, ...), as in torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array

NODES, MASS = np.polynomial.hermite_e.hermegauss(201)  # for means over a standard normal
MASS = MASS / MASS.sum()
# where a function has corners, a fine grid is better than few nodes
PANEL = np.linspace(-12, 12, 24_001)
PANEL_MASS = np.exp(-(PANEL**2) / 2) / np.exp(-(PANEL**2) / 2).sum()


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """(fan_in, fan_out) of a matrix (n_in, n_out) or of a kernel (n_out, n_in, k, ...): inputs and
    outputs per unit.

    Examples
    --------
    >>> fans((64, 10)), fans((32, 16, 3, 3))
    ((64, 10), (144, 288))
    """
    if len(shape) < 2 or min(shape) < 1:
        raise ValueError(f"weights have at least two axes, all >= 1, got the shape {tuple(shape)}")
    if len(shape) == 2:
        return shape[0], shape[1]
    field = int(np.prod(shape[2:]))
    return shape[1] * field, shape[0] * field


def lecun(shape: Sequence[int], rng: np.random.Generator) -> Array:
    """Normal weights of variance 1 / fan_in: a linear layer keeps its second moment (LeCun et al.,
    1998).
    """
    return rng.normal(0, np.sqrt(1 / fans(shape)[0]), shape)


def xavier(shape: Sequence[int], rng: np.random.Generator, gain: float = 1.0) -> Array:
    """Uniform weights of variance gain^2 2 / (fan_in + fan_out): a compromise of forward and
    backward (Glorot and Bengio, 2010).

    Examples
    --------
    >>> W = xavier((3, 3), np.random.default_rng(0))
    >>> bool(np.abs(W).max() <= 1.0)
    True
    """
    if not 0 < gain < np.inf:
        raise ValueError(f"gain must be positive, got {gain}")
    # a uniform number on [-a, a] has variance a^2 / 3
    bound = gain * np.sqrt(3 * 2 / sum(fans(shape)))
    return rng.uniform(-bound, bound, shape)


def he(shape: Sequence[int], rng: np.random.Generator, slope: float = 0.0) -> Array:
    """Normal weights of variance 2 / ((1 + slope^2) fan_in), for ReLUs with that slope on the
    left (He et al., 2015).
    """
    if not 0 <= slope < np.inf:
        raise ValueError(f"slope must be >= 0, got {slope}")
    return rng.normal(0, np.sqrt(2 / (1 + slope**2) / fans(shape)[0]), shape)


def orthogonal(shape: Sequence[int], rng: np.random.Generator, gain: float = 1.0) -> Array:
    """A matrix with orthonormal columns, or rows if it is wide, times the gain (Saxe, McClelland
    and Ganguli, 2014).

    Examples
    --------
    >>> Q = orthogonal((4, 2), np.random.default_rng(0))
    >>> bool(np.abs(Q.T @ Q - np.eye(2)).max() < 1e-12)
    True
    """
    if len(shape) != 2 or min(shape) < 1:
        raise ValueError(f"an orthogonal start needs a matrix, got the shape {tuple(shape)}")
    tall = max(shape), min(shape)
    Q, R = np.linalg.qr(rng.normal(size=tall))
    Q = Q * np.sign(np.diag(R))  # without this the draw is not uniform
    return gain * (Q if shape[0] >= shape[1] else Q.T)


def second_moment(f: Callable[[Array], Array], q: float = 1.0) -> float:
    """E[f(z)^2] for z normal with mean 0 and variance q.

    Examples
    --------
    >>> (
    ...     round(second_moment(lambda z: z, 3.0), 6),
    ...     round(second_moment(lambda z: np.maximum(z, 0)), 6),
    ... )
    (3.0, 0.5)
    """
    if not 0 <= q < np.inf:
        raise ValueError(f"a variance is a finite number >= 0, got {q}")
    return float(PANEL_MASS @ f(np.sqrt(q) * PANEL) ** 2)


def gain(f: Callable[[Array], Array]) -> float:
    """1 / E[f(z)^2]: weights of variance gain / fan_in keep the second moment 1 of the scores.

    Examples
    --------
    >>> round(gain(lambda z: np.maximum(z, 0)), 6)
    2.0
    """
    moment = second_moment(f)
    if not moment > 0:
        raise ValueError("the activation is zero on all scores; no weights can make up for that")
    return 1 / moment


def predicted(f: Callable[[Array], Array], variance: float, depth: int, q: float = 1.0) -> Array:
    """Second moments (depth + 1,) of the scores: q <- variance E[f(z)^2], where variance is n_in
    Var(w).

    Examples
    --------
    >>> predicted(lambda z: np.maximum(z, 0), 1.0, 3).round(6).tolist()
    [1.0, 0.5, 0.25, 0.125]
    """
    if depth < 0 or not 0 <= variance < np.inf:
        raise ValueError(f"need depth >= 0 and a finite variance >= 0, got {depth} and {variance}")
    moments = [float(q)]
    for _ in range(depth):
        moments.append(variance * second_moment(f, moments[-1]))
    return np.array(moments)


def measured(
    f: Callable[[Array], Array],
    scale: Callable[[int], float],
    depth: int,
    width: int = 256,
    n: int = 64,
    seed: int = 0,
) -> Array:
    """Mean squares (depth + 1,) of scores in a real stack: inputs standard normal, weights normal
    with variance scale(width).
    """
    if depth < 0 or width < 1 or n < 1:
        raise ValueError(f"need depth >= 0, width and n >= 1, got {depth}, {width} and {n}")
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, width))
    moments = [float((z**2).mean())]
    for _ in range(depth):
        z = f(z) @ rng.normal(0, np.sqrt(scale(width)), (width, width))  # (n, width)
        moments.append(float((z**2).mean()))
    return np.array(moments)


def correlation(
    f: Callable[[Array], Array], variance: float, bias: float, c: ArrayLike, q: float = 1.0
) -> Array:
    """One step of the correlation c (k,) of two inputs through a wide layer, with weight variance /
    n_in and bias variance `bias`.

    The scores of the two inputs are jointly normal with variance q and correlation c (Poole et al.,
    2016).
    """
    rho = np.asarray(c, dtype=float)
    if rho.ndim != 1 or not (np.abs(rho) <= 1).all():
        raise ValueError(f"correlations (k,) lie between -1 and 1, got {rho.ravel()[:5]}")
    u = NODES[:, None]
    out = variance * second_moment(f, q) + bias
    both = [
        MASS @ (f(np.sqrt(q) * u) * f(np.sqrt(q) * (r * u + np.sqrt(1 - r * r) * NODES))) @ MASS
        for r in rho
    ]
    return (variance * np.array(both) + bias) / out
