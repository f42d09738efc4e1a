"""Quantization of one layer with its inputs in mind: smoothing, AWQ, rotation, GPTQ.

Read with book/modern/compression.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array
from groundtruth.modern.quantization import levels, rounded_groups


def _layer(W: ArrayLike, X: ArrayLike) -> tuple[Array, Array]:
    weights = np.asarray(W, dtype=np.float64)
    inputs = np.asarray(X, dtype=np.float64)
    if weights.ndim != 2 or inputs.ndim != 2 or weights.shape[1] != inputs.shape[1]:
        raise ValueError(f"need W (k, d) and X (n, d), got {weights.shape} and {inputs.shape}")
    if not (np.isfinite(weights).all() and np.isfinite(inputs).all()):
        raise ValueError("weights and inputs must be finite")
    return weights, inputs


def output_error(W: ArrayLike, approximation: ArrayLike, X: ArrayLike) -> float:
    """Squared error of the outputs X W^T over their squared size.

    Examples
    --------
    >>> output_error([[1.0, 1.0]], [[1.0, 0.0]], [[1.0, 1.0]])
    0.25
    """
    weights, inputs = _layer(W, X)
    difference, _ = _layer(np.asarray(approximation) - weights, inputs)
    return float(np.square(inputs @ difference.T).sum() / np.square(inputs @ weights.T).sum())


def second_moment(X: ArrayLike, damping: float = 0.01) -> Array:
    """H = X^T X / n plus a fraction of its mean diagonal, (d, d): half the Hessian of the error."""
    inputs = np.asarray(X, dtype=np.float64)
    if not damping > 0:
        raise ValueError(f"the damping must be > 0, or H may be singular; got {damping}")
    H = inputs.T @ inputs / len(inputs)
    return H + damping * np.mean(np.diag(H)) * np.eye(len(H))


def gptq(W: ArrayLike, H: ArrayLike, bits: int, size: int | None = None) -> Array:
    """Round W (k, d) column by column; later columns absorb the error of earlier ones.

    Parameters
    ----------
    H : (d, d), positive definite, of `second_moment`
    size : int, optional
        Columns that share a scale, chosen when their first column is reached; default all of them.

    Returns
    -------
    array (k, d) : the dequantized weights

    Raises
    ------
    ValueError
        If H is not (d, d), or the size does not divide d.

    References
    ----------
    Frantar et al. (2023), algorithm 1, without the lazy batches.
    """
    weights = np.array(W, dtype=np.float64)
    d = weights.shape[1]
    size = d if size is None else size
    if np.shape(H) != (d, d) or size < 1 or d % size:
        raise ValueError(f"need H ({d}, {d}) and a size that divides {d}, got {size}")
    top = levels(bits)[1]
    U = np.linalg.cholesky(np.linalg.inv(np.asarray(H))).T  # (d, d), upper, H^-1 = U^T U
    result = np.empty_like(weights)
    for j in range(d):
        if j % size == 0:
            scale = np.abs(weights[:, j : j + size]).max(1) / top
            scale = np.where(scale > 0, scale, 1.0)
        w = weights[:, j]  # (k,)
        result[:, j] = scale * np.clip(np.round(w / scale), -top, top)
        error = (w - result[:, j]) / U[j, j]
        weights[:, j + 1 :] -= np.outer(error, U[j, j + 1 :])
    return result


def smoothing_scales(W: ArrayLike, X: ArrayLike, strength: float = 0.5) -> Array:
    """Factors (d,) by which inputs are divided and weights multiplied (Xiao et al., 2023).

    max |x_j|^a / max |w_j|^(1 - a): the ranges of activations and weights meet halfway at 1/2.
    """
    weights, inputs = _layer(W, X)
    if not 0 <= strength <= 1:
        raise ValueError(f"the strength lies from 0 to 1, got {strength}")
    activation = np.maximum(np.abs(inputs).max(0), 1e-8)
    weight = np.maximum(np.abs(weights).max(0), 1e-8)
    return activation**strength / weight ** (1 - strength)


def awq(W: ArrayLike, X: ArrayLike, bits: int, size: int) -> tuple[Array, float]:
    """Activation-aware rounding: columns with large inputs are magnified before rounding.

    Each column is multiplied by s_j = (mean |x_j|)^a and divided by it afterwards; the exponent a
    is the one of 20 with the smallest error on X (Lin et al., 2024).

    Returns
    -------
    array (k, d), float : dequantized weights and the exponent
    """
    weights, inputs = _layer(W, X)
    typical = np.maximum(np.abs(inputs).mean(0), 1e-8)
    best = None
    for a in np.arange(20) / 20:
        s = typical**a
        s = s / np.sqrt(s.max() * s.min())
        candidate = rounded_groups(weights * s, bits, size) / s
        error = output_error(weights, candidate, inputs)
        if best is None or error < best[0]:
            best = (error, candidate, float(a))
    assert best is not None  # the loop ran
    return best[1], best[2]


def hadamard(n: int) -> Array:
    """The orthogonal Hadamard matrix (n, n), n a power of two, entries of size 1 / sqrt(n).

    Examples
    --------
    >>> (hadamard(2) * 2**0.5).round(6).tolist()
    [[1.0, 1.0], [1.0, -1.0]]
    """
    if n < 1 or n & (n - 1):
        raise ValueError(f"the order must be a power of two, got {n}")
    Q = np.ones((1, 1))
    while len(Q) < n:
        Q = np.block([[Q, Q], [Q, -Q]])
    return Q / np.sqrt(n)


def rotation(n: int, rng: np.random.Generator) -> Array:
    """A Hadamard matrix with random signs of its rows: orthogonal (n, n), fast to apply."""
    return rng.choice([-1.0, 1.0], size=(n, 1)) * hadamard(n)


def by_activation(H: ArrayLike) -> NDArray[np.int64]:
    """The order of columns in which those with the largest inputs are rounded first."""
    return np.argsort(-np.diag(np.asarray(H)), kind="stable")
