"""The network by hand against torch, scikit-learn and differences; symmetries of bad starts."""

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
    net.params[0][:], net.params[2][:] = 0.5, 0.5
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


def test_bad_input_is_refused():
    net = MLP((2, 3, 1))
    X = np.zeros((4, 2))
    for call in (
        lambda: MLP((2,)),
        lambda: MLP((2, 0, 1)),
        lambda: MLP((2, 1), gain=-1),
        lambda: MLP((2, 1), "swish"),
        lambda: net.forward(np.zeros((4, 3))),
        lambda: net.forward(np.zeros((0, 2))),
        lambda: net.loss(X, np.zeros((4, 1))),
        lambda: net.loss_and_grads(X, np.zeros(4), l2=-1),
        lambda: net.backward(net.forward(X)[1], np.zeros(4)),
        lambda: train(net, X, np.zeros(4), 0.0, 3),
        lambda: train(net, X, np.zeros(4), 0.1, -1),
        lambda: xor_blobs(6),
        lambda: xor_blobs(8, -1.0),
        lambda: best_line(X, [0, 1, 2, 0]),
        lambda: best_line(X, np.zeros(4), 0),
        lambda: gradient_errors(lambda: 0.0, [X], [X[0]]),
        lambda: gradient_errors(lambda: 0.0, [X], [X], h=0),
    ):
        with pytest.raises(ValueError):
            call()


def test_named_activations_reach_the_network():
    assert MLP((1, 1), "gelu").f is act.ACTIVATIONS["gelu"]
