"""Loss scaling against torch's scaler; weights in 16 bits against float32."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from groundtruth.modern import mixed_precision as mp


def network(seed=0):
    rng = np.random.default_rng(seed)
    return [torch.tensor(rng.normal(0, 0.3, s)).float() for s in ((6, 8), (8, 3))]


def data(n=20):
    rng = np.random.default_rng(1)
    return torch.tensor(rng.normal(size=(n, 6))).float(), torch.tensor(rng.integers(0, 3, n))


@pytest.mark.parametrize("interval", [1, 3])
def test_the_scaler_is_torchs(interval):
    theirs = torch.amp.GradScaler("cpu", init_scale=64.0, growth_interval=interval)
    ours = mp.LossScaler(64.0, interval)
    for bad in np.random.default_rng(0).random(40) < 0.3:
        p = torch.nn.Parameter(torch.ones(1))
        theirs.scale((p * (math.inf if bad else 1.0)).sum()).backward()
        theirs.step(torch.optim.SGD([p], 1.0))
        theirs.update()
        assert ours.update(not bad) == theirs.get_scale()


def test_unscaling_divides_and_notices_what_is_not_finite():
    scaler = mp.LossScaler(8.0)
    grads, finite = scaler.unscale([torch.tensor([16.0]).half(), torch.tensor([4.0]).half()])
    assert [g.item() for g in grads] == [2.0, 0.5]
    assert all(g.dtype == torch.float32 for g in grads)
    assert finite
    assert not scaler.unscale([torch.tensor([1.0]), torch.tensor([math.inf])])[1]
    assert not scaler.unscale([torch.tensor([math.nan])])[1]


def test_gradients_in_float32_are_those_of_a_module():
    x, y = data()
    weights = [W.clone().requires_grad_() for W in network()]
    F.cross_entropy(torch.relu(x @ weights[0]) @ weights[1], y).backward()
    ours = mp.gradients(network(), x, y, torch.float32, 4.0)
    for g, W in zip(ours, weights, strict=True):
        assert torch.allclose(g / 4, W.grad, atol=1e-7)


def test_a_small_loss_loses_gradients_in_float16_and_a_factor_saves_them():
    x, y = data()
    exact = mp.gradients(network(), x, y, torch.float32)
    errors = []
    for scale in (2.0**-20, 2.0**8):
        low = mp.gradients(network(), x, y, torch.float16, scale)
        assert low[0].dtype == torch.float16
        errors.append(float((low[0].float() / scale - exact[0]).norm() / exact[0].norm()))
    assert errors[0] > 0.3
    assert errors[1] < 0.01


def test_training_in_float32_is_torchs_adam():
    x, y = data()
    batches = [torch.arange(i, i + 10) for i in (0, 5, 10, 2)]
    ours = mp.train(network(), x, y, batches, 0.01, torch.float32, master=False)
    params = [torch.nn.Parameter(W) for W in network()]
    optimizer = torch.optim.Adam(params, lr=0.01)
    for rows in batches:
        optimizer.zero_grad()
        F.cross_entropy(mp.forward(params, x[rows]), y[rows]).backward()
        optimizer.step()
    for W, p in zip(ours, params, strict=True):
        assert torch.allclose(W, p, atol=1e-6)
        assert (W - p).abs().max() < 0.01 * (p - network()[0 if p.shape[0] == 6 else 1]).abs().max()


def test_without_a_master_copy_small_updates_are_lost():
    x, y = data()
    batches = [torch.arange(20)] * 5
    start = [W.bfloat16().float() + 0 for W in network()]
    alone = mp.train(start, x, y, batches, 1e-6, torch.bfloat16, master=False)
    master = mp.train(start, x, y, batches, 1e-6, torch.bfloat16, master=True)
    assert alone[0].dtype == torch.bfloat16
    assert master[0].dtype == torch.float32
    large = start[0].abs() > 0.05
    assert torch.equal(alone[0].float()[large], start[0][large])
    assert (master[0] != start[0]).float().mean() > 0.9


def test_a_step_that_overflows_is_skipped():
    x, y = data()
    scaler = mp.LossScaler(2.0**40)
    result = mp.train(network(), x, y, [torch.arange(20)], 0.1, torch.float16, True, scaler)
    assert torch.equal(result[0], network()[0])
    assert scaler.scale == 2.0**39


@pytest.mark.parametrize("settings", [(0.0, 1), (math.inf, 1), (-1.0, 1), (1.0, 0)])
def test_bad_settings(settings):
    with pytest.raises(ValueError, match="scale > 0 and interval >= 1"):
        mp.LossScaler(*settings)


def test_the_first_factor_and_the_interval_are_torchs():
    theirs = torch.amp.GradScaler("cpu")
    ours = mp.LossScaler()
    assert ours.scale == theirs.get_scale()
    assert ours.interval == theirs.get_growth_interval()


def test_every_positive_factor_and_an_interval_of_one_are_allowed():
    scaler = mp.LossScaler(0.5, 1)
    assert [scaler.update(True) for _ in range(3)] == [1, 2, 4]


def test_logits_are_in_the_type_of_the_weights():
    x, _ = data(4)
    W, V = network()
    logits = mp.forward([W.double(), V.double()], x)
    assert logits.dtype == torch.float64
    assert torch.allclose(logits, torch.relu(x.double() @ W.double()) @ V.double(), atol=1e-12)
    assert mp.forward([W.half()], x).dtype == torch.float16


def test_the_factor_of_the_loss_is_one_unless_given():
    x, y = data()
    plain = mp.gradients(network(), x, y, torch.float64)
    scaled = mp.gradients(network(), x, y, torch.float64, 3.0)
    for g, s in zip(plain, scaled, strict=True):
        assert torch.allclose(s, 3 * g, rtol=1e-5, atol=1e-8)  # the loss is in float32


def test_the_loss_of_a_pass_in_bfloat16_is_rounded_in_float32_only():
    """The gradient of the logits, 1 - p and so on, comes from a softmax in float32."""
    x = torch.ones(1, 1)
    y = torch.tensor([0])
    z = torch.tensor([[0.5, 0.25, -0.75]])  # exact in bfloat16, as x is
    (grad,) = mp.gradients([z], x, y, torch.bfloat16)
    expected = torch.softmax(z, 1) - torch.tensor([[1.0, 0.0, 0.0]])
    assert torch.equal(grad, expected.bfloat16())


def reference(weights, x, y, batches, rate, kind, master, skipped=()):
    """Torch's Adam on float32 weights, given the gradients of a copy in `kind`."""
    params = [torch.nn.Parameter(W.clone()) for W in weights]
    optimizer = torch.optim.Adam(params, lr=rate)
    for i, rows in enumerate(batches):
        if i in skipped:
            continue
        low = [p.detach().to(kind).requires_grad_() for p in params]
        F.cross_entropy(mp.forward(low, x[rows]).float(), y[rows]).backward()
        for p, q in zip(params, low, strict=True):
            p.grad = q.grad.float()
        optimizer.step()
        if not master:
            for p in params:
                p.data = p.data.to(kind).float()
    return [p.detach() for p in params]


@pytest.mark.parametrize("master", [True, False])
def test_training_in_bfloat16_is_torchs_adam_on_the_gradients_of_bfloat16(master):
    x, y = data()
    batches = [torch.arange(i, i + 10) for i in (0, 5, 10, 2)]
    start = [W.bfloat16().float() for W in network()]
    ours = mp.train(start, x, y, batches, 0.01, torch.bfloat16, master)
    theirs = reference(start, x, y, batches, 0.01, torch.bfloat16, master)
    for W, p in zip(ours, theirs, strict=True):
        # a number between two of bfloat16 may be rounded to either
        assert torch.allclose(W.float(), p, rtol=1e-5 if master else 2**-7, atol=1e-6)
        assert (W.float() == p).float().mean() > (0 if master else 0.9)


def test_a_factor_that_is_a_power_of_two_changes_no_training_in_float32():
    x, y = data()
    batches = [torch.arange(i, i + 10) for i in (0, 5, 10, 2)]
    plain = mp.train(network(), x, y, batches, 0.01, torch.float32, True)
    scaler = mp.LossScaler(2.0**10, interval=2)
    scaled = mp.train(network(), x, y, batches, 0.01, torch.float32, True, scaler)
    assert scaler.scale == 2.0**12
    for W, V in zip(plain, scaled, strict=True):
        assert torch.allclose(W, V, rtol=0, atol=1e-7)


def test_after_an_overflow_training_goes_on_as_if_the_batch_had_not_been():
    x, y = data()
    x[0] = math.inf
    batches = [torch.arange(5, 12), torch.arange(0, 5), torch.arange(8, 20)]
    scaler = mp.LossScaler(4.0)
    ours = mp.train(network(), x, y, batches, 0.01, torch.float32, True, scaler)
    assert scaler.scale == 2.0
    theirs = reference(network(), x, y, batches, 0.01, torch.float32, True, skipped=(1,))
    for W, p in zip(ours, theirs, strict=True):
        assert torch.allclose(W, p, atol=1e-6)


@pytest.mark.parametrize("master", [True, False])
def test_gradients_below_the_constant_in_the_denominator_make_small_steps(master):
    """Torch's Adam on the same gradients, about 1e-9: the first step is g / (|g| + 1e-8)."""
    x, y = data()
    start = [torch.zeros(6, 8), torch.full((8, 3), 1e-9)]
    start[0][0, 0] = 1e-9
    ours = mp.train(start, x, y, [torch.arange(20)], 0.01, torch.float32, master)
    theirs = reference(start, x, y, [torch.arange(20)], 0.01, torch.float32, master)
    assert 0 < theirs[1].abs().max() < 0.005
    for W, p in zip(ours, theirs, strict=True):
        assert torch.allclose(W, p, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("master", [True, False])
def test_training_leaves_the_weights_that_it_was_given(master):
    x, y = data()
    weights = network()
    result = mp.train(weights, x, y, [torch.arange(20)], 0.1, torch.float32, master)
    assert all(torch.equal(W, V) for W, V in zip(weights, network(), strict=True))
    assert not any(torch.equal(W, V) for W, V in zip(weights, result, strict=True))
