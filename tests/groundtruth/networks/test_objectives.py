"""InfoNCE, policy gradients, the smallest GAN and diffusion, against torch, scipy and exact
answers.
"""

from itertools import pairwise

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


@pytest.mark.parametrize(
    ("theta", "chances"),
    [
        (np.zeros(2), [0.5]),
        (np.zeros((1, 2)), [[0.5, 0.5]]),
        (np.zeros(2), [0.5, 1.01]),
        (np.zeros(2), [-0.01, 0.5]),
        (np.zeros(2), [0.5, np.nan]),
    ],
)
def test_each_arm_has_a_score_and_a_chance(theta, chances):
    with pytest.raises(ValueError, match="one score and one chance from 0 to 1 for each arm"):
        rl.bandit_gradient(theta, chances)


@pytest.mark.parametrize("width", WIDTHS)
def test_chances_may_be_zero_or_one_in_any_precision(width):
    slope = rl.bandit_gradient([0.0, 0.0], np.array([0, 1], width))
    assert (slope.dtype, slope.tolist()) == (np.float64, [-0.25, 0.25])
    policy = rl.reinforce_bandit(np.array([0, 1], width), 1, 0.5, np.random.default_rng(0))
    assert policy.dtype == np.float64


@pytest.mark.parametrize("baseline", [False, True, None])
def test_pulls_of_an_arm_that_always_pays_raise_it_by_what_the_baseline_leaves(baseline):
    """The baseline is then 1 - 0.95^t after t pulls, of which each goes a twentieth of the way."""
    more = {} if baseline is None else {"baseline": baseline}
    told = rl.reinforce_bandit([1, 1, 1], 30, 0.5, np.random.default_rng(4), **more)
    rng = np.random.default_rng(4)
    theta = np.zeros(3)
    for t in range(30):
        p = np.exp(theta) / np.exp(theta).sum()
        arm = rng.choice(3, p=p)
        assert rng.random() < 1
        share = 0.95**t if baseline else 1.0
        for k in range(3):
            theta[k] += 0.5 * share * ((k == arm) - p[k])
    np.testing.assert_allclose(told, np.exp(theta) / np.exp(theta).sum(), rtol=1e-12)


def test_an_arm_that_never_pays_teaches_nothing_without_a_baseline():
    told = rl.reinforce_bandit([0, 0], 20, 0.5, np.random.default_rng(0))
    assert told.tolist() == [0.5, 0.5]


def test_rewards_come_with_their_chances():
    # one arm: the policy stays, and each pull draws one reward
    rng = np.random.default_rng(0)
    rl.reinforce_bandit([0.5], 3, 0.1, rng)
    other = np.random.default_rng(0)
    for _ in range(3):
        other.choice(1, p=[1.0])
        other.random()
    assert rng.random() == other.random()


@pytest.mark.parametrize(("steps", "lr"), [(0, 0.1), (1, 0.0), (1, -0.1), (1, np.nan)])
def test_learners_need_a_step_and_a_rate(steps, lr):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="need steps >= 1 and lr > 0"):
        rl.reinforce_bandit([0.5], steps, lr, rng)
    with pytest.raises(ValueError, match="need episodes >= 1 and lr > 0"):
        rl.policy_gradient(rl.Grid(2), steps, lr, rng)
    with pytest.raises(ValueError, match="need episodes >= 1, lr > 0 and 0 <= explore <= 1"):
        rl.q_learning(rl.Grid(2), steps, lr, rng)


def test_arms_without_a_chance_are_refused_before_the_first_pull():
    with pytest.raises(ValueError, match="chance from 0 to 1"):
        rl.reinforce_bandit([0.5, 1.5], 1, 0.1, np.random.default_rng(0))


def test_the_grid_has_walls_and_a_goal():
    env = rl.Grid(3)
    # up, right, down, left from the middle and from two corners
    assert [env.step(4, a)[0] for a in range(4)] == [1, 5, 7, 3]
    assert [env.step(0, a)[0] for a in range(4)] == [0, 1, 3, 0]
    assert [env.step(5, a)[0] for a in range(4)] == [2, 5, 8, 4]
    assert env.step(5, 2) == (8, -1.0, True)
    assert env.step(5, 1) == (5, -1.0, False)
    assert isinstance(env.step(5, 2)[0], int)
    assert rl.Grid().n == 5
    assert rl.Grid(2).step(1, 2) == (3, -1.0, True)
    for n in (1, 0):
        with pytest.raises(ValueError, match=f"at least two cells a side, got {n}"):
            rl.Grid(n)


def test_returns_are_sums_unless_told_and_double_precision():
    assert rl.returns([1, 2, 4]).tolist() == [7, 6, 4]
    assert rl.returns([1, 2, 4], 0).tolist() == [1, 2, 4]
    assert rl.returns([1, 2, 4], 0.5).tolist() == [3, 4, 4]
    assert rl.returns([]).size == 0
    for width in WIDTHS:
        assert rl.returns(np.array([1, 2], width), 0.5).dtype == np.float64
    for rewards, gamma in ((1.0, 1), ([[1.0]], 1), ([1.0], -0.1), ([1.0], 1.1), ([1.0], np.nan)):
        with pytest.raises(ValueError, match="need rewards in a row and 0 <= gamma <= 1"):
            rl.returns(rewards, gamma)


@pytest.mark.parametrize("n", [2, 3])
def test_the_policy_gradient_by_its_definition(n):
    """Scores move by rate, return above the mean so far, and one-hot less chances."""
    env = rl.Grid(n)
    theta, lengths = rl.policy_gradient(env, 6, 0.3, np.random.default_rng(1), most=9)
    rng = np.random.default_rng(1)
    scores = [[0.0] * 4 for _ in range(n * n)]
    means = [0.0] * (n * n)
    taken = []
    for _ in range(6):
        walk = []
        s = 0
        while len(walk) < 9 and s != n * n - 1:
            p = np.exp(scores[s]) / np.exp(scores[s]).sum()
            a = int(rng.choice(4, p=p))
            walk.append((s, a, p))
            s = env.step(s, a)[0]
        for i, (s, a, p) in enumerate(walk):
            gain = -(len(walk) - i)  # one is lost for each step that is still to come
            for k in range(4):
                scores[s][k] += 0.3 * (gain - means[s]) * ((k == a) - p[k])
            means[s] += (gain - means[s]) / 10
        taken.append(len(walk))
    assert lengths.tolist() == taken
    assert lengths.dtype == int
    assert theta.shape == (n * n, 4)
    np.testing.assert_allclose(theta, scores, rtol=1e-10)


def test_walks_end_after_a_hundred_steps_unless_told():
    env = rl.Grid(40)
    assert rl.policy_gradient(env, 2, 0.1, np.random.default_rng(0))[1].tolist() == [100, 100]
    assert rl.policy_gradient(env, 1, 0.1, np.random.default_rng(0), 7)[1].tolist() == [7]
    # a rate of 1 without a way out: greedy walks lower one entry a step
    for most in (100, None):
        more = {} if most is None else {"most": most}
        rng = np.random.default_rng(0)
        rl.q_learning(env, 1, 0.1, rng, 0.0, **more)
        other = np.random.default_rng(0)
        other.random(100)
        assert rng.random() == other.random()


def test_two_greedy_walks_by_hand():
    """Of equal entries the first is taken: up, right, down, left; half of the gap is closed."""
    walks = []
    for episodes in (1, 2):
        rng = np.random.default_rng(0)
        walks.append(rl.q_learning(rl.Grid(2), episodes, 0.5, rng, 0.0))
    # up against the wall, right, up, right, down to the goal; each costs half a step
    first = np.zeros((4, 4))
    first[0, :2] = -0.5
    first[1, :3] = -0.5
    np.testing.assert_array_equal(walks[0], first)
    # down; up again, as state 0 has a move that costs nothing yet; left against the wall;
    # up: -0.5 + (-1 - 0.5 + 0.5) / 2; right: -0.5 + (-1 + 0 + 0.5) / 2; left: (-1 - 0.5) / 2;
    # down: -0.5 + (-1 + 0 + 0.5) / 2; right to the goal
    second = first.copy()
    second[0] = [-1.0, -0.75, -0.75, -0.5]
    second[1, 3] = -0.75
    second[2] = [-0.5, -0.5, 0, 0]
    np.testing.assert_array_equal(walks[1], second)


def test_a_tenth_of_the_moves_explore_unless_told():
    env = rl.Grid(4)
    plain = rl.q_learning(env, 5, 0.5, np.random.default_rng(3))
    told = rl.q_learning(env, 5, 0.5, np.random.default_rng(3), 0.1)
    np.testing.assert_array_equal(plain, told)
    for other in (0.0, 0.3, 1.0):
        assert not np.array_equal(
            plain, rl.q_learning(env, 5, 0.5, np.random.default_rng(3), other)
        )
    for wrong in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="0 <= explore <= 1, got"):
            rl.q_learning(env, 1, 0.5, np.random.default_rng(3), wrong)


def test_exploring_moves_are_even():
    # all moves explore: of 400 first steps from the corner about 100 go each way
    env = rl.Grid(2)
    rng = np.random.default_rng(0)
    moved = np.zeros(4)
    for _ in range(400):
        moved += rl.q_learning(env, 1, 1.0, rng, 1.0, most=1)[0] < 0
    np.testing.assert_allclose(moved / 400, 0.25, atol=0.08)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_best_discriminator_is_the_share_of_the_data(width):
    p = np.array([1, 0, 3])
    q = np.array([1, 2, 1])
    for args in ((p.astype(width), q), (p, q.astype(width))):
        told = ad.best_discriminator(*args)
        assert (told.dtype, told.tolist()) == (np.float64, [0.5, 0, 0.75])


@pytest.mark.parametrize(
    ("p", "q"),
    [([1.0], [1.0, 1.0]), ([-0.5], [1.0]), ([1.0], [-0.5]), ([0.0, 1.0], [0.0, 1.0])],
)
def test_densities_are_not_negative_and_not_both_zero(p, q):
    with pytest.raises(ValueError, match="need densities >= 0 of one shape, not both zero"):
        ad.best_discriminator(p, q)


@given(SEEDS)
def test_the_game_follows_its_slopes(seed):
    rng = np.random.default_rng(seed)
    start = rng.normal(size=2)
    lr, penalty = rng.uniform(0.01, 0.5, 2)
    path = ad.dirac_gan(*start, 4, lr, penalty)
    assert path.shape == (5, 2)
    assert path[0].tolist() == start.tolist()
    for (t, w), (new_t, new_w) in pairwise(path):
        fooled = 1 / (1 + np.exp(-w * t))
        # of ln(1 - D(theta)) by theta: -fooled w, by psi: -fooled theta; of ln D(0) none
        assert new_t == pytest.approx(t - lr * (-fooled * w), rel=1e-12)
        assert new_w == pytest.approx(w + lr * (-fooled * t - penalty * w), rel=1e-12)


def test_the_game_moves_by_a_tenth_without_a_penalty_unless_told():
    plain = ad.dirac_gan(1, 1, 2)
    np.testing.assert_array_equal(plain, ad.dirac_gan(1, 1, 2, 0.1, 0.0))
    assert not np.array_equal(plain, ad.dirac_gan(1, 1, 2, 0.1, 1.0))
    assert ad.dirac_gan(1, 1, 1).shape == (2, 2)


@pytest.mark.parametrize(
    ("steps", "lr", "penalty"), [(0, 0.1, 0), (1, 0, 0), (1, np.nan, 0), (1, 0.1, -0.1)]
)
def test_the_game_needs_a_step_a_rate_and_no_negative_penalty(steps, lr, penalty):
    with pytest.raises(ValueError, match="need steps >= 1, lr > 0 and penalty >= 0, got"):
        ad.dirac_gan(1, 1, steps, lr, penalty)


def test_noise_grows_evenly_from_a_ten_thousandth_to_a_tenth_unless_told():
    beta, abar = di.schedule(4)
    np.testing.assert_allclose(beta, [0.0001, 0.0334, 0.0667, 0.1], rtol=1e-14)
    np.testing.assert_allclose(abar[2], 0.9999 * 0.9666 * 0.9333, rtol=1e-14)
    np.testing.assert_allclose(di.schedule(2, 0.25, 0.5)[1], [0.75, 0.375], rtol=1e-14)
    assert di.schedule(1, 0.25, 0.25)[0].tolist() == [0.25]


@pytest.mark.parametrize(
    ("T", "low", "high"), [(0, 0.1, 0.2), (3, 0.0, 0.2), (3, 0.3, 0.2), (3, 0.1, 1.0)]
)
def test_noise_lies_between_zero_and_one_and_does_not_shrink(T, low, high):
    with pytest.raises(ValueError, match="need T >= 1 and 0 < low <= high < 1"):
        di.schedule(T, low, high)


@pytest.mark.parametrize("width", WIDTHS)
def test_noisy_data_are_double_precision(width):
    x = np.array([[1, 2]])
    eps = np.array([[3, -1]])
    abar = np.array([0.9, 0.64])
    for args in ((x.astype(width), 1, eps), (x, 1, eps.astype(width))):
        noisy = di.q_sample(*args, abar)
        assert noisy.dtype == np.float64
        np.testing.assert_allclose(noisy, [[0.8 + 1.8, 1.6 - 0.6]], rtol=1e-14)
    np.testing.assert_allclose(di.q_sample(x, 0, 0 * eps, abar), np.sqrt(0.9) * x, rtol=1e-14)


@pytest.mark.parametrize(
    ("x", "t", "eps"), [((1, 2), -1, (1, 2)), ((1, 2), 3, (1, 2)), ((1, 2), 0, (2, 2))]
)
def test_noise_has_the_shape_of_the_data_and_a_known_step(x, t, eps):
    with pytest.raises(ValueError, match="data and noise must share a shape and 0 <= t < 3"):
        di.q_sample(np.ones(x), t, np.ones(eps), np.full(3, 0.5))


def test_noisy_steps_back_by_their_formula():
    beta = np.array([0.1, 0.2, 0.4])
    x = np.array([[1.0, -2.0], [0.5, 3.0]])
    asked = []

    def predict(x, t):
        asked.append(t)
        return x / (t + 2)

    told = di.ddpm_sample(predict, x, beta, np.random.default_rng(5))
    rng = np.random.default_rng(5)
    for t, kept in ((2, 0.9 * 0.8 * 0.6), (1, 0.9 * 0.8), (0, 0.9)):
        b = beta[t]
        mean = (x - b * (x / (t + 2)) / (1 - kept) ** 0.5) / (1 - b) ** 0.5
        x = mean + b**0.5 * rng.normal(size=(2, 2)) if t else mean
    np.testing.assert_allclose(told, x, rtol=1e-12)
    assert asked == [2, 1, 0]


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 9])
def test_steps_without_noise_find_a_single_point(steps):
    """Knowing the point, the noise in x is (x - sqrt(abar) point) / sqrt(1 - abar)."""
    _, abar = di.schedule(10)
    point = np.array([[2.0, -1.0]])
    asked = []

    def predict(x, t):
        asked.append(t)
        return (x - np.sqrt(abar[t]) * point) / np.sqrt(1 - abar[t])

    x = di.ddim_sample(predict, np.array([[0.3, 4.0]]), abar, steps)
    np.testing.assert_allclose(x, point, rtol=1e-10)
    assert len(asked) == steps
    assert asked[0] == 9
    assert all(isinstance(t, int) for t in asked)
    gaps = -np.diff([*asked, 0])
    assert (np.abs(gaps - 9 / steps) < 1).all()


def test_steps_without_noise_keep_the_noise_they_were_told():
    # the noise is always 1: x0 = (x - sqrt(1 - abar)) / sqrt(abar), then less noise is put back
    abar = np.array([0.81, 0.64, 0.36])
    x0 = (2.0 - 0.8) / 0.6
    left = np.sqrt(0.64) * x0 + np.sqrt(1 - 0.64)  # at the middle one of 2, 1
    expected = (left - np.sqrt(1 - 0.64)) / np.sqrt(0.64)
    told = di.ddim_sample(lambda x, t: np.ones_like(x), np.array([[2.0]]), abar, 2)
    np.testing.assert_allclose(told, [[expected]], rtol=1e-14)
    np.testing.assert_allclose(told, [[2.0]], rtol=1e-14)


@pytest.mark.parametrize("steps", [0, 4])
def test_steps_without_noise_are_at_most_as_many_as_there_were(steps):
    with pytest.raises(ValueError, match=f"steps must be from 1 to 3, got {steps}"):
        di.ddim_sample(lambda x, t: x, np.ones((1, 2)), np.full(3, 0.5), steps)
    assert di.ddim_sample(lambda x, t: x, np.ones((1, 2)), np.full(3, 0.5), 3).shape == (1, 2)


@pytest.mark.parametrize("abar", [0.1, 0.6, 0.95])
def test_the_prediction_for_a_circle_equals_an_integral_over_the_angle(abar):
    x = np.array([[0.7, 0.4], [-1.2, 0.1], [0.0, 0.0], [2.0, -3.0]])
    angle = 2 * np.pi * np.arange(720) / 720
    points = np.stack([np.cos(angle), np.sin(angle)], 1)
    for row, told in zip(x, di.circle_noise(x, abar), strict=True):
        away = ((row - np.sqrt(abar) * points) ** 2).sum(1)
        w = np.exp(-(away - away.min()) / (2 * (1 - abar)))
        mean = w @ points / w.sum()
        np.testing.assert_allclose(
            told, (row - np.sqrt(abar) * mean) / np.sqrt(1 - abar), atol=1e-10
        )


def test_the_prediction_for_a_circle_survives_little_noise():
    # so near the circle the mean is the nearest point of it
    told = di.circle_noise(np.array([[0.0, 1.01]]), 1 - 1e-7)
    np.testing.assert_allclose(told, [[0.0, 0.01 / np.sqrt(1e-7)]], rtol=1e-2)


def test_hills_in_three_dimensions_pull_by_their_shares():
    centers = np.array([[1.0, 0.0, 2.0], [-1.0, 0.5, 0.0]])
    shares = np.array([0.25, 0.75])
    x = np.array([[0.5, -0.5, 1.0], [0.0, 2.0, 0.0], [3.0, 1.0, -1.0]])
    var = 0.36 * 0.5**2 + 0.64
    expected = []
    for row in x:
        heights = []
        for share, center in zip(shares, centers, strict=True):
            away = sum((row - 0.6 * center) ** 2)
            heights.append(share * np.exp(-away / (2 * var)))
        w = np.array(heights) / sum(heights)
        mean = sum(weight * (row - 0.6 * center) for weight, center in zip(w, centers, strict=True))
        expected.append(0.8 * mean / var)
    np.testing.assert_allclose(di.hills_noise(x, 0.36, centers, shares, 0.5), expected, rtol=1e-12)
