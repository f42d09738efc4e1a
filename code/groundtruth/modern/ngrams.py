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
    the t + 1 tokens that the window has shown, below which no model of the window can get (Shannon,
    1951, equation 1, on one period).

    Examples
    --------
    After one 0 the next token is uncertain; two tokens determine the position:

    >>> floor([0, 0, 1], 3).round(3).tolist()
    [0.462, 0.0, 0.0]
    """
    tokens = _whole(x)
    n = len(tokens)
    if n == 0 or context < 1:
        raise ValueError(
            f"need at least one token and a context of at least 1, got {n} and {context}"
        )
    losses = np.zeros(context)
    for t in range(context):
        losses[t] = _next_token_entropy(tokens, t + 1)
        if losses[t] == 0.0:  # the position is certain from here on
            break
    return losses


def _next_token_entropy(tokens: list[int], t: int) -> float:
    """Entropy in nats of the token that follows t tokens, in the endless repetition of a text."""
    n = len(tokens)
    repeated = tokens * (2 + t // n)
    followers: defaultdict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for start in range(n):
        end = start + t
        followers[tuple(repeated[start:end])][repeated[end]] += 1
    total = 0.0
    for counter in followers.values():
        counts = np.array(list(counter.values()), dtype=float)
        total -= float((counts * np.log(counts / counts.sum())).sum())
    return total / n


def _whole(x: Sequence[int]) -> list[int]:
    """The tokens as Python integers; fractions are refused and not cut off."""
    tokens = list(x)
    for t in tokens:
        if t != int(t):
            raise ValueError(f"a token is a whole number, got {t!r}")
    return [int(t) for t in tokens]


class Ngrams:
    """n-gram model with Witten-Bell smoothing, interpolated over shorter contexts (Witten and Bell,
    1991).

    p(w | h) = (c(h w) + k(h) p(w | h')) / (c(h) + k(h)), where c counts occurrences, h' is the
    context h without its first token and k(h) is the number of different tokens that followed h.
    Where h was seen often, with few different followers, the counts decide; where it is new, h'
    does. Below the empty context lies the uniform distribution.

    Parameters
    ----------
    x : sequence of int
        The training tokens.
    n : int >= 1
        Order: the context is n - 1 tokens long.
    V : int
        Size of the vocabulary; tokens that x lacks get their probability from the uniform
        distribution.

    Examples
    --------
    0 was followed by 1, twice, so k = 1; the shorter context gives (8 / 14, 6 / 14):

    >>> m = Ngrams([0, 1, 0, 1, 0], 2, 2)
    >>> m.probabilities([0]).round(3).tolist()
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

    def probabilities(self, context: Sequence[int]) -> Array:
        """Distribution (V,) of the next token given the last n - 1 tokens of a context."""
        p = np.full(self.V, 1 / self.V)
        for k in range(min(self.n, len(context) + 1)):
            followers = self.counts[k].get(tuple(context[len(context) - k :]))
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
        contexts = [tuple(tokens[max(0, i - self.n + 1) : i]) for i in range(len(tokens))]
        order = sorted(range(len(tokens)), key=contexts.__getitem__)
        total = 0.0
        for context, positions in groupby(order, contexts.__getitem__):
            following = [tokens[i] for i in positions]  # equal contexts need one distribution
            total -= float(np.log(self.probabilities(context)[following]).sum())
        return total / len(tokens)


class KneserNey(Ngrams):
    """n-gram model with interpolated modified Kneser-Ney smoothing (Chen and Goodman, 1998).

    p(w | h) = (a(h w) - D(a(h w))) / a(h) + g(h) p(w | h'), where h' is the context h without its
    first token. For contexts of n - 1 tokens a counts occurrences; for shorter ones it is the
    number of different tokens that precede h w. The shorter context contributes at every h, and
    most where h is rare, so its counts should say in how many contexts a sequence occurs and not
    how often. D is 0, D_1, D_2 or D_3 for counts of 0, 1, 2 and more, and g(h) is the sum of the
    discounts divided by a(h). The discounts of an order are D_i = i - (i + 1) Y n_{i+1} / n_i with
    Y = n_1 / (n_1 + 2 n_2) and n_i the number of sequences whose count is i; where an n_i is
    missing they are 0.5, 1 and 1.5.

    Given fewer than n - 1 tokens, as at the start of a window, `probabilities` uses the counts of a
    shorter context, which are there to be interpolated and are a worse estimate alone than those of
    a model whose n fits the context.

    Parameters
    ----------
    x, n, V : as for `Ngrams`, with its errors

    Examples
    --------
    0 was followed by 1, twice: (2 - 1) / 2 + p(1) / 2, and p(1) = 1 / 2:

    >>> m = KneserNey([0, 1, 0, 1, 0], 2, 2)
    >>> m.probabilities([0]).round(3).tolist()
    [0.25, 0.75]
    """

    def __init__(self, x: Sequence[int], n: int, V: int) -> None:
        super().__init__(x, n, V)
        for k in range(n - 1):
            self.counts[k] = defaultdict(Counter)
            for context, followers in self._sequences(x, k + 1):
                for token in followers:
                    self.counts[k][context[1:]][token] += 1
        self.discounts = [_discounts(table) for table in self.counts]

    @staticmethod
    def _sequences(x: Sequence[int], k: int) -> list[tuple[tuple[int, ...], set[int]]]:
        """Every context of k tokens with the tokens that follow it."""
        tokens = _whole(x)
        followers: defaultdict[tuple[int, ...], set[int]] = defaultdict(set)
        for i in range(k, len(tokens)):
            followers[tuple(tokens[i - k : i])].add(tokens[i])
        return list(followers.items())

    def probabilities(self, context: Sequence[int]) -> Array:
        """Distribution (V,) of the next token given the last n - 1 tokens of a context."""
        p = np.full(self.V, 1 / self.V)
        for k in range(min(self.n, len(context) + 1)):
            followers = self.counts[k].get(tuple(context[len(context) - k :]))
            if not followers:
                break
            total = sum(followers.values())  # a(h)
            D = self.discounts[k]
            discounts = {token: D[min(a, 3) - 1] for token, a in followers.items()}
            p *= sum(discounts.values()) / total  # g(h) p(w | h')
            for token, a in followers.items():
                p[token] += (a - discounts[token]) / total
        return p


def _discounts(counts: defaultdict[tuple[int, ...], Counter[int]]) -> tuple[float, float, float]:
    """Discounts of counts of one, two, and three or more (Chen and Goodman, equation 26).

    At least a hundredth, so that no token becomes impossible.
    """
    sizes = Counter(count for followers in counts.values() for count in followers.values())
    if not all(sizes[i] for i in (1, 2, 3, 4)):
        return 0.5, 1.0, 1.5
    Y = sizes[1] / (sizes[1] + 2 * sizes[2])
    one, two, three = (max(0.01, i - (i + 1) * Y * sizes[i + 1] / sizes[i]) for i in (1, 2, 3))
    return one, two, three
