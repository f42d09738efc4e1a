"""Gradients, estimators and training over answers that can be listed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from groundtruth.check import numeric_grad
from groundtruth.modern import grpo
from groundtruth.modern import policy_gradients as pg
from groundtruth.modern import preferences as pref


@pytest.fixture(scope="module")
def task():
    return pg.Answers(3, 3)


@pytest.fixture(scope="module")
def logits(task):
    return task.start(np.random.default_rng(0), 1.0)


def finite(logits):
    """The logits with a finite number where the empty answer would be, and a way back."""
    filled = np.where(np.isinf(logits), 0.0, logits)

    def closed(z):
        out = np.array(z, dtype=float)
        out[0, -1] = -np.inf
        return out

    return filled, closed


def test_answers_are_all_strings_up_to_the_length(task):
    assert len(task.strings) == 3 + 9 + 27
    assert len(set(task.strings)) == 39
    assert task.lengths[task.strings.index((0,))] == 2  # the digit and the stop
    assert task.lengths[task.strings.index((0, 1, 2))] == 3  # ended by its length


def test_an_answer_has_as_many_real_decisions_as_its_length(task):
    assert (task.base, task.longest) == (3, 3)
    assert task.node[task.real].size == task.action[task.real].size == task.lengths.sum()
    assert (task.action[task.real] == 3).sum() == 3 + 9  # answers that stop before the third digit


def test_a_task_keeps_its_sizes_and_a_mask_of_its_decisions():
    small = pg.Answers(2, 2)
    assert (small.base, small.longest, small.nodes) == (2, 2, 3)
    assert small.real.dtype == bool
    assert small.real.tolist() == [[True, True]] * 6


def test_one_hundred_thousand_answers_are_the_most():
    assert len(pg.Answers(100_000, 1).strings) == 100_000
    with pytest.raises(ValueError, match="too many answers"):
        pg.Answers(100_001, 1)


def test_random_logits_have_the_scale_and_forbid_the_empty_answer():
    logits = pg.Answers(2, 9).start(np.random.default_rng(9), 0.5)
    assert logits[0, 2] == -np.inf
    logits[0, 2] = 0.0
    assert np.isfinite(logits).all()
    assert logits.std() == pytest.approx(0.5, abs=0.05)


def test_a_constant_added_to_the_logits_of_a_prefix_changes_nothing(task, logits):
    shift = np.where(np.arange(task.nodes) % 2, 1000.0, -1000.0)
    shifted = task.log_softmax(logits + shift[:, None])
    np.testing.assert_allclose(shifted, task.log_softmax(logits), atol=1e-9)


def test_logits_of_single_precision_are_computed_in_double_precision(task, logits):
    single = logits.astype(np.float32)
    np.testing.assert_array_equal(task.log_softmax(single), task.log_softmax(single.astype(float)))


def test_probabilities_add_up_and_follow_the_decisions(task, logits):
    p = np.exp(task.log_probs(logits))
    assert p.sum() == pytest.approx(1)
    table = np.exp(task.log_softmax(logits))
    expected = table[0, 2] * table[_node(task, (2,)), 1] * table[_node(task, (2, 1)), 3]
    assert p[task.strings.index((2, 1))] == pytest.approx(expected)


def _node(task, prefix):
    row = next(i for i, s in enumerate(task.strings) if s[: len(prefix)] == prefix and len(s) == 3)
    return task.node[row, len(prefix)]


def test_the_gradient_equals_differences(task, logits):
    weights = np.random.default_rng(1).normal(size=39)
    filled, closed = finite(logits)
    numeric = numeric_grad(lambda z: task.log_probs(closed(z)) @ weights, filled)
    np.testing.assert_allclose(task.gradient(logits, weights), numeric, atol=1e-7)


def test_weights_per_decision_of_equal_value_are_weights_per_answer(task, logits):
    weights = np.random.default_rng(2).normal(size=39)
    rows = np.repeat(weights[:, None], 3, axis=1)
    np.testing.assert_allclose(task.gradient(logits, weights), task.gradient(logits, rows))


def test_the_gradient_equals_torch(task, logits):
    filled, _ = finite(logits)
    z = torch.tensor(filled, requires_grad=True)
    mask = torch.zeros_like(z)
    mask[0, -1] = -torch.inf
    table = (z + mask).log_softmax(-1)
    logp = torch.where(
        torch.tensor(task.real), table[torch.tensor(task.node), torch.tensor(task.action)], 0.0
    ).sum(1)
    weights = np.random.default_rng(3).normal(size=39)
    (logp @ torch.tensor(weights)).backward()
    np.testing.assert_allclose(task.gradient(logits, weights), z.grad.numpy(), atol=1e-12)


def test_the_mean_gradient_of_log_probabilities_is_zero(task, logits):
    p = np.exp(task.log_probs(logits))
    np.testing.assert_allclose(task.gradient(logits, p), 0, atol=1e-14)


def test_policy_logits_invert_log_probs(task):
    p = np.random.default_rng(4).dirichlet(np.ones(39))
    np.testing.assert_allclose(np.exp(task.log_probs(task.policy_logits(p))), p)


@pytest.mark.filterwarnings("error")
def test_policy_logits_of_one_digit_are_logarithms_without_a_warning():
    digits = np.exp(pg.Answers(2, 1).policy_logits([0.25, 0.75]))
    np.testing.assert_allclose(digits, [[0.25, 0.75, 0.0]])


def test_the_verifier_adds_digits(task):
    marks = task.sum_is(4)
    assert marks.sum() == sum(sum(s) == 4 for s in task.strings)
    assert marks[task.strings.index((2, 2))] == 1


def test_kl_estimators_against_the_exact_value():
    rng = np.random.default_rng(5)
    p, q = rng.dirichlet(np.ones(30), 2)
    k = pg.kl_estimates(np.log(p), np.log(q))
    exact = pref.kl(p, q)
    assert p @ k["k1"] == pytest.approx(exact)
    assert p @ k["k3"] == pytest.approx(exact)
    assert p @ k["k2"] == pytest.approx((p @ np.log(p / q) ** 2) / 2)
    assert (k["k3"] >= 0).all()


def test_draws_have_their_probabilities():
    p = np.array([0.2, 0.5, 0.3])
    ids = pg.draws(np.log(p), (200, 100), np.random.default_rng(6))
    assert ids.shape == (200, 100)
    np.testing.assert_allclose(np.bincount(ids.ravel()) / 20_000, p, atol=0.01)


def test_draws_accept_a_sum_within_a_millionth_of_1():
    p = np.array([0.5, 0.5 + 5e-7])
    ids = pg.draws(np.log(p), (1000,), np.random.default_rng(10))
    assert ids.mean() == pytest.approx(0.5, abs=0.08)


def test_the_sum_of_probabilities_is_checked_in_double_precision():
    half = np.log(np.array([0.5, 0.5], dtype=np.float16))
    assert np.exp(half.astype(float)).sum() < 0.9999  # rounding to half precision hides it
    with pytest.raises(ValueError, match="add up to"):
        pg.draws(half, (1,), np.random.default_rng(0))


def test_group_advantages_by_hand():
    A = grpo.group_advantages([[0.0, 2.0, 4.0, 2.0]])
    np.testing.assert_allclose(A, [[-np.sqrt(2), 0, np.sqrt(2), 0]])
    plain = grpo.group_advantages([[0.0, 2.0, 4.0, 2.0]], scale=False)
    np.testing.assert_allclose(plain, [[-2, 0, 2, 0]])
    np.testing.assert_allclose(grpo.group_advantages([[0, 1], [7, 3]]), [[-1, 1], [1, -1]])


@pytest.mark.filterwarnings("error")
def test_groups_of_equal_rewards_have_no_advantages_beside_others():
    A = grpo.group_advantages([[3, 3, 3], [0, 0, 3]])
    np.testing.assert_allclose(A, [[0, 0, 0], [-(0.5**0.5), -(0.5**0.5), 2**0.5]])
    # the mean of 0.1, 0.1 and 0.1 is rounded to another number, and the zeros are exact
    assert grpo.group_advantages([[0.1, 0.1, 0.1]]).tolist() == [[0.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss"),
    [(1.0, 2.0, -2.0), (1.5, 2.0, -2.6), (0.5, 2.0, -1.0), (1.5, -2.0, 3.0), (0.5, -2.0, 1.8)],
)
def test_the_clipped_loss_by_hand(ratio, advantage, loss):
    assert grpo.clipped_loss(ratio, advantage, 0.1, 0.3) == pytest.approx(loss)


def test_a_ratio_may_be_clipped_at_1_itself():
    assert grpo.clipped_loss([0.5, 1.5], [-1.0, 1.0], 0.0, 0.0).tolist() == [1.0, -1.0]


def test_ratios_of_single_precision_are_clipped_in_double_precision():
    assert grpo.clipped_loss(np.float32(2), 1.0, 0.2, 0.3) == pytest.approx(-1.3, rel=1e-12)


def test_exact_training_reaches_the_optimum(task, logits):
    reward = task.sum_is(3)
    ref = np.exp(task.log_probs(logits))
    best = pref.optimum(ref, reward, 0.5)
    p = grpo.train(task, logits, reward, 0.5, steps=3000, rate=5.0)
    np.testing.assert_allclose(p, best, atol=1e-3)


GRPO = {"by_deviation": True, "by_length": True}


@pytest.mark.parametrize("rule", [{}, GRPO])
def test_one_sampled_step_is_the_estimator(task, logits, rule):
    """The first step of sampled training, computed answer by answer with torch's gradients."""
    reward = task.sum_is(3)
    log_ref = task.log_probs(logits)
    ids = pg.draws(log_ref, (2, 4), np.random.default_rng(7))
    A = grpo.group_advantages(reward[ids], scale=bool(rule))
    step = np.zeros_like(logits)
    for a, i in zip(A.ravel(), ids.ravel(), strict=True):
        one = np.zeros(39)
        one[i] = a / 8
        if rule:
            one[i] *= np.exp(log_ref) @ task.lengths / task.lengths[i]
        step += task.gradient(logits, one)
    rng = np.random.default_rng(7)
    p = grpo.train(task, logits, reward, 0.3, sampled=(2, 4), steps=1, rate=0.7, rng=rng, **rule)
    np.testing.assert_allclose(p, np.exp(task.log_probs(logits + 0.7 * step)))


def test_grpo_with_exact_expectations_divides_by_deviation_and_length(task, logits):
    reward = task.sum_is(3)
    p = np.exp(task.log_probs(logits))
    A = reward - p @ reward
    A = A / np.sqrt(p @ A**2) / task.lengths * (p @ task.lengths)
    after = np.exp(task.log_probs(logits + 0.2 * task.gradient(logits, p * A)))
    trained = grpo.train(task, logits, reward, 0.1, steps=1, rate=0.2, **GRPO)
    np.testing.assert_allclose(trained, after)


def test_a_step_with_k3_is_that_of_the_loss_of_grpo(task, logits):
    """The loss of Shao et al. (2024), per token and averaged over each answer, with torch."""
    reward = task.sum_is(3)
    policy = logits + np.random.default_rng(9).normal(size=logits.shape)
    filled, _ = finite(policy)
    mask = np.zeros_like(logits)
    mask[0, -1] = -np.inf
    z = torch.tensor(filled, requires_grad=True)
    table = (z + torch.tensor(mask)).log_softmax(-1)
    real = torch.tensor(task.real)
    tokens = torch.where(real, table[torch.tensor(task.node), torch.tensor(task.action)], 0.0)
    x = torch.tensor(task.token_log_probs(logits)) - tokens
    k3 = torch.where(real, x.exp() - 1 - x, 0.0)
    mass = np.exp(task.log_probs(policy))
    A = torch.tensor((reward - mass @ reward) / np.sqrt(mass @ reward - (mass @ reward) ** 2))
    ratio = (tokens - tokens.detach()).exp()
    loss = torch.where(real, -A[:, None] * ratio + 0.3 * k3, 0.0).sum(1) / torch.tensor(
        task.lengths
    )
    (torch.tensor(mass) @ loss).backward()
    scale = np.exp(task.log_probs(logits)) @ task.lengths / task.lengths
    weights = grpo._weights(
        task.token_log_probs(policy),
        task.token_log_probs(logits),
        reward,
        0.3,
        True,
        scale,
        "k3",
        None,
    )
    step = task.gradient(policy, weights)
    np.testing.assert_allclose(step, -scale[0] * task.lengths[0] * z.grad.numpy(), atol=1e-12)


def test_sampled_k3_follows_the_exact_one(task, logits):
    """Many answers, so that the mean over draws is near the expectation."""
    reward = task.sum_is(3)
    tokens = task.token_log_probs(logits)
    ref = task.token_log_probs(np.where(np.isinf(logits), logits, 0.0))
    ids = pg.draws(tokens.sum(1), (1, 200_000), np.random.default_rng(10))

    def weights(beta, ids):
        return grpo._weights(tokens, ref, reward, beta, True, np.ones(39), "k3", ids)

    exact = weights(3.0, None)
    np.testing.assert_allclose(weights(3.0, ids), exact, atol=0.01)
    assert np.abs(exact - weights(0.0, None)).max() > 0.1


def test_answers_that_were_not_drawn_have_no_weight(task, logits):
    """Even the last one, after which the counts of the drawn end."""
    tokens = task.token_log_probs(logits)
    ref = task.token_log_probs(np.where(np.isinf(logits), logits, 0.0))
    ids = np.array([[0, 1], [2, 1]])
    w = grpo._weights(tokens, ref, np.zeros(39), 2.0, False, np.ones(39), "k3", ids)
    share = np.array([1, 2, 1])[:, None] / 4
    np.testing.assert_allclose(w[:3], 2 * share * (np.exp(ref - tokens)[:3] - 1))
    assert not w[3:].any()


def test_k3_does_not_reach_the_optimum(task, logits):
    reward = task.sum_is(3)
    ref = np.exp(task.log_probs(logits))
    best = pref.optimum(ref, reward, 0.5)
    p = grpo.train(task, logits, reward, 0.5, divergence="k3", steps=2000, rate=5.0)
    assert np.abs(p - best).max() > 0.02


def test_grpo_with_the_divergence_in_the_reward_keeps_the_optimum(task, logits):
    reward = task.sum_is(3)
    best = pref.optimum(np.exp(task.log_probs(logits)), reward, 0.5)
    p = grpo.train(task, logits, reward, 0.5, divergence="reward", steps=3000, rate=3.0, **GRPO)
    np.testing.assert_allclose(p, best, atol=2e-3)


def test_dividing_by_lengths_alone_has_another_fixed_point(task, logits):
    """There the divided advantage less beta log(policy / reference) is one constant."""
    reward = task.sum_is(3)
    log_ref = task.log_probs(logits)
    p = grpo.train(task, logits, reward, 0.5, by_length=True, steps=3000, rate=5.0)
    scale = np.exp(log_ref) @ task.lengths / task.lengths
    force = (reward - p @ reward) * scale - 0.5 * (np.log(p) - log_ref)
    assert p @ np.abs(force - p @ force) < 1e-3
    assert np.abs(p - pref.optimum(np.exp(log_ref), reward, 0.5)).max() > 0.01


def test_sampled_training_comes_near_the_optimum(task, logits):
    reward = task.sum_is(3)
    ref = np.exp(task.log_probs(logits))
    best = pref.objective(pref.optimum(ref, reward, 0.5), ref, reward, 0.5)
    for divergence in ("loss", "reward"):
        p = grpo.train(
            task,
            logits,
            reward,
            0.5,
            divergence=divergence,
            sampled=(8, 8),
            steps=600,
            rate=5.0,
            rng=np.random.default_rng(8),
        )
        assert best - pref.objective(p, ref, reward, 0.5) < 0.02


def test_the_rate_falls_to_zero(task, logits):
    p = np.exp(task.log_probs(logits))
    reward = task.sum_is(3)
    first = logits + 0.4 * task.gradient(logits, p * (reward - p @ reward))
    q = np.exp(task.log_probs(first))
    second = first + 0.2 * task.gradient(first, q * (reward - q @ reward))
    trained = grpo.train(task, logits, reward, 0.0, steps=2, rate=0.4)
    np.testing.assert_allclose(trained, np.exp(task.log_probs(second)))


def test_a_generator_alone_does_not_make_training_sample(task, logits):
    reward = task.sum_is(3)
    exact = grpo.train(task, logits, reward, 0.1, steps=3)
    given = grpo.train(task, logits, reward, 0.1, steps=3, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(given, exact)


def test_training_has_two_thousand_steps_from_a_rate_of_ten():
    answers = pg.Answers(2, 1)
    start = [[0.0, 0.0, -np.inf]]
    reward = [0.0, 1e-4]  # so small that training does not end at its optimum
    p = grpo.train(answers, start, reward, 0.0)
    np.testing.assert_allclose(
        p, grpo.train(answers, start, reward, 0.0, steps=2000, rate=10.0), rtol=1e-12
    )
    # for p near 1/2 the logit gap grows by 2 p (1 - p) reward times the sum of the rates
    gap = np.log(p[1] / p[0])
    assert gap == pytest.approx(0.5 * 1e-4 * 10 * (2001 / 2), rel=0.03)


def test_equal_rewards_change_nothing(task, logits):
    rng = np.random.default_rng(0)
    p = grpo.train(task, logits, np.ones(39), 0.0, sampled=(3, 4), steps=5, rng=rng, **GRPO)
    np.testing.assert_allclose(p, np.exp(task.log_probs(logits)))


@pytest.mark.parametrize(
    "call",
    [
        lambda: pg.Answers(1, 2),
        lambda: pg.Answers(2, 0),
        lambda: pg.Answers(10, 6),
        lambda: pg.Answers(2, 1).log_probs(np.zeros((2, 3))),
        lambda: pg.Answers(2, 2).gradient(np.zeros((3, 3)), np.zeros((6, 5))),
        lambda: pg.Answers(2, 2).gradient(np.zeros((3, 3)), np.zeros(5)),
        lambda: pg.draws([0.0, 0.0], (1,), np.random.default_rng(0)),
        lambda: grpo.group_advantages([[1.0], [2.0]]),
        lambda: grpo.group_advantages([1.0, 2.0]),
        lambda: grpo.clipped_loss(1.0, 1.0, 1.0, 0.2),
        lambda: grpo.clipped_loss(1.0, 1.0, 0.2, -0.1),
        lambda: grpo.train(pg.Answers(2, 1), np.zeros((1, 3)), [0, 1], -1.0),
        lambda: grpo.train(pg.Answers(2, 1), np.zeros((1, 3)), [0, 1], 1.0, steps=0),
        lambda: grpo.train(
            pg.Answers(2, 1), [[0.0, 0.0, -np.inf]], np.array([0, 1]), 1.0, sampled=(1, 2)
        ),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(ValueError):
        call()
