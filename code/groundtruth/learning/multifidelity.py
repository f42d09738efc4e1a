"""Searches that stop bad trials early: successive halving, Hyperband, BOHB, and ASHA on a simulated
cluster.

Read with book/learning/hyperparameter-search.md.

`run(config, budget)` returns the loss after `budget` units of training; a trial that goes on is
paid only for the units added. Budgets and costs are counted in those units.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from groundtruth.learning.hyperparameter_search import Config, Space, Trial, tpe_propose

Run = Callable[[Config, int], float]


@dataclass
class Outcome:
    """The best configuration seen at its largest budget, its loss, the units spent, and all
    evaluations (config, budget, loss).
    """

    config: Config
    loss: float
    cost: int
    history: list[tuple[Config, int, float]] = field(repr=False)


def _outcome(history: list[tuple[Config, int, float]], cost: int) -> Outcome:
    top = max(budget for _, budget, _ in history)
    # a loss of NaN is a failed run: it must lose against every other
    config, _, loss = min(
        (h for h in history if h[1] == top), key=lambda h: np.inf if np.isnan(h[2]) else h[2]
    )
    return Outcome(config, loss, cost, history)


def _rates(R: int, eta: int) -> None:
    if R < 1 or eta < 2:
        raise ValueError(
            f"need a largest budget of at least 1 and eta of at least 2, got R = {R} and eta ="
            f" {eta}"
        )


def successive_halving(
    run: Run, configs: Sequence[Config], r: int, R: int, eta: int = 3
) -> Outcome:
    """Give all r units, keep the best of every eta, give those eta times as much, until R (Jamieson
    and Talwalkar, 2016).

    Examples
    --------
    >>> out = successive_halving(
    ...     lambda c, b: c["x"] + 1 / b, [{"x": float(x)} for x in range(9)], 1, 9
    ... )
    >>> out.config, out.cost
    ({'x': 0.0}, 21)
    """
    _rates(R, eta)
    if not len(configs) or not 1 <= r <= R:
        raise ValueError(
            f"need configurations and 1 <= r <= R, got {len(configs)}, r = {r}, R = {R}"
        )
    alive = list(configs)
    spent = 0
    cost = 0
    history: list[tuple[Config, int, float]] = []
    while True:
        losses = [float(run(c, r)) for c in alive]
        cost += len(alive) * (r - spent)
        history += [(c, r, loss) for c, loss in zip(alive, losses, strict=True)]
        if r * eta > R or len(alive) < eta:
            return _outcome(history, cost)
        order = np.argsort(losses, kind="stable")  # NaN comes last
        alive = [alive[i] for i in order[: len(alive) // eta]]
        spent = r
        r = r * eta


def hyperband_table(R: int, eta: int = 3) -> list[list[tuple[int, int]]]:
    """Brackets of (configurations, budget): n = ceil((s_max + 1) eta^s / (s + 1)), halved by the
    floor (Li et al., 2018, algorithm 1).

    Examples
    --------
    >>> hyperband_table(9)
    [[(9, 1), (3, 3), (1, 9)], [(5, 3), (1, 9)], [(3, 9)]]
    """
    _rates(R, eta)
    most = 0
    while eta ** (most + 1) <= R:
        most += 1
    table = []
    for s in range(most, -1, -1):
        n = -(-(most + 1) * eta**s // (s + 1))
        table.append([(n // eta**i, R // eta ** (s - i)) for i in range(s + 1) if n // eta**i])
    return table


def hyperband(run: Run, propose: Callable[[], Config], R: int, eta: int = 3) -> Outcome:
    """One successive halving per bracket, from many short trials to few long ones."""
    history: list[tuple[Config, int, float]] = []
    cost = 0
    for bracket in hyperband_table(R, eta):
        alive = [propose() for _ in range(bracket[0][0])]
        spent = 0
        for n, r in bracket:  # the budgets of the table, so that every bracket ends at R
            alive = alive[:n]
            losses = [float(run(c, r)) for c in alive]
            cost += n * (r - spent)
            history += [(c, r, loss) for c, loss in zip(alive, losses, strict=True)]
            order = np.argsort(losses, kind="stable")  # NaN comes last
            alive = [alive[i] for i in order]
            spent = r
    return _outcome(history, cost)


def bohb(
    run: Run,
    space: Space,
    R: int,
    rng: np.random.Generator,
    eta: int = 3,
    share_random: float = 0.3,
    n_min: int = 8,
) -> Outcome:
    """Hyperband whose configurations come from TPE on the largest budget with at least n_min
    results (Falkner, Klein and Hutter, 2018).
    """
    if not 0 <= share_random <= 1:
        raise ValueError(f"share_random must lie between 0 and 1, got {share_random}")
    results: dict[int, list[Trial]] = {}

    def noted(config: Config, budget: int) -> float:
        loss = float(run(config, budget))
        results.setdefault(budget, []).append(Trial(config, loss))
        return loss

    def propose() -> Config:
        rich = [b for b, trials in results.items() if len(trials) >= n_min]
        if not rich or rng.random() < share_random:
            return space.sample(rng)
        return tpe_propose(space, results[max(rich)], rng)

    return hyperband(noted, propose, R, eta)


@dataclass
class Simulation:
    """What a simulated cluster did: hours until the end, share of worker hours idle, evaluations,
    and trials per budget.
    """

    hours: float
    idle: float
    loss: float
    per_budget: dict[int, int]


def asha(
    run: Run,
    propose: Callable[[], Config],
    hours: Callable[[int], float],
    workers: int,
    jobs: int,
    r: int,
    R: int,
    eta: int = 3,
) -> Simulation:
    """Asynchronous successive halving on a simulated clock: a free worker promotes if it can,
    otherwise it starts a new trial (Li et al., 2020).

    Parameters
    ----------
    hours : callable
        units -> the (random) time a worker needs for them.
    jobs : int
        How many evaluations are started in all.
    """
    _rates(R, eta)
    if workers < 1 or jobs < 1 or not 1 <= r <= R:
        raise ValueError(
            f"need workers, jobs and 1 <= r <= R, got {workers}, {jobs}, r = {r}, R = {R}"
        )
    rungs: dict[int, list[tuple[float, int]]] = {}
    promoted: dict[int, set[int]] = {}
    configs: list[Config] = []
    queue: list[tuple[float, int, int, int]] = []  # end, job, trial, budget
    clock = 0.0
    busy = 0.0
    best = (0, np.inf)

    def task() -> tuple[int, int, int]:
        """(trial, budget, units to pay): the highest promotion that is due, or a new trial."""
        for budget in sorted(rungs, reverse=True):
            done = sorted(rungs[budget])
            for loss, trial in done[: len(done) // eta]:
                if (
                    budget * eta <= R
                    and trial not in promoted.setdefault(budget, set())
                    and np.isfinite(loss)
                ):
                    promoted[budget].add(trial)
                    return trial, budget * eta, budget * eta - budget
        configs.append(propose())
        return len(configs) - 1, r, r

    started = 0
    while started < jobs or queue:
        while started < jobs and len(queue) < workers:
            trial, budget, units = task()
            spent = hours(units)
            busy += spent
            heapq.heappush(queue, (clock + spent, started, trial, budget))
            started += 1
        clock, _, trial, budget = heapq.heappop(queue)
        loss = float(run(configs[trial], budget))
        loss = np.inf if np.isnan(loss) else loss  # a failed run loses against every other
        rungs.setdefault(budget, []).append((loss, trial))
        best = min(best, (-budget, loss))
    return Simulation(
        clock, 1 - busy / (workers * clock), best[1], {b: len(v) for b, v in sorted(rungs.items())}
    )


def synchronous(
    n: int, hours: Callable[[int], float], workers: int, r: int, R: int, eta: int = 3
) -> tuple[float, float]:
    """Hours and idle share of successive halving on the same cluster, where a rung ends with its
    slowest trial.
    """
    _rates(R, eta)
    if workers < 1 or n < 1 or not 1 <= r <= R:
        raise ValueError(
            f"need workers, trials and 1 <= r <= R, got {workers}, {n}, r = {r}, R = {R}"
        )
    clock = 0.0
    busy = 0.0
    spent = 0
    while True:
        free = [0.0] * workers
        for _ in range(n):
            took = hours(r - spent)
            busy += took
            heapq.heapreplace(free, free[0] + took)
        clock += max(free)
        if r * eta > R or n < eta:
            return clock, 1 - busy / (workers * clock)
        n = n // eta
        spent = r
        r = r * eta
