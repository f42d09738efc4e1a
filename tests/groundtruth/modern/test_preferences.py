"""Reward models, the exact optimum and preference losses."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from groundtruth.modern import preferences as pref
from scipy.optimize import minimize
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

REF = np.array([0.4, 0.3, 0.2, 0.1])
REWARD = np.array([0.0, 1.0, -0.5, 2.0])


@pytest.mark.parametrize("beta", [0.2, 1.0, 5.0])
def test_the_optimum_maximizes_the_objective(beta):
    found = minimize(
        lambda z: -pref.objective(softmax(z), REF, REWARD, beta), np.zeros(4), tol=1e-12
    )
    best = pref.optimum(REF, REWARD, beta)
    np.testing.assert_allclose(softmax(found.x), best, atol=1e-5)
    value = beta * np.log(REF @ np.exp(REWARD / beta))
    assert pref.objective(best, REF, REWARD, beta) == pytest.approx(value)


def test_the_gap_is_beta_times_the_divergence():
    p = np.random.default_rng(0).dirichlet(np.ones(4))
    best = pref.optimum(REF, REWARD, 0.7)
    gap = pref.objective(best, REF, REWARD, 0.7) - pref.objective(p, REF, REWARD, 0.7)
    assert gap == pytest.approx(0.7 * pref.kl(p, best))


def test_the_optimum_survives_extreme_rewards():
    np.testing.assert_allclose(pref.optimum(REF, [0, 0, 0, 1e6], 1e-3), [0, 0, 0, 1])


def test_kl_equals_torch():
    p, q = np.random.default_rng(1).dirichlet(np.ones(6), 2)
    theirs = F.kl_div(torch.tensor(q).log(), torch.tensor(p), reduction="sum")
    assert pref.kl(p, q) == pytest.approx(float(theirs))


def test_comparisons_follow_bradley_and_terry():
    won, lost = pref.compare(REWARD, REF, 60_000, np.random.default_rng(2))
    assert (won != lost).all()
    pair = ((won == 3) & (lost == 0)).sum(), ((won == 0) & (lost == 3)).sum()
    assert pair[0] / sum(pair) == pytest.approx(1 / (1 + np.exp(-2)), abs=0.02)
    first_two = np.isin(won, [0, 1]) & np.isin(lost, [0, 1])
    expected = 0.4 * 0.3 / 0.6 + 0.3 * 0.4 / 0.7
    assert first_two.mean() == pytest.approx(expected, abs=0.01)


def test_reward_model_equals_logistic_regression():
    won, lost = pref.compare(REWARD, REF, 800, np.random.default_rng(3))
    X = np.eye(4)[won] - np.eye(4)[lost]
    model = LogisticRegression(C=1 / 0.5, fit_intercept=False, tol=1e-10, max_iter=1000)
    model.fit(np.concatenate([X, -X]), np.repeat([1, 0], len(X)), np.full(2 * len(X), 0.5))
    theirs = model.coef_[0] - model.coef_[0].mean()
    np.testing.assert_allclose(pref.reward_model(won, lost, 4, ridge=0.5), theirs, atol=1e-4)
    r = pref.reward_model([0, 0, 1], [1, 1, 0], 2, ridge=1.0)  # 2 s(-d) - s(d) = r_0 = d / 2
    d = r[0] - r[1]
    assert 2 / (1 + np.exp(d)) - 1 / (1 + np.exp(-d)) == pytest.approx(d / 2, abs=1e-6)


def test_dpo_on_all_pairs_reaches_the_optimum():
    i, j = np.array(list(product(range(4), repeat=2))).T
    weight = REF[i] * REF[j] / (1 + np.exp(REWARD[j] - REWARD[i]))
    for beta in (0.3, 1.0):
        fitted = pref.fit_dpo(REF, i, j, beta, weight)
        np.testing.assert_allclose(fitted, pref.optimum(REF, REWARD, beta), atol=1e-4)


def test_dpo_loss_equals_torch_on_a_table():
    won, lost = pref.compare(REWARD, REF, 50, np.random.default_rng(4))
    p = np.random.default_rng(5).dirichlet(np.ones(4))
    ours = pref.pair_loss(pref.margins(p, REF, won, lost), 0.4)
    ratio = torch.tensor(np.log(p) - np.log(REF))
    theirs = -F.logsigmoid(0.4 * (ratio[won] - ratio[lost])).mean()
    assert ours == pytest.approx(float(theirs), abs=1e-12)


def test_losses_by_hand():
    assert pref.pair_loss([1.0, 3.0], 0.5, "ipo") == pytest.approx(2.0)
    sigmoid = 1 / (1 + np.exp(-(2.0 * 0.5 - 0.3)))
    assert pref.pair_loss([0.5], 2.0, "simpo", 0.3) == pytest.approx(-np.log(sigmoid))
    expected = 1 - (1 / (1 + np.exp(-1.0)) + 1 / (1 + np.exp(0.5))) / 2
    assert pref.kto_loss([1.5, 1.0], [True, False], 0.5, 1.0) == pytest.approx(expected)


def test_fit_dpo_with_weights_equals_repeated_pairs():
    a = pref.fit_dpo(REF, [1, 0, 2], [0, 1, 1], 0.5, [3, 1, 1])
    b = pref.fit_dpo(REF, [1, 1, 1, 0, 2], [0, 0, 0, 1, 1], 0.5)
    np.testing.assert_allclose(a[:2], b[:2] / b[:2].sum() * a[:2].sum(), atol=1e-5)


SINGLE = np.float32([1 / 3, 1 / 6, 1 / 2])
DOUBLE = SINGLE.astype(float)
R_SINGLE = np.float32([0.1, 0.7, -1 / 3])
R_DOUBLE = R_SINGLE.astype(float)


def test_single_precision_is_computed_in_double():
    e = DOUBLE * np.exp(R_DOUBLE / 0.3)
    best = e / e.sum()
    np.testing.assert_allclose(pref.optimum(SINGLE, R_SINGLE, 0.3), best, rtol=1e-13)
    divergence = float((DOUBLE * np.log(DOUBLE / DOUBLE[::-1])).sum())
    assert pref.kl(SINGLE, SINGLE[::-1]) == pytest.approx(divergence, rel=1e-13)
    value = DOUBLE[::-1] @ R_DOUBLE - 0.3 * float(
        (DOUBLE[::-1] * np.log(DOUBLE[::-1] / DOUBLE)).sum()
    )
    assert pref.objective(SINGLE[::-1], SINGLE, R_SINGLE, 0.3) == pytest.approx(value, rel=1e-13)
    gap = np.log(DOUBLE[::-1]) - np.log(DOUBLE)
    np.testing.assert_allclose(
        pref.margins(SINGLE[::-1], SINGLE, [0], [1]), gap[:1] - gap[1], rtol=1e-13
    )
    assert pref.pair_loss(R_SINGLE, 0.3) == pytest.approx(
        float(np.log1p(np.exp(-0.3 * R_DOUBLE)).mean()), rel=1e-13
    )
    sigmoid = 1 / (1 + np.exp(-0.3 * (R_DOUBLE - 0.2)))
    assert pref.kto_loss(R_SINGLE, [1, 1, 1], 0.2, 0.3) == pytest.approx(
        1 - sigmoid.mean(), rel=1e-13
    )


def test_marks_may_be_zeros_and_ones():
    marks = [0, 1, 1]
    as_bool = pref.kto_loss(R_DOUBLE, [False, True, True], 0.0, 2.0)
    assert pref.kto_loss(R_DOUBLE, marks, 0.0, 2.0) == as_bool
    assert pref.kto_loss([1.0], [2], 0.0, 1.0) == pref.kto_loss([1.0], [True], 0.0, 1.0)


def test_losses_scale_with_beta_as_defined():
    x = np.array([0.3, -1.2, 2.0])
    assert pref.pair_loss(x, 0.25, "ipo") == pytest.approx(((x - 2.0) ** 2).mean())
    sigmoid = 1 / (1 + np.exp(-0.25 * np.array([1.0, -1.0, 1.0]) * (x - 0.4)))
    assert pref.kto_loss(x, [1, 0, 1], 0.4, 0.25) == pytest.approx(1 - sigmoid.mean())
    assert pref.pair_loss(x, 0.25, "simpo") == pref.pair_loss(x, 0.25, "dpo")  # no target margin


def test_one_pair_is_enough_and_impossible_responses_never_appear():
    won, lost = pref.compare([0.0, 60.0], [0.5, 0.5], 1, np.random.default_rng(0))
    assert (won.tolist(), lost.tolist()) == ([1], [0])
    won, lost = pref.compare(np.zeros(4), [0.0, 0.5, 0.5, 0.0], 4000, np.random.default_rng(1))
    assert set(won.tolist()) == set(lost.tolist()) == {1, 2}
    assert won.dtype.kind == lost.dtype.kind == "i"


def test_the_loser_is_drawn_from_the_policy_without_the_other():
    p = np.array([0.5, 0.1, 0.2, 0.2])
    won, lost = pref.compare(np.zeros(4), p, 200_000, np.random.default_rng(6))
    first = np.isin(won, [0]) | np.isin(lost, [0])
    other = np.where(won == 0, lost, won)[first]
    share = np.bincount(other, minlength=4) / first.sum()
    # 0 comes first and another second, or another first and 0 second
    joint = p[0] * p / (1 - p[0]) + p * p[0] / (1 - p)
    joint[0] = 0
    np.testing.assert_allclose(share, joint / joint.sum(), atol=0.005)


def test_a_response_that_no_pair_holds_gets_the_mean():
    r = pref.reward_model([0, 0, 1], [1, 1, 0], 4, ridge=0.1)
    assert r.mean() == pytest.approx(0, abs=1e-12)
    assert r[2] == pytest.approx(r[3], abs=1e-9) == pytest.approx((r[0] + r[1]) / 2, abs=1e-6)


def test_the_penalty_is_small_unless_it_is_asked_for():
    won = [1] * 3 + [0]
    lost = [0] * 3 + [1]
    slight = pref.reward_model(won, lost, 2)
    assert slight[1] - slight[0] == pytest.approx(np.log(3), rel=2e-3)
    assert pref.reward_model(won, lost, 2, ridge=0)[1] == pytest.approx(np.log(3) / 2, abs=1e-7)


def test_fits_are_at_their_minimum():
    won, lost = pref.compare(REWARD, REF, 300, np.random.default_rng(7))
    fitted = pref.reward_model(won, lost, 4, ridge=0.3)
    slope = 1 / (1 + np.exp(fitted[won] - fitted[lost]))
    gradient = np.bincount(lost, slope, 4) - np.bincount(won, slope, 4) + 0.3 * fitted
    np.testing.assert_allclose(gradient, 0, atol=1e-5)
    policy = pref.fit_dpo(REF, won, lost, 0.2)
    margin = 0.2 * pref.margins(policy, REF, won, lost)
    slope = 0.2 / (1 + np.exp(margin)) / len(won)
    gradient = np.bincount(lost, slope, 4) - np.bincount(won, slope, 4)
    np.testing.assert_allclose(gradient, 0, atol=1e-7)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(4))
def test_a_reward_model_is_searched_for_until_its_gradient_vanishes(seed):
    won, lost = pref.compare(REWARD, REF, 6, np.random.default_rng(seed))
    fitted = pref.reward_model(won, lost, 4, ridge=0.5)
    slope = 1 / (1 + np.exp(fitted[won] - fitted[lost]))
    gradient = np.bincount(lost, slope, 4) - np.bincount(won, slope, 4) + 0.5 * fitted
    assert np.abs(gradient).max() < 1e-8


@pytest.mark.parametrize(("won", "lost"), [([0, 1], [1]), ([[0]], [[1]]), ([[0]], [1]), ([], [])])
def test_winners_without_losers_are_named(won, lost):
    with pytest.raises(ValueError, match="as many winners as losers"):
        pref.reward_model(won, lost, 2)


def test_the_scale_of_the_weights_changes_nothing():
    pairs = ([1, 0, 2], [0, 1, 1])
    a = pref.fit_dpo(REF, *pairs, 0.5, [3, 1, 1])
    b = pref.fit_dpo(REF, *pairs, 0.5, [3e6, 1e6, 1e6])
    np.testing.assert_allclose(a, b, rtol=1e-6)


def test_a_fit_survives_extreme_logits():
    policy = pref.fit_dpo([0.5, 0.5], [1] * 999 + [0], [0] * 999 + [1], 0.004)
    np.testing.assert_allclose(policy, [0, 1], atol=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda: pref.optimum([0.5, 0.6], [0, 0], 1),
        lambda: pref.optimum([1.0, 0.0], [0, 0], 1),
        lambda: pref.optimum([1.0], [0, 0], 1),
        lambda: pref.optimum([0.5, 0.5], [0, 0], 0),
        lambda: pref.kl([0.5, 0.5], [1.0, 0.0]),
        lambda: pref.kl([1.0], [0.5, 0.5]),
        lambda: pref.compare([0, 1], [1.0, 0.0], 3, np.random.default_rng(0)),
        lambda: pref.compare([0, 1], [0.5, 0.5], 0, np.random.default_rng(0)),
        lambda: pref.compare([0], [0.5, 0.5], 1, np.random.default_rng(0)),
        lambda: pref.reward_model([], [], 2),
        lambda: pref.reward_model([0], [1, 1], 2),
        lambda: pref.reward_model([0, 1], [1], 2),
        lambda: pref.reward_model([[0]], [[1]], 2),
        lambda: pref.reward_model([2], [0], 2),
        lambda: pref.reward_model([0], [-1], 2),
        lambda: pref.pair_loss([], 1.0),
        lambda: pref.pair_loss([0.0], 0.0),
        lambda: pref.pair_loss([0.0], 1.0, "ppo"),
        lambda: pref.kto_loss([0.0], [True, False], 0.0, 1.0),
        lambda: pref.kto_loss([0.0], [True], -1.0, 1.0),
        lambda: pref.kto_loss([0.0], [True], 0.0, 0.0),
        lambda: pref.fit_dpo([0.5, 0.5], [0], [1], 0.0),
        lambda: pref.fit_dpo([0.5, 0.5], [0, 1], [1], 1.0),
        lambda: pref.fit_dpo([0.5, 0.5], [], [], 1.0),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(ValueError):
        call()
