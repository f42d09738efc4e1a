"""The Gaussian process against scikit-learn, expected improvement against Monte Carlo, the search;
bad input.
"""

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
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF

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
