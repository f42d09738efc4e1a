"""Learning from preferences over few responses, where the best policy is known exactly.

Read with book/modern/language-models.md.

Responses 0 to m - 1 of one prompt. Reward model by Bradley and Terry (1952), the optimum of
KL-regularized reward, and losses on pairs: DPO (Rafailov et al., 2023), IPO (Azar et al., 2024),
SimPO (Meng et al., 2024), KTO (Ethayarajh et al., 2024).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from groundtruth.arrays import Array


def _policies(ref: ArrayLike, reward: ArrayLike, beta: float) -> tuple[Array, Array]:
    pi = np.asarray(ref, dtype=float)
    r = np.asarray(reward, dtype=float)
    if pi.ndim != 1 or pi.shape != r.shape or not (pi > 0).all() or abs(pi.sum() - 1) > 1e-6:
        raise ValueError("the reference has a probability above 0 for each reward, with sum 1")
    if not beta > 0:
        raise ValueError(f"beta must be above 0, got {beta}")
    return pi, r


def optimum(ref: ArrayLike, reward: ArrayLike, beta: float) -> Array:
    """The policy (m,) with the largest E[r] - beta KL(policy || ref): ref exp(r / beta) / Z.

    Examples
    --------
    >>> optimum([0.5, 0.5], [0.0, np.log(3.0)], 1.0).round(3).tolist()
    [0.25, 0.75]
    """
    pi, r = _policies(ref, reward, beta)
    z = np.log(pi) + r / beta
    e = np.exp(z - z.max())
    return e / e.sum()


def kl(p: ArrayLike, q: ArrayLike) -> float:
    """Divergence KL(p || q) in nats; p may hold zeros, q must not.

    Raises
    ------
    ValueError
        For shapes that differ, and for a probability that is negative, infinite or NaN.

    Examples
    --------
    >>> round(kl([1.0, 0.0], [0.5, 0.5]), 3)
    0.693
    """
    a = np.asarray(p, dtype=float)
    b = np.asarray(q, dtype=float)
    if a.shape != b.shape or not (b > 0).all():
        raise ValueError("need two distributions of one shape, the second without zeros")
    if not (a >= 0).all() or not np.isfinite(a).all() or not np.isfinite(b).all():
        raise ValueError("probabilities must be finite numbers of at least 0")
    present = a > 0
    return float((a[present] * np.log(a[present] / b[present])).sum())


def objective(policy: ArrayLike, ref: ArrayLike, reward: ArrayLike, beta: float) -> float:
    """E[r] - beta KL(policy || ref), which `optimum` maximizes.

    Examples
    --------
    >>> objective([0.5, 0.5], [0.5, 0.5], [0.0, 2.0], 1.0)
    1.0
    """
    pi, r = _policies(ref, reward, beta)
    p = np.asarray(policy, dtype=float)
    return float(p @ r) - beta * kl(p, pi)


def compare(
    reward: ArrayLike, policy: ArrayLike, n: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """n pairs of different responses, winner and loser (n,), judged as Bradley and Terry assume.

    Both are drawn from the policy; P(a beats b) = sigmoid(r_a - r_b).

    Raises
    ------
    ValueError
        For shapes that differ, fewer than one pair, fewer than two possible responses, or rewards
        that are not finite.

    Examples
    --------
    >>> won, lost = compare([0.0, 50.0], [0.5, 0.5], 3, np.random.default_rng(0))
    >>> won.tolist(), lost.tolist()
    ([1, 1, 1], [0, 0, 0])
    """
    r = np.asarray(reward, dtype=float)
    p = np.asarray(policy, dtype=float)
    if n < 1 or p.shape != r.shape or (p > 0).sum() < 2:
        raise ValueError("need at least one pair, and two responses with a probability above 0")
    if not np.isfinite(r).all():
        raise ValueError("rewards must be finite: two of them are compared by their difference")
    a = rng.choice(len(p), n, p=p)
    others = np.array([np.where(np.arange(len(p)) == i, 0, p) for i in range(len(p))])
    cdf = np.cumsum(others / np.maximum(others.sum(1, keepdims=True), 1e-300), axis=1)
    b = (rng.random((n, 1)) >= cdf[a]).sum(1).clip(max=len(p) - 1)
    first = rng.random(n) < expit(r[a] - r[b])
    return np.where(first, a, b), np.where(first, b, a)


def reward_model(won: ArrayLike, lost: ArrayLike, m: int, ridge: float = 1e-3) -> Array:
    """Rewards (m,), of mean 0, that maximize the likelihood of the pairs, with a small L2 penalty.

    Examples
    --------
    >>> r = reward_model([1, 1, 1, 0], [0, 0, 0, 1], 2, ridge=0)
    >>> round(float(r[1] - r[0]), 3)  # won 3 of 4: ln 3
    1.099
    """
    w = np.asarray(won, dtype=int)
    lo = np.asarray(lost, dtype=int)
    if w.ndim != 1 or w.shape != lo.shape or not w.size:
        raise ValueError(f"need as many winners as losers, got {w.shape} and {lo.shape}")
    if min(w.min(), lo.min()) < 0 or max(w.max(), lo.max()) >= m:
        raise ValueError(f"responses are numbered from 0 to {m - 1}")

    def loss(r: Array) -> tuple[float, Array]:
        margin = r[w] - r[lo]
        slope = expit(-margin)
        grad = np.bincount(lo, slope, m) - np.bincount(w, slope, m)
        return -log_expit(margin).sum() + ridge * (r @ r) / 2, grad + ridge * r

    best = minimize(loss, np.zeros(m), jac=True, options={"gtol": 1e-8}).x
    return best - best.mean()


def margins(policy: ArrayLike, ref: ArrayLike, won: ArrayLike, lost: ArrayLike) -> Array:
    """log(policy / ref) of each winner minus that of its loser (n,): the margin of DPO and IPO.

    Examples
    --------
    >>> margins([0.75, 0.25], [0.5, 0.5], [0], [1]).round(3).tolist()  # ln 3
    [1.099]
    """
    ratio = np.log(np.asarray(policy, dtype=float)) - np.log(np.asarray(ref, dtype=float))
    return ratio[np.asarray(won)] - ratio[np.asarray(lost)]


def pair_loss(margin: ArrayLike, beta: float, kind: str = "dpo", gamma: float = 0.0) -> float:
    """Mean loss over pairs, as a function of their margins.

    Parameters
    ----------
    margin : array (n,)
        For "dpo" and "ipo" that of `margins`; for "simpo" the difference of the mean
        log-probabilities per token, without a reference.
    beta : float > 0
    kind : {"dpo", "ipo", "simpo"}
    gamma : float, the target margin of "simpo"

    Examples
    --------
    >>> round(pair_loss([0.0], 1.0), 3), pair_loss([0.5], 1.0, "ipo")
    (0.693, 0.0)
    """
    x = np.asarray(margin, dtype=float)
    if not beta > 0 or not x.size:
        raise ValueError(f"need at least one margin and beta above 0, got {beta}")
    if kind == "dpo":
        return float(-log_expit(beta * x).mean())
    if kind == "ipo":
        return float(((x - 1 / (2 * beta)) ** 2).mean())
    if kind == "simpo":
        return float(-log_expit(beta * x - gamma).mean())
    raise ValueError(f"kind must be 'dpo', 'ipo' or 'simpo', got {kind!r}")


def kto_loss(ratio: ArrayLike, good: ArrayLike, reference: float, beta: float) -> float:
    """Mean loss over single responses with marks good or bad; `reference` estimates the KL.

    Examples
    --------
    >>> kto_loss([0.0, 0.0], [True, False], 0.0, 1.0)
    0.5
    """
    x = np.asarray(ratio, dtype=float)
    mark = np.asarray(good, dtype=bool)
    if x.shape != mark.shape or not x.size or not beta > 0 or reference < 0:
        raise ValueError("need one mark per ratio, beta above 0 and a reference of at least 0")
    sign = np.where(mark, 1.0, -1.0)
    return float(1 - expit(sign * beta * (x - reference)).mean())


def fit_dpo(
    ref: ArrayLike, won: ArrayLike, lost: ArrayLike, beta: float, weights: ArrayLike | None = None
) -> Array:
    """The policy (m,) that minimizes the DPO loss on weighted pairs, over all tables of logits.

    Examples
    --------
    >>> fit_dpo([0.5, 0.5], [1, 1, 1, 0], [0, 0, 0, 1], 1.0).round(3).tolist()
    [0.25, 0.75]
    """
    pi = np.asarray(ref, dtype=float)
    w = np.asarray(won, dtype=int)
    lo = np.asarray(lost, dtype=int)
    if not beta > 0 or w.shape != lo.shape or not w.size:
        raise ValueError(f"need pairs and beta above 0, got {w.shape}, {lo.shape} and {beta}")
    share = np.ones(len(w)) if weights is None else np.asarray(weights, dtype=float)
    share = share / share.sum()

    def loss(theta: Array) -> tuple[float, Array]:  # theta = log(policy / ref) + const
        margin = beta * (theta[w] - theta[lo])
        slope = share * beta * expit(-margin)
        grad = np.bincount(lo, slope, len(pi)) - np.bincount(w, slope, len(pi))
        return -float(share @ log_expit(margin)), grad

    theta = minimize(loss, np.zeros(len(pi)), jac=True, options={"gtol": 1e-10}).x
    e = pi * np.exp(theta - theta.max())
    return e / e.sum()
