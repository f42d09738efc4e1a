"""One unit against torch, scikit-learn and geometry; the perceptron's bound; what a line can
separate.
"""

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
    assert [nn.boolean_functions(d)[0] for d in (1, 2, 3)] == [4, 14, 104]


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


def test_bad_input_is_refused():
    X = np.zeros((3, 2))
    for call in (
        lambda: nn.unit(X, [1.0], 0.0, act.relu),
        lambda: nn.unit([1.0], [1.0], 0.0, act.relu),
        lambda: nn.signed_distance(X, [0.0, 0.0], 1.0),
        lambda: nn.separable(X, [0, 1, 1]),
        lambda: nn.separable(np.zeros((0, 2)), []),
        lambda: nn.boolean_functions(4),
        lambda: nn.mistake_bound(X, [1, 1, -1], [1.0, 0.0, 0.0]),
        lambda: nn.mistake_bound(X, [1, 1], [1.0, 0.0, 0.0]),
        lambda: nn.mistake_bound(X, [1, 1, 1], [0.0, 0.0, 0.0]),
        lambda: nn.dead(np.zeros((0, 2))),
        lambda: nn.dead([1.0]),
        lambda: nn.polarizers([]),
        lambda: nn.polarizers([[0.0]]),
    ):
        with pytest.raises(ValueError):
            call()
