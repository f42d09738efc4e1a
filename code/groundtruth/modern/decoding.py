"""From a distribution over the next token to a choice: truncation, penalties, beams, constraints.

Read with book/modern/language-models.md.

Probabilities p (V,), token ids from 0. Each truncation returns the remaining tokens' probabilities,
renormalized; of tokens that are equally likely the one with the smaller id comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array


def _distribution(p: ArrayLike) -> Array:
    """Probabilities (V,) as floats; refuses what is not a distribution."""
    values = np.asarray(p, dtype=float)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"probabilities are one row (V,), got the shape {values.shape}")
    if not (values >= 0).all() or abs(values.sum() - 1) > 1e-6:
        raise ValueError(f"probabilities are at least 0 and add up to 1, got {values.sum():g}")
    return values


def _fraction(name: str, value: float) -> None:
    if not 0 < value <= 1:
        raise ValueError(f"{name} must be above 0 and at most 1, got {value}")


def _kept(p: Array, ids: ArrayLike) -> Array:
    """The probabilities of some ids, or of those in a mask, renormalized, and 0 elsewhere."""
    chosen = np.asarray(ids)
    out = np.zeros_like(p)
    out[chosen] = p[chosen]
    return out / out.sum()


def tempered(logits: ArrayLike, temperature: float) -> Array:
    """Softmax (V,) of logits divided by a temperature; 0 puts all mass on the largest.

    Raises
    ------
    ValueError
        If the temperature is negative, or a logit is NaN or +inf, or all are -inf.

    Examples
    --------
    >>> tempered([2.0, 1.0, 0.5, 0.0], 1.0).round(3).tolist()
    [0.579, 0.213, 0.129, 0.078]
    """
    z = np.asarray(logits, dtype=float)
    if z.ndim != 1 or not z.size or np.isnan(z).any() or not np.isfinite(z.max()):
        raise ValueError("logits are one row of numbers, of which one is finite")
    if not temperature >= 0:
        raise ValueError(f"the temperature must be at least 0, got {temperature}")
    if temperature == 0:
        return np.eye(z.size)[int(np.argmax(z))]
    with np.errstate(over="ignore"):
        e = np.exp((z - z.max()) / temperature)
    return e / e.sum()


def top_k(p: ArrayLike, k: int) -> Array:
    """The k likeliest tokens (Fan et al., 2018).

    Examples
    --------
    >>> top_k([0.5, 0.3, 0.2], 2).round(3).tolist()
    [0.625, 0.375, 0.0]
    """
    values = _distribution(p)
    if k < 1:
        raise ValueError(f"at least 1 token must remain, got k = {k}")
    return _kept(values, np.argsort(-values, kind="stable")[:k])


def top_p(p: ArrayLike, mass: float) -> Array:
    """The smallest set of likeliest tokens with at least this mass (Holtzman et al., 2020).

    Examples
    --------
    >>> top_p([0.5, 0.3, 0.2], 0.6).round(3).tolist()
    [0.625, 0.375, 0.0]
    """
    values = _distribution(p)
    _fraction("the mass", mass)
    return _kept(values, _prefix(values, np.argsort(-values, kind="stable"), mass))


def _prefix(p: Array, order: Array, mass: float) -> Array:
    """The first ids of an order that together hold the mass, up to rounding."""
    count = int(np.searchsorted(np.cumsum(p[order]), mass - 1e-12)) + 1
    return order[:count]


def min_p(p: ArrayLike, fraction: float) -> Array:
    """Tokens at least this fraction as likely as the likeliest (Nguyen et al., 2024).

    Examples
    --------
    >>> min_p([0.5, 0.3, 0.2], 0.5).round(3).tolist()
    [0.625, 0.375, 0.0]
    """
    values = _distribution(p)
    _fraction("the fraction", fraction)
    return _kept(values, values >= fraction * values.max())


def typical(p: ArrayLike, mass: float) -> Array:
    """Tokens whose surprise -ln p is nearest to the entropy, up to a mass (Meister et al., 2023).

    Examples
    --------
    >>> p = [0.5, 0.25, 0.125, 0.125]  # entropy 1.21: the surprise 1.39 is nearest, then 0.69
    >>> typical(p, 0.3).round(3).tolist()
    [0.667, 0.333, 0.0, 0.0]
    """
    values = _distribution(p)
    _fraction("the mass", mass)
    with np.errstate(divide="ignore"):
        surprise = -np.log(values)
    present = values > 0
    entropy = float((values[present] * surprise[present]).sum())
    order = np.argsort(np.abs(surprise - entropy), kind="stable")
    return _kept(values, _prefix(values, order, mass))


def penalized(
    logits: ArrayLike,
    counts: ArrayLike,
    repetition: float = 1.0,
    frequency: float = 0.0,
    presence: float = 0.0,
) -> Array:
    """Logits (V,) after penalties on tokens that occurred, `counts` (V,) times each.

    Repetition divides a positive logit and multiplies a negative one (Keskar et al., 2019);
    frequency is subtracted for each occurrence, presence once.

    Examples
    --------
    >>> penalized([2.0, -2.0, 1.0], [1, 1, 0], repetition=2.0).tolist()
    [1.0, -4.0, 1.0]
    """
    z = np.array(logits, dtype=float)
    n = np.asarray(counts)
    if z.ndim != 1 or z.shape != n.shape or (n < 0).any():
        raise ValueError(f"need one count >= 0 per logit, got {z.shape} and {n.shape}")
    if not repetition > 0:
        raise ValueError(f"the repetition penalty must be above 0, got {repetition}")
    seen = n > 0
    z[seen] = np.where(z[seen] > 0, z[seen] / repetition, z[seen] * repetition)
    return z - frequency * n - presence * seen


def beam(
    log_probs: Callable[[tuple[int, ...]], Array],
    length: int,
    width: int,
    end: int | None = None,
) -> list[tuple[float, tuple[int, ...]]]:
    """The `width` best sequences that beam search returns, best first, with their log-probability.

    Parameters
    ----------
    log_probs : function from a prefix to log-probabilities (V,) of the next token
    length, width : int >= 1
    end : int, optional
        A token that finishes a sequence; finished ones stay in the beam.

    Examples
    --------
    >>> table = {(): [0.6, 0.4], (0,): [0.5, 0.5], (1,): [0.1, 0.9]}
    >>> round(float(np.exp(beam(lambda s: np.log(table[s]), 2, 2)[0][0])), 2)  # greedy: 0.30
    0.36
    """
    if length < 1 or width < 1:
        raise ValueError(f"length and width must be at least 1, got {length} and {width}")
    beams: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    for _ in range(length):
        grown = []
        for score, tokens in beams:
            if end is not None and tokens and tokens[-1] == end:
                grown.append((score, tokens))
                continue
            for token, value in enumerate(np.asarray(log_probs(tokens))):
                if value > -np.inf:
                    grown.append((score + float(value), (*tokens, token)))
        beams = sorted(grown, key=lambda item: (-item[0], item[1]))[:width]
    return beams


def completable(
    transitions: Mapping[Hashable, Mapping[int, Hashable]], accepting: set[Hashable], left: int
) -> list[set[Hashable]]:
    """For 0 to `left` remaining tokens, the states of an automaton from which a string of exactly
    that many tokens can be accepted.

    Examples
    --------
    >>> completable({"a": {0: "b"}, "b": {0: "a"}}, {"a"}, 2)
    [{'a'}, {'b'}, {'a'}]
    """
    if left < 0:
        raise ValueError(f"the number of remaining tokens is at least 0, got {left}")
    live = [set(accepting)]
    for _ in range(left):
        live.append(
            {state for state, edges in transitions.items() if live[-1] & set(edges.values())}
        )
    return live


def constrained(
    p: ArrayLike,
    edges: Mapping[int, Hashable],
    live: set[Hashable],
) -> Array:
    """The distribution (V,) over tokens whose next state can still be completed, renormalized.

    Raises
    ------
    ValueError
        If no such token has a positive probability.

    Examples
    --------
    >>> constrained([0.5, 0.25, 0.25], {1: "digit", 2: "end"}, {"digit"}).tolist()
    [0.0, 1.0, 0.0]
    """
    values = _distribution(p)
    ids = [token for token, state in edges.items() if state in live and values[token] > 0]
    if not ids:
        raise ValueError("no token can complete the string; allow a token or lengthen it")
    return _kept(values, ids)


def majority(answers: Sequence[Hashable]) -> Hashable:
    """The most frequent answer, of ties the one that came first (self-consistency).

    Examples
    --------
    >>> majority([4, 6, 6, 4, 5])
    4
    """
    if not answers:
        raise ValueError("there is no answer to choose from")
    counts: dict[Hashable, int] = {}
    for answer in answers:
        counts[answer] = counts.get(answer, 0) + 1
    return max(counts, key=counts.__getitem__)
