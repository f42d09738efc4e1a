"""Soft logic, sparsemax and relaxed draws against their definitions, scipy and torch."""

import numpy as np
import pytest
import torch
from groundtruth.check import numeric_grad
from groundtruth.functional import sigmoid, softmax
from groundtruth.networks import gates as ga
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import LinearConstraint, minimize

UNIT = st.floats(0, 1)
FAMILIES = st.sampled_from(["product", "minimum", "lukasiewicz"])
SCORES = hnp.arrays(float, st.integers(1, 6), elements=st.floats(-5, 5))


@given(FAMILIES)
def test_soft_logic_is_logic_at_its_ends(family):
    a = np.array([0, 0, 1, 1])
    b = np.array([0, 1, 0, 1])
    assert np.array_equal(ga.soft_and(a, b, family), a & b)
    assert np.array_equal(ga.soft_or(a, b, family), a | b)


@given(UNIT, UNIT, UNIT, FAMILIES)
def test_and_commutes_associates_and_stays_below_both(a, b, c, family):
    both = ga.soft_and(a, b, family)
    assert both == ga.soft_and(b, a, family)
    assert both <= min(a, b) + 1e-15  # 1 + b - 1 rounds
    np.testing.assert_allclose(
        ga.soft_and(both, c, family), ga.soft_and(a, ga.soft_and(b, c, family), family), atol=1e-12
    )


@pytest.mark.parametrize(
    ("family", "both", "either"),
    [("product", 0.2, 0.7), ("minimum", 0.4, 0.5), ("lukasiewicz", 0.0, 0.9)],
)
def test_soft_logic_of_two_fifths_and_a_half_by_hand(family, both, either):
    assert ga.soft_and(0.4, 0.5, family) == pytest.approx(both)
    assert ga.soft_or(0.4, 0.5, family) == pytest.approx(either)


def test_soft_logic_multiplies_by_default():
    assert ga.soft_and(0.4, 0.5) == pytest.approx(0.2)
    assert ga.soft_or(0.4, 0.5) == pytest.approx(0.7)


@pytest.mark.parametrize("kind", [np.bool_, np.uint8])
@given(FAMILIES)
def test_soft_logic_takes_booleans_and_unsigned_numbers(kind, family):
    a = np.array([0, 0, 1, 1], dtype=kind)
    b = np.array([0, 1, 0, 1], dtype=kind)
    assert np.array_equal(ga.soft_and(a, b, family), [0.0, 0.0, 0.0, 1.0])
    assert np.array_equal(ga.soft_or(a, b, family), [0.0, 1.0, 1.0, 1.0])


@given(SCORES)
def test_sparsemax_is_the_nearest_point_of_the_simplex(z):
    p = ga.sparsemax(z)
    assert (p >= 0).all()
    assert abs(p.sum() - 1) < 1e-12
    K = len(z)
    found = minimize(
        lambda q: ((q - z) ** 2).sum(),
        np.full(K, 1 / K),
        jac=lambda q: 2 * (q - z),
        bounds=[(0, None)] * K,
        constraints=LinearConstraint(np.ones(K), 1, 1),
    ).x
    assert ((p - z) ** 2).sum() <= ((found - z) ** 2).sum() + 1e-6


@given(SCORES, st.floats(-3, 3))
def test_a_constant_on_all_scores_changes_nothing(z, c):
    np.testing.assert_allclose(ga.sparsemax(z + c), ga.sparsemax(z), atol=1e-12)


@given(SCORES)
def test_the_way_back_of_sparsemax_equals_differences_away_from_its_folds(z):
    p = ga.sparsemax(z)
    tau = (z - p)[p.argmax()]
    assume(np.abs(z - tau).min() > 1e-3)
    pull = np.arange(1.0, len(z) + 1)
    np.testing.assert_allclose(
        ga.sparsemax_backward(pull, p), numeric_grad(lambda v: pull @ ga.sparsemax(v), z), atol=1e-7
    )


def stack():
    """Rows (2, 3, 4) of scores, one of them far from the others."""
    z = np.random.default_rng(7).normal(size=(2, 3, 4))
    z[0, 1] = [1e16, 1e16, 0, 1]
    return z


def test_each_row_of_a_stack_has_its_own_sparsemax_and_its_own_way_back():
    z = stack()
    p = ga.sparsemax(z)
    pull = np.random.default_rng(8).normal(size=z.shape)
    back = ga.sparsemax_backward(pull, p)
    assert p[0, 1].tolist() == [0.5, 0.5, 0.0, 0.0]
    for at in np.ndindex(2, 3):
        np.testing.assert_array_equal(p[at], ga.sparsemax(z[at]))
        np.testing.assert_array_equal(back[at], ga.sparsemax_backward(pull[at], p[at]))


def test_sparsemax_of_unsigned_scores_wraps_nothing():
    assert ga.sparsemax(np.array([1, 3, 0], dtype=np.uint8)).tolist() == [0.0, 1.0, 0.0]


def test_a_gradient_of_single_precision_is_computed_in_double():
    pull = np.random.default_rng(9).normal(size=50).astype(np.float32)
    p = np.full(50, 0.02)
    np.testing.assert_allclose(
        ga.sparsemax_backward(pull, p), pull.astype(float) - pull.astype(float).mean(), rtol=1e-12
    )


def test_a_draw_is_relaxed_unless_it_is_asked_for_hard():
    y = ga.gumbel_softmax([0.3, 0.2, 0.1], 1.0, np.random.default_rng(0))
    assert ((y > 0) & (y < 1)).all()


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4)])
def test_a_hard_draw_of_any_stack_marks_the_largest_noisy_score(shape):
    rng = np.random.default_rng(3)
    z, noise = rng.normal(size=(2, *shape))
    noisy = z + noise
    np.testing.assert_array_equal(
        ga.gumbel_softmax(z, 0.5, noise=noise, hard=True), noisy == noisy.max(-1, keepdims=True)
    )


@pytest.mark.parametrize("hard", [False, True])
def test_a_relaxed_draw_equals_torch_with_the_same_noise(hard):
    z = np.random.default_rng(0).normal(size=(50, 4))
    torch.manual_seed(1)
    theirs = torch.nn.functional.gumbel_softmax(torch.tensor(z), tau=0.6, hard=hard)
    torch.manual_seed(1)
    noise = -torch.empty(50, 4, dtype=torch.float64).exponential_().log().numpy()
    np.testing.assert_allclose(
        ga.gumbel_softmax(z, 0.6, noise=noise, hard=hard), theirs.numpy(), atol=1e-10
    )


def test_the_largest_of_noisy_scores_is_a_draw_from_the_softmax():
    z = np.array([2, 1, 0.5, 0])
    hits = ga.gumbel_softmax(
        np.tile(z, (100_000, 1)), 1.0, np.random.default_rng(2), hard=True
    ).mean(0)
    np.testing.assert_allclose(hits, softmax(z), atol=0.006)


@given(st.floats(0.1, 0.9), st.floats(-1, 1), st.floats(-2, 2))
def test_the_score_function_is_unbiased_with_any_baseline(p, target, baseline):
    got = ga.bernoulli_gradients(p, target, 20_000, np.random.default_rng(3), baseline=baseline)[
        "score"
    ]
    exact = p * (1 - p) * ((1 - target) ** 2 - target**2)
    assert abs(got.mean() - exact) <= 5 * got.std() / np.sqrt(20_000) + 1e-9


def test_a_baseline_is_subtracted_from_the_loss():
    """At the target 1/2 both bits lose 1/4: with that baseline nothing is left."""
    got = ga.bernoulli_gradients(0.3, 0.5, 50, np.random.default_rng(3), baseline=0.25)
    assert got["score"].tolist() == [0.0] * 50


def test_the_bit_lies_on_the_side_of_the_relaxed_draw():
    p = 0.2
    noise = np.random.default_rng(5).logistic(size=200)
    bits = sigmoid(np.log(p / (1 - p)) + noise) > 0.5
    assert 0 < bits.sum() < 200
    got = ga.bernoulli_gradients(p, 0.0, 200, np.random.default_rng(5))
    np.testing.assert_allclose(got["straight-through"], 2 * bits * p * (1 - p), atol=1e-15)
    np.testing.assert_allclose(got["score"], bits * (1 - p), atol=1e-15)  # the loss of a bit is it


def test_one_draw_at_a_temperature_of_one_half_without_a_baseline_is_the_default():
    got = ga.bernoulli_gradients(0.3, 0.45, 1, np.random.default_rng(0))
    named = ga.bernoulli_gradients(0.3, 0.45, 1, np.random.default_rng(0), T=0.5, baseline=0.0)
    assert got == named
    assert got["score"].shape == (1,)


def test_the_straight_through_estimate_has_the_mean_of_the_slopes():
    got = ga.bernoulli_gradients(0.9, 0.45, 200_000, np.random.default_rng(4))["straight-through"]
    assert abs(got.mean() - 0.081) < 0.001


def test_the_relaxed_gradient_is_the_derivative_of_the_relaxed_loss():
    p = 0.3
    T = 0.3
    noise = np.random.default_rng(0).logistic(size=5)

    def losses(theta):
        return (sigmoid((theta + noise) / T) - 0.45) ** 2

    theta = np.log(p / (1 - p))
    step = 1e-6
    expected = (losses(theta + step) - losses(theta - step)) / (2 * step)
    got = ga.bernoulli_gradients(p, 0.45, 5, np.random.default_rng(0), T=T)["relaxed"]
    np.testing.assert_allclose(got, expected, atol=1e-7)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: ga.soft_not(1.5), "truth value"),
        (lambda: ga.soft_and(0.1, np.nan), "truth value"),
        (lambda: ga.soft_and(0.1, 0.2, "and"), "'and'"),
        (lambda: ga.sparsemax([]), "finite"),
        (lambda: ga.sparsemax([np.inf, 0]), "finite"),
        (lambda: ga.sparsemax_backward([1.0], [0.5, 0.5]), "shape"),
        (lambda: ga.gumbel_softmax([1.0, 2.0], 0, np.random.default_rng(0)), "hard=True"),
        (lambda: ga.gumbel_softmax([1.0, 2.0], 1), "generator"),
        (lambda: ga.bernoulli_gradients(1.0, 0, 5, np.random.default_rng(0)), "p=1"),
        (lambda: ga.bernoulli_gradients(0.0, 0, 5, np.random.default_rng(0)), "p=0"),
        (lambda: ga.bernoulli_gradients(0.5, 0, 5, np.random.default_rng(0), T=0.0), "T=0"),
        (lambda: ga.bernoulli_gradients(0.5, 0, 0, np.random.default_rng(0)), "draws=0"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()
