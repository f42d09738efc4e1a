"""Networks side by side: one run alone gives the same numbers, and torch's layers agree."""

import numpy as np
import pytest
import torch
from groundtruth.networks import parallel
from torch import nn


def data(n=40, runs=None, seed=0):
    rng = np.random.default_rng(seed)
    shape = (n, 4) if runs is None else (runs, n, 4)
    X = torch.tensor(rng.normal(size=shape), dtype=torch.float32)
    return X, (X[..., 0] > 0).long()


def test_outputs_equal_torch_layers():
    nets = parallel.networks(3, (4, 5, 6, 2), seed=1)
    nets = [p + 0.1 for p in nets]  # biases that matter
    X, _ = data()
    for run in range(3):
        layers = []
        for i in range(3):
            linear = nn.Linear(4, 4)
            linear.weight = nn.Parameter(nets[2 * i][run].T)
            linear.bias = nn.Parameter(nets[2 * i + 1][run, 0])
            layers += [linear, nn.ReLU()]
        for depth, stop in ((1, 2), (2, 4), (3, 5)):
            expected = nn.Sequential(*layers[:stop])(X)
            torch.testing.assert_close(parallel.outputs(nets, X, depth)[run], expected)
    torch.testing.assert_close(parallel.outputs(nets, X, 0)[1], X)
    torch.testing.assert_close(parallel.outputs(nets, X), parallel.outputs(nets, X, 3))


def test_initial_weights_have_variance_two_over_inputs():
    W = parallel.networks(4, (200, 300, 2))[0]
    assert abs(W.var().item() * 200 / 2 - 1) < 0.02
    assert not parallel.networks(1, (3, 2))[1].any()


def test_a_step_equals_torch_on_a_single_network():
    """With one example, every batch is the same, so the draw of batches does not matter."""
    nets = parallel.networks(2, (4, 5, 2), seed=2)
    X, y = data(1)
    after = parallel.train(nets, X, y, 3, batch=4, lr=0.01)
    alone = [p[1].clone().requires_grad_() for p in nets]
    opt = torch.optim.Adam(alone, 0.01)
    for _ in range(3):
        z = torch.relu(X @ alone[0] + alone[1]) @ alone[2] + alone[3]
        opt.zero_grad()
        nn.functional.cross_entropy(z, y).backward()
        opt.step()
    for ours, torchs in zip(after, alone, strict=True):
        torch.testing.assert_close(ours[1], torchs.detach())


def test_a_run_is_not_influenced_by_the_others():
    nets = parallel.networks(2, (4, 5, 2))
    X, y = data(runs=2)
    before = parallel.train(nets, X, y, 20)
    other = X.clone()
    other[1] = 0
    after = parallel.train(nets, other, y, 20)
    for a, b in zip(before, after, strict=True):
        torch.testing.assert_close(a[0], b[0])
    assert not torch.equal(before[0][1], after[0][1])


def test_training_learns_and_leaves_its_input_alone():
    nets = parallel.networks(3, (4, 16, 2))
    copies = [p.clone() for p in nets]
    X, y = data(300)
    trained = parallel.train(nets, X, y, 300)
    assert parallel.accuracy(trained, X, y).min() > 0.9
    for p, q in zip(nets, copies, strict=True):
        assert torch.equal(p, q)


def test_frozen_layers_keep_their_weights():
    nets = parallel.networks(2, (4, 5, 6, 2))
    X, y = data()
    trained = parallel.train(nets, X, y, 5, frozen=2)
    for p, q in zip(nets[:4], trained[:4], strict=True):
        assert torch.equal(p, q)
    assert not torch.equal(nets[4], trained[4])


def test_a_strong_penalty_holds_the_weights():
    nets = parallel.networks(2, (4, 5, 2))
    X, y = data()

    def moved(strength):
        def penalty(current):
            return strength * sum(((p - q) ** 2).sum() for p, q in zip(current, nets, strict=True))

        trained = parallel.train(nets, X, y, 100, penalty=penalty)
        return (trained[0] - nets[0]).norm().item()

    assert moved(100.0) < moved(0.0) / 5


def test_replay_adds_old_examples_to_each_batch():
    nets = parallel.networks(2, (4, 16, 2))
    X, y = data(200)
    old = X + 5, 1 - y  # the opposite answer far away
    without = parallel.train(nets, X, y, 300)
    with_old = parallel.train(nets, X, y, 300, replay=(*old, 25))
    assert parallel.accuracy(with_old, *old).mean() > parallel.accuracy(without, *old).mean() + 0.3
    assert parallel.accuracy(with_old, X, y).mean() > 0.85


def test_accuracy_counts_each_run():
    nets = [torch.tensor([[[1.0, -1.0]], [[-1.0, 1.0]]]), torch.zeros(2, 1, 2)]
    X = torch.tensor([[1.0], [2.0], [-1.0]])
    np.testing.assert_allclose(parallel.accuracy(nets, X, torch.tensor([0, 0, 0])), [2 / 3, 1 / 3])


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: parallel.networks(0, (2, 2)), "at least one run"),
        (lambda: parallel.networks(1, (2,)), "two positive sizes"),
        (lambda: parallel.outputs(parallel.networks(1, (4, 2)), data()[0], 2), "between 0 and 1"),
        (lambda: parallel.train(parallel.networks(1, (4, 2)), *data(), 0), "positive steps"),
        (lambda: parallel.train(parallel.networks(1, (4, 2)), *data(), 1, frozen=1), "frozen"),
        (
            lambda: parallel.train(parallel.networks(1, (4, 2)), data()[0], data(3)[1], 1),
            "one label for each",
        ),
    ],
)
def test_bad_input_is_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()
