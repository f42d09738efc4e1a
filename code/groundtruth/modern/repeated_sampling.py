"""Several answers to one task: pass@k, pass^k, best of n, and voting.

Read with book/modern/language-models.md.
"""

from __future__ import annotations

from math import comb, log

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array


def _counts(n: int, c: int, k: int) -> None:
    if not 0 <= c <= n or not 1 <= k <= n:
        raise ValueError(f"need 0 <= c <= n and 1 <= k <= n, got n = {n}, c = {c}, k = {k}")


def pass_at_k(n: int, c: int, k: int) -> float:
    """Unbiased estimate, from c correct of n answers, that one of k is correct (Chen et al., 2021).

    Examples
    --------
    >>> pass_at_k(4, 1, 2)  # of the 6 pairs of 4 answers 3 hold the correct one
    0.5
    """
    _counts(n, c, k)
    return 1 - comb(n - c, k) / comb(n, k)


def pass_hat_k(n: int, c: int, k: int) -> float:
    """Unbiased estimate, from c correct of n answers, that all of k are correct (Yao et al., 2024).

    Examples
    --------
    >>> pass_hat_k(4, 2, 2)  # of the 6 pairs of 4 answers one holds both
    0.16666666666666666
    """
    _counts(n, c, k)
    return comb(c, k) / comb(n, k)


def best_of_n(p: ArrayLike, scores: ArrayLike, n: int) -> Array:
    """Distribution (m,) of the answer with the highest score among n draws from p (m,).

    Answers of equal score share their mass as in p.

    Raises
    ------
    ValueError
        If shapes differ, p is not a distribution, or n is below 1.

    Examples
    --------
    >>> best_of_n([0.5, 0.5], [0.0, 1.0], 2).tolist()
    [0.25, 0.75]
    """
    weights = np.asarray(p, dtype=float)
    values = np.asarray(scores, dtype=float)
    if weights.ndim != 1 or weights.shape != values.shape or n < 1:
        raise ValueError(f"need one score per answer and n >= 1, got {values.shape} and {n}")
    if not (weights >= 0).all() or abs(weights.sum() - 1) > 1e-6:
        raise ValueError(f"p is not a distribution; it adds up to {weights.sum():g}")
    levels, group = np.unique(values, return_inverse=True)
    mass = np.bincount(group, weights, len(levels))  # of each score, ascending
    upto = np.cumsum(mass)
    best = upto**n - (upto - mass) ** n  # the largest of n scores is this one
    return weights * np.divide(best, mass, out=np.zeros_like(mass), where=mass > 0)[group]


def best_of_n_kl(n: int) -> float:
    """Upper bound ln n - (n - 1) / n of the divergence of best-of-n from its reference, in nats.

    It is exact for a continuous score (Beirami et al., 2024).

    Examples
    --------
    >>> best_of_n_kl(1)
    0.0
    """
    if n < 1:
        raise ValueError(f"need at least one answer, got {n}")
    return log(n) - (n - 1) / n


def vote(p: ArrayLike, correct: int, n: int, rng: np.random.Generator, trials: int = 4000) -> float:
    """Probability that the most frequent of n answers is the correct one, by simulation.

    Ties are decided at random.

    Parameters
    ----------
    p : array (m,), distribution of one answer
    correct : int, index of the correct answer

    Examples
    --------
    >>> vote([1.0, 0.0], 0, 3, np.random.default_rng(0), 10)
    1.0
    """
    weights = np.asarray(p, dtype=float)
    if not 0 <= correct < len(weights) or n < 1 or trials < 1:
        raise ValueError(
            f"need an answer among {len(weights)}, n and trials >= 1, got {correct}, {n}"
        )
    counts = rng.multinomial(n, weights, trials) + rng.random((trials, len(weights))) * 0.5
    return float(np.mean(counts.argmax(axis=1) == correct))
