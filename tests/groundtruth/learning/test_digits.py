"""The small network on digits: loss and gradients against torch, the split, bad input."""

import numpy as np
import pytest
import torch
from groundtruth.learning import digits


@pytest.mark.parametrize("drop", [False, True])
@pytest.mark.parametrize("soft", [False, True])
def test_loss_and_gradients_equal_torch(soft, drop):
    data = digits.split()
    params = digits.network(3, 16)
    X = data.X[:50]
    Y = 0.8 * data.Y[:50] + 0.02 if soft else data.Y[:50]
    mask = np.random.default_rng(5).integers(0, 2, (50, 16)) * 2.0 if drop else np.ones((50, 16))
    loss, grads = digits.loss_and_grads(params, X, Y, mask)
    W1, b1, W2, b2 = twins = [torch.tensor(p, requires_grad=True) for p in params]
    out = torch.nn.functional.cross_entropy(
        (torch.tanh(torch.tensor(X) @ W1 + b1) * torch.tensor(mask)) @ W2 + b2, torch.tensor(Y)
    )
    out.backward()
    assert np.isclose(loss, out.item(), atol=1e-12)
    assert all(
        np.allclose(g, t.grad.numpy(), atol=1e-12) for g, t in zip(grads, twins, strict=True)
    )


def test_the_split_holds_every_digit_once():
    data = digits.split(500, seed=4)
    from sklearn.datasets import load_digits

    together = np.vstack([data.X, data.X_val])
    assert np.allclose(np.sort(together.sum(1)), np.sort((load_digits().data / 16 - 0.5).sum(1)))
    assert (data.Y.sum(1) == 1).all()
    assert len(data.X) == 500


def test_the_network_learns():
    data = digits.split()
    params = digits.network(0)
    before = digits.accuracy(params, data.X_val, data.Y_val)
    for _ in range(100):
        params = [
            p - 0.5 * g
            for p, g in zip(params, digits.loss_and_grads(params, data.X, data.Y)[1], strict=True)
        ]
    assert before < 0.3 < 0.8 < digits.accuracy(params, data.X_val, data.Y_val)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: digits.split(0), "between 1"),
        (lambda: digits.network(0, 0), "hidden"),
        (
            lambda: digits.loss_and_grads(digits.network(0), np.zeros((2, 64)), np.eye(10)[:1]),
            "2 and 1",
        ),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_split_pairs_images_with_their_labels():
    from sklearn.datasets import load_digits

    images = load_digits()
    labels = {tuple(row): label for row, label in zip(images.data, images.target, strict=True)}
    data = digits.split(700, seed=2)
    for X, Y in ((data.X, data.Y), (data.X_val, data.Y_val)):
        assert Y.shape == (len(X), 10)
        assert set(np.unique(Y)) == {0.0, 1.0}
        assert [labels[tuple(16 * (row + 0.5))] for row in X] == Y.argmax(1).tolist()


def test_pixels_lie_between_minus_and_plus_a_half():
    data = digits.split()
    assert data.X.min() == -0.5
    assert data.X.max() == 0.5


def test_by_default_1297_train_in_the_order_of_seed_0():
    data = digits.split()
    assert len(data.X) == len(data.Y) == 1297
    assert len(data.X_val) == len(data.Y_val) == 500
    assert np.array_equal(data.X, digits.split(1297, 0).X)
    assert not np.array_equal(data.X, digits.split(1297, 1).X)


def test_one_image_may_train_or_be_left():
    assert len(digits.split(1).X_val) == 1796
    assert len(digits.split(1796).X_val) == 1
    with pytest.raises(ValueError, match="between 1 and 1796, got 1797"):
        digits.split(1797)


def test_weights_have_mean_zero_and_variance_one_over_the_inputs():
    W1, b1, W2, b2 = digits.network(1, hidden=400)
    assert (W1.shape, b1.shape, W2.shape, b2.shape) == ((64, 400), (400,), (400, 10), (10,))
    assert abs(W1.mean()) < 4 / 8 / np.sqrt(W1.size)  # four standard errors
    assert abs(W2.mean()) < 4 / 20 / np.sqrt(W2.size)
    assert np.isclose(W1.std(), 1 / 8, rtol=0.03)
    assert np.isclose(W2.std(), 1 / 20, rtol=0.05)
    assert not b1.any()
    assert not b2.any()


def test_a_seed_decides_the_weights_and_32_units_are_the_default():
    assert all(
        np.array_equal(a, b)
        for a, b in zip(digits.network(5), digits.network(5, hidden=32), strict=True)
    )
    assert not np.array_equal(digits.network(5)[0], digits.network(6)[0])
    assert digits.network(5, hidden=1)[2].shape == (1, 10)


def test_scores_equal_torchs_layers():
    params = digits.network(2, 5)
    params[1] = np.linspace(-1, 1, 5)
    params[3] = np.linspace(1, 2, 10)
    X = digits.split(7).X
    W1, b1, W2, b2 = (torch.tensor(p) for p in params)
    hidden = torch.tanh(torch.nn.functional.linear(torch.tensor(X), W1.T, b1))
    assert np.allclose(
        digits.logits(params, X), torch.nn.functional.linear(hidden, W2.T, b2).numpy(), atol=1e-12
    )


def test_accuracy_by_hand():
    # without hidden weights the score is b2, largest for digit 3
    params = [np.zeros((64, 1)), np.zeros(1), np.zeros((1, 10)), np.eye(10)[3]]
    assert digits.accuracy(params, np.ones((4, 64)), np.eye(10)[[3, 3, 0, 3]]) == 0.75


def test_nothing_is_dropped_by_default():
    data = digits.split(20)
    params = digits.network(4, 6)
    loss, grads = digits.loss_and_grads(params, data.X, data.Y)
    full, same = digits.loss_and_grads(params, data.X, data.Y, np.ones((20, 6)))
    assert loss == full
    assert all(np.array_equal(a, b) for a, b in zip(grads, same, strict=True))


def test_the_gradient_for_weighted_labels_equals_differences():
    # labels that sum to the weight of their image, not to one
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3, 64)) / 8
    Y = rng.random((3, 10))
    params = digits.network(1, 4)
    h = 1e-6
    _, grads = digits.loss_and_grads(params, X, Y)
    for p, g in zip(params, grads, strict=True):
        assert p.shape == g.shape
        flat = p.reshape(-1)
        i = flat.size // 2
        flat[i] += h
        up = digits.loss_and_grads(params, X, Y)[0]
        flat[i] -= 2 * h
        down = digits.loss_and_grads(params, X, Y)[0]
        flat[i] += h
        assert np.isclose(g.reshape(-1)[i], (up - down) / (2 * h), atol=1e-7)


def test_no_images_have_no_loss():
    with pytest.raises(ValueError, match="at least one, got 0 and 0"):
        digits.loss_and_grads(digits.network(0), np.zeros((0, 64)), np.zeros((0, 10)))
