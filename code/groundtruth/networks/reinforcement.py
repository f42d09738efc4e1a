"""Policy gradients and Q-learning, on arms without states and on a small grid.

Read with book/networks/learning-rules.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array
from groundtruth.functional import softmax

MOVES = np.array([[-1, 0], [0, 1], [1, 0], [0, -1]])


def bandit_gradient(theta: ArrayLike, chances: ArrayLike) -> Array:
    """Exact gradient (K,) of the expected reward of a softmax policy over arms that pay 1 with the
    given chances.
    """
    p = softmax(theta)
    r = np.asarray(chances, dtype=np.float64)
    if p.shape != r.shape or r.ndim != 1 or not np.all((r >= 0) & (r <= 1)):
        raise ValueError(
            f"need one score and one chance from 0 to 1 for each arm, got {p.shape} and {r!r}"
        )
    return p * (r - p @ r)


def reinforce_bandit(
    chances: ArrayLike, steps: int, lr: float, rng: np.random.Generator, baseline: bool = False
) -> Array:
    """Policy (K,) after `steps` pulls, theta += lr (reward - b) (one-hot - p), with b a running
    mean of rewards, or 0 (Williams, 1992).
    """
    r = np.asarray(chances, dtype=np.float64)
    bandit_gradient(np.zeros_like(r), r)
    if steps < 1 or not lr > 0:
        raise ValueError(f"need steps >= 1 and lr > 0, got {steps} and {lr}")
    theta = np.zeros_like(r)
    b = 0.0
    for _ in range(steps):
        p = softmax(theta)
        arm = rng.choice(len(r), p=p)
        reward = float(rng.random() < r[arm])
        theta += lr * (reward - b) * (np.eye(len(r))[arm] - p)
        b += 0.05 * (reward - b) if baseline else 0.0
    return softmax(theta)


class Grid:
    """A square of n by n cells; from the top left to the bottom right, -1 a step, walls hold one
    back.
    """

    def __init__(self, n: int = 5) -> None:
        if n < 2:
            raise ValueError(f"the grid needs at least two cells a side, got {n}")
        self.n = n

    def step(self, state: int, action: int) -> tuple[int, float, bool]:
        """Next state, reward, and whether it is the goal."""
        where = np.clip(np.array(divmod(state, self.n)) + MOVES[action], 0, self.n - 1)
        new = int(where[0] * self.n + where[1])
        return new, -1.0, new == self.n**2 - 1


def returns(rewards: ArrayLike, gamma: float = 1.0) -> Array:
    """Discounted sums of what is still to come, (T,).

    Examples
    --------
    >>> returns([0.0, 0.0, 1.0], 0.5).tolist()
    [0.25, 0.5, 1.0]
    """
    r = np.asarray(rewards, dtype=np.float64)
    if r.ndim != 1 or not 0 <= gamma <= 1:
        raise ValueError(f"need rewards in a row and 0 <= gamma <= 1, got {r.shape} and {gamma}")
    out = np.empty_like(r)
    total = 0.0
    for t in range(len(r) - 1, -1, -1):
        total = r[t] + gamma * total
        out[t] = total
    return out


def policy_gradient(
    env: Grid, episodes: int, lr: float, rng: np.random.Generator, most: int = 100
) -> tuple[Array, Array]:
    """Scores theta (states, 4) and the length of every episode (episodes,), with a running mean
    return of each state as baseline.
    """
    if episodes < 1 or not lr > 0:
        raise ValueError(f"need episodes >= 1 and lr > 0, got {episodes} and {lr}")
    theta = np.zeros((env.n**2, 4))
    value = np.zeros(env.n**2)
    lengths = np.zeros(episodes, dtype=int)
    for e in range(episodes):
        s = 0
        path = []
        for _ in range(most):
            p = softmax(theta[s])
            a = int(rng.choice(4, p=p))
            new, r, done = env.step(s, a)
            path.append((s, a, p, r))
            s = new
            if done:
                break
        for (state, action, p, _), G in zip(path, returns([r for *_, r in path]), strict=True):
            theta[state] += lr * (G - value[state]) * (np.eye(4)[action] - p)
            value[state] += 0.1 * (G - value[state])
        lengths[e] = len(path)
    return theta, lengths


def q_learning(
    env: Grid,
    episodes: int,
    lr: float,
    rng: np.random.Generator,
    explore: float = 0.1,
    most: int = 100,
) -> Array:
    """Table Q (states, 4): Q[s, a] += lr (r + max Q[s'] - Q[s, a]) along epsilon-greedy walks
    (Watkins & Dayan, 1992).
    """
    if episodes < 1 or not lr > 0 or not 0 <= explore <= 1:
        raise ValueError(
            f"need episodes >= 1, lr > 0 and 0 <= explore <= 1, got {episodes}, {lr} and {explore}"
        )
    Q = np.zeros((env.n**2, 4))
    for _ in range(episodes):
        s = 0
        for _ in range(most):
            a = int(rng.integers(4)) if rng.random() < explore else int(Q[s].argmax())
            new, r, done = env.step(s, a)
            Q[s, a] += lr * (r + (0.0 if done else Q[new].max()) - Q[s, a])
            s = new
            if done:
                break
    return Q
