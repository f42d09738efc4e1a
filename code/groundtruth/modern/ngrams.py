"""What counting can predict: the entropy of a text given some characters before, and n-gram models
that a network must beat, with two kinds of smoothing.

Read with book/capstones/gpt.md.

Sequences of tokens x (n,), whole numbers from 0. Losses in nats per token.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import groupby

import numpy as np

from groundtruth.arrays import Array


def floor(x: Sequence[int], context: int) -> Array:
    """Smallest expected loss (context,) at each position of a window into the endless repetition of
    x.

    A window starts anywhere with equal probability. Entry t is the entropy of the next token given
    the t + 1 tokens the window has shown: nobody who sees only the window can do better (Shannon,
    1951, equation 1, on one period).

    Examples
    --------
    >>> floor([0, 0, 1], 3).round(
    ...     3
    ... ).tolist()  # after "0" one cannot know; two tokens settle the place
    [0.462, 0.0, 0.0]
    """
    tokens = _whole(x)
    n = len(tokens)
    if n == 0 or context < 1:
        raise ValueError(
            f"need at least one token and a context of at least 1, got {n} and {context}"
        )
    twice = tokens * (2 + context // n)
    losses = np.zeros(context)
    for t in range(context):
        followers: defaultdict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for start in range(n):
            followers[tuple(twice[start : start + t + 1])][twice[start + t + 1]] += 1
        counts = [np.array(list(c.values()), dtype=float) for c in followers.values()]
        losses[t] = sum(float(-(c * np.log(c / c.sum())).sum()) for c in counts) / n
        if losses[t] == 0.0:  # the place is known from here on
            break
    return losses


def _whole(x: Sequence[int]) -> list[int]:
    """The tokens as Python integers; fractions are refused and not cut off."""
    tokens = list(x)
    for t in tokens:
        if t != int(t):
            raise ValueError(f"a token is a whole number, got {t!r}")
    return [int(t) for t in tokens]


class Ngrams:
    """Counts of the last n - 1 tokens and the one that follows, blended over shorter pasts (Witten
    and Bell, 1991).

    p_n(w | past) = (c(past w) + k(past) p_{n-1}(w | shorter past)) / (c(past) + k(past)), k(past)
    being how many different tokens followed: where a past was seen often with few followers, the
    counts decide; where it is new, the shorter past does.

    Parameters
    ----------
    x : sequence of int
        The training tokens.
    n : int >= 1
    V : int
        Size of the vocabulary; a token never seen keeps a share of 1 / V of what is left at the
        end.

    Examples
    --------
    >>> m = Ngrams([0, 1, 0, 1, 0], 2, 2)
    >>> m.probabilities([0]).round(
    ...     3
    ... ).tolist()  # after 0 came 1, twice; one follower, and behind it p_1 = (8/14, 6/14)
    [0.19, 0.81]
    """

    def __init__(self, x: Sequence[int], n: int, V: int) -> None:
        tokens = _whole(x)
        if n < 1 or not tokens or V < 1:
            raise ValueError(
                f"need n >= 1, at least one token and V >= 1, got n = {n}, {len(tokens)} tokens and"
                f" V = {V}"
            )
        if min(tokens) < 0 or max(tokens) >= V:
            raise ValueError(
                f"tokens run from {min(tokens)} to {max(tokens)}, but the vocabulary has {V}"
            )
        self.n = n
        self.V = V
        self.counts: list[defaultdict[tuple[int, ...], Counter[int]]] = [
            defaultdict(Counter) for _ in range(n)
        ]
        for i, token in enumerate(tokens):
            for k in range(min(n, i + 1)):
                self.counts[k][tuple(tokens[i - k : i])][token] += 1

    def probabilities(self, past: Sequence[int]) -> Array:
        """Distribution (V,) of the next token after the last n - 1 tokens of a past."""
        p = np.full(self.V, 1 / self.V)
        for k in range(min(self.n, len(past) + 1)):
            followers = self.counts[k].get(tuple(past[len(past) - k :]))
            if not followers:
                break
            total = sum(followers.values())
            kinds = len(followers)
            p *= kinds / (total + kinds)
            for token, count in followers.items():
                p[token] += count / (total + kinds)
        return p

    def loss(self, x: Sequence[int]) -> float:
        """Mean loss in nats per token over a text, each token predicted from those before it."""
        tokens = _whole(x)
        if not tokens:
            raise ValueError("the text is empty; there is nothing to predict")
        if min(tokens) < 0 or max(tokens) >= self.V:
            raise ValueError(
                f"tokens run from {min(tokens)} to {max(tokens)}, but the vocabulary has {self.V}"
            )
        pasts = [tuple(tokens[max(0, i - self.n + 1) : i]) for i in range(len(tokens))]
        total = 0.0
        for past, positions in groupby(
            sorted(range(len(tokens)), key=pasts.__getitem__), pasts.__getitem__
        ):
            following = [tokens[i] for i in positions]  # equal pasts need one distribution
            total -= float(np.log(self.probabilities(past)[following]).sum())
        return total / len(tokens)


class KneserNey(Ngrams):
    """n-gram model with interpolated modified Kneser-Ney smoothing (Chen and Goodman, 1998).

    p_k(w | past) = (a(past w) - D(a(past w))) / a(past) + g(past) p_{k-1}(w | shorter past). At the
    highest order a counts occurrences; below it, how many different tokens came before (past w),
    because a shorter past is asked only where the longer one was not seen. D takes 0, D_1, D_2 or
    D_3 off counts of 0, 1, 2 and more, and g(past) gives what was taken to the shorter past. The
    discounts of an order are D_i = i - (i + 1) Y n_{i+1} / n_i with Y = n_1 / (n_1 + 2 n_2) and
    n_i the number of sequences whose count is i; where an n_i is missing they are 0.5, 1 and 1.5.

    Parameters
    ----------
    x, n, V : as for `Ngrams`, with its errors

    Examples
    --------
    >>> m = KneserNey([0, 1, 0, 1, 0], 2, 2)
    >>> m.probabilities([0]).round(3).tolist()  # after 0 came 1, twice: (2 - 1) / 2 + p_1(1) / 2
    [0.25, 0.75]
    """

    def __init__(self, x: Sequence[int], n: int, V: int) -> None:
        super().__init__(x, n, V)
        for k in range(n - 1):
            self.counts[k] = defaultdict(Counter)
            for past, followers in self._sequences(x, k + 1):
                for token in followers:
                    self.counts[k][past[1:]][token] += 1
        self.discounts = [_discounts(table) for table in self.counts]

    @staticmethod
    def _sequences(x: Sequence[int], k: int) -> list[tuple[tuple[int, ...], set[int]]]:
        """Every past of k tokens with the tokens that follow it."""
        tokens = _whole(x)
        followers: defaultdict[tuple[int, ...], set[int]] = defaultdict(set)
        for i in range(k, len(tokens)):
            followers[tuple(tokens[i - k : i])].add(tokens[i])
        return list(followers.items())

    def probabilities(self, past: Sequence[int]) -> Array:
        """Distribution (V,) of the next token after the last n - 1 tokens of a past."""
        p = np.full(self.V, 1 / self.V)
        for k in range(min(self.n, len(past) + 1)):
            followers = self.counts[k].get(tuple(past[len(past) - k :]))
            if not followers:
                break
            total = sum(followers.values())
            taken = {
                token: self.discounts[k][min(count, 3) - 1] for token, count in followers.items()
            }
            p *= sum(taken.values()) / total
            for token, count in followers.items():
                p[token] += (count - taken[token]) / total
        return p


def _discounts(counts: defaultdict[tuple[int, ...], Counter[int]]) -> tuple[float, float, float]:
    """What is taken off counts of one, two, and three or more (Chen and Goodman, equation 26).

    At least a hundredth, so that no token becomes impossible.
    """
    sizes = Counter(count for followers in counts.values() for count in followers.values())
    if not all(sizes[i] for i in (1, 2, 3, 4)):
        return 0.5, 1.0, 1.5
    Y = sizes[1] / (sizes[1] + 2 * sizes[2])
    one, two, three = (max(0.01, i - (i + 1) * Y * sizes[i + 1] / sizes[i]) for i in (1, 2, 3))
    return one, two, three
