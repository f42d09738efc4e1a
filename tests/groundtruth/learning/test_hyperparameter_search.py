"""Spaces and their searches against scikit-learn, SciPy and closed forms; bad input."""

import numpy as np
import pytest
from groundtruth.learning import hyperparameter_search as search
from groundtruth.learning.hyperparameter_search import Choice, Real, Space, Whole
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import qmc
from sklearn.model_selection import ParameterGrid

SPACE = Space(
    {
        "rate": Real(1e-4, 1.0, log=True),
        "width": Whole(4, 64, log=True),
        "kind": Choice(("sgd", "adam")),
        "momentum": Real(0.0, 0.99),
    },
    when={"momentum": ("kind", "sgd")},
)


def rng(seed=0):
    return np.random.default_rng(seed)


@given(st.floats(0, 1), st.sampled_from([Real(-2, 3), Real(1e-5, 10, log=True)]))
def test_share_is_the_inverse_of_at(u, param):
    assert np.isclose(param.share(param.at(u)), u, atol=1e-9)
    assert param.low - 1e-12 <= param.at(u) <= param.high + 1e-12


@given(st.floats(0, 1))
def test_whole_numbers_and_choices_stay_in_range(u):
    assert Whole(2, 9).at(u) in range(2, 10)
    assert Whole(4, 64, log=True).at(u) in range(4, 65)
    assert Choice(("a", "b", "c")).at(u) in "abc"


def test_whole_numbers_are_drawn_evenly():
    drawn = [Whole(1, 4).at(u) for u in rng().random(40_000)]
    assert np.allclose(np.bincount(drawn)[1:] / 40_000, 0.25, atol=0.02)


@given(st.integers(0, 10_000))
def test_a_condition_keeps_its_parameter_out(seed):
    config = SPACE.sample(rng(seed))
    assert ("momentum" in config) == (config["kind"] == "sgd")


def test_the_grid_is_scikit_learns():
    space = Space({"x": Real(0, 1), "y": Real(0, 10), "kind": Choice(("a", "b"))})
    want = list(
        ParameterGrid({"x": [1 / 6, 0.5, 5 / 6], "y": [10 / 6, 5.0, 50 / 6], "kind": ["a", "b"]})
    )
    ours = space.grid(3)

    def key(c):
        return (c["kind"], round(c["x"], 9), round(c["y"], 9))

    assert sorted(map(key, ours)) == sorted(map(key, want))


def test_sobol_points_are_scipys_and_fill_every_cell():
    space = Space({"x": Real(0, 1), "y": Real(0, 1)})
    points = np.array(
        [[t.config["x"], t.config["y"]] for t in search.sobol_search(lambda c: 0.0, space, 16, 3)]
    )
    assert np.allclose(points, qmc.Sobol(2, rng=rng(3)).random(16))
    assert len({(int(4 * x), int(4 * y)) for x, y in points}) == 16


def test_the_parzen_density_has_mass_one():
    at = np.linspace(0, 1, 20_001)
    for shares in ([], [0.5], [0.0, 1.0, 0.2]):
        assert np.isclose(np.trapezoid(search._density(np.array(shares), at), at), 1, atol=1e-3)


def test_tpe_beats_random_search_in_most_seeds():
    def f(c):
        return (
            (np.log10(c["rate"]) + 2) ** 2
            + (0.5 if c["kind"] == "adam" else (c["momentum"] - 0.8) ** 2)
            + 0.1 * np.log2(c["width"] / 16) ** 2
        )

    wins = [
        search.best_so_far(search.tpe(f, SPACE, 60, rng(s)))[-1]
        < search.best_so_far(search.random_search(f, SPACE, 60, rng(s + 100)))[-1]
        for s in range(30)
    ]
    assert np.mean(wins) >= 0.7


def test_tpe_survives_failed_trials():
    trials = search.tpe(
        lambda c: float("nan") if c["x"] > 0.5 else c["x"], Space({"x": Real(0, 1)}), 40, rng()
    )
    assert np.isfinite(search.best_so_far(trials)[-1])
    assert np.mean([t.config["x"] > 0.5 for t in trials[20:]]) < 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Real(1, 1), "low < high"),
        (lambda: Real(0, 1, log=True), "above 0"),
        (lambda: Choice(("a",)), "two options"),
        (lambda: Space({}), "no parameters"),
        (lambda: Space({"a": Real(0, 1)}, when={"a": ("b", 1)}), "condition on 'a'"),
        (lambda: SPACE.config([0.5]), "one share"),
        (lambda: SPACE.grid(0), "one point"),
        (lambda: search.random_search(lambda c: 0.0, SPACE, 0, rng()), "one trial"),
        (lambda: search.sobol_search(lambda c: 0.0, SPACE, 0, 0), "one trial"),
        (lambda: search.tpe(lambda c: 0.0, SPACE, 0, rng()), "one trial"),
        (lambda: search.tpe_propose(SPACE, [], rng(), gamma=0.0), "gamma"),
        (lambda: search.tpe(lambda c: 0.0, SPACE, 2, rng(), share_random=2.0), "share_random"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
