"""One unit against torch, scikit-learn and geometry; the perceptron's bound; what a line can
separate.
"""

from decimal import Decimal

import numpy as np
import pytest
import torch
from groundtruth.learning.linear_models import perceptron
from groundtruth.networks import activations as act
from groundtruth.networks import neuron as nn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.svm import LinearSVC

SEEDS = st.integers(0, 10**6)


def test_a_unit_equals_a_column_of_a_torch_layer():
    layer = torch.nn.Linear(4, 1).double()
    X = np.random.default_rng(0).normal(size=(6, 4))
    ours = nn.unit(X, layer.weight.detach().numpy()[0], float(layer.bias.detach()), act.tanh)
    np.testing.assert_allclose(
        ours, torch.tanh(layer(torch.tensor(X))).detach().numpy()[:, 0], atol=1e-12
    )


@given(SEEDS, st.floats(0.1, 100))
def test_the_distance_ignores_the_length_of_the_weights_and_is_the_distance_to_the_foot(seed, c):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(5, 3))
    w = rng.normal(size=3)
    b = float(rng.normal())
    t = nn.signed_distance(X, w, b)
    np.testing.assert_allclose(nn.signed_distance(X, c * w, c * b), t, rtol=1e-9, atol=1e-9)
    foot = X - t[:, None] * w / np.linalg.norm(w)
    np.testing.assert_allclose(foot @ w + b, 0, atol=1e-9)


@settings(max_examples=40)
@given(SEEDS)
def test_separable_agrees_with_a_hard_margin_machine(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(7, 2))
    y = rng.choice([-1.0, 1.0], 7)
    if len(set(y)) == 2:
        machine = LinearSVC(C=1e6, max_iter=200_000, tol=1e-8, intercept_scaling=100).fit(X, y)
        if machine.score(X, y) == 1:
            assert nn.separable(X, y)
        elif nn.separable(X, y):  # the machine may give up near the edge, a found line may not lie
            assert perceptron(X, y, 200_000)[2]


def test_the_counts_of_boolean_functions_are_those_of_the_literature():
    assert [nn.boolean_functions(d) for d in (1, 2, 3)] == [(4, 4), (14, 16), (104, 256)]


@settings(max_examples=40)
@given(SEEDS)
def test_no_order_of_rows_breaks_the_mistake_bound(seed):
    rng = np.random.default_rng(seed)
    v = rng.normal(size=3)
    X = rng.normal(size=(40, 2))
    score = np.column_stack([np.ones(40), X]) @ v
    keep = np.abs(score) > 0.3
    X = X[keep]
    y = np.sign(score[keep])
    if len(X):
        _, mistakes, done = perceptron(X, y, 20_000)
        assert done
        assert mistakes <= nn.mistake_bound(X, y, v)


def test_dead_looks_at_all_rows():
    Z = np.array([[-1.0, 0.0, 2.0], [-3.0, -1.0, -2.0]])
    assert nn.dead(Z).tolist() == [True, True, False]
    assert nn.dead(-Z).tolist() == [
        False,
        False,
        False,
    ]


@given(st.lists(st.floats(-360, 360), min_size=1, max_size=8), st.floats(-90, 90))
def test_only_the_turns_between_filters_matter(angles, turn):
    share = nn.polarizers(angles)
    assert 0 <= share <= 1 + 1e-12
    assert np.isclose(nn.polarizers([a + turn for a in angles]), share, atol=1e-9)


def test_equal_turns_pass_cos_to_the_2n():
    for n, expected in ((1, 0.0), (2, 0.25), (3, 0.421875)):
        assert np.isclose(nn.polarizers(np.linspace(0, 90, n + 1)), expected)


ROWS = np.zeros((3, 2))


@pytest.mark.parametrize(
    "call",
    [
        lambda: nn.unit(ROWS, [1.0], 0.0, act.relu),
        lambda: nn.unit([1.0], [1.0], 0.0, act.relu),
        lambda: nn.signed_distance(ROWS, [0.0, 0.0], 1.0),
        lambda: nn.separable(ROWS, [0, 1, 1]),
        lambda: nn.separable(np.zeros((0, 2)), []),
        lambda: nn.boolean_functions(4),
        lambda: nn.mistake_bound(ROWS, [1, 1, -1], [1.0, 0.0, 0.0]),
        lambda: nn.mistake_bound(ROWS, [1, 1], [1.0, 0.0, 0.0]),
        lambda: nn.mistake_bound(ROWS, [1, 1, 1], [0.0, 0.0, 0.0]),
        lambda: nn.dead(np.zeros((0, 2))),
        lambda: nn.dead([1.0]),
        lambda: nn.polarizers([]),
        lambda: nn.polarizers([[0.0]]),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(ValueError):
        call()


NARROW = (np.float32, np.longdouble, np.int64)


@pytest.mark.parametrize("precision", NARROW)
def test_scores_are_computed_in_double_precision_whatever_comes_in(precision):
    X = np.array([[1, 2], [3, -1]])
    w = np.array([3, 4])
    for rows, weight in ((X.astype(precision), w), (X, w.astype(precision))):
        score = nn.unit(rows, weight, 0, lambda z: z)
        assert score.dtype == np.float64
        assert score.tolist() == [11, 5]
        distance = nn.signed_distance(rows, weight, 0)
        assert distance.dtype == np.float64
        np.testing.assert_allclose(distance, [11 / 5, 1])


def test_rows_of_three_axes_and_weights_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"rows X \(n, d\).*got \(2, 3, 4\) and \(3,\)"):
        nn.unit(np.zeros((2, 3, 4)), np.zeros(3), 0.0, act.relu)
    with pytest.raises(ValueError, match=r"got \(3, 2\) and \(3,\)"):
        nn.signed_distance(np.zeros((3, 2)), np.ones(3), 0.0)
    with pytest.raises(ValueError, match="w is zero: the unit has no boundary"):
        nn.signed_distance(np.zeros((3, 2)), np.zeros(2), 0.0)


def test_a_boundary_that_needs_negative_weights_and_bias_is_found():
    assert nn.separable([[1.0, 1.0], [-1.0, -1.0]], [-1, 1])
    assert nn.separable([[1.0], [2.0]], [-1, 1])
    assert nn.separable([[1.0], [2.0]], [1, -1])
    assert not nn.separable([[1.0], [2.0], [3.0]], [1, -1, 1])


def test_one_row_is_separable_and_equal_rows_with_two_labels_are_not():
    assert nn.separable([[0.0, 0.0]], [1]) is True
    assert nn.separable([[5.0, 1.0], [5.0, 1.0]], [1, -1]) is False


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (np.zeros((2, 3, 4)), [1, -1]),
        (np.zeros(2), [1, -1]),
        (np.zeros((0, 2)), []),
        (np.zeros((2, 2)), [1]),
        (np.zeros((2, 2)), [[1], [-1]]),
        (np.zeros((2, 2)), [1, 2]),
        (np.zeros((2, 2)), [1, -2]),
    ],
)
def test_separable_needs_rows_with_a_sign_each(X, y):
    with pytest.raises(ValueError, match=r"a label -1 or \+1 for each; got shapes"):
        nn.separable(X, y)


def test_functions_of_more_than_three_bits_are_not_counted():
    for d in (0, 4):
        with pytest.raises(ValueError, match=f"1, 2 or 3, got {d}; for 4 bits there are 65,536"):
            nn.boolean_functions(d)


def test_the_mistake_bound_is_the_widest_row_over_the_smallest_margin():
    # rows with their 1: (1, 3) and (1, -1), squared lengths 10 and 2; v = (0.5, 1) gives the
    # margins 3.5 and 0.5 over a length with the square 1.25, so the bound is 10 / (0.25 / 1.25)
    assert nn.mistake_bound([[3], [-1]], [1, -1], [0.5, 1]) == pytest.approx(50)
    assert nn.mistake_bound([[3], [-1]], [1, -1], [0, 2]) == pytest.approx(10)


def test_a_row_on_the_boundary_leaves_no_margin():
    # (1, -1) . (1, 1) = 0
    with pytest.raises(ValueError, match="v does not separate the rows"):
        nn.mistake_bound([[3.0], [-1.0]], [1, -1], [1.0, 1.0])
    with pytest.raises(ValueError, match="v does not separate the rows"):
        nn.mistake_bound([[3.0], [-1.0]], [1, -1], [0.0, 0.0])


@pytest.mark.parametrize(
    ("X", "y", "v"),
    [
        (np.ones((2, 2, 2)), [1, 1], np.ones(3)),
        (np.ones((2, 2)), [1, 1, 1], np.ones(3)),
        (np.ones((2, 2)), [1, 1], np.ones(2)),
    ],
)
def test_the_mistake_bound_needs_a_weight_for_the_bias_too(X, y, v):
    with pytest.raises(ValueError, match=r"need X \(n, d\), y \(n,\) and v \(d \+ 1,\)"):
        nn.mistake_bound(X, y, v)


@pytest.mark.parametrize("precision", NARROW)
def test_bounds_and_turns_are_double_precision_numbers(precision):
    X = np.array([[3], [-1]])
    y = np.array([1, -1])
    v = np.array([1, 2])
    bounds = [
        nn.mistake_bound(X.astype(precision), y, v),
        nn.mistake_bound(X, y.astype(precision), v),
        nn.mistake_bound(X, y, v.astype(precision)),
    ]
    # margins 7 and 1 over a squared length of 5: 10 / (1 / 5)
    assert bounds == pytest.approx([50.0] * 3, rel=1e-15)
    assert {type(bound) for bound in bounds} == {float}
    turns = np.array([0, 10, 30]).astype(precision)
    expected = np.cos(np.pi / 18) ** 2 * np.cos(np.pi / 9) ** 2
    assert nn.polarizers(turns) == pytest.approx(expected, rel=1e-15)


def test_one_row_is_enough_to_call_a_unit_dead():
    assert nn.dead([[0.0, 0.5, -1.0]]).tolist() == [True, False, True]
    for wrong in (np.zeros((0, 2)), np.zeros((2, 2, 2)), np.zeros(2)):
        with pytest.raises(ValueError, match="of at least one row, got shape"):
            nn.dead(wrong)


def test_a_single_filter_passes_all_and_no_filter_is_refused():
    assert nn.polarizers([37.0]) == 1.0
    for wrong in ([], [[0.0, 90.0]], 3.0):
        with pytest.raises(ValueError, match="a row of angles in degrees"):
            nn.polarizers(wrong)


def test_decimal_numbers_are_numbers():
    half = [[Decimal("0.5")], [Decimal("1.5")]]
    signs = [Decimal(-1), Decimal(1)]
    assert nn.separable(half, [-1, 1])
    assert nn.separable([[0.5], [1.5]], signs)
    weight = [Decimal(-1), Decimal(1)]
    # rows with their 1: (1, 0.5) and (1, 1.5); both margins 0.5, weights of the squared length 2:
    # 3.25 / (0.25 / 2)
    assert nn.mistake_bound(half, [-1, 1], [-1, 1]) == pytest.approx(26)
    assert nn.mistake_bound([[0.5], [1.5]], signs, [-1, 1]) == pytest.approx(26)
    assert nn.mistake_bound([[0.5], [1.5]], [-1, 1], weight) == pytest.approx(26)
