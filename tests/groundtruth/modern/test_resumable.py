"""A run that is stopped and resumed is the same run, and its log has every step once."""

from __future__ import annotations

import json
import math
import os
from fractions import Fraction

import pytest
import torch
import torch.nn.functional as F
from groundtruth.modern.resumable import PARTS, Run


def new(folder, seed=0):
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(100, 6, generator=generator)
    return Run(folder, x, (x[:, 0] > 0).long(), total=30, seed=seed)


def resumed(folder, cut, without=""):
    run = new(folder)
    run.train(cut)
    run.save()
    run.train(cut + 3)
    again = new(folder)
    again.load(without)
    again.train(30)
    return again


@pytest.mark.parametrize("cut", [0, 1, 7, 29])
def test_a_resumed_run_has_the_same_losses_and_weights(tmp_path, cut):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = new(tmp_path / "a")
    whole.train(30)
    again = resumed(tmp_path / "b", cut)
    assert again.losses() == whole.losses()
    for p, q in zip(again.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(p, q)


@pytest.mark.parametrize("part", PARTS)
def test_every_part_matters(tmp_path, part):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = new(tmp_path / "a")
    whole.train(30)
    assert resumed(tmp_path / "b", 7, part).losses() != whole.losses()


def test_the_log_has_every_step_once_with_its_rate(tmp_path):
    run = resumed(tmp_path, 7)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 31))
    assert lines[0]["rate"] == pytest.approx(0.01 / 10)
    assert max(line["rate"] for line in lines) == pytest.approx(0.01)
    assert run.step == 30


def test_an_epoch_sees_each_example_at_most_once(tmp_path):
    run = new(tmp_path)
    rows = []
    for _ in range(3):
        run._batch()
        rows.append(len(run.order))
    assert rows == [68, 36, 4]
    run._batch()
    assert len(run.order) == 68


def test_a_failed_write_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    run = new(tmp_path)
    run.train(2)
    run.save()
    before = (tmp_path / "checkpoint.pt").read_bytes()
    run.train(4)

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", broken)
    with pytest.raises(OSError, match="disk full"):
        run.save()
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_an_unknown_part(tmp_path):
    run = new(tmp_path)
    run.save()
    with pytest.raises(ValueError, match="without must be one of"):
        run.load("weights")


def test_the_network_has_small_weights_in_two_layers(tmp_path):
    x = torch.zeros(4, 200)
    model = Run(tmp_path, x, torch.zeros(4).long(), total=30, seed=0).model
    shapes = [tuple(p.shape) for p in model.parameters()]
    assert shapes == [(32, 200), (32,), (10, 32), (10,)]
    W = next(model.parameters()).detach()
    assert float(W.mean()) == pytest.approx(0, abs=4 * 0.1 / math.sqrt(6400))
    assert float(W.std()) == pytest.approx(0.1, rel=4 / math.sqrt(2 * 6400))
    first, _, last, _ = model.parameters()
    h = torch.randn(3, 200, generator=torch.Generator().manual_seed(1))
    hidden = torch.clamp(h @ first.T + model[0].bias, min=0)
    assert torch.allclose(model(h), hidden @ last.T + model[2].bias, atol=1e-5)


def test_the_seed_determines_weights_order_and_noise(tmp_path):
    runs = []
    for i, seed in enumerate((3, 3, 4)):
        (tmp_path / str(i)).mkdir()
        run = new(tmp_path / str(i), seed)
        weights = torch.cat([p.detach().flatten() for p in run.model.parameters()])
        runs.append((weights, *run._batch()))
    for a, b, c in zip(*runs, strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


def test_a_batch_is_rows_of_the_data_with_a_little_noise(tmp_path):
    """Example i lies at 10 i, far from the others, and has the label i mod 10."""
    x = 10.0 * torch.arange(100.0)[:, None].expand(100, 50)
    run = Run(tmp_path, x, torch.arange(100) % 10, total=30, seed=0)
    batch, labels = run._batch()
    assert batch.shape == (32, 50)
    rows = (batch.mean(1) / 10).round().long()
    assert len(set(rows.tolist())) == 32
    assert rows.tolist() != sorted(rows.tolist())
    assert torch.equal(labels, rows % 10)
    noise = batch - 10.0 * rows[:, None]
    assert float(noise.mean()) == pytest.approx(0, abs=4 * 0.1 / 40)
    assert float(noise.std()) == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize("batches", [1, 2])
def test_an_epoch_of_whole_batches_is_used_up(tmp_path, batches):
    n = 32 * batches
    x = torch.arange(float(n))[:, None].expand(n, 50)
    run = Run(tmp_path, x, torch.zeros(n).long(), total=30, seed=0)
    for _ in range(2):
        seen = torch.cat([run._batch()[0].mean(1).round() for _ in range(batches)])
        assert sorted(seen.tolist()) == list(range(n))
        assert len(run.order) == 0


def test_before_the_first_step_nothing_of_an_epoch_is_left(tmp_path):
    run = new(tmp_path)
    assert run.order.tolist() == []
    assert run.order.dtype == torch.int64


def test_each_step_is_adamw_with_clipped_gradients_and_a_rate_that_rises_and_falls(tmp_path):
    """The large inputs make gradients longer than 1."""
    generator = torch.Generator().manual_seed(5)
    x = 5 * torch.randn(70, 6, generator=generator)
    y = (x[:, 0] > 0).long()
    run = Run(tmp_path, x, y, total=30, seed=0)
    params = [p.detach().clone().double() for p in run.model.parameters()]
    draws = torch.Generator()
    draws.set_state(run.generator.get_state())
    run.train(25)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [list(line) for line in lines] == [["step", "loss", "norm", "rate"]] * 25

    m = [torch.zeros_like(p) for p in params]
    v = [torch.zeros_like(p) for p in params]
    clipped = 0
    order = torch.zeros(0).long()
    for t, line in enumerate(lines, 1):
        if len(order) < 32:
            order = torch.randperm(70, generator=draws)
        rows, order = order[:32], order[32:]
        inputs = (x[rows] + 0.1 * torch.randn((32, 6), generator=draws)).double()
        leaves = [p.clone().requires_grad_() for p in params]
        W, b, V, c = leaves
        loss = F.cross_entropy(torch.relu(inputs @ W.T + b) @ V.T + c, y[rows])
        grads = torch.autograd.grad(loss, leaves)
        norm = math.sqrt(sum(float((g**2).sum()) for g in grads))
        clipped += norm > 1
        # in a line to 0.01 at step 10, then half a cosine that would be 0 at step 31
        rate = 0.01 * t / 10 if t < 10 else 0.005 * (1 + math.cos(math.pi * (t - 10) / 21))
        assert line["step"] == t
        assert line["rate"] == pytest.approx(rate)
        assert line["loss"] == pytest.approx(loss.item(), rel=1e-3)
        assert line["norm"] == pytest.approx(norm, rel=1e-3)
        for i, g in enumerate(grads):
            g = g * min(1.0, 1 / norm)
            m[i] = 0.9 * m[i] + 0.1 * g
            v[i] = 0.999 * v[i] + 0.001 * g**2
            step = m[i] / (1 - 0.9**t) / ((v[i] / (1 - 0.999**t)).sqrt() + 1e-8)
            params[i] = params[i] * (1 - 0.01 * rate) - rate * step
    assert clipped > 3
    for p, q in zip(run.model.parameters(), params, strict=True):
        assert torch.allclose(p.detach().double(), q, atol=1e-4)


def test_training_goes_to_the_step_and_no_further(tmp_path):
    run = new(tmp_path)
    assert run.step == 0
    for until, steps in ((2, 2), (2, 2), (1, 2), (5, 5)):
        run.train(until)
        assert run.step == steps
        assert len(run.losses()) == steps


def test_the_state_has_every_part(tmp_path):
    run = new(tmp_path)
    run.train(1)
    state = run.state()
    assert tuple(state) == PARTS
    assert state["step"] == 1
    assert torch.equal(state["order"], run.order)
    assert torch.equal(state["generator"], run.generator.get_state())
    assert state["model"].keys() == run.model.state_dict().keys()
    assert len(state["optimizer"]["state"]) == 4


def test_a_checkpoint_is_one_file_beside_the_log(tmp_path):
    run = new(tmp_path)
    run.train(1)
    run.save()
    run.save()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.pt", "log.jsonl"]
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)  # noqa: TID251
    assert state["step"] == 1


def test_a_checkpoint_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    run = new(tmp_path)
    synced = []

    def fsync(descriptor):
        assert not (tmp_path / "checkpoint.pt").exists()
        synced.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fsync", fsync)
    run.save()
    assert synced == [(tmp_path / "checkpoint.pt").stat().st_size]


def test_lines_after_the_step_of_the_checkpoint_are_cut_off(tmp_path):
    run = new(tmp_path)
    run.train(3)
    run.save()
    before = (tmp_path / "log.jsonl").read_text()
    run.train(6)
    again = new(tmp_path)
    again.load()
    assert (tmp_path / "log.jsonl").read_text() == before
    assert again.step == 3
    assert again.losses() == run.losses()


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_left_out_is_as_in_a_new_run_and_the_others_are_loaded(tmp_path, part):
    run = new(tmp_path)
    run.train(3)
    run.save()
    saved = run.state()
    fresh = new(tmp_path)
    again = new(tmp_path)
    again.load(without=part)
    for name in PARTS:
        expected = fresh.state() if name == part else saved
        assert same(again.state()[name], expected[name])
        assert not same(fresh.state()[name], saved[name])


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


def test_a_folder_may_be_a_text(tmp_path):
    run = new(str(tmp_path))
    run.train(1)
    run.save()
    again = new(str(tmp_path))
    again.load()
    assert again.step == 1
    assert len(again.losses()) == 1


def test_a_checkpoint_with_anything_but_numbers_and_tensors_is_refused(tmp_path):
    """Objects of other classes would run code while they are read."""
    run = new(tmp_path)
    run.train(1)
    torch.save({**run.state(), "more": Fraction(1, 2)}, tmp_path / "checkpoint.pt")
    with pytest.raises(Exception, match="Weights only load failed"):
        run.load()
