"""The Gaussian process against scikit-learn, expected improvement against Monte Carlo, the search;
bad input.
"""

from fractions import Fraction
from typing import ClassVar

import numpy as np
import pytest
from groundtruth.learning.bayesian import GP, expected_improvement, gp_search
from groundtruth.learning.hyperparameter_search import (
    Choice,
    Real,
    Space,
    best_so_far,
    random_search,
)
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel

SQUARE = Space({"x": Real(0, 1), "y": Real(0, 1)})


@given(st.integers(0, 10_000), st.floats(0.1, 1.0))
def test_the_posterior_and_the_evidence_equal_scikit_learns(seed, length):
    rng = np.random.default_rng(seed)
    X = rng.random((9, 2))
    y = rng.normal(size=9)
    at = rng.random((5, 2))
    ours = GP(length, 1.0, 0.1).fit(X, y)
    theirs = GaussianProcessRegressor(RBF(length), alpha=0.01, optimizer=None).fit(X, y - y.mean())
    mu, sd = theirs.predict(at, return_std=True)
    assert np.allclose(ours.predict(at)[0], mu + y.mean(), atol=1e-6)
    assert np.allclose(ours.predict(at)[1], sd, atol=1e-6)
    assert np.isclose(ours.log_evidence(), theirs.log_marginal_likelihood_value_, atol=1e-6)


@pytest.mark.parametrize(("mu", "sd", "xi"), [(0.0, 1.0, 0.0), (1.0, 0.5, 0.1), (-0.5, 2.0, 0.3)])
def test_expected_improvement_is_the_mean_of_improvements(mu, sd, xi):
    drawn = np.random.default_rng(0).normal(mu, sd, 2_000_000)
    monte = np.maximum(0.2 - xi - drawn, 0).mean()
    assert np.isclose(expected_improvement([mu], [sd], 0.2, xi)[0], monte, atol=5e-3)


@given(st.floats(-3, 3), st.floats(0.01, 3), st.floats(-3, 3))
def test_improvement_grows_with_uncertainty_and_is_never_negative(mu, sd, best):
    small, large = expected_improvement([mu, mu], [sd, 2 * sd], best)
    assert 0 <= small <= large


def test_the_search_beats_random_search_on_branin():
    def branin(c):
        x = 15 * c["x"] - 5
        y = 15 * c["y"]
        return (
            (y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6) ** 2
            + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x)
            + 10
        )

    ours = [
        best_so_far(gp_search(branin, SQUARE, 25, np.random.default_rng(s)))[-1] for s in range(6)
    ]
    chance = [
        best_so_far(random_search(branin, SQUARE, 25, np.random.default_rng(s)))[-1]
        for s in range(6)
    ]
    assert np.median(ours) < 0.6 < np.median(chance)  # the minimum is 0.398


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GP(length=0.0), "positive"),
        (lambda: GP().fit([[0.0]], [1.0, 2.0]), r"\(1, 1\)"),
        (lambda: GP().fit([[np.nan]], [1.0]), "finite"),
        (lambda: GP().predict([[0.0]]), "fit the process"),
        (lambda: expected_improvement([0.0], [-1.0], 0.0), "below 0"),
        (
            lambda: gp_search(
                lambda c: 0.0, Space({"k": Choice((1, 2))}), 5, np.random.default_rng(0)
            ),
            "use tpe",
        ),
        (
            lambda: gp_search(lambda c: 0.0, SQUARE, 5, np.random.default_rng(0), n_init=1),
            "two to begin",
        ),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_constant_objective_is_no_obstacle():
    assert len(gp_search(lambda c: 1.0, SQUARE, 8, np.random.default_rng(0))) == 8


def test_a_process_has_stated_defaults():
    process = GP()
    assert (process.length, process.scale, process.noise) == (0.2, 1.0, 1e-4)


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.nan])
@pytest.mark.parametrize("name", ["length", "scale", "noise"])
def test_length_scale_and_noise_must_be_positive(name, wrong):
    with pytest.raises(ValueError, match="must be positive"):
        GP(**{name: wrong})


def test_the_covariance_by_definition():
    A = np.array([[0.0, 0.0], [1.0, 2.0], [0.5, 0.5]])
    B = np.array([[1.0, 0.0], [0.0, 3.0]])
    want = [[9 * np.exp(-sum((a - b) ** 2) / (2 * 0.7**2)) for b in B] for a in A]
    assert np.allclose(GP(0.7, 3.0).kernel(A, B), want)


def test_scale_and_noise_are_those_of_scikit_learn():
    rng = np.random.default_rng(3)
    X = rng.random((8, 2))
    y = 5 * rng.normal(size=8)
    at = rng.random((4, 2))
    ours = GP(0.4, 3.0, 0.5).fit(X, y)
    kernel = ConstantKernel(9.0) * RBF(0.4)
    theirs = GaussianProcessRegressor(kernel, alpha=0.25, optimizer=None).fit(X, y - y.mean())
    mu, sd = theirs.predict(at, return_std=True)
    assert np.allclose(ours.predict(at)[0], mu + y.mean())
    assert np.allclose(ours.predict(at)[1], sd)
    assert np.isclose(ours.log_evidence(), theirs.log_marginal_likelihood_value_)


def test_the_evidence_is_the_density_of_a_normal_distribution():
    X = np.array([[0.0], [0.3], [1.0]])
    y = np.array([1.0, 2.0, 6.0])
    process = GP(0.5, 2.0, 0.3).fit(X, y)
    covariance = process.kernel(X, X) + 0.09 * np.eye(3)
    want = multivariate_normal(np.full(3, 3.0), covariance).logpdf(y)
    assert np.isclose(process.log_evidence(), want, rtol=1e-12, atol=0)
    assert isinstance(process.log_evidence(), float)


def test_a_fit_returns_the_process_and_takes_one_observation():
    process = GP()
    assert process.fit([[0.5]], [2.0]) is process
    mu, sd = process.predict([[0.5], [9.0]])
    assert mu.tolist() == [2.0, 2.0]
    assert np.allclose(sd, [1e-4, 1.0], atol=1e-8)


def test_rounding_leaves_no_negative_variance():
    X = np.linspace(0, 1, 12)[:, None]
    process = GP(0.3, noise=1e-6).fit(X, X[:, 0])
    assert np.isfinite(process.predict(X)[1]).all()
    assert process.predict(X)[1].max() < 1e-4


def test_single_precision_data_are_computed_in_double():
    rng = np.random.default_rng(4)
    X = rng.random((6, 2)).astype(np.float32)
    y = rng.normal(size=6).astype(np.float32)
    ours = GP(0.3).fit(X, y)
    want = GP(0.3).fit(X.astype(float), y.astype(float))
    assert np.allclose(ours.predict(X + 1), want.predict((X + 1).astype(float)), rtol=1e-12, atol=0)
    assert np.isclose(ours.log_evidence(), want.log_evidence(), rtol=1e-12, atol=0)
    half = expected_improvement(np.float32([0.1]), np.float32([0.7]), 0.2)
    assert half.dtype == float
    want = expected_improvement([float(np.float32(0.1))], [float(np.float32(0.7))], 0.2)
    assert np.isclose(half[0], want[0], rtol=1e-14, atol=0)
    certain = expected_improvement(np.float32([0.1]), np.float32([0.0]), 0.2)
    assert np.isclose(certain[0], 0.2 - float(np.float32(0.1)), rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.ones(3), np.ones(3), r"need X \(n, d\)"),
        (np.ones((3, 1)), np.ones(2), r"\(3, 1\) and \(2,\)"),
        (np.ones((3, 1)), np.ones((3, 1)), r"\(3, 1\) and \(3, 1\)"),
        (np.ones((0, 1)), np.ones(0), "at least one row"),
        ([[np.inf], [1.0]], [1.0, 2.0], "finite"),
        ([[0.0], [1.0]], [1.0, np.nan], "finite"),
    ],
)
def test_observations_that_are_none_are_refused(X, y, message):
    with pytest.raises(ValueError, match=message):
        GP().fit(X, y)


def test_points_that_are_one_are_named_with_the_way_out():
    with pytest.raises(ValueError, match="raise the noise of 1e-12 or shorten the length of 0.5"):
        GP(0.5, noise=1e-12).fit([[0.3], [0.3]], [1.0, 2.0])


@pytest.mark.parametrize(("xi", "want"), [(0.0, 0.75), (0.25, 0.5), (2.0, 0.0)])
def test_without_uncertainty_the_improvement_is_certain(xi, want):
    assert expected_improvement([0.25], [0.0], 1.0, xi).tolist() == [want]


def test_the_improvement_sought_is_any_by_default():
    assert expected_improvement([0.1], [0.5], 0.0) == expected_improvement([0.1], [0.5], 0.0, 0.0)
    assert expected_improvement([0.1], [0.5], 0.0) > expected_improvement([0.1], [0.5], 0.0, 0.5)


def test_the_improvement_is_an_integral():
    for mu, sd, best, xi in ((1, 2, 0, 0.5), (-0.3, 0.1, 0.0, 0.2), (0.0, 3.0, 1.0, 0.0)):
        value = np.linspace(mu - 12 * sd, best - xi, 20_001)
        density = np.exp(-(((value - mu) / sd) ** 2) / 2) / (sd * np.sqrt(2 * np.pi))
        want = np.trapezoid((best - xi - value) * density, value)
        assert np.isclose(expected_improvement([mu], [sd], best, xi)[0], want, rtol=1e-5)


@pytest.mark.parametrize(
    ("mu", "sd"),
    [
        ([0.0, 1.0], [1.0]),
        ([0.0], [-1e-9]),
        ([0.0], [np.nan]),
        ([np.nan], [1.0]),
        ([np.inf], [1.0]),
    ],
)
def test_means_and_deviations_must_be_numbers_and_as_many(mu, sd):
    with pytest.raises(ValueError, match="as many means as standard deviations"):
        expected_improvement(mu, sd, 0.0)


def bowl(config):
    return (config["x"] - 0.3) ** 2 + (config["y"] - 0.8) ** 2


def test_the_search_begins_like_random_search():
    ours = gp_search(bowl, SQUARE, 7, np.random.default_rng(5))
    chance = random_search(bowl, SQUARE, 7, np.random.default_rng(5))
    assert ours[:5] == chance[:5]
    assert ours[5] != chance[5]
    assert all(trial.value == bowl(trial.config) for trial in ours)
    assert len(gp_search(bowl, SQUARE, 1, np.random.default_rng(5))) == 1
    two = gp_search(bowl, SQUARE, 3, np.random.default_rng(5), n_init=2)
    assert two[:2] == chance[:2]
    assert two[2] != chance[2]


def test_the_search_has_stated_defaults():
    plain = gp_search(bowl, SQUARE, 8, np.random.default_rng(6))
    full = gp_search(bowl, SQUARE, 8, np.random.default_rng(6), n_init=5, xi=0.0, candidates=500)
    assert plain == full


def test_neighbors_of_the_best_bring_the_search_close_to_the_bottom():
    trials = gp_search(bowl, SQUARE, 16, np.random.default_rng(0))
    assert best_so_far(trials)[-1] < 1e-3


def test_the_search_minimizes_whatever_the_unit_and_the_level_of_the_values():
    def moved(config):
        return 4096 * bowl(config) + 2.0**20

    plain = gp_search(bowl, SQUARE, 9, np.random.default_rng(1))
    scaled = gp_search(moved, SQUARE, 9, np.random.default_rng(1))
    for a, b in zip(plain, scaled, strict=True):
        assert np.isclose(a.config["x"], b.config["x"], atol=1e-6)


class Recorded(GP):
    """A process that notes what it is given."""

    made: ClassVar[list["Recorded"]] = []

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.pool = None
        Recorded.made.append(self)

    def predict(self, X):
        self.pool = X
        return super().predict(X)


def recorded(monkeypatch, f, n, **options):
    """The processes that a search makes, and the arguments of its improvements."""
    from groundtruth.learning import bayesian

    improvements = []

    def noted(mu, sd, best, xi):
        improvements.append((best, xi))
        return expected_improvement(mu, sd, best, xi)

    Recorded.made = []
    monkeypatch.setattr(bayesian, "GP", Recorded)
    monkeypatch.setattr(bayesian, "expected_improvement", noted)
    trials = gp_search(f, SQUARE, n, np.random.default_rng(2), **options)
    return trials, Recorded.made, improvements


def test_each_step_chooses_a_length_by_evidence_on_standardized_values(monkeypatch):
    trials, made, improvements = recorded(monkeypatch, bowl, 6, xi=0.3)
    values = np.array([t.value for t in trials[:5]])
    assert [process.length for process in made] == [0.05, 0.1, 0.2, 0.4, 0.8]
    for process in made:
        assert process.noise == 0.01
        assert process.scale == 1.0
        assert process.X.tolist() == [list(t.config.values()) for t in trials[:5]]
        assert np.isclose(process.t.std(), 1.0)
        assert abs(process.t.mean()) < 1e-12
        assert np.corrcoef(process.t, values)[0, 1] > 1 - 1e-12
    used = [process.pool is not None for process in made]
    evidence = [process.log_evidence() for process in made]
    assert used == [e == max(evidence) for e in evidence]
    best, xi = improvements[0]
    assert np.isclose(best, (values.min() - values.mean()) / values.std())
    assert xi == 0.3


def test_candidates_are_spread_over_the_cube_and_half_as_many_lie_near_the_best(monkeypatch):
    trials, made, _ = recorded(monkeypatch, bowl, 6, candidates=2000)
    (pool,) = (process.pool for process in made if process.pool is not None)
    assert pool.shape == (3000, 2)
    assert pool.min() >= 0
    assert pool.max() <= 1
    assert np.allclose(pool[:2000].mean(0), 0.5, atol=0.03)
    best = min(trials[:5], key=lambda t: t.value).config
    inside = pool[2000:] - list(best.values())
    inside = inside[(pool[2000:] > 0).all(1) & (pool[2000:] < 1).all(1)]
    assert np.abs(inside.mean(0)).max() < 0.01
    # steps of 0.01 and of 0.05 in equal parts
    assert np.isclose(inside.std(), np.sqrt((0.01**2 + 0.05**2) / 2), rtol=0.1)
    assert np.isclose(np.median(np.abs(inside)), 0.0128, rtol=0.15)
    chosen = list(trials[5].config.values())
    assert (pool == chosen).all(1).any()


def test_equal_values_leave_every_candidate_equally_good(monkeypatch):
    _, made, improvements = recorded(monkeypatch, lambda config: 0.1, 6)
    assert all(process.t.tolist() == [0.0] * 5 for process in made)
    assert improvements == [(0.0, 0.0)]


@pytest.mark.parametrize(
    "space",
    [
        Space({"x": Real(0, 1), "k": Choice((1, 2))}),
        Space({"x": Real(0, 1), "y": Real(0, 1)}, when={"y": ("x", 0.5)}),
    ],
)
def test_spaces_without_distances_are_refused(space):
    with pytest.raises(ValueError, match="no choices and no conditions; use tpe"):
        gp_search(bowl, space, 5, np.random.default_rng(0))


@pytest.mark.parametrize(("n", "n_init"), [(0, 5), (5, 1)])
def test_a_search_needs_a_trial_and_two_to_begin_with(n, n_init):
    with pytest.raises(ValueError, match=f"got {n} and {n_init}"):
        gp_search(bowl, SQUARE, n, np.random.default_rng(0), n_init=n_init)


@pytest.mark.filterwarnings("error")
def test_whole_numbers_and_no_uncertainty_are_computed_without_a_warning():
    # E max(-Z, 0) = 1 / sqrt(2 pi)
    value = expected_improvement([0, 0, 1, -1], [1, 0, 0, 0], 0)
    assert np.allclose(value, [1 / np.sqrt(2 * np.pi), 0, 0, 1])
    process = GP().fit([[Fraction(1, 2)], [9]], [Fraction(1), 3])
    assert np.allclose(process.predict([[Fraction(1, 2)], [100]])[0], [1, 2])
    half = expected_improvement([Fraction(1, 2)], [Fraction(0)], 1)
    assert (half.dtype, half.tolist()) == (float, [0.5])


@pytest.mark.parametrize("sign", [1, -1])
def test_the_search_stays_in_the_cube_when_the_best_lies_in_a_corner(sign):
    trials = gp_search(lambda c: sign * (c["x"] + c["y"]), SQUARE, 14, np.random.default_rng(3))
    values = np.array([list(t.config.values()) for t in trials])
    assert values.min() >= 0
    assert values.max() <= 1
    assert best_so_far(trials)[-1] < (0.1 if sign == 1 else -1.9)
