"""A run that is stopped and resumed is the same run, and its log has every step once."""

from __future__ import annotations

import json

import pytest
import torch
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
