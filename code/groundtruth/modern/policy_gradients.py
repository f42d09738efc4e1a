"""Policy gradients on a task with a verifier whose every answer can be enumerated.

Read with book/modern/language-models.md.

An answer is a string of 1 to L digits, each below `base`, ended by a stop token or by its length.
The policy is a table of logits for each prefix, so probabilities, expectations and gradients over
all answers are exact. REINFORCE is Williams (1992); `grpo` trains by groups.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array


class Answers:
    """All answers, and the decisions of a policy that lead to each of them.

    Parameters
    ----------
    base : int >= 2, digits are 0 to base - 1
    longest : int >= 1, most digits of an answer

    Attributes
    ----------
    strings : list of tuples, the S answers
    lengths : array (S,), decisions of each: its digits, and the stop token if it has one
    node, action : arrays (S, longest), the prefix at which each decision falls and what it is
    real : array (S, longest), where there is a decision

    Raises
    ------
    ValueError
        If the base is below 2, the length below 1, or more than 100,000 answers have that length.

    Examples
    --------
    >>> a = Answers(2, 2)
    >>> a.strings
    [(0,), (1,), (0, 0), (0, 1), (1, 0), (1, 1)]
    """

    def __init__(self, base: int, longest: int) -> None:
        if base < 2 or longest < 1 or base**longest > 100_000:
            raise ValueError(f"base {base} and length {longest} have no or too many answers")
        self.base = base
        self.longest = longest
        self.strings = [
            digits for n in range(1, longest + 1) for digits in product(range(base), repeat=n)
        ]
        prefixes = [()] + [s for s in self.strings if len(s) < longest]
        number = {prefix: i for i, prefix in enumerate(prefixes)}
        self.nodes = len(prefixes)
        shape = (len(self.strings), longest)
        self.node = np.zeros(shape, dtype=int)
        self.action = np.zeros(shape, dtype=int)
        self.real = np.zeros(shape, dtype=bool)
        for i, digits in enumerate(self.strings):
            decisions = [*digits, base] if len(digits) < longest else list(digits)
            for t, action in enumerate(decisions):
                self.node[i, t] = number[digits[:t]]
                self.action[i, t] = action
                self.real[i, t] = True
        self.lengths = self.real.sum(1)

    def start(self, rng: np.random.Generator, scale: float) -> Array:
        """Random logits (nodes, base + 1); the empty answer, a stop at once, is impossible."""
        logits = scale * rng.normal(size=(self.nodes, self.base + 1))
        logits[0, self.base] = -np.inf
        return logits

    def log_softmax(self, logits: ArrayLike) -> Array:
        """Log-probabilities (nodes, base + 1) of the decisions."""
        z = np.asarray(logits, dtype=float)
        if z.shape != (self.nodes, self.base + 1):
            raise ValueError(
                f"logits have the shape ({self.nodes}, {self.base + 1}), not {z.shape}"
            )
        z = z - z.max(1, keepdims=True)
        return z - np.log(np.exp(z).sum(1, keepdims=True))

    def log_probs(self, logits: ArrayLike) -> Array:
        """Log-probability (S,) of each answer.

        Examples
        --------
        >>> a = Answers(2, 2)
        >>> logits = np.zeros((3, 3))
        >>> logits[0, 2] = -np.inf
        >>> np.exp(a.log_probs(logits)).round(3).tolist()  # 1/2 for a digit, 1/3 after it
        [0.167, 0.167, 0.167, 0.167, 0.167, 0.167]
        """
        return self.token_log_probs(logits).sum(1)

    def token_log_probs(self, logits: ArrayLike) -> Array:
        """Log-probability (S, longest) of each decision, 0 where there is none.

        Examples
        --------
        >>> a = Answers(2, 1)
        >>> a.token_log_probs([[0.0, np.log(3.0), -np.inf]]).round(3).tolist()
        [[-1.386], [-0.288]]
        """
        table = self.log_softmax(logits)
        return np.where(self.real, table[self.node, self.action], 0.0)

    def gradient(self, logits: ArrayLike, weights: ArrayLike) -> Array:
        """Sum over decisions of weight times the gradient of its log-probability.

        Parameters
        ----------
        logits : array (nodes, base + 1)
        weights : array (S,), one for all decisions of an answer, or (S, longest)

        Returns
        -------
        array (nodes, base + 1)

        Examples
        --------
        >>> a = Answers(2, 1)
        >>> a.gradient([[0.0, 0.0, -np.inf]], [1.0, 0.0]).tolist()
        [[0.5, -0.5, 0.0]]
        """
        w = np.asarray(weights, dtype=float)
        if w.ndim == 1:
            w = w[:, None]
        if w.shape not in {(len(self.strings), 1), self.real.shape}:
            raise ValueError(f"weights have one entry per answer or decision, not {w.shape}")
        w = np.where(self.real, w, 0.0)  # (S, longest)
        width = self.base + 1
        flat = np.bincount((self.node * width + self.action).ravel(), w.ravel(), self.nodes * width)
        visits = np.bincount(self.node.ravel(), w.ravel(), self.nodes)
        p = np.exp(self.log_softmax(logits))
        return flat.reshape(self.nodes, width) - visits[:, None] * p

    def sum_is(self, total: int) -> Array:
        """The verifier: 1 where the digits of an answer add up to the total, otherwise 0.

        Examples
        --------
        >>> Answers(2, 2).sum_is(1).tolist()
        [0.0, 1.0, 0.0, 1.0, 1.0, 0.0]
        """
        return np.array([float(sum(s) == total) for s in self.strings])

    def policy_logits(self, p: ArrayLike) -> Array:
        """The table of logits whose answers have the probabilities p (S,).

        Examples
        --------
        >>> a = Answers(2, 2)
        >>> p = np.array([1, 2, 3, 4, 5, 6]) / 21
        >>> bool(np.allclose(np.exp(a.log_probs(a.policy_logits(p))), p))
        True
        """
        mass = np.asarray(p, dtype=float)
        width = self.base + 1
        w = np.where(self.real, mass[:, None], 0.0)
        flat = np.bincount((self.node * width + self.action).ravel(), w.ravel(), self.nodes * width)
        with np.errstate(divide="ignore"):
            return np.log(flat.reshape(self.nodes, width))


def kl_estimates(log_p: ArrayLike, log_ref: ArrayLike) -> dict[str, Array]:
    """Estimators of KL(p || ref) for answers drawn from p (Schulman, 2020).

    With x = log(ref / p): k1 = -x, k2 = x^2 / 2, k3 = exp(x) - 1 - x.

    Examples
    --------
    >>> {name: v.round(3).tolist() for name, v in kl_estimates([0.0], [np.log(2.0)]).items()}
    {'k1': [-0.693], 'k2': [0.24], 'k3': [0.307]}
    """
    x = np.asarray(log_ref, dtype=float) - np.asarray(log_p, dtype=float)
    return {"k1": -x, "k2": x**2 / 2, "k3": np.expm1(x) - x}


def draws(log_p: ArrayLike, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.intp]:
    """Indices of answers drawn with the probabilities exp(log_p), in the given shape.

    Examples
    --------
    >>> draws([0.0, -np.inf], (2,), np.random.default_rng(0)).tolist()
    [0, 0]
    """
    p = np.exp(np.asarray(log_p, dtype=float))
    if abs(p.sum() - 1) > 1e-6:
        raise ValueError(f"the probabilities add up to {p.sum():g}, not to 1")
    return rng.choice(len(p), shape, p=p / p.sum())
