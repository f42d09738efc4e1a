"""Speculative decoding: a cheap model drafts tokens, and the target model checks them together.

Read with book/modern/language-models.md.

Leviathan, Kalman and Matias (2023) and Chen et al. (2023). A model is a function from a list of
tokens to the distribution (V,) of the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array

Model = Callable[[Sequence[int]], Array]


def _pair(p: ArrayLike, q: ArrayLike) -> tuple[Array, Array]:
    """Two distributions over one vocabulary."""
    target = np.asarray(p, dtype=float)
    draft = np.asarray(q, dtype=float)
    if target.shape != draft.shape or target.ndim != 1:
        raise ValueError(
            f"both models need one vocabulary: shapes {target.shape} and {draft.shape} differ"
        )
    for name, values in (("target", target), ("draft", draft)):
        if not (values >= 0).all() or abs(values.sum() - 1) > 1e-6:
            raise ValueError(f"the {name} is not a distribution; it adds up to {values.sum():g}")
    return target, draft


def residual(p: ArrayLike, q: ArrayLike) -> Array:
    """What a rejected token is replaced from: (p - q)+ normalized (V,), and p where q = p.

    Examples
    --------
    >>> residual([0.5, 0.3, 0.2], [0.2, 0.4, 0.4]).tolist()
    [1.0, 0.0, 0.0]
    """
    target, draft = _pair(p, q)
    rest = np.maximum(target - draft, 0)
    return rest / rest.sum() if rest.sum() > 0 else target


def acceptance(p: ArrayLike, q: ArrayLike) -> float:
    """Probability that a token drafted from q is accepted: sum of min(p, q).

    Examples
    --------
    >>> round(acceptance([0.5, 0.3, 0.15, 0.05], [0.25] * 4), 3)
    0.7
    """
    return float(np.minimum(*_pair(p, q)).sum())


def verify(
    targets: Sequence[Array],
    drafts: Sequence[Array],
    drafted: Sequence[int],
    rng: np.random.Generator,
) -> list[int]:
    """The tokens that one check keeps: accepted drafts, then one from the residual or the target.

    Parameters
    ----------
    targets : g + 1 distributions of the target, before each drafted token and after the last
    drafts : g distributions that the tokens were drawn from
    drafted : g tokens

    Returns
    -------
    list of 1 to g + 1 tokens, distributed as g + 1 draws from the target would begin.

    Raises
    ------
    ValueError
        If the numbers of distributions and tokens do not fit, or a token was impossible.
    """
    if not len(targets) - 1 == len(drafts) == len(drafted):
        raise ValueError(
            f"{len(drafted)} drafted tokens need as many drafts and one more target, got "
            f"{len(drafts)} and {len(targets)}"
        )
    tokens: list[int] = []
    for p, q, token in zip(targets, drafts, drafted, strict=False):
        if not q[token] > 0:
            raise ValueError(f"token {token} has probability 0 in the draft")
        if rng.random() >= p[token] / q[token]:  # accept with probability min(1, p / q)
            return [*tokens, int(rng.choice(len(p), p=residual(p, q)))]
        tokens.append(int(token))
    return [*tokens, int(rng.choice(len(targets[-1]), p=targets[-1]))]


def generate(
    target: Model,
    draft: Model,
    past: Sequence[int],
    length: int,
    g: int,
    rng: np.random.Generator,
) -> tuple[list[int], int]:
    """`length` tokens after a past, and the number of target passes that they took.

    Raises
    ------
    ValueError
        If the length is below 1 or the number of drafted tokens g is negative.

    Examples
    --------
    >>> uniform = lambda past: np.full(2, 0.5)
    >>> tokens, passes = generate(uniform, uniform, [], 12, 3, np.random.default_rng(0))
    >>> len(tokens), passes  # equal models: all drafts are accepted, 4 tokens per pass
    (12, 3)
    """
    if length < 1 or g < 0:
        raise ValueError(f"need a length of at least 1 and g >= 0, got {length} and {g}")
    tokens = list(past)
    passes = 0
    while len(tokens) < len(past) + length:
        drafts: list[Array] = []
        drafted: list[int] = []
        for _ in range(g):
            q = draft([*tokens, *drafted])
            drafts.append(q)
            drafted.append(int(rng.choice(len(q), p=q)))
        targets = [target([*tokens, *drafted[:i]]) for i in range(g + 1)]  # one pass of a network
        tokens += verify(targets, drafts, drafted, rng)
        passes += 1
    return tokens[len(past) : len(past) + length], passes


def tokens_per_pass(rate: float, g: int) -> float:
    """Expected tokens of one check if each draft is accepted with the same rate, independently.

    Examples
    --------
    >>> tokens_per_pass(0.5, 2)  # 1 + 0.5 + 0.25
    1.75
    """
    if not 0 <= rate <= 1 or g < 0:
        raise ValueError(f"need a rate from 0 to 1 and g >= 0, got {rate} and {g}")
    return float(sum(rate**i for i in range(g + 1)))
