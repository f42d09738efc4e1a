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
