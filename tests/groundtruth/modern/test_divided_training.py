"""Real processes: every way to divide a training is the training of one process."""

from __future__ import annotations

import os
import time

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from groundtruth.modern import memory_ledger, model_parallel, sharding
from groundtruth.modern.processes import launch

from tests.groundtruth.modern.divided import check_collectives, collectives, job


@pytest.fixture(scope="module")
def outcomes():
    return launch(model_parallel.every_way, 2, job())


@pytest.fixture(scope="module")
def alone():
    """The same training by torch's modules and Adam, in this process."""
    model = sharding.Blocks(3)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for x, y in zip(job().x, job().y, strict=True):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    return sharding.flat(list(model.parameters()))


def stage_1_and_torchs(group, job):
    """Our stage 1 and torch's own on top of DistributedDataParallel, and what torch's holds."""
    from torch.distributed.optim import ZeroRedundancyOptimizer
    from torch.nn.parallel import DistributedDataParallel

    model = DistributedDataParallel(sharding.Blocks(job.seed))
    optimizer = ZeroRedundancyOptimizer(model.parameters(), torch.optim.Adam, lr=job.rate)
    for x, y in sharding.shares(job, group):
        optimizer.zero_grad()
        # the library averages over the processes, so the loss is multiplied by their number
        loss = F.cross_entropy(model(x), y, reduction="sum") * group.size / job.x.shape[1]
        loss.backward()
        optimizer.step()
    moments = [s["exp_avg"].numel() for s in optimizer.optim.state.values()]
    return {
        "ours": sharding.zero(group, job, 1)["params"],
        "torch's": sharding.flat(list(model.parameters())),
        "moments": sum(moments),
    }


def test_stage_1_is_torchs_zero_redundancy_optimizer():
    results = launch(stage_1_and_torchs, 2, job())
    start = torch.cat(sharding.initial(3))
    # torch divides the moments by whole tensors, one of the two blocks for each process
    assert sorted(result["moments"] for result in results) == sorted(sharding.SIZES)
    for result in results:
        assert (result["torch's"] - start).abs().max() > 0.02
        assert (result["ours"] - result["torch's"]).abs().max() < 1e-12


WAYS = ["data parallel", "ZeRO, stage 1", "ZeRO, stage 2", "ZeRO, stage 3", "tensor parallel"]


@pytest.mark.parametrize("way", [*WAYS, "pipeline"])
def test_both_processes_end_with_the_parameters_of_one(outcomes, alone, way):
    start = torch.cat(sharding.initial(3))
    assert (alone - start).abs().max() > 0.02
    for outcome in outcomes:
        assert (outcome[way]["params"] - alone).abs().max() < 1e-12


def test_the_library_agrees(outcomes, alone):
    for outcome in outcomes:
        assert (outcome["library"] - alone).abs().max() < 1e-12


@pytest.mark.parametrize(("way", "held"), zip(WAYS, (4, 3, 2.5, 2, 2), strict=True))
def test_numbers_held_per_parameter(outcomes, way, held):
    assert [outcome[way]["numbers"] for outcome in outcomes] == [held, held]


@pytest.mark.parametrize("way", [*WAYS, "pipeline"])
def test_the_ledger_counts_what_the_processes_hold(outcomes, way):
    counted = sum(outcome[way]["numbers"] for outcome in outcomes) / 2
    assert memory_ledger.scheme_bytes(way, 2, (1, 1, 2)) == pytest.approx(counted)


def test_the_stages_of_the_pipeline_hold_everything_together(outcomes):
    assert sum(outcome["pipeline"]["numbers"] for outcome in outcomes) == pytest.approx(4)


@pytest.mark.parametrize(("way", "sent"), zip(WAYS[:4], (1, 1, 1, 1.5), strict=True))
def test_numbers_sent_per_parameter(outcomes, way, sent):
    assert outcomes[0][way]["sent"] == pytest.approx(sent)


def test_activations_sent_by_hand(outcomes):
    total = sum(sharding.SIZES)
    B = 13
    # two processes: an all-reduce of n numbers sends n; block 1 out, block 2 out, its input back;
    # the input of block 1 is data and needs no gradient
    tensor = B * 64 + B * 10 + B * 64
    assert outcomes[0]["tensor parallel"]["sent"] == pytest.approx(tensor / total)
    assert outcomes[0]["pipeline"]["sent"] == pytest.approx(B * 64 / total)
    assert outcomes[1]["pipeline"]["sent"] == pytest.approx(B * 64 / total)


def test_collectives_of_real_processes_by_hand():
    check_collectives(*launch(collectives, 2))


def fails(group):
    if group.rank == 1:
        raise ValueError("the second process does not like this")
    dist.barrier()


def hangs(group):
    if group.rank == 1:
        dist.barrier()
    time.sleep(60)


def dies(group):
    os._exit(3)


def test_an_error_in_a_process_is_raised_here_with_its_text():
    started = time.monotonic()
    with pytest.raises(RuntimeError, match="the second process does not like this"):
        launch(fails, 2)
    assert time.monotonic() - started < 60


def test_a_process_that_ends_itself_is_an_error():
    with pytest.raises(RuntimeError, match="process 0 ended with code 3"):
        launch(dies, 1)


def test_a_hang_ends_with_the_timeout():
    with pytest.raises(TimeoutError, match="not done in time"):
        launch(hangs, 2, timeout_s=8)
