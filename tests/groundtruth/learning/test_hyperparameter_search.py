"""Spaces and their searches against scikit-learn, SciPy and closed forms; bad input."""

import warnings
from fractions import Fraction

import numpy as np
import pytest
from groundtruth.learning import hyperparameter_search as search
from groundtruth.learning.hyperparameter_search import Choice, Real, Space, Whole
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest, qmc, truncnorm
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


@pytest.mark.parametrize(
    ("low", "high", "log"),
    [
        (1.0, 1.0, False),
        (2.0, 1.0, False),
        (-np.inf, 1.0, False),
        (0.0, np.inf, False),
        (np.nan, 1.0, False),
        (0.0, np.nan, False),
        (0.0, 1.0, True),
        (-1.0, 1.0, True),
    ],
)
def test_a_range_must_be_finite_and_positive_for_a_logarithm(low, high, log):
    with pytest.raises(ValueError, match=f"got {low} and {high}"):
        Real(low, high, log)


def test_a_range_is_linear_by_default_and_may_begin_at_or_below_zero():
    assert Real(0.0, 10.0) == Real(0.0, 10.0, log=False)
    assert [Real(-2.0, 6.0).at(u) for u in (0.0, 0.25, 1.0)] == [-2.0, 0.0, 6.0]
    assert [Real(-2.0, 6.0).share(v) for v in (-2.0, 0.0, 6.0)] == [0.0, 0.25, 1.0]
    decades = Real(1e-3, 1e3, log=True)
    assert np.allclose([decades.at(u) for u in (0, 1 / 6, 0.5, 1)], [1e-3, 1e-2, 1, 1e3])
    assert np.allclose([decades.share(v) for v in (1e-3, 1e-2, 1, 1e3)], [0, 1 / 6, 0.5, 1])
    assert Real(0.5, 2.0, log=True).low == 0.5


@pytest.mark.parametrize(("low", "high"), [(0.5, 3), (1, 3.5)])
def test_ends_of_whole_numbers_must_be_whole(low, high):
    with pytest.raises(ValueError, match=f"ends must be whole numbers, got {low} and {high}"):
        Whole(low, high)


def test_a_range_of_whole_numbers_is_a_range():
    with pytest.raises(ValueError, match="low < high"):
        Whole(3, 3)
    with pytest.raises(ValueError, match="above 0"):
        Whole(0, 3, log=True)
    assert Whole(2.0, 3.0).at(0.1) == 2


def test_every_whole_number_has_the_same_share():
    # -1, 0, 1, 2 have a quarter each
    param = Whole(-1, 2)
    ends = [param.at(u) for u in (0.0, 0.24, 0.26, 0.49, 0.51, 0.74, 0.76, 1.0)]
    assert ends == [-1, -1, 0, 0, 1, 1, 2, 2]
    assert all(type(param.at(u)) is int for u in (0.0, 0.4, 1.0))
    assert [param.share(v) for v in (-1, 0.5, 2)] == [0.0, 0.5, 1.0]


def test_the_logarithm_of_whole_numbers_is_uniform_half_an_octave_beyond_the_ends():
    # 2^1.5 ... 2^6.5, five octaves for 4, 8, ..., 64; 5 ends at 5.5
    param = Whole(4, 64, log=True)

    def place(value):
        return (np.log2(value) - 1.5) / 5

    for value in (4, 5, 6, 21, 63):
        assert param.at(place(value + 0.49)) == value
        assert param.at(place(value + 0.51)) == value + 1
    assert (param.at(0.0), param.at(1.0)) == (4, 64)
    assert all(type(param.at(u)) is int for u in (0.0, 0.4, 1.0))


def test_options_have_equal_shares():
    param = Choice(("a", "b", "c"))
    assert [param.at(u) for u in (0.0, 0.33, 0.34, 0.66, 0.67, 1.0)] == list("aabbcc")
    assert np.allclose([param.share(v) for v in "abc"], [1 / 6, 3 / 6, 5 / 6])
    assert Choice((1, 2)).at(0.5) == 2


def test_conditions_name_parameters_and_the_parent_comes_first():
    kind = Choice(("a", "b"))
    params = {"kind": kind, "x": Real(0, 1)}
    for name, parent in (("x", "y"), ("y", "kind"), ("kind", "x"), ("x", "x")):
        with pytest.raises(ValueError, match=f"condition on '{name}': both it and '{parent}'"):
            Space(params, when={name: (parent, "a")})
    assert Space(params).when == {}
    assert Space(params, when={"x": ("kind", "a")}).config([0.0, 0.5]) == {"kind": "a", "x": 0.5}


def test_a_parameter_whose_parent_is_out_is_out():
    kind = Choice(("a", "b"))
    space = Space(
        {"first": kind, "second": kind, "third": Real(0, 1)},
        when={"second": ("first", "b"), "third": ("second", "b")},
    )
    assert space.config([0.0, 0.9, 0.5]) == {"first": "a"}
    assert space.config([0.9, 0.0, 0.5]) == {"first": "b", "second": "a"}
    assert space.config([0.9, 0.9, 0.5]) == {"first": "b", "second": "b", "third": 0.5}


@pytest.mark.parametrize("u", [[0.1, 0.2, 0.3], [0.1] * 5])
def test_a_configuration_needs_as_many_shares_as_parameters(u):
    with pytest.raises(ValueError, match=f"each of 4 parameters, got {len(u)}"):
        SPACE.config(u)


def test_a_sample_is_a_uniform_point_of_the_cube():
    assert SPACE.sample(rng(5)) == SPACE.config(rng(5).random(4))
    assert SPACE.sample(rng(5)) != SPACE.sample(rng(6))


def test_the_grid_holds_every_combination_once_in_order():
    space = Space({"kind": Choice(("a", "b", "c")), "x": Real(0, 8)}, when={"x": ("kind", "b")})
    assert space.grid(2) == [
        {"kind": "a"},
        {"kind": "b", "x": 2.0},
        {"kind": "b", "x": 6.0},
        {"kind": "c"},
    ]
    assert space.grid(1) == [{"kind": "a"}, {"kind": "b", "x": 4.0}, {"kind": "c"}]


def test_grid_and_random_search_keep_configurations_and_values():
    space = Space({"x": Real(0, 8)})
    trials = search.grid_search(lambda c: Fraction(c["x"]), space, 2)
    assert [(t.config, t.value) for t in trials] == [({"x": 2.0}, 2.0), ({"x": 6.0}, 6.0)]
    assert all(type(t.value) is float for t in trials)
    drawn = search.random_search(lambda c: Fraction(c["x"]), space, 3, rng(1))
    generator = rng(1)
    assert [t.config for t in drawn] == [space.sample(generator) for _ in range(3)]
    assert all(type(t.value) is float and t.value == t.config["x"] for t in drawn)
    assert len(search.random_search(lambda c: 0.0, space, 1, rng(1))) == 1


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8, 9])
def test_any_number_of_sobol_points_begins_the_same_sequence(n):
    space = Space({"x": Real(0, 1), "y": Real(0, 1)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # SciPy's, for a number that is no power of two
        trials = search.sobol_search(lambda c: Fraction(1, 4), space, n, 3)
    points = [list(t.config.values()) for t in trials]
    assert np.allclose(points, qmc.Sobol(2, rng=rng(3)).random(16)[:n], atol=1e-12)
    assert all(type(t.value) is float and t.value == 0.25 for t in trials)
    assert points != [
        list(t.config.values()) for t in search.sobol_search(lambda c: 0.0, space, n, 4)
    ]


def test_failed_trials_count_as_infinite():
    values = [float("nan"), 3, 4, float("nan"), 1]
    best = search.best_so_far([search.Trial({}, v) for v in values])
    assert best.tolist() == [np.inf, 3.0, 3.0, 3.0, 1.0]
    assert search.best_so_far([search.Trial({}, 2)]).dtype == float


def test_bumps_are_as_wide_as_the_larger_distance_to_a_neighbor():
    centers, widths = search._bumps(np.array([0.9, 0.0]))
    # gaps 0.5 and 0.4; the bump at 0.5 stands for knowing nothing
    assert centers.tolist() == [0.0, 0.5, 0.9]
    assert np.allclose(widths, [0.5, 1.0, 0.4])
    centers, widths = search._bumps(np.array([0.1, 0.15, 0.3]))
    # gaps 0.05, 0.15, 0.2; at least 1 / (1 + 4), counting the bump at 0.5
    assert np.allclose(widths, [0.2, 0.2, 0.2, 1.0])
    centers, widths = search._bumps(np.array([]))
    assert (centers.tolist(), widths.tolist()) == ([0.5], [1.0])


def test_bumps_are_never_narrower_than_a_hundredth():
    _, widths = search._bumps(np.full(300, 0.2))
    assert np.isclose(widths.min(), 0.01)
    _, widths = search._bumps(np.full(97, 0.2))  # 98 with the one at 0.5
    assert np.isclose(widths.min(), 1 / 99)


def test_the_density_is_the_mean_of_normal_ones_cut_to_the_range():
    shares = np.array([0.05, 0.6, 0.95])
    at = np.linspace(0, 1, 7)
    want = np.zeros(7)
    for center, width in zip(*search._bumps(shares), strict=True):
        bump = truncnorm(-center / width, (1 - center) / width, loc=center, scale=width)
        want += bump.pdf(at) / 4
    assert np.allclose(search._density(shares, at), want)


def test_draws_follow_the_density():
    shares = np.array([0.05, 0.1, 0.95])
    drawn = search._drawn(shares, 4000, rng(2))
    assert drawn.shape == (4000,)
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    at = np.linspace(0, 1, 2001)
    mass = np.concatenate([[0], np.cumsum(search._density(shares, at)[1:])])
    below = np.interp(drawn, at, mass / mass[-1])
    assert kstest(below, "uniform").pvalue > 0.01
    assert np.array_equal(drawn, search._drawn(shares, 4000, rng(2)))
    assert not np.array_equal(drawn, search._drawn(shares, 4000, rng(3)))


def test_every_option_counts_once_more_than_it_was_chosen():
    param = Choice(("a", "b", "c"))
    assert search._options(["a", "a", "c"], param).tolist() == [3 / 6, 1 / 6, 2 / 6]
    assert np.allclose(search._options([], param), 1 / 3)


def seen_shares(monkeypatch, space, trials, **options):
    """The shares of the good and of the bad trials that a proposal fits, and what it proposes."""
    fitted = []
    density = search._density

    def noted(shares, at):
        fitted.append(sorted(shares.tolist()))
        return density(shares, at)

    monkeypatch.setattr(search, "_density", noted)
    config = search.tpe_propose(space, trials, rng(1), **options)
    return fitted, config


LINE = Space({"x": Real(0, 1)})


@pytest.mark.parametrize(
    ("n", "gamma", "good"), [(1, 0.1, 1), (10, 0.1, 1), (11, 0.1, 2), (20, 0.25, 5), (21, 0.25, 6)]
)
def test_the_best_share_of_the_trials_is_good(monkeypatch, n, gamma, good):
    places = rng(0).permutation(n) / n
    trials = [search.Trial({"x": x}, 10 + x) for x in places]
    fitted, _ = seen_shares(monkeypatch, LINE, trials, gamma=gamma)
    assert fitted == [[i / n for i in range(good)], [i / n for i in range(good, n)]]


def test_failed_trials_are_bad(monkeypatch):
    trials = [search.Trial({"x": x}, v) for x, v in ((0.1, np.nan), (0.2, 5.0), (0.3, 7.0))]
    fitted, _ = seen_shares(monkeypatch, LINE, trials, gamma=0.5)
    assert fitted == [[0.2, 0.3], [0.1]]


def test_a_conditional_parameter_learns_from_the_trials_that_have_it(monkeypatch):
    space = Space({"kind": Choice(("a", "b")), "x": Real(0, 1)}, when={"x": ("kind", "b")})
    trials = [search.Trial({"kind": "b", "x": i / 40}, i) for i in range(20)]
    trials += [search.Trial({"kind": "a"}, 50.0)] * 20
    fitted, config = seen_shares(monkeypatch, space, trials, gamma=0.1)
    assert config["kind"] == "b"
    assert fitted == [[i / 40 for i in range(4)], [i / 40 for i in range(4, 20)]]
    reverse = [search.Trial(t.config, -t.value) for t in trials]
    fitted, config = seen_shares(monkeypatch, space, reverse, gamma=0.5)
    assert config == {"kind": "a"}
    assert fitted == []


def test_the_candidate_with_the_largest_ratio_is_proposed(monkeypatch):
    at = np.array([0.9, 0.2, 0.4, 0.6])
    asked = []

    def drawn(shares, count, generator):
        asked.append((shares.tolist(), count))
        return at

    def density(shares, places):
        assert places is at
        good = shares.tolist() == [0.25]
        return np.array([4.0, 3.0, 6.0, 1.0] if good else [4.0, 1.0, 3.0, 1.0])

    monkeypatch.setattr(search, "_drawn", drawn)
    monkeypatch.setattr(search, "_density", density)
    trials = [search.Trial({"x": 2.0}, 0.0), search.Trial({"x": 5.0}, 1.0)]
    space = Space({"x": Real(0, 8)})
    assert search.tpe_propose(space, trials, rng()) == {"x": 0.2 * 8}  # 3 / 1 is the largest
    assert search.tpe_propose(space, trials, rng(), candidates=7) == {"x": 0.2 * 8}
    assert asked == [([0.25], 24), ([0.25], 7)]


def test_of_many_candidates_the_option_with_the_largest_ratio_is_proposed():
    space = Space({"kind": Choice(("a", "b", "c"))})
    # good: a a b, bad: a a a c; ratios (3/6) / (4/7), (2/6) / (1/7), (1/6) / (2/7)
    trials = [search.Trial({"kind": kind}, i) for i, kind in enumerate("aabaaac")]
    for seed in range(20):
        config = search.tpe_propose(space, trials, rng(seed), gamma=0.4, candidates=200)
        assert config == {"kind": "b"}
    single = [
        search.tpe_propose(space, trials, rng(s), gamma=0.4, candidates=1)["kind"]
        for s in range(600)
    ]
    shares = [single.count(kind) / 600 for kind in "abc"]
    assert np.allclose(shares, [3 / 6, 2 / 6, 1 / 6], atol=0.08)


def test_a_proposal_has_stated_defaults_and_follows_its_generator():
    trials = search.random_search(lambda c: c["rate"], SPACE, 30, rng(1))
    plain = search.tpe_propose(SPACE, trials, rng(2))
    assert plain == search.tpe_propose(SPACE, trials, rng(2), gamma=0.1, candidates=24)
    assert plain != search.tpe_propose(SPACE, trials, rng(3))
    assert search.tpe_propose(SPACE, [], rng(2)).keys() >= {"rate", "width", "kind"}


@pytest.mark.parametrize(("gamma", "candidates"), [(0.0, 24), (1.0, 24), (0.1, 0)])
def test_a_share_of_good_trials_and_candidates_are_needed(gamma, candidates):
    with pytest.raises(ValueError, match=f"got {gamma} and {candidates}"):
        search.tpe_propose(LINE, [], rng(), gamma, candidates)


def proposals(monkeypatch, n, seed=1, **options):
    """The trials of a search, and with how many trials and which gamma each proposal was made."""
    asked = []

    def propose(space, trials, generator, gamma):
        asked.append((len(trials), gamma))
        return space.sample(generator)

    monkeypatch.setattr(search, "tpe_propose", propose)
    return search.tpe(lambda c: Fraction(1, 2), LINE, n, rng(seed), **options), asked


def test_the_first_trials_of_tpe_are_random(monkeypatch):
    trials, asked = proposals(monkeypatch, 14, share_random=0.0)
    assert trials[:10] == search.random_search(lambda c: 0.5, LINE, 10, rng(1))
    assert all(type(t.value) is float for t in trials)
    assert asked == [(10, 0.1), (11, 0.1), (12, 0.1), (13, 0.1)]
    _, asked = proposals(monkeypatch, 4, n_init=2, gamma=0.3, share_random=0.0)
    assert asked == [(2, 0.3), (3, 0.3)]


def test_a_share_of_the_later_trials_is_random(monkeypatch):
    assert len(proposals(monkeypatch, 30, n_init=0, share_random=1.0)[1]) == 0
    assert np.isclose(len(proposals(monkeypatch, 1000, n_init=0)[1]) / 1000, 0.85, atol=0.045)
    half = proposals(monkeypatch, 1000, n_init=0, share_random=0.5)[1]
    assert np.isclose(len(half) / 1000, 0.5, atol=0.065)
    assert len(proposals(monkeypatch, 1)[0]) == 1


def test_tpe_has_stated_defaults():
    def f(config):
        return config["x"]

    plain = search.tpe(f, LINE, 14, rng(3))
    full = search.tpe(f, LINE, 14, rng(3), n_init=10, gamma=0.1, share_random=0.15)
    assert plain == full
    assert plain != search.tpe(f, LINE, 14, rng(4))


@pytest.mark.parametrize("share", [-0.01, 1.01])
def test_a_random_share_outside_of_0_and_1_is_refused(share):
    with pytest.raises(ValueError, match="share_random must lie between 0 and 1"):
        search.tpe(lambda c: 0.0, LINE, 2, rng(), share_random=share)


def test_a_condition_on_none_is_not_met_by_a_parent_that_is_out():
    space = Space(
        {"kind": Choice(("a", "b")), "depth": Choice((None, 3)), "x": Real(0, 1)},
        when={"depth": ("kind", "b"), "x": ("depth", None)},
    )
    assert space.config([0.1, 0.1, 0.5]) == {"kind": "a"}
    assert space.config([0.9, 0.1, 0.5]) == {"kind": "b", "depth": None, "x": 0.5}
    assert space.config([0.9, 0.9, 0.5]) == {"kind": "b", "depth": 3}
    trials = [search.Trial({"kind": "a"}, float(i)) for i in range(40)]
    proposed = [search.tpe_propose(space, trials, rng(s), gamma=0.5) for s in range(20)]
    assert {"kind": "a"} in proposed
    assert all(("x" in c) == (c.get("depth", 3) is None) for c in proposed)


def test_a_parameter_after_one_that_is_out_is_proposed():
    space = Space(
        {"kind": Choice(("a", "b")), "x": Real(0, 1), "y": Real(0, 1)}, when={"x": ("kind", "b")}
    )
    trials = [search.Trial({"kind": "a", "y": 0.5}, float(i)) for i in range(40)]
    proposed = [search.tpe_propose(space, trials, rng(s), gamma=0.5) for s in range(20)]
    assert all("y" in c for c in proposed)
    assert any("x" not in c for c in proposed)


def test_a_draw_equal_to_the_random_share_is_guided(monkeypatch):
    # draws are multiples of 2^-53 from 0 on: those below the share have its probability
    share = rng(1).random()
    _, asked = proposals(monkeypatch, 1, seed=1, n_init=0, share_random=share)
    assert asked == [(0, 0.1)]


def test_values_of_any_type_are_compared_in_double_precision():
    best = search.best_so_far([search.Trial({}, v) for v in np.float32([0.3, 0.1])])
    assert best.dtype == np.float64
    exact = search.best_so_far([search.Trial({}, v) for v in (Fraction(1, 2), Fraction(1, 4))])
    assert exact.tolist() == [0.5, 0.25]


def test_no_bump_is_wider_than_the_range():
    # a trial from a wider space has a share above 1
    centers, widths = search._bumps(np.array([3.0, 2.5]))
    assert centers.tolist() == [0.5, 2.5, 3.0]
    assert widths.tolist() == [1.0, 1.0, 0.5]
