"""Search spaces, and searches that pay full price for each trial: grid, random, Sobol,
tree-structured Parzen estimator.

Read with book/learning/hyperparameter-search.md.

A configuration is a dict of names and values; searches minimize. Models of the objective are in
`bayesian.py`, searches that stop bad trials early in `multifidelity.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import exp, log
from typing import Any

import numpy as np

from groundtruth.arrays import Array

Config = dict[str, Any]
Objective = Callable[[Config], float]


@dataclass(frozen=True)
class Real:
    """A number between low and high; with `log` its logarithm is uniform.

    Examples
    --------
    >>> round(Real(1e-4, 1.0, log=True).at(0.5), 6)
    0.01
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not -np.inf < self.low < self.high < np.inf or (self.log and self.low <= 0):
            raise ValueError(
                f"need low < high, and a low above 0 for a logarithmic scale, got {self.low} and"
                f" {self.high}"
            )

    def at(self, u: float) -> Any:
        """The value at share u in [0, 1] of the range."""
        if self.log:
            return exp(log(self.low) + u * (log(self.high) - log(self.low)))
        return self.low + u * (self.high - self.low)

    def share(self, value: Any) -> float:
        """The inverse of `at`."""
        if self.log:
            return (log(value) - log(self.low)) / (log(self.high) - log(self.low))
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Whole(Real):
    """A whole number between low and high, both included.

    Examples
    --------
    >>> [Whole(1, 4).at(u) for u in (0.0, 0.3, 0.99, 1.0)]
    [1, 2, 4, 4]
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low != int(self.low) or self.high != int(self.high):
            raise ValueError(f"the ends must be whole numbers, got {self.low} and {self.high}")

    def at(self, u: float) -> int:
        ends = Real(
            self.low - 0.5 if not self.log else self.low / 2**0.5,
            self.high + 0.5 if not self.log else self.high * 2**0.5,
            self.log,
        )
        return int(min(self.high, max(self.low, round(float(ends.at(u))))))


@dataclass(frozen=True)
class Choice:
    """One of several options without an order."""

    options: tuple[Any, ...]

    def __post_init__(self) -> None:
        if len(self.options) < 2:
            raise ValueError(f"a choice needs at least two options, got {self.options}")

    def at(self, u: float) -> Any:
        """The option at share u in [0, 1]."""
        return self.options[min(int(u * len(self.options)), len(self.options) - 1)]

    def share(self, value: Any) -> float:
        """The middle of the option's share."""
        return (self.options.index(value) + 0.5) / len(self.options)


@dataclass(frozen=True)
class Space:
    """Named parameters; `when` keeps one out unless another has a value: {"momentum": ("optimizer",
    "sgd")}.

    Examples
    --------
    >>> space = Space({"kind": Choice(("a", "b")), "x": Real(0, 1)}, when={"x": ("kind", "b")})
    >>> space.config([0.1, 0.5]), space.config([0.9, 0.5])
    ({'kind': 'a'}, {'kind': 'b', 'x': 0.5})
    """

    params: dict[str, Real | Choice]
    when: dict[str, tuple[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.params:
            raise ValueError("the space has no parameters")
        names = list(self.params)
        for name, (parent, _) in self.when.items():
            if name not in names or parent not in names or names.index(parent) >= names.index(name):
                raise ValueError(
                    f"condition on {name!r}: both it and {parent!r} must be parameters, the parent"
                    " first"
                )

    def config(self, u: Sequence[float] | Array) -> Config:
        """The configuration at the point u (d,) of the unit cube."""
        if len(u) != len(self.params):
            raise ValueError(
                f"need one share for each of {len(self.params)} parameters, got {len(u)}"
            )
        chosen: Config = {}
        for (name, param), share in zip(self.params.items(), u, strict=True):
            if self.has(name, chosen):
                chosen[name] = param.at(float(share))
        return chosen

    def has(self, name: str, chosen: Config) -> bool:
        """Whether a configuration with these values of the parameters before it has it."""
        if name not in self.when:
            return True
        parent, value = self.when[name]
        return parent in chosen and chosen[parent] == value

    def sample(self, rng: np.random.Generator) -> Config:
        """A random configuration."""
        return self.config(rng.random(len(self.params)))

    def grid(self, points: int) -> list[Config]:
        """All combinations of `points` evenly spread values of each parameter (all options of a
        choice), each once.
        """
        if points < 1:
            raise ValueError(f"need at least one point per parameter, got {points}")
        axes = [
            (
                [(i + 0.5) / len(p.options) for i in range(len(p.options))]
                if isinstance(p, Choice)
                else [(i + 0.5) / points for i in range(points)]
            )
            for p in self.params.values()
        ]
        chosen = [self.config(u) for u in product(*axes)]
        return [c for i, c in enumerate(chosen) if c not in chosen[:i]]


@dataclass
class Trial:
    """A configuration and what it gave."""

    config: Config
    value: float


def best_so_far(trials: Sequence[Trial]) -> Array:
    """Smallest value (n,) after each trial; a failed one (NaN) counts as infinite.

    Examples
    --------
    >>> best_so_far([Trial({}, v) for v in (3.0, float("nan"), 2.0)]).tolist()
    [3.0, 3.0, 2.0]
    """
    values = np.array([t.value for t in trials], dtype=float)
    return np.minimum.accumulate(np.where(np.isnan(values), np.inf, values))


def _count(n: int) -> None:
    if n < 1:
        raise ValueError(f"need at least one trial, got {n}")


def grid_search(f: Objective, space: Space, points: int) -> list[Trial]:
    """Every point of the grid.

    Examples
    --------
    >>> [t.value for t in grid_search(lambda c: c["x"], Space({"x": Real(0, 1)}), 2)]
    [0.25, 0.75]
    """
    return [Trial(c, float(f(c))) for c in space.grid(points)]


def random_search(f: Objective, space: Space, n: int, rng: np.random.Generator) -> list[Trial]:
    """n independent random configurations (Bergstra and Bengio, 2012).

    Examples
    --------
    >>> len(random_search(lambda c: c["x"], Space({"x": Real(0, 1)}), 5, np.random.default_rng(0)))
    5
    """
    _count(n)
    return [Trial(c, float(f(c))) for c in (space.sample(rng) for _ in range(n))]


def sobol_search(f: Objective, space: Space, n: int, seed: int) -> list[Trial]:
    """The first n points of a scrambled Sobol sequence, which fill the cube more evenly than
    chance.

    Examples
    --------
    >>> sorted(
    ...     int(4 * t.value) for t in sobol_search(lambda c: c["x"], Space({"x": Real(0, 1)}), 4, 0)
    ... )
    [0, 1, 2, 3]
    """
    from scipy.stats import qmc

    _count(n)
    whole = 1 << (n - 1).bit_length()
    cube = qmc.Sobol(len(space.params), rng=np.random.default_rng(seed)).random(whole)[:n]
    return [Trial(c, float(f(c))) for c in map(space.config, cube)]


def _bumps(shares: Array) -> tuple[Array, Array]:
    """Centers and widths of a Parzen estimator on [0, 1]: a wide bump that stands for knowing
    nothing, and one per share.

    Each is as wide as the larger distance to its neighbors, so it is wide where little was tried
    and narrow where much was.
    """
    centres = np.sort(np.append(shares, 0.5))
    gaps = np.diff(centres, prepend=centres[0], append=centres[-1])
    widths = np.clip(np.maximum(gaps[:-1], gaps[1:]), 1 / min(100, 1 + len(centres)), 1.0)
    widths[np.searchsorted(centres, 0.5)] = 1.0
    return centres, widths


def _density(shares: Array, at: Array) -> Array:
    """The mean (m,) of the bumps, each cut to [0, 1]."""
    from scipy.stats import norm

    centres, widths = _bumps(shares)
    mass = norm.cdf((1 - centres) / widths) - norm.cdf(-centres / widths)
    return (norm.pdf((at[:, None] - centres) / widths) / (widths * mass)).mean(1)


def _drawn(shares: Array, count: int, rng: np.random.Generator) -> Array:
    """Draws (count,) from that density."""
    from scipy.stats import truncnorm

    centres, widths = _bumps(shares)
    pick = rng.integers(0, len(centres), count)
    c = centres[pick]
    w = widths[pick]
    return np.asarray(truncnorm.rvs(-c / w, (1 - c) / w, loc=c, scale=w, random_state=rng))


def _options(chosen: list[Any], param: Choice) -> Array:
    counts = np.array([1 + sum(v == o for v in chosen) for o in param.options], dtype=float)
    return counts / counts.sum()


def tpe_propose(
    space: Space,
    trials: Sequence[Trial],
    rng: np.random.Generator,
    gamma: float = 0.1,
    candidates: int = 24,
) -> Config:
    """Fit densities to the best share gamma of the trials (l) and to the rest (g); return the
    candidate from l with the largest l / g.

    Each parameter is treated alone, and one with a condition learns from the trials that have it
    (Bergstra et al., 2011).
    """
    if not 0 < gamma < 1 or candidates < 1:
        raise ValueError(
            f"gamma must lie between 0 and 1 and candidates be at least 1, got {gamma} and"
            f" {candidates}"
        )
    order = sorted(trials, key=lambda t: np.inf if np.isnan(t.value) else t.value)
    cut = max(1, int(np.ceil(gamma * len(order))))
    chosen: Config = {}
    for name, param in space.params.items():
        if not space.has(name, chosen):
            continue
        good, bad = (
            [t.config[name] for t in part if name in t.config]
            for part in (order[:cut], order[cut:])
        )
        if isinstance(param, Choice):
            left = _options(good, param)
            right = _options(bad, param)
            drawn = rng.choice(len(param.options), size=candidates, p=left)
            chosen[name] = param.options[int(drawn[np.argmax((left / right)[drawn])])]
            continue
        near, far = (np.array([param.share(v) for v in part]) for part in (good, bad))
        at = _drawn(near, candidates, rng)
        chosen[name] = param.at(float(at[np.argmax(_density(near, at) / _density(far, at))]))
    return chosen


def tpe(
    f: Objective,
    space: Space,
    n: int,
    rng: np.random.Generator,
    n_init: int = 10,
    gamma: float = 0.1,
    share_random: float = 0.15,
) -> list[Trial]:
    """n trials, the first n_init and a share of the others at random, the rest where good trials
    were dense and bad ones rare.

    Without a random share, an option whose first trials were unlucky is never looked at again.

    Examples
    --------
    >>> trials = tpe(
    ...     lambda c: (c["x"] - 0.7) ** 2, Space({"x": Real(0, 1)}), 40, np.random.default_rng(0)
    ... )
    >>> bool(best_so_far(trials)[-1] < 1e-3)
    True
    """
    _count(n)
    if not 0 <= share_random <= 1:
        raise ValueError(f"share_random must lie between 0 and 1, got {share_random}")
    trials: list[Trial] = []
    for i in range(n):
        config = (
            space.sample(rng)
            if i < n_init or rng.random() < share_random
            else tpe_propose(space, trials, rng, gamma)
        )
        trials.append(Trial(config, float(f(config))))
    return trials
