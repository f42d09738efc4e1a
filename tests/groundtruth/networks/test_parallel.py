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


def test_the_seed_decides_the_weights_which_are_single_precision():
    plain = parallel.networks(2, (3, 4, 2))
    for p, same, other in zip(
        plain, parallel.networks(2, (3, 4, 2), 0), parallel.networks(2, (3, 4, 2), 1), strict=True
    ):
        assert p.dtype == torch.float32
        assert torch.equal(p, same)
        assert torch.equal(p, other) == (p.shape[1] == 1)  # a bias
    assert not torch.equal(plain[0][0], plain[0][1])


def test_every_layer_starts_with_the_variance_of_its_own_inputs():
    nets = parallel.networks(5, (50, 200, 100))
    for W, inputs in ((nets[0], 50), (nets[2], 200)):
        assert W.std().item() == pytest.approx((2 / inputs) ** 0.5, rel=0.02)
        assert abs(W.mean().item()) < 0.005
    assert [p.any().item() for p in nets] == [True, False, True, False]


@pytest.mark.parametrize(("runs", "sizes"), [(0, (2, 2)), (1, (2,)), (1, (2, 0)), (1, (0, 2))])
def test_networks_need_a_run_and_two_positive_sizes(runs, sizes):
    with pytest.raises(ValueError, match="at least one run and two positive sizes"):
        parallel.networks(runs, sizes)


def test_the_smallest_network_has_one_weight():
    assert [tuple(p.shape) for p in parallel.networks(1, (1, 1))] == [(1, 1, 1), (1, 1, 1)]


def test_each_run_may_have_examples_of_its_own():
    nets = parallel.networks(3, (4, 5, 2), seed=1)
    X, _ = data(6, runs=3)
    out = parallel.outputs(nets, X)
    for run in range(3):
        torch.testing.assert_close(out[run], parallel.outputs(nets, X[run])[run])
    assert torch.equal(parallel.outputs(nets, X, 0), X)


@pytest.mark.parametrize("layers", [-1, 3])
def test_there_are_no_fewer_layers_than_none_and_no_more_than_all(layers):
    nets = parallel.networks(1, (4, 5, 2))
    with pytest.raises(ValueError, match=f"layers must lie between 0 and 2, got {layers}"):
        parallel.outputs(nets, data()[0], layers)


def test_training_draws_50_examples_with_the_rate_3e_3_unless_told():
    nets = parallel.networks(2, (4, 5, 2))
    X, y = data(60)
    plain = parallel.train(nets, X, y, 2)
    told = parallel.train(nets, X, y, 2, 50, 3e-3, 0, 0, None, None)
    assert all(torch.equal(a, b) for a, b in zip(plain, told, strict=True))
    for other in (
        parallel.train(nets, X, y, 2, batch=51),
        parallel.train(nets, X, y, 2, lr=2e-3),
        parallel.train(nets, X, y, 2, seed=1),
    ):
        assert not torch.equal(plain[0], other[0])


@pytest.mark.parametrize("replayed", [0, 3])
def test_a_penalty_adds_to_the_mean_loss_of_each_run(replayed):
    """One example of each kind, so that the draws do not matter."""
    nets = parallel.networks(2, (4, 5, 2), seed=2)
    X, y = data(1)
    old = data(1, seed=1)[0], 1 - y

    def penalty(current):
        return 0.3 * sum((p**2).sum() for p in current)

    after = parallel.train(
        nets,
        X,
        y,
        4,
        batch=2,
        lr=0.01,
        penalty=penalty,
        replay=(*old, replayed) if replayed else None,
    )
    for run in range(2):
        alone = [p[run].clone().requires_grad_() for p in nets]
        opt = torch.optim.Adam(alone, 0.01)
        x = torch.cat([X] * 2 + [old[0]] * replayed)
        k = torch.cat([y] * 2 + [old[1]] * replayed)
        for _ in range(4):
            z = torch.relu(x @ alone[0] + alone[1]) @ alone[2] + alone[3]
            opt.zero_grad()
            (nn.functional.cross_entropy(z, k) + penalty(alone)).backward()
            opt.step()
        for ours, torchs in zip(after, alone, strict=True):
            torch.testing.assert_close(ours[run], torchs.detach())


def test_trained_weights_carry_no_graph_and_one_frozen_layer_is_all_that_is_frozen():
    nets = parallel.networks(2, (4, 5, 6, 2))
    X, y = data()
    trained = parallel.train(nets, X, y, 1, batch=1, frozen=1)
    assert not any(p.requires_grad for p in trained)
    kept = [torch.equal(p, q) for p, q in zip(nets, trained, strict=True)]
    assert kept == [True, True, False, False, False, False]
    assert not torch.equal(parallel.train(nets, X, y, 1, batch=1)[0], nets[0])


@pytest.mark.parametrize(
    "wrong", [{"steps": 0}, {"batch": 0}, {"frozen": -1}, {"frozen": 2}, {"y": data(3)[1]}]
)
def test_training_needs_steps_batches_a_free_layer_and_a_label_for_each_example(wrong):
    X, y = data()
    arguments = {"X": X, "y": y, "steps": 1, **wrong}
    with pytest.raises(ValueError, match="positive steps and batch, frozen below 2 and one label"):
        parallel.train(parallel.networks(1, (4, 3, 2)), **arguments)


@pytest.mark.parametrize("own", [False, True])
def test_drawn_examples_come_with_their_labels_and_differ_between_runs(own):
    labels = torch.arange(5) if not own else torch.arange(15).reshape(3, 5)
    X = torch.stack([labels, 10 * labels], -1).float()
    x, k = parallel._draw(X, labels, 200, 3, np.random.default_rng(0))
    assert x.shape == (3, 200, 2)
    assert k.shape == (3, 200)
    torch.testing.assert_close(x[..., 0], k.float())
    torch.testing.assert_close(x[..., 1], 10 * k.float())
    for run in range(3):  # every example is drawn, of one's own set only
        first = 5 * run if own else 0
        assert sorted(set(k[run].tolist())) == list(range(first, first + 5))
    assert not torch.equal(k[0] % 5, k[1] % 5)
    again = parallel._draw(X, labels, 200, 3, np.random.default_rng(0))
    assert torch.equal(again[1], k)


def test_accuracies_are_double_precision_and_one_for_each_run_with_its_own_examples():
    nets = [torch.tensor([[[1.0, -1.0]], [[-1.0, 1.0]]]), torch.zeros(2, 1, 2)]
    X = torch.tensor([[[1.0], [2.0], [3.0]], [[-1.0], [-2.0], [3.0]]])
    y = torch.tensor([[0, 0, 1], [0, 0, 1]])
    share = parallel.accuracy(nets, X, y)
    assert share.dtype == np.float64
    assert share.tolist() == [2 / 3, 1.0]
