"""Budgets by formula, halving against scikit-learn's, promotions by hand, a simulated cluster; bad
input.
"""

import math
from fractions import Fraction
from itertools import count, pairwise

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
        if c["x"] <= 0.9:
            return 0.5
        return 1.0 if b < 9 else 0.0

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


def counted():
    """Proposals x = 0, 1, 2, ..."""
    numbers = count()
    return lambda: {"x": next(numbers)}


def noting(calls, loss=curve):
    """A run that notes (x, budget) of its calls."""

    def run(config, budget):
        calls.append((config["x"], budget))
        return loss(config, budget)

    return run


def test_halving_by_hand():
    calls = []
    configs = [{"x": x} for x in (4, 1, 3, 0, 5, 2)]
    out = mf.successive_halving(noting(calls), configs, 1, 9)
    # 6 at budget 1, the best 2 at budget 3; 2 are fewer than eta
    assert calls == [(4, 1), (1, 1), (3, 1), (0, 1), (5, 1), (2, 1), (0, 3), (1, 3)]
    assert out.config == {"x": 0}
    assert out.loss == 1 / 3
    assert out.cost == 6 * 1 + 2 * 2
    assert [(c["x"], b) for c, b, _ in out.history] == calls
    assert [loss for *_, loss in out.history] == [curve({"x": x}, b) for x, b in calls]


def test_as_many_as_eta_are_halved_once_more_and_the_budget_may_end_at_R():
    assert mf.successive_halving(curve, [{"x": x} for x in range(4)], 1, 4, eta=2).cost == 4 + 2 + 2
    assert mf.successive_halving(curve, [{"x": x} for x in range(4)], 1, 3, eta=2).cost == 4 + 2
    assert mf.successive_halving(curve, [{"x": 0}], 5, 5).cost == 5
    assert mf.successive_halving(curve, [{"x": 0}], 1, 1).loss == 1.0


def test_of_equal_losses_the_first_configurations_stay():
    calls = []
    run = noting(calls, lambda config, budget: config["x"] % 2)
    mf.successive_halving(run, [{"x": x} for x in range(160)], 1, 3)
    assert calls[160:] == [(2 * i, 3) for i in range(160 // 3)]


def test_a_loss_at_a_smaller_budget_does_not_count():
    out = mf.successive_halving(lambda c, b: c["x"] + b, [{"x": x} for x in range(3)], 1, 3)
    assert (out.config, out.loss) == ({"x": 0}, 3.0)


def test_of_failed_and_finished_runs_the_finished_wins():
    for losses in ([np.nan, 2.0], [2.0, np.nan], [np.nan, 2.0, np.nan]):
        configs = [{"x": x} for x in range(len(losses))]
        out = mf.successive_halving(lambda c, b, v=losses: v[c["x"]], configs, 1, 1)
        assert out.loss == 2.0
        assert out.config == {"x": losses.index(2.0)}


@pytest.mark.parametrize(("r", "R"), [(0, 9), (10, 9)])
def test_a_first_budget_outside_of_the_range_is_refused(r, R):
    with pytest.raises(ValueError, match=f"got 1, r = {r}, R = {R}"):
        mf.successive_halving(curve, [{"x": 0}], r, R)


def test_brackets_of_the_smallest_budgets_and_rates():
    assert mf.hyperband_table(1) == [[(1, 1)]]
    assert mf.hyperband_table(2, 2) == [[(2, 1), (1, 2)], [(2, 2)]]
    assert mf.hyperband_table(8, 3) == [[(3, 2), (1, 8)], [(2, 8)]]
    assert mf.hyperband_table(9) == mf.hyperband_table(9, 3)


@pytest.mark.parametrize(("R", "eta"), [(0, 3), (9, 1), (-1, 1)])
def test_budgets_below_one_and_rates_below_two_are_refused_everywhere(R, eta):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=f"R = {R} and eta = {eta}"):
        mf.successive_halving(curve, [{"x": 0}], 1, R, eta)
    with pytest.raises(ValueError, match=f"R = {R} and eta = {eta}"):
        mf.hyperband(curve, counted(), R, eta)
    with pytest.raises(ValueError, match=f"R = {R} and eta = {eta}"):
        mf.bohb(curve, LINE, R, rng, eta)
    with pytest.raises(ValueError, match=f"R = {R} and eta = {eta}"):
        mf.asha(curve, counted(), float, 1, 1, 1, R, eta)
    with pytest.raises(ValueError, match=f"R = {R} and eta = {eta}"):
        mf.synchronous(1, float, 1, 1, R, eta)


@given(st.integers(1, 2000), st.integers(2, 6))
def test_the_table_equals_the_algorithm_in_fractions(R, eta):
    most = max(s for s in range(12) if eta**s <= R)
    for bracket, s in zip(mf.hyperband_table(R, eta), range(most, -1, -1), strict=True):
        n = math.ceil(Fraction((most + 1) * eta**s, s + 1))
        want = [(n // eta**i, R // eta ** (s - i)) for i in range(s + 1)]
        assert bracket == [(size, budget) for size, budget in want if size]


def test_hyperband_by_hand():
    calls = []
    out = mf.hyperband(noting(calls, lambda c, b: abs(c["x"] - 10) + 1 / b), counted(), 9)
    # brackets (9, 1) (3, 3) (1, 9); (5, 3) (1, 9); (3, 9) with x = 0 ... 8, 9 ... 13 and 14 ... 16
    first = [(x, 1) for x in range(9)] + [(8, 3), (7, 3), (6, 3), (8, 9)]
    second = [(x, 3) for x in range(9, 14)] + [(10, 9)]
    third = [(x, 9) for x in (14, 15, 16)]
    assert calls == first + second + third
    assert out.config == {"x": 10}
    assert out.loss == 1 / 9
    assert out.cost == (9 + 3 * 2 + 6) + (5 * 3 + 6) + 3 * 9
    assert [(c["x"], b) for c, b, _ in out.history] == calls
    assert all(isinstance(loss, float) for *_, loss in out.history)


def test_losses_of_other_types_become_numbers():
    out = mf.hyperband(lambda c, b: Fraction(1, 2), counted(), 3)
    assert {type(loss) for *_, loss in out.history} == {float}
    assert out.loss == 0.5
    assert type(out.loss) is float
    configs = [{"x": 0}]
    assert type(mf.successive_halving(lambda c, b: Fraction(1, 2), configs, 1, 1).loss) is float
    guided = mf.bohb(lambda c, b: Fraction(1, 2), LINE, 3, np.random.default_rng(0))
    assert {type(loss) for *_, loss in guided.history} == {float}


def test_without_enough_results_bohb_is_hyperband():
    rng = np.random.default_rng(3)
    plain = mf.hyperband(curve, lambda: LINE.sample(rng), 9, 2)
    guided = mf.bohb(curve, LINE, 9, np.random.default_rng(3), 2, n_min=1000)
    assert guided == plain


def test_bohb_has_stated_defaults():
    plain = mf.bohb(curve, LINE, 27, np.random.default_rng(4))
    full = mf.bohb(curve, LINE, 27, np.random.default_rng(4), eta=3, share_random=0.3, n_min=8)
    assert plain == full


def test_the_generator_decides_what_bohb_tries():
    one, again, other = (mf.bohb(curve, LINE, 9, np.random.default_rng(s)) for s in (1, 1, 2))
    assert one == again
    assert one.config != other.config


def learned(monkeypatch, **options):
    """The results from which BOHB learned, of each proposal of R = 9."""
    seen = []

    def propose(space, trials, rng):
        assert space is LINE
        seen.append([trial.value for trial in trials])
        return space.sample(rng)

    monkeypatch.setattr(mf, "tpe_propose", propose)
    out = mf.bohb(curve, LINE, 9, np.random.default_rng(5), **options)
    return seen, out


def test_bohb_learns_from_the_largest_budget_with_enough_results(monkeypatch):
    seen, out = learned(monkeypatch, share_random=0.0)
    # 9 results of budget 1 after the first bracket, 3 + 5 = 8 of budget 3 after the second
    assert [len(values) for values in seen] == [9] * 5 + [8] * 3
    small = [loss for _, budget, loss in out.history if budget == 1]
    assert seen[0] == small
    assert seen[-1] == [loss for _, budget, loss in out.history if budget == 3]
    assert len(learned(monkeypatch, share_random=0.0, n_min=10)[0]) == 0
    assert len(learned(monkeypatch, share_random=1.0)[0]) == 0


def test_bohb_proposes_a_share_at_random(monkeypatch):
    seen = []

    def propose(space, trials, rng):
        seen.append(1)
        return space.sample(rng)

    monkeypatch.setattr(mf, "tpe_propose", propose)
    n = 0
    for seed in range(60):
        mf.bohb(lambda c, b: 0.0, LINE, 9, np.random.default_rng(seed), share_random=0.25)
        n += 8  # proposals after the first bracket
    assert np.isclose(len(seen) / n, 0.75, atol=0.08)  # four standard errors


@pytest.mark.parametrize("share", [-0.01, 1.01])
def test_a_random_share_outside_of_0_and_1_is_refused(share):
    with pytest.raises(ValueError, match="share_random must lie between 0 and 1"):
        mf.bohb(curve, LINE, 9, np.random.default_rng(0), share_random=share)


def test_promotions_by_hand():
    calls = []
    done = mf.asha(noting(calls), counted(), float, workers=1, jobs=14, r=1, R=9)
    # with losses that rise, a third of a rung is promoted each time it has three more
    want = [(0, 1), (1, 1), (2, 1), (0, 3), (3, 1), (4, 1), (5, 1), (1, 3), (6, 1), (7, 1), (8, 1)]
    want += [(2, 3), (0, 9), (9, 1)]
    assert calls == want
    assert done.per_budget == {1: 10, 3: 3, 9: 1}
    assert list(done.per_budget) == [1, 3, 9]
    assert done.hours == 10 * 1 + 3 * 2 + 6  # a promotion pays for the units added
    assert done.idle == 0.0
    assert done.loss == 1 / 9


def test_a_simulated_clock_by_hand():
    calls = []
    times = iter([3.0, 1.0, 1.0])
    done = mf.asha(noting(calls), counted(), lambda units: next(times), 2, 3, 1, 1)
    # jobs 0 and 1 begin at 0, job 2 when job 1 ends at 1; the clock stops at 3
    assert calls == [(1, 1), (2, 1), (0, 1)]
    assert done.hours == 3.0
    assert done.idle == 1 - 5 / 6
    assert done.per_budget == {1: 3}
    assert done.loss == 1.0


def test_jobs_that_end_together_end_in_the_order_of_their_start():
    calls = []
    mf.asha(noting(calls), counted(), float, 3, 3, 1, 1)
    assert calls == [(0, 1), (1, 1), (2, 1)]


def test_the_best_loss_is_that_of_the_largest_budget():
    done = mf.asha(lambda c, b: c["x"] + b, counted(), float, 1, 4, 1, 3)
    assert done.loss == 3.0
    assert done.per_budget == {1: 3, 3: 1}


@pytest.mark.parametrize(("R", "budgets"), [(8, {1, 3}), (9, {1, 3, 9}), (26, {1, 3, 9})])
def test_no_trial_goes_beyond_the_largest_budget(R, budgets):
    done = mf.asha(curve, counted(), float, 2, 60, 1, R)
    assert set(done.per_budget) == budgets
    two = mf.asha(curve, counted(), float, 2, 60, 2, 8, 2)
    assert set(two.per_budget) == {2, 4, 8}


@pytest.mark.parametrize("failed", [np.nan, np.inf])
def test_failed_trials_are_not_promoted(failed):
    done = mf.asha(lambda c, b: failed, counted(), float, 2, 12, 1, 9)
    assert done.per_budget == {1: 12}
    assert done.loss == np.inf
    mixed = mf.asha(
        lambda c, b: failed if c["x"] % 2 else float(c["x"]), counted(), float, 1, 4, 1, 3
    )
    assert mixed.loss == 0.0
    assert mixed.per_budget == {1: 3, 3: 1}


@pytest.mark.parametrize(("workers", "jobs", "r"), [(0, 1, 1), (1, 0, 1), (1, 1, 0), (1, 1, 10)])
def test_a_cluster_needs_workers_jobs_and_a_budget(workers, jobs, r):
    with pytest.raises(ValueError, match=f"got {workers}, {jobs}, r = {r}, R = 9"):
        mf.asha(curve, counted(), float, workers, jobs, r, 9)
    with pytest.raises(ValueError, match=f"got {workers}, {jobs}, r = {r}, R = 9"):
        mf.synchronous(jobs, float, workers, r, 9)


def test_one_worker_and_one_job_are_a_cluster():
    assert mf.asha(curve, counted(), float, 1, 1, 1, 1) == mf.Simulation(1.0, 0.0, 1.0, {1: 1})
    assert mf.asha(curve, counted(), float, 1, 1, 9, 9).hours == 9.0
    assert mf.synchronous(1, float, 1, 1, 1) == (1.0, 0.0)
    assert mf.synchronous(1, float, 1, 9, 9) == (9.0, 0.0)


def test_a_rung_ends_with_its_slowest_trial():
    times = iter([3.0, 1.0, 1.0, 5.0])
    units = []

    def hours(n):
        units.append(n)
        return next(times)

    # a free worker takes the next: 3, 1 then 1 + 1; one of three goes on, alone for 5
    assert mf.synchronous(3, hours, 2, 1, 3) == (3 + 5, 1 - 10 / 16)
    assert units == [1, 1, 1, 2]


def test_a_synchronous_cluster_stops_at_the_largest_budget():
    assert mf.synchronous(4, float, 1, 1, 4, 2) == (4 + 2 * 1 + 1 * 2, 0.0)
    assert mf.synchronous(4, float, 1, 1, 3, 2) == (4 + 2 * 1, 0.0)
    assert mf.synchronous(9, float, 3, 1, 9) == mf.synchronous(9, float, 3, 1, 9, 3)


@given(st.integers(1, 200), st.integers(2, 5))
def test_every_bracket_runs_the_budgets_of_the_table(R, eta):
    calls = []
    out = mf.hyperband(noting(calls), counted(), R, eta)
    table = mf.hyperband_table(R, eta)
    assert [b for _, b in calls] == [b for bracket in table for n, b in bracket for _ in range(n)]
    cost = 0
    for bracket in table:
        spent = 0
        for n, budget in bracket:
            cost += n * (budget - spent)
            spent = budget
    assert out.cost == cost


def test_the_best_of_every_bracket_counts_for_any_largest_budget():
    # brackets (3, 2) (1, 8) with x = 0, 1, 2, and (2, 8) with x = 3, 4
    assert mf.hyperband(curve, counted(), 8, 3).config == {"x": 0}


def test_hyperband_keeps_the_first_of_equal_losses_and_drops_failed_runs():
    calls = []
    run = noting(calls, lambda c, b: np.nan if c["x"] < 2 else c["x"] % 2)
    mf.hyperband(run, counted(), 9)
    assert calls[:13] == [(x, 1) for x in range(9)] + [(2, 3), (4, 3), (6, 3), (2, 9)]


def test_a_draw_of_bohb_equal_to_the_random_share_is_guided(monkeypatch):
    rng = np.random.default_rng(5)
    for _ in range(9):  # the first bracket of R = 9, before any result
        LINE.sample(rng)
    share = rng.random()
    monkeypatch.setattr(mf, "tpe_propose", lambda space, trials, rng: {"x": 2.0})
    out = mf.bohb(curve, LINE, 9, np.random.default_rng(5), share_random=share)
    assert out.history[9 + 3 + 1][0] == {"x": 2.0}


def test_of_many_equal_losses_in_a_bracket_the_first_go_on():
    calls = []
    mf.hyperband(noting(calls, lambda c, b: c["x"] % 2), counted(), 243)
    # 243 at budget 1, of which the 81 first even ones go on
    assert calls[243 : 243 + 81] == [(2 * i, 3) for i in range(81)]
