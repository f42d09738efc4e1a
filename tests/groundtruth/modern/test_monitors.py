"""Monitors against what torch computes directly, and replayed steps against real ones."""

from __future__ import annotations

import copy

import pytest
import torch
from groundtruth.modern.monitors import activation_stats, gradient_stats, replay
from torch import nn


def network(act=nn.ReLU):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 7), act(), nn.Linear(7, 3))


def data(n=20):
    g = torch.Generator().manual_seed(1)
    return torch.randn(n, 5, generator=g), torch.randint(0, 3, (n,), generator=g)


def test_activation_statistics_are_those_of_the_layer():
    model = network()
    X, _ = data()
    h = torch.relu(model[0](X)).double()
    row = activation_stats(model, X)[0]
    assert row.name == "1"
    assert row.mean == pytest.approx(float(h.mean()))
    assert row.std == pytest.approx(float(h.std()))
    assert row.dead == pytest.approx(float((h == 0).all(0).double().mean()))
    assert row.saturated == 0


@pytest.mark.parametrize(("act", "bias", "expected"), [(nn.Tanh, 9.0, 1), (nn.Sigmoid, -9.0, 1)])
def test_saturated_values_are_counted(act, bias, expected):
    model = network(act)
    with torch.no_grad():
        model[0].weight.zero_()
        model[0].bias.fill_(bias)
    assert activation_stats(model, data()[0])[0].saturated == expected


def test_half_of_the_units_dead():
    model = nn.Sequential(nn.Linear(5, 4), nn.ReLU())
    with torch.no_grad():
        model[0].weight.zero_()
        model[0].bias.copy_(torch.tensor([1.0, 1.0, -1.0, -1.0]))
    assert activation_stats(model, data()[0])[0].dead == 0.5


def test_a_channel_of_an_image_is_a_unit():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
    with torch.no_grad():
        model[0].weight.zero_()
        model[0].bias.copy_(torch.tensor([1.0, -1.0, -1.0, -1.0]))
    assert activation_stats(model, torch.zeros(2, 1, 8, 9))[0].dead == 0.75


def test_a_tiny_update_is_not_rounded_to_zero():
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(1.0)
    loss = 1e-12 * model(torch.ones(1, 1)).sum()
    assert gradient_stats(model, loss, 0.1)[0].ratio == pytest.approx(1e-13)


def test_hooks_are_removed():
    model = network()
    activation_stats(model, data()[0])
    assert not model[1]._forward_hooks


def test_a_model_without_activations_is_refused():
    with pytest.raises(ValueError, match="ReLU"):
        activation_stats(nn.Linear(2, 2), torch.zeros(1, 2))


def test_gradient_statistics_are_those_of_backward():
    model = network()
    X, y = data()
    rows = gradient_stats(model, nn.functional.cross_entropy(model(X), y), 0.1)
    assert all(p.grad is None for p in model.parameters())
    nn.functional.cross_entropy(model(X), y).backward()
    assert [row.name for row in rows] == ["0.weight", "2.weight"]
    for row, p in zip(rows, (model[0].weight, model[2].weight), strict=True):
        assert row.gradient == pytest.approx(float(p.grad.norm()), rel=1e-5)
        assert row.weight == pytest.approx(float(p.detach().norm()), rel=1e-5)
        assert row.ratio == pytest.approx(0.1 * float(p.grad.norm() / p.norm()), rel=1e-4)


def test_an_unused_weight_has_no_gradient():
    model = network()
    rows = gradient_stats(model, model[0](data()[0]).sum(), 0.1)
    assert rows[1].gradient == 0


def test_bad_rates_and_frozen_models_are_refused():
    model = network()
    loss = model(data()[0]).sum()
    for rate in (0.0, float("inf"), -1.0):
        with pytest.raises(ValueError, match="rate"):
            gradient_stats(model, loss, rate)
    for p in model.parameters():
        p.requires_grad_(False)
    with pytest.raises(ValueError, match="frozen"):
        gradient_stats(model, loss, 0.1)


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
def test_a_replayed_step_is_the_real_one(kind):
    model = network()
    optimizer = kind(model.parameters(), lr=0.05)
    X, y = data()
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(X), y).backward()
        optimizer.step()
    before = [p.detach().clone() for p in model.parameters()]
    measured = replay(model, optimizer, (X, y), (X, y))
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(X), y)
    loss.backward()
    norm = torch.cat([p.grad.ravel() for p in model.parameters()]).norm()
    optimizer.step()
    change = torch.cat(
        [(p.detach() - b).ravel() for p, b in zip(model.parameters(), before, strict=True)]
    )
    assert measured.loss == pytest.approx(float(loss.detach()), rel=1e-6)
    assert measured.gradient == pytest.approx(float(norm), rel=1e-5)
    assert measured.update == pytest.approx(float(change.norm()), rel=1e-5)
    after = nn.functional.cross_entropy(model(X), y)
    assert measured.after == pytest.approx(float(after.detach()), rel=1e-6)


def test_clipping_limits_the_update_and_reports_the_norm_before():
    model = network()
    X, y = data()
    batch = (100 * X, y)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    free = replay(model, optimizer, batch, (X, y))
    clipped = replay(model, optimizer, batch, (X, y), clip=0.5)
    assert clipped.gradient == pytest.approx(free.gradient)
    assert clipped.update == pytest.approx(0.5, rel=1e-4)
    assert free.update > 1


def test_the_state_of_the_optimizer_is_not_changed():
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    X, y = data()
    nn.functional.cross_entropy(model(X), y).backward()
    optimizer.step()
    state = copy.deepcopy(optimizer.state_dict())
    replay(model, optimizer, (X, y), (X, y))
    now = optimizer.state_dict()
    assert torch.equal(state["state"][0]["exp_avg"], now["state"][0]["exp_avg"])
    assert state["state"][0]["step"] == now["state"][0]["step"]


@pytest.mark.parametrize("clip", [0.0, -1.0])
def test_bad_clips_are_refused(clip):
    model = network()
    with pytest.raises(ValueError, match="clip"):
        replay(model, torch.optim.SGD(model.parameters(), 0.1), data(), data(), clip)


class Given(nn.Tanh):
    """An activation whose outputs are its inputs."""

    def forward(self, x):
        return x


class GivenSigmoid(nn.Sigmoid):
    """A sigmoid whose outputs are its inputs."""

    def forward(self, x):
        return x


def test_values_near_both_ends_of_an_activation_are_saturated():
    x = torch.tensor([[-1.0, -0.995, 0.0, 0.5], [0.98, -0.98, 0.995, 1.0]])
    assert activation_stats(nn.Sequential(Given()), x)[0].saturated == 0.5
    x = torch.tensor([[0.0, 0.005, 0.5], [0.02, 0.98, 0.75], [0.995, 1.0, 0.25]])
    assert activation_stats(nn.Sequential(GivenSigmoid()), x)[0].saturated == pytest.approx(4 / 9)


@pytest.mark.parametrize("act", [nn.ReLU, nn.GELU])
def test_an_activation_without_two_ends_is_not_saturated(act):
    row = activation_stats(nn.Sequential(act()), 100 * torch.ones(3, 2))[0]
    assert row.saturated == 0.0
    assert row.mean == 100.0


def test_every_activation_is_looked_at_in_its_order():
    model = nn.Sequential(nn.Tanh(), nn.Sequential(nn.ReLU(), nn.Softplus()), nn.Sigmoid())
    assert [row.name for row in activation_stats(model, data()[0])] == ["0", "1.0", "2"]


def test_units_of_sequences_are_on_the_last_axis():
    X = torch.ones(2, 3, 4)
    X[:, :, 1] = 0.0  # dead
    X[1, :, 2] = 0.0  # zero for one sequence only
    row = activation_stats(nn.Sequential(nn.ReLU()), X)[0]
    assert row.dead == 0.25
    assert row.mean == pytest.approx((2 + 1 / 2) / 4)


def test_statistics_are_computed_in_double_precision():
    row = activation_stats(nn.Sequential(nn.ReLU()), torch.tensor([[2.0**24], [2.0**24 + 2]]))[0]
    assert row.mean == 2.0**24 + 1
    assert row.std == pytest.approx(2**0.5)


def test_hooks_are_removed_when_the_model_fails():
    model = network()
    with pytest.raises(RuntimeError):
        activation_stats(model, torch.zeros(2, 4))
    assert not model[1]._forward_hooks


def test_the_graph_of_a_loss_can_be_used_again():
    model = network()
    X, y = data()
    loss = nn.functional.cross_entropy(model(X), y)
    rows = gradient_stats(model, loss, 0.1)
    assert gradient_stats(model, loss, 0.2)[0].ratio == pytest.approx(2 * rows[0].ratio)
    loss.backward()
    assert float(model[0].weight.grad.norm()) == pytest.approx(rows[0].gradient, rel=1e-5)


def test_a_frozen_layer_is_left_out():
    model = network()
    model[0].weight.requires_grad_(False)
    rows = gradient_stats(model, model(data()[0]).sum(), 0.1)
    assert [row.name for row in rows] == ["2.weight"]


def test_weights_of_zero_have_a_finite_ratio():
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.zero_()
    row = gradient_stats(model, model(torch.full((1, 1), 3.0)).sum(), 0.1)[0]
    assert (row.weight, row.gradient) == (0.0, 3.0)
    assert row.ratio == pytest.approx(3e11)  # 0.1 times 3, over 1e-12


def test_the_error_of_a_rate_names_it():
    with pytest.raises(ValueError, match="finite, got -0.5"):
        gradient_stats(network(), torch.zeros(()), -0.5)


def test_the_loss_after_a_step_is_that_of_the_other_data():
    model = network()
    (X, y), (other, labels) = data(20), data(31)
    other = other + 1.0
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    step = replay(model, optimizer, (X, y), (other, labels))
    loss = nn.functional.cross_entropy(model(X), y)
    loss.backward()
    optimizer.step()
    after = nn.functional.cross_entropy(model(other), labels)
    assert step.loss == pytest.approx(float(loss.detach()), rel=1e-6)
    assert step.after == pytest.approx(float(after.detach()), rel=1e-6)


def test_old_gradients_do_not_enter_a_replayed_step():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    X, y = data()
    clean = replay(model, optimizer, (X, y), (X, y))
    model(X).sum().backward()
    kept = [p.grad.clone() for p in model.parameters()]
    assert replay(model, optimizer, (X, y), (X, y)) == clean
    assert all(torch.equal(a, p.grad) for a, p in zip(kept, model.parameters(), strict=True))


def test_a_wide_clip_changes_nothing():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    free = replay(model, optimizer, data(), data())
    assert replay(model, optimizer, data(), data(), clip=1e6) == pytest.approx(free)


def test_values_exactly_at_the_limit_are_not_saturated():
    x = torch.tensor([[0.99, -0.99, 0.5]], dtype=torch.float64)
    assert activation_stats(nn.Sequential(Given()), x)[0].saturated == 0.0
    # the distances of 0.99 and of the number before 0.01 from the middle are 0.49 and more
    x = torch.tensor([[0.99, 0.5, 0.01 - 2**-50]], dtype=torch.float64)
    assert activation_stats(nn.Sequential(GivenSigmoid()), x)[0].saturated == pytest.approx(1 / 3)
