"""Budgets by formula, halving against scikit-learn's, promotions by hand, a simulated cluster; bad
input.
"""

from itertools import pairwise

import numpy as np
import pytest
from groundtruth.learning import multifidelity as mf
from groundtruth.learning.hyperparameter_search import Real, Space
from hypothesis import given
from hypothesis import strategies as st

LINE = Space({"x": Real(0, 1)})


def curve(config, budget):
    return config["x"] + 1.0 / budget


def test_the_table_of_the_paper():
    counts = [[n for n, _ in bracket] for bracket in mf.hyperband_table(81)]
    assert counts == [[81, 27, 9, 3, 1], [34, 11, 3, 1], [15, 5, 1], [8, 2], [5]]
    assert [[r for _, r in bracket] for bracket in mf.hyperband_table(81)] == [
        [1, 3, 9, 27, 81],
        [3, 9, 27, 81],
        [9, 27, 81],
        [27, 81],
        [81],
    ]


@given(st.integers(1, 300), st.integers(2, 5))
def test_brackets_end_at_the_full_budget_and_cost_about_the_same(R, eta):
    table = mf.hyperband_table(R, eta)
    assert all(bracket[-1][1] == R for bracket in table)
    assert len(table) == len(table[0])
    for bracket in table:
        assert all(a[0] >= b[0] and a[1] <= b[1] for a, b in pairwise(bracket))


@given(st.integers(0, 10_000), st.integers(3, 40))
def test_halving_keeps_the_best_when_curves_do_not_cross(seed, n):
    rng = np.random.default_rng(seed)
    configs = [LINE.sample(rng) for _ in range(n)]
    out = mf.successive_halving(curve, configs, 1, 27)
    assert out.config["x"] == min(c["x"] for c in configs)
    units = 0
    spent = 0
    count = n
    r = 1
    while True:
        units = units + count * (r - spent)
        spent = r
        if r * 3 > 27 or count < 3:
            break
        count = count // 3
        r = r * 3
    assert out.cost == units


def test_the_rungs_are_scikit_learns():
    from sklearn.dummy import DummyRegressor
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingGridSearchCV

    grid = {"constant": list(np.linspace(0, 1, 27))}
    theirs = HalvingGridSearchCV(
        DummyRegressor(strategy="constant"),
        grid,
        factor=3,
        min_resources=10,
        max_resources=270,
        cv=2,
    ).fit(np.zeros((270, 1)), np.zeros(270))
    ours = mf.successive_halving(curve, [{"x": c} for c in grid["constant"]], 10, 270)
    budgets = sorted({b for _, b, _ in ours.history})
    assert [
        sum(b == budget for _, b, _ in ours.history) for budget in budgets
    ] == theirs.n_candidates_
    assert budgets == theirs.n_resources_


def test_crossing_curves_fool_halving():
    def slow(c, b):
        return (1.0 if b < 9 else 0.0) if c["x"] > 0.9 else 0.5

    configs = [{"x": x} for x in np.linspace(0, 1, 27)]
    assert mf.successive_halving(slow, configs, 1, 27).loss == 0.5
    assert mf.successive_halving(slow, configs, 9, 27).loss == 0.0


def test_hyperband_and_bohb_find_the_bottom_of_a_line():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        plain = mf.hyperband(curve, lambda rng=rng: LINE.sample(rng), 27)
        guided = mf.bohb(curve, LINE, 27, np.random.default_rng(seed))
        assert plain.config["x"] < 0.2
        assert guided.config["x"] < 0.2
        assert plain.cost == guided.cost


def test_asha_promotes_about_a_third_and_uses_the_full_budget():
    rng = np.random.default_rng(1)
    done = mf.asha(curve, lambda: LINE.sample(rng), float, workers=4, jobs=60, r=1, R=9)
    # it promotes what is in the best third at that moment; some of these are overtaken later, so it
    # may be a few more
    assert sum(done.per_budget.values()) == 60
    assert all(0.2 < done.per_budget[b * 3] / done.per_budget[b] < 0.5 for b in (1, 3))
    assert done.idle < 0.2
    assert done.loss < 0.4


def test_stragglers_idle_a_synchronous_cluster_more():
    rng = np.random.default_rng(2)

    def heavy(units):
        return units * (1 + rng.pareto(1.5))

    ours = [mf.asha(curve, lambda: LINE.sample(rng), heavy, 9, 100, 1, 27).idle for _ in range(20)]
    theirs = [mf.synchronous(81, heavy, 9, 1, 27)[1] for _ in range(20)]
    assert np.mean(ours) < np.mean(theirs) - 0.1


def test_synchronous_hours_by_hand():
    assert mf.synchronous(9, float, 3, 1, 9) == (3 + 2 + 6, 1 - (9 + 6 + 6) / 33)


def test_failed_trials_are_dropped():
    out = mf.successive_halving(
        lambda c, b: float("nan") if c["x"] < 0.5 else c["x"],
        [{"x": x} for x in np.linspace(0, 1, 9)],
        1,
        9,
    )
    assert out.loss == 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mf.successive_halving(curve, [], 1, 9), "need configurations"),
        (lambda: mf.successive_halving(curve, [{"x": 0}], 10, 9), "r = 10"),
        (lambda: mf.hyperband_table(0), "R = 0"),
        (lambda: mf.hyperband_table(9, 1), "eta = 1"),
        (lambda: mf.bohb(curve, LINE, 9, np.random.default_rng(0), share_random=2), "share_random"),
        (lambda: mf.asha(curve, dict, float, 0, 1, 1, 9), "workers"),
        (lambda: mf.synchronous(0, float, 1, 1, 9), "workers"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
