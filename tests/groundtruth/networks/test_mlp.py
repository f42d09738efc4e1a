"""The network by hand against torch, scikit-learn and differences; symmetries of bad starts."""

from decimal import Decimal

import numpy as np
import pytest
import torch
from groundtruth.check import gradient_errors
from groundtruth.networks import activations as act
from groundtruth.networks.mlp import MLP, best_line, train, xor_blobs
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neural_network import MLPClassifier

SEEDS = st.integers(0, 10**6)
TORCH = {
    "tanh": torch.nn.Tanh,
    "relu": torch.nn.ReLU,
    "gelu": torch.nn.GELU,
    "silu": torch.nn.SiLU,
    "sigmoid": torch.nn.Sigmoid,
}


def twin(net: MLP, activation: str) -> torch.nn.Sequential:
    """The same network in torch, with its weights copied."""
    parts = []
    for W, b in net.layers:
        linear = torch.nn.Linear(*W.shape, dtype=torch.float64)
        linear.weight.data = torch.tensor(W.T.copy())
        linear.bias.data = torch.tensor(b.copy())
        parts += [linear, TORCH[activation]()]
    return torch.nn.Sequential(*parts[:-1])


@settings(max_examples=40)
@given(
    SEEDS,
    st.sampled_from(sorted(TORCH)),
    st.lists(st.integers(1, 6), min_size=1, max_size=4),
    st.sampled_from([1, 2, 5]),
    st.sampled_from([0.0, 0.1]),
)
def test_loss_and_gradients_equal_torch(seed, activation, hidden, outputs, l2):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(7, 3))
    y = rng.integers(0, max(outputs, 2), 7)
    net = MLP((3, *hidden, outputs), activation, seed)
    value, grads = net.loss_and_grads(X, y, l2)
    other = twin(net, activation)
    out = other(torch.tensor(X))
    loss = (
        torch.nn.functional.cross_entropy(out, torch.tensor(y))
        if outputs > 1
        else torch.nn.functional.binary_cross_entropy_with_logits(
            out[:, 0], torch.tensor(y, dtype=torch.float64)
        )
    )
    loss = loss + l2 / 2 * sum(
        (p**2).sum() for name, p in other.named_parameters() if name.endswith("weight")
    )
    loss.backward()
    assert np.isclose(value, loss.item(), rtol=1e-12)
    for g, p in zip(grads, other.parameters(), strict=True):
        np.testing.assert_allclose(g, p.grad.numpy().T, rtol=1e-10, atol=1e-12)


def test_probabilities_equal_scikit_learns_with_its_weights():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 4))
    y = rng.integers(0, 3, 80)
    with pytest.warns(UserWarning, match="converged"):
        theirs = MLPClassifier((6,), activation="tanh", max_iter=5, random_state=0).fit(X, y)
    ours = MLP((4, 6, 3))
    ours.params = [theirs.coefs_[0], theirs.intercepts_[0], theirs.coefs_[1], theirs.intercepts_[1]]
    np.testing.assert_allclose(ours.predict(X), theirs.predict_proba(X), atol=1e-12)


@pytest.mark.parametrize(
    "name", ["identity", "leaky_relu", "elu", "softplus", "tanh", "gelu", "silu"]
)
def test_gradients_agree_with_differences_for_each_activation(name):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(9, 3))
    y = rng.integers(0, 3, 9)
    net = MLP((3, 5, 4, 3), name, seed=2)
    assert (
        max(gradient_errors(lambda: net.loss(X, y), net.params, net.loss_and_grads(X, y)[1])) < 1e-5
    )


@given(SEEDS)
def test_the_order_of_hidden_units_does_not_matter(seed):
    net = MLP((2, 5, 3), seed=seed)
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(4, 2))
    order = rng.permutation(5)
    before = net.predict(X)
    W1, b1, W2, b2 = net.params
    net.params = [W1[:, order], b1[order], W2[order], b2]
    np.testing.assert_allclose(net.predict(X), before, atol=1e-12)
    np.testing.assert_allclose(before.sum(1), 1, atol=1e-12)


def test_from_zeros_only_the_last_bias_learns():
    X, y = xor_blobs(40)
    net = MLP((2, 4, 1), gain=0.0)
    train(net, X[y == 1], y[y == 1], 0.5, 20)
    assert not any(p.any() for p in net.params[:3])
    assert net.params[3][0] > 0


def test_equal_units_stay_equal():
    X, y = xor_blobs(80)
    net = MLP((2, 4, 1))
    net.params[0][:] = 0.5
    net.params[2][:] = 0.5
    train(net, X, y, 0.5, 100)
    assert np.ptp(net.params[0], axis=1).max() < 1e-12
    assert np.abs(net.params[0] - 0.5).max() > 1e-3


def test_training_solves_xor_and_lowers_the_loss_at_each_small_step():
    X, y = xor_blobs(200)
    net = MLP((2, 8, 1), seed=0)
    seen = train(net, X, y, 1.0, 1500)
    assert len(seen) == 1501
    assert net.accuracy(X, y) > 0.98
    assert (np.diff(train(net, X, y, 1e-3, 20)) < 0).all()


def test_the_best_line_is_found_by_brute_force_too():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(9, 2))
    y = rng.integers(0, 2, 9)
    angle = np.pi * (np.arange(360) + 0.5) / 360
    best = 0.0
    for a in angle:
        s = X @ [np.cos(a), np.sin(a)]
        for cut in np.concatenate([[-np.inf], np.sort(s)]):
            best = max(best, np.mean((s > cut) == y), np.mean((s <= cut) == y))
    assert best_line(X, y) == best


def test_the_gradient_check_notices_a_wrong_entry_and_restores_the_parameters():
    X, y = xor_blobs(20)
    net = MLP((2, 3, 1), seed=4)
    before, (_, grads) = [p.copy() for p in net.params], net.loss_and_grads(X, y)
    grads[2] = grads[2].copy()
    grads[2][1, 0] *= 1.01
    errors = gradient_errors(lambda: net.loss(X, y), net.params, grads)
    assert [e > 1e-3 for e in errors] == [False, False, True, False]
    assert all(np.array_equal(a, b) for a, b in zip(before, net.params, strict=True))


NET = MLP((2, 3, 1))
ROWS = np.zeros((4, 2))


@pytest.mark.parametrize(
    "call",
    [
        lambda: MLP((2,)),
        lambda: MLP((2, 0, 1)),
        lambda: MLP((2, 1), gain=-1),
        lambda: MLP((2, 1), "swish"),
        lambda: NET.forward(np.zeros((4, 3))),
        lambda: NET.forward(np.zeros((0, 2))),
        lambda: NET.loss(ROWS, np.zeros((4, 1))),
        lambda: NET.loss_and_grads(ROWS, np.zeros(4), l2=-1),
        lambda: NET.backward(NET.forward(ROWS)[1], np.zeros(4)),
        lambda: train(NET, ROWS, np.zeros(4), 0.0, 3),
        lambda: train(NET, ROWS, np.zeros(4), 0.1, -1),
        lambda: xor_blobs(6),
        lambda: xor_blobs(8, -1.0),
        lambda: best_line(ROWS, [0, 1, 2, 0]),
        lambda: best_line(ROWS, np.zeros(4), 0),
        lambda: gradient_errors(lambda: 0.0, [ROWS], [ROWS[0]]),
        lambda: gradient_errors(lambda: 0.0, [ROWS], [ROWS], h=0),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(ValueError):
        call()


def test_named_activations_reach_the_network():
    assert MLP((1, 1), "gelu").f is act.ACTIVATIONS["gelu"]


def logits(net, X):
    """The forward pass written out for two layers."""
    W1, b1, W2, b2 = net.params
    return np.tanh(X @ W1 + b1) @ W2 + b2


def test_a_network_starts_with_tanh_seed_zero_and_gain_one():
    plain = MLP((3, 5, 2))
    told = MLP((3, 5, 2), "tanh", 0, 1.0)
    assert plain.f is act.ACTIVATIONS["tanh"]
    assert all(np.array_equal(a, b) for a, b in zip(plain.params, told.params, strict=True))
    other = MLP((3, 5, 2), seed=1)
    assert not np.array_equal(plain.params[0], other.params[0])
    assert not np.array_equal(plain.params[2], other.params[2])
    assert plain.sizes == (3, 5, 2)


def test_weights_have_the_spread_of_gain_over_the_root_of_the_inputs():
    net = MLP([100, 400, 300], gain=3.0)
    assert net.sizes == (100, 400, 300)
    for W, b in net.layers:
        assert W.std() == pytest.approx(3.0 / np.sqrt(len(W)), rel=0.02)
        assert abs(W.mean()) < 0.01
        assert not b.any()


@pytest.mark.parametrize("gain", [-1e-9, np.inf, np.nan])
def test_a_gain_is_finite_and_not_negative(gain):
    with pytest.raises(ValueError, match="gain must be a finite number >= 0"):
        MLP((2, 1), gain=gain)


@pytest.mark.parametrize("sizes", [(), (2,), (2, 0), (0, 1)])
def test_a_network_has_at_least_two_sizes_of_at_least_one(sizes):
    with pytest.raises(ValueError, match="an input and an output size, all >= 1"):
        MLP(sizes)


def test_the_smallest_network_is_a_straight_line():
    net = MLP((1, 1), gain=0.0)
    net.params[0][:] = 2.0
    net.params[1][:] = -1.0
    assert net.forward([[3.0]])[0].tolist() == [[5.0]]
    assert net.size == 2


@pytest.mark.parametrize("precision", [np.float32, np.longdouble, np.int64])
def test_a_network_computes_in_double_precision_whatever_comes_in(precision):
    X = np.array([[1, 2], [3, -1], [0, 2]])
    net = MLP((2, 3, 1))
    scores, cache = net.forward(X.astype(precision))
    assert scores.dtype == cache[0][0].dtype == np.float64
    np.testing.assert_allclose(scores, logits(net, X.astype(float)), rtol=1e-13)
    p = net.predict(X)[:, None]
    y = np.array([1, 0, 0])
    cross = -np.mean(np.log(np.where(y[:, None] == 1, p, 1 - p)))
    assert net.loss(X, y.astype(precision)) == pytest.approx(cross, rel=1e-13)
    assert net.loss_and_grads(X, y.astype(precision))[0] == pytest.approx(cross, rel=1e-13)


@pytest.mark.parametrize("shape", [(2,), (4, 3), (0, 2), (1, 2, 2)])
def test_rows_must_fit_the_first_layer(shape):
    with pytest.raises(ValueError, match=r"X must have shape \(n, 2\) with n >= 1"):
        MLP((2, 3, 1)).forward(np.zeros(shape))


def test_a_gradient_of_the_wrong_shape_is_refused():
    net = MLP((2, 3, 1))
    with pytest.raises(ValueError, match=r"shape \(4, 1\), their gradient has \(4,\)"):
        net.backward(net.forward(np.zeros((4, 2)))[1], np.zeros(4))


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_loss_is_the_mean_logarithm_of_the_probability_of_the_label(outputs):
    rng = np.random.default_rng(6)
    X = rng.normal(size=(8, 2))
    y = np.array([0, 1, 1, 0, 1, 0, 0, 1])
    net = MLP((2, 4, outputs), seed=3)
    z = logits(net, X)
    if outputs == 1:
        z = np.hstack([np.zeros_like(z), z])
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    told = net.predict(X)
    np.testing.assert_allclose(told, p if outputs > 1 else p[:, 1], rtol=1e-12)
    mean = -np.log(p[np.arange(8), y]).mean()
    assert net.loss(X, y) == pytest.approx(mean, rel=1e-12)
    assert net.loss_and_grads(X, y)[0] == pytest.approx(mean, rel=1e-12)
    assert net.accuracy(X, y) == np.mean(p.argmax(1) == y)


@pytest.mark.parametrize("l2", [-1e-9, np.inf, np.nan])
def test_a_penalty_is_finite_and_not_negative(l2):
    with pytest.raises(ValueError, match="l2 must be a finite number >= 0"):
        MLP((2, 1)).loss_and_grads(np.zeros((1, 2)), [0], l2)


def test_a_column_of_labels_is_refused():
    net = MLP((2, 1))
    for call in (net.loss, net.loss_and_grads):
        with pytest.raises(ValueError, match=r"y must have shape \(4,\), got \(4, 1\)"):
            call(np.zeros((4, 2)), np.zeros((4, 1)))


def test_a_step_moves_every_parameter_in_place():
    net = MLP((2, 3, 1))
    held = list(net.params)
    before = [p.copy() for p in held]
    net.descend([np.full(p.shape, 2.0) for p in held], 0.25)
    assert all(a is b for a, b in zip(net.params, held, strict=True))
    for now, then in zip(held, before, strict=True):
        np.testing.assert_array_equal(now, then - 0.5)
    with pytest.raises(ValueError, match="shorter"):
        net.descend([np.zeros((2, 3))], 0.25)


def test_an_even_chance_counts_as_class_zero():
    net = MLP((2, 1), gain=0.0)
    assert net.predict([[1.0, 2.0]]).tolist() == [0.5]
    assert net.accuracy([[1.0, 2.0], [0.0, 1.0]], [0, 0]) == 1.0
    assert net.accuracy([[1.0, 2.0], [0.0, 1.0]], [1, 0]) == 0.5


def test_training_is_repeated_descent_and_tells_the_loss_before_and_after():
    X, y = xor_blobs(12, seed=5)
    net = MLP((2, 3, 1), seed=1)
    other = MLP((2, 3, 1), seed=1)
    told = train(net, X, y, 0.2, 3, 0.1)
    expected = []
    for _ in range(3):
        value, grads = other.loss_and_grads(X, y, 0.1)
        expected.append(value)
        for p, g in zip(other.params, grads, strict=True):
            p -= 0.2 * g
    expected.append(other.loss_and_grads(X, y, 0.1)[0])
    assert told == pytest.approx(expected, rel=1e-12)
    for a, b in zip(net.params, other.params, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_training_has_no_penalty_unless_asked_and_may_take_no_step():
    X, y = xor_blobs(12)
    net = MLP((2, 3, 1))
    before = net.loss(X, y)
    assert train(net, X, y, 0.2, 0) == [before]
    told = train(net, X, y, 0.2, 1)
    assert told == [before, net.loss(X, y)]


@pytest.mark.parametrize(
    ("lr", "steps"), [(0.0, 3), (-0.1, 3), (np.inf, 3), (np.nan, 3), (0.1, -1)]
)
def test_training_needs_a_positive_rate(lr, steps):
    with pytest.raises(ValueError, match="steps >= 0 and a positive finite lr"):
        train(MLP((2, 1)), np.zeros((4, 2)), np.zeros(4), lr, steps)


def test_blobs_are_400_points_with_a_spread_of_035_around_four_centers():
    X, y = xor_blobs()
    assert X.shape == (400, 2)
    assert y.shape == (400,)
    signs = np.tile([[-1, -1], [-1, 1], [1, -1], [1, 1]], (100, 1))
    np.testing.assert_array_equal(y, signs[:, 0] != signs[:, 1])
    assert (X - signs).std() == pytest.approx(0.35, rel=0.06)
    assert abs((X - signs).mean()) < 0.04
    np.testing.assert_array_equal(X, xor_blobs(400, 0.35, 0)[0])
    assert not np.array_equal(X, xor_blobs(seed=1)[0])
    # the spread only stretches the same draws
    np.testing.assert_allclose(xor_blobs(sd=0.7)[0] - signs, 2 * (X - signs), atol=1e-12)


@pytest.mark.parametrize(
    ("n", "sd"), [(0, 0.1), (2, 0.1), (6, 0.1), (-4, 0.1), (8, -1e-9), (8, np.inf)]
)
def test_blobs_come_in_fours_with_a_finite_spread(n, sd):
    with pytest.raises(ValueError, match="n must be a multiple of 4 and sd a finite number"):
        xor_blobs(n, sd)


def test_the_smallest_blobs_are_one_point_around_each_center():
    X, y = xor_blobs(4, sd=0.0)
    assert X.tolist() == [[-1, -1], [-1, 1], [1, -1], [1, 1]]
    assert y.tolist() == [0, 1, 1, 0]


def test_a_line_is_looked_for_in_360_directions():
    # two parallel rows of points: only lines within about 1/1000 of their direction part them
    angle = np.pi * 90.5 / 360
    across = np.array([np.cos(angle), np.sin(angle)])
    along = 1000 * np.array([-np.sin(angle), np.cos(angle)])
    X = np.array([along - across, -along - across, along + across, -along + across])
    y = [0, 0, 1, 1]
    assert best_line(X, y) == best_line(X, y, 360) == 1.0
    assert best_line(X, y, 361) == best_line(X, y, 359) == 0.75
    assert best_line(X, [1, 1, 0, 0]) == 1.0


def test_a_single_direction_looks_along_the_second_axis():
    assert best_line([[0, 5], [9, 6], [3, 7], [1, 8]], [0, 0, 1, 1], 1) == 1.0
    # the labels 0, 1, 0, 1 along that axis; one mistake remains
    assert best_line([[0, 5], [3, 6], [1, 7], [4, 8]], [0, 1, 0, 1], 1) == 0.75


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (np.zeros(4), [0, 1, 1, 0]),
        (np.zeros((4, 2, 2)), [0, 1, 1, 0]),
        (np.zeros((4, 3)), [0, 1, 1, 0]),
        (np.zeros((0, 2)), []),
        (np.zeros((4, 2)), [0, 1, 1]),
        (np.zeros((4, 2)), [0, 1, 2, 0]),
        (np.zeros((4, 2)), [0, 1, -1, 0]),
    ],
)
def test_a_line_needs_points_of_the_plane_with_labels_0_or_1(X, y):
    with pytest.raises(ValueError, match=r"points X \(n, 2\) and labels 0 or 1"):
        best_line(X, y)


def test_a_line_needs_a_direction():
    with pytest.raises(ValueError, match="at least one direction, got 0"):
        best_line(np.zeros((2, 2)), [0, 1], 0)


def test_no_line_parts_equal_points():
    assert best_line([[2, 1], [2, 1]], [0, 1]) == 0.5
    assert best_line([[2, 1], [2, 1]], [1, 0]) == 0.5
    # of three equal points and a free one, the majority and the free one can be right
    assert best_line([[2, 1], [2, 1], [2, 1], [0, 0]], [1, 0, 1, 0]) == 0.75
    assert best_line([[2, 1], [2, 1], [2, 1], [0, 0]], [0, 1, 0, 1]) == 0.75


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_penalty_pulls_at_weights_and_leaves_biases_free(outputs):
    rng = np.random.default_rng(8)
    net = MLP((2, 3, outputs))
    net.params = [rng.normal(size=p.shape) for p in net.params]
    X = rng.normal(size=(5, 2))
    y = [0, 1, 0, 1, 1]
    value, grads = net.loss_and_grads(X, y)
    more, pulled = net.loss_and_grads(X, y, 0.3)
    squares = (net.params[0] ** 2).sum() + (net.params[2] ** 2).sum()
    assert more - value == pytest.approx(0.15 * squares, rel=1e-12)
    W1, _, W2, _ = net.params
    expected = [0.3 * W1, np.zeros(3), 0.3 * W2, np.zeros(outputs)]
    for a, b, pull in zip(pulled, grads, expected, strict=True):
        np.testing.assert_allclose(a - b, pull, atol=1e-14)


def test_the_noise_of_blobs_is_what_numpy_draws():
    X, _ = xor_blobs(8, 0.5, 3)
    centers, _ = xor_blobs(8, 0.0)
    drawn = np.random.default_rng(3).normal(size=(8, 2))
    np.testing.assert_allclose(X - centers, drawn / 2, atol=1e-15)


def test_a_line_takes_decimal_numbers():
    one = Decimal(1)
    X = [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert best_line([[one * a, one * b] for a, b in X], [0, 1, 1, 0]) == 0.75
    assert best_line(X, [0 * one, one, one, 0 * one]) == 0.75
