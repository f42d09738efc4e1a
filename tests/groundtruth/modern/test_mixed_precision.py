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
