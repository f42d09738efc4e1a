"""Learners on scripted draws worked by hand, and tables of values against shortest ways."""

from fractions import Fraction
from itertools import cycle

import numpy as np
import pytest
from groundtruth.networks import reinforcement as rl
from scipy.special import softmax

UP, RIGHT, DOWN, LEFT = range(4)


class Scripted:
    """A generator whose draws are written down, again from the first after the last; it remembers
    what it was asked for.
    """

    def __init__(self, choices=(0,), numbers=(0.0,)):
        self.choices = cycle(choices)
        self.numbers = cycle(numbers)
        self.asked = []

    def choice(self, n, p):
        assert len(p) == n
        self.asked.append(p)
        return next(self.choices)

    def integers(self, n):
        self.asked.append(n)
        return next(self.choices)

    def random(self):
        return next(self.numbers)


def distance(n, state):
    """Steps from a cell of an n by n grid to its last one."""
    row, column = divmod(state, n)
    return 2 * (n - 1) - row - column


def test_the_gradient_of_two_arms_by_hand():
    # shares 1/4 and 3/4, expected reward 1/4
    got = rl.bandit_gradient([0, np.log(3)], [1, 0])
    np.testing.assert_allclose(got, [0.25 * 0.75, -0.75 * 0.25], rtol=1e-14)


def test_chances_in_single_precision_are_used_in_double():
    r = np.array([0.1, 0.7], dtype=np.float32)
    got = rl.bandit_gradient(np.array([0.3, 0.4]), r)
    assert np.array_equal(got, rl.bandit_gradient([0.3, 0.4], r.astype(float)))


def test_chances_may_be_fractions():
    got = rl.bandit_gradient([0.0, 0.0], [Fraction(1, 4), Fraction(3, 4)])
    # 1/2 (1/4 - 1/2) and 1/2 (3/4 - 1/2)
    assert got.dtype == np.float64
    assert got.tolist() == [-0.125, 0.125]


@pytest.mark.parametrize(
    ("theta", "chances"),
    [
        ([0.0, 0.0], [0.5]),
        ([[0.0, 0.0]], [[0.5, 0.5]]),
        ([0.0, 0.0], [-0.1, 0.5]),
        ([0.0, 0.0], [0.5, 1.1]),
        ([0.0, 0.0], [0.5, np.nan]),
    ],
)
def test_arms_without_a_chance_from_0_to_1_are_refused(theta, chances):
    with pytest.raises(ValueError, match="one score and one chance from 0 to 1 for each arm"):
        rl.bandit_gradient(theta, chances)


def test_certain_arms_are_arms():
    assert rl.bandit_gradient([0.0, 0.0], [1.0, 1.0]).tolist() == [0.0, 0.0]
    assert rl.bandit_gradient([0.0, 0.0], [0.0, 0.0]).tolist() == [0.0, 0.0]


def test_a_paid_pull_raises_its_arm():
    rng = Scripted([1, 0, 1], [0.2, 0.9, 0.2])
    got = rl.reinforce_bandit([0.5, 0.3, 0.5], 3, 0.6, rng)
    # arm 1 pays, arm 0 does not and changes nothing, arm 1 pays again
    start = np.full(3, 1 / 3)
    theta = 0.6 * (np.array([0, 1, 0]) - start)
    middle = softmax(theta)
    np.testing.assert_allclose(rng.asked, [start, middle, middle], rtol=1e-12)
    np.testing.assert_allclose(
        got, softmax(theta + 0.6 * (np.array([0, 1, 0]) - middle)), rtol=1e-12
    )


def test_a_baseline_moves_a_twentieth_of_the_way_to_each_reward():
    rng = Scripted([0, 1, 1], [0.0, 0.0, 0.9])
    rl.reinforce_bandit([0.5, 0.5], 4, 1.0, rng, baseline=True)
    # rewards 1, 1 and 0 are compared with 0, 1/20 and 1/20 + 19/20 * 1/20
    theta = np.zeros(2)
    for asked, gap, arm in zip(rng.asked, [1, 0.95, -0.0975, None], [0, 1, 1, None], strict=True):
        np.testing.assert_allclose(asked, softmax(theta), rtol=1e-12)
        if arm is not None:
            theta += gap * (np.eye(2)[arm] - softmax(theta))


def test_an_arm_pays_when_the_draw_is_below_its_chance():
    paid = rl.reinforce_bandit([0.5, 0.5], 1, 1.0, Scripted([0], [0.49]))
    missed = rl.reinforce_bandit([0.5, 0.5], 1, 1.0, Scripted([0], [0.5]))
    assert paid[0] > 0.5
    assert missed.tolist() == [0.5, 0.5]
    never = rl.reinforce_bandit([0, 1], 1, 1.0, Scripted([0], [0.0]))
    assert never.tolist() == [0.5, 0.5]


def test_pulls_come_from_the_generator():
    first, again, other = (
        rl.reinforce_bandit([0.2, 0.6], 30, 0.1, np.random.default_rng(k)) for k in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("chances", "steps", "lr", "named"),
    [
        ([0.5], 0, 0.1, "got 0 and 0.1"),
        ([0.5], 1, 0.0, "got 1 and 0.0"),
        ([0.5], 1, -1.0, "got 1 and -1.0"),
        ([0.5, 1.5], 1, 0.1, "chance from 0 to 1"),
    ],
)
def test_pulls_that_teach_nothing_are_refused(chances, steps, lr, named):
    with pytest.raises(ValueError, match=named):
        rl.reinforce_bandit(chances, steps, lr, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("action", "ends"),
    [
        (UP, [0, 1, 2, 0, 1, 2, 3, 4, 5]),
        (RIGHT, [1, 2, 2, 4, 5, 5, 7, 8, 8]),
        (DOWN, [3, 4, 5, 6, 7, 8, 6, 7, 8]),
        (LEFT, [0, 0, 1, 3, 3, 4, 6, 6, 7]),
    ],
)
def test_every_step_of_a_grid_of_nine(action, ends):
    env = rl.Grid(3)
    for state, end in enumerate(ends):
        assert env.step(state, action) == (end, -1.0, end == 8)


def test_a_grid_has_five_cells_a_side_unless_asked_and_at_least_two():
    assert rl.Grid().n == 5
    assert rl.Grid(2).n == 2
    with pytest.raises(ValueError, match="two cells a side, got 1"):
        rl.Grid(1)


def test_returns_are_plain_sums_unless_discounted():
    assert rl.returns([1, 2, 4]).tolist() == [7.0, 6.0, 4.0]
    # 4; 2 + 4 / 2; 1 + 2 / 2 + 4 / 4
    assert rl.returns([1, 2, 4], 0.5).tolist() == [3.0, 4.0, 4.0]
    assert rl.returns([1, 3], 0.5).tolist() == [2.5, 3.0]
    assert rl.returns([1.0, 2.0], 0).tolist() == [1.0, 2.0]
    assert rl.returns([]).tolist() == []


def test_returns_of_single_precision_are_double():
    assert rl.returns(np.ones(2, dtype=np.float32)).dtype == np.float64


@pytest.mark.parametrize(
    ("rewards", "gamma"), [([[1.0]], 0.5), (1.0, 0.5), ([1.0], -0.1), ([1.0], 1.1)]
)
def test_rewards_without_an_order_and_discounts_that_grow_are_refused(rewards, gamma):
    with pytest.raises(ValueError, match=f"rewards in a row and 0 <= gamma <= 1.* and {gamma}"):
        rl.returns(rewards, gamma)


def test_three_walks_of_a_policy_by_hand():
    rng = Scripted([UP, RIGHT, DOWN])
    theta, lengths = rl.policy_gradient(rl.Grid(2), 3, 0.2, rng)
    # cells 0, 0, 1 and the goal: -3 and -2 are still to come in cell 0, -1 in cell 1
    want = np.zeros((4, 4))
    value = np.zeros(4)
    asked = []
    for _ in range(3):
        shares = softmax(want, axis=1)
        asked += [shares[0], shares[0], shares[1]]
        for state, action, to_come in ((0, UP, -3), (0, RIGHT, -2), (1, DOWN, -1)):
            slope = -shares[state]
            slope[action] = 1 - shares[state, action]
            want[state] += 0.2 * (to_come - value[state]) * slope
            value[state] = 0.9 * value[state] + 0.1 * to_come
    np.testing.assert_allclose(theta, want, rtol=1e-12)
    np.testing.assert_allclose(rng.asked, asked, rtol=1e-12)
    assert lengths.tolist() == [3, 3, 3]
    assert lengths.dtype == int


def test_a_policy_has_a_row_for_each_cell_of_a_larger_grid():
    walk = [DOWN, DOWN, RIGHT, RIGHT]
    theta, lengths = rl.policy_gradient(rl.Grid(3), 1, 0.1, Scripted(walk))
    assert lengths.tolist() == [4]
    assert theta.shape == (9, 4)
    # along the left side and the bottom
    assert np.flatnonzero(theta.any(axis=1)).tolist() == [0, 3, 6, 7]


@pytest.mark.parametrize(("asked", "length"), [({}, 100), ({"most": 7}, 7)])
def test_a_policy_that_never_arrives_stops(asked, length):
    _, lengths = rl.policy_gradient(rl.Grid(2), 1, 0.01, Scripted([UP]), **asked)
    assert lengths.tolist() == [length]


@pytest.mark.parametrize(("episodes", "lr"), [(0, 0.1), (1, 0.0), (1, -0.1)])
def test_a_policy_that_learns_nothing_is_refused(episodes, lr):
    with pytest.raises(ValueError, match=f"got {episodes} and {lr}"):
        rl.policy_gradient(rl.Grid(2), episodes, lr, np.random.default_rng(0))


@pytest.mark.parametrize("asked", [{}, {"explore": 0.1}])
def test_two_walks_of_q_learning_by_hand(asked):
    # a draw below 0.1 explores, one of 0.1 is greedy
    rng = Scripted([RIGHT, DOWN], [0.09, 0.1, 0.0, 0.5, 0.0, 0.0])
    Q = rl.q_learning(rl.Grid(2), 2, 0.5, rng, **asked)
    want = np.zeros((4, 4))
    want[0, RIGHT] = -0.5  # explored: half of -1 + 0
    want[1, UP] = -0.5  # greedy, the first of equals: into the wall
    want[1, DOWN] = -0.5  # explored: the goal
    want[0, UP] = -0.5  # greedy, the first that is still 0
    want[0, RIGHT] = -0.75  # explored: -0.5 + half of -1 + 0.5
    want[1, DOWN] = -0.75  # explored: the goal again
    assert np.array_equal(Q, want)
    assert rng.asked == [4, 4, 4, 4]


@pytest.mark.parametrize("n", [2, 3])
def test_with_full_steps_and_random_walks_q_is_minus_the_length_of_the_shortest_way(n):
    env = rl.Grid(n)
    Q = rl.q_learning(env, 80, 1.0, np.random.default_rng(0), explore=1, most=200)
    for state in range(n**2 - 1):
        for action in range(4):
            assert Q[state, action] == -1 - distance(n, env.step(state, action)[0])
    assert not Q[-1].any()


def test_without_exploring_walks_are_the_same_for_every_generator():
    one, two = (
        rl.q_learning(rl.Grid(3), 20, 0.5, np.random.default_rng(k), explore=0) for k in (0, 1)
    )
    assert np.array_equal(one, two)


@pytest.mark.parametrize(("asked", "length"), [({}, 100), ({"most": 7}, 7)])
def test_a_walk_that_never_arrives_stops(asked, length):
    rng = Scripted([UP], [0.0])
    rl.q_learning(rl.Grid(2), 1, 0.5, rng, **asked)
    assert len(rng.asked) == length


@pytest.mark.parametrize(
    ("episodes", "lr", "explore"),
    [(0, 0.1, 0.1), (1, 0.0, 0.1), (1, -0.1, 0.1), (1, 0.1, -0.1), (1, 0.1, 1.1)],
)
def test_a_table_that_learns_nothing_is_refused(episodes, lr, explore):
    with pytest.raises(ValueError, match=f"got {episodes}, {lr} and {explore}"):
        rl.q_learning(rl.Grid(2), episodes, lr, np.random.default_rng(0), explore=explore)
