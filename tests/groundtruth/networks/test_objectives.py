"""InfoNCE, policy gradients, the smallest GAN and diffusion, against torch, scipy and exact
answers.
"""

import numpy as np
import pytest
import torch
from groundtruth.check import numeric_grad
from groundtruth.functional import softmax
from groundtruth.networks import adversarial as ad
from groundtruth.networks import contrastive as co
from groundtruth.networks import diffusion as di
from groundtruth.networks import reinforcement as rl
from hypothesis import given
from hypothesis import strategies as st

SEEDS = st.integers(0, 10**6)


@given(SEEDS)
def test_info_nce_equals_torch_and_its_bound_stays_below_ln_n(seed):
    a, b = np.random.default_rng(seed).normal(size=(2, 6, 4))
    sims = torch.nn.functional.cosine_similarity(
        torch.tensor(a)[:, None], torch.tensor(b)[None], dim=2
    )
    np.testing.assert_allclose(
        co.info_nce(a, b, 0.2),
        torch.nn.functional.cross_entropy(sims / 0.2, torch.arange(6)).item(),
        atol=1e-10,
    )
    assert co.information_bound(sims.numpy() * 50) <= np.log(6)


@given(SEEDS)
def test_the_gradient_of_a_bandit_equals_differences(seed):
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=4)
    r = rng.random(4)
    np.testing.assert_allclose(
        rl.bandit_gradient(theta, r), numeric_grad(lambda t: softmax(t) @ r, theta), atol=1e-8
    )


def test_rewards_are_found_with_and_without_a_baseline():
    for baseline in (False, True):
        best = [
            rl.reinforce_bandit([0.1, 0.9], 400, 0.1, np.random.default_rng(s), baseline)[1]
            for s in range(5)
        ]
        assert np.mean(best) > 0.9


def test_both_learners_find_the_shortest_way():
    env = rl.Grid(3)
    assert env.step(0, 0) == (0, -1.0, False)
    assert env.step(7, 1) == (8, -1.0, True)
    _, lengths = rl.policy_gradient(env, 400, 0.05, np.random.default_rng(0))
    assert lengths[-50:].mean() < 5.5
    Q = rl.q_learning(env, 300, 0.5, np.random.default_rng(0))
    assert Q[0].max() == pytest.approx(-4, abs=0.1)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8), st.floats(0, 1))
def test_returns_are_discounted_sums(rewards, gamma):
    want = [sum(r * gamma**k for k, r in enumerate(rewards[t:])) for t in range(len(rewards))]
    np.testing.assert_allclose(rl.returns(rewards, gamma), want, atol=1e-9)


def test_a_step_of_the_game_equals_torch():
    theta, psi = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (0.8, -0.5))
    logistic = torch.nn.functional.logsigmoid
    (logistic(psi * 0) + logistic(-psi * theta) - 0.15 * psi**2).backward()
    got = ad.dirac_gan(0.8, -0.5, 1, penalty=0.3)[1]
    np.testing.assert_allclose(got[1], -0.5 + 0.1 * psi.grad.item(), atol=1e-12)
    np.testing.assert_allclose(got[0], 0.8 - 0.1 * theta.grad.item(), atol=1e-12)
    assert ad.best_discriminator([1.0, 0.0], [1.0, 2.0]).tolist() == [0.5, 0.0]


def test_many_noisy_steps_equal_one():
    beta, abar = di.schedule(30)
    x = np.tile([[2.0, -1.0]], (40_000, 1))
    rng = np.random.default_rng(0)
    for b in beta:
        x = np.sqrt(1 - b) * x + np.sqrt(b) * rng.normal(size=x.shape)
    once = di.q_sample(np.array([[2.0, -1.0]]), 29, np.zeros((1, 2)), abar)
    np.testing.assert_allclose(x.mean(0), once[0], atol=0.02)
    np.testing.assert_allclose(x.var(0), 1 - abar[-1], atol=0.02)


def test_the_exact_prediction_for_a_circle_is_the_mean_of_the_noise_that_made_a_point():
    rng = np.random.default_rng(1)
    a = 0.6
    angle = rng.uniform(0, 2 * np.pi, 2_000_000)
    eps = rng.normal(size=(2_000_000, 2))
    x = np.sqrt(a) * np.stack([np.cos(angle), np.sin(angle)], 1) + np.sqrt(1 - a) * eps
    near = np.abs(x - [0.7, 0.4]).max(1) < 0.03
    np.testing.assert_allclose(
        eps[near].mean(0), di.circle_noise(np.array([[0.7, 0.4]]), a)[0], atol=0.05
    )


def test_the_exact_prediction_for_hills_is_the_score():
    centres = np.array([[-1.0, 0.5], [2.0, 0.0]])
    shares = np.array([0.3, 0.7])
    x = np.array([0.4, 0.2])
    a = 0.5
    sd = 0.3

    def density(v):
        return np.log(
            (
                shares
                * np.exp(-((v - np.sqrt(a) * centres) ** 2).sum(1) / (2 * (a * sd**2 + 1 - a)))
            ).sum()
        )

    np.testing.assert_allclose(
        di.hills_noise(x[None], a, centres, shares, sd)[0],
        -np.sqrt(1 - a) * numeric_grad(density, x),
        atol=1e-7,
    )


def test_samplers_reach_the_data():
    beta, abar = di.schedule(60)
    noise = np.random.default_rng(2).normal(size=(300, 2))
    drawn = di.ddpm_sample(
        lambda x, t: di.circle_noise(x, abar[t]), noise, beta, np.random.default_rng(3)
    )
    walked = di.ddim_sample(lambda x, t: di.circle_noise(x, abar[t]), noise, abar, 60)
    assert np.abs(np.linalg.norm(drawn, axis=1) - 1).max() < 0.01
    assert np.abs(np.linalg.norm(walked, axis=1) - 1).max() < 0.01
    again = di.ddim_sample(lambda x, t: di.circle_noise(x, abar[t]), noise, abar, 60)
    assert np.array_equal(walked, again)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: co.info_nce(np.ones((1, 2)), np.ones((1, 2))), "N >= 2"),
        (lambda: co.info_nce(np.zeros((2, 2)), np.ones((2, 2))), "direction"),
        (lambda: co.information_bound(np.ones((2, 3))), "square"),
        (lambda: rl.bandit_gradient([0.0], [1.5]), "chance"),
        (lambda: rl.reinforce_bandit([0.5], 0, 0.1, np.random.default_rng(0)), "steps"),
        (lambda: rl.Grid(1), "two cells"),
        (lambda: rl.returns([[1.0]]), "rewards"),
        (lambda: rl.policy_gradient(rl.Grid(3), 0, 0.1, np.random.default_rng(0)), "episodes"),
        (lambda: rl.q_learning(rl.Grid(3), 1, 0.1, np.random.default_rng(0), explore=2), "explore"),
        (lambda: ad.best_discriminator([0.0], [0.0]), "densities"),
        (lambda: ad.dirac_gan(1, 0, 0), "steps"),
        (lambda: di.schedule(0), "T >= 1"),
        (lambda: di.q_sample(np.ones((1, 2)), 9, np.ones((1, 2)), np.ones(3)), "t < 3"),
        (lambda: di.ddim_sample(lambda x, t: x, np.ones((1, 2)), np.ones(3), 4), "from 1 to 3"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()


WIDTHS = (np.float32, np.longdouble, np.int64)


def test_the_loss_of_two_pairs_by_hand():
    za = [[3, 4], [2, 0]]
    zb = [[6, 8], [0, 1]]
    # cosines of the first row of za: 1 and 4 / 5; of the second: 6 / 10 and 0
    first = np.log(1 + np.exp((0.8 - 1) / 0.2))
    second = np.log(1 + np.exp((0.6 - 0) / 0.2))
    told = co.info_nce(za, zb, 0.2)
    assert told == pytest.approx((first + second) / 2, rel=1e-14)
    assert isinstance(told, float)


def test_the_temperature_is_a_tenth_unless_told():
    za, zb = np.random.default_rng(0).normal(size=(2, 3, 4))
    assert co.info_nce(za, zb) == co.info_nce(za, zb, 0.1) != co.info_nce(za, zb, 0.2)


@pytest.mark.parametrize("width", WIDTHS)
def test_losses_of_pairs_are_computed_in_double_precision(width):
    za = np.array([[3, 1], [2, -1]])
    zb = np.array([[1, 7], [-2, 5]])
    exact = co.info_nce(za.astype(float), zb.astype(float), 0.3)
    assert co.info_nce(za.astype(width), zb, 0.3) == pytest.approx(exact, rel=1e-15)
    assert co.info_nce(za, zb.astype(width), 0.3) == pytest.approx(exact, rel=1e-15)
    bound = co.information_bound(zb.astype(float))
    assert co.information_bound(zb.astype(width)) == pytest.approx(bound, rel=1e-15)


@pytest.mark.parametrize(
    ("za", "zb", "T"),
    [
        (np.ones(2), np.ones(2), 0.1),
        (np.ones((2, 2, 2)), np.ones((2, 2, 2)), 0.1),
        (np.ones((2, 2)), np.ones((2, 3)), 0.1),
        (np.ones((2, 2)), np.ones((3, 2)), 0.1),
        (np.ones((1, 2)), np.ones((1, 2)), 0.1),
        (np.ones((2, 2)), np.ones((2, 2)), 0.0),
        (np.ones((2, 2)), np.ones((2, 2)), np.nan),
    ],
)
def test_pairs_are_two_tables_of_one_shape_with_two_rows(za, zb, T):
    with pytest.raises(ValueError, match=r"two tables \(N, d\) with N >= 2 and a temperature > 0"):
        co.info_nce(za, zb, T)


def test_a_row_of_zeros_is_refused_on_either_side():
    right = np.eye(2)
    for wrong in ([[0.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]]):
        with pytest.raises(ValueError, match="a row of zeros has no direction; drop it or add"):
            co.info_nce(wrong, right)
        with pytest.raises(ValueError, match="a row of zeros has no direction; drop it or add"):
            co.info_nce(right, wrong)


def test_the_bound_on_information_by_hand():
    # ln 2 + the mean of ln(e / (e + 1)) and ln(e^3 / (e^3 + e^2)), both -ln(1 + 1 / e)
    told = co.information_bound([[1, 0], [2, 3]])
    assert told == pytest.approx(np.log(2) - np.log(1 + np.exp(-1)), rel=1e-14)
    assert isinstance(told, float)
    assert co.information_bound(np.zeros((5, 5))) == pytest.approx(0, abs=1e-15)
    for shape in ((1, 1), (2,), (2, 3), (2, 2, 2), (0, 0)):
        with pytest.raises(ValueError, match="scores form a square table with N >= 2, got"):
            co.information_bound(np.ones(shape))
