"""FSDP2 around the plain loop: the weights of one process, each process a part of them."""

from __future__ import annotations

import pytest
import torch
from clikit.errors import UserError
from groundtruth.modern.processes import launch
from projects.runner import sharded
from torch import nn
from torch.distributed.checkpoint import CheckpointException

from tests.projects.toy import Line, Settings, trainer

SETTINGS = Settings(steps=12, batch_size=7, learning_rate=0.03, clip_norm=0.5, weight_decay=0.1)


def test_two_sharded_processes_give_the_weights_of_the_runner(tmp_path):
    """Uneven shares (3 and 4) and a limit that clips in some steps."""
    first, second = launch(sharded.train, 2, Line, SETTINGS, str(tmp_path / "sharded"))
    run = trainer(tmp_path / "run", Line(SETTINGS))
    run.run()
    whole = torch.cat([p.detach().flatten() for p in run.model.parameters()])
    assert torch.equal(first["weights"], second["weights"])
    assert (first["weights"] - whole).abs().max() < 1e-5
    assert first["own"] + second["own"] == len(whole) == 41
    assert first["own"] == 4 * 3 + 4 + 8 + 1  # rows are divided; the last layer has one
    for part in (first, second):
        assert part["moments"] == 2 * part["own"]
    names = sorted(path.name for path in (tmp_path / "sharded").iterdir())
    assert names == [".metadata", "__0_0.distcp", "__1_0.distcp"]
    one = Line(SETTINGS).model  # a checkpoint of two processes, in one
    sharded.load(one, str(tmp_path / "sharded"))
    loaded = torch.cat([p.detach().flatten() for p in one.parameters()])
    assert torch.equal(loaded, first["weights"])
    with pytest.raises(CheckpointException, match="Size mismatch"):
        sharded.load(nn.Sequential(nn.Linear(3, 9)), str(tmp_path / "sharded"))


def test_a_folder_without_a_sharded_checkpoint_is_refused(tmp_path):
    with pytest.raises(CheckpointException, match="metadata"):
        sharded.load(nn.Linear(1, 1), str(tmp_path))


def test_a_batch_smaller_than_the_group_is_refused():
    with pytest.raises(UserError, match="cannot be shared by 2 processes"):
        sharded.steps(
            Line(Settings(batch_size=1)),
            nn.Linear(3, 1),
            torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1),
            0,
            2,
        )
