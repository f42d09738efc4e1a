"""Group relative policy optimization: advantages within groups, the clipped loss, training.

Read with book/modern/language-models.md.

GRPO is Shao et al. (2024); Liu et al. (2025) divide neither by lengths nor by deviations.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array
from groundtruth.modern.policy_gradients import Answers, draws

DIVERGENCES = ("loss", "reward", "k3")


def group_advantages(rewards: ArrayLike, scale: bool = True) -> Array:
    """Rewards (groups, G) minus the mean of their group, over its standard deviation (GRPO).

    A group of equal rewards has advantages 0. Without `scale` the deviation is not divided by.

    Raises
    ------
    ValueError
        For groups of fewer than two rewards, or rewards that are not finite.

    Examples
    --------
    >>> group_advantages([[1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0]]).tolist()
    [[1.0, -1.0, -1.0, 1.0], [0.0, 0.0, 0.0, 0.0]]
    """
    r = np.asarray(rewards, dtype=float)
    if r.ndim != 2 or r.shape[1] < 2:
        raise ValueError(f"rewards are groups of at least 2, got the shape {r.shape}")
    if not np.isfinite(r).all():
        raise ValueError("rewards must be finite; leave out the answers that have none")
    centered = r - r.mean(1, keepdims=True)
    if not scale:
        return centered
    deviation = r.std(1, keepdims=True)
    return np.divide(centered, deviation, out=np.zeros_like(r), where=deviation > 1e-12)


def clipped_loss(ratio: ArrayLike, advantage: ArrayLike, low: float, high: float) -> Array:
    """-min(ratio A, clip(ratio, 1 - low, 1 + high) A), entry by entry (Schulman et al., 2017).

    Examples
    --------
    >>> clipped_loss([1.5, 0.5], [1.0, -1.0], 0.2, 0.2).tolist()
    [-1.2, 0.8]
    """
    if not 0 <= low < 1 or high < 0:
        raise ValueError(f"need 0 <= low < 1 and high >= 0, got {low} and {high}")
    r = np.asarray(ratio, dtype=float)
    A = np.asarray(advantage, dtype=float)
    return -np.minimum(r * A, np.clip(r, 1 - low, 1 + high) * A)


def train(
    task: Answers,
    start: ArrayLike,
    reward: ArrayLike,
    beta: float,
    by_deviation: bool = False,
    by_length: bool = False,
    divergence: str = "loss",
    sampled: tuple[int, int] | None = None,
    steps: int = 2000,
    rate: float = 10.0,
    rng: np.random.Generator | None = None,
) -> Array:
    """Probabilities (S,) of all answers after gradient ascent on E[r] - beta KL(policy || start).

    The learning rate falls linearly to 0. Without the two divisions this is the policy gradient;
    with both, and the divergence "k3", it is GRPO.

    Parameters
    ----------
    task : Answers
    start : array (nodes, base + 1), the logits of the reference policy, where training starts
    reward : array (S,)
    beta : float >= 0
    by_deviation : divide advantages by the standard deviation of their group
    by_length : divide them by the length of the answer; here times the mean length under the
        reference, so that steps are of equal size
    divergence : {"loss", "reward", "k3"}
        "loss": the gradient of beta KL is added, undivided; "reward": beta log(policy / start) is
        subtracted from the reward, so that the divisions apply to it as well; "k3": beta times the
        estimator k3 of each token is added and differentiated on fixed samples, as in GRPO, so that
        it is divided by the length, but not by the deviation
    sampled : (groups, answers of a group) of each step; None: exact expectations, one group of all
    steps, rate : number of steps, first learning rate
    rng : needed where answers are sampled

    Raises
    ------
    ValueError
        If beta is negative, there is no step, the divergence has another name, or rng is missing.

    Examples
    --------
    >>> task = Answers(2, 1)
    >>> p = train(task, [[0.0, 0.0, -np.inf]], [0.0, 1.0], 1.0, steps=200, rate=1.0)
    >>> p.round(3).tolist()  # 1 / (1 + e) and e / (1 + e)
    [0.269, 0.731]
    """
    if steps < 1:
        raise ValueError(f"need at least one step, got {steps}")
    if sampled is not None and rng is None:
        raise ValueError("sampled answers need a random generator")
    if beta < 0 or divergence not in DIVERGENCES:
        raise ValueError(f"need beta >= 0 and one of {DIVERGENCES}, got {beta} and {divergence!r}")
    logits = np.array(start, dtype=float)
    ref = task.token_log_probs(logits)  # (S, longest)
    scale = np.ones(len(ref))
    if by_length:
        scale = float(np.exp(ref.sum(1)) @ task.lengths) / task.lengths
    for step in range(steps):
        tokens = task.token_log_probs(logits)
        ids = None
        if sampled is not None and rng is not None:
            ids = draws(tokens.sum(1), sampled, rng)
        weights = _weights(tokens, ref, reward, beta, by_deviation, scale, divergence, ids)
        logits = logits + rate * (1 - step / steps) * task.gradient(logits, weights)
    return np.exp(task.log_probs(logits))


def _weights(
    tokens: Array,
    ref: Array,
    reward: ArrayLike,
    beta: float,
    by_deviation: bool,
    scale: Array,
    divergence: str,
    ids: NDArray[np.intp] | None,
) -> Array:
    """Weight (S, longest) of the gradient of each log-probability in `tokens` (S, longest)."""
    R = np.asarray(reward, dtype=float)
    log_p = tokens.sum(1)
    penalty = beta * (log_p - ref.sum(1))
    aside = penalty if divergence == "loss" else np.zeros(len(R))
    if divergence == "reward":
        R = R - penalty
    if ids is None:
        visits = np.exp(log_p)
        A = R - visits @ R
        if by_deviation:
            A = A / max(float(np.sqrt(visits @ A**2)), 1e-9)
        weights = visits * (A * scale - (aside - visits @ aside))
    else:
        visits = np.bincount(ids.ravel(), minlength=len(R)) / ids.size
        A = group_advantages(R[ids], scale=by_deviation) * scale[ids]
        A = A - group_advantages(aside[ids], scale=False)
        weights = np.bincount(ids.ravel(), A.ravel(), len(R)) / ids.size
    table = np.repeat(weights[:, None], tokens.shape[1], axis=1)
    if divergence == "k3":  # its derivative with respect to log(policy) is 1 - start / policy
        table += beta * (visits * scale)[:, None] * np.expm1(ref - tokens)
    return table
